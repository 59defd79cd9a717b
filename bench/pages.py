"""Many open pages, in a process of their own as browsers would be, and what they cost the bot's."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from multiprocessing.queues import Queue

import aiohttp

from bot.service.clock import Clock
from tests.support.service import FakeClock

PAGES = 200


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


async def processor_percent(seconds: float) -> float:
    """Of one core, by this process, over so many seconds."""
    used, began = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    return 100 * (time.process_time() - used) / (time.monotonic() - began)


async def watched(address: str, path: str, seconds: float) -> tuple[float, dict[str, float]]:
    """What this process needs with :data:`PAGES` of that page open, in percent of a core; and what a page
    weighs and gets: ``page`` (bytes), ``bytes`` and ``messages`` (a second)."""
    spawn = multiprocessing.get_context("spawn")
    told: Queue[tuple[str, float]] = spawn.Queue()
    process = spawn.Process(target=_open, args=(address, path, seconds, told))
    process.start()
    found: dict[str, float] = {}

    async def until(wanted: str) -> None:
        while wanted not in found:
            name, value = await asyncio.to_thread(told.get)
            found[name] = value

    await until("open")
    await asyncio.sleep(1.0)
    percent = await processor_percent(seconds)
    await until("messages")
    await asyncio.to_thread(process.join)
    return percent, found


def _open(address: str, path: str, seconds: float, told: Queue[tuple[str, float]]) -> None:
    asyncio.run(_follow_all(address, path, seconds, told))


async def _follow_all(address: str, path: str, seconds: float, told: Queue[tuple[str, float]]) -> None:
    size, count = 0, 0

    async def follow(live: str) -> None:
        nonlocal size, count
        async with session.ws_connect(address + live) as socket:
            async for message in socket:
                size += len(message.data)
                count += 1

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
        following = []
        for number in range(PAGES):
            # Each is a visitor of its own: none keeps a cookie.
            async with (
                aiohttp.ClientSession(headers={"Accept": "text/html"}) as visitor,
                visitor.get(address + path) as answer,
            ):
                html = await answer.text()
            if number == 0:
                told.put(("page", len(html.encode())))
            live = re.search(r'data-live="([^"]+)"', html)
            assert live is not None, html
            following.append(tasks.create_task(follow(live[1].replace("&amp;", "&"))))
        told.put(("open", PAGES))
        await asyncio.sleep(2.0)
        before = size, count
        await asyncio.sleep(seconds)
        told.put(("bytes", (size - before[0]) / seconds / PAGES))
        told.put(("messages", (count - before[1]) / seconds / PAGES))
        for task in following:
            task.cancel()
