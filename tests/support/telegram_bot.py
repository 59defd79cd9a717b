"""The whole bot in a local Telegram, in one process: the real library, servers that a test plays by hand.

There is one clock for all of them. It goes on by itself, and further when a test moves it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from bot.app.service import Service
from bot.app.telegram import TelegramParts, telegram_parts
from bot.config import Settings
from bot.domain.jobs import JobState
from bot.service.clock import Clock
from bot.service.records import JobRecord
from tests.support.discord_bot import LiveClock, picture
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work
from tests.support.telegram import FloodLimits, Shown, TelegramWorld
from tests.support.telegram.chats import Chat

DEADLINE_SECONDS = 40.0


@cache
def _certificates() -> Any:
    return httpx.create_ssl_context()


@contextmanager
def quick_clients() -> Iterator[None]:
    """Each of the library's clients would read all certificates anew, though nothing speaks TLS here."""
    with patch("httpx._transports.default.create_ssl_context", lambda **_: _certificates()):
        yield


@asynccontextmanager
async def in_telegram(
    world: TelegramWorld,
    folder: Path,
    clock: LiveClock,
    servers: Sequence[FakeServer] | None = None,
    **sections: Any,
) -> AsyncIterator[Bot]:
    """A bot that is connected, and works until the block ends as a killed one does."""
    made: list[TelegramParts] = []

    def parts(settings: Settings, service: Service, clock: Clock) -> Any:
        assert settings.telegram is not None
        made.append(telegram_parts(settings, settings.telegram, service, clock))
        return made[0].run

    configured = {"token": world.token, "api_base_url": world.api_url, **sections.pop("telegram", {})}
    fakes = servers or [FakeServer(picture=picture)]
    with quick_clients():
        async with bot_at_work(
            folder, fakes, clock=clock, parts=parts, telegram=configured, **sections
        ) as bot:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await made[0].bot.connected.wait()
            yield bot


@dataclass
class Scene:
    """Alice, alone with the bot; more people and groups by ``world``."""

    world: TelegramWorld
    clock: LiveClock
    folder: Path
    servers: list[FakeServer] = field(default_factory=lambda: [FakeServer(picture=picture)])

    def __post_init__(self) -> None:
        self.alice = self.world.user("Alice")
        self.chat = self.world.private(self.alice)

    @property
    def server(self) -> FakeServer:
        return self.servers[0]

    @asynccontextmanager
    async def bot(self, **sections: Any) -> AsyncIterator[Bot]:
        async with in_telegram(self.world, self.folder, self.clock, self.servers, **sections) as bot:
            yield bot


@asynccontextmanager
async def scene(folder: Path, *, limits: FloodLimits | None = None, **options: Any) -> AsyncIterator[Scene]:
    clock = LiveClock()
    async with TelegramWorld(clock=clock.as_clock(), limits=limits, **options) as world:
        yield Scene(world, clock, folder)


def move(bot: Bot, seconds: float) -> None:
    """Let time pass: those who wait for a moment look again."""
    bot.clock.advance(seconds)
    bot.service.courier.nudge()


async def until(
    bot: Bot, met: Callable[[], object | Awaitable[object]], *, step: float = 0.3, what: str = ""
) -> None:
    """Look until it holds; time moves on by ``step`` seconds a look."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = met()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, f"waited in vain for {what or met}"
        move(bot, step)
        await asyncio.sleep(0.005)


def saying(chat: Chat, words: str) -> list[Shown]:
    """The messages of the bot in a chat that say ``words``, in whatever case."""
    return [each for each in chat.by_bot if words.casefold() in each.text.casefold()]


async def says(bot: Bot, chat: Chat, words: str) -> Shown:
    """The latest message of the bot in a chat that says ``words``, once there is one."""
    await until(bot, lambda: saying(chat, words), what=f"{words!r} among {chat.by_bot}")
    return saying(chat, words)[-1]


async def answered(bot: Bot, chat: Chat, asking: Awaitable[object]) -> Shown:
    """What the bot says next there."""
    before = {each.id for each in chat.by_bot}
    await asking
    await until(bot, lambda: {each.id for each in chat.by_bot} - before, what=f"an answer in {chat}")
    return next(each for each in reversed(chat.by_bot) if each.id not in before)


def photos(chat: Chat) -> list[Shown]:
    return [each for each in chat.by_bot if each.photo]


async def painted(bot: Bot, chat: Chat) -> Shown:
    """Let the server finish a job, and wait for its picture there."""
    before = photos(chat)
    await until(bot, lambda: bot.server.waiting, what="a job at the server")
    bot.server.finish()
    await until(bot, lambda: len(photos(chat)) > len(before), what=f"a picture in {chat}")
    return photos(chat)[-1]


async def started(bot: Bot) -> JobRecord:
    """The first job that waits at the server, once it is at work on it."""
    await bot.server.until_waiting(1)
    bot.server.start()
    running: list[JobRecord] = []

    async def runs() -> bool:
        for request in await bot.store.open_requests("telegram"):
            running.extend(
                job for job in await bot.store.jobs_of(request.id) if job.state is JobState.RUNNING
            )
        return bool(running)

    await until(bot, runs, step=0.0)
    return running[0]


def inputs_of(bot: Bot, posted: int = -1) -> list[object]:
    """The literals of a graph that was posted to the server: words, numbers, names of files."""
    return [value for node in bot.server.posted[posted].graph for value in node.inputs.values()]


def classes_of(bot: Bot, posted: int = -1) -> set[str]:
    return {node.class_type for node in bot.server.posted[posted].graph}
