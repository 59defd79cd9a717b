"""That Discord knows the commands, and that whoever types is answered, when not all goes well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.chat.discord import bot as discord_bot
from bot.domain.errors import StoreUnavailable
from bot.domain.text import Text
from bot.presentation.specs import Suggestion
from bot.service.plain_commands import PlainCommands
from bot.store import SqliteStore
from tests.support.discord import RateLimits
from tests.support.discord.failures import CannotUse
from tests.support.discord_bot import Scene, scene, shows_picture, until

TELL, TELL_GUILD = "bulk_set_*application_commands", "bulk_set_guild_application_commands"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    # How often commands may be told is no part of this.
    async with scene(tmp_path, limits=RateLimits.off()) as made:
        yield made


async def paints(here: Scene) -> None:
    reply = await here.imagine()
    await here.server.until_waiting(1)
    here.server.finish()
    await shows_picture(reply)


def offered(here: Scene) -> bool:
    return "imagine" in here.alice.offered(here.channel)


async def test_a_disk_that_is_full_when_commands_are_told_ends_nothing(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, full = SqliteStore.put, [True]

    async def sometimes(store: SqliteStore, key: str, value: Any) -> None:
        if full and key.startswith("discord.commands"):
            raise StoreUnavailable(Text("The disk is full."), cause="full")
        await put(store, key, value)

    monkeypatch.setattr(SqliteStore, "put", sometimes)
    async with here.bot() as bot:
        await paints(here)
        assert any("disk is full" in str(notice.text) for notice in bot.service.operator.notices.latest())
        full.clear()
        key = f"discord.commands.{here.world.application_id}"
        await until(lambda: _written(bot.store, key), bot=bot, step=30, what="what was told, written down")


async def _written(store: SqliteStore, key: str) -> bool:
    return await store.get(key) is not None


async def test_commands_that_could_not_be_told_are_told_again(here: Scene) -> None:
    fault = here.world.faults.fail(TELL, 503, times=6)
    async with here.bot() as bot:
        assert fault.hits
        assert not offered(here)
        await until(lambda: offered(here), bot=bot, step=30, what="commands")
        await paints(here)


async def test_a_guild_that_invites_the_bot_later_has_its_commands_at_once(here: Scene) -> None:
    other = here.world.guild("Latecomers", bot=False)
    channel, carol = other.channel("general"), other.member("carol")
    async with here.bot(discord={"guild_ids": [here.guild.id, other.id]}):
        assert offered(here)
        assert "imagine" not in carol.offered(channel)
        await paints(here)  # by then the gateway has told of the guilds that it is in
        other.add_bot()
        await until(lambda: "imagine" in carol.offered(channel), what="commands in the other guild")


async def test_a_guild_that_invites_the_bot_again_is_told_again(here: Scene) -> None:
    async with here.bot(discord={"guild_ids": [here.guild.id]}):
        await paints(here)
        told = len(here.world.calls(TELL_GUILD))
        here.guild.remove_bot()
        here.guild.add_bot()
        await until(lambda: len(here.world.calls(TELL_GUILD)) > told, what="commands to be told again")


async def test_commands_that_are_wrong_are_not_told_again(
    here: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    fault = here.world.faults.fail(TELL, 400, times=9, code=50035)
    async with here.bot() as bot:
        for _ in range(8):
            bot.clock.advance(discord_bot.SYNC_AGAIN_LONGEST)
            await asyncio.sleep(0.02)
        # They are others once, when the servers have said what they have.
        assert fault.hits <= 2


async def test_whoever_types_where_the_bot_may_not_answer_sees_an_empty_list(here: Scene) -> None:
    mine = here.world.guild("Mine")
    async with here.bot(discord={"allowed_guild_ids": [mine.id]}):
        assert await here.alice.autocomplete(here.channel, "imagine", "template", "t") == []


async def test_whoever_types_into_a_bug_of_ours_sees_an_empty_list(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> tuple[Suggestion, ...]:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(PlainCommands, "nameable_jobs", broken)
    async with here.bot():
        assert await here.alice.autocomplete(here.channel, "cancel", "job", "t") == []


async def test_whoever_types_is_answered_within_a_second_whatever_is_stuck(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: object) -> tuple[Suggestion, ...]:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(PlainCommands, "nameable_jobs", stuck)
    assert discord_bot.SUGGESTING_SECONDS < 1
    monkeypatch.setattr(discord_bot, "SUGGESTING_SECONDS", 0.05)
    async with here.bot():
        assert await here.alice.autocomplete(here.channel, "show", "job", "t") == []


async def test_other_people_s_commands_of_operators_are_hidden(here: Scene) -> None:
    async with here.bot():
        with pytest.raises(CannotUse):
            await here.alice.slash(here.channel, "admin queue")
