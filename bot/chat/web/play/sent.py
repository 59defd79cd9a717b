"""Forms of the page as they come in: their words, and the pictures that came along.

Whoever sends is a stranger on a network: what is held for all of them together is bounded, and so is the
time that one may take. Nobody waits for somebody else's slow line.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from bot.chat.web.doors import read_form, readable
from bot.domain.errors import FlagError, ImageRefused
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, decode
from bot.service.images import MAX_IMAGE_BYTES, too_large

MOST_LETTERS = 8000
"""Of a line."""
MOST_PICTURES = 4
MOST_FIELDS = 64
MOST_HELD = 320 * 1024 * 1024
"""Bytes of pictures that are in memory at a time, of everybody who sends some."""
READ_SECONDS = 120.0
"""For a form with pictures: four large ones at ten megabits a second."""
_CHUNK = 1 << 16


@dataclass(slots=True)
class Sent:
    """A form of the page, as it came: its fields, and the pictures in it by their names."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    used: list[OnRequest] = field(default_factory=list)
    """Pictures of ours to begin with."""

    def take(self, name: str, value: str) -> None:
        """Raises FlagError for what is longer than anybody writes."""
        if len(value) > MOST_LETTERS:
            raise _too_long(len(value))
        if name != "use":
            self.fields[name] = value
            return
        action = decode(value)
        if isinstance(action, OnRequest) and len(self.used) < MOST_PICTURES:
            self.used.append(action)


@dataclass(slots=True)
class Intake:
    """Reads forms that may bring pictures. One for all."""

    _held: int = field(default=0, init=False)

    @asynccontextmanager
    async def reading(self, request: web.Request) -> AsyncIterator[Sent]:
        """One; its pictures are held until the end of the block. Raises ImageRefused for a
        picture that is too large, or for too many at once, as soon as that is seen, FlagError for a line that
        is longer than anybody writes, and HTTPException for what is no form of ours."""
        share = _Share(self)
        try:
            with readable():
                async with asyncio.timeout(READ_SECONDS):
                    sent = await _read(request, share)
            yield sent
        finally:
            self._held -= share.size


@dataclass(slots=True)
class _Share:
    """What one form takes of :data:`MOST_HELD`."""

    intake: Intake
    size: int = 0

    def grow(self, size: int) -> None:
        if self.intake._held + size > MOST_HELD:
            raise ImageRefused(
                Text("Too many pictures are being sent at this moment. Send yours once more in a minute.")
            )
        self.intake._held += size
        self.size += size


async def read_words(request: web.Request) -> Sent:
    """A form without pictures. Raises FlagError and HTTPException as :meth:`Intake.reading` does."""
    return _words(await read_form(request))


def _words(form: Mapping[str, str]) -> Sent:
    sent = Sent()
    for name, value in form.items():
        sent.take(name, value)
    return sent


async def _read(request: web.Request, share: _Share) -> Sent:
    if not request.content_type.startswith("multipart/"):
        return await read_words(request)
    sent, count = Sent(), 0
    async for part in await request.multipart():
        count += 1
        if count > MOST_FIELDS or not isinstance(part, BodyPartReader):
            raise ValueError("no form of ours")
        if part.name is None:
            raise ValueError("a part without a name")
        if part.filename is None:
            content = await _content(part, MOST_LETTERS * 4, "", share)
            sent.take(part.name, content.decode("utf-8", "replace"))
        elif len(sent.files) + len(sent.used) >= MOST_PICTURES:
            raise ImageRefused(Text("At most {most} pictures are taken at a time.", most=MOST_PICTURES))
        else:
            name = part.filename or "picture"
            sent.files.append((name, await _content(part, MAX_IMAGE_BYTES, name, share)))
    return sent


async def _content(part: BodyPartReader, most: int, name: str, share: _Share) -> bytes:
    """``name``: of a picture, "" for a field."""
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        share.grow(len(chunk))
        content += chunk
        if len(content) > most:
            raise too_large(name, len(content)) if name else _too_long(len(content))
    return bytes(content)


def _too_long(letters: int) -> FlagError:
    return FlagError(
        Text(
            "Your text has {count} characters; at most {most} are read. Shorten it.",
            count=letters,
            most=MOST_LETTERS,
        )
    )
