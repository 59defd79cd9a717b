"""What 200 open pages of the operator cost that watch a busy queue.

10,000 jobs of 500 people wait; two servers end one every few seconds and tell of their progress twice a
second. Processor time of the bot's process with the pages open, and (the baseline) without: both paint the
same. The pages are opened by a process of its own, as browsers would be.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.pages import PAGES, RealClock, processor_percent, watched
from bench.support import report
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from tests.operator_page_support import Visit, visited
from tests.support.fake_server import FakeServer

MOST_PERCENT, MOST_KB = 20.0, 100.0
PEOPLE, EACH = 500, 20
SECONDS, A_JOB = 15.0, 3.0
TIERS = {"default": {"max_waiting": 1000, "max_count": 10}}


async def paint(servers: list[FakeServer], stop: asyncio.Event) -> None:
    began = time.monotonic()
    while not stop.is_set():
        await asyncio.sleep(0.5)
        passed = time.monotonic() - began
        for server in servers:
            if server.waiting:
                run = server.start()
                if run.on_event is not None:
                    fraction = min(1.0, passed / A_JOB)
                    run.on_event(
                        Progressed(node=NodeId("3"), title="KSampler", fraction=fraction, step=1, steps=20)
                    )
                if passed >= A_JOB:
                    server.finish(A_JOB)
        if passed >= A_JOB:
            began = time.monotonic()


async def measure(visit: Visit) -> tuple[float, float, dict[str, float]]:
    for number in range(PEOPLE):
        for _ in range(EACH // 10):
            await visit.bot.ask("a harbour --count 10", who=f"user{number}")
    stop = asyncio.Event()
    painting = asyncio.create_task(paint(list(visit.bot.servers), stop))
    await asyncio.sleep(2.0)
    alone = await processor_percent(SECONDS)
    percent, found = await watched(visit.parts.site.address, "/operator", SECONDS)
    stop.set()
    await painting
    return alone, percent, found


async def main() -> int:
    servers = [FakeServer("one"), FakeServer("two")]
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as folder:
        async with visited(
            Path(folder), servers, clock=RealClock(), queue={"max_waiting": 100_000}, tiers=TIERS
        ) as visit:
            alone, percent, found = await measure(visit)
    kilobytes = found["page"] / 1000
    met = percent <= MOST_PERCENT and kilobytes <= MOST_KB
    report(
        "open_pages",
        f"{PAGES} open pages that watch {PEOPLE * EACH:,} jobs cost at most {MOST_PERCENT:g} % of a core; "
        f"the page has at most {MOST_KB:g} kB",
        met,
        percent=round(percent, 1),
        percent_without_pages=round(alone, 1),
        page_kb=round(kilobytes, 1),
        kb_a_second_and_page=round(found["bytes"] / 1000, 1),
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
