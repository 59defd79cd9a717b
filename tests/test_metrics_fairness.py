"""The one number about fairness: the formula's properties, and what it says of queues, fair or not."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fairness_index import Share, fairness, jain
from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, ServerName, UserId
from bot.service.shares import HOUR, PERIOD, Shares

AMOUNTS = st.lists(st.floats(0, 1e150), min_size=1, max_size=50)
GPU = ServerName("gpu")


@given(AMOUNTS)
def test_it_is_between_one_nth_and_one(given_to: list[float]) -> None:
    index = jain(given_to)
    if any(given_to):
        assert index is not None
        assert 1 / len(given_to) - 1e-9 <= index <= 1 + 1e-9
    else:
        assert index is None


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=50), st.floats(1e-6, 1e6))
def test_it_does_not_depend_on_the_unit_nor_on_the_order(given_to: list[float], unit: float) -> None:
    index = jain(given_to)
    assert index == pytest.approx(jain([each * unit for each in reversed(given_to)]))


@given(st.integers(1, 40), st.integers(0, 40), st.floats(1e-6, 1e9))
def test_when_some_get_all_alike_and_others_nothing_it_is_their_share(
    some: int, none: int, each: float
) -> None:
    assert jain([each] * some + [0.0] * none) == pytest.approx(some / (some + none))


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=20), st.data())
def test_giving_from_who_has_more_to_who_has_less_raises_it(
    given_to: list[float], data: st.DataObject
) -> None:
    rich, poor = max(given_to), min(given_to)
    part = data.draw(st.floats(0, (rich - poor) / 2))
    others = sorted(given_to)[1:-1]
    before, after = jain(given_to), jain([*others, rich - part, poor + part])
    if before is not None:
        assert after is not None
        assert after >= before - 1e-9


def test_the_report_s_own_example() -> None:
    """20 dollars to 20 of 100 people, and nothing to the others: fair to 20 %."""
    assert jain([1.0] * 20 + [0.0] * 80) == pytest.approx(0.2)


@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=20))
def test_whoever_gets_what_is_due_is_treated_fairly_however_unequal(weights: list[float]) -> None:
    total = sum(weights)
    shares = [Share(received=3600 * weight / total, due=3600 * weight / total) for weight in weights]
    assert fairness(shares) == pytest.approx(1.0)


def test_whoever_is_due_less_than_one_job_is_not_judged() -> None:
    lucky = Share(received=30.0, due=2.0)
    assert fairness([Share(100.0, 100.0), Share(100.0, 100.0), lucky], least=30.0) == pytest.approx(1.0)
    assert fairness([Share(100.0, 100.0), lucky], least=30.0) is None
    assert fairness([]) is None


class Simulation:
    """One server and users who always have more to paint: ``choose`` says whose turn it is."""

    def __init__(self, weights: dict[str, float], seconds: dict[str, float]) -> None:
        self.now = 0.0
        self.busy = 0.0
        self.weights = {UserId(user): weight for user, weight in weights.items()}
        self.seconds = seconds
        self.shares = Shares(lambda: self.now)

    def run(self, choose: Callable[[], UserId], done: Callable[[float], None], hours: float) -> None:
        self.shares.note(0.0, self.weights)
        end = self.now + hours * HOUR
        while self.now < end:
            user = choose()
            left = self.seconds[user]
            while left > 0:
                step = min(5.0, left)
                self.now, self.busy, left = self.now + step, self.busy + step, left - step
                self.shares.note(self.busy, self.weights)
            self.shares.received(user, self.seconds[user])
            done(self.seconds[user])


def fair_queue(simulation: Simulation) -> tuple[Callable[[], UserId], Callable[[float], None]]:
    queue, numbers = FairQueue(), itertools.count()
    running: list[Waiting] = []

    def push(user: UserId) -> None:
        number = next(numbers)
        item = Waiting(JobId(f"j{number}-1"), user, number, "", frozenset({GPU}), simulation.seconds[user])
        queue.push(item, weight=simulation.weights[user])

    for user in simulation.weights:
        push(user)
        push(user)

    def choose() -> UserId:
        item = queue.pop(GPU)
        assert item is not None
        running[:] = [item]
        assert queue.busy() == simulation.weights
        return item.flow

    def done(seconds: float) -> None:
        queue.finish(running[0].job, seconds)
        push(running[0].flow)

    return choose, done


USERS = {"a": 1.0, "b": 1.0, "c": 3.0, "d": 0.5}
SECONDS = {"a": 3.0, "b": 40.0, "c": 12.0, "d": 20.0}


def test_the_fair_queue_is_found_fair() -> None:
    simulation = Simulation(USERS, SECONDS)
    simulation.run(*fair_queue(simulation), hours=1.0)
    index = simulation.shares.index()
    assert index is not None
    assert index > 0.99


def test_taking_turns_by_jobs_is_not() -> None:
    """The same users, one job each in turn: who asks for long ones gets most. A measure that calls that fair
    would measure nothing."""
    simulation = Simulation(USERS, SECONDS)
    turns = itertools.cycle(simulation.weights)
    simulation.run(lambda: next(turns), lambda _: None, 1.0)
    index = simulation.shares.index()
    assert index is not None
    assert index < 0.6


def test_one_who_takes_everything_is_seen_and_forgotten_after_an_hour() -> None:
    simulation = Simulation({"a": 1.0, "b": 1.0}, {"a": 10.0, "b": 10.0})
    simulation.run(lambda: UserId("a"), lambda _: None, 1.0)
    assert simulation.shares.index() == pytest.approx(0.5, abs=0.01)
    simulation.run(*fair_queue(simulation), hours=(HOUR + PERIOD) / HOUR)
    index = simulation.shares.index()
    assert index is not None
    assert index > 0.99
    simulation.now += 2 * HOUR
    assert simulation.shares.index() is None


def test_nobody_has_to_share_with_nobody() -> None:
    simulation = Simulation({"a": 1.0}, {"a": 10.0})
    simulation.run(lambda: UserId("a"), lambda _: None, 0.5)
    assert simulation.shares.index() is None


def test_nothing_is_remembered_of_users_for_longer_than_an_hour() -> None:
    now = [0.0]
    shares = Shares(lambda: now[0])
    for step in range(400):
        now[0] += 60.0
        shares.received(UserId(f"user {step}"), 5.0)
        shares.note(5.0 * step, {UserId(f"user {step}"): 1.0})
    kept = [user for period in shares._periods for user in (*period.received, *period.due)]
    assert len(set(kept)) <= 61


def users(names: Sequence[str]) -> dict[UserId, float]:
    return {UserId(name): 1.0 for name in names}


def test_a_pause_in_which_nothing_is_painted_is_nobody_s_due() -> None:
    now = [0.0]
    shares = Shares(lambda: now[0])
    shares.note(0.0, users("ab"))
    shares.received(UserId("a"), 100.0)
    shares.received(UserId("b"), 100.0)
    shares.note(200.0, users("ab"))
    before = shares.index()
    now[0] += 600.0
    shares.note(200.0, users("abc"))  # c waits while the queue is paused
    assert shares.index() == before == pytest.approx(1.0)
