"""Numbers since the start of the process: what :class:`~bot.service.meter.Meter` is told, summed up.

Names that come from outside (templates, tiers, codes) are few; should they not be, those that come late are
counted together, so that memory and the list of series stay bounded. Users are in no number that leaves here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

from bot.domain.ids import ServerName, TierName, UserId
from bot.domain.jobs import JobState
from bot.service.records import JobRecord
from bot.service.shares import Shares

WAITS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0)
"""Bounds of the waits that are told apart, in seconds."""
RATIOS = (0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0, 4.0)
"""Of what a job took to what it was expected to take."""
MOST_NAMES = 200
OTHER = "other"
TOO_MANY_REQUESTS = 429


class Spread:
    """Observations by size: how many up to each bound (that one included), and their sum."""

    __slots__ = ("_counts", "bounds", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        self._counts = [0] * (len(self.bounds) + 1)

    def add(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        return sum(self._counts)

    def up_to(self) -> tuple[int, ...]:
        """For each bound, and at last for infinity, how many were no larger."""
        sums, running = [], 0
        for count in self._counts:
            running += count
            sums.append(running)
        return tuple(sums)


class Meters:
    """Implements :class:`~bot.service.meter.Meter`. ``clock``: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.requests: Counter[tuple[str]] = Counter()
        self.jobs_accepted: Counter[tuple[str]] = Counter()
        """By platform."""
        self.requests_refused: Counter[tuple[str]] = Counter()
        self.attempts_lost: Counter[tuple[str]] = Counter()
        """By the code of the error."""
        self.jobs_over: Counter[tuple[str, str]] = Counter()
        """By outcome, and the code of the error of those that failed ("" for others)."""
        self.gpu_seconds: dict[str, float] = {}
        self.swap_seconds: dict[str, float] = {}
        """By template: what was charged, and what loading models took."""
        self.busy_seconds: dict[str, float] = {}
        """By server; the run that is there now is not in it yet."""
        self.waits: dict[str, Spread] = {}
        """By tier."""
        self.guesses = Spread(RATIOS)
        self.deliveries: Counter[tuple[str, str]] = Counter()
        """Tries, by platform and how they ended."""
        self.calls: Counter[tuple[str, str]] = Counter()
        """By platform and kind of answer."""
        self.store_refusals = 0
        self.shares = Shares(clock)
        for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED):
            self.jobs_over[state.value, ""] = 0  # a series that begins with its first event hides it

    def accepted(self, platform: str, jobs: int) -> None:
        self.requests[(platform,)] += 1
        self.jobs_accepted[(platform,)] += jobs

    def refused(self, code: str) -> None:
        self.requests_refused[(known(code, {key for (key,) in self.requests_refused}),)] += 1

    def began(self, tier: TierName, waited: float) -> None:
        name = known(tier, self.waits)
        if name not in self.waits:
            self.waits[name] = Spread(WAITS)
        self.waits[name].add(max(0.0, waited))

    def painted(self, server: ServerName, user: UserId, seconds: float) -> None:
        _add(self.busy_seconds, server, max(0.0, seconds))
        self.shares.received(user, max(0.0, seconds))

    def guessed(self, expected: float, seconds: float) -> None:
        if expected > 0.0 and seconds > 0.0:
            self.guesses.add(seconds / expected)

    def again(self, code: str) -> None:
        self.attempts_lost[(known(code, {key for (key,) in self.attempts_lost}),)] += 1

    def over(self, job: JobRecord) -> None:
        failed = job.state is JobState.FAILED
        code = known(job.error_code, {key for _, key in self.jobs_over}) if failed else ""
        self.jobs_over[job.state.value, code] += 1
        _add(self.gpu_seconds, job.work.template, job.measured_seconds or 0.0)
        _add(self.swap_seconds, job.work.template, job.swap_seconds or 0.0)

    def delivered(self, platform: str, how: str) -> None:
        self.deliveries[platform, how] += 1

    def called(self, platform: str, status: int) -> None:
        self.calls[platform, _kind(status)] += 1

    def store_refused(self) -> None:
        self.store_refusals += 1


def known(name: str, names: dict[str, Spread] | dict[str, float] | set[str]) -> str:
    """``name``, unless there are too many others already."""
    return name if name in names or len(names) < MOST_NAMES else OTHER


def _add(sums: dict[str, float], name: str, seconds: float) -> None:
    key = known(name, sums)
    sums[key] = sums.get(key, 0.0) + seconds


def _kind(status: int) -> str:
    if status == TOO_MANY_REQUESTS:
        return "rate_limited"
    if status <= 0:
        return "no_answer"
    return "ok" if status < 400 else "refused" if status < 500 else "broken"
