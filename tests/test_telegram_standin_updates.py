"""The stand-in of Telegram: how updates come to the bot, by polling and by webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from telegram import BotCommand, BotCommandScopeAllPrivateChats, BotCommandScopeChat, Update
from telegram.error import BadRequest, Conflict
from telegram.ext import Application, ApplicationBuilder, CallbackQueryHandler, CommandHandler, ContextTypes

from tests.support.service import FakeClock
from tests.support.telegram import FloodLimits, TelegramWorld
from tests.support.telegram.small_bot import Stage, keyboard, refused, staged
from tests.support.telegram.updates import FIRST_UPDATE, KEPT_MS


async def test_updates_stay_until_they_are_confirmed() -> None:
    async with staged() as stage:
        for number in range(5):
            await stage.alice.says(stage.chat, str(number))
        first = await stage.bot.get_updates(limit=2)
        assert [update.update_id for update in first] == [FIRST_UPDATE, FIRST_UPDATE + 1]
        assert await stage.bot.get_updates(limit=2) == first
        rest = await stage.bot.get_updates(offset=first[-1].update_id + 1)
        assert [update.message.text for update in rest if update.message] == ["2", "3", "4"]
        (last,) = await stage.bot.get_updates(offset=-1)
        assert last.message is not None
        assert last.message.text == "4"
        assert stage.telegram.updates.confirmed == last.update_id - 1
        assert await stage.bot.get_updates(offset=last.update_id + 1) == ()
        assert stage.telegram.updates.queue == []
        stage.telegram.updates.skip(1000)
        await stage.alice.says(stage.chat, "a week later")
        (update,) = await stage.heard()
        assert update.update_id == last.update_id + 1001


async def test_updates_are_kept_for_a_day() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        await stage.alice.says(stage.chat, "old")
        clock.advance(KEPT_MS / 1000 - 1)
        await stage.alice.says(stage.chat, "new")
        clock.advance(2)
        (update,) = await stage.heard()
        assert update.message is not None
        assert update.message.text == "new"


async def soon(task: asyncio.Task[tuple[Update, ...]]) -> tuple[Update, ...]:
    return await asyncio.wait_for(task, 10)


async def polls(stage: Stage, seconds: int, **about: Any) -> asyncio.Task[tuple[Update, ...]]:
    """A long poll that is waiting."""
    before = stage.telegram.updates.polls
    task = asyncio.create_task(stage.bot.get_updates(timeout=seconds, **about))
    await stage.telegram.until(
        lambda: stage.telegram.updates.polls > before and stage.telegram.updates.polling
    )
    return task


async def test_a_long_poll_waits_for_something() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        task = await polls(stage, 30)
        await stage.alice.says(stage.chat, "hello")
        (update,) = await soon(task)
        task = await polls(stage, 30, offset=update.update_id + 1)
        clock.advance(29)
        await asyncio.sleep(0)
        assert not task.done()
        clock.advance(1)
        assert await soon(task) == ()


async def test_the_longest_poll() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        task = await polls(stage, 600)
        clock.advance(50)
        assert await soon(task) == ()


async def test_a_second_poller_ends_the_first() -> None:
    async with staged() as stage:
        first = await polls(stage, 30)
        second = asyncio.create_task(stage.bot.get_updates(timeout=30))
        with pytest.raises(Conflict, match=r"(?i)terminated by other getupdates request"):
            await soon(first)
        await stage.alice.says(stage.chat, "hello")
        assert len(await soon(second)) == 1
        assert stage.telegram.updates.conflicts == 1


async def test_only_wanted_updates_come() -> None:
    async with staged() as stage:
        await stage.bot.get_updates(allowed_updates=["callback_query"])
        await stage.alice.says(stage.chat, "hello")
        await stage.says(reply_markup=keyboard(["A"]))
        await stage.alice.presses(stage.chat.by_bot[0].button("A"))
        # What was wanted is remembered; an empty list is what is usual.
        (update,) = await stage.heard()
        assert update.callback_query is not None
        assert stage.telegram.updates.dropped == ["message"]
        await stage.heard(allowed_updates=[])
        await stage.alice.says(stage.chat, "hello")
        (update,) = await stage.heard()
        assert update.message is not None


async def test_a_lost_answer_loses_no_update() -> None:
    async with staged() as stage:
        await stage.alice.says(stage.chat, "hello")
        fault = stage.telegram.faults.lose_answer("getUpdates")
        answer = asyncio.gather(stage.bot.get_updates(), return_exceptions=True)
        assert isinstance((await answer)[0], Exception)
        assert fault.hits == 1
        assert len(await stage.heard()) == 1


# An application


async def test_a_whole_application_lives_on_it() -> None:
    async with TelegramWorld(limits=FloodLimits.off(), check_answers=True) as world:

        async def imagine(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
            assert update.message is not None
            await update.message.reply_text(f"painting {context.args}", reply_markup=keyboard(["Cancel"]))

        async def pressed(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
            assert update.callback_query is not None
            await update.callback_query.answer("cancelled")
            await update.callback_query.edit_message_text("cancelled")

        builder = ApplicationBuilder().token(world.token).base_url(world.base_url)
        app: Application[Any, Any, Any, Any, Any, Any] = builder.base_file_url(world.file_url).build()
        app.add_handler(CommandHandler("imagine", imagine))
        app.add_handler(CallbackQueryHandler(pressed))
        alice = world.user("Alice")
        group = world.group("Painters", alice)
        async with app:
            await app.start()
            assert app.updater is not None
            await app.updater.start_polling(timeout=30)
            await alice.says(group, "/imagine@otherbot nothing")
            await alice.says(group, "/imagine@FairbrushBot a fox")
            await world.until(lambda: group.by_bot)
            (card,) = group.by_bot
            assert card.text == "painting ['a', 'fox']"
            query = await alice.presses(card.button("Cancel"))
            await query.until_answered()
            await card.until(lambda card: card.text == "cancelled" and not card.buttons)
            await app.updater.stop()
            await app.stop()
        assert world.updates.queue == []


# Webhooks


@dataclass
class Listener:
    """The bot's own address. ``answers``: statuses to say, then 200; ``seen``: update, secret."""

    url: str
    answers: list[int] = field(default_factory=list)
    seen: list[tuple[int, str | None]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener("")

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        listener.bodies.append(body)
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token")
        listener.seen.append((body["update_id"], secret))
        return web.Response(status=listener.answers.pop(0) if listener.answers else 200)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield listener
    finally:
        await runner.cleanup()


async def test_updates_are_pushed_until_they_are_taken() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage, listening() as listener:
        listener.answers = [500, 503]
        webhook = stage.telegram.webhook
        await stage.bot.set_webhook(listener.url, secret_token="s3cret", max_connections=1)
        await stage.alice.says(stage.chat, "one")
        await stage.alice.says(stage.chat, "two")
        for failures in (1, 2):
            await stage.telegram.until(lambda failures=failures: len(webhook.failed) == failures)
            info = await stage.bot.get_webhook_info()
            assert info.pending_update_count == 2
            assert info.last_error_message is not None
            assert info.last_error_message.startswith("Wrong response from the webhook: 50")
            await asyncio.sleep(0)
            clock.advance(60)
        await stage.telegram.until(lambda: len(webhook.delivered) == 2)
        numbers = [FIRST_UPDATE] * 3 + [FIRST_UPDATE + 1]
        assert listener.seen == [(number, "s3cret") for number in numbers]
        assert listener.bodies[-1]["message"]["text"] == "two"
        assert (await stage.bot.get_webhook_info()).pending_update_count == 0


async def test_polling_and_webhooks_exclude_each_other() -> None:
    async with staged() as stage, listening() as listener:
        waiting = await polls(stage, 30)
        await stage.bot.set_webhook(listener.url, allowed_updates=["message"])
        with pytest.raises(Conflict, match=r"(?i)terminated by setwebhook request"):
            await soon(waiting)
        with pytest.raises(Conflict, match=r"(?i)can't use getupdates method while webhook is active"):
            await stage.bot.get_updates()
        info = await stage.bot.get_webhook_info()
        assert (info.url, info.allowed_updates) == (listener.url, ("message",))
        await stage.alice.says(stage.chat, "hello")
        await stage.telegram.until(lambda: stage.telegram.webhook.delivered)
        await stage.bot.delete_webhook()
        await stage.alice.says(stage.chat, "hello again")
        assert len(await stage.heard()) == 1
        await stage.alice.says(stage.chat, "never mind")
        await stage.bot.delete_webhook(drop_pending_updates=True)
        assert await stage.heard() == []


async def test_chats_do_not_wait_for_each_other_at_a_webhook() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage, listening() as listener:
        bob = stage.telegram.user("Bob")
        listener.answers = [500]
        await stage.bot.set_webhook(listener.url)
        await stage.alice.says(stage.chat, "fails first")
        await stage.telegram.until(lambda: stage.telegram.webhook.failed)
        await stage.alice.says(stage.chat, "waits for it")
        await bob.says(stage.telegram.private(bob), "passes")
        await stage.telegram.until(lambda: stage.telegram.webhook.delivered)
        assert stage.telegram.webhook.delivered == [FIRST_UPDATE + 2]


async def test_webhooks_that_are_not_taken() -> None:
    async with staged() as stage:
        for about, words in (
            ({"url": "nonsense"}, "invalid webhook URL specified"),
            ({"url": "http://example.org/x"}, "bad webhook: An HTTPS URL must be provided for webhook"),
            (
                {"url": "https://example.org:5000/x"},
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
            ),
            (
                {"url": "https://example.org/x", "secret_token": "not this!"},
                "secret token contains unallowed characters",
            ),
            ({"url": "https://example.org/x", "secret_token": "x" * 257}, "secret token is too long"),
        ):
            assert await stage.wrong("setWebhook", **about) == words


# Commands


async def test_commands_by_scope_and_language() -> None:
    async with staged() as stage:
        usual, german = [BotCommand("imagine", "Paint")], [BotCommand("imagine", "Malen")]
        private, here = BotCommandScopeAllPrivateChats(), BotCommandScopeChat(stage.chat.id)
        await stage.bot.set_my_commands(usual)
        await stage.bot.set_my_commands(german, scope=private, language_code="de")
        await stage.bot.set_my_commands([BotCommand("help", "Help")], scope=here)
        assert await stage.bot.get_my_commands() == tuple(usual)
        assert await stage.bot.get_my_commands(private) == ()
        assert await stage.bot.get_my_commands(private, "de") == tuple(german)
        assert (("chat", str(stage.chat.id)), "") in stage.telegram.bot_methods.commands
        await stage.bot.delete_my_commands(private, "de")
        assert await stage.bot.get_my_commands(private, "de") == ()
        await stage.bot.set_my_description("Paints", "de")
        assert (await stage.bot.get_my_description("de")).description == "Paints"
        assert (await stage.bot.get_my_description()).description == ""


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ([("x", "y")] * 101, "bot_commands_too_much"),
        ([("Upper", "y")], "bot_command_invalid"),
        ([("x" * 33, "y")], "bot_command_invalid"),
        ([("da-sh", "y")], "bot_command_invalid"),
        ([("x", "")], "bot_command_description_invalid"),
        ([("x", "y" * 257)], "bot_command_description_invalid"),
    ],
)
async def test_commands_have_their_limits(commands: list[tuple[str, str]], words: str) -> None:
    async with staged() as stage:
        await stage.bot.set_my_commands([BotCommand("x" * 32, "y" * 256)] * 100)
        error = await refused(stage.bot.set_my_commands(commands), BadRequest)
        assert str(error).lower() == words
        assert len(await stage.bot.get_my_commands()) == 100
