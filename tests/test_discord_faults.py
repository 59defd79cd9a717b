"""What Discord does to a bot at its worst: answers that fail, are lost or slow, and a gateway that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.chat.discord.client import stay_connected
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.jobs import DeliveryState
from tests.support.discord import Reply, permissions
from tests.support.discord_bot import (
    Scene,
    accepted,
    move,
    pictures_in,
    request_of,
    says,
    scene,
    settled,
    shows_picture,
    until,
)
from tests.support.service import Bot

CALLBACK = "create_interaction_response"
EDIT = "update_*webhook_message"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as made:
        yield made


async def painted(here: Scene, bot: Bot, reply: Reply) -> None:
    """The server paints what was asked for, and it is shown."""
    await accepted(bot, reply)
    await here.server.until_waiting(1)
    here.server.finish()
    await shows_picture(reply)


async def all_painted(here: Scene, replies: Sequence[Reply]) -> None:
    """In whatever order they come."""

    def done() -> bool:
        if here.server.waiting:
            here.server.finish()
        return all(reply.message and reply.attachments for reply in replies)

    await until(done, what=f"pictures in {replies}")


async def goes_on(here: Scene, bot: Bot) -> None:
    """The bot still does what it is there for."""
    await painted(here, bot, await here.imagine("still here"))


# The first response


async def test_a_first_response_that_fails_once_comes_in_time_all_the_same(here: Scene) -> None:
    async with here.bot() as bot:
        fault = here.world.faults.fail(CALLBACK, 500)
        reply = await here.imagine()
        assert fault.hits == 1
        await painted(here, bot, reply)


async def test_a_first_response_that_fails_twice_is_too_late_and_nothing_is_asked_or_charged(
    here: Scene,
) -> None:
    async with here.bot() as bot:
        fault = here.world.faults.fail(CALLBACK, 502, times=2)
        reply = await here.alice.slash(here.channel, "imagine", prompt="a fox")
        await until(lambda: len(here.world.calls(CALLBACK)) == 3, what="three tries")
        assert fault.hits == 2
        await until(lambda: here.world.calls(CALLBACK)[-1].code == 10062)
        assert reply.failed
        await goes_on(here, bot)
        assert await request_of(bot, reply) is None
        assert reply.message is None


@pytest.mark.parametrize("status", [500, None], ids=["an error", "a cut connection"])
@pytest.mark.parametrize("private", [False, True])
async def test_a_first_response_whose_answer_is_lost_was_one(
    here: Scene, status: int | None, private: bool
) -> None:
    async with here.bot() as bot:
        here.world.faults.lose_answer(CALLBACK, status=status)
        reply = await here.imagine(private=private)
        await painted(here, bot, reply)
        assert 40060 in [call.code for call in here.world.calls(CALLBACK)]
        assert reply.ephemeral is private
        assert len(here.server.posted) == 1


async def test_a_storm_of_429_on_first_responses_is_weathered_in_time(here: Scene) -> None:
    async with here.bot():
        here.world.faults.storm(CALLBACK, times=3, retry_after=0.5)
        replies = [await here.alice.slash(here.channel, "imagine", prompt=f"fox {n}") for n in range(3)]
        for reply in replies:
            await reply.acknowledged(within=3)
        await all_painted(here, replies)


async def test_one_command_told_twice_is_one_job(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        answered = here.world.calls(CALLBACK)
        guild = here.guild.id
        here.world.gateway.dispatch("INTERACTION_CREATE", reply.interaction.payload, guild=guild, needs=0)
        await painted(here, bot, reply)
        assert here.world.calls(CALLBACK) == answered
        await goes_on(here, bot)
        assert len(here.server.posted) == 2
        assert len(pictures_in(here.channel)) == 2


# Edits


async def test_a_delivery_whose_answer_is_lost_is_shown_once(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await accepted(bot, reply)
        await says(reply, "fox")
        await here.server.until_waiting(1)
        fault = here.world.faults.lose_answer(EDIT, times=2, status=None)
        here.server.finish()
        await shows_picture(reply, bot=bot, step=0.5)
        await until(lambda: fault.hits == 2, bot=bot, step=0.5)
        await settled(bot, reply, DeliveryState.SENT)
        assert len(reply.attachments) == 1
        assert len(pictures_in(here.channel)) == 1


@pytest.mark.parametrize("times", [3, 12])
async def test_a_result_comes_when_a_storm_of_429_is_over(here: Scene, times: int) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await accepted(bot, reply)
        await here.server.until_waiting(1)
        storm = here.world.faults.storm(EDIT, times=times, retry_after=1.0)
        here.server.finish()
        await shows_picture(reply, bot=bot, step=1.0)
        assert storm.spent
        await settled(bot, reply, DeliveryState.SENT)
        await goes_on(here, bot)


async def test_a_result_comes_when_discord_has_recovered_from_an_outage(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await accepted(bot, reply)
        await here.server.until_waiting(1)
        outage = here.world.faults.fail("*", 503, times=None)
        here.server.finish()
        await until(lambda: outage.hits >= 8, bot=bot, step=1.0)
        here.world.faults.clear()
        await shows_picture(reply, bot=bot, step=1.0)
        assert len(pictures_in(here.channel)) == 1


async def test_slow_answers_to_one_hold_up_nobody_elses_result(here: Scene) -> None:
    async with here.bot() as bot:
        slow = await here.imagine("slow")
        held = here.world.faults.hold(EDIT, path=slow.interaction.token)
        await held.arrived.wait()
        bob = here.guild.member("bob")
        quick = await here.imagine("quick", who=bob)
        await here.server.until_waiting(1)
        await all_painted(here, [quick])
        assert not slow.attachments
        held.release()
        await shows_picture(slow, bot=bot, step=0.5)


async def test_when_every_progress_edit_is_slow_a_result_still_comes_at_once(here: Scene) -> None:
    people = [here.guild.member(f"user{n}") for n in range(40)]
    async with here.bot() as bot:
        first = await here.imagine("first")
        await here.server.until_waiting(1)
        held = here.world.faults.hold(EDIT)
        (fault,) = here.world.faults.active
        fault.where = lambda path: first.interaction.token not in path
        for person in people:
            await here.imagine("another", who=person)
        await until(lambda: held.waiting >= 32, bot=bot, step=0.2, what="many slow edits")
        here.world.faults.clear()
        here.server.finish()
        await shows_picture(first)
        held.release()


# The gateway


@pytest.mark.parametrize("broken", ["drop", "close", "ask_to_reconnect", "invalidate", "resumable"])
async def test_the_gateway_may_break_while_a_job_runs(here: Scene, broken: str) -> None:
    acts = {
        "drop": here.world.gateway.drop,
        "close": lambda: here.world.gateway.close(4000, "unknown error"),
        "ask_to_reconnect": here.world.gateway.ask_to_reconnect,
        "invalidate": here.world.gateway.invalidate,
        "resumable": lambda: here.world.gateway.invalidate(resumable=True),
    }
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        opened = here.world.gateway.opened
        acts[broken]()
        here.server.finish()
        await shows_picture(reply)
        await until(lambda: here.world.gateway.opened > opened or broken == "invalidate", bot=bot, step=1.0)
        await here.world.gateway.until_ready()
        await goes_on(here, bot)


async def test_a_session_that_is_lost_with_a_command_in_it_is_resumed_with_it(here: Scene) -> None:
    async with here.bot() as bot:
        gate = here.world.gateway.gate = asyncio.Event()
        reply = await here.alice.slash(here.channel, "imagine", prompt="a fox")
        here.world.gateway.drop()
        here.world.gateway.gate = None
        gate.set()
        await painted(here, bot, await reply.acknowledged(within=3))
        assert here.world.gateway.counts["RESUME"] == 1


async def test_an_outage_of_the_guild_changes_nothing_for_what_is_under_way(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        here.guild.go_away()
        here.server.finish()
        await shows_picture(reply)
        here.guild.come_back()
        await goes_on(here, bot)


async def test_a_result_finds_its_way_when_the_bot_is_put_out_of_the_guild(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        here.guild.remove_bot()
        here.server.finish()
        await until(
            lambda: pictures_in(here.channel) or pictures_in(here.world.dm(here.alice)), bot=bot, step=0.5
        )
        await settled(bot, reply, DeliveryState.SENT)


async def test_cards_wait_for_the_first_connection(
    here: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)

    async def slowly(*args: Any, **options: Any) -> None:
        await asyncio.sleep(0.2)
        await stay_connected(*args, **options)

    monkeypatch.setattr("bot.chat.discord.bot.stay_connected", slowly)
    here.server.finish()
    async with here.bot() as bot:
        await shows_picture(reply, bot=bot, step=0.5)
    assert "stumbled" not in caplog.text


# The end of a token


async def grown_old(bot: Bot, reply: Reply) -> None:
    """The 15 minutes of its token are over."""
    await accepted(bot, reply)
    move(bot, 15 * 60)


async def test_a_token_that_dies_while_a_job_runs_is_not_needed(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine(sent_ago=12 * 60)
        await here.started(bot, reply)
        move(bot, 2 * 60)
        here.server.finish()
        await shows_picture(reply, bot=bot, step=0.5)
        assert "update_message" in {call.operation for call in here.world.calls() if call.status == 200}
        assert not [call for call in here.world.calls() if call.code == 50027]


async def test_a_token_that_dies_earlier_than_it_should_is_not_needed_either(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        reply.expire()
        here.server.finish()
        await shows_picture(reply, bot=bot, step=0.5)
        assert len(pictures_in(here.channel)) == 1


@pytest.mark.parametrize("private", [False, True])
async def test_what_only_its_token_reaches_comes_as_a_direct_message_after_it(
    here: Scene, private: bool
) -> None:
    elsewhere = here.guild if private else here.world.guild("Elsewhere", bot=False)
    carol = here.world.user("carol", installed=True)
    elsewhere.member(carol)
    channel = elsewhere.channel("theirs")
    async with here.bot() as bot:
        reply = await carol.slash(channel, "imagine", prompt="a fox", private=private)
        await here.started(bot, reply)
        await grown_old(bot, reply)
        here.server.finish()
        await until(lambda: pictures_in(here.world.dm(carol)), bot=bot, step=0.5)
        await settled(bot, reply, DeliveryState.SENT)
        assert not pictures_in(channel)


async def test_a_result_that_nobody_lets_in_is_kept(here: Scene) -> None:
    carol = here.world.user("carol", installed=True)
    carol.dms_open = False
    foreign = here.world.guild("Elsewhere", bot=False)
    foreign.member(carol)
    async with here.bot() as bot:
        reply = await carol.slash(foreign.channel("theirs"), "imagine", prompt="a fox")
        job = await here.started(bot, reply)
        await grown_old(bot, reply)
        here.server.finish()
        await settled(bot, reply, DeliveryState.KEPT)
        files, _ = await bot.store.results(job.id)
        assert files


# Channels and rights


@pytest.mark.parametrize("old", [False, True], ids=["the token lives", "the token is dead"])
@pytest.mark.parametrize("gone", ["channel", "message"])
async def test_what_has_no_place_any_more_finds_another(here: Scene, gone: str, old: bool) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        if old:
            await grown_old(bot, reply)
        if gone == "channel":
            here.channel.delete()
        else:
            await here.world.owner.deletes(reply.shown)
        here.server.finish()
        place = here.world.dm(here.alice) if gone == "channel" else here.channel
        await until(lambda: pictures_in(place), bot=bot, step=0.5, what="the picture elsewhere")
        await settled(bot, reply, DeliveryState.SENT)
        assert len(pictures_in(place)) == 1


@pytest.mark.parametrize("old", [False, True], ids=["the token lives", "the token is dead"])
@pytest.mark.parametrize("right", ["VIEW_CHANNEL", "SEND_MESSAGES", "ATTACH_FILES", "EMBED_LINKS"])
async def test_rights_may_be_taken_while_a_job_runs(here: Scene, right: str, old: bool) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        if old:
            await grown_old(bot, reply)
        here.channel.deny(here.world.bot, getattr(permissions, right))
        here.server.finish()
        dm = here.world.dm(here.alice)
        await until(
            lambda: pictures_in(here.channel) or pictures_in(dm), bot=bot, step=0.5, what="the picture"
        )
        await settled(bot, reply, DeliveryState.SENT)
        assert len(pictures_in(here.channel) + pictures_in(dm)) == 1
        refused = [call for call in here.world.calls() if call.status == 403]
        assert len(refused) <= 3, "it is tried again and again"


async def test_a_reply_that_is_gone_is_not_knocked_at_with_every_step(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.started(bot, reply)
        (run,) = here.server.waiting
        assert run.on_event is not None
        await here.world.owner.deletes(reply.shown)
        for step in range(1, 31):
            run.on_event(Progressed(step / 40, NodeId("5"), "Sampler", step, 40))
            move(bot, 3.0)
            await asyncio.sleep(0.01)
        refused = [call for call in here.world.calls() if call.status in (401, 403, 404)]
        assert 1 <= len(refused) <= 3
        here.server.finish()
        await until(lambda: pictures_in(here.channel), bot=bot, step=0.5)
