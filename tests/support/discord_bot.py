"""The whole bot in a local Discord, in one process: the real library, servers that the test plays by hand.

There is one clock for all of them. It goes on by itself, and further when a test moves it; the library's own
pauses move it, too, instead of being slept.
"""

from __future__ import annotations

import asyncio
import io
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from PIL import Image

from bot.app.discord import DiscordParts, discord_parts
from bot.app.service import Service
from bot.chat.discord.client import DiscordClient
from bot.config import Settings
from bot.domain.ids import RequestId
from bot.domain.jobs import DeliveryState, JobState
from bot.service.clock import Clock
from bot.service.records import JobRecord, RequestRecord
from tests.support.discord import (
    Attachment,
    Channel,
    DiscordWorld,
    Guild,
    Pauses,
    Person,
    RateLimits,
    Reply,
    Shown,
)
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, FakeClock, bot_at_work

DEADLINE_SECONDS = 40.0


@dataclass
class LiveClock(FakeClock):
    """Time that passes, and that tests move on. Sleepers wake when a test has moved it far enough."""

    born: float = field(default_factory=time.monotonic)

    def now(self) -> int:
        return self.wall + round(1000 * (time.monotonic() - self.born))

    def monotonic(self) -> float:
        return self.ticks + time.monotonic() - self.born


def picture(size: tuple[int, int] = (64, 48)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "teal").save(content, "PNG")
    return content.getvalue()


@dataclass
class Scene:
    """A guild with a channel and Alice, who has the bot there."""

    world: DiscordWorld
    clock: LiveClock
    folder: Path
    guild: Guild
    channel: Channel
    alice: Person
    servers: list[FakeServer] = field(default_factory=lambda: [FakeServer(picture=picture)])

    @property
    def server(self) -> FakeServer:
        return self.servers[0]

    @asynccontextmanager
    async def bot(self, **sections: Any) -> AsyncIterator[Bot]:
        """A bot that is connected, and works until the block ends as a killed one does."""
        async with in_discord(self.world, self.folder, self.servers, self.clock, **sections) as bot:
            yield bot

    async def imagine(self, prompt: str = "a fox", *, who: Person | None = None, **options: Any) -> Reply:
        """``/imagine``, once its first response is there and the job waits at a server or in the line."""
        reply = await (who or self.alice).slash(self.channel, "imagine", prompt=prompt, **options)
        return await reply.acknowledged(within=3)

    async def started(self, bot: Bot, reply: Reply) -> JobRecord:
        """The job of a reply, once a server is at work on it."""
        request = await accepted(bot, reply)
        await self.server.until_waiting(1)
        self.server.start()
        (job,) = await bot.store.jobs_of(request.id)
        return await bot.until_state(job.id, JobState.RUNNING)


@asynccontextmanager
async def scene(folder: Path, *, limits: RateLimits | None = None, **options: Any) -> AsyncIterator[Scene]:
    """A local Discord with the usual limits, on the clock of the test."""
    clock = LiveClock()
    pauses = Pauses(advance=clock.advance)
    async with DiscordWorld(
        clock=clock.as_clock(), limits=limits or RateLimits.real(), pauses=pauses, **options
    ) as world:
        guild = world.guild("Painters")
        yield Scene(world, clock, folder, guild, guild.channel("general"), guild.member("alice"))


@asynccontextmanager
async def in_discord(
    world: DiscordWorld, folder: Path, servers: Sequence[FakeServer], clock: LiveClock, **sections: Any
) -> AsyncIterator[Bot]:
    made: list[DiscordParts] = []

    def parts(settings: Settings, service: Service, theirs: Clock) -> Any:
        assert settings.discord is not None
        options = {"guild_ready_timeout": 0.0}
        made.append(discord_parts(settings, settings.discord, service, theirs, options=options))
        return made[0].run

    configured = {"token": world.token, **sections.pop("discord", {})}
    with patch.object(DiscordClient, "before_identify_hook", _at_once):
        async with bot_at_work(
            folder, servers, clock=clock, parts=parts, discord=configured, **sections
        ) as bot:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await made[0].bot.connected.wait()
                client = made[0].bot.client
                assert client is not None
                await client.up.wait()
            yield bot


async def _at_once(*_: object, **__: object) -> None:
    """The library would wait five seconds before it introduces itself."""


# Waiting


def move(bot: Bot, seconds: float) -> None:
    """Let time pass: those who wait for a moment look again."""
    bot.clock.advance(seconds)
    bot.service.courier.nudge()


async def until(
    met: Callable[[], object | Awaitable[object]],
    *,
    bot: Bot | None = None,
    step: float = 0.0,
    what: str = "",
) -> None:
    """Look until it holds. With ``bot``, its time moves on by ``step`` seconds a look."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = met()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, f"waited in vain for {what or met}"
        if bot is not None and step:
            move(bot, step)
        await asyncio.sleep(0.005)


async def _acknowledged(reply: Reply) -> None:
    """Before time is moved on: three seconds of it, and Discord takes no answer any more."""
    await until(lambda: reply.answer is not None, what=f"a first response in {reply!r}")


async def says(reply: Reply, words: str, *, bot: Bot | None = None, step: float = 0.0) -> Reply:
    """Wait until the reply shows ``words``, in whatever case."""
    await _acknowledged(reply)
    await until(
        lambda: reply.message is not None and words.casefold() in reply.text.casefold(),
        bot=bot,
        step=step,
        what=f"{words!r} in {reply!r}",
    )
    return reply


async def shows_picture(reply: Reply, *, bot: Bot | None = None, step: float = 0.0, count: int = 1) -> Reply:
    await _acknowledged(reply)
    await until(
        lambda: reply.message is not None and len(images(reply.shown)) == count,
        bot=bot,
        step=step,
        what=f"{count} pictures in {reply!r}",
    )
    return reply


# Looking


async def request_of(bot: Bot, reply: Reply) -> RequestRecord | None:
    """What came of a command, button or form, if it has been written down."""
    return await bot.store.request_of_event(f"discord:{reply.interaction.id}")


async def accepted(bot: Bot, reply: Reply) -> RequestRecord:
    """The same, once it has been."""
    found: list[RequestRecord] = []

    async def there() -> bool:
        request = await request_of(bot, reply)
        assert reply.message is None or "stumbled" not in reply.text, reply.text
        if request is not None:
            found.append(request)
        return request is not None

    await until(there, what=f"a row for {reply!r}")
    return found[0]


async def settled(bot: Bot, reply: Reply, state: DeliveryState) -> None:
    """Wait until it is written down what became of its result."""
    request = await accepted(bot, reply)
    await until(
        lambda: delivery_state(bot.settings.database, request.id) == state,
        bot=bot,
        step=0.5,
        what=f"{state} of {reply!r}",
    )


def delivery_state(database: Path, request: RequestId) -> str | None:
    with closing(sqlite3.connect(database)) as connection:
        row = connection.execute("SELECT state FROM deliveries WHERE request = ?", (request,)).fetchone()
        return None if row is None else str(row[0])


def images(message: Shown) -> list[Attachment]:
    """The pictures on a message; a long prompt is a file beside them."""
    return [file for file in message.attachments if (file.content_type or "").startswith("image/")]


def pictures_in(channel: Channel) -> list[Shown]:
    """The messages there that show pictures."""
    return [message for message in channel.shown if images(message) and not message.deleted]
