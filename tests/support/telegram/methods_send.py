"""Methods that send: messages, pictures, films, files, albums, and what the bot is seen doing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.support.telegram import entities
from tests.support.telegram.calls import Call
from tests.support.telegram.chats import GROUP, PRIVATE, SUPERGROUP, Chat
from tests.support.telegram.failures import ApiError, Json, bad
from tests.support.telegram.files import Media
from tests.support.telegram.html import Marked
from tests.support.telegram.markup import read_markup, too_wide
from tests.support.telegram.messages import Content, Message
from tests.support.telegram.methods import Handler, caption_of, chat_of, message_of, words_of

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

ACTIONS = frozenset(
    {
        *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice"),
        *("upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note"),
    }
)
ALBUM = 10


@dataclass(frozen=True)
class Where:
    """Into which chat and topic a request goes, and what it answers."""

    chat: Chat
    thread: int | None
    reply_to: Message | None
    quote: Json | None


class SendMethods:
    def __init__(self, world: TelegramWorld) -> None:
        self._world = world

    def table(self) -> dict[str, Handler]:
        return {
            "sendMessage": self.message,
            "sendPhoto": self.one,
            "sendDocument": self.one,
            "sendAnimation": self.one,
            "sendVideo": self.one,
            "sendMediaGroup": self.album,
            "sendChatAction": self.action,
        }

    def message(self, call: Call) -> Json:
        words = words_of(call)
        return self._send(call, lambda: Content(words, preview=call.parsed("link_preview_options")), "text")

    def one(self, call: Call) -> Json:
        """A picture, a film or a file."""
        kind = call.method.removeprefix("send").lower()
        words = caption_of(call)
        return self._send(call, lambda: self._content(call, kind, Content(words)), kind)

    def _content(self, call: Call, kind: str, content: Content) -> Content:
        media = shown_as(
            call.media(self._world.files, kind, kind), call.flag("disable_content_type_detection")
        )
        spoiler = call.flag("has_spoiler") and media.kind != "document"
        return replace(content, media=media, spoiler=spoiler, above=call.flag("show_caption_above_media"))

    def _send(self, call: Call, content: Any, kind: str) -> Json:
        """``content``: makes it, once all is known to be right but the file."""
        keyboard, markup = read_markup(call.text("reply_markup"), inline_only=False)
        self._note(call, keyboard)
        where = self.where(call)
        where.chat.check_send(kind, where.thread)
        made: Content = content()
        self.take_flood(where.chat, 1)
        return self._publish(call, where, made, keyboard=keyboard, markup=markup).json()

    def _publish(self, call: Call, where: Where, content: Content, **about: Any) -> Message:
        world = self._world
        message = world.posting.make(
            where.chat,
            None if where.chat.kind == "channel" else world.bot,
            content=content,
            reply_to=where.reply_to,
            quote=where.quote,
            outgoing=True,
            protected=call.flag("protect_content"),
            silent=call.flag("disable_notification"),
            effect=call.text("message_effect_id") or None,
            sender_chat=where.chat if where.chat.kind == "channel" else None,
            **about,
        )
        if where.chat.forum:
            message.thread, message.topical = where.thread, where.thread is not None
        return world.posting.publish(message)

    def album(self, call: Call) -> list[Json]:
        items = call.parsed("media")
        if items is None:
            raise bad("can't parse media JSON object")
        if not isinstance(items, list):
            raise bad("expected an Array of InputMedia")
        said = [self.input_media(item, for_album=True) for item in items]
        where = self.where(call)
        if not said:
            raise bad("there are no messages to send")
        if len(said) > ALBUM:
            raise bad("too many messages to send as an album")
        if len(said) == 1:
            self._world.note(f"{call.method}: an album of one")
        kinds = {item["type"] for item, _ in said}
        for kind in ("document", "audio"):
            if kind in kinds and len(kinds) > 1:
                raise bad(f"{kind.title()} can't be mixed with other media types")
        for kind in kinds:
            where.chat.check_send(kind, where.thread)
        contents = []
        for number, (item, words) in enumerate(said, 1):
            try:
                contents.append(self.filled(call, item, Content(words), for_album=True))
            except ApiError as error:
                words_of_it = error.description.removeprefix("Bad Request: ")
                if error.code != 400 or "remote file" in words_of_it:
                    raise
                raise bad(
                    f'Failed to send message #{number} with the error message "{words_of_it}"'
                ) from None
        self.take_flood(where.chat, len(contents))
        group = self._world.posting.next_album() if len(contents) > 1 else None
        return [self._publish(call, where, each, group_id=group).json() for each in contents]

    def input_media(self, item: Any, *, for_album: bool) -> tuple[Json, Marked]:
        """An ``InputMedia`` with its caption read. Raises :class:`ApiError`."""
        if not isinstance(item, dict):
            raise bad("can't parse InputMedia: expected an Object")
        said = item.get("caption", ""), item.get("parse_mode", ""), item.get("caption_entities")
        words = entities.sent(*said, most=entities.CAPTION, what="Message caption")
        kind = item.get("type")
        if not isinstance(kind, str):
            raise bad("can't parse InputMedia: Can't find field \"type\"")
        if kind == "animation" and for_album:
            raise bad(f"can't parse InputMedia: type \"{kind}\" can't be used in sendMediaGroup")
        if kind not in ("photo", "video", "animation", "document", "audio"):
            raise bad(f'can\'t parse InputMedia: type "{kind}" is unsupported')
        if not item.get("media"):
            raise bad("can't parse InputMedia: media not found")
        return item, words

    def filled(self, call: Call, item: Json, content: Content, *, for_album: bool) -> Content:
        """``content`` with the file of an ``InputMedia``."""
        media = call.media(self._world.files, item["type"], "media", said=item["media"])
        file = media.file
        file.width, file.height = file.width or item.get("width", 0), file.height or item.get("height", 0)
        file.seconds = file.seconds or item.get("duration", 0)
        media = shown_as(media, for_album or bool(item.get("disable_content_type_detection")))
        spoiler = bool(item.get("has_spoiler")) and media.kind != "document"
        return replace(
            content, media=media, spoiler=spoiler, above=bool(item.get("show_caption_above_media"))
        )

    def action(self, call: Call) -> bool:
        action = call.text("action").lower()
        if action not in ACTIONS:
            raise bad("wrong parameter action in request")
        chat = chat_of(self._world, call)
        chat.check_write()
        chat.actions.append(action)
        return True

    # Where it goes

    def where(self, call: Call) -> Where:
        chat = chat_of(self._world, call)
        chat.check_write()
        thread = chat.thread_named(call.integer("message_thread_id") or None)
        said = call.parsed("reply_parameters") or {}
        if not isinstance(said, dict) or not said.get("message_id"):
            return Where(chat, thread, None, None)
        answered = self._answered(chat, said)
        if answered is not None and chat.forum and thread is None:
            # What answers something stays in its topic, even when the topic is not said.
            thread = answered.thread
        return Where(chat, thread, answered, _quote(answered, said))

    def _answered(self, chat: Chat, said: Json) -> Message | None:
        try:
            return message_of(chat, said["message_id"], "message to be replied")
        except ApiError:
            if said.get("allow_sending_without_reply"):
                return None
            raise

    def take_flood(self, chat: Chat, count: int, *, edit: bool = False) -> None:
        group = chat.kind in (GROUP, SUPERGROUP)
        self._world.flood.take(chat.id, group=group, edit=edit, count=count)

    def _note(self, call: Call, keyboard: Json | None) -> None:
        if too_wide(keyboard):
            self._world.note(f"{call.method}: more buttons in a row than apps show")
        if call.text("message_effect_id") and not self._is_private(call):
            self._world.note(f"{call.method}: effects are for private chats")

    def _is_private(self, call: Call) -> bool:
        return chat_of(self._world, call).kind == PRIVATE


def shown_as(media: Media, as_it_is: bool) -> Media:
    """Files that are animations or films are shown as such, unless the bot says not to."""
    kind = {"image/gif": "animation", "video/mp4": "video"}.get(media.file.mime)
    if media.kind != "document" or as_it_is or kind is None:
        return media
    return replace(media, kind=kind)


def _quote(answered: Message | None, said: Json) -> Json | None:
    if answered is None or not said.get("quote"):
        return None
    position = answered.content.words.text.find(said["quote"])
    if position < 0:
        raise bad("message text not found in the message to be replied")
    return {"text": said["quote"], "position": position, "is_manual": True}
