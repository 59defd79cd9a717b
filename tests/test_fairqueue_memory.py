"""The fair queue by example: places in line, and what is remembered."""

from __future__ import annotations

import random
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.fairqueue import FairQueue, Place
from bot.domain.ids import ServerName, UserId
from tests.fairness import GPU, Task, What, simulate
from tests.fairness_line import Line, drain

SPARE = ServerName("spare")


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
    before = visit(500)
    assert visit(2000) - before < 20_000
    tracemalloc.stop()


def test_virtual_time_stays_when_nobody_is_there_and_moves_on_later() -> None:
    line = Line(FairQueue(virtual_time=100.0, flows={UserId("ann"): 130.0, UserId("ben"): 90.0}))
    assert (line.queue.virtual_time, line.queue.lagging()) == (100.0, {"ann": 130.0})
    line.push("ann", 5.0, 5.0)
    line.push("ben", *[10.0] * 5)
    assert line.serve(4) == "bbba"
    assert line.queue.virtual_time == 130.0


def test_a_thousand_jobs_fit_in_a_megabyte() -> None:
    tracemalloc.start()
    line = Line()
    for number in range(20_000):
        line.push(f"user {number % 2_000}", 3.0, model="flux")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20e6


def test_a_job_that_fits_no_free_server_waits_while_others_go() -> None:
    tasks = [
        Task(0.0, "a", 10.0, servers=frozenset({GPU})),
        Task(0.0, "a", 10.0, servers=frozenset({GPU})),
        Task(0.0, "a", 10.0, servers=frozenset({GPU})),
        Task(0.0, "b", 1.0, servers=frozenset({SPARE})),
    ]
    history = simulate(FairQueue(), tasks)
    assert history.when(What.ENDED)[3] == 1.0
