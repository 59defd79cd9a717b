"""The fair queue by example: ties, the loaded model, several servers."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.fairqueue import FairQueue, Place
from bot.domain.ids import ServerName, UserId
from tests.fairness import GPU
from tests.fairness_line import ONE, Line

SPARE = ServerName("spare")
BOTH = frozenset({GPU, SPARE})


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
