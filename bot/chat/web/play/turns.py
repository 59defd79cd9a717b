"""Who is painted for now and who comes next, beside the room: so that turns can be seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import Markup

from bot.chat.web.live import Live, Piece
from bot.chat.web.pages import Pages
from bot.chat.web.play.drawing import hue_of
from bot.chat.web.play.room import Room, channel_of
from bot.domain.ids import IdentityId, JobId
from bot.domain.jobs import request_of
from bot.presentation.language import Language
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher

LOOK_EVERY = 0.7
"""Seconds; it is drawn only when it has changed."""
MOST_SHOWN = 10
ELEMENT = "line-now"


@dataclass(frozen=True, slots=True)
class Turn:
    """A job. ``owner`` is None for whoever asked elsewhere. ``tenths``: how much of it is painted; None
    while it waits."""

    job: JobId
    author: str
    owner: IdentityId | None
    tenths: int | None = None

    @property
    def hue(self) -> int | None:
        return None if self.owner is None else hue_of(self.owner)


@dataclass(frozen=True, slots=True)
class Seen:
    painting: tuple[Turn, ...] = ()
    next: tuple[Turn, ...] = ()
    more: int = 0
    paused: bool = False


@dataclass(slots=True)
class Turns:
    room: Room
    live: Live
    pages: Pages
    dispatcher: Dispatcher
    languages: tuple[Language, ...]
    clock: Clock
    _seen: Seen = field(default_factory=Seen, init=False)
    _drawn: dict[str, Markup] = field(default_factory=dict, init=False)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.clock.sleep(LOOK_EVERY)
            if any(self._watched(language) for language in self.languages):
                self.look()

    def look(self) -> None:
        seen = self._now()
        if seen == self._seen:
            return
        self._seen = seen
        self._drawn.clear()
        for language in self.languages:
            if self._watched(language):
                self.live.put(channel_of(None, language), Piece(ELEMENT, self.html(language)))

    def html(self, language: Language) -> Markup:
        if (known := self._drawn.get(language.code)) is None:
            known = self._drawn[language.code] = self.pages.draw("play/turns.html", language, seen=self._seen)
        return known

    def fresh(self, language: Language) -> Markup:
        """As it stands at this moment."""
        self.look()
        return self.html(language)

    def _watched(self, language: Language) -> bool:
        return self.live.watchers(channel_of(None, language)) > 0

    def _now(self) -> Seen:
        queue = self.dispatcher.queue
        at_servers = [
            active for server in self.dispatcher.servers.values() for active in server.active.values()
        ]
        painting = [
            self._turn(active.item.job, tenths=int(active.fraction * 10) if active.started else 0)
            for active in sorted(at_servers, key=lambda active: active.started is None)
        ]
        upcoming = self._all(item.job for item in queue.upcoming(MOST_SHOWN))
        return Seen(
            tuple(painting[:MOST_SHOWN]),
            upcoming,
            max(0, len(queue) - len(upcoming)),
            self.dispatcher.gates.paused,
        )

    def _all(self, jobs: Iterable[JobId]) -> tuple[Turn, ...]:
        return tuple(self._turn(job) for job in jobs)

    def _turn(self, job: JobId, tenths: int | None = None) -> Turn:
        message = self.room.message(request_of(job))
        if message is None:
            return Turn(job, "", None, tenths)
        return Turn(job, message.author, message.owner, tenths)
