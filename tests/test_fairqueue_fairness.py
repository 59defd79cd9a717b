"""What the fair queue promises, checked on simulated runs; and that other queues break these promises."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from bot.domain.fairqueue import FairQueue
from bot.domain.ids import ServerName
from tests.fairness import Fifo, History, Policy, RoundRobin, Task, Uncorrected, What, simulate
from tests.fairness_measures import (
    fluid_finishes,
    idle_while_waiting,
    longest_jobs,
    own_share_finishes,
    worst_gap,
)

ROUNDING = 1e-9
Crowd = tuple[dict[str, float], list[Task]]


@st.composite
def crowds(draw: st.DrawFn, *, models: str = "", servers: int = 1, right: bool = False) -> Crowd:
    """Users of different weights, lengths of jobs and habits, and what is wrongly believed of their jobs."""
    able = frozenset(ServerName(f"gpu{index}") for index in range(servers))
    chance = random.Random(draw(st.integers(0, 2**32), label="seed"))
    weights: dict[str, float] = {}
    tasks: list[Task] = []
    for user in draw(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True), label="users"):
        weights[user] = draw(st.sampled_from([1.0, 1.0, 2.0, 3.0, 0.5]), label="weight")
        scale = draw(st.sampled_from([1.0, 3.0, 12.0, 90.0]), label="scale")
        pause = draw(st.sampled_from([0.0, 0.0, 3.0, 30.0]), label="pause")
        at = 0.0
        for _ in range(draw(st.integers(1, 30), label="jobs")):
            at += pause * scale * chance.random() * (chance.random() < 0.3)
            took = scale * chance.choice([1.0, 1.0, chance.random()]) + 0.001
            guess = took if right else chance.choice([took, took / 100, took * 100, 30.0, 0.0])
            tasks.append(Task(at, user, took, guess, chance.choice(models or [""]), able))
    return weights, tasks


def is_fair(make: Callable[[], Policy], crowd: Crowd, *, servers: int = 1, slack: float = 0.0) -> bool:
    """The harness, for whatever queue: nobody idles a server, and no two users come too far apart."""
    weights, tasks = crowd
    history = simulate(make(), tasks, weights=weights, swap=5.0)
    assert len(history.when(What.ENDED)) == len(tasks)
    assert idle_while_waiting(history) is None
    return worst_gap(history, weights, servers=servers, slack=slack).part <= 1 + ROUNDING


examples = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@examples
@given(crowds())
def test_two_backlogged_users_never_come_far_apart(crowd: Crowd) -> None:
    assert is_fair(FairQueue, crowd)


@examples
@given(crowds(servers=3))
def test_nor_with_several_servers(crowd: Crowd) -> None:
    assert is_fair(FairQueue, crowd, servers=3)


@examples
@given(crowds(models="XYZ"))
def test_nor_when_loaded_models_are_preferred(crowd: Crowd) -> None:
    assert is_fair(lambda: FairQueue(affinity_slack=30.0), crowd, slack=30.0)


@pytest.mark.parametrize("unfair", [Fifo, RoundRobin, Uncorrected])
def test_other_queues_fail_the_same_harness(unfair: Callable[[], Policy]) -> None:
    """The negative control: a check that nothing can fail would prove nothing."""
    try:
        find(
            crowds(),
            lambda crowd: not is_fair(unfair, crowd),
            # That there is one will do: nobody reads it, so it need not be made small.
            settings=settings(max_examples=300, database=None, deadline=None, phases=[Phase.generate]),
        )
    except NoSuchExample:
        pytest.fail(f"{unfair.__name__} passes for fair")


ALWAYS = {"short": 3.0, "middle": 12.0, "long": 90.0}


def backlogged(guess: float, jobs: int = 300) -> list[Task]:
    return [Task(0.0, user, took, guess) for user, took in ALWAYS.items() for _ in range(jobs)]


@pytest.mark.parametrize("guess", [0.0, 0.3, 30.0, 3000.0])
@pytest.mark.parametrize("favoured", list(ALWAYS))
@pytest.mark.parametrize("learning", [True, False])
def test_long_jobs_buy_no_larger_share_whatever_is_believed_of_them(
    guess: float, favoured: str, learning: bool
) -> None:
    weights = {user: 3.0 if user == favoured else 1.0 for user in ALWAYS}
    history = simulate(FairQueue(), backlogged(guess), weights=weights, learning=learning)
    assert worst_gap(history, weights).part <= 1 + ROUNDING


@pytest.mark.parametrize("unfair", [Fifo, RoundRobin, Uncorrected])
def test_with_other_queues_they_do(unfair: Callable[[], Policy]) -> None:
    history = simulate(unfair(), backlogged(30.0))
    assert worst_gap(history, {}).part > 10


@examples
@given(crowds(right=True))
def test_everybody_has_at_least_their_own_share(crowd: Crowd) -> None:
    """No job ends later than if its user had their share for themselves, plus the others' jobs in flight."""
    weights, tasks = crowd
    for slots in (1, 2):
        history = simulate(FairQueue(), tasks, weights=weights, slots=slots)
        assert all(late <= slots * others + ROUNDING for late, others in lateness(history, weights))


def test_with_other_queues_a_crowd_delays_everybody() -> None:
    tasks = [Task(0.0, "much", 10.0)] * 100 + [Task(1.0, "little", 1.0)]
    late, others = lateness(simulate(Fifo(), tasks), {})[-1]
    assert late > 20 * others


def lateness(history: History, weights: Mapping[str, float]) -> list[tuple[float, float]]:
    """Of each job: seconds after its own share's finish; the others' longest jobs, added up."""
    longest = longest_jobs(history.tasks)
    total = sum(longest.values())
    ended = history.when(What.ENDED)
    ideal = own_share_finishes(history, weights)
    return [
        (ended[number] - ideal[number], total - longest[task.user])
        for number, task in enumerate(history.tasks)
    ]


def test_why_no_bound_is_claimed_against_processor_sharing() -> None:
    """The counterexample. Ideal sharing gives for nothing what nobody else wants at that moment. A real
    job cannot be stopped: whoever comes while it runs is owed as much, and is served first."""
    tasks = [
        Task(0.0, "early", 90.0),
        Task(89.0, "early", 1.0),
        *[Task(89.5, "late", 1.0)] * 100,
    ]
    history = simulate(FairQueue(), tasks, slots=1)
    assert fluid_finishes(tasks, {})[1] == pytest.approx(92.5)
    assert history.when(What.ENDED)[1] == pytest.approx(181.0)
    late, others = lateness(history, {})[1]
    assert late <= others == 1.0


def test_processor_sharing_shares_by_weight_and_gives_away_what_is_not_used() -> None:
    tasks = [Task(0.0, "a", 3.0), Task(0.0, "b", 3.0), Task(1.0, "c", 10.0)]
    assert fluid_finishes(tasks, {"a": 3.0}) == pytest.approx([4.75, 8.75, 16.0])
    assert fluid_finishes([Task(0.0, "a", 3.0), Task(0.0, "b", 3.0)], {"a": 3.0}) == pytest.approx([4.0, 6.0])
    assert fluid_finishes([Task(0.0, "a", 2.0), Task(1.0, "b", 2.0)], {}) == pytest.approx([3.0, 4.0])


# The newcomer

OWN = 7.0


@pytest.mark.parametrize("users", [1, 5])
@pytest.mark.parametrize("slack", [0.0, 30.0])
@pytest.mark.parametrize("at", [0.01, 5.0, 777.0, 1500.0])
def test_a_newcomer_waits_for_the_jobs_in_flight_alone(users: int, slack: float, at: float) -> None:
    tasks = heavy(users, models="XY")
    wait, bound = newcomers_wait(FairQueue(affinity_slack=slack), tasks, at, slack)
    assert wait <= bound + ROUNDING


@pytest.mark.parametrize("unfair", [Fifo, RoundRobin])
def test_with_other_queues_a_newcomer_waits_longer(unfair: Callable[[], Policy]) -> None:
    wait, bound = newcomers_wait(unfair(), heavy(5), 0.01, 0.0)
    assert wait > bound + 3 * 12.0


def heavy(users: int, *, models: str = "") -> list[Task]:
    return [
        Task(0.001 * user, f"heavy {user}", 12.0, 12.0, (models or [""])[user % max(1, len(models))])
        for user in range(users)
        for _ in range(200)
    ]


def newcomers_wait(queue: Policy, tasks: list[Task], at: float, slack: float) -> tuple[float, float]:
    """Seconds from the push to the end, and what is promised: the rest of the running job, the staged one,
    the own one, and the slack."""
    newcomer = Task(at, "newcomer", OWN, OWN)
    number = sum(task.at <= at for task in tasks)
    history = simulate(
        queue,
        [*tasks, newcomer],
        until=lambda event: event.what is What.ENDED and event.job == number,
    )
    assert history.tasks[number] is newcomer
    began, ended = history.when(What.BEGUN), history.when(What.ENDED)
    sent = history.when(What.DISPATCHED)
    in_flight = [job for job, when in sent.items() if when <= at and ended[job] > at]
    left = sum(ended[job] - max(at, began[job]) for job in in_flight)
    return ended[number] - at, left + OWN + slack
