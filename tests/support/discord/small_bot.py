"""A bot of a few lines on the real discord.py, so that tests of the stand-in have somebody to talk to."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
from discord import app_commands

from tests.support.discord.guilds import Channel, Guild
from tests.support.discord.people import Person
from tests.support.discord.replies import Reply
from tests.support.discord.world import DiscordWorld

Act = Callable[[discord.Interaction], Awaitable[Any]]


class Again(discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"again:(?P<job>\d+)"):
    """A button that works for messages of former processes too."""

    def __init__(self, job: int) -> None:
        super().__init__(discord.ui.Button(label="Again", custom_id=f"again:{job}"))
        self.job = job

    @classmethod
    async def from_custom_id(cls, _: Any, __: Any, match: Any) -> Again:
        return cls(int(match["job"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.edit_message(content=f"again {self.job}")


class SmallBot(discord.AutoShardedClient):
    """Its one command, ``/do``, does what the test says: :attr:`act`. So do its buttons and modals.

    ``errors``: what went wrong inside handlers.
    """

    def __init__(self, *, intents: discord.Intents | None = None, **options: Any) -> None:
        options = {"guild_ready_timeout": 0.0, "max_messages": None} | options
        super().__init__(intents=intents or discord.Intents(guilds=True), **options)
        self.tree = app_commands.CommandTree(self)
        self.act: Act = answer
        self.errors: list[BaseException] = []
        self.events: list[str] = []
        self.interactions: list[discord.Interaction] = []
        self.tree.error(self._failed)
        self.synced = True
        self.tree.command(name="do", description="Whatever the test wants")(self._do())

    def _do(self) -> Any:
        async def do(interaction: discord.Interaction, image: discord.Attachment | None = None) -> None:
            await self.act(interaction)

        return do

    async def _failed(self, _: discord.Interaction, error: app_commands.AppCommandError) -> None:
        self.errors.append(getattr(error, "original", error))

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Again)
        if self.synced:
            await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library would wait five seconds."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.append(interaction)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if not event.startswith("socket"):
            self.events.append(event)
        super().dispatch(event, *args, **kwargs)

    async def on_error(self, *_: Any, **__: Any) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        self.errors.append(error)


async def answer(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("hello")


async def defer(interaction: discord.Interaction) -> None:
    await interaction.response.defer()


@dataclass
class Stage:
    """A guild with a channel, Alice, and a bot that is online."""

    discord: DiscordWorld
    bot: SmallBot
    guild: Guild
    channel: Channel
    alice: Person

    async def do(self, act: Act | None = None, *, who: Person | None = None, **options: Any) -> Reply:
        """``/do`` in the channel, once the bot is done with it."""
        return await self.finished((who or self.alice).slash(self.channel, "do", **options), act)

    async def request(self, body: object, method: str = "POST", path: str = "") -> tuple[int, Any]:
        """A request with the bot's token by hand: send a message to the channel, unless said otherwise."""
        url = self.discord.api_url + (path or f"/channels/{self.channel.id}/messages")
        headers = {"Authorization": f"Bot {self.discord.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.request(method, url, json=body) as response,
        ):
            return response.status, await response.json()

    async def finished(self, doing: Awaitable[Reply], act: Act | None = None) -> Reply:
        """What comes of an act of a person, once the handler of the bot has returned."""
        over = asyncio.Event()

        async def wrapped(interaction: discord.Interaction) -> None:
            try:
                await (act or answer)(interaction)
            finally:
                over.set()

        self.bot.act = wrapped
        reply = await doing
        async with asyncio.timeout(10):
            await over.wait()
        await asyncio.sleep(0)
        return reply

    async def refused(self, act: Act, error: type[discord.HTTPException] = discord.HTTPException) -> Any:
        """What Discord answers to an act of the bot that it refuses."""
        caught: list[discord.HTTPException] = []

        async def careful(interaction: discord.Interaction) -> None:
            try:
                await act(interaction)
            except error as found:
                caught.append(found)

        await self.do(careful)
        assert caught, f"not refused; {self.bot.errors}"
        return caught[0]


@asynccontextmanager
async def staged(bot: SmallBot | None = None, **options: Any) -> AsyncIterator[Stage]:
    """``options``: of the :class:`DiscordWorld`. What goes wrong unnoticed in the bot fails the test."""
    async with DiscordWorld(**{"check_answers": True, **options}) as world:
        guild = world.guild()
        channel, alice = guild.channel(), guild.member("alice")
        async with running(world, bot) as started:
            try:
                yield Stage(world, started, guild, channel, alice)
            except BaseException as error:
                error.add_note(f"In the bot: {started.errors}")
                raise
        assert not started.errors, started.errors


@asynccontextmanager
async def running(
    world: DiscordWorld, bot: SmallBot | None = None, **options: Any
) -> AsyncIterator[SmallBot]:
    """A bot that is logged in, has said its commands and hears the gateway."""
    bot = bot or SmallBot(**options)
    task = asyncio.create_task(bot.start(world.token))
    try:
        async with asyncio.timeout(10):
            ready = asyncio.create_task(world.gateway.until_ready())
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if task.done():
                await task
            await bot.wait_until_ready()
        yield bot
    finally:
        if not bot.is_closed():
            await bot.close()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
