"""The outgoing scheduler against platforms with limits, in simulated time.

The first tests are the measured table of what happens without one: every event sent as it comes, and the
final state shown 90 seconds late, or never.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.throttle import (
    Gone,
    Importance,
    Outbox,
    Policy,
    Refusal,
    Route,
    Send,
    Transient,
    discord_policy,
    telegram_policy,
)
from bot.presentation.card_words import about_so_many
from tests.throttle_world import World, jitter

RESULT, ANSWER, RUNNING, WAITING = Importance
DISCORD = {"token": (5, 5.0), "channel": (5, 5.0), "old": (3, 6.0)}
TELEGRAM = {"private": (1, 1.0), "group": (20, 60.0)}


def burst(world: World, route: Route, events: int = 100, seconds: float = 10.0) -> None:
    for number in range(events):
        world.at(number * seconds / events, lambda n=number: world.show("m", route, n, RUNNING))
    world.at(seconds, lambda: world.show("m", route, "done", RESULT))


@pytest.mark.parametrize(
    ("policy", "limits", "kind", "most_calls"),
    [
        (discord_policy(1.5), DISCORD, "token", 9),
        (discord_policy(), DISCORD, "channel", 9),
        (telegram_policy(1.5), {"private": (3, 3.0)}, "private", 9),
        (telegram_policy(), TELEGRAM, "group", 5),
    ],
)
def test_a_hundred_events_and_the_end_of_them_at_once(
    policy: Policy, limits: dict[str, tuple[int, float]], kind: str, most_calls: int
) -> None:
    world = World(Outbox(policy), limits)
    burst(world, Route(kind, "here"))
    world.run(10.5)
    assert world.shown["m"] == "done"
    assert world.oldest(RESULT) <= 0.5
    assert len(world.calls) <= most_calls
    assert world.refused == 0


def test_negative_control_in_order_the_end_comes_late() -> None:
    """What the table says of a plain queue: the same limits, the same events, nothing left out."""
    world = World(Outbox(discord_policy()), DISCORD)
    route = Route("channel", "here")
    for number in range(100):
        # A message of its own for each event: nothing can be left out.
        world.at(number / 10, lambda n=number: world.show(f"m{n}", route, n, RUNNING))
    world.at(10.0, lambda: world.show("m100", route, "done", RUNNING))
    world.run(60.0)
    assert "m100" not in world.shown


def test_a_private_chat_that_is_stricter_than_we_think_is_obeyed() -> None:
    world = World(Outbox(telegram_policy(1.5)), {"private": (1, 2.5)})
    burst(world, Route("private", "here"))
    world.run(14.0)
    assert world.shown["m"] == "done"
    assert world.refused <= 5


def live(
    world: World,
    route: Route,
    *,
    jobs: int,
    seconds: float,
    until: float,
    rounded: bool,
    servers: int = 1,
) -> None:
    """``jobs`` in one place all the time: some run, the others wait; whoever is done is followed by another.
    Every card has something new every second, but for places, which change when a job is done. The first
    words to each are an answer."""
    met: set[str] = set()
    line = [f"j{number}" for number in range(jobs)]
    began: dict[str, float] = {}
    fresh = iter(range(jobs, 100_000))

    def tick() -> None:
        for job in list(line[:servers]):
            if world.now - began.setdefault(job, world.now) >= seconds:
                line.remove(job)
                world.show(job, route, ("done", job), RESULT)
                line.append(f"j{next(fresh)}")
        for number, job in enumerate(line):
            if number < servers:
                done = world.now - began.setdefault(job, world.now)
                state, importance = ("runs", round(20 * done / seconds, 3)), RUNNING
            else:
                place = about_so_many(number)
                state, importance = ("waits", place if rounded else world.now), WAITING
            world.show(job, route, state, importance if job in met else ANSWER)
            met.add(job)
        if world.now < until:
            world.at(world.now + 1.0, tick)

    world.at(0.0, tick)


@pytest.mark.parametrize("seconds", [12.0, 20.0, 45.0])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_twenty_live_jobs_in_one_channel(seconds: float, seed: int) -> None:
    """Results within a second of their being there, running cards at most 4 s old, waiting ones 30 s."""
    world = World(Outbox(discord_policy()), DISCORD, jitter(seed, 0.02, 0.15))
    live(world, Route("channel", "c"), jobs=20, seconds=seconds, until=400.0, rounded=True)
    world.run(100.0)
    world.ages.clear()  # that everybody asks in the same moment
    world.run(400.0)
    assert world.refused == 0
    assert len(world.ages[RESULT]) >= 5
    assert world.oldest(RESULT) <= 1.0
    assert world.oldest(RUNNING) <= 4.0
    assert world.oldest(WAITING) <= 30.0


@given(seed=st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_even_if_every_card_changes_every_second(seed: int) -> None:
    """More than fits into five calls in five seconds: waiting cards give way, but none is forgotten."""
    world = World(Outbox(discord_policy()), DISCORD, jitter(seed, 0.02, 0.15))
    live(world, Route("channel", "c"), jobs=20, seconds=12.0, until=400.0, rounded=False)
    world.run(400.0)
    assert world.refused == 0
    assert world.oldest(RESULT) <= 1.0
    assert world.oldest(RUNNING) <= 4.0
    assert world.oldest(WAITING) <= 45.0
    assert max((age for _, importance, age in world.outbox.stale(400.0) if importance is WAITING)) <= 45.0


def test_twenty_tokens_do_not_wait_for_each_other() -> None:
    world = World(Outbox(discord_policy()), DISCORD, jitter(1, 0.02, 0.15))
    for number in range(20):
        route = Route("token", str(number))
        for tick in range(300):
            world.at(
                tick * 0.2,
                lambda r=route, n=number, t=tick: world.show(f"m{n}", r, t, RUNNING if n < 3 else WAITING),
            )
        world.at(60.0, lambda r=route, n=number: world.show(f"m{n}", r, "done", RESULT))
    world.run(70.0)
    assert world.refused == 0
    assert world.oldest(RUNNING) <= 4.0
    assert world.oldest(RESULT) <= 1.0


@pytest.mark.parametrize(("seconds", "servers"), [(10.0, 1), (40.0, 1), (60.0, 2), (180.0, 2)])
def test_fifteen_live_jobs_in_one_group(seconds: float, servers: int) -> None:
    """20 messages a minute, of which six are kept for results; running cards at most 15 s old."""
    world = World(Outbox(telegram_policy()), TELEGRAM, jitter(7))
    live(world, Route("group", "g"), jobs=15, seconds=seconds, until=1500.0, rounded=False, servers=servers)
    world.run(1500.0)
    assert world.refused == 0
    assert world.oldest(RESULT) <= 1.0
    assert world.oldest(RUNNING) <= 15.0
    assert world.oldest(WAITING) <= 300.0
    for start, _, _ in world.calls:
        minute = [i for at, _, i in world.calls if start <= at < start + 60.0]
        assert len(minute) <= 20
        assert sum(importance is not RESULT for importance in minute) <= 14


def test_who_asks_alone_in_a_busy_group_is_answered_soon() -> None:
    world = World(Outbox(telegram_policy()), TELEGRAM, jitter(7))
    live(world, Route("group", "g"), jobs=15, seconds=40.0, until=900.0, rounded=False)
    world.run(150.0)
    world.ages.clear()  # that everybody asks in the same moment
    world.run(900.0)
    assert len(world.ages[ANSWER]) >= 15
    assert world.oldest(ANSWER) <= 5.0


def test_a_thousand_private_chats() -> None:
    """Everybody is answered within a minute, thirty messages a second overall."""
    world = World(Outbox(telegram_policy()), {"private": (3, 3.0)}, jitter(3, 0.02, 0.1))
    numbers = random.Random(5)
    for number in range(1000):
        route = Route("private", str(number))
        at = numbers.uniform(0.0, 10.0)
        world.at(at, lambda n=number, r=route: world.show(f"m{n}", r, "accepted", ANSWER))
        for tick in range(1, 12):
            world.at(at + 5 * tick, lambda n=number, r=route, t=tick: world.show(f"m{n}", r, t, WAITING))
    for number in range(0, 1000, 10):
        world.at(
            20.0 + number / 50, lambda n=number: world.show(f"m{n}", Route("private", str(n)), "d", RESULT)
        )
    world.run(62.0)
    assert world.oldest(ANSWER) <= 60.0
    assert len(world.shown) == 1000
    assert world.oldest(RESULT) <= 1.0
    per_second = Counter(int(at) for at, _, _ in world.calls)
    assert max(per_second.values()) <= 2 * 28
    starts = sorted(at for at, _, _ in world.calls)
    assert all(later - starts[i] >= 1.0 for i, later in enumerate(starts[28:]))


@given(seed=st.integers(0, 2**32), share=st.floats(0.0, 0.6))
@settings(max_examples=15, deadline=None)
def test_results_arrive_whatever_fails(seed: int, share: float) -> None:
    """Faults of the platform, lost answers, limits that we did not know of."""
    numbers = random.Random(seed)

    def fault(_send: Send[str, object], now: float) -> Refusal | None:
        return Transient() if now < 60.0 and numbers.random() < share else None

    world = World(Outbox(discord_policy()), {"channel": (3, 5.0)}, jitter(seed, 0.05, 1.0), fault=fault)
    for number in range(8):
        route = Route("channel", str(number % 2))
        for tick in range(40):
            world.at(tick * 0.7, lambda r=route, n=number, t=tick: world.show(f"m{n}", r, t, RUNNING))
        world.at(30.0, lambda r=route, n=number: world.show(f"m{n}", r, "done", RESULT))
    world.run(300.0)
    assert [world.shown[f"m{number}"] for number in range(8)] == ["done"] * 8
    assert len(world.outbox) == 0


def test_a_deleted_message_is_not_asked_for_again() -> None:
    world = World(
        Outbox(discord_policy()),
        DISCORD,
        fault=lambda send, now: Gone() if send.key == "m" and now > 3.0 else None,
    )
    burst(world, Route("token", "here"))
    world.run(5.0)
    calls = len(world.calls)
    assert "m" not in {key for key, _, _ in world.outbox.stale(5.0)} or calls
    world.run(30.0)
    late = [at for at, _, _ in world.calls if at > 3.0]
    # Whoever goes on showing what is gone is told so again: the adapter has to stop.
    assert len(late) <= 6
