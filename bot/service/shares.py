"""What each user received of the servers in the last hour, and what was due to them: for one number about
fairness. Nothing of it is kept longer, and no user leaves here."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.domain.fairness_index import Share, fairness
from bot.domain.ids import UserId

HOUR = 3600.0
PERIOD = 300.0
"""Seconds that are summed up together: the hour is forgotten piece by piece."""


@dataclass(slots=True)
class _Period:
    since: float
    received: dict[UserId, float] = field(default_factory=lambda: defaultdict(float))
    due: dict[UserId, float] = field(default_factory=lambda: defaultdict(float))
    runs: int = 0


class Shares:
    """``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._periods: deque[_Period] = deque()
        self._given: float | None = None

    def received(self, user: UserId, seconds: float) -> None:
        """A run of theirs has left a GPU after so many seconds."""
        period = self._now()
        period.received[user] += seconds
        period.runs += 1

    def note(self, given: float, weights: Mapping[UserId, float]) -> None:
        """To be called every few seconds. ``given``: all that servers have painted since the start, in GPU
        seconds, what runs included; ``weights``: of the users who have jobs, waiting or at a server."""
        before, self._given = self._given, given
        everybody = sum(weights.values())
        if before is None or given <= before or everybody <= 0.0:
            return
        each = (given - before) / everybody
        due = self._now().due
        for user, weight in weights.items():
            due[user] += each * weight

    def index(self) -> float | None:
        """Over users to whom at least one job's length was due; None where nobody had to share."""
        self._forget()
        received = _sums(period.received for period in self._periods)
        due = _sums(period.due for period in self._periods)
        runs = sum(period.runs for period in self._periods)
        if not runs:
            return None
        usual = sum(received.values()) / runs
        shares = (Share(received.get(user, 0.0), seconds) for user, seconds in due.items())
        return fairness(shares, least=usual)

    def _now(self) -> _Period:
        self._forget()
        now = self._clock()
        if not self._periods or now - self._periods[-1].since >= PERIOD:
            self._periods.append(_Period(now))
        return self._periods[-1]

    def _forget(self) -> None:
        while self._periods and self._clock() - self._periods[0].since >= HOUR:
            self._periods.popleft()


def _sums(periods: Iterable[Mapping[UserId, float]]) -> Mapping[UserId, float]:
    sums: dict[UserId, float] = defaultdict(float)
    for period in periods:
        for user, seconds in period.items():
            sums[user] += seconds
    return sums
