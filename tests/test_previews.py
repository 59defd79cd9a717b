"""How often unfinished pictures are sent along."""

from __future__ import annotations

from collections import Counter

from bot.domain.throttle import Route
from bot.service.parcels.pace import EVERY, MOST_FAILURES, PreviewPace

ALONE, OTHER = Route("token", "1"), Route("token", "2")
SHARED = Route("channel", "7")


def sent(pace: PreviewPace, messages: dict[str, Route], seconds: int) -> Counter[str]:
    """How many each gets if all ask twice a second."""
    found: Counter[str] = Counter()
    for half in range(2 * seconds):
        for message, route in messages.items():
            if pace.due(message, route, half / 2):
                pace.tried(message, half / 2, arrived=True)
                found[message] += 1
    return found


def test_one_message_gets_one_every_eight_seconds() -> None:
    assert sent(PreviewPace(), {"a": ALONE}, 81) == {"a": 11}


def test_routes_of_their_own_are_independent() -> None:
    assert sent(PreviewPace(), {"a": ALONE, "b": OTHER}, 81) == {"a": 11, "b": 11}


def test_on_a_shared_route_they_take_turns() -> None:
    found = sent(PreviewPace(), {"a": SHARED, "b": SHARED, "c": SHARED}, 241)
    assert max(found.values()) - min(found.values()) <= 1
    assert sum(found.values()) <= 241 / EVERY + 1


def test_a_message_that_ends_leaves_its_turns_to_others() -> None:
    pace = PreviewPace()
    assert pace.due("a", SHARED, 0)
    pace.tried("a", 0, arrived=True)
    assert not pace.due("b", SHARED, EVERY / 2)
    assert pace.due("b", SHARED, 2 * EVERY)
    pace.tried("b", 2 * EVERY, arrived=True)
    assert not pace.due("b", SHARED, 3 * EVERY)
    pace.forget("a")
    assert pace.due("b", SHARED, 3 * EVERY)


def test_a_message_on_which_none_arrives_gets_no_more() -> None:
    pace = PreviewPace()
    for number in range(MOST_FAILURES):
        assert pace.due("a", ALONE, number * EVERY)
        pace.tried("a", number * EVERY, arrived=False)
    assert not pace.due("a", ALONE, 100 * EVERY)


def test_one_that_arrives_makes_good_for_failures_before() -> None:
    pace = PreviewPace()
    for number in range(3 * MOST_FAILURES):
        assert pace.due("a", ALONE, number * EVERY)
        pace.tried("a", number * EVERY, arrived=number % 2 == 1)


def test_a_message_may_change_its_route() -> None:
    pace = PreviewPace()
    assert pace.due("a", ALONE, 0)
    pace.tried("a", 0, arrived=True)
    assert not pace.due("a", SHARED, EVERY / 2)
    assert pace.due("a", SHARED, EVERY)
