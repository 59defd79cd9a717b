"""What 200 open pages of the operator cost that watch a busy queue.

10,000 jobs of 500 people wait; two servers end one every few seconds and tell of their progress twice a
second. Processor time of the bot's process with the pages open, and (the baseline) without: both paint the
same. The pages are opened by a process of its own, as browsers would be.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import sys
import tempfile
import time
from multiprocessing.queues import Queue
from pathlib import Path

import aiohttp

from bench.support import report
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.service.clock import Clock
from tests.operator_page_support import Visit, visited
from tests.support.fake_server import FakeServer
from tests.support.service import FakeClock

MOST_PERCENT, MOST_KB = 20.0, 100.0
PAGES, PEOPLE, EACH = 200, 500, 20
SECONDS, A_JOB = 15.0, 3.0
TIERS = {"default": {"max_waiting": 1000, "max_count": 10}}


class RealClock(FakeClock):
    """The support of the tests with time as it is."""

    def now(self) -> int:
        return round(time.time() * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def as_clock(self) -> Clock:
        return Clock()


def open_pages(address: str, told: Queue[tuple[str, float]]) -> None:
    """As many browsers with one page each. Tells the size of the page, that all are open, and what came."""
    asyncio.run(_open_pages(address, told))


async def _open_pages(address: str, told: Queue[tuple[str, float]]) -> None:
    received = [0]

    async def follow(session: aiohttp.ClientSession, live: str) -> None:
        async with session.ws_connect(address + live) as socket:
            async for message in socket:
                received[0] += len(message.data)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
        following = []
        for number in range(PAGES):
            jar = aiohttp.CookieJar(unsafe=True)
            async with (
                aiohttp.ClientSession(cookie_jar=jar) as visitor,
                visitor.get(f"{address}/operator", headers={"Accept": "text/html"}) as answer,
            ):
                html = await answer.text()
            if number == 0:
                told.put(("bytes of the page", len(html)))
            live = re.search(r'data-live="([^"]+)"', html)
            assert live is not None, html
            following.append(tasks.create_task(follow(session, live[1].replace("&amp;", "&"))))
        told.put(("open", PAGES))
        await asyncio.sleep(2.0)
        before = received[0]
        await asyncio.sleep(SECONDS)
        told.put(("bytes a second and page", (received[0] - before) / SECONDS / PAGES))
        for task in following:
            task.cancel()


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


async def processor_percent() -> float:
    used, began = time.process_time(), time.monotonic()
    await asyncio.sleep(SECONDS)
    return 100 * (time.process_time() - used) / (time.monotonic() - began)


async def measure(visit: Visit) -> tuple[float, float, dict[str, float]]:
    for number in range(PEOPLE):
        for _ in range(EACH // 10):
            await visit.bot.ask("a harbour --count 10", who=f"user{number}")
    stop = asyncio.Event()
    painting = asyncio.create_task(paint(list(visit.bot.servers), stop))
    await asyncio.sleep(2.0)
    alone = await processor_percent()
    spawn = multiprocessing.get_context("spawn")
    told: Queue[tuple[str, float]] = spawn.Queue()
    process = spawn.Process(target=open_pages, args=(visit.parts.site.address, told))
    process.start()
    found: dict[str, float] = {}
    while "open" not in found:
        name, value = await asyncio.to_thread(told.get)
        found[name] = value
    await asyncio.sleep(1.0)
    watched = await processor_percent()
    name, value = await asyncio.to_thread(told.get)
    found[name] = value
    stop.set()
    await painting
    process.join()
    return alone, watched, found


async def main() -> int:
    servers = [FakeServer("one"), FakeServer("two")]
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as folder:
        async with visited(
            Path(folder), servers, clock=RealClock(), queue={"max_waiting": 100_000}, tiers=TIERS
        ) as visit:
            alone, watched, found = await measure(visit)
    kilobytes = found["bytes of the page"] / 1000
    met = watched <= MOST_PERCENT and kilobytes <= MOST_KB
    report(
        "open_pages",
        f"{PAGES} open pages that watch {PEOPLE * EACH:,} jobs cost at most {MOST_PERCENT:g} % of a core; "
        f"the page has at most {MOST_KB:g} kB",
        met,
        percent=round(watched, 1),
        percent_without_pages=round(alone, 1),
        page_kb=round(kilobytes, 1),
        kb_a_second_and_page=round(found["bytes a second and page"] / 1000, 1),
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
