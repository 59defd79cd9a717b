"""The stand-in of Discord: rate limits, and faults of the network, as discord.py meets them."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from tests.support.discord import Pauses, RateLimits, Window
from tests.support.discord.signals import DEADLINE_SECONDS
from tests.support.discord.small_bot import SmallBot, Stage, answer, running, staged
from tests.support.service import FakeClock

HOUR = 3600 * 1000


async def call(
    stage: Stage, method: str, path: str, body: object, *, token: str = ""
) -> tuple[int, Any, Any]:
    """One request of a client that waits for nothing."""
    headers = {"Authorization": f"Bot {token or stage.discord.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, stage.discord.api_url + path, json=body) as response,
    ):
        answered = await response.json() if response.content_type == "application/json" else None
        return response.status, answered, response.headers


async def test_buckets_are_told_in_headers_and_overflow_with_429() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock(), limits=RateLimits.real(), pauses=Pauses()) as stage:
        path = f"/channels/{stage.channel.id}/messages"
        left = []
        for _ in range(5):
            status, _, headers = await call(stage, "POST", path, {"content": "x"})
            assert status == 200
            left.append(headers["X-RateLimit-Remaining"])
        assert left == ["4", "3", "2", "1", "0"]
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Reset-After"]) == ("5", "5.000")
        clock.advance(2)
        status, body, headers = await call(stage, "POST", path, {"content": "x"})
        assert (status, body["retry_after"], body["global"]) == (429, 3.0, False)
        assert headers["Via"]
        assert (headers["Retry-After"], headers["X-RateLimit-Scope"]) == ("3", "user")
        other = stage.guild.channel("other")
        assert (await call(stage, "POST", f"/channels/{other.id}/messages", {"content": "x"}))[0] == 200
        clock.advance(3)
        assert (await call(stage, "POST", path, {"content": "x"}))[0] == 200
        assert stage.discord.limiter.refused == {"send": 1}


async def test_discord_py_waits_inside_the_call_and_never_sees_429() -> None:
    clock = FakeClock()
    pauses = Pauses(clock.advance)
    async with staged(clock=clock.as_clock(), limits=RateLimits.real(), pauses=pauses) as stage:
        reply = await stage.do()
        message = stage.bot.get_partial_messageable(stage.channel.id).get_partial_message(reply.shown.id)
        before = clock.now()
        for step in range(101):
            await message.edit(content=f"{step} %")
        edits = stage.discord.calls("update_message")
        assert [edit.status for edit in edits] == [200] * 101
        assert stage.discord.limiter.refused == {}
        # The last word of ten seconds of work is a minute and a half late.
        assert (edits[-1].at - before) / 1000 == 100
        assert reply.content == "100 %"


async def test_each_token_has_a_bucket_of_its_own_and_the_global_limit_does_not_count() -> None:
    clock = FakeClock()
    pauses = Pauses(clock.advance)
    async with staged(clock=clock.as_clock(), limits=RateLimits.real(), pauses=pauses) as stage:
        replies = [await stage.do() for _ in range(15)]
        for step in range(4):
            for interaction in stage.bot.interactions:
                await interaction.edit_original_response(content=str(step))
        assert pauses.taken == []
        assert {reply.content for reply in replies} == {"3"}
        await stage.bot.interactions[0].edit_original_response(content="5")
        assert pauses.taken == [5.0]


async def test_the_global_limit() -> None:
    clock = FakeClock()
    limits = RateLimits(overall=Window(3, 1.0))
    async with staged(clock=clock.as_clock(), limits=limits, pauses=Pauses(clock.advance)) as stage:
        clock.advance(1)
        for _ in range(3):
            assert (await call(stage, "GET", "/users/@me", None))[0] == 200
        status, body, headers = await call(stage, "GET", "/users/@me", None)
        assert (status, body["global"]) == (429, True)
        assert headers["X-RateLimit-Global"] == "true"
        assert headers["X-RateLimit-Scope"] == "global"


async def test_messages_older_than_an_hour_are_edited_rarely() -> None:
    clock = FakeClock()
    pauses = Pauses(clock.advance)
    async with staged(clock=clock.as_clock(), limits=RateLimits.real(), pauses=pauses) as stage:
        reply = await stage.do()
        reply.shown.raw.born -= 2 * HOUR
        path = f"/channels/{stage.channel.id}/messages/{reply.shown.id}"
        for _ in range(3):
            assert (await call(stage, "PATCH", path, {"content": "x"}))[0] == 200
        status, body, _ = await call(stage, "PATCH", path, {"content": "x"})
        assert (status, body["code"]) == (429, 30046)
        place = stage.bot.get_partial_messageable(stage.channel.id)
        await place.get_partial_message(reply.shown.id).edit(content="at last")
        assert pauses.taken == [6.0]
        assert reply.content == "at last"


async def test_slow_mode_of_a_channel() -> None:
    clock = FakeClock()
    pauses = Pauses(clock.advance)
    async with staged(clock=clock.as_clock(), limits=RateLimits.off(), pauses=pauses) as stage:
        stage.channel.slowmode = 30
        place = stage.bot.get_partial_messageable(stage.channel.id)
        await place.send("one")
        await place.send("two")
        assert pauses.taken == [30.0]
        assert [each.code for each in stage.discord.calls("create_message")] == [0, 20016, 0]


async def test_who_does_not_listen_is_banned() -> None:
    async with staged(limits=RateLimits(banned_after=3)) as stage:
        for _ in range(3):
            assert (await call(stage, "GET", "/users/@me", None, token="wrong"))[0] == 401
        assert stage.discord.limiter.banned
        with pytest.raises(discord.HTTPException) as caught:
            await stage.bot.fetch_user(stage.alice.id)
        assert caught.value.status == 429
        assert len(stage.discord.calls("get_user")) == 1


async def test_storms_of_429() -> None:
    pauses = Pauses()
    async with staged(SmallBot(max_ratelimit_timeout=30), pauses=pauses) as stage:
        stage.discord.faults.storm("get_user", times=2, retry_after=0.5)
        await stage.bot.fetch_user(stage.alice.id)
        assert pauses.taken == [0.5, 0.5]
        stage.discord.faults.storm("get_user", everywhere=True, retry_after=0.25)
        await stage.bot.fetch_user(stage.alice.id)
        assert pauses.taken == [0.5, 0.5, 0.25]
        stage.discord.faults.storm("get_user", retry_after=60)
        with pytest.raises(discord.RateLimited) as limited:
            await stage.bot.fetch_user(stage.alice.id)
        assert limited.value.retry_after == 60
        # Interactions ignore that setting and wait.
        stage.discord.faults.storm("create_interaction_response", retry_after=60)
        await stage.do()
        assert pauses.taken[-1] == 60
        stage.discord.faults.storm("get_user", via=False)
        with pytest.raises(discord.HTTPException) as caught:
            await stage.bot.fetch_user(stage.alice.id)
        assert caught.value.status == 429


async def test_which_errors_are_tried_again() -> None:
    pauses = Pauses()
    async with staged(pauses=pauses) as stage:
        for status in (500, 502, 504):
            stage.discord.faults.fail("get_user", status)
            await stage.bot.fetch_user(stage.alice.id)
        assert pauses.taken == [1, 1, 1]
        stage.discord.faults.fail("get_user", 503)
        with pytest.raises(discord.DiscordServerError):
            await stage.bot.fetch_user(stage.alice.id)
        stage.discord.faults.fail("create_interaction_response", 503)
        await stage.do()
        assert pauses.taken == [1, 1, 1, 1]
        stage.discord.faults.fail("get_user", 500, times=5)
        with pytest.raises(discord.DiscordServerError):
            await stage.bot.fetch_user(stage.alice.id)
        assert pauses.taken[4:] == [1, 3, 5, 7, 9]


async def test_a_lost_answer_took_effect() -> None:
    async with staged(pauses=Pauses()) as stage:
        place = stage.bot.get_partial_messageable(stage.channel.id)
        stage.discord.faults.lose_answer("create_message")
        await place.send("once")
        # discord.py gives messages a nonce, so that a repeated one is not there twice.
        assert [message.content for message in stage.channel.shown] == ["once"]
        assert len(stage.discord.calls("create_message")) == 2
        message = stage.channel.shown[0]
        stage.discord.faults.lose_answer("update_message", status=None)
        with pytest.raises(aiohttp.ClientError):
            await place.get_partial_message(message.id).edit(content="changed")
        assert message.content == "changed"
        stage.discord.faults.hang_up("update_message")
        with pytest.raises(aiohttp.ClientError):
            await place.get_partial_message(message.id).edit(content="never")
        assert message.content == "changed"


async def test_slowness_passes_on_the_clock() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        fault = stage.discord.faults.slow("create_interaction_response", 2.5, times=1)
        stage.bot.act = answer
        reply = await stage.alice.slash(stage.channel, "do")
        await stage.discord.until(lambda: fault.hits)
        await asyncio.sleep(0)
        clock.advance(2.5)
        await reply.acknowledged()
        assert reply.seconds == 2.5
        stage.discord.faults.clear()


async def test_faults_can_be_for_one_message_alone() -> None:
    async with staged(limits=RateLimits.off(), pauses=Pauses()) as stage:
        first, second = await stage.do(), await stage.do()
        fault = stage.discord.faults.fail("update_*", 404, path=str(first.interaction.token), code=10008)
        with pytest.raises(discord.NotFound):
            await stage.bot.interactions[0].edit_original_response(content="x")
        await stage.bot.interactions[1].edit_original_response(content="x")
        assert fault.hits == 1
        assert (first.content, second.content) == ("hello", "x")


async def test_a_503_at_login_is_raised_at_once() -> None:
    async with staged() as stage:
        await stage.bot.close()
        stage.discord.faults.fail("get_my_user", 503)
        with pytest.raises(discord.DiscordServerError):
            async with running(stage.discord):
                pass
        stage.discord.token = "another"
        bot = SmallBot()
        with pytest.raises(discord.LoginFailure):
            await asyncio.wait_for(bot.start("wrong"), DEADLINE_SECONDS)
        await bot.close()
