"""Pieces of pages that change while somebody looks: rendered once, sent to every page that shows them.

A piece has the id of the element that it replaces. A page that is slow to read gets the newest piece of each
id, not all of them in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

MOST_PAGES = 1000
"""Open at a time, of everybody."""
FOR_OPERATORS = 100
"""Of them: guests can open many, and must not keep those out who look after the bot."""
MOST_PER_VISITOR = 40
MOST_WAITING = 500
"""Pieces for one page; whoever takes none of them any more is hung up on."""
_HEARTBEAT = 25.0
"""Seconds; a page that does not answer is gone."""
_MOST_BYTES = 1024
"""Pages have nothing to say here."""


class Where(StrEnum):
    """What becomes of a piece whose element is not on the page."""

    REPLACE = "replace"
    """Nothing: other pages may show it."""
    APPEND = "append"
    """It is put at the end of the element ``into``."""
    REMOVE = "remove"
    """The element goes."""


@dataclass(frozen=True, slots=True)
class Piece:
    """``html``: one element with that ``id``, drawn by us and safe. ``say``: words for those who hear the
    page, at once; most changes are best not read aloud."""

    id: str
    html: str = ""
    where: Where = Where.REPLACE
    into: str = ""
    say: str = ""

    def to_json(self) -> str:
        told = {"id": self.id, "html": self.html, "where": self.where, "into": self.into, "say": self.say}
        return json.dumps({name: value for name, value in told.items() if value}, ensure_ascii=False)


@dataclass(eq=False, slots=True)
class _Page:
    visitor: str
    channels: frozenset[str]
    transport: asyncio.BaseTransport | None
    waiting: dict[str, str] = field(default_factory=dict)
    """By the element's id, oldest first."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, name: str, told: str) -> None:
        # Taken out first: what is newest goes last, so that pieces come in the order of their changes.
        self.waiting.pop(name, None)
        self.waiting[name] = told
        if len(self.waiting) > MOST_WAITING:
            self.hang_up()
        self.changed.set()

    def hang_up(self) -> None:
        """At once: there is nobody to say goodbye to."""
        self.waiting.clear()
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()


class Live:
    """``watched`` is told when the first page opens a channel, and when the last leaves."""

    def __init__(self) -> None:
        self._pages: set[_Page] = set()
        self._closing = asyncio.Event()
        self.watched: Callable[[], None] = lambda: None

    def watchers(self, channel: str) -> int:
        """How many pages show it."""
        return sum(channel in page.channels for page in self._pages)

    def put(self, channel: str, piece: Piece) -> None:
        """Show it on every page of the channel. Never waits."""
        pages = [page for page in self._pages if channel in page.channels]
        if not pages:
            return
        told = piece.to_json()
        for page in pages:
            page.put(piece.id, told)

    def close(self) -> None:
        """Hang up on every page: they try again by themselves."""
        self._closing.set()
        for page in self._pages:
            page.changed.set()

    async def serve(
        self,
        request: web.Request,
        visitor: str,
        channels: Iterable[str],
        first: Callable[[], Iterable[Piece]] | None = None,
        *,
        operator: bool = False,
    ) -> web.StreamResponse:
        """Keep the page that asks up to date until it goes. ``first``: what it may have missed since it was
        loaded, asked for once it misses nothing more. The guard has refused other sites' pages."""
        mine = sum(page.visitor == visitor for page in self._pages)
        most = MOST_PAGES if operator else MOST_PAGES - FOR_OPERATORS
        if len(self._pages) >= most or mine >= MOST_PER_VISITOR or self._closing.is_set():
            raise web.HTTPServiceUnavailable(text="Too many pages are open.\n")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, max_msg_size=_MOST_BYTES, compress=False)
        await socket.prepare(request)
        page = _Page(visitor, frozenset(channels), request.transport)
        self._pages.add(page)
        self.watched()
        try:
            for piece in first() if first is not None else ():
                page.waiting[piece.id] = piece.to_json()
            page.changed.set()
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send(page, socket), name="page")
                await socket.receive()  # pages say nothing: it is gone, or none of ours
                page.hang_up()
                sending.cancel()
        finally:
            self._pages.discard(page)
            self.watched()
        return socket

    async def _send(self, page: _Page, socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while not self._closing.is_set():
                await page.changed.wait()
                page.changed.clear()
                while page.waiting and not self._closing.is_set():
                    await socket.send_str(page.waiting.pop(next(iter(page.waiting))))
        await socket.close(code=1001)
