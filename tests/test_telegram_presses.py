"""Buttons in Telegram: answered at once, whatever they lead to, on messages of any age and by anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.service.reception import Reception
from tests.support.telegram import FloodLimits, Upload
from tests.support.telegram_bot import (
    Scene,
    answered,
    classes_of,
    painted,
    photos,
    saying,
    says,
    scene,
    started,
    until,
)

DAY = 24 * 3600


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path, limits=FloodLimits.off()) as made:
        yield made


async def test_the_verbs_go_on_from_a_picture_and_after_a_restart(here: Scene) -> None:
    alice, chat = here.alice, here.chat
    async with here.bot() as bot:
        await alice.says(chat, "/imagine a fox")
        found = await painted(bot, chat)
    async with here.bot() as bot:
        await alice.presses(found.button("Re-roll"))
        again = await painted(bot, chat)
        await alice.presses(again.button("Vary"))
        await painted(bot, chat)
        assert "LoadImage" in classes_of(bot)
        await alice.presses(again.button("Upscale"))
        await painted(bot, chat)
        assert any("Upscale" in name for name in classes_of(bot))
        await alice.presses(again.button("Original"))
        await until(bot, lambda: any(each.document for each in chat.by_bot))
        assert len(bot.server.posted) == 4


async def test_what_a_picture_was_made_with_takes_nothings_place(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox --steps 9")
        found = await painted(bot, here.chat)
        before = found.edits
        await here.alice.presses(found.button(".*Settings"))
        told = await says(bot, here.chat, "Made with")
        assert "steps" in told.text
        assert told.id != found.id
        assert found.edits == before


async def test_two_quick_taps_are_one_job(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        taps = [await here.alice.presses(found.button("Re-roll")) for _ in range(3)]
        await until(bot, lambda: all(tap.answered for tap in taps))
        await painted(bot, here.chat)
        await answered(bot, here.chat, here.alice.says(here.chat, "/queue"))
        assert len(bot.server.posted) == 2


# In time


async def test_a_press_is_answered_in_time_whatever_it_takes(
    here: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    press, go = Reception.press, asyncio.Event()

    async def slow(*args: Any) -> Any:
        await go.wait()
        return await press(*args)

    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        found = await painted(bot, group)
        monkeypatch.setattr(Reception, "press", slow)
        good, bad = await here.alice.presses(found.button("Re-roll")), await bob.presses(found.button("Vary"))
        await until(bot, lambda: good.answered and bad.answered, step=0.02)
        assert (good.seconds or 9) < 2
        assert (bad.seconds or 9) < 2
        assert not bad.text
        go.set()
        await painted(bot, group)
        # It is too late to say it over the chat; Bob never wrote to the bot.
        await says(bot, group, "somebody else's")


async def test_a_press_waits_for_nothing_that_its_person_sent_before(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        held = here.world.faults.hold("getFile")
        await here.alice.sends_photo(here.chat, Upload.picture(), "/upscale")
        await held.arrived.wait()
        press = await here.alice.presses(found.button("Re-roll"))
        await press.until_answered()
        assert (press.seconds or 9) < 2
        await painted(bot, here.chat)
        held.release()
        await painted(bot, here.chat)


async def test_a_bug_behind_a_press_is_told(here: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        with monkeypatch.context() as patched:
            patched.setattr(Reception, "press", broken)
            press = await here.alice.presses(found.button("Re-roll"))
            await press.until_answered()
        assert "stumbled" in press.text
        await here.alice.presses(found.button("Vary"))
        await painted(bot, here.chat)


async def test_a_press_from_long_ago_is_done_and_refusals_are_said_otherwise(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        found = await painted(bot, group)
        await here.alice.presses(found.button("Re-roll"), sent_ago=600)
        await painted(bot, group)
        await bob.starts()
        await bob.presses(found.button("Re-roll"), sent_ago=600)
        await says(bot, here.world.private(bob), "somebody else's")
        assert not saying(group, "somebody else's")


@pytest.mark.parametrize("retry_after", [1, 30])
async def test_a_flood_limit_on_answers_is_obeyed_and_holds_up_nothing(here: Scene, retry_after: int) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        here.world.faults.storm("answerCallbackQuery", retry_after=retry_after)
        press = await here.alice.presses(found.button("Re-roll"))
        await until(bot, lambda: len(here.world.calls("answerCallbackQuery")) == 1)
        here.world.faults.clear()
        await painted(bot, here.chat)
        if retry_after == 1:
            await until(bot, lambda: press.answered)
        else:
            assert not press.answered


async def test_words_over_the_chat_are_short(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "a boat --" + "x" * 900)
        offer = await says(bot, here.chat, "Shall I paint that")
        press = await here.alice.presses(offer.button("Paint it"))
        await press.until_answered()
        assert press.alert
        assert 20 < len(press.text) <= 200


# Old, foreign and forged


async def test_a_message_that_telegram_does_not_show_any_more(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        await here.alice.says(here.chat, "a boat")
        offer = await says(bot, here.chat, "Shall I paint that")
        await here.alice.presses(found.button("Re-roll"), inaccessible=True)
        assert (await painted(bot, here.chat)).id != found.id
        press = await here.alice.presses(offer.button("Paint it"), inaccessible=True)
        await press.until_answered()
        assert "cannot see that message" in press.text


async def test_the_words_of_a_message_that_was_deleted_are_gone(here: Scene) -> None:
    async with here.bot() as bot:
        said = await here.alice.says(here.chat, "a boat")
        offer = await says(bot, here.chat, "Shall I paint that")
        await here.alice.deletes(said)
        offer.raw.reply_to = None
        press = await here.alice.presses(offer.button("Paint it"))
        await press.until_answered()
        assert "cannot see that message" in press.text


FORGED = (
    "",
    "x",
    "v1:cancel",
    "v9:reroll:abc:0",
    "v1:reroll:nosuchone:0",
    "v1:edit:nosuchone:0",
    "v1:original:nosuchone:1",
    "v1:show:nosuchone:0",
    "v1:delete:nosuchone:0",
    "v1:try:-:999",
    "v1:from:abc:0",
    "v1:yes:erase:99999999:0123456789:",
    "v1:page:aqueue:0::",
    "v1:set:private:0:0123456789:on",
    "'; drop table jobs",
    "v1:" + "é" * 30,
)


async def test_forged_data_changes_nothing(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        await started(bot)
        card = await says(bot, here.chat, "fox")
        before = [each.id for each in here.chat.by_bot]
        for data in FORGED:
            press = await here.alice.forges(card, data).until_answered()
            assert press.text, data
        assert [each.id for each in here.chat.by_bot] == before
        assert len(bot.server.waiting) == 1


async def test_nobody_changes_anothers_message_by_forging_a_press_on_it(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        hers = await painted(bot, group)
        await bob.says(group, "/imagine a boat")
        his = await painted(bot, group)
        before = hers.edits
        for data in (his.button("Delete").data, "v1:page:templates:0::", "v1:page:help:0::"):
            press = bob.forges(hers, data)
            await press.until_answered()
        await until(bot, lambda: his.deleted)
        await says(bot, group, "Text to image")
        assert not hers.deleted
        assert hers.edits == before
        assert hers.photo


async def test_somebody_elses_picture_may_be_imagined_as_oneself(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    other = here.world.private(bob)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        found = await painted(bot, group)
        for name in ("Re-roll", "Vary", "Upscale", "Edit", "Delete", "Original"):
            press = await bob.presses(found.button(name))
            await press.until_answered()
            assert "somebody else's" in press.text, name
        assert not found.deleted
        offered = await says(bot, other, "somebody else's")
        await bob.presses(offered.button("Imagine it as me"))
        await painted(bot, other)
        person = await bot.service.accounts.find(f"telegram:{bob.id}")
        assert len(await bot.store.requests_of(person.user)) == 1


async def test_what_is_for_one_pair_of_eyes_is_shown_to_them_alone(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/start")
        hello = await says(bot, group, "Hello")
        before = len(group.by_bot)
        await here.alice.presses(hello.button("Help"))
        await says(bot, here.chat, "--ar")
        assert len(group.by_bot) == before
        assert "Hello" in hello.text


async def test_whose_default_is_private_gets_it_alone_from_a_button_too(here: Scene) -> None:
    dave = here.world.user("Dave")
    group = here.world.supergroup("Painters", here.alice, dave, bot=True)
    async with here.bot() as bot:
        await answered(bot, here.chat, here.alice.says(here.chat, "/settings private on"))
        await here.alice.says(group, "/start")
        hello = await says(bot, group, "Hello")
        await here.alice.presses(hello.button(".*2"))
        await until(bot, lambda: len(bot.server.waiting) == 1)
        bot.server.finish()
        await until(bot, lambda: len(bot.server.waiting) == 1)
        bot.server.finish()
        await until(bot, lambda: len(photos(here.chat)) == 2)
        assert not photos(group)


# Cancelling


async def test_who_looks_after_a_group_may_cancel_there(here: Scene) -> None:
    bob, carol = here.world.user("Bob"), here.world.user("Carol")
    group = here.world.supergroup("Painters", here.alice, bob, carol, bot=True, admins=[carol])
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        await started(bot)
        card = await says(bot, group, "fox")
        refused = await bob.presses(card.button("Cancel"))
        await refused.until_answered()
        assert "somebody else's" in refused.text
        assert len(here.world.calls("getChatMember")) == 1
        await bob.presses(card.button("Cancel"))
        await carol.presses(card.button("Cancel"))
        await until(bot, lambda: not bot.server.waiting)
        await until(bot, lambda: "ancel" in card.text)
        assert len(here.world.calls("getChatMember")) == 2
        await here.alice.says(group, "/imagine a boat")
        await started(bot)
        await here.alice.presses((await says(bot, group, "boat")).button("Cancel"))
        await until(bot, lambda: not bot.server.waiting)
        assert len(here.world.calls("getChatMember")) == 2


async def test_it_may_not_where_the_operator_says_so(here: Scene) -> None:
    carol = here.world.user("Carol")
    group = here.world.supergroup("Painters", here.alice, carol, bot=True, admins=[carol])
    async with here.bot(telegram={"group_admins": False}) as bot:
        await here.alice.says(group, "/imagine a fox")
        await started(bot)
        refused = await carol.presses((await says(bot, group, "fox")).button("Cancel"))
        await refused.until_answered()
        assert "somebody else's" in refused.text
        assert len(bot.server.waiting) == 1


# Deleting


async def test_delete_takes_the_message_away_with_its_album(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox --count 2")
        for _ in range(2):
            await until(bot, lambda: bot.server.waiting)
            bot.server.finish()
        await until(bot, lambda: len(photos(here.chat)) == 2)
        summary = await says(bot, here.chat, "Done")
        # The album comes first; the card above it says so a moment later.
        await until(bot, lambda: "Delete" in str(summary.keyboard))
        await here.alice.presses(summary.button("Delete"))
        await until(bot, lambda: not here.chat.by_bot)


async def test_delete_of_what_is_older_than_two_days_says_that_it_stays(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        delete = found.button("Delete")
        found.raw.born -= 3 * DAY * 1000
        press = await here.alice.presses(delete)
        await press.until_answered()
        assert "two days" in press.text
        await until(bot, lambda: "Deleted" in found.text)
        assert "fox" not in found.text
        assert not found.buttons
        assert not list((here.folder / "data" / "pictures").rglob("*.png"))


async def test_what_was_shown_again_is_deleted_where_it_was_pressed(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        first = await painted(bot, here.chat)
        person = await bot.service.accounts.find(f"telegram:{here.alice.id}")
        (record,) = await bot.store.requests_of(person.user)
        await here.alice.says(here.chat, f"/show {record.id}")
        await until(bot, lambda: len(photos(here.chat)) == 2)
        await here.alice.presses(first.button("Delete"))
        await until(bot, lambda: first.deleted)
        assert len(photos(here.chat)) == 1
        (copy,) = photos(here.chat)
        await here.alice.presses(copy.button("Delete"))
        await until(bot, lambda: copy.deleted)
