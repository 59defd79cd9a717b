"""What somebody typed on the page: words to paint, or a command, with the pictures that came along."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from bot.domain.errors import FlagError, ImageRefused
from bot.domain.text import Text
from bot.presentation.actions import OnRequest, decode
from bot.presentation.flags import CHAT, Ask, parse_line
from bot.presentation.help_cards import start_card
from bot.presentation.specs import IMAGINE, Commands
from bot.service.call_lines import read_call, unknown_command
from bot.service.gate import Asker, Origin
from bot.service.handed_in import with_pictures
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image, too_large
from bot.service.outcomes import Outcome, Tell
from bot.service.reception import Reception

START = "start"
MOST_LETTERS = 8000
"""Of a line."""
MOST_PICTURES = 4
AT_ONCE = 4
"""Requests with pictures that are read at a time: each is held in memory."""
_COMMAND = re.compile(r"/([\w-]+)(?:\s+|$)(.*)", re.DOTALL)
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Line:
    """``command``: without its slash; :data:`~bot.presentation.specs.IMAGINE` for words alone."""

    command: str
    rest: str

    @staticmethod
    def read(text: str) -> Line:
        found = _COMMAND.match(text.strip())
        return Line(IMAGINE, text.strip()) if found is None else Line(found[1].lower(), found[2].strip())


@dataclass(slots=True)
class Sent:
    """A form of the page, as it came: its fields, and the pictures in it by their names."""

    fields: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    used: list[OnRequest] = field(default_factory=list)
    """Pictures of ours to begin with."""


@dataclass(slots=True)
class Typed:
    """What has been typed, carried to the reception. ``commands``: those of the moment."""

    reception: Reception
    commands: Callable[[], Commands]
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Only so many pictures are in memory at a time."""
        async with self._slots:
            yield

    def ask(self, line: Line) -> Ask | None:
        """What it asks for; None for a command that does not paint. Raises FlagError."""
        if line.command == START:
            return None
        commands = self.commands()
        if line.command != IMAGINE and commands.get(line.command) is None:
            raise unknown_command(line.command, [spec.name for spec in commands.specs])
        return parse_line(line.rest, CHAT) if commands.paints(line.command) else None

    async def paint(self, line: Line, ask: Ask, sent: Sent, asker: Asker, origin: Origin) -> Outcome:
        """Raises FairbrushError."""
        images = await self._images(sent, asker)
        library = self.reception.usecases.shelf.library
        ask = with_pictures(ask, tuple(images), library, line.command)
        return await self.reception.paint(ask, asker, origin, images)

    async def command(self, line: Line, asker: Asker) -> Outcome:
        """Raises FairbrushError."""
        if line.command == START:
            return Tell(start_card(asker.name))
        return await self.reception.command(read_call(self.commands(), line.command, line.rest), asker)

    async def _images(self, sent: Sent, asker: Asker) -> Mapping[str, InputImage]:
        """In their order, those that were painted here first."""
        found = [(await self.reception.follow_ups.picture(used, asker)).image for used in sent.used]
        found += [await check_image(content, name) for name, content in sent.files]
        return {f"{number}. picture": image for number, image in enumerate(found, 1)}


async def read_sent(request: web.Request) -> Sent:
    """Raises ImageRefused for a picture that is too large, as soon as that is seen, and FlagError for a line
    that is longer than anybody writes."""
    sent = Sent()
    if not request.content_type.startswith("multipart/"):
        for name, value in (await request.post()).items():
            if isinstance(value, str):
                _take(sent, name, value)
        return sent
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            _take(sent, part.name, (await _content(part, MOST_LETTERS * 4, "")).decode("utf-8", "replace"))
        elif len(sent.files) + len(sent.used) >= MOST_PICTURES:
            raise ImageRefused(Text("At most {most} pictures are taken at a time.", most=MOST_PICTURES))
        else:
            name = part.filename or "picture"
            sent.files.append((name, await _content(part, MAX_IMAGE_BYTES, name)))
    return sent


def _take(sent: Sent, name: str, value: str) -> None:
    if len(value) > MOST_LETTERS:
        raise _too_long(len(value))
    if name != "use":
        sent.fields[name] = value
        return
    action = decode(value)
    if isinstance(action, OnRequest) and len(sent.used) < MOST_PICTURES:
        sent.used.append(action)


async def _content(part: BodyPartReader, most: int, name: str) -> bytes:
    """``name``: of a picture, "" for a field."""
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
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
