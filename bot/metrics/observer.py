"""What can only be known by looking again and again: how busy servers are, and who had to share with whom."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from bot.domain.ids import ServerName
from bot.service.dispatcher import Dispatcher
from bot.service.meters import Meters

EVERY = 5.0
"""Seconds between two looks."""
WINDOW = 300.0
"""Seconds over which a duty cycle is told."""


class Observer:
    """``clock``: monotonic seconds, the ones of the dispatcher."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        meters: Meters,
        clock: Callable[[], float],
    ) -> None:
        self._dispatcher = dispatcher
        self._meters = meters
        self._clock = clock
        self._looks: deque[tuple[float, Mapping[ServerName, float]]] = deque()

    def look(self) -> None:
        """To be called every few seconds."""
        now, busy = self._clock(), self.busy()
        # The oldest look stays until the next one is old enough to stand for the whole window.
        while len(self._looks) > 1 and now - self._looks[1][0] >= WINDOW:
            self._looks.popleft()
        self._looks.append((now, busy))
        self._meters.shares.note(sum(busy.values()), self._dispatcher.queue.busy())

    def busy(self) -> Mapping[ServerName, float]:
        """Seconds in which our jobs have run on each server since the start; never falls."""
        now = self._clock()
        found: dict[ServerName, float] = {}
        for name, server in self._dispatcher.servers.items():
            running = server.running
            under_way = 0.0 if running is None or running.started is None else now - running.started
            found[name] = self._meters.busy_seconds.get(name, 0.0) + max(0.0, under_way)
        return found

    def duty(self) -> Mapping[ServerName, float]:
        """Share of the last minutes in which each server was at work for us, between 0 and 1."""
        if not self._looks:
            return dict.fromkeys(self._dispatcher.servers, 0.0)
        since, before = self._looks[0]
        passed = self._clock() - since
        if passed <= 0.0:
            return dict.fromkeys(self._dispatcher.servers, 0.0)
        return {name: min(1.0, (busy - before[name]) / passed) for name, busy in self.busy().items()}
