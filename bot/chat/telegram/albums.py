"""Albums: Telegram sends each picture as a message of its own, one of them with the words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.chat.telegram.latest import Latest
from bot.chat.telegram.updates import FileRef, Incoming

QUIET = 0.8
"""Seconds without another piece, after which an album is whole."""
REMEMBERED = 500
"""Albums that may still be answered."""


@dataclass(slots=True)
class _Album:
    pieces: dict[int, Incoming] = field(default_factory=dict)
    """By their messages' ids."""
    latest: float = 0.0
    spoken: bool = False


class Albums:
    """In memory alone: as long as one was not dealt with, all its pieces come again after a restart."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        """Both in seconds."""
        self._monotonic = monotonic
        self._sleep = sleep
        self._known: Latest[tuple[int, str], _Album] = Latest(REMEMBERED)

    def note(self, message: Incoming) -> None:
        """A piece came; nobody deals with it yet."""
        if not message.album or not message.files or message.edited:
            return
        album = self._of(message)
        if message.message not in album.pieces:
            album.pieces[message.message] = message
            album.latest = self._monotonic()

    async def whole(self, message: Incoming) -> Incoming | None:
        """Wait for all pieces; the one that speaks for them. None when it has spoken already.

        To be called for one piece of an album after the other.
        """
        self.note(message)
        album = self._of(message)
        if album.spoken:
            return None
        album.spoken = True
        while (left := album.latest + QUIET - self._monotonic()) > 0:
            await self._sleep(left)
        return min(
            album.pieces.values(),
            key=lambda piece: (piece.command is None, not piece.text, piece.message),
            default=message,
        )

    def files(self, chat: int, album: str) -> tuple[FileRef, ...]:
        """What is known of it, in order."""
        found = self._known.get((chat, album)) if album else None
        if found is None:
            return ()
        return tuple(file for _, piece in sorted(found.pieces.items()) for file in piece.files[:1])

    def _of(self, message: Incoming) -> _Album:
        key = message.chat.id, message.album
        album = self._known.get(key)
        if album is None:
            album = _Album(latest=self._monotonic())
            self._known.put(key, album)
        return album
