"""What people do in their apps: they write, send, edit, press, block and go away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.support.telegram import entities
from tests.support.telegram.chats import CHANNEL, GROUP, PRIVATE, Chat, Topic
from tests.support.telegram.failures import CannotUse
from tests.support.telegram.files import Upload
from tests.support.telegram.members import KICKED, MEMBER, User
from tests.support.telegram.messages import Content, Message
from tests.support.telegram.queries import Query
from tests.support.telegram.views import Button, Shown

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

ANONYMOUS = User(1_087_968_824, "Group", "GroupAnonymousBot", bot=True)
AS_CHANNEL = User(136_817_688, "Channel", "Channel_Bot", bot=True)
"""Who writes, for bots that know only users, when an admin hides or a channel speaks."""

ALBUM = 10
EDITABLE_SECONDS = 48 * 3600
PAYLOAD = re.compile("[A-Za-z0-9_-]{0,64}")


class Person(User):
    """Somebody with an account; the methods are what they do. ``sent_ago`` (seconds) dates an act back."""

    def __init__(
        self, world: TelegramWorld, number: int, name: str, *, username: str | None, language: str | None
    ) -> None:
        super().__init__(number, name, username, language)
        self.world = world
        self.deactivated = False
        """Their account is gone."""

    @property
    def private(self) -> Chat:
        return self.world.private(self)

    # Writing

    async def says(self, chat: Chat, text: str, **about: Any) -> Shown:
        """A message of words. ``reply_to``, ``topic``, ``anonymous`` and so on: see :meth:`_send`.

        A longer one than fits is sent in parts by the app; the last part is given back.
        """
        whole = entities.clean(text).strip()
        if not whole:
            raise CannotUse("there is nothing to send")
        parts = [whole[at : at + entities.TEXT] for at in range(0, len(whole), entities.TEXT)]
        for part in parts:
            shown = self._send(chat, Content(entities.written(part)), **about)
        return shown

    async def starts(self, payload: str = "") -> Shown:
        """``t.me/bot?start=payload``: opens the private chat, or unblocks the bot."""
        if not PAYLOAD.fullmatch(payload):
            raise CannotUse("no link says that")
        self.unblocks()
        return await self.says(self.private, f"/start {payload}".strip())

    async def replies(self, message: Shown, text: str, **about: Any) -> Shown:
        return await self.says(message.raw.chat, text, reply_to=message, **about)

    async def sends_photo(
        self,
        chat: Chat,
        photo: Upload | None = None,
        caption: str = "",
        *,
        spoiler: bool = False,
        **about: Any,
    ) -> Shown:
        return self._sends("photo", chat, photo or Upload.picture(), caption, spoiler=spoiler, **about)

    async def sends_document(self, chat: Chat, file: Upload, caption: str = "", **about: Any) -> Shown:
        """A file as it is. Animated pictures become animations, as in every app."""
        kind = "animation" if file.mime == "image/gif" else "document"
        return self._sends(kind, chat, file, caption, **about)

    async def sends_video(
        self, chat: Chat, file: Upload | None = None, caption: str = "", **about: Any
    ) -> Shown:
        film = file or Upload("clip.mp4", b"a film", width=640, height=360, seconds=5)
        return self._sends("video", chat, film, caption, **about)

    async def sends_voice(
        self, chat: Chat, file: Upload | None = None, caption: str = "", **about: Any
    ) -> Shown:
        return self._sends(
            "voice", chat, file or Upload("voice.ogg", b"a voice", seconds=3), caption, **about
        )

    async def sends_sticker(self, chat: Chat, file: Upload | None = None, **about: Any) -> Shown:
        picture = file or Upload.picture((512, 512), "sticker.webp")
        return self._sends("sticker", chat, picture, "", **about)

    async def sends_album(
        self, chat: Chat, files: Sequence[Upload], caption: str = "", *, kind: str = "photo", **about: Any
    ) -> list[Shown]:
        """Several pictures in one go; the caption is at the first."""
        if not 2 <= len(files) <= ALBUM:
            raise CannotUse(f"{len(files)} files make no album")
        group = self.world.posting.next_album()
        captions = [caption] + [""] * (len(files) - 1)
        return [
            self._sends(kind, chat, file, words, group=group, **about)
            for file, words in zip(files, captions, strict=True)
        ]

    def _sends(
        self, kind: str, chat: Chat, file: Upload, caption: str, *, spoiler: bool = False, **about: Any
    ) -> Shown:
        if len(caption) > entities.CAPTION:
            raise CannotUse("the caption is too long")
        media = self.world.files.keep(kind, file)
        return self._send(chat, Content(entities.written(caption), media, spoiler), **about)

    def _send(
        self,
        chat: Chat,
        content: Content,
        *,
        reply_to: Shown | None = None,
        topic: Topic | None = None,
        anonymous: bool = False,
        as_channel: Chat | None = None,
        group: str | None = None,
        sent_ago: float = 0.0,
    ) -> Shown:
        """``topic``: of a forum; answers stay in that of what they answer.

        ``anonymous``: as an administrator who hides. ``as_channel``: in a channel's name.
        """
        self._may_write(chat, topic)
        sender: User | None = self
        sender_chat = as_channel
        if anonymous or (chat.kind != CHANNEL and chat.member(self).anonymous):
            if not chat.member(self).admin:
                raise CannotUse("only administrators hide")
            sender, sender_chat = ANONYMOUS, chat
        elif as_channel is not None:
            sender = AS_CHANNEL
        if chat.kind == CHANNEL:
            sender, sender_chat = None, chat
        answered = None if reply_to is None else reply_to.raw
        thread = topic.id if topic is not None else answered.thread if answered and answered.topical else None
        message = self.world.posting.make(
            chat,
            sender,
            sent_ago=sent_ago,
            content=content,
            reply_to=answered,
            sender_chat=sender_chat,
            group_id=group,
        )
        if chat.forum:
            message.thread, message.topical = thread, thread is not None
        if chat.kind == PRIVATE and chat.bot.status not in (KICKED, MEMBER):
            chat.bot.status = MEMBER
        return self.world.shown(self.world.posting.publish(message))

    def _may_write(self, chat: Chat, topic: Topic | None) -> None:
        if chat.upgraded is not None:
            raise CannotUse("the group has become a supergroup")
        if not chat.member(self).present:
            raise CannotUse(f"{self.first_name} is not in {chat.title}")
        if chat.kind == CHANNEL and not chat.member(self).admin:
            raise CannotUse("only administrators write in channels")
        if chat.kind == PRIVATE and chat.bot.status == KICKED:
            raise CannotUse("unblock the bot first")
        if topic is not None and (topic.deleted or (topic.closed and not chat.member(self).admin)):
            raise CannotUse("the topic is closed")

    async def edits(self, message: Shown, text: str) -> Shown:
        """The text or the caption of a message of their own."""
        raw = self._own(message)
        if raw.forwarded is not None:
            raise CannotUse("forwarded messages cannot be edited")
        content = Content(entities.written(text), raw.content.media, raw.content.spoiler, raw.content.above)
        self.world.posting.edit(raw, content, raw.keyboard)
        return message

    async def deletes(self, message: Shown) -> None:
        """Their own, any in a private chat, or as an administrator anybody's. The bot is not told."""
        raw = message.raw
        member = raw.chat.member(self)
        if raw.sender is not self and raw.chat.kind != PRIVATE and not member.may("can_delete_messages"):
            raise CannotUse("somebody else's message")
        self.world.posting.delete(raw)

    def _own(self, message: Shown) -> Message:
        raw = message.raw
        if raw.deleted:
            raise CannotUse("the message is gone")
        if raw.sender is not self and not (raw.chat.kind == CHANNEL and raw.chat.member(self).admin):
            raise CannotUse("somebody else's message")
        if raw.age(self.world.now()) > EDITABLE_SECONDS:
            raise CannotUse("too old")
        return raw

    # Pressing

    async def presses(
        self, button: Button, *, data: str | None = None, inaccessible: bool = False, sent_ago: float = 0.0
    ) -> Query:
        """``data``: forged, instead of the button's. ``inaccessible``: the server forgot the message."""
        if data is None:
            if not button.data:
                raise CannotUse(f"{button.label} does not call the bot")
            if button.message.deleted:
                raise CannotUse("the message is gone")
            rows = (button.message.keyboard or {}).get("inline_keyboard", [])
            if all(each.get("callback_data") != button.data for row in rows for each in row):
                raise CannotUse(f"{button.label} is not there any more")
        return self.forges(self.world.shown(button.message), data or button.data, inaccessible, sent_ago)

    def forges(self, message: Shown, data: str, inaccessible: bool = False, sent_ago: float = 0.0) -> Query:
        """A press with any data, whether or not there is such a button."""
        raw = message.raw
        if not raw.chat.member(self).present:
            raise CannotUse(f"{self.first_name} is not in {raw.chat.title}")
        if len(data.encode()) > 64:
            raise CannotUse("Telegram takes 64 bytes")
        query = self.world.ask(self, raw, data, sent_ago)
        gone = inaccessible or raw.deleted
        body = {
            "id": query.id,
            "from": self.json(),
            "message": raw.inaccessible() if gone else raw.json(),
            "chat_instance": str(-7_000_000_000 - abs(raw.chat.id)),
            "data": data,
        }
        self.world.tell("callback_query", body, raw.chat.id)
        return query

    # The private chat with the bot

    def blocks(self) -> None:
        self.world.move_bot(self.private, self, KICKED)

    def unblocks(self) -> None:
        if self.private.bot.status == KICKED:
            self.world.move_bot(self.private, self, MEMBER)

    def upgrades(self, group: Chat) -> Chat:
        """Makes a supergroup of a group: the new chat."""
        if group.kind != GROUP or not group.member(self).admin:
            raise CannotUse("only administrators of groups can")
        return self.world.posting.migrate(group, self)
