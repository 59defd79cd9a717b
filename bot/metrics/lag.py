"""How late the event loop is: what holds it up holds up everybody, first answers before all."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from bot.service.meters import Spread

EVERY = 0.5
"""Seconds between two beats."""
BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
WINDOW = 60.0
"""Seconds over which the most is told."""


class LoopLag:
    """``clock``: monotonic seconds; ``sleep``: waits so many seconds of the same clock."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.spread = Spread(BOUNDS)
        self._clock = clock
        self._sleep = sleep
        self._latest: deque[tuple[float, float]] = deque()
        """When, and how late: falling, since whoever comes before a later one can never be the most again."""
        self._beat = clock()

    async def run(self) -> None:
        """Until cancelled."""
        self._beat = self._clock()
        while True:
            due = self._clock() + EVERY
            await self._sleep(EVERY)
            self.note(self._clock() - due)

    def note(self, late: float) -> None:
        """A beat came ``late`` seconds after it was due."""
        late = max(0.0, late)
        self._beat = self._clock()
        self.spread.add(late)
        while self._latest and self._latest[-1][1] <= late:
            self._latest.pop()
        self._latest.append((self._beat, late))

    def most(self) -> float:
        """The most in the last minute. A beat that is late right now counts by what it is late already."""
        now = self._clock()
        while self._latest and now - self._latest[0][0] > WINDOW:
            self._latest.popleft()
        known = self._latest[0][1] if self._latest else 0.0
        return max(known, self.since_beat() - EVERY)

    def since_beat(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._beat
