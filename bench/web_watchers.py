"""What 200 open pages of the playground cost that watch a busy room, and how light the page is.

Forty guests paint: three servers tell of their progress five times a second, each ends a picture every five
seconds, and whoever got one asks for the next. Processor time of the bot's process with the pages open, less
the same without. The pages are opened by a process of its own, as browsers would be. Beside it the naive way:
each page's piece is drawn for it anew, and sent at once.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import aiohttp

from bench.pages import PAGES, RealClock, processor_percent, watched
from bench.support import milliseconds, report
from bot.chat.web.play.room import Message, Room, channel_of
from bot.chat.web.play.screen import Place
from bot.domain.events import Progressed
from bot.domain.ids import IdentityId, NodeId
from bot.presentation.flags import parse_line
from bot.presentation.language import ENGLISH
from bot.service.gate import Asker, Origin
from tests.support.discord_bot import picture
from tests.support.fake_server import FakeServer
from tests.support.web import House, open_house

MOST_PERCENT, MOST_KB, MOST_MS = 20.0, 100.0, 300.0
GUESTS, SERVERS = 40, 3
SECONDS, A_JOB, TOLD_EVERY = 12.0, 5.0, 0.2
LOADS = 20


async def asks(house: House, guest: int, number: int) -> None:
    name = f"Guest {guest}"
    (receipt,) = await house.bot.service.usecases.imagine(
        parse_line(f"a harbour at dusk, picture {number}, with boats and gulls"),
        Asker(IdentityId(f"web:guest{guest}"), name),
        Origin("web", f"web:{uuid.uuid4()}", reply=Place(name).to_text()),
    )
    await house.parts.outcomes.follow([receipt.accepted.request])


async def paint(house: House, server: FakeServer, numbers: itertools.count[int]) -> None:
    """As a server does, until cancelled; for each picture that is done somebody asks for another."""
    while True:
        await server.until_waiting(1)
        began = time.monotonic()
        run = server.start()
        while (passed := time.monotonic() - began) < A_JOB:
            await asyncio.sleep(TOLD_EVERY)
            if run.on_event is not None:
                share = min(1.0, passed / A_JOB)
                run.on_event(Progressed(share, NodeId("3"), "KSampler", round(share * 25), 25))
        server.finish(A_JOB)
        number = next(numbers)
        await asks(house, number % GUESTS, number)


def naively() -> ExitStack:
    """While inside, each page's piece is drawn for it anew, and sent on its own."""

    def tell(room: Room, message: Message) -> None:
        room.change += 1
        message.change = room.change
        channel = channel_of(message.only, ENGLISH)
        for page in [page for page in room._live._pages if channel in page.channels]:
            message.drawn.clear()
            piece = room._piece(message, ENGLISH)
            page.waiting[f"{piece.id}.{room.change}"] = piece.to_json()
            page.changed.set()

    stack = ExitStack()
    stack.enter_context(patch.object(Room, "_tell", tell))
    return stack


async def first_load(address: str) -> tuple[float, dict[str, float]]:
    """Bytes of the page with all that it loads but pictures, and the time until they are there."""
    seconds, size = [], 0
    for _ in range(LOADS):
        async with aiohttp.ClientSession() as session:

            async def load(path: str) -> tuple[int, str]:
                async with session.get(address + path) as answer:
                    # What came over the wire.
                    return int(answer.headers["Content-Length"]), await answer.text()

            began = time.perf_counter()
            size, html = await load("/")
            found = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', html))
            size += sum(each for each, _ in await asyncio.gather(*(load(path) for path in found)))
            seconds.append(time.perf_counter() - began)
    return size / 1000, milliseconds(seconds)


async def measure(
    house: House,
) -> tuple[float, float, float, dict[str, float], tuple[float, dict[str, float]]]:
    numbers = itertools.count(GUESTS)
    for number in range(GUESTS):
        await asks(house, number, number)
    async with asyncio.TaskGroup() as tasks:
        painting = [tasks.create_task(paint(house, server, numbers)) for server in house.bot.servers]
        await asyncio.sleep(2.0)
        alone = await processor_percent(SECONDS)
        percent, found = await watched(house.address, "/", SECONDS)
        with naively():
            naive, _ = await watched(house.address, "/", SECONDS)
        load = await first_load(house.address)
        for task in painting:
            task.cancel()
    return alone, percent, naive, found, load


async def main() -> int:
    servers = [FakeServer(f"server {number}", picture=picture) for number in range(SERVERS)]
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as folder:
        async with open_house(Path(folder), servers, clock=RealClock()) as house:
            alone, percent, naive, found, (kilobytes, load) = await measure(house)
    cost = percent - alone
    met = cost <= MOST_PERCENT and kilobytes <= MOST_KB and load["median_ms"] <= MOST_MS
    report(
        "web_watchers",
        f"{PAGES} open pages of a busy room cost at most {MOST_PERCENT:g} % of a core; the first load has at "
        f"most {MOST_KB:g} kB and takes at most {MOST_MS:g} ms",
        met,
        percent=round(cost, 1),
        percent_naive=round(naive - alone, 1),
        percent_without_pages=round(alone, 1),
        messages_a_second_and_page=round(found["messages"], 1),
        kb_a_second_and_page=round(found["bytes"] / 1000, 1),
        first_load_kb=round(kilobytes, 1),
        first_load=load,
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
