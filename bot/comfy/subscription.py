"""What one run hears, between the websocket that must not wait and the driver that may.

Events that a newer one makes pointless are dropped, so memory stays flat however fast a server talks
and however slowly the driver listens.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator

from bot.comfy import protocol as wire
from bot.comfy.run import Phase, Run
from bot.domain.events import NodeStarted, Previewed, Progressed, RunEvent

MOST_NODES_WAITING = 200
"""``NodeStarted`` that are kept for a driver that is busy; graphs have fewer nodes."""


class Subscription:
    """The mailbox of one run. Made by :meth:`bot.comfy.session.Session.subscribe`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.heard = False
        """A message about this run came since the driver last looked."""
        self.ask = False
        """Something happened after which only a look at the server tells how the run stands."""
        self.hinted = False
        """Something happened that makes a look worthwhile, though not at any price."""
        self._events: deque[RunEvent] = deque()
        self._changed = asyncio.Event()

    def feed(self, message: wire.Message) -> None:
        """Take one message, anybody's; never waits, never raises."""
        phase = self.run.phase
        self.push(self.run.apply(message))
        if getattr(message, "prompt_id", None) == self.run.prompt_id:
            self.heard, self.hinted = True, False
            if isinstance(message, wire.EndMark):
                self.nudge()  # the last message of a run: its history is there by now
            elif self.run.phase is not phase:
                self._changed.set()
        elif isinstance(message, wire.Status) and _hints(phase, message.queue_remaining):
            self.hinted = True
            self._changed.set()

    def nudge(self) -> None:
        """Have the driver look at the server at once."""
        self.ask = True
        self._changed.set()

    @property
    def has_events(self) -> bool:
        return bool(self._events)

    def push(self, events: Iterable[RunEvent]) -> None:
        """Add events, the socket's or others (a look at the server, giving up)."""
        for event in events:
            match event:
                case Progressed() | Previewed():
                    self._drop(type(event), keep=0)
                case NodeStarted():
                    self._drop(NodeStarted, keep=MOST_NODES_WAITING - 1)
            self._events.append(event)
            self._changed.set()

    def take(self) -> Iterator[RunEvent]:
        """The events since the last call, oldest first."""
        while self._events:
            yield self._events.popleft()

    async def changed(self, seconds: float) -> None:
        """Wait until there is something to look at, at most ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def _drop(self, kind: type[RunEvent], keep: int) -> None:
        """Forget the oldest events of ``kind`` until ``keep`` are left."""
        surplus = sum(isinstance(event, kind) for event in self._events) - keep
        for event in [event for event in self._events if isinstance(event, kind)][: max(surplus, 0)]:
            self._events.remove(event)


def _hints(phase: Phase, remaining: int) -> bool:
    """Whether the length of the server's queue makes a run of this phase worth a look."""
    match phase:
        case Phase.SUBMITTED:
            return remaining != 1  # others are ahead, or it is over already
        case Phase.WAITING:
            return True
        case Phase.RUNNING:
            return remaining == 0  # nothing runs any more: the end was missed
        case Phase.ENDED | Phase.OVER:
            return False
