"""Whatever happens in whatever order, nobody is admitted beyond the limit, and every overshoot is paid for.

The book here keeps what a store keeps, in the plainest way: one list of entries, summed anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from bot.domain.durations import DAY, HOUR
from bot.domain.ids import QuotaDay
from bot.domain.quota import (
    Allowance,
    Cost,
    Standing,
    Use,
    Window,
    admit,
    carry,
    carry_from,
    left_seconds,
    next_reset,
    overshoot,
    quota_day,
    rolling_reset,
    rolling_since,
)

ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo"]
STARTS = [
    1_541_289_600_000,  # 2018-11-04, when Sao Paulo had no midnight and New York an hour twice
    1_714_078_800_000,  # 2024-04-25, before Cairo's
    1_728_140_400_000,  # 2024-10-05, before Lord Howe's
]


@dataclass(slots=True)
class Job:
    at: int
    day: QuotaDay
    reserved: float
    settled: float | None = None
    released: bool = False

    @property
    def open(self) -> bool:
        return self.settled is None and not self.released


@dataclass(slots=True)
class Book:
    allowance: Allowance
    window: Window
    zone: str
    jobs: list[Job] = field(default_factory=list)
    grants: list[tuple[QuotaDay, float]] = field(default_factory=list)
    carries: list[tuple[QuotaDay, float, Job]] = field(default_factory=list)

    def standing(self, day: QuotaDay, at: int) -> Standing:
        if self.window is Window.DAY:
            mine = [job for job in self.jobs if job.day == day]
            resets = next_reset(at, self.zone)
        else:
            mine = [job for job in self.jobs if job.at > rolling_since(at)]
            resets = rolling_reset(min((job.at for job in mine), default=None), at)
        use = Use(
            settled=sum(job.settled or 0.0 for job in mine),
            reserved=sum(job.reserved for job in mine if job.open),
            granted=sum(amount for granted, amount in self.grants if granted == day),
            carried=sum(part for carried, part, _ in self.carries if carried == day),
            jobs=sum(not job.released for job in mine),
        )
        return Standing(self.allowance, use, resets, self.window)

    def submit(self, at: int, reserve: float, count: int) -> list[Job]:
        day = quota_day(at, self.zone)
        if admit(self.standing(day, at), Cost(reserve * count, count)) is not None:
            return []
        new = [Job(at, day, reserve) for _ in range(count)]
        self.jobs += new
        return new

    def settle(self, job: Job, at: int, measured: float) -> float:
        job.settled = measured
        assert self.allowance.gpu_seconds is not None
        over = overshoot(self.standing(job.day, at), measured, job.reserved)
        first = carry_from(job.day, quota_day(at, self.zone))
        owed: dict[QuotaDay, float] = {}
        for day, part, _ in self.carries:
            owed[day] = owed.get(day, 0.0) + part
        entries = carry(over, self.allowance.gpu_seconds, first, most_days=10_000, carried=owed)
        self.carries += [(day, part, job) for day, part in entries]
        return over


class Accounting(RuleBasedStateMachine):
    """Days only: what each of them owes can be told. The clock may jump both ways, over midnight too."""

    open_jobs = Bundle("open_jobs")
    window = Window.DAY

    @initialize(
        zone=st.sampled_from(ZONES),
        start=st.sampled_from(STARTS),
        limit=st.floats(1, 500),
        jobs=st.sampled_from([None, 2, 40]),
    )
    def begin(self, zone: str, start: int, limit: float, jobs: int | None) -> None:
        self.book = Book(Allowance(limit, jobs), self.window, zone)
        self.now = start
        self.limit = limit
        self.overshoots: list[tuple[Job, float]] = []
        self.taken: dict[QuotaDay, float] = {}

    @rule(target=open_jobs, share=st.sampled_from([0.1, 0.3, 0.5, 1.0, 1.01]), count=st.integers(1, 3))
    def submit(self, share: float, count: int) -> object:
        """A share of the limit is asked for, so that requests are accepted about as often as refused."""
        before = self.book.standing(quota_day(self.now, self.book.zone), self.now)
        new = self.book.submit(self.now, share * self.limit / count, count)
        if self.book.allowance.jobs is not None:
            assert not new or before.use.jobs + count <= self.book.allowance.jobs
        if new:
            after = self.book.standing(quota_day(self.now, self.book.zone), self.now).use
            assert after.settled + after.reserved + after.carried <= self.limit + after.granted + 1e-5
        return new

    @rule(jobs=consumes(open_jobs), factor=st.sampled_from([0.0, 0.5, 1.0, 1.2, 3.0, 8.0]))
    def finish(self, jobs: list[Job], factor: float) -> None:
        for job in jobs:
            over = self.book.settle(job, self.now, job.reserved * factor)
            assert 0 <= over <= max(0.0, job.reserved * (factor - 1)) + 1e-9
            self.overshoots.append((job, over))

    @rule(jobs=consumes(open_jobs))
    def release(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.released = True

    @rule(amount=st.floats(-300, 300))
    def grant(self, amount: float) -> None:
        day = quota_day(self.now, self.book.zone)
        self.book.grants.append((day, amount))
        if amount < 0:
            self.taken[day] = self.taken.get(day, 0.0) - amount

    @rule(hours=st.floats(0, 40))
    def time_passes(self, hours: float) -> None:
        self.now += round(hours * HOUR)

    @rule(target=open_jobs, factor=st.sampled_from([1.5, 3.0]), share=st.sampled_from([0.2, 1.0]))
    def a_job_takes_far_too_long_and_the_next_day_begins(self, factor: float, share: float) -> object:
        left = left_seconds(self.book.standing(quota_day(self.now, self.book.zone), self.now))
        self.finish(self.book.submit(self.now, left or 1.0, 1), factor)
        self.now = next_reset(self.now, self.book.zone)
        return self.submit(share, 1)

    @rule(hours=st.floats(-60, 60))
    def the_clock_is_set(self, hours: float) -> None:
        self.now += round(hours * HOUR)

    @invariant()
    def nobody_sees_less_than_nothing(self) -> None:
        if hasattr(self, "book"):
            left = left_seconds(self.book.standing(quota_day(self.now, self.book.zone), self.now))
            assert left is not None
            assert left >= 0

    @invariant()
    def every_overshoot_is_carried_in_full(self) -> None:
        for job, over in getattr(self, "overshoots", ()):
            carried = sum(part for _, part, whose in self.book.carries if whose is job)
            assert carried == pytest.approx(over, abs=1e-4)

    @invariant()
    def no_day_owes_more_than_it_has(self) -> None:
        if hasattr(self, "book"):
            for day in {day for day, _, _ in self.book.carries}:
                owed = sum(part for carried, part, _ in self.book.carries if carried == day)
                assert owed <= self.limit + 1e-4

    @invariant()
    def what_a_day_gave_beyond_its_limit_is_owed_by_others(self) -> None:
        """However the clock was set: every day stands for its allowance once, and what was taken beyond it
        (but for what an operator took back afterwards) has been carried away."""
        if not hasattr(self, "book"):
            return
        for day in {job.day for job in self.book.jobs}:
            use = self.book.standing(day, self.now).use
            carried_away = sum(part for _, part, job in self.book.carries if job.day == day)
            allowed = self.limit + use.granted + carried_away + self.taken.get(day, 0.0)
            assert use.settled + use.reserved <= allowed + 1e-4


class Rolling(Accounting):
    """The same for the last 24 hours; what a day owes cannot be told there."""

    window = Window.ROLLING

    @invariant()
    def what_a_day_gave_beyond_its_limit_is_owed_by_others(self) -> None:
        pass


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestRolling = Rolling.TestCase
TestRolling.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def greedy(book: Book, hours: list[float], start: int) -> float:
    """What somebody gets who asks for whatever fits, at each of these hours; jobs take what they reserved."""
    for hour in hours:
        at = start + round(hour * HOUR)
        left = left_seconds(book.standing(quota_day(at, book.zone), at))
        for job in book.submit(at, left or 1.0, 1):
            book.settle(job, at, job.reserved)
    return sum(job.settled or 0.0 for job in book.jobs)


def test_setting_the_clock_back_over_midnight_gives_no_day_twice() -> None:
    start = 1_714_078_800_000
    hours = [0.0, 12, 24, 12, 24, 0, 36, 12, 24]
    book = Book(Allowance(100), Window.DAY, "UTC")
    assert greedy(book, hours, start) == pytest.approx(100 * len({job.day for job in book.jobs}))


def test_setting_the_clock_back_gives_the_last_24_hours_nothing_new() -> None:
    book = Book(Allowance(100), Window.ROLLING, "UTC")
    assert greedy(book, [0, 5, -5, -40, 3], 1_714_078_800_000) == 100


def test_the_rolling_window_gives_the_limit_once_in_any_24_hours() -> None:
    book = Book(Allowance(100), Window.ROLLING, "Africa/Cairo")
    greedy(book, [n / 2 for n in range(200)], 1_714_078_800_000)
    for first in book.jobs:
        within = [job for job in book.jobs if first.at <= job.at < first.at + DAY]
        assert sum(job.settled or 0.0 for job in within) <= 100 + 1e-6
    assert sum(job.settled or 0.0 for job in book.jobs) == pytest.approx(500)


def test_one_huge_job_is_paid_for_by_as_many_days_as_it_takes() -> None:
    start = 1_714_078_800_000
    book = Book(Allowance(100), Window.DAY, "UTC")
    [job] = book.submit(start, 30, 1)
    assert book.settle(job, start, 450) == 350
    days = []
    for day in range(1, 7):
        at = start + day * DAY
        days.append(left_seconds(book.standing(quota_day(at, "UTC"), at)))
    assert days == [0, 0, 0, 50, 100, 100]


def test_a_limit_that_changes_holds_from_then_on() -> None:
    book = Book(Allowance(100), Window.DAY, "UTC")
    assert len(book.submit(0, 50, 2)) == 2
    book.allowance = replace(book.allowance, gpu_seconds=60)
    assert book.submit(0, 1, 1) == []
    book.allowance = replace(book.allowance, gpu_seconds=None)
    assert len(book.submit(0, 1e9, 1)) == 1
