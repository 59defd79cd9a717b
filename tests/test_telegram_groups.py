"""Groups, topics and channels: who is answered where, and what is not for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.telegram import FloodLimits
from tests.support.telegram_bot import (
    Scene,
    answered,
    painted,
    photos,
    saying,
    says,
    scene,
    started,
    until,
)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path, limits=FloodLimits.off()) as made:
        yield made


async def test_it_answers_to_its_name_and_to_what_it_knows(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        for line in ("/imagine@OtherBot a fox", "/weather", "/imagin a fox", "good morning", "/"):
            await here.alice.says(group, line)
        said = await answered(bot, group, here.alice.says(group, "/weather@fairbrushbot"))
        assert "no command" in said.text
        await here.alice.says(group, "/IMAGINE@fairbrushBOT a fox")
        await painted(bot, group)
        assert len(group.by_bot) == 2


async def test_answers_stay_in_their_topic(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True, forum=True)
    foxes, boats = group.topic("Foxes"), group.topic("Boats")
    async with here.bot() as bot:
        for topic in (foxes, None, boats):
            await here.alice.says(group, "/imagine a fox", topic=topic)
            found = await painted(bot, group)
            assert found.thread == (topic and topic.id)
        assert len(foxes.messages) == 2 + 1
        refused = await answered(bot, group, here.alice.says(group, "/imagine a --stps 3", topic=boats))
        assert refused.thread == boats.id
        await here.alice.says(group, "/imagine", topic=boats)
        question = await says(bot, group, "What shall I paint")
        assert question.thread == boats.id
        await here.alice.replies(question, "a boat")
        assert (await painted(bot, group)).thread == boats.id
        await here.alice.presses(photos(group)[-1].button("Edit"))
        question = await says(bot, group, "new words")
        assert question.thread == boats.id


async def test_hidden_administrators_and_channels_are_told_why_not(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True, admins=[here.alice])
    channel = here.world.channel("News", here.alice, admins=[here.alice])
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox", anonymous=True)
        await says(bot, group, "speak as the group")
        await here.alice.says(group, "/imagine a fox", as_channel=channel)
        await says(bot, group, "Channels have no quota")
        await here.alice.says(channel, "/imagine@FairbrushBot a fox")
        await says(bot, channel, "Channels have no quota")
        await here.alice.says(channel, "all the news")
        await here.alice.says(channel, "/news")
        assert len(channel.by_bot) == 1
        assert not bot.server.posted


async def test_what_is_for_one_pair_of_eyes_comes_alone(here: Scene) -> None:
    dave = here.world.user("Dave")
    group = here.world.supergroup("Painters", here.alice, dave, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/quota")
        await says(bot, here.chat, "not limited")
        await dave.says(group, "/quota")
        await says(bot, group, "your eyes alone")
        assert not saying(group, "not limited")


async def test_private_pictures_come_alone_and_are_not_begun_where_that_cannot_be(here: Scene) -> None:
    dave = here.world.user("Dave")
    group = here.world.supergroup("Painters", here.alice, dave, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a secret fox --private")
        await painted(bot, here.chat)
        await dave.says(group, "/imagine a secret boat --private")
        await says(bot, group, "your eyes alone")
        assert not saying(group, "secret")
        assert not photos(group)
        assert len(bot.server.posted) == 1
        await dave.starts()
        await dave.says(group, "/imagine a secret boat --private")
        await painted(bot, here.world.private(dave))


async def test_a_private_picture_is_never_shown_to_a_group(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a secret fox --private")
        await painted(bot, here.chat)
        person = await bot.service.accounts.find(f"telegram:{here.alice.id}")
        (record,) = await bot.store.requests_of(person.user)
        for line in (f"/show {record.id}", f"/start job_{record.id}"):
            before = len(photos(here.chat))
            await here.alice.says(group, line)
            await until(bot, lambda count=before: len(photos(here.chat)) > count)
        assert not group.by_bot
        here.alice.blocks()
        await here.alice.says(group, f"/show {record.id}")
        await says(bot, group, "your eyes alone")
        assert not photos(group)


# Coming and going


@pytest.mark.parametrize("privacy", [True, False])
async def test_it_says_hello_once_and_what_it_does_not_see(tmp_path: Path, *, privacy: bool) -> None:
    async with scene(tmp_path, limits=FloodLimits.off(), privacy=privacy) as here:
        group = here.world.supergroup("Painters", here.alice, bot=False, admins=[here.alice])
        async with here.bot() as bot:
            group.add_bot()
            hello = await says(bot, group, "/imagine")
            assert ("nothing else" in hello.text) is privacy
            group.promote_bot()
            group.demote_bot()
            await here.alice.says(group, "/imagine a fox")
            await painted(bot, group)
            assert len(group.by_bot) == 2


async def test_where_it_may_not_be_the_operator_hears_of_it(here: Scene) -> None:
    group = here.world.supergroup("Others", here.alice, bot=False, admins=[here.alice])
    async with here.bot(telegram={"allowed_chat_ids": [-5]}) as bot:
        group.add_bot()
        notices = bot.service.operator.notices
        await until(bot, lambda: any(str(group.id) in str(each.text) for each in notices.latest()))
        assert not group.by_bot


async def test_a_group_that_becomes_a_supergroup_stays_let_in(here: Scene) -> None:
    group = here.world.group("Painters", here.alice, bot=True, admins=[here.alice])
    allowed = {"allowed_chat_ids": [group.id]}
    async with here.bot(telegram=allowed) as bot:
        await here.alice.says(group, "/imagine a fox")
        await started(bot)
        await says(bot, group, "fox")
        new = here.alice.upgrades(group)
        await painted(bot, new)
        notices = bot.service.operator.notices
        assert any(str(new.id) in str(each.text) for each in notices.latest())
    async with here.bot(telegram=allowed) as bot:
        await here.alice.says(new, "/imagine a boat")
        await painted(bot, new)
    async with here.bot(telegram={"allowed_chat_ids": [-5]}) as bot:
        await here.alice.says(new, "/imagine a boat")
        await says(bot, new, "not opened")


async def test_results_find_their_person_when_the_group_is_closed_to_it(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        await started(bot)
        group.kick_bot()
        await painted(bot, here.chat)
        group.add_bot()
        here.alice.blocks()
        await here.alice.says(group, "/imagine a boat")
        await started(bot)
        group.kick_bot()
        bot.server.finish()
        person = await bot.service.accounts.find(f"telegram:{here.alice.id}")

        async def kept() -> bool:
            return not await bot.store.open_requests("telegram")

        await until(bot, kept)
        here.alice.unblocks()
        record = (await bot.store.requests_of(person.user))[0]
        await here.alice.says(here.chat, f"/show {record.id}")
        await until(bot, lambda: len(photos(here.chat)) >= 2)


# Administrators


async def test_a_groups_own_administrators_rule_in_it_alone(here: Scene) -> None:
    bob, carol = here.world.user("Bob"), here.world.user("Carol")
    group = here.world.supergroup("Painters", here.alice, bob, carol, bot=True, admins=[carol])
    async with here.bot() as bot:
        mention = "/admin block @bob 1d spam"
        await here.alice.says(group, "/imagine a fox")
        await started(bot)
        await answered(bot, group, bob.says(group, "/imagine a --stps 1"))
        refused = await answered(bot, group, bob.says(group, mention))
        assert "operator" in refused.text or "look" in refused.text
        await carol.says(group, mention)
        card = await says(bot, group, "Are you sure")
        yes = next(each for each in card.buttons if ":yes:" in each.data)
        not_his = await bob.presses(yes)
        await not_his.until_answered()
        assert not_his.text
        await carol.presses(yes)
        await until(bot, lambda: card.edits)
        dave = here.world.user("Dave")
        await answered(bot, here.world.private(dave), dave.says(here.world.private(dave), "/quota"))
        unknown = await answered(bot, group, carol.says(group, "/admin block @dave"))
        assert "Answer a message of theirs" in unknown.text
        refused = await answered(bot, group, bob.says(group, "/imagine a boat"))
        assert "looks after this place" in refused.text
        refused = await answered(bot, group, carol.says(group, "/admin quota grant @bob 60"))
        assert "Only the operators" in refused.text
        await bob.says(here.world.private(bob), "/imagine a boat")
        await until(bot, lambda: saying(here.world.private(bob), "boat"))
        (job,) = [each for each in await bot.store.open_requests("telegram") if each.prompt_text == "a boat"]
        card = await answered(bot, group, carol.says(group, f"/cancel {job.id}"))
        assert "somebody else's" in card.text
        assert len(await bot.store.open_requests("telegram")) == 2


async def test_lists_of_commands_are_for_whoever_may_use_them(here: Scene) -> None:
    boss = here.world.user("Boss")
    here.world.private(boss)
    async with here.bot(telegram={"admin_ids": [boss.id]}):
        found = {
            (scope, language): {each["command"] for each in listed}
            for (scope, language), listed in here.world.bot_methods.commands.items()
        }
    languages = {language for _, language in found}
    assert {"", "zh"} <= languages
    for language in languages:
        private = found[("all_private_chats",), language]
        assert {"imagine", "privacy", "help"} <= private
        assert "admin" not in private
        assert "privacy" not in found[("all_group_chats",), language]
        assert "admin" not in found[("all_group_chats",), language]
        assert "admin" in found[("all_chat_administrators",), language]
        assert {"admin", "privacy"} <= found[("chat", str(boss.id)), language]
