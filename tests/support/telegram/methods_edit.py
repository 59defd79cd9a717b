"""Methods that change or take away what stands in a chat, and the answers to presses of buttons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.telegram.calls import Call
from tests.support.telegram.chats import GROUP, PRIVATE, Chat
from tests.support.telegram.failures import Json, bad, not_modified, query_too_old
from tests.support.telegram.markup import read_markup, too_wide
from tests.support.telegram.messages import EDITABLE, Content, Message
from tests.support.telegram.methods import Handler, caption_of, chat_of, message_of, words_of
from tests.support.telegram.methods_send import SendMethods
from tests.support.telegram.queries import ANSWER

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

DELETABLE_SECONDS = 48 * 3600
DELETED_AT_ONCE = 100
ALBUM_KINDS = (frozenset({"photo", "video"}), frozenset({"document"}), frozenset({"audio"}))


class EditMethods:
    def __init__(self, world: TelegramWorld, sending: SendMethods) -> None:
        self._world = world
        self._sending = sending

    def table(self) -> dict[str, Handler]:
        return {
            "editMessageText": self.text,
            "editMessageCaption": self.caption,
            "editMessageMedia": self.media,
            "editMessageReplyMarkup": self.keyboard,
            "deleteMessage": self.delete,
            "deleteMessages": self.delete_several,
            "setMessageReaction": self.react,
            "answerCallbackQuery": self.answer,
        }

    # Editing

    def text(self, call: Call) -> Json:
        words = words_of(call)
        keyboard, message = self._target(call)
        if message.content.media is not None:
            raise bad("there is no text in the message to edit")
        return self._edit(message, Content(words, preview=call.parsed("link_preview_options")), keyboard)

    def caption(self, call: Call) -> Json:
        words = caption_of(call)
        keyboard, message = self._target(call)
        if message.content.media is None:
            raise bad("there is no caption in the message to edit")
        above = call.flag("show_caption_above_media")
        return self._edit(message, replace(message.content, words=words, above=above), keyboard)

    def media(self, call: Call) -> Json:
        item = call.parsed("media")
        if item is None:
            raise bad("can't parse input media JSON object")
        item, words = self._sending.input_media(item, for_album=False)
        keyboard, message = self._target(call)
        if message.content.kind not in EDITABLE:
            raise bad("message media can't be edited")
        alike = next((kinds for kinds in ALBUM_KINDS if message.content.kind in kinds), frozenset())
        if message.group_id is not None and item["type"] not in alike:
            raise bad("Can't use the media of the specified type in the album")
        in_album = message.group_id is not None
        content = self._sending.filled(call, item, Content(words), for_album=in_album)
        return self._edit(message, content, keyboard)

    def keyboard(self, call: Call) -> Json:
        keyboard, message = self._target(call)
        return self._edit(message, message.content, keyboard)

    def _target(self, call: Call) -> tuple[Json | None, Message]:
        """The new keyboard and the message. Raises :class:`ApiError` when it cannot be edited."""
        keyboard, _ = read_markup(call.text("reply_markup"), inline_only=True)
        if too_wide(keyboard):
            self._world.note(f"{call.method}: more buttons in a row than apps show")
        if not call.text("chat_id"):
            raise bad("message identifier is not specified")
        chat = chat_of(self._world, call)
        chat.check_reach()
        message = message_of(chat, call.integer("message_id"), "message to edit")
        stuck = message.markup is not None or message.forwarded is not None or message.service is not None
        if not message.outgoing or stuck or chat.upgraded is not None:
            raise bad("message can't be edited")
        return keyboard, message

    def _edit(self, message: Message, content: Content, keyboard: Json | None) -> Json:
        """A keyboard that is not said is taken away."""
        if content.same_as(message.content) and keyboard == message.keyboard:
            raise not_modified()
        self._sending.take_flood(message.chat, 1, edit=True)
        self._world.posting.edit(message, content, keyboard)
        return message.json()

    # Taking away

    def delete(self, call: Call) -> bool:
        if not call.text("chat_id"):
            raise bad("chat identifier is not specified")
        if not call.integer("message_id"):
            raise bad("message identifier is not specified")
        chat = self._writable(call)
        message = message_of(chat, call.integer("message_id"), "message to delete")
        self._check_deletable(chat, message)
        self._world.posting.delete(message)
        return True

    def delete_several(self, call: Call) -> bool:
        numbers = call.parsed("message_ids")
        if not numbers:
            raise bad("message identifiers are not specified")
        if len(numbers) > DELETED_AT_ONCE:
            raise bad("too many message identifiers specified")
        chat = self._writable(call)
        found = [chat.by_id[each] for each in numbers if each in chat.by_id and not chat.by_id[each].deleted]
        for message in found:
            self._check_deletable(chat, message)
        for message in found:
            self._world.posting.delete(message)
        return True

    def _writable(self, call: Call) -> Chat:
        chat = chat_of(self._world, call)
        chat.check_write()
        return chat

    def _check_deletable(self, chat: Chat, message: Message) -> None:
        """Rules: https://core.telegram.org/bots/api#deletemessage"""
        old = message.age(self._world.now()) > DELETABLE_SECONDS
        if chat.kind not in (PRIVATE, GROUP):
            if chat.bot.may("can_delete_messages"):
                return
            if not message.outgoing or old:
                raise bad("message can't be deleted")
            return
        if chat.kind == GROUP and not message.outgoing and not chat.bot.admin:
            raise bad("message can't be deleted")
        if old:
            raise bad("message can't be deleted for everyone")

    # Reactions and answers

    def react(self, call: Call) -> bool:
        chat = self._writable(call)
        message = message_of(chat, call.integer("message_id"), "message to react")
        wanted = call.parsed("reaction") or []
        if len(wanted) > 1:
            raise bad("REACTIONS_TOO_MANY")
        message.reaction = wanted
        self._world.changed.fire()
        return True

    def answer(self, call: Call) -> bool:
        query = self._world.queries.get(call.text("callback_query_id"))
        if query is None:
            raise query_too_old()
        text = call.text("text")
        if len(text) > ANSWER:
            raise bad("MESSAGE_TOO_LONG")
        query.check_open()
        query.answered_at, query.text = self._world.now(), text
        query.alert, query.url = call.flag("show_alert"), call.text("url") or None
        query.cache_seconds = call.integer("cache_time")
        self._world.changed.fire()
        return True
