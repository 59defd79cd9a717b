"""The queue and the servers as they are, kept fresh on every open page.

What goes on is looked at once a second while somebody watches. Each piece of the page is drawn once for a
language, when it has changed, however many pages show it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import web
from markupsafe import Markup

from bot.chat.web.doors import require_operator
from bot.chat.web.live import Live, Piece
from bot.chat.web.operator.frame import HOME, Frame
from bot.chat.web.visitors import visitor_of
from bot.domain.errors import StoreUnavailable
from bot.domain.text import Text
from bot.presentation.actions import mark
from bot.presentation.language import Language
from bot.service.clock import Clock
from bot.service.floor import Floor, FloorWatch, Lane

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between looks while somebody watches."""
TOGETHER = 6
"""Lanes that change at once are sent one by one up to so many; more of them as one piece."""
_LONG_LEAD = 3600.0
"""GPU seconds per weight that fill the bar."""
_HEAD, _LANES = "op-head", "op-lanes"


def lane_id(lane: Lane) -> str:
    return f"op-lane-{mark(lane.user)}"


def server_id(number: int) -> str:
    return f"op-server-{number}"


def lead_width(lead: float | None) -> float:
    """Percent of a bar: seconds are told apart from minutes, and minutes from hours."""
    return 0.0 if lead is None else round(100 * min(1.0, math.log1p(lead) / math.log1p(_LONG_LEAD)), 1)


def hidden(floor: Floor) -> Text:
    """What waits beside the lanes that are shown."""
    return Text.counted(
        "and {count} more person, {jobs}",
        "and {count} more people, {jobs}",
        floor.hidden_people,
        jobs=Text.counted("{count} more job", "{count} more jobs", floor.hidden_jobs),
    )


@dataclass(slots=True)
class Board:
    """``run`` is to be kept running beside the site."""

    frame: Frame
    watch: FloorWatch
    live: Live
    clock: Clock
    _floor: Floor | None = None
    _moment: int = 0
    """Counts the looks that found something changed."""
    _since: str = field(default_factory=lambda: secrets.token_hex(4))
    """Tells this process's moments from those of another."""
    _changed: dict[str, int] = field(default_factory=dict)
    """When each piece changed last."""
    _drawn: dict[tuple[str, str], Markup] = field(default_factory=dict)
    """By language and piece, as of the last change."""
    _languages: dict[str, Language] = field(default_factory=dict)

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(HOME, self._page)
        router.add_get(f"{HOME}/live", self._live)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            # A server that is slow to say how it is must not make the queue stand still.
            tasks.create_task(self._while_watched(self.watch.ask_servers), name="how servers are")
            tasks.create_task(self._while_watched(self.look), name="what goes on")

    async def _while_watched(self, look: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self.clock.sleep(EVERY)
            if any(self.live.watchers(_channel(code)) for code in self._languages):
                try:
                    await look()
                except StoreUnavailable as error:
                    log.warning("the operator's page is not kept fresh: %s", error.text)
                except Exception:
                    # Whoever paints must not be stopped by a page that somebody looks at.
                    log.exception("the operator's page cannot be kept fresh")

    async def look(self) -> Floor:
        """See what has changed, and show it on the pages that are open. Raises StoreUnavailable."""
        floor = await self.watch.look()
        before, self._floor = self._floor, floor
        if floor == before:
            return floor
        self._moment += 1
        changed = list(_changes(before, floor))
        for name in changed:
            # A page that opens later gets all lanes: it cannot know which of them are there.
            self._changed[name if name in _pieces(floor) else _LANES] = self._moment
        self._forget_drawn(changed, floor)
        for code, language in self._languages.items():
            if self.live.watchers(_channel(code)):
                for name in changed:
                    self.live.put(_channel(code), Piece(name, self._draw(name, language)))
        return floor

    async def _page(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        await self.watch.ask_servers()
        floor = await self.look()
        language = visitor_of(request).language
        self._languages[language.code] = language
        return self.frame.show(
            request,
            "queue.html",
            section="queue",
            head=self._draw(_HEAD, language),
            servers=[self._draw(server_id(number), language) for number in range(len(floor.servers))],
            lanes=self._draw(_LANES, language),
            live=f"{HOME}/live?since={self._since}.{self._moment}",
        )

    async def _live(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        visitor = visitor_of(request)
        since, _, moment = request.query.get("since", "").partition(".")
        seen = int(moment) if since == self._since and moment.isdecimal() and len(moment) < 16 else -1
        self._languages[visitor.language.code] = visitor.language

        def missed() -> Iterator[Piece]:
            if self._floor is None:
                return
            for name in _pieces(self._floor):
                if self._changed.get(name, 0) > seen:
                    yield Piece(name, self._draw(name, visitor.language))

        return await self.live.serve(
            request, visitor.id, [_channel(visitor.language.code)], missed, operator=True
        )

    def _draw(self, name: str, language: Language) -> Markup:
        key = (language.code, name)
        if (known := self._drawn.get(key)) is None:
            known = self._drawn[key] = self._fresh(name, language)
        return known

    def _fresh(self, name: str, language: Language) -> Markup:
        floor = self._floor
        assert floor is not None
        values = {
            "floor": floor,
            "id": name,
            "lead_width": lead_width,
            "hidden": hidden,
            **self.frame.drawing(language),
        }
        draw = self.frame.pages.draw
        if name == _HEAD:
            return draw("operator/piece_head.html", language, **values)
        if name == _LANES:
            lanes = [self._draw(lane_id(lane), language) for lane in floor.lanes]
            return draw("operator/piece_lanes.html", language, lanes=lanes, **values)
        for number, server in enumerate(floor.servers):
            if name == server_id(number):
                return draw("operator/piece_server.html", language, server=server, **values)
        lane = next(lane for lane in floor.lanes if lane_id(lane) == name)
        return draw("operator/piece_lane.html", language, lane=lane, **values)

    def _forget_drawn(self, changed: list[str], floor: Floor) -> None:
        """What was drawn before, and is not so any more."""
        gone = {*changed, _LANES}
        there = {*_pieces(floor), *map(lane_id, floor.lanes)}
        if _LANES in changed:
            gone |= set(map(lane_id, floor.lanes))
        self._drawn = {key: html for key, html in self._drawn.items() if key[1] in there - gone}
        self._changed = {name: at for name, at in self._changed.items() if name in there}


def _channel(code: str) -> str:
    return f"operator:{code}"


def _pieces(floor: Floor) -> Iterator[str]:
    """Those that a page has for certain; lanes come and go inside of theirs."""
    yield _HEAD
    yield from map(server_id, range(len(floor.servers)))
    yield _LANES


def _changes(before: Floor | None, floor: Floor) -> Iterator[str]:
    if before is None:
        yield from _pieces(floor)
        return
    if _head(before) != _head(floor):
        yield _HEAD
    for number, (old, new) in enumerate(zip(before.servers, floor.servers, strict=False)):
        if old != new:
            yield server_id(number)
    lanes = [new for old, new in zip(before.lanes, floor.lanes, strict=False) if old != new]
    same = [lane.user for lane in before.lanes] == [lane.user for lane in floor.lanes]
    if not same or len(lanes) > TOGETHER or _more(before) != _more(floor):
        yield _LANES
    else:
        yield from map(lane_id, lanes)


def _head(floor: Floor) -> object:
    states = [server.state for server in floor.servers]
    return (
        *(floor.paused, floor.draining, floor.waiting, floor.running, floor.people, floor.notices),
        states,
    )


def _more(floor: Floor) -> tuple[int, int]:
    return floor.hidden_people, floor.hidden_jobs
