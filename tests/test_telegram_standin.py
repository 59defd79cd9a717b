"""The stand-in of Telegram: people do things, the real python-telegram-bot answers, both see the same."""

from __future__ import annotations

import pytest
from telegram import ForceReply, InputMediaPhoto, LinkPreviewOptions, Message, MessageEntity, ReplyParameters
from telegram.constants import MessageLimit
from telegram.error import BadRequest, Forbidden, InvalidToken

from tests.support.service import FakeClock
from tests.support.telegram import CannotUse, TelegramWorld, Upload
from tests.support.telegram.entities import CAPTION, TEXT
from tests.support.telegram.small_bot import bot_of, keyboard, refused, staged


async def test_the_bot_is_known_by_its_token() -> None:
    async with TelegramWorld() as world:
        async with bot_of(world) as bot:
            assert (bot.username, bot.id) == (world.bot.username, world.bot.id)
            assert bot.can_read_all_group_messages is False
        for token, code in (("1:wrong", 401), ("nonsense", 404)):
            with pytest.raises(InvalidToken):
                await bot_of(world, token=token).__aenter__()
            assert world.calls("getMe")[-1].code == code


async def test_what_people_write_arrives_with_its_commands_and_names() -> None:
    async with staged() as stage:
        shown = await stage.alice.says(stage.chat, "🦊 /imagine@FairbrushBot a #fox of @bob")
        (update,) = await stage.heard()
        assert update.message is not None
        assert update.message.message_id == shown.id
        assert update.message.from_user is not None
        assert update.message.from_user.language_code == "en"
        found = update.message.parse_entities()
        assert {entity.type: text for entity, text in found.items()} == {
            "bot_command": "/imagine@FairbrushBot",
            "hashtag": "#fox",
            "mention": "@bob",
        }


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("/imagine a fox", ["/imagine"]),
        ("see /help or /start", ["/help", "/start"]),
        ("a/b //c /d/ <e>/f </g", []),
        ("/with-dash /umlautä", ["/with"]),
        ("/" + "x" * 65, []),
        ("/a@bc", []),
        ("/imagine@FairbrushBot", ["/imagine@FairbrushBot"]),
    ],
)
async def test_what_counts_as_a_command(text: str, commands: list[str]) -> None:
    async with staged() as stage:
        shown = await stage.alice.says(stage.chat, text)
        assert [said for kind, said in shown.marks if kind == "bot_command"] == commands


async def test_an_answer_is_seen_as_sent() -> None:
    async with staged() as stage:
        asked = await stage.alice.says(stage.chat, "/imagine a fox")
        (update,) = await stage.heard()
        assert update.message is not None
        sent = await update.message.reply_html(
            "A <b>fox</b> &amp; <a href='https://example.org/x'>more</a>",
            reply_markup=keyboard(["Cancel", "More"], ["🔁 Again"]),
            do_quote=True,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )
        (shown,) = stage.chat.by_bot
        assert shown.id == sent.message_id
        assert shown.text == sent.text == "A fox & more"
        assert shown.marks == [("bold", "fox"), ("text_link", "more")]
        assert shown.reply_to == asked
        assert shown.keyboard == [["Cancel", "More"], ["🔁 Again"]]
        assert shown.button("Again").data == "do:🔁 Again"
        assert shown.raw.content.preview == {"is_disabled": True}
        with pytest.raises(AssertionError, match="no button"):
            shown.button("Nothing")


async def test_edits_are_seen_with_their_history() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        sent = await stage.says("one", reply_markup=keyboard(["Cancel"]))
        (shown,) = stage.chat.by_bot
        clock.advance(3)
        edited = await sent.edit_text("two", reply_markup=keyboard(["Cancel"]))
        assert isinstance(edited, Message)
        assert edited.edit_date is not None
        clock.advance(3)
        await edited.edit_reply_markup(keyboard(["Again"]))
        assert [(look.text, look.at - clock.wall) for look in shown.history] == [
            ("one", -6000),
            ("two", -3000),
            ("two", 0),
        ]
        assert shown.edits == 2
        # A new keyboard is no edit of the words.
        assert shown.raw.edited == clock.wall - 3000


async def test_an_edit_without_a_keyboard_takes_it_away() -> None:
    async with staged() as stage:
        sent = await stage.says("one", reply_markup=keyboard(["Cancel"]))
        await sent.edit_text("two")
        assert stage.chat.by_bot[0].keyboard == []
        photo = await stage.bot.send_photo(
            stage.chat.id, Upload.picture().content, caption="one", reply_markup=keyboard(["Cancel"])
        )
        await photo.edit_caption("two")
        assert stage.chat.by_bot[1].keyboard == []


async def test_a_text_becomes_a_picture() -> None:
    async with staged() as stage:
        sent = await stage.says("painting …", reply_markup=keyboard(["Cancel"]))
        picture = Upload.picture((400, 300))
        media = InputMediaPhoto(picture.content, caption="a <i>fox</i>", parse_mode="HTML", has_spoiler=True)
        edited = await sent.edit_media(media, reply_markup=keyboard(["Again"]))
        (shown,) = stage.chat.by_bot
        assert shown.photo is not None
        assert shown.photo.data == picture.content
        assert (shown.kind, shown.caption, shown.spoiler) == ("photo", "a fox", True)
        assert shown.marks == [("italic", "fox")]
        assert [look.kind for look in shown.history] == ["text", "photo"]
        assert isinstance(edited, Message)
        assert edited.photo[-1].width == 400
        error = await refused(edited.edit_text("words again"), BadRequest)
        assert "there is no text in the message to edit" in str(error).lower()


async def test_nothing_new_is_no_edit() -> None:
    async with staged() as stage:
        sent = await stage.says("a <b>fox</b>", parse_mode="HTML", reply_markup=keyboard(["Cancel"]))
        same = sent.edit_text("a <strong>fox</strong> ", parse_mode="HTML", reply_markup=keyboard(["Cancel"]))
        assert "message is not modified" in str(await refused(same, BadRequest)).lower()
        await sent.edit_text("a fox", reply_markup=keyboard(["Cancel"]))
        again = sent.edit_reply_markup(keyboard(["Cancel"]))
        assert "message is not modified" in str(await refused(again, BadRequest)).lower()


async def test_only_what_is_there_and_its_own_is_edited() -> None:
    async with staged() as stage:
        asked = await stage.alice.says(stage.chat, "hello")
        sent = await stage.says()
        target = {"chat_id": stage.chat.id, "text": "x"}
        assert await stage.wrong("editMessageText", **target, message_id=999) == "message to edit not found"
        assert (
            await stage.wrong("editMessageText", **target, message_id=asked.id) == "message can't be edited"
        )
        caption = {"chat_id": stage.chat.id, "message_id": sent.message_id, "caption": "x"}
        words = "there is no caption in the message to edit"
        assert await stage.wrong("editMessageCaption", **caption) == words
        await stage.alice.deletes(stage.chat.by_bot[0])
        gone = await stage.wrong("editMessageText", **target, message_id=sent.message_id)
        assert gone == "message to edit not found"


async def test_a_forced_reply_is_answered() -> None:
    async with staged() as stage:
        prompt = await stage.says("The new prompt?", reply_markup=ForceReply(input_field_placeholder="a fox"))
        (shown,) = stage.chat.by_bot
        assert shown.asks_reply
        await stage.alice.replies(shown, "a red fox")
        (update,) = await stage.heard()
        assert update.message is not None
        assert update.message.reply_to_message is not None
        assert update.message.reply_to_message.message_id == prompt.message_id
        stuck = await stage.wrong(
            "editMessageText", chat_id=stage.chat.id, message_id=prompt.message_id, text="x"
        )
        assert stuck == "message can't be edited"
        markup = {"force_reply": True}
        sent = await stage.says()
        edit = {"chat_id": stage.chat.id, "message_id": sent.message_id, "text": "x", "reply_markup": markup}
        assert await stage.wrong("editMessageText", **edit) == "inline keyboard expected"


async def test_answers_to_what_is_not_there() -> None:
    async with staged() as stage:
        error = await refused(stage.says(reply_parameters=ReplyParameters(999)), BadRequest)
        assert "message to be replied not found" in str(error).lower()
        sent = await stage.says(
            reply_parameters=ReplyParameters(999, allow_sending_without_reply=True), protect_content=True
        )
        assert sent.reply_to_message is None
        assert sent.has_protected_content


async def test_people_edit_and_delete() -> None:
    async with staged() as stage:
        shown = await stage.alice.says(stage.chat, "/imagine a fx")
        await stage.alice.edits(shown, "/imagine a fox")
        first, second = await stage.heard()
        assert first.message is not None
        assert second.edited_message is not None
        assert second.edited_message.text == "/imagine a fox"
        assert second.edited_message.edit_date is not None
        assert second.edited_message.message_id == first.message.message_id
        await stage.alice.deletes(shown)
        assert stage.chat.messages == []
        with pytest.raises(CannotUse):
            await stage.alice.edits(shown, "again")
        assert await stage.heard() == []


async def test_whoever_blocked_the_bot_hears_nothing() -> None:
    async with staged() as stage:
        sent = await stage.says()
        stage.alice.blocks()
        (update,) = await stage.heard()
        assert update.my_chat_member is not None
        assert update.my_chat_member.old_chat_member.status == "member"
        assert update.my_chat_member.new_chat_member.status == "kicked"
        for doing in (stage.says(), sent.edit_text("x"), sent.delete()):
            assert "bot was blocked by the user" in str(await refused(doing, Forbidden))
        with pytest.raises(CannotUse):
            await stage.alice.says(stage.chat, "hello?")
        await stage.alice.starts("job_7")
        unblocked, started = await stage.heard()
        assert unblocked.my_chat_member is not None
        assert unblocked.my_chat_member.new_chat_member.status == "member"
        assert started.message is not None
        assert started.message.text == "/start job_7"
        await stage.says("welcome back")
        stage.alice.deactivated = True
        assert "user is deactivated" in str(await refused(stage.says(), Forbidden))


async def test_nobody_is_written_to_uninvited() -> None:
    async with staged() as stage:
        bob, carol = stage.telegram.user("Bob"), stage.telegram.user("Carol", username=None)
        assert await stage.wrong("sendMessage", chat_id=bob.id, text="x") == "chat not found"
        stage.telegram.private(carol, started=False)
        error = await refused(stage.bot.send_message(carol.id, "x"), Forbidden)
        assert "bot can't initiate conversation with a user" in str(error)
        await carol.starts()
        await stage.bot.send_message(carol.id, "x")
        (update,) = await stage.heard()
        assert update.message is not None
        assert update.message.from_user is not None
        assert update.message.from_user.username is None
        with pytest.raises(CannotUse):
            await carol.starts("no spaces allowed")


async def test_texts_have_their_limits() -> None:
    assert MessageLimit.MAX_TEXT_LENGTH == TEXT
    assert MessageLimit.CAPTION_LENGTH == CAPTION
    async with staged() as stage:
        # What counts is characters after parsing, not bytes, entities or UTF-16 units.
        await stage.says("<b>" + "🦊" * TEXT + "</b>", parse_mode="HTML")
        await stage.says("&amp;" * TEXT, parse_mode="HTML")
        assert "message is too long" in str(await refused(stage.says("x" * (TEXT + 1)), BadRequest)).lower()
        long = {"chat_id": stage.chat.id, "text": "🦊" * 9000}
        assert await stage.wrong("sendMessage", **long) == "text is too long"
        picture = Upload.picture().content
        await stage.bot.send_photo(stage.chat.id, picture, caption="ä" * CAPTION)
        doing = stage.bot.send_photo(stage.chat.id, picture, caption="x" * (CAPTION + 1))
        assert "message caption is too long" in str(await refused(doing, BadRequest)).lower()
        for text, words in (("", "message text is empty"), (" \n ", "text must be non-empty")):
            assert await stage.wrong("sendMessage", chat_id=stage.chat.id, text=text) == words


async def test_a_text_is_shown_trimmed_and_cleaned() -> None:
    async with staged() as stage:
        override = "\u202e"
        sent = await stage.says(f"  a {override}<b>f{override}ox</b>\x07 ", parse_mode="HTML")
        assert sent.text == "a fox"
        assert stage.chat.by_bot[0].marks == [("bold", "fox")]
        entity = MessageEntity("bold", 2, 4)
        await stage.says(f"a f{override}ox", entities=[entity])
        assert stage.chat.by_bot[1].marks == [("bold", "fox")]
