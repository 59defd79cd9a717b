"""The stand-in of Telegram: flood limits, what a network breaks, and what strictness finds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from telegram import InputMediaPhoto
from telegram.error import BadRequest, Conflict, NetworkError, RetryAfter, TelegramError, TimedOut

from tests.support.service import FakeClock
from tests.support.telegram import Chat, FloodLimits, TelegramWorld, Upload, Window
from tests.support.telegram.failures import ApiError
from tests.support.telegram.floods import Flood
from tests.support.telegram.small_bot import Stage, bot_of, keyboard, refused, staged


@pytest.fixture(autouse=True)
def timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-telegram-bot warns of its own errors otherwise."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


def seconds(error: RetryAfter) -> float:
    assert isinstance(error.retry_after, timedelta)
    return error.retry_after.total_seconds()


async def sent_until_refused(stage: Stage, chat: Chat, most: int = 50) -> tuple[int, int]:
    """How many messages go through at once, and how long the next one has to wait, in seconds."""
    for count in range(most):
        answer = await stage.ask("sendMessage", chat_id=chat.id, text=str(count))
        if not answer["ok"]:
            assert answer["error_code"] == 429
            wait = answer["parameters"]["retry_after"]
            assert answer["description"] == f"Too Many Requests: retry after {wait}"
            return count, wait
    return most, 0


async def test_a_chat_takes_a_burst_and_then_one_a_second() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock(), limits=FloodLimits.real()) as stage:
        assert await sent_until_refused(stage, stage.chat) == (5, 1)
        for _ in range(20):
            clock.advance(0.5)
            await stage.ask("sendMessage", chat_id=stage.chat.id, text="x")
        assert len(stage.chat.by_bot) == 15
        clock.advance(5)
        assert (await sent_until_refused(stage, stage.chat))[0] == 5
        assert stage.telegram.flood.refused["chat"] == 12
        bob = stage.telegram.user("Bob")
        assert (await sent_until_refused(stage, stage.telegram.private(bob)))[0] == 5


async def test_a_group_takes_twenty_a_minute_edits_too() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock(), limits=FloodLimits.real()) as stage:
        group = stage.telegram.group("Painters", stage.alice)
        sent = await stage.bot.send_message(group.id, "0")
        for number in range(1, 20):
            clock.advance(1)
            if number % 2:
                await sent.edit_text(str(number))
            else:
                await stage.bot.send_message(group.id, str(number))
        clock.advance(1)
        error = await refused(sent.edit_text("x"), RetryAfter)
        assert seconds(error) == 40
        await stage.bot.send_chat_action(group.id, "typing")
        await stage.bot.delete_message(group.id, group.by_bot[-1].id)
        await stage.says("elsewhere")
        clock.advance(39)
        await refused(sent.edit_text("x"), RetryAfter)
        clock.advance(1)
        await sent.edit_text("x")
        assert stage.telegram.flood.refused == {"group": 2}


async def test_thirty_a_second_in_all() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock(), limits=FloodLimits.real()) as stage:
        chats = [stage.telegram.private(stage.telegram.user(f"u{n}")) for n in range(31)]
        for chat in chats[:30]:
            await stage.bot.send_message(chat.id, "x")
        error = await refused(stage.bot.send_message(chats[30].id, "x"), RetryAfter)
        assert seconds(error) == 1
        assert stage.telegram.flood.refused == {"overall": 1}
        clock.advance(1)
        await stage.bot.send_message(chats[30].id, "x")


async def test_albums_count_by_their_pictures() -> None:
    clock = FakeClock()
    limits = FloodLimits(chat=None, overall=None, group=Window(5, 60))
    async with staged(clock=clock.as_clock(), limits=limits) as stage:
        group = stage.telegram.group("Painters", stage.alice)
        media = [InputMediaPhoto(Upload.picture().content)] * 3
        await stage.bot.send_media_group(group.id, media)
        await refused(stage.bot.send_media_group(group.id, media), RetryAfter)
        await stage.bot.send_message(group.id, "x")
    async with staged(clock=clock.as_clock(), limits=FloodLimits.real()) as stage:
        await stage.bot.send_media_group(stage.chat.id, media)
        assert await sent_until_refused(stage, stage.chat) == (2, 1)
        clock.advance(5)
        # More than a burst goes out when nothing else did, and is waited for afterwards.
        await stage.bot.send_media_group(stage.chat.id, media * 3)
        assert await sent_until_refused(stage, stage.chat) == (0, 5)


async def test_edits_may_be_left_out_and_limits_quick_or_off() -> None:
    clock = FakeClock()
    limits = FloodLimits(chat=Window(1, 1.0), burst=0, edits=False)
    async with staged(clock=clock.as_clock(), limits=limits) as stage:
        sent = await stage.says()
        for number in range(40):
            await sent.edit_text(str(number))
        await refused(stage.says(), RetryAfter)
    async with staged(clock=clock.as_clock(), limits=FloodLimits.quick()) as stage:
        for _ in range(5):
            await stage.says()
        error = await refused(stage.says(), RetryAfter)
        assert seconds(error) == pytest.approx(0.02)
    async with staged() as stage:
        assert await sent_until_refused(stage, stage.chat) == (50, 0)


async def test_a_chat_is_flooded_for_a_while() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        sent = await stage.says()
        stage.telegram.flood.hold(stage.chat.id, 35)
        clock.advance(5)
        assert seconds(await refused(stage.says(), RetryAfter)) == 30
        assert seconds(await refused(sent.edit_text("x"), RetryAfter)) == 30
        clock.advance(30)
        await stage.says()


def test_uploads_of_the_same_size_are_braked() -> None:
    clock = FakeClock()
    flood = Flood(FloodLimits(same_size=True), clock.monotonic)
    for _ in range(8):
        flood.take_upload(9_000_000)
        flood.take_upload(100_000)
    with pytest.raises(ApiError, match="retry after 60"):
        flood.take_upload(9_000_000)
    flood.take_upload(9_000_001)
    clock.advance(2)
    flood.take_upload(9_000_000)


# Faults


async def test_answers_fail() -> None:
    async with staged() as stage:
        faults = stage.telegram.faults
        for about, error, words in (
            ({"code": 500}, NetworkError, "internal server error"),
            ({"code": 502, "html": True}, NetworkError, "bad gateway"),
            ({"code": 400, "description": "Bad Request: odd"}, BadRequest, "odd"),
            ({"code": 409}, Conflict, "terminated by other getupdates"),
            ({"code": 429, "parameters": {"retry_after": 7}}, RetryAfter, "retry in 0:00:07"),
        ):
            fault = faults.fail("sendMessage", **about)
            assert words in str(await refused(stage.says(), error)).lower()
            assert fault.spent
        faults.storm("send*", retry_after=3)
        assert "retry in 0:00:03" in str(await refused(stage.says(), RetryAfter)).lower()
        faults.conflict()
        await refused(stage.bot.get_updates(), Conflict)
        assert stage.chat.by_bot == []
        await stage.says()
        assert [call.code for call in stage.telegram.calls("sendMessage")][:3] == [500, 502, 400]


async def test_faults_of_one_chat() -> None:
    async with staged() as stage:
        bob = stage.telegram.private(stage.telegram.user("Bob"))
        stage.telegram.faults.fail("*", 500, times=None, chat=bob)
        await stage.says()
        await refused(stage.bot.send_message(bob.id, "x"), NetworkError)
        stage.telegram.faults.clear()
        await stage.bot.send_message(bob.id, "x")


async def test_connections_are_cut_before_and_after_the_effect() -> None:
    async with staged() as stage:
        stage.telegram.faults.hang_up("sendMessage")
        await refused(stage.says("one"), NetworkError)
        assert stage.chat.by_bot == []
        for code in (None, 502):
            stage.telegram.faults.lose_answer("sendMessage", code=code)
            await refused(stage.says("two"), NetworkError)
        assert [shown.text for shown in stage.chat.by_bot] == ["two", "two"]
        assert await stage.says("three")


async def test_a_time_out_does_not_mean_not_sent() -> None:
    async with staged() as stage, bot_of(stage.telegram, read_timeout=0.5) as bot:
        held = stage.telegram.faults.hold("sendMessage", after=True, times=1)
        await refused(bot.send_message(stage.chat.id, "x"), TimedOut)
        assert [shown.text for shown in stage.chat.by_bot] == ["x"]
        held.release()


async def test_slowness_goes_by_the_clock() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        fault = stage.telegram.faults.slow("sendMessage", 5, times=1)
        task = asyncio.create_task(stage.says())
        await stage.telegram.until(lambda: fault.hits)
        await asyncio.sleep(0)
        assert not stage.chat.by_bot
        clock.advance(5)
        await asyncio.wait_for(task, 10)


async def test_downloads_break() -> None:
    async with staged() as stage:
        content = Upload.picture((300, 300), "fox.bmp").content
        await stage.alice.sends_document(stage.chat, Upload("fox.bmp", content, cut_at=100_000))
        (update,) = await stage.heard()
        assert update.message is not None
        assert update.message.document is not None
        file = await update.message.document.get_file()
        await refused(file.download_as_bytearray(), NetworkError)
        stage.telegram.faults.fail("download", 500)
        await refused(file.download_as_bytearray(), NetworkError)


# Strictness


async def wrong_in(act: Callable[[Stage], Any]) -> list[str]:
    """What a world that is left says about it."""
    async with staged() as stage:
        await act(stage)
        return stage.telegram.forgive()


@pytest.mark.parametrize(
    ("method", "about", "words"),
    [
        ("sendMessage", {"txt": "x"}, "sendMessage: no parameter txt"),
        ("sendMessage", {"disable_notification": "maybe"}, "is no Boolean"),
        ("sendMessage", {"message_thread_id": "first"}, "message_thread_id is no JSON"),
        (
            "sendMessage",
            {"entities": [{"type": "bold", "offset": 0, "length": 1, "size": 1}]},
            "MessageEntity has no size",
        ),
        ("sendMessage", {"link_preview_options": {"disabled": True}}, "LinkPreviewOptions has no disabled"),
        (
            "sendMessage",
            {"reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "x", "colour": "red"}]]}},
            "InlineKeyboardButton has no colour",
        ),
        ("sendChatAction", {"action": "typing", "seconds": 5}, "no parameter seconds"),
    ],
)
async def test_what_the_api_does_not_know_is_noted(method: str, about: dict[str, Any], words: str) -> None:
    async def act(stage: Stage) -> None:
        answer = await stage.ask(method, chat_id=stage.chat.id, **{"text": "hello", **about})
        assert answer["ok"]

    found = await wrong_in(act)
    assert any(words in each for each in found), found


async def test_leaving_fails_when_something_was_wrong() -> None:
    with pytest.raises(AssertionError, match="no parameter txt"):
        async with staged() as stage:
            await stage.ask("sendMessage", chat_id=stage.chat.id, text="x", txt="x")
    with pytest.raises(AssertionError, match="sendDice"):
        async with staged() as stage:
            await stage.ask("sendDice", chat_id=stage.chat.id)
    async with staged(strict=False) as stage:
        await stage.ask("sendMessage", chat_id=stage.chat.id, text="x", txt="x")


async def test_methods_are_found_in_any_case() -> None:
    async with staged() as stage:
        assert (await stage.ask("SENDMESSAGE", chat_id=stage.chat.id, text="x"))["ok"]
        assert len(stage.telegram.calls("sendMessage")) == 1


async def test_requests_are_recorded() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        await stage.says("12", reply_markup=keyboard(["A"]))
        await stage.bot.send_photo(stage.chat.id, Upload.picture().content, filename="fox.png")
        (text,), (photo,) = stage.telegram.calls("sendMessage"), stage.telegram.calls("sendPhoto")
        assert text.json["text"] == "12"
        assert text.json["reply_markup"]["inline_keyboard"][0][0]["text"] == "A"
        assert (text.chat_id, text.code, text.at) == (stage.chat.id, 200, clock.wall)
        assert text.answer["message_id"] == stage.chat.by_bot[0].id
        assert photo.files == [("photo", "fox.png", len(Upload.picture().content))]
    async with staged(recording=False) as stage:
        await stage.says()
        assert stage.telegram.calls() == []


async def test_nothing_is_left_open() -> None:
    async with TelegramWorld() as world, bot_of(world) as bot:
        waiting = asyncio.create_task(bot.get_updates(timeout=50))
        await world.until(lambda: world.updates.polling)
    with pytest.raises(TelegramError):
        assert await asyncio.wait_for(waiting, 10) is None
