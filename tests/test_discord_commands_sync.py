"""Telling Discord the commands, through the real discord.py."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
import pytest

from bot.chat.discord.commands import Payload, register
from bot.chat.discord.sync import Synced, digest_of, sync_commands
from bot.presentation.specs import make_commands
from tests.support.discord import DiscordWorld
from tests.support.templates import SHIPPED, shipped

PAYLOADS = register(make_commands([shipped(name) for name in SHIPPED]).specs).payloads
FEWER = PAYLOADS[:3]


@dataclass
class Memory:
    """A store's small state; values come back as JSON would bring them."""

    state: dict[str, Any] = field(default_factory=dict)

    async def get(self, key: str) -> Any:
        return copy.deepcopy(self.state.get(key))

    async def put(self, key: str, value: Any) -> None:
        self.state[key] = copy.deepcopy(value)


class Sync:
    def __init__(self, world: DiscordWorld, client: discord.Client) -> None:
        self.world, self.client, self.memory = world, client, Memory()

    async def __call__(
        self, *guilds: int, payloads: tuple[Payload, ...] = PAYLOADS, anew: bool = False
    ) -> Synced:
        application = self.client.application_id
        assert application is not None
        return await sync_commands(self.client.http, application, guilds, payloads, self.memory, anew=anew)

    @property
    def calls(self) -> int:
        return self.world.commands.calls["bulk"]

    def names(self, guild: int | None = None) -> list[str]:
        return [command["name"] for command in self.world.commands.all(guild)]


@asynccontextmanager
async def logged_in() -> AsyncIterator[Sync]:
    async with (
        DiscordWorld() as world,
        discord.AutoShardedClient(intents=discord.Intents(guilds=True)) as client,
    ):
        await client.login(world.token)
        yield Sync(world, client)


ALL_NAMES = [payload["name"] for payload in PAYLOADS]


async def test_commands_are_told_once() -> None:
    async with logged_in() as sync:
        assert await sync() == Synced(updated=("global",))
        assert sorted(sync.names()) == sorted(ALL_NAMES)
        assert await sync() == Synced(unchanged=("global",))
        assert await sync(payloads=PAYLOADS[::-1]) == Synced(unchanged=("global",))
        assert sync.calls == 1
        assert await sync(anew=True) == Synced(updated=("global",))
        assert sync.calls == 2


async def test_changed_commands_are_told_again() -> None:
    async with logged_in() as sync:
        await sync()
        changed = copy.deepcopy(PAYLOADS)
        changed[0]["description"] = "Another one"
        assert await sync(payloads=changed) == Synced(updated=("global",))
        assert sync.world.commands.all(None)[0]["description"] == "Another one"


async def test_guilds_are_told_by_themselves_and_globally_there_is_nothing_then() -> None:
    async with logged_in() as sync:
        one, two = sync.world.guild(), sync.world.guild()
        await sync()
        assert await sync(one.id, two.id) == Synced(updated=(str(one.id), str(two.id)), cleared=("global",))
        assert sync.names() == []
        assert sorted(sync.names(one.id)) == sorted(sync.names(two.id)) == sorted(ALL_NAMES)
        assert await sync(two.id) == Synced(unchanged=(str(two.id),), cleared=(str(one.id),))
        assert sync.names(one.id) == []
        assert await sync() == Synced(updated=("global",), cleared=(str(two.id),))
        assert sync.names(two.id) == []


async def test_people_see_the_commands_of_their_guild() -> None:
    async with logged_in() as sync:
        guild = sync.world.guild()
        alice, channel = guild.member("alice"), guild.channel()
        await sync(guild.id)
        assert set(alice.offered(channel)) == {
            payload["name"] for payload in PAYLOADS if payload["type"] == 1 and payload["name"] != "admin"
        }
        assert "admin" in guild.member("admin", admin=True).offered(channel)
        assert len(alice.offered(channel, kind=3)) == 3


async def test_commands_of_others_are_left_alone_where_we_never_were() -> None:
    async with logged_in() as sync:
        guild = sync.world.guild()
        sync.world.commands.overwrite(None, [{"name": "other", "description": "Not ours", "type": 1}])
        await sync(guild.id)
        assert sync.names() == ["other"]


async def test_a_guild_without_the_bot_is_told_to_the_operator_and_tried_again() -> None:
    async with logged_in() as sync:
        mine, foreign = sync.world.guild(), sync.world.guild()
        foreign.remove_bot()
        found = await sync(foreign.id, mine.id)
        assert found.updated == (str(mine.id),)
        (problem,) = found.problems
        assert problem.target == str(foreign.id)
        assert "applications.commands" in str(problem.text)
        assert "50001" in problem.cause
        assert [each.target for each in (await sync(foreign.id, mine.id)).problems] == [str(foreign.id)]


async def test_where_the_bot_was_thrown_out_there_is_nothing_to_clear() -> None:
    async with logged_in() as sync:
        guild = sync.world.guild()
        await sync(guild.id)
        guild.remove_bot()
        assert await sync() == Synced(updated=("global",), cleared=(str(guild.id),))
        assert await sync() == Synced(unchanged=("global",))


async def test_what_cannot_be_cleared_is_cleared_later() -> None:
    async with logged_in() as sync:
        guild = sync.world.guild()
        await sync(guild.id)
        sync.world.faults.fail("bulk_set_guild_application_commands", 403, code=50013)
        found = await sync()
        assert (found.updated, found.cleared) == (("global",), ())
        assert [problem.target for problem in found.problems] == [str(guild.id)]
        assert (await sync()).cleared == (str(guild.id),)


async def test_no_more_new_commands_today() -> None:
    async with logged_in() as sync:
        commands = sync.world.commands
        commands.creates[None] = [commands.now()] * 199
        found = await sync(payloads=FEWER)
        assert found.updated == ()
        assert "tomorrow" in str(found.problems[0].text)
        assert sync.memory.state == {}
        commands.creates.clear()
        assert (await sync(payloads=FEWER)).updated == ("global",)


async def test_a_command_that_is_not_taken_is_named() -> None:
    async with logged_in() as sync:
        await sync(payloads=FEWER)
        broken = copy.deepcopy(PAYLOADS)
        broken[1]["options"][0]["description"] = ""
        (problem,) = (await sync(payloads=broken)).problems
        assert f"command {broken[1]['name']} " in str(problem.text)
        assert "50035" in problem.cause
        assert sync.names() == [payload["name"] for payload in FEWER]


async def test_too_many_commands() -> None:
    async with logged_in() as sync:
        many = tuple({"name": f"c{n}", "description": "x", "type": 1} for n in range(101))
        (problem,) = (await sync(payloads=many)).problems
        assert "100 commands" in str(problem.text)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(401, 0, "token"), (503, 0, "trouble of its own (503)"), (403, 20012, "Discord refused the commands")],
)
async def test_other_refusals(status: int, code: int, words: str) -> None:
    async with logged_in() as sync:
        sync.world.faults.fail("bulk_set_application_commands", status, code=code, times=None)
        (problem,) = (await sync()).problems
        assert words in str(problem.text)
        assert sync.memory.state == {}


class Unreachable:
    """discord.py's client of Discord where the network is down."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self.error = error

    async def bulk_upsert_global_commands(self, *_: Any) -> Any:
        raise self.error()

    async def bulk_upsert_guild_commands(self, *_: Any) -> Any:
        raise self.error()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (lambda: aiohttp.ClientConnectionError("refused"), "could not be reached"),
        (lambda: TimeoutError(), "could not be reached"),
        (lambda: RuntimeError("Session is closed"), "could not be reached"),
        (lambda: discord.RateLimited(12.3), "another 12 s"),
    ],
)
async def test_a_network_that_is_down(error: Callable[[], Exception], words: str) -> None:
    memory = Memory()
    for guilds in ((), (1, 2)):
        found = await sync_commands(Unreachable(error), 1, guilds, PAYLOADS, memory)
        assert not found.updated
        assert all(words in str(problem.text) for problem in found.problems)
        assert len(found.problems) == max(len(guilds), 1)
    assert memory.state == {}


@pytest.mark.parametrize("kept", [None, [], "x", {"global": 1}, {"global": "x", "nonsense": "y", "12": None}])
async def test_memory_of_any_shape(kept: Any) -> None:
    async with logged_in() as sync:
        sync.memory.state[f"discord.commands.{sync.client.application_id}"] = kept
        assert await sync() == Synced(updated=("global",))


def test_digests_tell_what_matters() -> None:
    assert digest_of(PAYLOADS) == digest_of(PAYLOADS[::-1])
    assert digest_of(PAYLOADS) != digest_of(FEWER)
    options = copy.deepcopy(PAYLOADS[:1])
    options[0]["options"].reverse()
    assert digest_of(options) != digest_of(PAYLOADS[:1])
