"""The stand-in of Discord: life on the gateway, and its end, as the real discord.py lives it."""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from contextlib import suppress
from typing import Any

import aiohttp
import discord
import pytest
from aiohttp import WSMsgType

from tests.support.discord import DiscordWorld, Pauses
from tests.support.discord.signals import DEADLINE_SECONDS
from tests.support.discord.small_bot import SmallBot, answer, running, staged


async def back(world: DiscordWorld, word: str, times: int) -> None:
    """Wait until the bot is connected again after so many RESUME or IDENTIFY."""
    gateway = world.gateway

    def is_back() -> bool:
        return gateway.counts[word] >= times and gateway.ready

    await gateway.changed.until(is_back, what=f"{times} {word}")


async def test_a_broken_connection_is_resumed_and_nothing_is_lost() -> None:
    async with staged(pauses=Pauses()) as stage:
        gateway = stage.discord.gateway
        gateway.drop()
        await gateway.until_gone()
        reply = await stage.alice.slash(stage.channel, "do")
        assert reply.interaction.delivered
        await reply.acknowledged()
        assert gateway.counts == {"IDENTIFY": 1, "RESUME": 1, "HEARTBEAT": 2}
        assert "resumed" in stage.bot.events


@pytest.mark.parametrize("code", [1000, 1001, 4000, 4001, 4009])
async def test_codes_after_which_it_comes_back(code: int) -> None:
    async with staged(pauses=Pauses()) as stage:
        stage.discord.gateway.close(code)
        await stage.discord.gateway.until_gone()
        await back(stage.discord, "RESUME" if code > 1001 else "IDENTIFY", 1 if code > 1001 else 2)
        await (await stage.alice.slash(stage.channel, "do")).acknowledged()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (4004, discord.ConnectionClosed),
        (4013, discord.ConnectionClosed),
        (4014, discord.PrivilegedIntentsRequired),
    ],
)
async def test_codes_after_which_it_does_not(code: int, error: type[Exception]) -> None:
    async with DiscordWorld() as world:
        bot = SmallBot()
        task = asyncio.create_task(bot.start(world.token))
        await world.gateway.until_ready()
        world.gateway.close(code)
        with pytest.raises(error):
            await asyncio.wait_for(task, DEADLINE_SECONDS)
        await bot.close()


async def test_it_is_asked_to_reconnect() -> None:
    async with staged(pauses=Pauses()) as stage:
        stage.discord.gateway.ask_to_reconnect()
        await back(stage.discord, "RESUME", 1)
        stage.discord.gateway.invalidate(resumable=True)
        await back(stage.discord, "RESUME", 2)
        assert stage.discord.gateway.counts["IDENTIFY"] == 1
        stage.discord.gateway.invalidate()
        await back(stage.discord, "IDENTIFY", 2)
        await (await stage.alice.slash(stage.channel, "do")).acknowledged()


async def test_a_session_that_is_forgotten_begins_anew() -> None:
    async with staged(pauses=Pauses()) as stage:
        stage.discord.gateway.drop()
        stage.discord.gateway.forget_sessions()
        lost = await stage.alice.slash(stage.channel, "do")
        assert not lost.interaction.delivered
        assert lost.failed
        await back(stage.discord, "IDENTIFY", 2)
        assert stage.discord.gateway.counts["RESUME"] == 1
        await (await stage.alice.slash(stage.channel, "do")).acknowledged()


async def test_silence_is_noticed() -> None:
    async with DiscordWorld(pauses=Pauses()) as world:
        world.gateway.heartbeat_seconds = 0.15
        async with running(world, heartbeat_timeout=0.8):
            # Acknowledgements alone keep it patient; without them it is not.
            await back(world, "HEARTBEAT", 7)
            assert world.gateway.counts["RESUME"] == 0
            world.gateway.silence()
            await back(world, "RESUME", 1)


async def test_heartbeats() -> None:
    async with DiscordWorld() as world:
        world.gateway.heartbeat_seconds = 0.02
        async with running(world) as bot:
            await back(world, "HEARTBEAT", 4)
            assert math.isfinite(bot.latency)


async def test_the_first_connection_fails() -> None:
    pauses = Pauses()
    async with DiscordWorld(pauses=pauses) as world:
        world.gateway.refuse(2, 503)
        world.gateway.refuse(2, None)  # aiohttp tries a cut connection a second time, unasked
        async with running(world):
            assert pauses.taken == [5.0, 5.0, 5.0]
            assert world.gateway.opened == 5
        world.gateway.refuse()
        plain = discord.Client(intents=discord.Intents.none())
        with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'sequence'"):
            await asyncio.wait_for(plain.start(world.token), DEADLINE_SECONDS)
        await plain.close()


async def test_ready_may_be_late() -> None:
    async with DiscordWorld() as world:
        world.gateway.ready_gate = asyncio.Event()
        bot = SmallBot()
        task = asyncio.create_task(bot.start(world.token))
        await world.gateway.changed.until(lambda: world.gateway.counts["HEARTBEAT"])
        assert not world.gateway.ready
        world.gateway.ready_gate.set()
        await world.gateway.until_ready()
        await bot.wait_until_ready()
        await bot.close()
        with suppress(asyncio.CancelledError):
            await task


async def test_shards() -> None:
    async with DiscordWorld(pauses=Pauses()) as world:
        world.gateway.shards = 3
        guilds = [world.guild(str(n)) for n in range(12)]
        people = [guild.member("somebody") for guild in guilds]
        async with running(world) as bot:
            await world.gateway.until_ready(3)
            await world.changed.until(lambda: len(bot.guilds) == 12)
            for guild, person in zip(guilds, people, strict=True):
                await (await person.slash(guild.channel(), "do")).acknowledged()
            shards = [interaction.guild.shard_id for interaction in bot.interactions if interaction.guild]
            assert shards == [(guild.id >> 22) % 3 for guild in guilds]
            assert len(set(shards)) > 1
            for session in world.gateway.sessions.values():
                told = {each["d"]["id"] for each in session.said if each["t"] == "GUILD_CREATE"}
                assert told == {str(each.id) for each in guilds if (each.id >> 22) % 3 == session.shard}
                asked = sum(each["t"] == "INTERACTION_CREATE" for each in session.said)
                assert asked == len(told)


async def test_guilds_come_and_go() -> None:
    async with staged() as stage:
        events = stage.bot.events
        (seen,) = stage.bot.guilds
        assert (seen.name, [channel.name for channel in seen.text_channels]) == ("Painters", ["general"])
        assert seen.me.guild_permissions.attach_files
        stage.guild.go_away()
        stage.guild.come_back()
        stage.guild.remove_bot()
        stage.guild.add_bot()
        await (await stage.alice.slash(stage.channel, "do")).acknowledged()
        about = [event for event in events if event.startswith("guild_")]
        assert about[-4:] == ["guild_unavailable", "guild_available", "guild_remove", "guild_join"]
        stage.channel.deny(stage.discord.bot, 1 << 15)
        stage.guild.channel("new")
        stage.channel.thread().delete()
        stage.channel.delete()
        new = stage.guild.channels[-1]
        await (await stage.alice.slash(new, "do")).acknowledged()
        assert [event for event in events if "channel" in event] == [
            "guild_channel_update",
            "guild_channel_create",
            "guild_channel_delete",
        ]
        assert {"thread_create", "thread_delete"} <= set(events)


async def test_privileged_intents_must_be_granted() -> None:
    async with DiscordWorld() as world:
        bot = SmallBot(intents=discord.Intents.all())
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await asyncio.wait_for(bot.start(world.token), DEADLINE_SECONDS)
        await bot.close()
        world.gateway.allowed_intents = discord.Intents.all().value
        guild = world.guild()
        bob = guild.member("bob")
        async with running(world, intents=discord.Intents.all()) as started:
            await world.changed.until(lambda: started.guilds)
            found = await started.guilds[0].fetch_member(bob.id)
            assert found.name == "bob"
            (again,) = await started.guilds[0].query_members(user_ids=[bob.id])
            assert again == found


async def talk(world: DiscordWorld, *messages: str | bytes | dict[str, Any], query: str = "") -> int | None:
    """What code a client that says this is sent away with."""
    async with aiohttp.ClientSession() as http, http.ws_connect(world.gateway_url + query) as ws:
        for message in messages:
            if isinstance(message, bytes):
                await ws.send_bytes(message)
            else:
                await ws.send_str(message if isinstance(message, str) else json.dumps(message))
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for _ in ws:
                pass
        return ws.close_code


async def test_what_is_no_protocol_is_sent_away() -> None:
    async with DiscordWorld() as world:
        identify = {"op": 2, "d": {"token": world.token, "intents": 1}}
        assert await talk(world, "{") == 4002
        assert await talk(world, b"{}") == 4002
        assert await talk(world, {"op": 99}) == 4001
        assert await talk(world, {"op": 3, "d": {}}) == 4003
        assert await talk(world, {"op": 2, "d": {"token": "x", "intents": 1}}) == 4004
        assert await talk(world, identify, identify) == 4005
        resume = {"op": 6, "d": {"token": world.token, "session_id": "", "seq": 1}}
        assert await talk(world, resume, {"op": 99}) == 4001
        wrong_shard = {"op": 2, "d": {**identify["d"], "shard": [2, 2]}}  # type: ignore[dict-item]
        assert await talk(world, wrong_shard) == 4010
        assert await talk(world, *[{"op": 1, "d": None}] * 121) == 4008


async def test_it_speaks_compressed_to_who_asks() -> None:
    async with DiscordWorld() as world, aiohttp.ClientSession() as http:
        async with http.ws_connect(world.gateway_url + "?compress=zlib-stream") as ws:
            frame = await ws.receive()
            assert frame.type is WSMsgType.BINARY
            assert frame.data.endswith(b"\x00\x00\xff\xff")
            assert json.loads(zlib.decompressobj().decompress(frame.data))["op"] == 10
        async with http.ws_connect(world.gateway_url) as ws:
            hello = await ws.receive_json()
            assert hello == {"op": 10, "d": {"heartbeat_interval": 41250}}


async def test_an_answer_may_come_after_an_outage() -> None:
    async with staged(pauses=Pauses()) as stage:
        held = stage.discord.faults.hold("create_interaction_response", times=1)
        stage.bot.act = answer
        reply = await stage.alice.slash(stage.channel, "do")
        await held.arrived.wait()
        stage.discord.gateway.drop()
        await back(stage.discord, "RESUME", 1)
        held.release()
        await reply.acknowledged()
        # What was heard before is not said again.
        await (await stage.alice.slash(stage.channel, "do")).acknowledged()
        assert len(stage.bot.interactions) == 2
