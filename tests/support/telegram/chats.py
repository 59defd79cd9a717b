"""Chats and topics: what stands there, who is in them, and what the bot may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.telegram.failures import ApiError, Json, bad, forbidden, migrated
from tests.support.telegram.members import (
    ADMIN,
    KICKED,
    LEFT,
    MEMBER,
    PERMISSIONS,
    RESTRICTED,
    STRANGER,
    Member,
    User,
)
from tests.support.telegram.messages import Message

if TYPE_CHECKING:
    from tests.support.telegram.views import Shown
    from tests.support.telegram.world import TelegramWorld

PRIVATE, GROUP, SUPERGROUP, CHANNEL = "private", "group", "supergroup", "channel"
NEEDED = {
    "text": ("can_send_messages", "text messages"),
    "photo": ("can_send_photos", "photos"),
    "document": ("can_send_documents", "documents"),
    "video": ("can_send_videos", "videos"),
    "audio": ("can_send_audios", "music"),
    "animation": ("can_send_other_messages", "animations"),
}


@dataclass(eq=False)
class Topic:
    """``id``: its ``message_thread_id``. ``noticed``: the server knows already that it was deleted."""

    chat: Chat
    id: int
    name: str
    closed: bool = False
    deleted: bool = False
    noticed: bool = True

    def close(self) -> None:
        self.closed = True
        self._tell({"forum_topic_closed": {}})

    def reopen(self) -> None:
        self.closed = False
        self._tell({"forum_topic_reopened": {}})

    def delete(self, *, noticed: bool = True) -> None:
        """With all that stands in it. ``noticed``: by the Bot API server too, which then says other words."""
        self.deleted, self.noticed = True, noticed
        for shown in self.messages:
            shown.raw.deleted = True

    def _tell(self, what: Json) -> None:
        chat = self.chat
        chat.world.posting.service(chat, chat.owner, what, thread=self.id, topical=True)

    @property
    def messages(self) -> list[Shown]:
        """What stands in it, oldest first."""
        return [shown for shown in self.chat.messages if shown.raw.thread == self.id]


@dataclass(eq=False, repr=False)
class Chat:
    """``by_id``: its messages, deleted ones too. ``upgraded``: the supergroup that a group has become."""

    world: TelegramWorld
    id: int
    kind: str
    title: str
    username: str | None = None
    forum: bool = False
    members: dict[int, Member] = field(default_factory=dict)
    by_id: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    general_closed: bool = False
    upgraded: Chat | None = None
    actions: list[str] = field(default_factory=list)
    """What the bot was seen doing ("upload_photo" …), oldest first."""
    _last_id: int = 0

    def __repr__(self) -> str:
        return f"<{self.kind} {self.id} {self.title!r}>"

    @property
    def person(self) -> User:
        """Whom a private chat is with."""
        return next(each.user for each in self.members.values() if not each.user.bot)

    @property
    def bot(self) -> Member:
        return self.members[self.world.bot.id]

    @property
    def messages(self) -> list[Shown]:
        """What can be seen, oldest first."""
        return [self.world.shown(each) for each in self.by_id.values() if not each.deleted]

    @property
    def by_bot(self) -> list[Shown]:
        """What the bot has written and can be seen, oldest first."""
        return [shown for shown in self.messages if shown.raw.outgoing]

    def member(self, user: User) -> Member:
        return self.members.get(user.id) or Member(user, LEFT)

    def next_id(self) -> int:
        if self.kind in (SUPERGROUP, CHANNEL):
            self._last_id += 1
            return self._last_id
        return self.world.next_message_id()

    def json(self) -> Json:
        found: Json = {"id": self.id, "type": self.kind}
        if self.kind == PRIVATE:
            found["first_name"] = self.person.first_name
            name = self.person.username
        else:
            found["title"] = self.title
            name = self.username
        return found | ({"username": name} if name else {}) | ({"is_forum": True} if self.forum else {})

    # What its owner does, or whoever ``by`` is

    @property
    def owner(self) -> User:
        return next(
            (each.user for each in self.members.values() if each.admin and not each.user.bot), STRANGER
        )

    def add_bot(self, *, by: User | None = None, admin: bool = False) -> None:
        self.world.move_bot(self, by or self.owner, ADMIN if admin else MEMBER)

    def kick_bot(self, *, by: User | None = None) -> None:
        self.world.move_bot(self, by or self.owner, KICKED)

    def promote_bot(self, *, without: Iterable[str] = (), by: User | None = None) -> None:
        """``without``: rights that it does not get, such as ``can_delete_messages``."""
        self.world.move_bot(self, by or self.owner, ADMIN, frozenset(without))

    def demote_bot(self, *, by: User | None = None) -> None:
        self.world.move_bot(self, by or self.owner, MEMBER)

    def restrict_bot(self, *denied: str, by: User | None = None) -> None:
        """``denied``: permissions, such as ``can_send_photos``; none: it may not send at all."""
        self.world.move_bot(self, by or self.owner, RESTRICTED, frozenset(denied or PERMISSIONS))

    def join(self, user: User, *, admin: bool = False, anonymous: bool = False) -> None:
        self.members[user.id] = Member(user, ADMIN if admin else MEMBER, anonymous)
        self.world.posting.service(self, user, {"new_chat_members": [user.json()]})

    def leave(self, user: User) -> None:
        self.members[user.id] = Member(user, LEFT)
        self.world.posting.service(self, user, {"left_chat_member": user.json()})

    def migrate(self, *, by: User | None = None) -> Chat:
        """The group becomes a supergroup: the new chat."""
        return self.world.posting.migrate(self, by or self.owner)

    def topic(self, name: str) -> Topic:
        """A new topic of a forum."""
        assert self.forum, "only forums have topics"
        message = self.world.posting.make(self, self.owner)
        message.service = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        message.thread, message.topical = message.id, True
        made = self.topics[message.id] = Topic(self, message.id, name)
        self.world.posting.publish(message)
        return made

    # What the bot may do

    def check_write(self) -> None:
        """The bot wants to write here. Raises :class:`ApiError` as the real server does."""
        self.check_reach()
        if self.upgraded is not None:
            raise migrated(self.upgraded.id)

    def check_reach(self) -> None:
        """The bot wants to change something that it wrote here."""
        if self.kind == PRIVATE:
            if getattr(self.person, "deactivated", False):
                raise forbidden("user is deactivated")
            # The bot's own state in a private chat is what its person did to it.
            if self.bot.status == KICKED:
                raise forbidden("bot was blocked by the user")
            if self.bot.status == LEFT:
                raise forbidden("bot can't initiate conversation with a user")
            return
        if self.upgraded is not None:
            return
        if self.bot.status == KICKED:
            raise forbidden(f"bot was kicked from the {self.kind} chat")
        if self.bot.status == LEFT:
            raise forbidden(f"bot is not a member of the {self.kind} chat")

    def check_send(self, kind: str, thread: int | None) -> None:
        """The bot wants to send something of ``kind`` into a topic."""
        self.check_write()
        if self.kind == CHANNEL and not self.bot.may("can_post_messages"):
            raise bad("need administrator rights in the channel chat")
        if self.bot.status == RESTRICTED:
            right, words = NEEDED[kind]
            if right in self.bot.denied:
                raise bad(f"not enough rights to send {words} to the chat")
        if self.forum and not self.bot.admin:
            closed = self.general_closed if thread is None else self.topics[thread].closed
            if closed:
                raise bad("TOPIC_CLOSED")

    def thread_named(self, thread: int | None) -> int | None:
        """Where a ``message_thread_id`` of the bot leads. Outside forums it is ignored."""
        if thread is None or not self.forum:
            return None
        topic = self.topics.get(thread)
        if topic is None or (topic.deleted and topic.noticed):
            raise bad("message thread not found")
        if topic.deleted:
            raise bad("TOPIC_DELETED")
        return thread


def chat_not_found() -> ApiError:
    return bad("chat not found")
