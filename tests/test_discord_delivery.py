"""Results in Discord that do not go the usual way: refused, too large, too many, not allowed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.events import Finished
from bot.domain.ids import NodeId
from bot.domain.jobs import DeliveryState
from bot.domain.outputs import MediaKind, OutputFile
from tests.support.discord import Reply, permissions
from tests.support.discord.posting import Posting
from tests.support.discord_bot import (
    Scene,
    accepted,
    move,
    pictures_in,
    says,
    scene,
    settled,
    shows_picture,
    until,
)
from tests.support.parcels import encoded, painted
from tests.support.service import Bot

MIB = 1024**2


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as found:
        yield found


async def asked(here: Scene, **options: Any) -> Reply:
    """A job that is at its server."""
    reply = await here.imagine(**options)
    await here.server.until_waiting(1)
    here.server.start()
    return reply


def refused(here: Scene) -> list[tuple[int, int | None]]:
    return [(call.status, call.code) for call in here.world.calls() if call.status >= 400]


# Refused as they are


@pytest.mark.parametrize(("status", "code"), [(413, 0), (413, 40005), (400, 40005)])
async def test_what_is_too_large_all_the_same_goes_down_the_ladder(
    here: Scene, status: int, code: int
) -> None:
    here.server.picture = lambda: encoded(painted(1800, 1200, noise=60))
    async with here.bot() as bot:
        reply = await asked(here)
        request = await accepted(bot, reply)
        await tell_limit(bot, request.id, 25 * MIB)
        fault = here.world.faults.fail("update_webhook_message", status, code=code)
        fault.where = lambda _: bool(here.world.calls()[-1].files)
        here.server.finish()
        await shows_picture(reply)
        assert refused(here) == [(status, code)]
        await settled(bot, reply, DeliveryState.SENT)


async def test_what_is_too_large_however_small_is_kept(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        fault = here.world.faults.fail("*_message", 413, times=4, code=40005)
        fault.where = lambda _: bool(here.world.calls()[-1].files)
        here.server.finish()
        await says(reply, "no file of this size", bot=bot, step=0.5)
        await settled(bot, reply, DeliveryState.KEPT)
        shown = await here.alice.press(reply.button("Show"))
        await shows_picture(shown)


async def tell_limit(bot: Bot, request: str, size: int) -> None:
    """As if Discord had told another limit with the command."""
    read = bot.store.request

    async def told(wanted: Any) -> Any:
        found = await read(wanted)
        if found is None or wanted != request:
            return found
        return replace(found, options={**found.options, "file_bytes": size})

    bot.store.request = told  # type: ignore[method-assign]


@pytest.mark.parametrize("code", [50035, 50006, 50109])
async def test_a_form_that_is_not_taken_comes_without_anything_that_could_be_wrong(
    here: Scene, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with here.bot() as bot:
        reply = await asked(here, prompt="a fox <@123>")
        fault = here.world.faults.fail("update_webhook_message", 400, code=code)
        fault.where = lambda _: bool(here.world.calls()[-1].files)
        here.server.finish()
        await shows_picture(reply)
        assert "Done" in reply.content
        assert not reply.embeds
        assert reply.button("Re-roll")
        await settled(bot, reply, DeliveryState.SENT)
        told = [line for line in caplog.records if str(code) in line.getMessage()]
        assert [line.levelno for line in told] == [logging.WARNING]


async def test_a_form_that_is_never_taken_is_kept(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        here.world.faults.fail("*_message", 400, times=None, code=50035)
        here.server.finish()
        await settled(bot, reply, DeliveryState.KEPT)
        assert len(refused(here)) <= 12


async def test_too_many_edits_of_old_messages_are_waited_for(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        bot.clock.advance(2 * 3600)
        here.world.faults.fail("update_message", 400, times=2, code=30046)
        here.server.finish()
        await shows_picture(reply, bot=bot, step=1.0)
        assert refused(here) == [(400, 30046)] * 2
        assert len(pictures_in(here.channel)) == 1


# Not allowed


async def test_without_the_right_to_attach_it_is_a_direct_message_and_the_card_says_why(
    here: Scene,
) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        bot.clock.advance(20 * 60)
        here.channel.deny(here.world.bot, permissions.ATTACH_FILES)
        here.server.finish()
        await until(lambda: pictures_in(here.world.dm(here.alice)), bot=bot, step=0.5)
        await says(reply, "lacks the right Attach Files", bot=bot)
        await says(reply, "direct message", bot=bot)
        await settled(bot, reply, DeliveryState.SENT)


async def test_where_she_takes_no_messages_it_is_kept_and_shown_when_she_asks(here: Scene) -> None:
    here.alice.dms_open = False
    async with here.bot() as bot:
        reply = await asked(here)
        bot.clock.advance(20 * 60)
        here.channel.deny(here.world.bot, permissions.ATTACH_FILES, permissions.EMBED_LINKS)
        here.server.finish()
        await settled(bot, reply, DeliveryState.KEPT)
        await says(reply, "Attach Files", bot=bot)
        assert "Embed Links" in reply.content, "not even an embed could say it"
        shown = await here.alice.press(reply.button("Show"))
        await shows_picture(shown)
        assert shown.ephemeral


async def test_files_that_are_dropped_without_a_word_are_missed(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Posting._files

    def dropping(posting: Posting, message: Any, wish: Any) -> Any:
        return [] if message.channel is here.channel else take(posting, message, wish)

    async with here.bot() as bot:
        reply = await asked(here)
        monkeypatch.setattr(Posting, "_files", dropping)
        here.server.finish()
        await until(lambda: pictures_in(here.world.dm(here.alice)), bot=bot, step=0.5)
        await says(reply, "do not suffice", bot=bot)


async def test_an_archived_thread_is_opened_again_and_a_locked_one_left_alone(here: Scene) -> None:
    async with here.bot() as bot:
        for locked in (False, True):
            thread = here.guild.channel(f"place-{locked}".lower()).thread()
            here.channel = thread
            reply = await asked(here)
            bot.clock.advance(20 * 60)
            thread.archived, thread.locked = True, locked
            here.server.finish()
            place = here.world.dm(here.alice) if locked else thread
            await until(lambda place=place: pictures_in(place), bot=bot, step=0.5)  # type: ignore[misc]
            await settled(bot, reply, DeliveryState.SENT)


# Many files, and other kinds


def files(count: int, kind: MediaKind = MediaKind.IMAGE, suffix: str = ".png") -> Finished:
    made = [OutputFile(NodeId("7"), f"fairbrush_{n}{suffix}", kind=kind) for n in range(count)]
    return Finished(tuple(made), 3.0, cached=False)


async def test_more_than_ten_files_take_several_messages(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        here.server.end(files(12))
        await shows_picture(reply, count=10)
        await until(lambda: len(pictures_in(here.channel)) == 2, bot=bot, step=0.5)
        assert len(pictures_in(here.channel)[1].attachments) == 3
        await settled(bot, reply, DeliveryState.SENT)


async def test_a_further_message_is_tried_again_without_showing_anything_twice(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        here.world.faults.lose_answer("create_message", times=6)
        here.server.end(files(12))
        await settled(bot, reply, DeliveryState.SENT)
        assert [len(each.attachments) for each in pictures_in(here.channel)] == [10, 3]
        assert len([c for c in here.world.calls("update_webhook_message") if c.files]) == 1


async def test_what_no_further_message_takes_is_told_of(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        here.world.faults.fail("create_message", 400, times=None, code=50035)
        here.server.end(files(12))
        await says(reply, "3 more files could not be shown here", bot=bot, step=0.5)
        assert len(reply.attachments) == 10, "what is shown stays"
        await settled(bot, reply, DeliveryState.SENT)
        here.world.faults.clear()
        shown = await here.alice.press(reply.button("Show"))
        await shows_picture(shown, count=10)


async def test_delete_takes_further_messages_away_too(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        here.server.end(files(12))
        await settled(bot, reply, DeliveryState.SENT)
        request = await accepted(bot, reply)
        again = await here.alice.slash(here.channel, "show", job=request.id)
        await until(lambda: again.followups, bot=bot, step=0.5)
    # By another process, long after: what is remembered stands in the store.
    async with here.bot() as bot:
        move(bot, 3600)
        assert len(pictures_in(here.channel)) == 2
        await here.alice.press(reply.button("Delete"))
        await until(lambda: pictures_in(here.channel) == [], bot=bot, step=0.5)


async def test_delete_takes_further_private_messages_away_while_discord_lets_us(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here, private=True)
        here.server.end(files(12))
        await settled(bot, reply, DeliveryState.SENT)
        await here.alice.press(reply.button("Delete"))
        await until(lambda: all(each.deleted for each in reply.followups), bot=bot, step=0.5)


async def test_in_private_further_messages_are_private_too(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here, private=True)
        here.server.end(files(12))
        await until(lambda: reply.followups, bot=bot, step=0.5)
        assert [len(each.attachments) for each in reply.followups] == [3]
        assert all(each.ephemeral for each in reply.followups)
        assert not pictures_in(here.channel)


async def test_a_further_private_message_is_not_said_twice_when_another_has_to_wait(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here, private=True)
        held = here.world.faults.hold("execute_webhook", times=1, after=True)
        here.server.end(files(22))
        await until(lambda: held.arrived.is_set(), bot=bot, step=0.5)
        here.world.faults.fail("execute_webhook", 400, code=20028)
        held.release()
        await settled(bot, reply, DeliveryState.SENT)
        assert [len(each.attachments) for each in reply.followups] == [10, 3]


@pytest.mark.parametrize(("kind", "suffix"), [(MediaKind.VIDEO, ".mp4"), (MediaKind.ANIMATED, ".webp")])
async def test_what_moves_comes_as_a_file(here: Scene, kind: MediaKind, suffix: str) -> None:
    here.server.picture = lambda: b"\x00\x00\x00\x18ftypmp42 and so on"
    async with here.bot() as bot:
        reply = await asked(here)
        here.server.end(files(1, kind, suffix))
        await until(lambda: reply.attachments, bot=bot, step=0.5)
        (file,) = reply.attachments
        assert file.filename.endswith(suffix)
        assert file.content == here.server.picture()


async def test_a_film_that_is_too_large_is_kept_and_the_card_says_so(here: Scene) -> None:
    here.server.picture = lambda: b"\x00\x00\x00\x18ftypmp42" + bytes(11 * MIB)
    async with here.bot() as bot:
        reply = await asked(here)
        here.server.end(files(1, MediaKind.VIDEO, ".mp4"))
        await says(reply, "Too large to be shown", bot=bot, step=0.5)
        assert not reply.attachments
        await settled(bot, reply, DeliveryState.SENT)


async def test_a_picture_that_has_gone_from_the_disk_is_missed(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await asked(here)
        held = here.world.faults.hold("update_webhook_message")
        here.server.finish()
        await asyncio.wait_for(held.arrived.wait(), 10)
        held.release()
        here.world.faults.clear()
        await shows_picture(reply, bot=bot, step=0.5)
        for path in (bot.settings.data_dir / "pictures").rglob("*.png"):
            path.unlink()
        again = await here.alice.slash(here.channel, "show", job=(await accepted(bot, reply)).id)
        await says(again, "not on the bot's disk", bot=bot, step=0.5)
