"""What somebody typed on the page: words to paint, or a command, with the pictures that came along."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.chat.web.play.sent import Sent
from bot.presentation.flags import CHAT, Ask, parse_line
from bot.presentation.help_cards import start_card
from bot.presentation.specs import IMAGINE, Commands
from bot.service.call_lines import read_call, unknown_command
from bot.service.gate import Asker, Origin
from bot.service.handed_in import with_pictures
from bot.service.images import InputImage, check_image
from bot.service.outcomes import Outcome, Tell
from bot.service.reception import Reception

START = "start"
AT_ONCE = 4
"""Pictures that are decoded at a time."""
_COMMAND = re.compile(r"/([\w-]+)(?:\s+|$)(.*)", re.DOTALL)


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
class Typed:
    """What has been typed, carried to the reception. ``commands``: those of the moment."""

    reception: Reception
    commands: Callable[[], Commands]
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

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
        for name, content in sent.files:
            # Decoded, a picture takes many times its bytes.
            async with self._slots:
                found.append(await check_image(content, name))
        return {f"{number}. picture": image for number, image in enumerate(found, 1)}
