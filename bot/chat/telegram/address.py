"""Where a reply is: what of a chat must be remembered to go on with it after a restart. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Address:
    """One reply. ``chat``: Telegram gives persons positive ids, groups and channels negative ones.

    ``message`` is 0 until the reply has been sent. ``thread``: the forum topic, 0 for none. ``answers``: the
    message that is replied to. ``user``: whom to write to directly when nothing else is left.
    """

    chat: int
    message: int = 0
    thread: int = 0
    answers: int = 0
    user: int = 0
    media: bool = False
    """The message holds a picture or a file: what is written on it is a caption."""
    trying: bool = False
    """A new message was on its way: without word of how that ended, nobody knows whether it is there."""
    sent: int = 0
    """How many pictures of a result have come through, in messages beside this one."""
    album: tuple[int, ...] = ()
    """The ids of those messages."""

    @property
    def is_group(self) -> bool:
        return self.chat < 0

    def to_text(self) -> str:
        """Opaque to everybody else."""
        flags = self.media | self.trying << 1
        return json.dumps(
            [
                _VERSION,
                self.chat,
                self.message,
                self.thread,
                self.answers,
                self.user,
                flags,
                self.sent,
                list(self.album),
            ],
            separators=(",", ":"),
        )

    @staticmethod
    def from_text(text: str) -> Address | None:
        """None for what another version, or nobody, wrote."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return None
        match data:
            case [version, *numbers, list(album)] if version == _VERSION:
                whole = [*numbers, *album]
            case _:
                return None
        if len(numbers) != 7 or any(type(number) is not int for number in whole):
            return None
        chat, message, thread, answers, user, flags, sent = numbers
        return Address(
            chat, message, thread, answers, user, bool(flags & 1), bool(flags & 2), sent, tuple(album)
        )

    def at(self, message: int, *, media: bool) -> Address:
        """The reply is this message from now on."""
        return replace(self, message=message, media=media, trying=False)

    def moved_to(self, chat: int) -> Address:
        """The group became a supergroup, in which the messages of the old one have no ids."""
        return replace(self, chat=chat, message=0, answers=0, thread=0, media=False, trying=False, album=())

    def direct(self) -> Address:
        """The chat with the person alone."""
        return Address(self.user, user=self.user)
