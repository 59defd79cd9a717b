"""What the bot hears: a queue of updates that it fetches with ``getUpdates`` or gets sent to its webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.discord.signals import Signal
from tests.support.telegram.failures import Json, conflict

KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "message_reaction",
    "inline_query",
)
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
LONGEST_POLL = 50
KEPT_MS = 24 * 3600 * 1000
FIRST_UPDATE = 731_000_001
OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ON = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


@dataclass(frozen=True)
class Pending:
    """``born``: UTC milliseconds. ``chat``: whose updates are delivered in order."""

    number: int
    kind: str
    body: Json
    born: int
    chat: int


@dataclass(eq=False)
class Poll:
    """Somebody who waits for updates. ``ended``: by another one, with these words."""

    ended: str | None = None


@dataclass(eq=False)
class Updates:
    """``now``: UTC milliseconds; ``sleep``: in seconds of the same clock. ``conflicts``: answers with 409.

    ``dropped``: kinds of updates that were not asked for. ``polls``: how often updates were asked for.
    """

    now: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]
    changed: Signal
    queue: list[Pending] = field(default_factory=list)
    allowed: frozenset[str] | None = None
    webhook_url: str = ""
    conflicts: int = 0
    polls: int = 0
    dropped: list[str] = field(default_factory=list)
    made: list[Json] = field(default_factory=list)
    closed: bool = False
    _next: int = FIRST_UPDATE
    _waiting: Poll | None = None

    @property
    def polling(self) -> bool:
        """Somebody waits for updates just now."""
        return self._waiting is not None

    @property
    def confirmed(self) -> int:
        """The number up to which the bot has said that it has them."""
        return self.queue[0].number - 1 if self.queue else self._next - 1

    def wants(self, kind: str) -> bool:
        return kind not in NOT_BY_DEFAULT if self.allowed is None else kind in self.allowed

    def allow(self, kinds: list[str] | None) -> None:
        """None: as before. An empty list: what is usual."""
        if kinds is not None:
            self.allowed = frozenset(kind.lower() for kind in kinds) or None

    def add(self, kind: str, body: Json, chat: int) -> int | None:
        """Its number, or None when the bot has not asked for such updates."""
        if not self.wants(kind):
            self.dropped.append(kind)
            return None
        number, self._next = self._next, self._next + 1
        self.queue.append(Pending(number, kind, body, self.now(), chat))
        self.made.append({"update_id": number, kind: body})
        self.changed.fire()
        return number

    def drop_all(self) -> None:
        self.queue.clear()

    def skip(self, count: int) -> None:
        """Leave out so many numbers, as after a week of silence."""
        self._next += count

    async def get(self, offset: int, limit: int, seconds: int, allowed: list[str] | None) -> list[Json]:
        """``getUpdates``. Raises :class:`ApiError` 409 if another one takes over, or a webhook is set."""
        self.polls += 1
        if self.webhook_url:
            self.conflicts += 1
            raise conflict(WEBHOOK_ON)
        self.allow(allowed)
        self._expire()
        if offset < 0:
            self.queue = self.queue[offset:]
        elif offset > 0:
            self.queue = [each for each in self.queue if each.number >= offset]
        self.changed.fire()
        if not self.queue and seconds:
            await self._wait(min(seconds, LONGEST_POLL))
        return [{"update_id": each.number, each.kind: each.body} for each in self.queue[:limit]]

    async def _wait(self, seconds: float) -> None:
        """Until there is something, the time is over, or somebody else asks."""
        over = asyncio.ensure_future(self.sleep(seconds))
        over.add_done_callback(lambda _: self.changed.fire())
        # Only once it sleeps does it count as waiting: then tests may move their clock.
        await asyncio.sleep(0)
        self.end_poll(OTHER_POLL)
        poll = self._waiting = Poll()
        self.changed.fire()
        try:
            await self._changes(lambda: self.queue or poll.ended or over.done() or self.closed)
        finally:
            over.cancel()
            if self._waiting is poll:
                self._waiting = None
        if poll.ended:
            self.conflicts += 1
            raise conflict(poll.ended)

    async def _changes(self, met: Callable[[], object]) -> None:
        # Polls last as long as they were asked to, whatever the deadline of tests is.
        await self.changed.until(met, within=1e6)

    def end_poll(self, words: str) -> None:
        if self._waiting is not None:
            self._waiting.ended = words
            self.changed.fire()

    def close(self) -> None:
        """Nobody waits any more: the server stops."""
        self.closed = True
        self.changed.fire()

    def _expire(self) -> None:
        oldest = self.now() - KEPT_MS
        self.queue = [each for each in self.queue if each.born >= oldest]
