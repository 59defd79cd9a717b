"""The same people, doing the same things, in Discord, in Telegram or on the page: a small driver for each.

Whatever somebody sees because of what they did is one :class:`Sight`, however many messages it takes.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.app.discord import DiscordParts, discord_parts
from bot.app.service import Service
from bot.app.telegram import TelegramParts, telegram_parts
from bot.chat.discord.client import DiscordClient
from bot.config import Settings
from bot.service.clock import Clock
from bot.service.records import Person as User
from tests.support import discord, telegram
from tests.support.discord_bot import LiveClock, images, picture
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work
from tests.support.telegram.queries import Query
from tests.support.telegram_bot import quick_clients

DEADLINE_SECONDS = 40.0


class Sight(ABC):
    """What somebody sees because of what they did."""

    @property
    @abstractmethod
    def words(self) -> str:
        """All of them, window texts and private ones included."""

    @property
    @abstractmethod
    def pictures(self) -> int: ...

    @property
    @abstractmethod
    def there(self) -> bool:
        """Whether there is still anything to be seen."""


class Stage(ABC):
    """A place with Alice, Bob and an operator. ``bot`` works while it is inside :meth:`playing`."""

    platform: str

    def __init__(self, theatre: Theatre) -> None:
        self.theatre = theatre

    @property
    def bot(self) -> Bot:
        return self.theatre.bot

    @property
    def server(self) -> FakeServer:
        return self.theatre.server

    @abstractmethod
    def playing(self, **sections: Any) -> Any:
        """A bot that works until the block ends as a killed one does; twice is a restart."""

    @abstractmethod
    def person(self, name: str) -> Any: ...

    @abstractmethod
    def identity(self, who: Any) -> str: ...

    @abstractmethod
    async def imagines(self, who: Any, words: str, flags: str = "", **files: bytes | int) -> Sight:
        """``picture``: attached, of so many bytes."""

    @abstractmethod
    async def commands(self, who: Any, *words: str, **options: Any) -> Sight:
        """Any other command, with its options."""

    @abstractmethod
    async def presses(self, who: Any, seen: Sight, button: str) -> Sight: ...

    @abstractmethod
    async def edits(self, who: Any, seen: Sight, words: str) -> Sight:
        """Press Edit, and say other words."""

    @abstractmethod
    def pictures(self) -> int:
        """How many the place shows, to whoever is there."""

    @abstractmethod
    async def loses(self, seen: Sight) -> None:
        """Somebody who may deletes what is seen."""

    # Looking

    async def says(self, seen: Sight, words: str) -> Sight:
        await self.theatre.until(
            lambda: words.casefold() in seen.words.casefold(), lambda: f"{words!r} in {seen.words!r}"
        )
        return seen

    async def shows(self, seen: Sight, pictures: int = 1) -> Sight:
        await self.theatre.until(
            lambda: seen.pictures >= pictures, lambda: f"{pictures} pictures, not {seen.words!r}"
        )
        return seen

    async def painted(self, seen: Sight) -> Sight:
        """Let the server finish a job, and wait for its picture."""
        await self.theatre.waiting()
        self.server.finish()
        return await self.shows(seen)

    async def user(self, who: Any) -> User:
        found = await self.bot.service.accounts.find(self.identity(who))
        assert found is not None
        return found


@dataclass
class Theatre:
    """One clock, one server that is played by hand, one bot, for whatever platforms there are."""

    folder: Path
    clock: LiveClock = field(default_factory=LiveClock)
    server: FakeServer = field(default_factory=lambda: FakeServer(picture=picture))
    stages: list[Stage] = field(default_factory=list)
    _bot: Bot | None = None

    @property
    def bot(self) -> Bot:
        assert self._bot is not None
        return self._bot

    @asynccontextmanager
    async def playing(self, **sections: Any) -> AsyncIterator[Bot]:
        ready: list[Callable[[], Awaitable[None]]] = []

        def parts(settings: Settings, service: Service, clock: Clock) -> dict[str, Any]:
            run: dict[str, Any] = {}
            for stage in self.stages:
                run |= stage.parts(settings, service, clock, ready)  # type: ignore[attr-defined]
            return run

        for stage in self.stages:
            own = stage.section()  # type: ignore[attr-defined]
            sections[stage.platform] = {**own, **sections.get(stage.platform, {})}
        async with bot_at_work(self.folder, [self.server], clock=self.clock, parts=parts, **sections) as bot:
            async with asyncio.timeout(DEADLINE_SECONDS):
                for each in ready:
                    await each()
            self._bot = bot
            yield bot

    def move(self, seconds: float) -> None:
        """Let time pass: those who wait for a moment look again."""
        self.clock.advance(seconds)
        self.bot.service.courier.nudge()

    async def until(self, met: Callable[[], object], what: Callable[[], str], *, step: float = 0.1) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not met():
            assert time.monotonic() < deadline, f"waited in vain for {what()}"
            self.move(step)
            await asyncio.sleep(0.005)

    async def waiting(self, jobs: int = 1) -> None:
        await self.until(lambda: len(self.server.waiting) >= jobs, lambda: f"{jobs} jobs at the server")


# Discord


class InDiscord(Sight):
    def __init__(self, reply: discord.Reply) -> None:
        self.reply = reply

    @property
    def words(self) -> str:
        shown = [] if self.reply.message is None else [self.reply.text]
        return "\n".join([*shown, *(each.text for each in self.reply.followups)])

    @property
    def pictures(self) -> int:
        return 0 if self.reply.message is None else len(images(self.reply.shown))

    @property
    def there(self) -> bool:
        return self.reply.message is not None and not self.reply.shown.deleted


class DiscordStage(Stage):
    platform = "discord"

    def __init__(self, theatre: Theatre, world: discord.DiscordWorld) -> None:
        super().__init__(theatre)
        self.world = world
        self.guild = world.guild("Painters", boost_tier=3)  # files may be large
        self.channel = self.guild.channel("general")
        self.operator = self.person("Boss")
        theatre.stages.append(self)

    def playing(self, **sections: Any) -> Any:
        return self.theatre.playing(**sections)

    def section(self) -> dict[str, Any]:
        return {"token": self.world.token, "admin_ids": [self.operator.id]}

    def parts(
        self, settings: Settings, service: Service, clock: Clock, ready: list[Callable[[], Awaitable[None]]]
    ) -> dict[str, Any]:
        assert settings.discord is not None
        options = {"guild_ready_timeout": 0.0}
        made: DiscordParts = discord_parts(settings, settings.discord, service, clock, options=options)

        async def up() -> None:
            await made.bot.connected.wait()
            assert made.bot.client is not None
            await made.bot.client.up.wait()

        ready.append(up)
        return dict(made.run)

    def person(self, name: str) -> discord.Person:
        return self.guild.member(name.lower())

    def identity(self, who: discord.Person) -> str:
        return f"discord:{who.id}"

    async def imagines(
        self, who: discord.Person, words: str, flags: str = "", **files: bytes | int
    ) -> InDiscord:
        options: dict[str, Any] = {"prompt": words} | ({"options": flags} if flags else {})
        if "picture" in files:
            options["image"] = discord.Upload("fox.png", None, size=int(files["picture"]))
        reply = await who.slash(self.channel, "imagine", **options)
        return InDiscord(await reply.acknowledged(within=3))

    async def commands(self, who: discord.Person, *words: str, **options: Any) -> InDiscord:
        reply = await who.slash(self.channel, " ".join(words), **options)
        return InDiscord(await reply.acknowledged(within=3))

    async def presses(self, who: discord.Person, seen: Sight, button: str) -> InDiscord:
        assert isinstance(seen, InDiscord)
        reply = await who.press(seen.reply.button(button))
        return InDiscord(await reply.acknowledged(within=3))

    async def edits(self, who: discord.Person, seen: Sight, words: str) -> InDiscord:
        opened = await self.presses(who, seen, "Edit")
        reply = await who.fill(opened.reply, {"What to paint": words})
        return InDiscord(await reply.acknowledged(within=3))

    def pictures(self) -> int:
        seen = [each for each in self.channel.shown if not each.deleted and not each.ephemeral]
        return sum(len(images(each)) for each in seen)

    async def loses(self, seen: Sight) -> None:
        assert isinstance(seen, InDiscord)
        assert seen.reply.message is not None
        await self.world.owner.deletes(seen.reply.message)


@asynccontextmanager
async def discord_world(theatre: Theatre) -> AsyncIterator[discord.DiscordWorld]:
    from unittest.mock import patch

    async def at_once(*_: object, **__: object) -> None:
        """The library would wait five seconds before it introduces itself."""

    pauses = discord.Pauses(advance=theatre.clock.advance)
    async with discord.DiscordWorld(
        clock=theatre.clock.as_clock(), limits=discord.RateLimits.real(), pauses=pauses
    ) as world:
        with patch.object(DiscordClient, "before_identify_hook", at_once):
            yield world


# Telegram


class InTelegram(Sight):
    """``act``: what they wrote, or where they pressed."""

    def __init__(self, act: telegram.Shown, chats: list[Any], before: frozenset[telegram.Shown]) -> None:
        self.act, self._chats, self._before = act, chats, before
        self.query: Query | None = None

    def messages(self) -> Iterator[telegram.Shown]:
        for chat in self._chats:
            for each in chat.by_bot:
                answers = each.reply_to == self.act or (chat.kind == "private" and each.reply_to is None)
                ours = answers or any(one.reply_to == self.act for one in each.album if one != each)
                if ours and each not in self._before:
                    yield each

    @property
    def words(self) -> str:
        window = [] if self.query is None else [self.query.text]
        return "\n".join([*window, *(each.text for each in self.messages())])

    @property
    def pictures(self) -> int:
        return sum(each.photo is not None for each in self.messages())

    @property
    def there(self) -> bool:
        return any(True for _ in self.messages())

    def with_button(self, name: str) -> telegram.Shown:
        for each in reversed(list(self.messages())):
            try:
                each.button(name)
            except AssertionError:
                continue
            return each
        raise AssertionError(f"no button {name!r} on {list(self.messages())}")


class TelegramStage(Stage):
    platform = "telegram"

    def __init__(self, theatre: Theatre, world: telegram.TelegramWorld) -> None:
        super().__init__(theatre)
        self.world = world
        self.group = world.supergroup("Painters", bot=True)
        self.operator = self.person("Boss")
        theatre.stages.append(self)

    def playing(self, **sections: Any) -> Any:
        return self.theatre.playing(**sections)

    def section(self) -> dict[str, Any]:
        return {
            "token": self.world.token,
            "api_base_url": self.world.api_url,
            "admin_ids": [self.operator.id],
        }

    def parts(
        self, settings: Settings, service: Service, clock: Clock, ready: list[Callable[[], Awaitable[None]]]
    ) -> dict[str, Any]:
        assert settings.telegram is not None
        made: TelegramParts = telegram_parts(settings, settings.telegram, service, clock)

        async def up() -> None:
            await made.bot.connected.wait()

        ready.append(up)
        return dict(made.run)

    def person(self, name: str) -> telegram.Person:
        person = self.world.user(name)
        self.group.join(person)
        self.world.private(person)
        return person

    def identity(self, who: telegram.Person) -> str:
        return f"telegram:{who.id}"

    def _from_now(self, who: telegram.Person) -> Callable[[telegram.Shown], InTelegram]:
        chats = [self.group, self.world.private(who)]
        before = frozenset(each for chat in chats for each in chat.by_bot)
        return lambda act: InTelegram(act, chats, before)

    async def imagines(
        self, who: telegram.Person, words: str, flags: str = "", **files: bytes | int
    ) -> InTelegram:
        line = f"/imagine {words} {flags}".strip()
        seen = self._from_now(who)
        if "picture" in files:
            upload = telegram.Upload("fox.png", b"", size=int(files["picture"]), content_type="image/png")
            return seen(await who.sends_document(self.group, upload, line))
        return seen(await who.says(self.group, line))

    async def commands(self, who: telegram.Person, *words: str, **options: Any) -> InTelegram:
        seen = self._from_now(who)
        line = " ".join(["/" + words[0], *words[1:], *options.values()])
        return seen(await who.says(self.group, line))

    async def presses(self, who: telegram.Person, seen: Sight, button: str) -> InTelegram:
        assert isinstance(seen, InTelegram)
        message = seen.with_button(button)
        made = self._from_now(who)
        query = await who.presses(message.button(button))
        found = made(message)
        found.query = query
        await query.until_answered()
        return found

    async def edits(self, who: telegram.Person, seen: Sight, words: str) -> InTelegram:
        before = {each.id for each in self.group.by_bot}
        await self.presses(who, seen, "Edit")

        def questions() -> list[telegram.Shown]:
            return [each for each in self.group.by_bot if each.id not in before and each.asks_reply]

        await self.theatre.until(questions, lambda: "a question")
        made = self._from_now(who)
        return made(await who.replies(questions()[0], words))

    def pictures(self) -> int:
        return sum(each.photo is not None for each in self.group.by_bot)

    async def loses(self, seen: Sight) -> None:
        assert isinstance(seen, InTelegram)
        for each in list(seen.messages()):
            self.world.posting.delete(each.raw)


@asynccontextmanager
async def telegram_world(theatre: Theatre) -> AsyncIterator[telegram.TelegramWorld]:
    async with telegram.TelegramWorld(
        clock=theatre.clock.as_clock(), limits=telegram.FloodLimits.real()
    ) as world:
        with quick_clients():
            yield world


@asynccontextmanager
async def stage(platform: str, folder: Path) -> AsyncIterator[Stage]:
    """One platform alone."""
    theatre = Theatre(folder)
    async with AsyncExitStack() as stack:
        if platform == "discord":
            yield DiscordStage(theatre, await stack.enter_async_context(discord_world(theatre)))
        elif platform == "web":
            from tests.support.web_stage import web_stage

            yield await stack.enter_async_context(web_stage(theatre))
        else:
            yield TelegramStage(theatre, await stack.enter_async_context(telegram_world(theatre)))


@asynccontextmanager
async def both(folder: Path) -> AsyncIterator[tuple[Theatre, DiscordStage, TelegramStage]]:
    """Both platforms, one bot."""
    theatre = Theatre(folder)
    async with discord_world(theatre) as one, telegram_world(theatre) as other:
        yield theatre, DiscordStage(theatre, one), TelegramStage(theatre, other)
