"""What people fill in, as it arrives from Discord through the real discord.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.discord.commands import register
from bot.chat.discord.options import (
    AttachmentRef,
    Focused,
    Invocation,
    UserRef,
    read_attachment,
    read_options,
)
from bot.presentation.specs import Context, Menu, ask_from, build_index, make_commands, suggest
from tests.support.discord import CannotUse, DiscordWorld, Upload
from tests.support.discord.guilds import Channel
from tests.support.discord.people import Person
from tests.support.discord.small_bot import SmallBot, running
from tests.support.templates import SHIPPED, TIER, catalogue, shipped

ALL = [shipped(name, catalogue()) for name in SHIPPED]
COMMANDS = make_commands(ALL, TIER, tiers=("default", "patron"))
INDEX = build_index(ALL, COMMANDS.specs)


class Stage:
    """A bot with our commands, which only reads what it is asked."""

    def __init__(self, world: DiscordWorld, bot: SmallBot, alice: Person, channel: Channel) -> None:
        self.world, self.bot, self.alice, self.channel = world, bot, alice, channel
        self.heard: asyncio.Queue[Invocation] = asyncio.Queue()

    async def hear(self, interaction: discord.Interaction) -> None:
        assert interaction.data is not None
        invocation = read_options(interaction.data)
        if (focused := invocation.focused) is not None:
            spec = COMMANDS.get(invocation.name, *invocation.subcommands)
            option = spec.option(focused.name) if spec is not None else None
            assert option is not None
            context = Context(INDEX, invocation.name, invocation.options)
            found = suggest(option.autocomplete, focused.typed, context)
            await interaction.response.autocomplete(
                [discord.app_commands.Choice(name=each.name, value=each.value) for each in found]
            )
        else:
            await interaction.response.defer()
        self.heard.put_nowait(invocation)

    async def slash(self, name: str, **options: Any) -> Invocation:
        await self.alice.slash(self.channel, name, **options)
        return await asyncio.wait_for(self.heard.get(), 10)


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    async with DiscordWorld() as world:
        guild = world.guild()
        alice, channel = guild.member("alice"), guild.channel()
        bot = SmallBot()
        bot.synced = False
        async with running(world, bot):
            await bot.http.bulk_upsert_global_commands(
                world.application_id, list(register(COMMANDS.specs).payloads)
            )
            stage = Stage(world, bot, alice, channel)
            bot.on_interaction = stage.hear  # type: ignore[method-assign]
            yield stage


async def test_what_is_filled_in_becomes_an_ask() -> None:
    async with staged() as stage:
        found = await stage.slash(
            "imagine",
            prompt="a fox --no rain",
            aspect="3:2",
            seed="18446744073709551615",
            steps=20,
            cfg=7.5,
            count=2,
            private=True,
            image=Upload.picture(),
            options="--lora ink:0.4",
        )
        assert (found.name, found.subcommands, found.focused, found.menu) == ("imagine", (), None, None)
        picture = found.options["image"]
        assert isinstance(picture, AttachmentRef)
        assert picture.url.startswith("http")
        assert picture.width
        assert picture.size
        ask = ask_from(found.options)
        assert ask.image == picture.key
        assert (ask.prompt_text, ask.negative_text, ask.seed, ask.count, ask.private) == (
            "a fox",
            "rain",
            2**64 - 1,
            2,
            True,
        )
        assert ask.values == {"steps": "20", "cfg": "7.5"}


async def test_bounds_and_requirements_hold_in_the_client_already() -> None:
    async with staged() as stage:
        with pytest.raises(CannotUse, match="between"):
            await stage.slash("imagine", prompt="a fox", count=TIER.max_count + 1 if TIER.max_count else 0)
        with pytest.raises(CannotUse, match="required"):
            await stage.slash("upscale")
        with pytest.raises(CannotUse, match="not permitted"):
            await stage.slash("admin pause")


async def test_subcommands_and_people() -> None:
    async with staged() as stage:
        (guild,) = stage.world.guilds.values()
        admin, painter = guild.member("admin", admin=True), guild.role("painter")
        bob = guild.member("bob", roles=[painter])
        await admin.slash(stage.channel, "admin quota grant", user=bob, seconds=60.5, reason="a prize")
        found = await asyncio.wait_for(stage.heard.get(), 10)
        assert (found.name, found.subcommands) == ("admin", ("quota", "grant"))
        assert found.options["user"] == UserRef(bob.id, "bob", (painter.id,))
        assert (found.options["seconds"], found.options["reason"]) == (60.5, "a prize")
        await admin.slash(stage.channel, "admin pause")
        assert (await asyncio.wait_for(stage.heard.get(), 10)).subcommands == ("pause",)


async def test_suggestions_while_one_types() -> None:
    async with staged() as stage:
        found = await stage.alice.autocomplete(
            stage.channel, "imagine", "sampler", "euler anc", prompt="a fox"
        )
        assert found[0] == ("euler_ancestral", "euler_ancestral")
        heard = await stage.heard.get()
        assert heard.focused == Focused("sampler", "euler anc")
        assert heard.options == {"prompt": "a fox"}
        chosen = await stage.alice.autocomplete(stage.channel, "imagine", "model", "", template="flux")
        assert [value for _, value in chosen] == ["flux1-dev.safetensors"]
        await stage.heard.get()
        picture = await stage.alice.autocomplete(
            stage.channel, "imagine", "model", "", image=Upload.picture()
        )
        assert picture
        assert isinstance((await stage.heard.get()).options["image"], AttachmentRef)


async def test_menus_bring_the_message_and_its_pictures() -> None:
    async with staged() as stage:
        message = await stage.alice.says(stage.channel, "look", Upload.picture(), Upload.picture())
        for name, menu in (
            ("Imagine again", Menu.AGAIN),
            ("Edit this picture", Menu.EDIT),
            ("Show settings", Menu.SETTINGS),
        ):
            await stage.alice.use(stage.channel, name, message)
            found = await asyncio.wait_for(stage.heard.get(), 10)
            assert found.menu is menu
            assert found.target is not None
            assert found.target.author == stage.alice.id
            assert len(found.target.raw["attachments"]) == 2
            assert found.target.raw["id"] == str(found.target.id)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "name",
                    "type",
                    "options",
                    "value",
                    "focused",
                    "resolved",
                    "attachments",
                    "users",
                    "members",
                    "messages",
                    "roles",
                    "author",
                    "url",
                    "target_id",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["id", "name", "type", "options", "resolved", "target_id"]), JSON))
def test_data_of_any_shape_is_read(data: dict[str, Any]) -> None:
    found = read_options(data)
    assert isinstance(found, Invocation)
    assert all(value is not None for value in found.options.values())


@given(st.dictionaries(st.sampled_from(["id", "url", "filename", "size", "width", "content_type"]), JSON))
def test_files_of_any_shape_are_read(data: dict[str, Any]) -> None:
    found = read_attachment(data)
    assert found is None or (isinstance(found.url, str) and isinstance(found.size, int))
