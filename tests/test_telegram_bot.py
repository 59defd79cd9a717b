"""The whole bot in Telegram: commands, words, lists, links, and where it answers nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from tests.support.telegram import FloodLimits
from tests.support.telegram_bot import (
    Scene,
    answered,
    inputs_of,
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


async def test_imagine_shows_how_it_goes_and_becomes_a_picture(here: Scene) -> None:
    alice, chat = here.alice, here.chat
    async with here.bot() as bot:
        asked = await alice.says(chat, "/imagine a fox <b>bold</b> & co --seed 7")
        await bot.server.until_waiting(1)
        run = bot.server.start()
        assert run.on_event is not None
        run.on_event(Progressed(0.5, NodeId("5"), "Sampler", 10, 20))
        card = await says(bot, chat, "Sampler")
        assert card.reply_to is not None
        assert card.reply_to.id == asked.id
        bot.server.finish(seconds=4.0)
        await until(bot, lambda: card.photo)
        assert "7" in card.text
        assert "<b>bold</b> & co" in card.text
        assert len(chat.by_bot) == 1


async def test_what_people_look_up(here: Scene) -> None:
    alice, chat = here.alice, here.chat
    async with here.bot() as bot:
        for line, words in (
            ("/start", "Hello"),
            ("/help", "--ar"),
            ("/templates", "Text to image"),
            ("/templates upscale", "Upscale"),
            ("/quota", "not limited"),
            ("/settings size 640x384", "640"),
            ("/privacy", "kept about you"),
            ("/queue", "line"),
            ("/imagin a fox", "Did you mean"),
            ("/imagine a fox --stps 3", "Did you mean --steps"),
            ("/admin queue", "operator"),
            ("/nothing_like_it", "/help"),
        ):
            said = await answered(bot, chat, alice.says(chat, line))
            assert words.lower() in said.text.lower(), line


async def test_help_of_one_template_is_made_from_its_parameters(here: Scene) -> None:
    async with here.bot() as bot:
        for line, words in (
            ("/help text-to-image", ("--steps", "1 to", "else")),
            ("/help upscale", ("an attached file",)),
            ("/help /imagine", ("--size",)),
            ("/help txt-to-image", ("text-to-image",)),
        ):
            said = await answered(bot, here.chat, here.alice.says(here.chat, line))
            assert all(word in said.text for word in words), said.text


async def test_an_operator_is_obeyed(here: Scene) -> None:
    boss = here.world.user("Boss")
    chat = here.world.private(boss)
    async with here.bot(telegram={"admin_ids": [boss.id]}) as bot:
        await answered(bot, here.chat, here.alice.says(here.chat, "/quota"))
        for line, words in (
            ("/admin quota grant @nobody 60", "nobody"),
            ("/admin quota grant @alice 60 for helping", "60"),
            ("/admin queue", "othing waits"),
        ):
            said = await answered(bot, chat, boss.says(chat, line))
            assert words in said.text, line
        commands = here.world.bot_methods.commands
        assert any("admin" in str(listed) for listed in commands.values())


async def test_examples_are_painted_at_one_tap(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.starts()
        hello = await says(bot, here.chat, "Hello")
        await here.alice.presses(hello.button(".*3"))
        await painted(bot, here.chat)
        assert "portrait of an old sailor, ink drawing" in inputs_of(bot)


async def test_lists_turn_their_pages_in_place(here: Scene) -> None:
    async with here.bot() as bot:
        card = await answered(bot, here.chat, here.alice.says(here.chat, "/templates"))
        await here.alice.presses(card.button(".*5"))
        await until(bot, lambda: "an attached file" in card.text)
        await here.alice.presses(card.button("All templates"))
        await until(bot, lambda: "Text to image" in card.text)
        assert len(here.chat.by_bot) == 1


async def test_settings_are_pressed_and_hold(here: Scene) -> None:
    async with here.bot() as bot:
        card = await answered(bot, here.chat, here.alice.says(here.chat, "/settings"))
        await here.alice.presses(next(each for each in card.buttons if "private" in each.data))
        await until(bot, lambda: card.edits)
        await here.alice.says(here.chat, "/imagine a fox")
        await started(bot)
        (record,) = await bot.store.open_requests("telegram")
        assert record.private


async def test_edited_commands_mean_nothing_and_are_never_done_twice(here: Scene) -> None:
    async with here.bot() as bot:
        asked = await here.alice.says(here.chat, "/imagine a fox")
        await painted(bot, here.chat)
        await here.alice.edits(asked, "/imagine a boat")
        await answered(bot, here.chat, here.alice.says(here.chat, "/quota"))
        assert len(bot.server.posted) == 1


async def test_a_command_alone_that_answers_words_paints_them(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        said = await bob.says(group, "a boat at sea --steps 7")
        await here.alice.says(group, "/imagine@FairbrushBot", reply_to=said)
        found = await painted(bot, group)
        assert {"a boat at sea", 7} <= {each for each in inputs_of(bot) if isinstance(each, str | int)}
        await here.alice.says(group, "/imagine@FairbrushBot", reply_to=saying(group, "boat")[-1])
        await says(bot, group, "What shall it become")
        assert found.photo


# Links


async def test_a_link_brings_a_result_to_whoever_may_see_it(here: Scene) -> None:
    alice, bob = here.alice, here.world.user("Bob")
    other = here.world.private(bob)
    async with here.bot() as bot:
        ids = []
        for line in ("/imagine a fox", "/imagine a secret fox --private"):
            await alice.says(here.chat, line)
            await painted(bot, here.chat)
        person = await bot.service.accounts.find(f"telegram:{alice.id}")
        ids = {record.private: record.id for record in await bot.store.requests_of(person.user)}
        for _ in range(2):
            before = len(photos(here.chat))
            await alice.starts(f"job_{ids[True]}")
            await until(bot, lambda count=before: len(photos(here.chat)) > count)
        await bob.starts(f"job_{ids[True]}")
        await says(bot, other, "private, and somebody else's")
        assert not photos(other)
        await bob.starts(f"job_{ids[False]}")
        await until(bot, lambda: photos(other))
        mine = await bob.presses(photos(other)[-1].button("Re-roll"))
        await mine.until_answered()
        assert "somebody else" in mine.text


async def test_links_that_lead_nowhere(here: Scene) -> None:
    async with here.bot() as bot:
        for payload, words in (
            ("job_", "Say which"),
            ("job_nosuchone", "no request"),
            ("job__-_-", "no request"),
            ("job_" + "z" * 60, "no request"),
            ("x", "Hello"),
        ):
            said = await answered(bot, here.chat, here.alice.starts(payload))
            assert words in said.text, payload


# Who may


async def test_only_where_the_operator_has_opened_it(here: Scene) -> None:
    alice, carol = here.alice, here.world.user("Carol")
    group = here.world.supergroup("Painters", alice, bot=True)
    elsewhere = here.world.supergroup("Others", alice, carol, bot=True)
    chat = here.world.private(carol)
    async with here.bot(telegram={"allowed_chat_ids": [group.id]}) as bot:
        await carol.says(chat, "/imagine a fox")
        await says(bot, chat, "not opened this bot")
        assert "not limited" in (await answered(bot, chat, carol.says(chat, "/quota"))).text
        await alice.says(elsewhere, "/imagine a fox")
        await says(bot, elsewhere, "not opened this bot")
        hello = await answered(bot, chat, carol.starts())
        refused = await carol.presses(hello.button(".*1"))
        await refused.until_answered()
        assert "not opened" in refused.text
        assert not bot.server.posted
        await alice.says(here.chat, "/imagine a fox")
        await painted(bot, here.chat)
        await alice.says(group, "/imagine a fox")
        await painted(bot, group)


async def test_who_is_blocked_is_told_so(here: Scene) -> None:
    boss = here.world.user("Boss")
    chat = here.world.private(boss)
    async with here.bot(telegram={"admin_ids": [boss.id]}) as bot:
        await answered(bot, here.chat, here.alice.says(here.chat, "/quota"))
        card = await answered(bot, chat, boss.says(chat, "/admin block @alice 7d spam"))
        if card.buttons:
            await boss.presses(next(each for each in card.buttons if ":yes:" in each.data))
            await until(bot, lambda: card.edits)
        said = await answered(bot, here.chat, here.alice.says(here.chat, "/imagine a fox"))
        assert "spam" in said.text
        assert not bot.server.posted


async def test_each_reads_their_own_language_and_groups_the_operators(here: Scene) -> None:
    wang = here.world.user("Wang", language="zh-hans")
    chat = here.world.private(wang)
    group = here.world.supergroup("Painters", wang, bot=True)
    async with here.bot() as bot:
        assert "额" in (await answered(bot, chat, wang.says(chat, "/quota"))).text
        assert "额" in (await answered(bot, chat, wang.says(group, "/quota"))).text
        said = await answered(bot, group, wang.says(group, "/imagine a fox --stps 3"))
        assert "Did you mean" in said.text
        assert not saying(group, "额")
