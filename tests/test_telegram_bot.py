"""The whole bot in Telegram: commands, pictures, buttons, questions, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.jobs import JobState
from tests.support.discord_bot import LiveClock
from tests.support.fake_server import FakeServer
from tests.support.service import Bot
from tests.support.telegram import Shown, TelegramWorld, Upload
from tests.support.telegram_bot import in_telegram, picture, shown


@pytest.fixture
def clock() -> LiveClock:
    """One for Telegram and the bot: limits hold for both by the same time."""
    return LiveClock()


@pytest.fixture
async def telegram(clock: LiveClock) -> AsyncIterator[TelegramWorld]:
    async with TelegramWorld(clock=clock.as_clock()) as world:
        yield world


async def until(bot: Bot, condition: object) -> None:
    async with asyncio.timeout(15):
        while not condition():  # type: ignore[operator]
            bot.clock.advance(0.2)
            await asyncio.sleep(0.01)


async def painted(bot: Bot, chat: object, count: int = 1) -> Shown:
    """Let the server finish one job, and wait for its picture."""
    before = {each.id for each in chat.by_bot if each.photo}  # type: ignore[attr-defined]
    await bot.server.until_waiting(1)
    bot.server.finish()
    found: list[Shown] = []

    def there() -> bool:
        found[:] = [each for each in chat.by_bot if each.photo and each.id not in before]  # type: ignore[attr-defined]
        return len(found) >= count

    await until(bot, there)
    return found[-1]


def texts(bot: Bot) -> list[object]:
    return [value for node in bot.server.posted[-1].graph for value in node.inputs.values()]


async def test_imagine_shows_how_it_goes_and_becomes_a_picture(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        asked = await alice.says(chat, "/imagine a fox <b>bold</b> & co --seed 7")
        await bot.server.until_waiting(1)
        run = bot.server.start()
        assert run.on_event is not None
        run.on_event(Progressed(0.5, NodeId("5"), "Sampler", 10, 20))
        card = await shown(telegram, chat, "Sampler", bot)
        assert card.reply_to is not None
        assert card.reply_to.id == asked.id
        bot.server.finish(seconds=4.0)
        await until(bot, lambda: card.photo is not None)
        assert "7" in card.caption
        assert "<b>bold</b> & co" in card.caption
        assert len(chat.by_bot) == 1


async def test_in_groups_it_answers_to_its_name_and_stays_in_the_topic(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice, bob = telegram.user("Alice"), telegram.user("Bob")
    group = telegram.supergroup("Painters", alice, bob, bot=True, forum=True)
    topic = group.topic("Foxes")
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.says(group, "/imagine@OtherBot a fox", topic=topic)
        await alice.says(group, "/imagine@FairbrushBot a fox", topic=topic)
        found = await painted(bot, group)
        assert found.thread == topic.id
        pressed = await bob.presses(found.button("Re-roll"))
        await pressed.until_answered()
        assert "somebody else" in (pressed.text or "")
        assert len(bot.server.posted) == 1


async def test_buttons_after_a_restart_and_double_taps(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    server = FakeServer(picture=picture)
    async with in_telegram(telegram, tmp_path, clock, [server]) as bot:
        await alice.says(chat, "/imagine a fox")
        found = await painted(bot, chat)
    async with in_telegram(telegram, tmp_path, clock, [server]) as bot:
        first = await alice.presses(found.button("Re-roll"))
        second = await alice.presses(found.button("Re-roll"))
        await first.until_answered()
        await second.until_answered()
        again = await painted(bot, chat)
        assert len(server.posted) == 2
        await alice.presses(again.button("Vary"))
        await painted(bot, chat)
        assert any(node.class_type == "LoadImage" for node in server.posted[-1].graph)
        await alice.presses(again.button("Delete"))
        await until(bot, lambda: again.deleted)


async def test_a_restart_in_the_middle_loses_nothing(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    server = FakeServer(picture=picture)
    async with in_telegram(telegram, tmp_path, clock, [server]) as bot:
        await alice.says(chat, "/imagine a fox")
        await server.until_waiting(1)
        server.start()
        (job,) = bot.service.dispatcher.known_jobs()
        await bot.until_state(job.id, JobState.RUNNING)
    await alice.says(chat, "/imagine a boat")
    server.finish()
    async with in_telegram(telegram, tmp_path, clock, [server]) as bot:
        await until(bot, lambda: any(each.photo for each in chat.by_bot))
        await painted(bot, chat)
    assert len(server.posted) == 2


async def test_edit_by_answering_works_after_a_restart(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    server = FakeServer(picture=picture)
    async with in_telegram(telegram, tmp_path, clock, [server]) as bot:
        await alice.says(chat, "/imagine a fox --steps 9")
        found = await painted(bot, chat)
        await alice.presses(found.button("Edit"))
        question = await shown(telegram, chat, "Answer this message", bot)
        assert question.asks_reply
    async with in_telegram(telegram, tmp_path, clock, [server]) as bot:
        await alice.replies(question, "a boat --steps 12")
        await painted(bot, chat)
        assert {"a boat", 12} <= {value for value in texts(bot) if isinstance(value, str | int)}


async def test_imagine_alone_asks_and_bare_words_are_offered(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.says(chat, "/imagine")
        await shown(telegram, chat, "What shall I paint", bot)
        await alice.says(chat, "a fox at dawn")
        await painted(bot, chat)
        assert "a fox at dawn" in texts(bot)
        await alice.says(chat, "a boat")
        offer = await shown(telegram, chat, "Shall I paint that", bot)
        await alice.presses(offer.button("Paint it"))
        await painted(bot, chat)
        assert "a boat" in texts(bot)


async def test_pictures_come_as_captions_replies_and_albums(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.sends_photo(chat, Upload.picture((320, 200)), "/imagine at night")
        await painted(bot, chat)
        assert any(node.class_type == "LoadImage" for node in bot.server.posted[-1].graph)
        photo = await alice.sends_photo(chat, Upload.picture((320, 200)))
        await shown(telegram, chat, "What shall it become", bot)
        await alice.says(chat, "/upscale", reply_to=photo)
        await painted(bot, chat)
        assert any("Upscale" in node.class_type for node in bot.server.posted[-1].graph)
        await alice.sends_video(chat, Upload("a.mp4", b"0000"), "/imagine at night")
        await shown(telegram, chat, "video", bot)


async def test_lists_settings_and_help(telegram: TelegramWorld, tmp_path: Path, clock: LiveClock) -> None:
    alice, boss = telegram.user("Alice"), telegram.user("Boss", username="boss")
    chat, other = telegram.private(alice), telegram.private(boss)
    async with in_telegram(telegram, tmp_path, clock, telegram={"admin_ids": [boss.id]}) as bot:
        await alice.starts()
        await shown(telegram, chat, "Hello", bot)
        for line, words in (
            ("/help", "--ar"),
            ("/templates", "Text to image"),
            ("/templates upscale", "Upscale"),
            ("/quota", "not limited"),
            ("/settings size 640x384", "640"),
            ("/privacy", "kept about you"),
            ("/queue", "line"),
            ("/imagin a fox", "Did you mean"),
            ("/imagine a fox --stps 3", "steps"),
            ("/admin queue", "operator"),
        ):
            before = len(chat.by_bot)
            await alice.says(chat, line)
            await until(bot, lambda count=before: len(chat.by_bot) > count)
            assert words.lower() in chat.by_bot[-1].text.lower(), line
        await boss.says(other, "/admin quota grant @nobody 60")
        await shown(telegram, other, "nobody", bot)
        await boss.says(other, "/admin queue")
        await shown(telegram, other, "othing waits", bot)
        commands = telegram.bot_methods.commands
        assert any("imagine" in str(listed) for listed in commands.values())


async def test_a_chat_that_is_not_allowed_and_hidden_senders(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice, carol = telegram.user("Alice"), telegram.user("Carol")
    group = telegram.supergroup("Painters", alice, carol, bot=True, admins=[alice])
    chat = telegram.private(carol)
    async with in_telegram(telegram, tmp_path, clock, telegram={"allowed_chat_ids": [group.id]}) as bot:
        await carol.says(chat, "/imagine a fox")
        await shown(telegram, chat, "not opened this bot", bot)
        await alice.says(group, "/imagine a fox", anonymous=True)
        await shown(telegram, group, "speak as the group", bot)
        assert not bot.server.posted


async def test_what_is_private_in_a_group_comes_alone(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice, dave = telegram.user("Alice"), telegram.user("Dave")
    group = telegram.supergroup("Painters", alice, dave, bot=True)
    chat = telegram.private(alice)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.says(group, "/quota")
        await shown(telegram, chat, "not limited", bot)
        assert not [each for each in group.by_bot if "not limited" in each.text]
        await dave.says(group, "/quota")
        await shown(telegram, group, "your eyes alone", bot)
        await alice.says(group, "/imagine a secret fox --private")
        await painted(bot, chat)
        assert not [each for each in group.by_bot if "secret" in f"{each.text}{each.caption}"]


async def test_deep_links_bring_a_result(telegram: TelegramWorld, tmp_path: Path, clock: LiveClock) -> None:
    alice, bob = telegram.user("Alice"), telegram.user("Bob")
    chat, other = telegram.private(alice), telegram.private(bob)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.says(chat, "/imagine a fox --private")
        await painted(bot, chat)
        (record,) = await bot.store.requests_of(
            (await bot.service.accounts.find(f"telegram:{alice.id}")).user
        )
        await alice.starts(f"job_{record.id}")
        await until(bot, lambda: len([each for each in chat.by_bot if each.photo]) == 2)
        await bob.starts(f"job_{record.id}")
        await shown(telegram, other, "rivate", bot)
        assert not [each for each in other.by_bot if each.photo]


async def test_edited_and_forwarded_commands_paint_nothing(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    chat = telegram.private(alice)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        asked = await alice.says(chat, "/imagine a fox")
        await painted(bot, chat)
        await alice.edits(asked, "/imagine a boat")
        await alice.says(chat, "/quota")
        await shown(telegram, chat, "not limited", bot)
        assert len(bot.server.posted) == 1
