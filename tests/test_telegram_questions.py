"""What the bot asks in Telegram, and whose message is the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.telegram import FloodLimits, Shown
from tests.support.telegram_bot import (
    Scene,
    answered,
    inputs_of,
    painted,
    saying,
    says,
    scene,
    until,
)

HOUR = 3600.0


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path, limits=FloodLimits.off()) as made:
        yield made


async def test_the_next_words_are_the_answer_for_ten_minutes(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine")
        question = await says(bot, here.chat, "What shall I paint")
        assert question.asks_reply
        bot.clock.advance(9 * 60)
        await here.alice.says(here.chat, "a fox at dawn")
        await painted(bot, here.chat)
        assert "a fox at dawn" in inputs_of(bot)
        offer = await answered(bot, here.chat, here.alice.says(here.chat, "thank you"))
        assert "Shall I paint that" in offer.text
        await here.alice.says(here.chat, "/imagine")
        await until(bot, lambda: len(saying(here.chat, "What shall I paint")) == 2)
        bot.clock.advance(11 * 60)
        await here.alice.says(here.chat, "a boat")
        await until(bot, lambda: len(saying(here.chat, "Shall I paint that")) == 2)
        assert len(bot.server.posted) == 1


async def test_a_reply_is_the_answer_for_a_day(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine")
        question = await says(bot, here.chat, "What shall I paint")
        await answered(bot, here.chat, here.alice.says(here.chat, "/quota"))
        bot.clock.advance(23 * HOUR)
        await here.alice.replies(question, "a fox")
        await painted(bot, here.chat)
        await here.alice.says(here.chat, "/imagine")
        await until(bot, lambda: len(saying(here.chat, "What shall I paint")) == 2)
        bot.clock.advance(25 * HOUR)
        await here.alice.replies(saying(here.chat, "What shall I paint")[-1], "a boat")
        await says(bot, here.chat, "Shall I paint that")
        assert len(bot.server.posted) == 1


async def test_another_command_is_no_answer_and_ends_the_waiting_for_words(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine")
        question = await says(bot, here.chat, "What shall I paint")
        await answered(bot, here.chat, here.alice.says(here.chat, "/quota"))
        await answered(bot, here.chat, here.alice.says(here.chat, "thank you"))
        assert saying(here.chat, "Shall I paint that")
        await here.alice.replies(question, "a fox")
        await painted(bot, here.chat)


async def test_an_answer_that_is_refused_may_be_given_again(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine")
        await says(bot, here.chat, "What shall I paint")
        refused = await answered(bot, here.chat, here.alice.says(here.chat, "a fox --stps 3"))
        assert "--steps" in refused.text
        await here.alice.says(here.chat, "a fox --steps 3")
        await painted(bot, here.chat)


async def test_several_questions_wait_each_for_its_reply(here: Scene) -> None:
    async with here.bot() as bot:
        pictures = []
        for words in ("a fox --steps 9", "a boat --steps 8"):
            await here.alice.says(here.chat, f"/imagine {words}")
            pictures.append(await painted(bot, here.chat))
        questions: list[Shown] = []
        for picture in pictures:
            await here.alice.presses(picture.button("Edit"))
            await until(bot, lambda: len(saying(here.chat, "new words")) > len(questions))
            questions.append(saying(here.chat, "new words")[-1])
        await here.alice.replies(questions[0], "a red fox")
        await painted(bot, here.chat)
        assert {"a red fox", 9} <= {each for each in inputs_of(bot) if isinstance(each, str | int)}
        await here.alice.replies(questions[1], "a red boat")
        await painted(bot, here.chat)
        assert {"a red boat", 8} <= {each for each in inputs_of(bot) if isinstance(each, str | int)}


async def test_edit_keeps_what_is_not_said_anew_and_works_after_a_restart(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox --size 128x64 --steps 9 --seed 7")
        found = await painted(bot, here.chat)
        await here.alice.presses(found.button("Edit"))
        question = await says(bot, here.chat, "new words")
        assert "--steps 9" in question.text
        assert question.asks_reply
    async with here.bot() as bot:
        await here.alice.says(here.chat, "a boat --steps 12")
        await painted(bot, here.chat)
        wanted = {"a boat", 12, 7, 128, 64}
        assert wanted <= {each for each in inputs_of(bot) if isinstance(each, str | int)}


async def test_in_groups_only_replies_of_whoever_was_asked_count(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        group.promote_bot()  # it sees all that is said
        asked = await here.alice.says(group, "/imagine")
        question = await says(bot, group, "What shall I paint")
        assert question.reply_to == asked
        await bob.replies(question, "a boat")
        await here.alice.says(group, "good morning")
        await here.alice.replies(asked, "hm")
        await bob.says(group, "/imagine")
        await until(bot, lambda: len(saying(group, "What shall I paint")) == 2)
        await here.alice.replies(question, "a fox")
        await painted(bot, group)
        assert "a fox" in inputs_of(bot)
        assert len(bot.server.posted) == 1
        assert len(group.by_bot) == 3


async def test_in_groups_a_question_about_a_picture_turns_to_whoever_pressed(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        asked = await here.alice.says(group, "/imagine a fox")
        found = await painted(bot, group)
        await here.alice.presses(found.button("Edit"))
        question = await says(bot, group, "new words")
        # Apps open the field for whoever wrote what a question answers.
        assert question.reply_to == asked
        assert question.raw.markup["selective"]  # type: ignore[index]
        await here.alice.replies(question, "a red fox --private")
        await painted(bot, here.chat)
        assert len(group.by_bot) == 2


async def test_a_question_that_cannot_be_asked_waits_for_nothing(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        hello = await answered(bot, group, here.alice.says(group, "/start"))
        group.restrict_bot()
        await here.alice.says(group, "/imagine")
        await until(bot, lambda: here.world.calls("sendMessage")[-1].code == 400)
        group.add_bot()
        await here.alice.replies(hello, "how nice")
        await here.alice.says(group, "/imagine a fox")
        await painted(bot, group)
        assert len(bot.server.posted) == 1


async def test_edit_of_what_is_gone_is_refused(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox")
        found = await painted(bot, here.chat)
        await here.alice.presses(found.button("Edit"))
        question = await says(bot, here.chat, "new words")
        await here.alice.presses(found.button("Delete"))
        await until(bot, lambda: found.deleted)
        refused = await answered(bot, here.chat, here.alice.replies(question, "a boat"))
        assert "not kept any more" in refused.text or "no request" in refused.text


async def test_words_without_a_command_are_offered_at_one_tap(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "a boat --steps 7")
        offer = await says(bot, here.chat, "Shall I paint that")
        taps = [await here.alice.presses(offer.button("Paint it")) for _ in range(2)]
        await painted(bot, here.chat)
        await until(bot, lambda: all(tap.answered for tap in taps))
        assert {"a boat", 7} <= {each for each in inputs_of(bot) if isinstance(each, str | int)}
        assert len(bot.server.posted) == 1
