"""The stand-in of Telegram: keyboards, presses of their buttons, and deletions."""

from __future__ import annotations

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest

from tests.support.service import FakeClock
from tests.support.telegram import CannotUse
from tests.support.telegram.methods_edit import DELETABLE_SECONDS
from tests.support.telegram.small_bot import Stage, keyboard, refused, staged


async def test_a_press_is_answered() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        sent = await stage.says("done", reply_markup=keyboard(["🔁 Re-roll"]))
        query = await stage.alice.presses(stage.chat.by_bot[0].button("Re-roll"))
        (update,) = await stage.heard()
        asked = update.callback_query
        assert asked is not None
        assert asked.message is not None
        assert (asked.data, asked.from_user.id) == ("do:🔁 Re-roll", stage.alice.id)
        assert asked.message.message_id == sent.message_id
        assert not query.answered
        clock.advance(2)
        await asked.answer("Queued", show_alert=True)
        assert (query.answered, query.text, query.alert, query.seconds) == (True, "Queued", True, 2.0)
        assert "query is too old" in str(await refused(asked.answer(), BadRequest)).lower()


async def test_a_press_is_answered_in_time_or_never() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        await stage.says("done", reply_markup=keyboard(["A"]))
        for wait in (stage.telegram.query_seconds, stage.telegram.query_seconds + 1):
            query = await stage.alice.presses(stage.chat.by_bot[0].button("A"))
            clock.advance(wait)
            answer = await stage.ask("answerCallbackQuery", callback_query_id=query.id)
            assert answer["ok"] == (wait == stage.telegram.query_seconds) == query.answered
        words = "query is too old and response timeout expired or query ID is invalid"
        assert answer["description"] == f"Bad Request: {words}"
        assert await stage.wrong("answerCallbackQuery", callback_query_id="7") == words
        query = await stage.alice.presses(stage.chat.by_bot[0].button("A"))
        answer = {"callback_query_id": query.id, "text": "x" * 201}
        assert await stage.wrong("answerCallbackQuery", **answer) == "MESSAGE_TOO_LONG"
        await stage.ask("answerCallbackQuery", **{**answer, "text": "ä" * 200})
        await query.until_answered()


async def test_presses_of_what_is_gone_and_forged_ones() -> None:
    async with staged() as stage:
        sent = await stage.says("done", reply_markup=keyboard(["A"]))
        (shown,) = stage.chat.by_bot
        button = shown.button("A")
        await stage.alice.presses(button, data="job:999:rm -rf")
        await stage.alice.presses(button, inaccessible=True)
        forged, inaccessible = await stage.heard()
        assert forged.callback_query is not None
        assert forged.callback_query.data == "job:999:rm -rf"
        assert inaccessible.callback_query is not None
        assert inaccessible.callback_query.message is not None
        # python-telegram-bot makes a whole message of it; only its date tells.
        assert not inaccessible.callback_query.message.is_accessible
        await sent.edit_text("no keyboard")
        with pytest.raises(CannotUse, match="not there any more"):
            await stage.alice.presses(button)
        with pytest.raises(CannotUse):
            await stage.alice.presses(button, data="x" * 65)
        await sent.delete()
        with pytest.raises(CannotUse, match="gone"):
            await stage.alice.presses(button)
        query = stage.alice.forges(shown, "late")
        (late,) = await stage.heard()
        assert late.callback_query is not None
        assert late.callback_query.message is not None
        assert not late.callback_query.message.is_accessible
        assert late.callback_query.id == query.id


async def test_what_a_button_holds() -> None:
    async with staged() as stage:

        async def sends(button: dict[str, object]) -> str:
            markup = {"inline_keyboard": [[button]]}
            return await stage.wrong("sendMessage", chat_id=stage.chat.id, text="x", reply_markup=markup)

        parse = "can't parse inline keyboard button: "
        assert await sends({"text": "A", "callback_data": "ä" * 33}) == "BUTTON_DATA_INVALID"
        assert await sends({"text": "A", "callback_data": ""}) == (
            parse + "Text buttons are unallowed in the inline keyboard"
        )
        assert await sends({"callback_data": "x"}) == parse + 'Can\'t find field "text"'
        empty = await sends({"text": " ", "callback_data": "x"})
        assert empty == "inline keyboard button text must be non-empty"
        assert await sends({"text": "A", "url": "not a link"}) == (
            "inline keyboard button URL 'not a link' is invalid: URL host is empty"
        )
        copied = {"text": "A", "copy_text": {"text": "x" * 257}}
        assert await sends(copied) == "BUTTON_COPY_TEXT_INVALID"
        await stage.says(reply_markup=keyboard(["ä" * 30]))
        assert len(stage.chat.by_bot[-1].buttons[0].data.encode()) == 63
        await stage.says(
            reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("A", url="https://x.org")]])
        )
        with pytest.raises(CannotUse):
            await stage.alice.presses(stage.chat.by_bot[-1].button("A"))


async def test_how_many_buttons() -> None:
    async with staged() as stage:
        await stage.says(reply_markup=keyboard(*[[str(n)] for n in range(100)]))
        many = keyboard(*[[str(n)] for n in range(101)])
        error = await refused(stage.says(reply_markup=many), BadRequest)
        assert "reply markup is too long" in str(error).lower()
        assert stage.telegram.server.violations == []
        await stage.says(reply_markup=keyboard(list("123456789")))
        (words,) = stage.telegram.forgive()
        assert "more buttons in a row" in words
        await stage.says(reply_markup=InlineKeyboardMarkup([]))
        assert stage.chat.by_bot[-1].keyboard == []


# Deleting


async def deletes(stage: Stage, chat: int, *messages: int) -> str:
    """What is said of it; empty when it is done."""
    several = {"message_ids": list(messages)} if len(messages) > 1 else {"message_id": messages[0]}
    method = "deleteMessages" if len(messages) > 1 else "deleteMessage"
    answer = await stage.ask(method, chat_id=chat, **several)
    return str(answer.get("description", "")).removeprefix("Bad Request: ")


async def test_what_the_bot_deletes() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        group = stage.telegram.group("Painters", stage.alice)
        forum = stage.telegram.supergroup("Foxes", stage.alice)
        told = {chat: await stage.alice.says(chat, "/a") for chat in (stage.chat, group, forum)}
        sent = {chat: (await stage.bot.send_message(chat.id, "x")).message_id for chat in told}
        clock.advance(DELETABLE_SECONDS)
        kept = {chat: (await stage.bot.send_message(chat.id, "x")).message_id for chat in told}
        assert await deletes(stage, stage.chat.id, told[stage.chat].id) == ""
        assert await deletes(stage, group.id, told[group].id) == "message can't be deleted"
        assert await deletes(stage, forum.id, told[forum].id) == "message can't be deleted"
        for chat, message in kept.items():
            assert await deletes(stage, chat.id, message) == ""
        assert await deletes(stage, stage.chat.id, kept[stage.chat]) == "message to delete not found"
        clock.advance(0.002)
        for chat in (stage.chat, group):
            words = await deletes(stage, chat.id, sent[chat])
            assert words == "message can't be deleted for everyone"
        assert await deletes(stage, forum.id, sent[forum]) == "message can't be deleted"
        forum.promote_bot(without=["can_delete_messages"])
        assert await deletes(stage, forum.id, told[forum].id) == "message can't be deleted"
        forum.promote_bot()
        assert await deletes(stage, forum.id, told[forum].id) == ""
        assert await deletes(stage, forum.id, sent[forum]) == ""
        assert forum.messages == []


async def test_several_are_deleted_at_once() -> None:
    async with staged() as stage:
        sent = [(await stage.says(str(n))).message_id for n in range(3)]
        assert await deletes(stage, stage.chat.id, *sent[:2], 999) == ""
        assert [shown.text for shown in stage.chat.by_bot] == ["2"]
        assert stage.chat.by_id[sent[0]].deleted
        words = await stage.wrong("deleteMessages", chat_id=stage.chat.id, message_ids=list(range(1, 102)))
        assert words == "too many message identifiers specified"
        words = await stage.wrong("deleteMessages", chat_id=stage.chat.id, message_ids=[])
        assert words == "message identifiers are not specified"
