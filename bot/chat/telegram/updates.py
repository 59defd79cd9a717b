"""What an update says, as values. Pure.

Ids are Telegram's. Texts are people's own, as they typed them; names, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ChatKind(Enum):
    PRIVATE = "private"
    GROUP = "group"
    SUPERGROUP = "supergroup"
    CHANNEL = "channel"


class SenderKind(Enum):
    PERSON = "person"
    BOT = "bot"
    ANONYMOUS = "anonymous"
    """An administrator who speaks as the group: nobody knows which."""
    CHANNEL = "channel"
    """A channel's post, or somebody who speaks as a channel of theirs."""


@dataclass(frozen=True, slots=True)
class Chat:
    id: int
    kind: ChatKind
    title: str = ""
    forum: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    """``id`` is a person's or a bot's, else that of the chat that speaks. ``language``: an IETF tag, "" where
    the app does not say."""

    id: int
    kind: SenderKind
    name: str = ""
    username: str = ""
    language: str = ""


class FileKind(Enum):
    PHOTO = "photo"
    DOCUMENT = "document"
    STICKER = "sticker"
    ANIMATION = "animation"
    VIDEO = "video"
    VOICE = "voice"
    AUDIO = "audio"


_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_UNSAID = ("", "application/octet-stream")


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file that came along. ``size`` in bytes, 0 where nobody says; ``moving``: of stickers."""

    file_id: str
    unique_id: str
    kind: FileKind
    name: str = ""
    mime: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    moving: bool = False

    @property
    def key(self) -> str:
        """What stands for it in an :class:`~bot.presentation.flags.Ask`."""
        return f"telegram:{self.unique_id}"

    @property
    def is_picture(self) -> bool:
        match self.kind:
            case FileKind.PHOTO:
                return True
            case FileKind.STICKER:
                return not self.moving
            case FileKind.DOCUMENT:
                # Some apps say nothing of what they send; what it is, its content tells.
                named = self.name.lower().endswith(_PICTURES) and self.mime in _UNSAID
                return named or self.mime.startswith("image/")
        return False


@dataclass(frozen=True, slots=True)
class Command:
    """``/imagine@bot a fox``: ``name`` in small letters without the slash, ``to`` the bot it names ("" for
    none), ``rest`` what follows."""

    name: str
    to: str
    rest: str


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody who was named: by ``@username``, or (``id``) by their name alone, for those who have none."""

    text: str
    username: str = ""
    id: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Replied:
    """The message that this one answers. ``message`` is 0 for one of another chat."""

    message: int
    sender: Sender | None
    text: str = ""
    files: tuple[FileRef, ...] = ()
    album: str = ""
    buttons: tuple[str, ...] = ()
    """Data of its buttons, from which a request is known."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message. ``text`` is that of a caption, too. ``thread``: its forum topic, 0 for none; ``album``: what
    its other pieces share, "" for none. ``moved_to``: the supergroup that this group has become."""

    update: int
    chat: Chat
    message: int
    sender: Sender
    text: str = ""
    command: Command | None = None
    files: tuple[FileRef, ...] = ()
    mentions: tuple[Mention, ...] = ()
    replied: Replied | None = None
    thread: int = 0
    album: str = ""
    edited: bool = False
    forwarded: bool = False
    sent_at: int = 0
    """UTC milliseconds."""
    moved_to: int = 0


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button. ``message`` is 0 where it stood on a message sent inline; ``old``: Telegram does not show
    the message to bots any more."""

    update: int
    query: str
    sender: Sender
    data: str
    chat: Chat | None = None
    message: int = 0
    thread: int = 0
    media: bool = False
    replied: Replied | None = None
    """What ours answered; None where that is not known any more."""
    buttons: tuple[str, ...] = ()
    """Data of the buttons that our message has: what is not among them was forged, or is long gone."""
    old: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """The bot was let in, or is out: kicked from a group, or blocked by a person. ``by``: whoever did it.
    ``came``: it was not there before."""

    update: int
    chat: Chat
    by: Sender
    inside: bool
    administrator: bool = False
    came: bool = False


Update = Incoming | Pressed | Membership
