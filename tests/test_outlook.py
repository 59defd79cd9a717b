"""Why am I waiting, and how long."""

from __future__ import annotations

import pytest

from bot.domain.errors import FairbrushError, OutputError, StoreUnavailable
from bot.domain.fairqueue import Place, Waiting
from bot.domain.ids import JobId, PromptId, ServerName, TemplateName, UserId
from bot.domain.text import Text
from bot.domain.work import Work
from bot.presentation.card_denied import error_card
from bot.service.outlook import outlook
from bot.service.servers import Active, Server, ServerState
from tests.support.fake_server import FakeServer

NEXT = Place(0, 0.0, 0, swap=False)


def server(state: ServerState = ServerState.UP, *, reason: Text | None = None, foreign: int = 0) -> Server:
    made = Server(ServerName("a"), FakeServer("a"), "http://secret.test:8188", state)
    made.reason, made.foreign = reason, foreign
    return made


def running(here: Server, expected: float, since: float) -> None:
    item = Waiting(JobId("r-1"), UserId("u"), 1, "m", frozenset({here.name}), expected)
    work = Work(TemplateName("t"), "m", 1, 1, "n")
    here.active[item.job] = Active(item, work, PromptId("p"), expected, started=since)


def test_the_next_waits_for_what_runs_and_for_itself() -> None:
    here = server()
    running(here, expected=10.0, since=100.0)
    found = outlook(NEXT, expected=5.0, able=[here], closed=None, now=104.0)
    assert (found.place, found.seconds, str(found.why)) == (1, pytest.approx(11.0), "You are next.")


def test_those_before_count_and_servers_share_them() -> None:
    place = Place(12, 120.0, 3, swap=False)
    one = outlook(place, expected=5.0, able=[server()], closed=None, now=0.0)
    two = outlook(place, expected=5.0, able=[server(), server()], closed=None, now=0.0)
    assert (one.place, one.seconds, two.seconds) == (13, 125.0, 65.0)
    assert str(one.why) == "12 pictures of 3 people come before yours."


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(1, 9.0, 1, swap=False), "One picture comes before yours."),
        (Place(4, 9.0, 1, swap=False), "4 pictures come before yours."),
        (Place(0, 0.0, 0, swap=True), "You are next. A model has to be loaded first."),
    ],
)
def test_the_reason_is_a_sentence(place: Place, words: str) -> None:
    assert str(outlook(place, expected=1.0, able=[server()], closed=None, now=0.0).why) == words


def test_strangers_on_the_server_are_counted() -> None:
    found = outlook(NEXT, expected=5.0, able=[server(foreign=3)], closed=None, now=0.0)
    assert found.seconds is not None
    assert found.seconds > 5.0
    assert "3 of theirs" in str(found.why)


def test_a_server_that_is_down_promises_nothing_and_gives_no_address_away() -> None:
    down = server(ServerState.DOWN, reason=Text("http://secret.test:8188 does not answer."))
    found = outlook(NEXT, expected=5.0, able=[down], closed=None, now=0.0)
    assert found.seconds is None
    assert "out of service" in str(found.why)
    assert "secret" not in str(found.why)


def test_a_closed_queue_says_why() -> None:
    found = outlook(NEXT, expected=5.0, able=[server()], closed=Text("Paused."), now=0.0)
    assert (found.seconds, str(found.why)) == (None, "Paused.")


@pytest.mark.parametrize("kind", [StoreUnavailable, OutputError])
def test_nobody_in_chat_learns_where_files_lie(kind: type[FairbrushError]) -> None:
    card = error_card(kind(Text("The disk is full: /srv/secret/fairbrush.db"), cause="x"))
    assert "/srv" not in " ".join(map(str, (*card.lines, *card.notes)))
