"""What the page suggests while somebody types, made ready beside the event loop whenever templates change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.chat.web.visitors import Visitor
from bot.presentation.line_suggest import Known, command_words, complete
from bot.presentation.spec_suggest import Index
from bot.presentation.specs import Commands, Suggestion
from bot.service.plain_commands import PlainCommands


@dataclass(frozen=True, slots=True)
class TemplateName:
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One moment's commands, and everything to suggest. ``templates``: to choose from, in order."""

    commands: Commands
    index: Index
    templates: tuple[TemplateName, ...]


class Suggestions:
    """``make``: the offer as it stands now."""

    def __init__(self, make: Callable[[], Awaitable[Offer]], plain: PlainCommands) -> None:
        self._make = make
        self._plain = plain
        self._offer = Offer(Commands(()), Index(), ())
        self._changed = asyncio.Event()
        self._changed.set()
        self.ready = asyncio.Event()
        """Once there is an offer at all."""

    @property
    def commands(self) -> Commands:
        return self._offer.commands

    @property
    def templates(self) -> tuple[TemplateName, ...]:
        return self._offer.templates

    def changed(self) -> None:
        """Other things may be asked for than before."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._offer = await self._make()
            self.ready.set()

    async def at(self, line: str, cursor: int, visitor: Visitor) -> Mapping[str, Any]:
        """As the page's script takes it."""
        words = command_words(line, self.commands)
        jobs: tuple[Suggestion, ...] = ()
        if words and not self.commands.paints(words[0]):
            jobs = await self._plain.nameable_jobs(words, visitor.asker)
        known = Known(
            self._offer.commands, self._offer.index, jobs, visitor.operator, language=visitor.language
        )
        found = complete(line, cursor, known)
        return {
            "start": found.start,
            "end": found.end,
            "items": [{"label": each.label, "value": each.value, "hint": each.hint} for each in found.items],
        }
