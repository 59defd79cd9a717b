"""The outgoing scheduler: what it promises one by one, and a model of it for everything at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.domain.throttle import (
    Gone,
    Importance,
    Outbox,
    Policy,
    RetryAfter,
    Route,
    Rules,
    Send,
    Transient,
    Wait,
    discord_policy,
    telegram_policy,
)
from bot.domain.throttle_budget import Budget, Window

RESULT, ANSWER, RUNNING, WAITING = Importance
HERE, THERE = Route("chat", "here"), Route("chat", "there")


def make(**rules: Any) -> Outbox[str, object]:
    chat = Rules(**{"calls": 5, "seconds": 5.0, "kept": 1, **rules})
    return Outbox(Policy({"chat": chat}, calls=100, kept=10))


def send(outbox: Outbox[str, object], now: float) -> Send[str, object]:
    command = outbox.next(now)
    assert isinstance(command, Send), command
    return command


def wait(outbox: Outbox[str, object], now: float) -> float | None:
    command = outbox.next(now)
    assert isinstance(command, Wait), command
    return command.seconds


def shown(outbox: Outbox[str, object], key: str, now: float) -> object:
    """Make the next call and have it work at once."""
    command = send(outbox, now)
    assert command.key == key
    outbox.sent(key, now)
    return command.state


def test_the_newest_state_wins() -> None:
    outbox = make()
    for number in range(10):
        outbox.show("a", HERE, number, RUNNING, 0.0)
    assert shown(outbox, "a", 0.0) == 9
    assert wait(outbox, 0.0) is None


def test_equal_states_are_dropped() -> None:
    outbox = make()
    outbox.show("a", HERE, "x", RUNNING, 0.0)
    assert shown(outbox, "a", 0.0) == "x"
    outbox.show("a", HERE, "x", RUNNING, 1.0)
    assert wait(outbox, 100.0) is None
    outbox.show("a", HERE, "y", RUNNING, 101.0)
    outbox.show("a", HERE, "x", RUNNING, 101.0)
    assert wait(outbox, 200.0) is None, "back where it was"


def test_one_call_at_a_time_for_each_message() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.show("a", HERE, 2, RESULT, 0.1)
    assert wait(outbox, 60.0) is None, "the first is still under way"
    outbox.sent("a", 60.0)
    assert shown(outbox, "a", 60.0) == 2


def test_a_result_skips_the_interval_and_the_pace() -> None:
    outbox = make(running_every=10.0)
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    shown(outbox, "a", 0.0)
    outbox.show("a", HERE, 2, RUNNING, 0.1)
    assert wait(outbox, 0.1) == pytest.approx(9.9)
    outbox.show("a", HERE, 3, RESULT, 0.2)
    assert shown(outbox, "a", 0.2) == 3
    assert len(outbox) == 0, "what is over is forgotten"


def test_importance_decides_then_age() -> None:
    outbox = make(calls=50, seconds=0.5)
    for key, importance in (("w", WAITING), ("r", RUNNING), ("a", ANSWER), ("d", RESULT), ("e", RESULT)):
        outbox.show(key, HERE, "state", importance, 0.0)
    order = []
    now = 0.0
    while len(order) < 5:
        command = outbox.next(now)
        if isinstance(command, Send):
            order.append(command.key)
            outbox.sent(command.key, now)
        else:
            assert command.seconds is not None
            now += command.seconds
    assert order == ["d", "e", "a", "r", "w"]


def test_progress_leaves_calls_for_results() -> None:
    outbox = make(calls=5, kept=2, running_every=0.0)
    now = 0.0
    for number in range(40):
        outbox.show(f"m{number}", HERE, "state", RUNNING, 0.0)
    while now < 20.0:
        command = outbox.next(now)
        if isinstance(command, Send):
            outbox.sent(command.key, now)
            continue
        assert command.seconds is not None
        outbox.show("result", HERE, now, RESULT, now)
        assert shown(outbox, "result", now) == now, "at once, whatever else wants to go"
        now += max(command.seconds, 2.5)


def test_what_results_use_of_their_own_is_not_taken_from_progress() -> None:
    budget = Budget(Rules(20, 60.0, kept=6, burst=13))
    for importance in [RESULT] * 6 + [ANSWER] * 13:
        assert budget.free_at(0.0, importance, 1) == 0.0
        budget.start(0.0, importance, 1)
        budget.end(0.0, importance, 1)
    assert budget.free_at(0.0, ANSWER, 1) == 0.0
    budget.start(0.0, ANSWER, 1)
    budget.end(0.0, ANSWER, 1)
    assert budget.free_at(0.0, ANSWER, 1) == 60.0
    assert budget.free_at(0.0, RESULT, 1) == 60.0, "beyond their share results wait as all do"


def test_progress_is_spread_evenly() -> None:
    outbox = make(calls=5, kept=1)
    for number in range(8):
        outbox.show(f"m{number}", HERE, "state", WAITING, 0.0)
    times, now = [], 0.0
    while len(times) < 8:
        command = outbox.next(now)
        if isinstance(command, Send):
            times.append(now)
            outbox.sent(command.key, now)
        else:
            now += command.seconds or 0.0
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == pytest.approx([1.25] * 7)


def test_answers_may_go_ahead_of_the_pace() -> None:
    outbox = make(calls=20, seconds=60.0, kept=6, burst=2)
    for number in range(4):
        outbox.show(f"m{number}", HERE, "state", ANSWER, 0.0)
    for _ in range(3):
        outbox.sent(send(outbox, 0.0).key, 0.0)
    assert wait(outbox, 0.0) == pytest.approx(5.0)


def test_a_running_card_does_not_starve_while_many_ask() -> None:
    outbox = make(calls=20, seconds=60.0, kept=6, burst=2, running_age=15.0)
    outbox.show("r", HERE, 0, RUNNING, 0.0)
    shown(outbox, "r", 0.0)
    outbox.show("r", HERE, 1, RUNNING, 1.0)
    for number in range(30):
        outbox.show(f"m{number}", HERE, "state", ANSWER, 1.0)
    now = 1.0
    while True:
        command = outbox.next(now)
        if isinstance(command, Send):
            outbox.sent(command.key, now)
            if command.key == "r":
                break
        else:
            now += command.seconds or 0.0
    assert now <= 16.0


def test_first_words_are_an_answer_whatever_they_say_by_then() -> None:
    outbox = make(calls=20, seconds=60.0, kept=6, burst=2)
    outbox.show("late", HERE, "accepted", ANSWER, 0.0)
    outbox.show("other", HERE, "accepted", ANSWER, 1.0)
    outbox.show("late", HERE, "place 3", WAITING, 2.0)
    outbox.show("late", HERE, "runs", RUNNING, 3.0)
    assert shown(outbox, "late", 4.0) == "runs"
    assert shown(outbox, "other", 4.0) == "accepted"
    outbox.show("late", HERE, "runs on", RUNNING, 5.0)
    outbox.show("third", HERE, "accepted", ANSWER, 6.0)
    assert shown(outbox, "third", 6.0) == "accepted", "who has had an answer waits for its turn"


def test_first_words_that_failed_are_still_owed() -> None:
    outbox = make(waiting_every=100.0)
    outbox.show("a", HERE, "accepted", ANSWER, 0.0)
    send(outbox, 0.0)
    outbox.show("a", HERE, "place 3", WAITING, 0.1)
    outbox.refused("a", Transient(), 0.2)
    command = send(outbox, 1.3)
    assert (command.state, command.importance) == ("place 3", ANSWER)
    outbox.sent("a", 1.3)
    outbox.show("a", HERE, "place 2", WAITING, 2.0)
    assert wait(outbox, 10.0) == pytest.approx(91.3)


def test_running_cards_take_turns_before_any_of_them_grows_too_old() -> None:
    outbox = make(calls=20, seconds=60.0, kept=6, burst=1, running_age=15.0, running_every=4.0)
    for key in ("r", "s"):
        outbox.show(key, HERE, 0, RUNNING, 0.0)
    seen = {"r": [0.0], "s": [0.0]}
    answers, now = 0, 0.0
    while now < 600.0:
        command = outbox.next(now)
        if isinstance(command, Send):
            outbox.sent(command.key, now)
            seen.get(command.key, []).append(now)
            answers += command.importance is ANSWER
            continue
        for key in seen:
            outbox.show(key, HERE, now, RUNNING, now)
        outbox.show(f"answer {now}", HERE, "accepted", ANSWER, now)
        now += min(command.seconds or 1.0, 1.0)
    assert max(later - before for times in seen.values() for before, later in pairwise(times)) <= 15.0
    assert answers >= 600 / 15


def test_a_second_running_card_makes_the_first_more_urgent() -> None:
    outbox = make(calls=20, seconds=60.0, kept=6, burst=2, running_age=30.0, running_every=4.0)
    for key in ("w", "r", "s"):
        outbox.show(key, HERE, 0, ANSWER, 0.0)
        shown(outbox, key, 0.0)
    outbox.show("w", HERE, 0, WAITING, 0.0)
    outbox.show("r", HERE, 1, RUNNING, 1.0)
    assert wait(outbox, 1.0) == pytest.approx(23.4)
    outbox.show("s", HERE, 1, RUNNING, 2.0)
    assert wait(outbox, 2.0) == pytest.approx(19.4), "s has its turn after it"


def test_retry_after_holds_the_route_and_the_newest_is_sent_then() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    outbox.show("b", THERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    send(outbox, 0.0)
    outbox.refused("a", RetryAfter(30.0), 1.0)
    outbox.sent("b", 1.0)
    outbox.show("a", HERE, 2, RESULT, 2.0)
    outbox.show("c", HERE, 1, RESULT, 2.0)
    outbox.show("b", THERE, 2, RESULT, 2.0)
    assert shown(outbox, "b", 2.0) == 2, "another chat is not concerned"
    assert wait(outbox, 2.0) == pytest.approx(29.0)
    assert {send(outbox, 31.0).key, send(outbox, 31.0).key} == {"a", "c"}


def test_retry_after_everywhere_holds_everything() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.refused("a", RetryAfter(30.0, everywhere=True), 1.0)
    outbox.show("b", THERE, 1, RESULT, 1.0)
    assert wait(outbox, 1.0) == pytest.approx(30.0)
    assert send(outbox, 31.0).key == "b"


def test_a_route_that_was_told_to_wait_is_used_more_carefully_for_a_while() -> None:
    budget = Budget(Rules(5, 5.0, kept=1))
    budget.start(0.0, RUNNING, 1)
    budget.end(0.0, RUNNING, 1)
    budget.refused(0.0, 1.0)
    budget.start(2.0, RUNNING, 1)
    assert budget.free_at(2.0, RUNNING, 1) - 2.0 == pytest.approx(1.25 * 1.5)
    budget.end(2.0, RUNNING, 1)
    now = 2.0
    for _ in range(20):
        now = budget.free_at(now, RUNNING, 1)
        budget.start(now, RUNNING, 1)
        budget.end(now, RUNNING, 1)
    assert budget.free_at(now, RUNNING, 1) - now == pytest.approx(1.25)


@pytest.mark.parametrize("importance", list(Importance))
def test_a_failure_is_tried_again_later_and_later(importance: Importance) -> None:
    outbox = make()
    outbox.show("a", HERE, 1, importance, 0.0)
    now, pauses = 0.0, []
    for _ in range(12):
        assert send(outbox, now).state == 1
        outbox.refused("a", Transient(), now)
        pause = wait(outbox, now)
        assert pause is not None
        pauses.append(pause)
        now += pause
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60.0
    assert shown(outbox, "a", now) == 1


def test_after_a_doubtful_call_nothing_is_taken_for_shown() -> None:
    outbox = make(running_every=0.0)
    outbox.show("a", HERE, "old", RUNNING, 0.0)
    shown(outbox, "a", 0.0)
    outbox.show("a", HERE, "new", RUNNING, 10.0)
    send(outbox, 10.0)
    outbox.refused("a", Transient(), 10.0)
    outbox.show("a", HERE, "old", RUNNING, 10.0)
    assert shown(outbox, "a", 20.0) == "old", "the new one may stand there"


def test_what_is_gone_is_forgotten() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.show("a", HERE, 2, RESULT, 0.0)
    outbox.refused("a", Gone(), 0.0)
    assert wait(outbox, 100.0) is None
    assert len(outbox) == 0


def test_a_result_is_not_replaced_by_progress() -> None:
    outbox = make()
    outbox.show("a", HERE, "done", RESULT, 0.0)
    outbox.show("a", HERE, "90 %", RUNNING, 0.0)
    assert shown(outbox, "a", 0.0) == "done"
    outbox.show("b", HERE, "done", RESULT, 0.0)
    send(outbox, 0.0)
    outbox.show("b", HERE, "90 %", RUNNING, 0.0)
    outbox.refused("b", Transient(), 0.0)
    assert shown(outbox, "b", 10.0) == "done"


def test_a_result_that_looks_like_what_is_under_way_must_not_fail_either() -> None:
    outbox = make()
    outbox.show("a", HERE, "x", RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.show("a", HERE, "x", RESULT, 0.0)
    outbox.refused("a", RetryAfter(1.0), 0.0)
    again = send(outbox, 1.0)
    assert (again.state, again.importance) == ("x", RESULT)
    outbox.sent("a", 1.0)
    assert len(outbox) == 0


def test_what_is_under_way_may_turn_out_to_be_the_result() -> None:
    outbox = make()
    outbox.show("a", HERE, "x", RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.show("a", HERE, "x", RESULT, 0.0)
    outbox.show("a", HERE, "y", RUNNING, 0.0)
    outbox.sent("a", 0.0)
    assert len(outbox) == 0


def test_a_message_may_change_its_route() -> None:
    """As Discord's replies do when their token dies."""
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.show("a", THERE, 2, RUNNING, 1.0)
    outbox.refused("a", RetryAfter(1000.0), 1.0)
    command = send(outbox, 10.0)
    assert (command.route, command.state) == (THERE, 2)


def test_what_nobody_wants_is_not_sent() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    outbox.forget("a")
    outbox.forget("never heard of")
    assert wait(outbox, 0.0) is None
    outbox.show("b", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.forget("b")
    assert len(outbox) == 1
    outbox.refused("b", Transient(), 1.0)
    assert len(outbox) == 0
    assert wait(outbox, 100.0) is None


def test_what_is_wanted_again_while_a_call_is_under_way() -> None:
    outbox = make(running_every=0.0)
    outbox.show("b", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.forget("b")
    outbox.show("b", THERE, 2, RUNNING, 0.5)
    outbox.sent("b", 1.0)
    assert shown(outbox, "b", 10.0) == 2


def test_answers_to_calls_that_were_not_made_are_bugs() -> None:
    outbox = make()
    with pytest.raises(KeyError):
        outbox.sent("a", 0.0)
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    with pytest.raises(KeyError):
        outbox.refused("a", Gone(), 0.0)


def test_albums_cost_what_they_hold() -> None:
    outbox = make(calls=20, seconds=60.0, kept=0)
    outbox.show("album", HERE, 1, RESULT, 0.0, cost=10)
    outbox.show("other", HERE, 1, RESULT, 0.0, cost=10)
    outbox.show("third", HERE, 1, RESULT, 0.0)
    outbox.sent(send(outbox, 0.0).key, 0.0)
    outbox.sent(send(outbox, 0.0).key, 1.0)
    assert wait(outbox, 1.0) == pytest.approx(59.0)


def test_more_than_the_whole_budget_goes_when_everything_is_free() -> None:
    outbox = make(calls=5, seconds=5.0)
    outbox.show("a", HERE, 1, RESULT, 0.0)
    shown(outbox, "a", 0.0)
    outbox.show("huge", HERE, 1, RESULT, 0.0, cost=100)
    assert wait(outbox, 0.0) == pytest.approx(5.0)
    assert send(outbox, 5.0).key == "huge"


def test_everything_together_keeps_to_the_bots_own_limit() -> None:
    chat = Rules(5, 5.0, kept=1)
    outbox: Outbox[int, str] = Outbox(Policy({"chat": chat}, calls=10, kept=4))
    for number in range(20):
        outbox.show(number, Route("chat", str(number)), "state", RUNNING, 0.0)
    count = 0
    while isinstance(command := outbox.next(0.0), Send):
        outbox.sent(command.key, 0.0)
        count += 1
    assert count == 6
    assert command.seconds == pytest.approx(1.0)
    for number in range(100, 105):
        outbox.show(number, Route("chat", str(number)), "state", RESULT, 0.5)
    results = 0
    while isinstance(command := outbox.next(0.5), Send):
        assert command.importance is RESULT
        results += 1
    assert results == 4


def test_the_more_wait_the_seldomer_each_is_changed() -> None:
    policy = Policy({"chat": Rules(5, 5.0, kept=1)}, calls=30, kept=10)
    outbox: Outbox[int, int] = Outbox(policy)
    for number in range(900):
        outbox.show(number, Route("chat", str(number)), 0, WAITING, 0.0)
    now = 0.0
    while now < 50.0:
        command = outbox.next(now)
        if isinstance(command, Send):
            outbox.sent(command.key, now)
        else:
            now += command.seconds or 60.0
    assert not list(outbox.stale(now))
    outbox.show(0, Route("chat", "0"), 1, WAITING, 50.0)
    assert outbox.next(50.0) == Wait(pytest.approx(10.0, abs=1.0)), "900 in a minute at half of 30 a second"


def test_what_is_over_leaves_nothing_behind() -> None:
    outbox = make()
    for number in range(1000):
        outbox.show(f"m{number}", Route("chat", str(number)), "x", WAITING, float(number))
        outbox.next(float(number))
        outbox.sent(f"m{number}", float(number))
        outbox.show(f"m{number}", Route("chat", str(number)), "y", RESULT, float(number))
        outbox.next(float(number))
        outbox.sent(f"m{number}", float(number))
    for tick in range(1000):
        outbox.next(2000.0 + tick)
    assert len(outbox) == 0
    assert not outbox._buckets
    assert not outbox._asleep
    assert not outbox._awake


def test_stale_says_how_far_behind_we_are() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 1.0)
    assert list(outbox.stale(3.0)) == [("a", RUNNING, 2.0)]
    send(outbox, 3.0)
    assert list(outbox.stale(4.0)) == [("a", RUNNING, 3.0)]
    outbox.sent("a", 4.0)
    assert list(outbox.stale(5.0)) == []
    assert outbox.shown("a") == 1
    assert outbox.shown("b") is None


def test_a_card_that_begins_to_run_is_not_overdue_for_having_waited() -> None:
    outbox = make(running_age=4.0)
    outbox.show("ran", HERE, 0, WAITING, 0.0)
    outbox.refused(send(outbox, 0.0).key, RetryAfter(20.0), 0.0)
    outbox.show("ran", HERE, 1, RUNNING, 20.0)
    outbox.show("asked", HERE, 1, ANSWER, 20.0)
    assert send(outbox, 20.0).key == "asked"


def test_a_route_is_remembered_for_as_long_as_its_budget_is_used() -> None:
    outbox = make(calls=5, seconds=5.0)
    for number in range(5):
        outbox.show(f"m{number}", HERE, "done", RESULT, 0.0)
        shown(outbox, f"m{number}", 0.0)
    for _ in range(10):
        assert wait(outbox, 1.0) is None
    outbox.show("sixth", HERE, "done", RESULT, 1.0)
    assert wait(outbox, 1.0) == pytest.approx(4.0)


def test_a_route_that_has_to_wait_is_remembered_without_any_message() -> None:
    outbox = make()
    outbox.show("a", HERE, 1, RUNNING, 0.0)
    send(outbox, 0.0)
    outbox.refused("a", RetryAfter(60.0), 0.0)
    outbox.forget("a")
    for _ in range(10):
        wait(outbox, 10.0)
    outbox.show("b", HERE, 1, RESULT, 10.0)
    assert wait(outbox, 10.0) == pytest.approx(50.0)


def test_the_longest_order_to_wait_counts() -> None:
    outbox = make()
    for key in "ab":
        outbox.show(key, HERE, 1, RESULT, 0.0)
        send(outbox, 0.0)
    outbox.refused("a", RetryAfter(30.0), 0.0)
    outbox.refused("b", RetryAfter(1.0), 0.0)
    assert wait(outbox, 0.0) == pytest.approx(30.0)


def test_progress_makes_room_where_no_calls_are_kept() -> None:
    outbox = make(calls=5, kept=0, result_wait=0.5)
    outbox.show("result", HERE, 1, RESULT, 0.0)
    outbox.show("progress", HERE, 1, RUNNING, 0.0)
    shown(outbox, "result", 0.0)
    assert wait(outbox, 0.0) == pytest.approx(4.5 / 4)


def test_budgets_without_anything_for_progress_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing of the budget"):
        Rules(5, 5.0, kept=4, burst=1)


@pytest.mark.parametrize("interval", [0.1, 2.0, 60.0])
def test_the_platforms_policies_hold_for_any_interval(interval: float) -> None:
    for policy in (discord_policy(interval), telegram_policy(interval)):
        for rules in policy.routes.values():
            assert rules.gap > 0
            assert rules.running_beside(1) >= rules.running_every
    assert discord_policy(0.1).routes["token"].running_every == 1.5
    assert telegram_policy(0.1).routes["group"].running_every == 4.0
    assert telegram_policy(60.0).routes["private"].running_every == 2.0


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2), st.integers(1, 3)), max_size=60))
def test_no_platform_sees_more_than_the_window_allows(calls: list[tuple[float, float, int]]) -> None:
    """Whenever between its beginning and its end a call arrives."""
    window = Window(5, 5.0)
    now, running, spans = 0.0, [], []
    for pause, latency, cost in calls:
        now += pause
        for done in sorted(end for end, _ in running if end <= now):
            entry = next(entry for entry in running if entry[0] == done)
            running.remove(entry)
            window.end(entry[1], done)
        if window.free_at(now, cost, 0) <= now:
            window.start(cost)
            running.append((now + latency, cost))
            spans.append((now, now + latency, cost))
    for start, _, _ in spans:
        # The latest that earlier calls can arrive, and the earliest for later ones.
        seen = sum(cost for begin, end, cost in spans if end + 5.0 > start and begin <= start)
        assert seen <= 5


STATES = st.integers(0, 3)
KEYS = st.sampled_from("abcdefg")
ROUTES = st.sampled_from([HERE, THERE])


class Machine(RuleBasedStateMachine):
    """Any events in any order; :meth:`teardown` has the platform work again, and everything must arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: Outbox[str, int] = Outbox(
            Policy({"chat": Rules(5, 5.0, kept=1, burst=1)}, calls=4, kept=1)
        )
        self.now = 0.0
        self.newest: dict[str, tuple[int, Importance]] = {}
        self.on_platform: dict[str, int] = {}
        self.flying: dict[str, Send[str, int]] = {}
        self.blocked: dict[Route, float] = {}
        self.ends: dict[Route, list[tuple[float, Importance]]] = {HERE: [], THERE: []}

    @rule(key=KEYS, route=ROUTES, state=STATES, importance=st.sampled_from(Importance))
    def show(self, key: str, route: Route, state: int, importance: Importance) -> None:
        there = key not in self.flying and self.outbox.shown(key) == state
        self.outbox.show(key, route, state, importance, self.now)
        before = self.newest.get(key)
        if importance is RESULT and there:
            self.newest.pop(key, None)  # it has ended as it looked before: that is forgotten at once
        elif before is None or before[1] is not RESULT or importance is RESULT:
            self.newest[key] = (state, importance)

    @rule(seconds=st.floats(0.0, 7.0))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        command = self.outbox.next(self.now)
        if isinstance(command, Wait):
            assert command.seconds is None or command.seconds > 0
            return
        self.begin(command)

    def begin(self, command: Send[str, int]) -> None:
        key = command.key
        assert key not in self.flying, "two calls for one message"
        assert self.blocked.get(command.route, 0.0) <= self.now, "told to wait"
        assert self.newest[key][0] == command.state, "an old state"
        route = command.route
        used = [importance for end, importance in self.ends[route] if end + 5.0 > self.now]
        used += [send.importance for send in self.flying.values() if send.route == route]
        assert len(used) < 5, "over the budget"
        progress = sum(importance is not RESULT for importance in used)
        assert command.importance is RESULT or progress < 4, "over what progress may use"
        self.flying[key] = command

    def end(self, data: st.DataObject) -> Send[str, int]:
        key = data.draw(st.sampled_from(sorted(self.flying)))
        command = self.flying.pop(key)
        self.ends[command.route].append((self.now, command.importance))
        return command

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def works(self, data: st.DataObject) -> None:
        command = self.end(data)
        self.done(command)

    def done(self, command: Send[str, int]) -> None:
        self.on_platform[command.key] = command.state
        self.outbox.sent(command.key, self.now)
        if self.newest.get(command.key, (None, None)) == (command.state, RESULT):
            del self.newest[command.key]
            assert self.outbox.shown(command.key) is None

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), seconds=st.floats(0.1, 20.0))
    def told_to_wait(self, data: st.DataObject, seconds: float) -> None:
        command = self.end(data)
        self.blocked[command.route] = max(self.blocked.get(command.route, 0.0), self.now + seconds)
        self.outbox.refused(command.key, RetryAfter(seconds), self.now)

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), done=st.booleans())
    def fails(self, data: st.DataObject, *, done: bool) -> None:
        command = self.end(data)
        if done:
            self.on_platform[command.key] = command.state
        self.outbox.refused(command.key, Transient(), self.now)

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def is_gone(self, data: st.DataObject) -> None:
        command = self.end(data)
        self.outbox.refused(command.key, Gone(), self.now)
        self.newest.pop(command.key, None)
        self.on_platform.pop(command.key, None)

    @invariant()
    def nothing_is_remembered_in_vain(self) -> None:
        assert len(self.outbox) <= len(self.newest)

    def teardown(self) -> None:
        """Every state that is still wanted is shown in the end, results and progress alike."""
        for _ in range(400):
            for key in sorted(self.flying):
                command = self.flying.pop(key)
                self.ends[command.route].append((self.now, command.importance))
                self.done(command)
            command = self.outbox.next(self.now)
            if isinstance(command, Send):
                self.begin(command)
            elif command.seconds is None:
                break
            else:
                self.now += command.seconds
        for key, (state, _) in self.newest.items():
            assert self.on_platform.get(key) == state, "never shown"


Machine.TestCase.settings = settings(max_examples=50, stateful_step_count=50, deadline=None)
TestMachine = Machine.TestCase
