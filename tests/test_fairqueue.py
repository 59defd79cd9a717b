"""The fair queue by example: turns and charges, jobs that come back, are removed or refused."""

from __future__ import annotations

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from bot.domain.fair_accounts import SMALL_BACKLOG
from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, UserId
from tests.fairness import GPU
from tests.fairness_line import ONE, Line, drain

# Turns and charges


def test_users_take_turns_by_seconds_not_by_jobs() -> None:
    line = Line()
    line.push("ann", *[12.0] * 3)
    line.push("ben", *[3.0] * 12)
    assert line.serve(15) == "abbbbabbbbabbbb"


def test_weight_multiplies_a_share() -> None:
    line = Line()
    line.push("ann", *[5.0] * 9, weight=3.0)
    line.push("ben", *[5.0] * 3)
    served = line.serve(12)
    assert [served[start : start + 4].count("a") for start in (0, 4, 8)] == [3, 3, 3]


def test_what_was_measured_replaces_what_was_charged() -> None:
    line = Line()
    line.push("ann", *[1.0] * 5)
    line.push("ben", *[10.0] * 20)
    item = line.queue.pop(GPU)
    assert item is not None
    assert item.flow == "ann"
    line.queue.finish(item.job, 100.0)
    assert line.serve(11) == "b" * 10 + "a"


@pytest.mark.parametrize("seconds", [0.0, 50.0])
def test_a_charge_is_corrected_after_the_flow_has_fallen_idle(seconds: float) -> None:
    line = Line()
    line.push("ben", *[10.0] * 9)
    (job,) = line.push("ann", 10.0)
    assert [line.pop(), line.pop()] == ["ann", "ben"]
    line.queue.finish(job, seconds)
    line.push("ann", 10.0)
    assert line.serve(6).index("a") == (4 if seconds else 0)


def test_an_estimate_far_too_high_is_not_charged_again_once_one_was_measured() -> None:
    line = Line()
    line.push("ann", *[1000.0] * 20)
    line.push("ben", *[3.0] * 20)
    assert line.serve(1, 3.0) == "a"
    assert [line.pop() for _ in range(6)].count("ann") == 3


def test_a_new_weight_leaves_old_charges_alone() -> None:
    line = Line()
    (job, *_) = line.push("ann", 8.0, 8.0, weight=4.0)
    line.push("ben", 1.0, 1.0, 1.0)
    line.pop()
    line.queue.reweigh(UserId("ann"), 0.5)
    line.queue.finish(job, 8.0)
    assert line.queue.lagging() == {"ann": 2.0}
    assert line.serve(3) == "bba"


def test_the_fresher_estimate_is_charged() -> None:
    line = Line()
    line.push("ann", 1.0, 1.0)
    line.push("ben", 1.0, 1.0)
    asked = []

    def estimate(item: Waiting) -> float:
        asked.append(item.job)
        return 5.0

    item = line.queue.pop(GPU, estimate=estimate)
    assert item is not None
    assert asked == [item.job]
    assert line.queue.in_service[item.job].charge == 5.0
    assert line.queue.in_service[item.job].server == GPU


def test_idling_earns_nothing() -> None:
    line = Line()
    line.push("ann", 10.0)
    line.serve(1)
    line.push("ben", *[10.0] * 40)
    line.serve(20)
    line.push("ann", *[10.0] * 20)
    assert line.serve(10).count("a") <= 6


def test_debts_are_not_forgiven() -> None:
    line = Line()
    line.push("ann", 1.0)
    line.serve(1, 60.0)
    line.push("ann", *[10.0] * 3)
    line.push("ben", *[10.0] * 20)
    assert line.serve(9) == "bbbbbbaba"


# Place kept, removed, refused


def test_a_lost_job_waits_again_at_its_old_place() -> None:
    line = Line()
    jobs = line.push("ann", 5.0, 5.0, 5.0)
    item = line.queue.pop(GPU)
    assert item is not None
    assert item.job == jobs[0]
    assert item.job not in line.queue
    line.queue.give_back(item)
    assert [each.job for each in line.queue.waiting_of(UserId("ann"))] == jobs
    assert line.queue.head(GPU) == item
    assert line.queue.lagging() == {}
    assert not line.queue.in_service


def test_what_a_lost_attempt_has_used_is_kept() -> None:
    line = Line()
    line.push("ann", 5.0)
    line.push("ben", *[1.0] * 9)
    item = line.queue.pop(GPU)
    assert item is not None
    assert item.flow == "ann"
    line.queue.give_back(item, 3.0)
    assert line.serve(5) == "bbbab"


def test_a_job_is_in_the_queue_once() -> None:
    line = Line()
    line.push("ann", 5.0)
    (item,) = line.queue.waiting_of(UserId("ann"))
    with pytest.raises(ValueError, match="already"):
        line.queue.push(item, weight=1.0)
    line.queue.pop(GPU)
    with pytest.raises(ValueError, match="already"):
        line.queue.push(item, weight=1.0)
    with pytest.raises(ValueError, match="already"):
        line.queue.attach(item, GPU, weight=1.0)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_numbers_are_refused_and_change_nothing(value: float) -> None:
    line = Line()
    line.push("ann", 5.0)
    item = line.queue.pop(GPU)
    assert item is not None
    with pytest.raises(ValueError, match="seconds"):
        line.queue.finish(item.job, value)
    assert item.job in line.queue.in_service
    with pytest.raises(ValueError, match="seconds"):
        line.push("ben", value)
    with pytest.raises(ValueError, match="weight"):
        line.push("ben", 1.0, weight=value)
    with pytest.raises(ValueError, match="weight"):
        line.push("ben", 1.0, weight=0.0)
    assert len(line.queue) == 0
    assert line.pop() is None


def test_a_job_that_was_not_in_service_cannot_end() -> None:
    with pytest.raises(KeyError):
        FairQueue().finish(JobId("x-1"), 1.0)


jobs_of_others = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 20)), min_size=1, max_size=12)


@settings(deadline=None)
@given(before=jobs_of_others, served=st.integers(0, 6), held=st.integers(0, 6), user=st.sampled_from("abcx"))
def test_removal_leaves_no_trace(before: list[tuple[str, int]], served: int, held: int, user: str) -> None:
    """As if it had never come. Only who wakes after a service that it waited through may start elsewhere:
    virtual time has followed the flow that was there, and does not go back."""

    def run(*, with_it: bool) -> tuple[list[object], FairQueue]:
        line = Line()
        for name, estimate in before:
            line.push(name, float(estimate))
        gone: list[object] = [line.serve(served)]
        if held and len(line.queue.waiting_of(item.flow)) == SMALL_BACKLOG:
            reject()  # with one more, the flow does not go first among equals: that is no trace
        if with_it:
            line.queue.push(item, weight=1.0)
        for _ in range(held):
            following = line.queue.head(GPU)
            if following == item:
                reject()
            gone.append(following)
            line.serve(1)
        if with_it:
            assert line.queue.remove(item.job) == item
        return gone, line.queue

    item = Waiting(JobId("it"), UserId(user), 1000, "", ONE, 7.0)
    gone_with, with_it = run(with_it=True)
    gone_without, without = run(with_it=False)
    assert gone_with == gone_without
    if not held:
        assert (with_it.virtual_time, with_it.lagging()) == (without.virtual_time, without.lagging())
        with_it.push(item, weight=1.0)
        without.push(item, weight=1.0)
    assert drain(with_it) == drain(without)
