"""Messages: what they hold, how they looked over time, and how the API says them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.support.telegram.failures import Json
from tests.support.telegram.files import Media
from tests.support.telegram.html import Marked

if TYPE_CHECKING:
    from tests.support.telegram.chats import Chat
    from tests.support.telegram.members import User

EDITABLE = frozenset({"text", "animation", "audio", "document", "photo", "video"})


@dataclass(frozen=True)
class Content:
    """``words``: the text, or the caption of ``media``. ``above``: the caption stands above the media."""

    words: Marked = field(default_factory=Marked)
    media: Media | None = None
    spoiler: bool = False
    above: bool = False
    preview: Json | None = None
    """How links are previewed, as the bot said it."""

    @property
    def kind(self) -> str:
        return "text" if self.media is None else self.media.kind

    def same_as(self, other: Content) -> bool:
        """Nothing differs that anybody could see."""
        mine = (None if self.media is None else self.media.unique_id, self.words.text, self.words.entities)
        its = (None if other.media is None else other.media.unique_id, other.words.text, other.words.entities)
        looks = (self.spoiler, self.above) == (other.spoiler, other.above)
        return mine == its and looks and (self.preview or {}) == (other.preview or {})

    def json(self) -> Json:
        key = "text" if self.media is None else "caption"
        found: Json = {} if self.media is None else self.media.json()
        if self.words.text:
            found[key] = self.words.text
        if self.words.entities:
            found["entities" if self.media is None else "caption_entities"] = self.words.entities
        if self.spoiler:
            found["has_media_spoiler"] = True
        if self.above:
            found["show_caption_above_media"] = True
        if self.preview:
            found["link_preview_options"] = self.preview
        return found


@dataclass(frozen=True)
class Look:
    """How a message looked. ``at``: UTC milliseconds since when; ``seen``: seconds of the clock."""

    at: int
    seen: float
    content: Content
    keyboard: Json | None

    @property
    def text(self) -> str:
        return self.content.words.text

    @property
    def kind(self) -> str:
        return self.content.kind


@dataclass(eq=False, repr=False)
class Message:
    """``sender`` is None in channels. ``born``: UTC milliseconds. ``thread``: its ``message_thread_id``.

    ``keyboard``: the inline one; ``markup``: another answer the bot asks for (a forced reply, a keyboard of
    words). ``service``: fields of a message that tells what happened; it has no content.
    """

    chat: Chat
    id: int
    born: int
    sender: User | None
    content: Content = field(default_factory=Content)
    service: Json | None = None
    keyboard: Json | None = None
    markup: Json | None = None
    reply_to: Message | None = None
    quote: Json | None = None
    thread: int | None = None
    topical: bool = False
    sender_chat: Chat | None = None
    signature: str | None = None
    group_id: str | None = None
    outgoing: bool = False
    protected: bool = False
    silent: bool = False
    effect: str | None = None
    forwarded: Json | None = None
    edited: int | None = None
    deleted: bool = False
    reaction: list[Json] = field(default_factory=list)
    history: list[Look] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<message {self.id} in {self.chat.id} {self.content.words.text!r}>"

    def look(self, at: int, seen: float) -> None:
        self.history.append(Look(at, seen, self.content, self.keyboard))

    def age(self, now: int) -> float:
        """Seconds."""
        return (now - self.born) / 1000

    def json(self, *, whole: bool = True) -> Json:
        """As the bot gets it. ``whole``: with the message that it answers."""
        found: Json = {"message_id": self.id, "date": self.born // 1000, "chat": self.chat.json()}
        if self.sender is not None:
            found["from"] = self.sender.json()
        if self.sender_chat is not None:
            found["sender_chat"] = self.sender_chat.json()
        if self.thread is not None:
            found["message_thread_id"] = self.thread
            if self.topical:
                found["is_topic_message"] = True
        found |= self.content.json() if self.service is None else self.service
        optional = {
            "author_signature": self.signature,
            "media_group_id": self.group_id,
            "effect_id": self.effect,
            "forward_origin": self.forwarded,
            "quote": self.quote,
            "reply_markup": self.keyboard,
            "edit_date": None if self.edited is None else self.edited // 1000,
            "has_protected_content": self.protected or None,
        }
        found |= {key: value for key, value in optional.items() if value is not None}
        if whole and self.reply_to is not None:
            found["reply_to_message"] = self.reply_to.json(whole=False)
        return found

    def inaccessible(self) -> Json:
        return {"chat": self.chat.json(), "message_id": self.id, "date": 0}


def with_words(content: Content, words: Marked, *, above: bool) -> Content:
    return replace(content, words=words, above=above)
