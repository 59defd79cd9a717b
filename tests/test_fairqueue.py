"""The fair queue by example: turns, charges, affinity, ties, places, what is remembered."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from bot.domain.fair_accounts import SMALL_BACKLOG
from bot.domain.fairqueue import FairQueue, Place, Waiting
from bot.domain.ids import JobId, ServerName, UserId
from tests.fairness import Task, What, simulate

GPU = ServerName("gpu")
SPARE = ServerName("spare")
ONE = frozenset({GPU})
BOTH = frozenset({GPU, SPARE})


class Line:
    """A queue that numbers what is pushed."""

    def __init__(self, queue: FairQueue | None = None, *, order: int = 0) -> None:
        self.queue = FairQueue() if queue is None else queue
        self.order = order

    def push(
        self,
        user: str,
        *estimates: float,
        model: str = "",
        weight: float = 1.0,
        servers: frozenset[ServerName] = ONE,
    ) -> list[JobId]:
        jobs = []
        for estimate in estimates:
            self.order += 1
            job = JobId(f"{user}-{self.order}")
            self.queue.push(Waiting(job, UserId(user), self.order, model, servers, estimate), weight=weight)
            jobs.append(job)
        return jobs

    def pop(self, server: ServerName = GPU, *, loaded: str | None = None) -> str | None:
        """The user whose job goes."""
        item = self.queue.pop(server, loaded=loaded)
        return None if item is None else str(item.flow)

    def serve(self, count: int, seconds: float | None = None, *, loaded: str | None = None) -> str:
        """The initials of the users of the next jobs, each finished before the next is given. ``loaded``: at
        the beginning."""
        users = ""
        for _ in range(count):
            item = self.queue.pop(GPU, loaded=loaded)
            if item is None:
                return users
            users += item.flow[0]
            loaded = loaded and item.model
            self.queue.finish(item.job, item.estimate if seconds is None else seconds)
        return users


def drain(queue: FairQueue, servers: Iterable[ServerName] = (GPU,)) -> list[JobId]:
    gone = []
    while True:
        items = [item for server in servers if (item := queue.pop(server))]
        if not items:
            return gone
        for item in items:
            gone.append(item.job)
            queue.finish(item.job, item.estimate)


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


# Equal virtual times


def test_somebody_new_with_little_goes_before_others_at_equal_virtual_time() -> None:
    line = Line()
    line.push("ann", *[10.0] * 5)
    line.push("ben", *[10.0] * 5)
    line.push("cleo", *[10.0] * 4)
    line.push("dan", 10.0)
    assert line.serve(4) == "cdab"


def test_endless_newcomers_starve_nobody() -> None:
    """Jobs that cost nothing: virtual time stands still and every turn is a tie."""
    line = Line()
    line.push("patient", *[0.0] * 20)
    served = ""
    for number in range(1000):
        if line.queue.backlogged < 2:
            line.push(f"new {number}", 0.0)
        served += line.serve(1)
    waits = served.split("p")
    assert max(map(len, waits)) <= 66
    assert min(map(len, waits[1:-1])) >= 60, "newcomers go first"


# Affinity


def two_models(slack: float) -> Line:
    line = Line(FairQueue(affinity_slack=slack))
    line.push("ann", *[4.0] * 50, model="flux")
    line.push("ben", *[4.0] * 50, model="sdxl")
    return line


def test_without_slack_the_loaded_model_does_not_matter() -> None:
    assert two_models(0.0).serve(6, loaded="flux") == "ababab"


def test_jobs_of_the_loaded_model_go_first_for_as_long_as_the_slack() -> None:
    assert two_models(12.0).serve(15, loaded="flux") == "aaa" + "b" * 6 + "a" * 6


def test_slack_is_used_up_by_what_was_measured() -> None:
    line = Line(FairQueue(affinity_slack=12.0))
    line.push("ann", *[4.0] * 4, model="flux", weight=4.0)
    line.push("ben", 4.0, model="sdxl")
    assert line.serve(1) == "a"
    item = line.queue.pop(GPU, loaded="flux")
    assert item is not None
    assert item.flow == "ann"
    assert line.queue.head(GPU, "flux") != line.queue.head(GPU)
    line.queue.finish(item.job, 11.0)
    assert line.queue.head(GPU, "flux") == line.queue.head(GPU)
    assert line.pop(loaded="flux") == "ben"


def test_heads_alone_count_for_affinity() -> None:
    line = Line(FairQueue(affinity_slack=100.0))
    line.push("ann", 4.0, model="flux")
    line.push("ben", 4.0, model="flux")
    line.push("ben", 4.0, model="sdxl")
    assert line.serve(1, loaded="sdxl") == "a"


def test_a_job_that_needs_no_model_is_not_passed_over() -> None:
    line = Line(FairQueue(affinity_slack=100.0))
    line.push("ann", 4.0)
    line.push("ben", 4.0, model="sdxl")
    assert line.serve(1, loaded="sdxl") == "a"


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 9), st.sampled_from("XYZ")), min_size=10),
    st.sampled_from([5.0, 20.0, 60.0]),
)
def test_nobody_is_passed_over_for_longer_than_the_slack(
    jobs: list[tuple[str, int, str]], slack: float
) -> None:
    """By the account of whoever's turn it is without affinity."""
    line = Line(FairQueue(affinity_slack=slack))
    for user, estimate, model in jobs:
        line.push(user, float(estimate), model=model)
    passed: dict[str, float] = {}
    loaded = "X"
    while (turn := line.queue.head(GPU)) is not None:
        item = line.queue.pop(GPU, loaded=loaded)
        assert item is not None
        if item != turn:
            passed[turn.flow] = passed.get(turn.flow, 0.0) + item.estimate
            assert passed[turn.flow] <= slack
            assert item.model == loaded
        passed.pop(item.flow, None)
        loaded = item.model
        line.queue.finish(item.job, item.estimate)


# Several servers


def test_a_server_takes_the_oldest_job_that_it_can_run() -> None:
    line = Line()
    first, second = line.push("ann", 5.0, servers=ONE) + line.push("ann", 5.0, servers=BOTH)
    item = line.queue.pop(SPARE)
    assert item is not None
    assert item.job == second
    assert line.queue.pop(SPARE) is None
    assert line.queue.pop(ServerName("unheard of")) is None
    assert [each.job for each in line.queue.waiting_of(UserId("ann"))] == [first]


def test_jobs_for_a_dead_server_hold_nothing_up_elsewhere() -> None:
    """Whoever waits for it must not keep virtual time down: newcomers would go before others for hours."""
    line = Line()
    line.push("stuck", 5.0, servers=frozenset({SPARE}))
    line.push("ann", *[5.0] * 200)
    line.serve(100)
    line.push("ben", *[5.0] * 50)
    assert line.serve(10).count("a") >= 4


def test_other_lanes_when_a_server_is_taken_out() -> None:
    line = Line()
    (job,) = line.push("ann", 5.0, servers=frozenset({SPARE}))
    assert line.pop(GPU) is None
    line.queue.relane(job, BOTH)
    assert line.queue.place(job) == Place(0, 0.0, 0, swap=False)
    assert line.pop(GPU) == "ann"
    assert line.pop(SPARE) is None


def test_a_job_that_no_server_can_run_waits() -> None:
    line = Line()
    (job,) = line.push("ann", 5.0, servers=frozenset())
    assert job in line.queue
    assert line.queue.backlogged == 1
    assert line.queue.place(job).before == 0
    assert line.queue.upcoming(5) == ()
    line.queue.relane(job, ONE)
    assert line.pop() == "ann"


def test_a_head_that_may_not_go_bars_its_flow_this_time() -> None:
    line = Line()
    line.push("ann", 1.0, 1.0)
    line.push("ben", 1.0)
    barred = line.queue.head(GPU)
    item = line.queue.pop(GPU, may=lambda each: each != barred)
    assert item is not None
    assert item.flow == "ben"
    assert line.queue.pop(GPU, may=lambda each: each != barred) is None
    assert line.serve(3) == "aa"


# Places


def test_a_place_is_what_goes_before() -> None:
    line = Line()
    line.push("ann", *[3.0] * 200)
    (job,) = line.push("ben", 3.0)
    assert line.queue.place(job) == Place(0, 0.0, 0, swap=False)
    last = line.queue.waiting_of(UserId("ann"))[-1].job
    assert line.queue.place(last) == Place(200, 600.0, 2, swap=False)


def test_a_place_tells_of_a_swap() -> None:
    line = Line()
    flux, sdxl = line.push("ann", 3.0, model="flux") + line.push("ben", 3.0, model="sdxl")
    (plain,) = line.push("cleo", 3.0)
    assert line.queue.place(flux).swap
    assert not line.queue.place(plain).swap
    line.pop()
    assert line.queue.place(sdxl if sdxl in line.queue else flux).swap
    (more,) = line.push("dan", 3.0, model="flux" if flux not in line.queue else "sdxl")
    assert not line.queue.place(more).swap


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.sampled_from([2.0, 5.0, 10.0]), st.sampled_from([1.0, 2.0])),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 10),
)
def test_places_come_true_when_estimates_do(users: list[tuple[int, float, float]], served: int) -> None:
    """Within one job of each other user, who may be at the same virtual time."""
    line = Line()
    for number, (count, estimate, weight) in enumerate(users):
        line.push(f"{number}", *[estimate] * count, weight=weight)
    line.serve(served)
    jobs = [item for number in range(len(users)) for item in line.queue.waiting_of(UserId(f"{number}"))]
    places = {item.job: line.queue.place(item.job) for item in jobs}
    expected = [item.job for item in line.queue.upcoming(len(jobs))]
    order = drain(line.queue)
    assert sorted(order) == sorted(expected)
    for index, job in enumerate(order):
        assert abs(places[job].before - index) <= len(users) - 1
        assert abs(expected.index(job) - index) <= len(users) - 1


# What is remembered


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0.1, 20.0)), min_size=1, max_size=30),
    st.integers(0, 30),
)
def test_a_restart_changes_nobodys_turn(jobs: list[tuple[str, float]], served: int) -> None:
    line = Line()
    for user, estimate in jobs:
        line.push(user, estimate)
    line.serve(served)
    old = line.queue
    new = FairQueue(virtual_time=old.virtual_time, flows=old.lagging())
    waiting = [item for user in "abcd" for item in old.waiting_of(UserId(user))]
    random.Random(served).shuffle(waiting)
    for item in waiting:
        new.push(item, weight=1.0)
    assert (new.virtual_time, new.lagging()) == (old.virtual_time, old.lagging())
    assert turns(new) == turns(old)


def turns(queue: FairQueue) -> list[float]:
    """The virtual times at which jobs start: equal, even where equal flows have changed places."""
    starts = []
    while (item := queue.head(GPU)) is not None:
        starts.append(queue.lagging().get(item.flow, queue.virtual_time))
        queue.pop(GPU)
        queue.finish(item.job, item.estimate)
    return starts


def test_a_job_found_at_a_server_is_charged_like_one_that_was_sent() -> None:
    line = Line()
    line.push("ann", 10.0, 10.0)
    item = line.queue.pop(GPU)
    assert item is not None
    restored = Line(FairQueue(virtual_time=line.queue.virtual_time, flows=line.queue.lagging()), order=10)
    restored.queue.attach(item, GPU, weight=1.0)
    restored.push("ann", 10.0)
    restored.push("ben", *[4.0] * 5)
    assert [restored.pop() for _ in range(4)] == ["ben", "ben", "ben", "ann"]
    restored.queue.finish(item.job, 10.0)
    assert restored.queue.in_service.keys().isdisjoint({item.job})


def test_flows_that_are_not_ahead_are_forgotten() -> None:
    line = Line()
    for number in range(500):
        line.push(f"user {number}", 5.0)
        line.serve(1)
    line.push("ann", *[5.0] * 3)
    line.serve(3)
    assert len(line.queue.lagging()) <= 2
    assert len(line.queue._flows) <= 2


def test_what_has_left_leaves_nothing_behind() -> None:
    line = Line(FairQueue(affinity_slack=5.0))
    line.push("ann", 5.0)
    line.push("in debt", 5.0)
    line.serve(2)
    line.push("ann", 5.0)

    def visit(times: int) -> int:
        for number in range(times):
            for user in (f"visitor {number}", "in debt"):
                (job,) = line.push(user, 5.0, model="flux")
                line.queue.place(job)
                line.queue.remove(job)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    before = visit(1000)
    assert visit(5000) - before < 50_000
    tracemalloc.stop()


def test_virtual_time_stays_when_nobody_is_there_and_moves_on_later() -> None:
    line = Line(FairQueue(virtual_time=100.0, flows={UserId("ann"): 130.0, UserId("ben"): 90.0}))
    assert (line.queue.virtual_time, line.queue.lagging()) == (100.0, {"ann": 130.0})
    line.push("ann", 5.0, 5.0)
    line.push("ben", *[10.0] * 5)
    assert line.serve(4) == "bbba"
    assert line.queue.virtual_time == 130.0


def test_a_hundred_thousand_jobs_fit_in_a_hundred_megabytes() -> None:
    tracemalloc.start()
    line = Line()
    for number in range(100_000):
        line.push(f"user {number % 10_000}", 3.0, model="flux")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 100e6


def test_a_job_that_fits_no_free_server_waits_while_others_go() -> None:
    tasks = [
        Task(0.0, "a", 10.0, servers=frozenset({GPU})),
        Task(0.0, "a", 10.0, servers=frozenset({GPU})),
        Task(0.0, "a", 10.0, servers=frozenset({GPU})),
        Task(0.0, "b", 1.0, servers=frozenset({SPARE})),
    ]
    history = simulate(FairQueue(), tasks)
    assert history.when(What.ENDED)[3] == 1.0
