"""Two flows become one, or one becomes two: nobody earns or loses a turn by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import UserId
from tests.fairness import GPU
from tests.fairness_line import ONE, Line, drain

ANN, ALT, BEN = UserId("ann"), UserId("xann"), UserId("ben")


def link(queue: FairQueue, before: UserId, after: UserId) -> None:
    queue.level(after, before)
    for item in queue.waiting_of(before):
        queue.move(item.job, after, 1.0)


def test_linked_accounts_share_one_turn() -> None:
    line = Line()
    line.push(ANN, *[10.0] * 8)
    line.push(ALT, *[10.0] * 8)
    line.push(BEN, *[10.0] * 8)
    link(line.queue, ALT, ANN)
    served = line.serve(12)
    assert served.count("b") == 6, "half, not a third"


def test_what_either_had_counts_for_both() -> None:
    line = Line()
    line.push(BEN, *[10.0] * 30)
    line.push(ALT, *[10.0] * 5)
    assert line.serve(10).count("x") == 5
    line.push(ANN, *[10.0] * 5)
    (ahead,) = line.push(ALT, 40.0)
    while (item := line.queue.pop(GPU)) is not None and item.job != ahead:
        line.queue.finish(item.job, item.estimate)
    line.queue.finish(ahead, 40.0)
    line.push(ANN, *[10.0] * 5)
    link(line.queue, ALT, ANN)
    assert line.serve(4) == "bbbb", "ann waits until ben has had what her other account had"


def test_the_oldest_job_of_either_goes_first() -> None:
    line = Line()
    (first,) = line.push(ALT, 1.0)
    (second,) = line.push(ANN, 1.0)
    (third,) = line.push(ALT, 1.0)
    link(line.queue, ALT, ANN)
    assert drain(line.queue) == [first, second, third]


def test_a_job_that_comes_back_goes_where_its_person_is_now() -> None:
    line = Line()
    (job,) = line.push(ALT, 5.0)
    item = line.queue.pop(GPU)
    assert item is not None
    link(line.queue, ALT, ANN)
    moved = Waiting(job, ANN, item.order, item.model, ONE, item.estimate)
    line.queue.give_back(moved, 1.0)
    assert [each.job for each in line.queue.waiting_of(ANN)] == [job]
    assert not line.queue.waiting_of(ALT)
    assert drain(line.queue) == [job]


def test_a_lead_of_before_a_restart_is_linked_too() -> None:
    queue = FairQueue(virtual_time=10.0, flows={ALT: 200.0})
    queue.level(ANN, ALT)
    line = Line(queue)
    line.push(ANN, 1.0)
    line.push(BEN, *[10.0] * 5)
    assert line.serve(6) == "bbbbba"


jobs = st.lists(st.floats(0.5, 60.0), max_size=6)


@given(ann=jobs, alt=jobs, ben=jobs, before=st.integers(0, 8))
def test_nothing_is_lost_and_no_turn_is_gained(
    ann: list[float], alt: list[float], ben: list[float], before: int
) -> None:
    line = Line()
    everything = {*line.push(ANN, *ann), *line.push(ALT, *alt), *line.push(BEN, *ben)}
    for _ in range(before):
        if (item := line.queue.pop(GPU)) is not None:
            everything.discard(item.job)
            line.queue.finish(item.job, item.estimate)
    lead = max(line.queue.lagging().get(user, 0.0) for user in (ANN, ALT))
    link(line.queue, ALT, ANN)
    assert not line.queue.waiting_of(ALT)
    assert line.queue.lagging().get(ANN, 0.0) >= lead - 1e-6
    assert set(drain(line.queue)) == everything
    assert line.queue.backlogged == 0
