"""Why am I waiting, and how long: an honest guess for one waiting job. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.fairqueue import Place
from bot.domain.text import Text
from bot.service.servers import Server, up


@dataclass(frozen=True, slots=True)
class Outlook:
    """``place`` counts from 1. ``seconds`` until its end; None when nobody can say (paused, server down)."""

    place: int
    seconds: float | None
    why: Text


def outlook(
    place: Place, *, expected: float, able: Sequence[Server], closed: Text | None, now: float
) -> Outlook:
    """Place, time and reason. ``able``: the servers that could run the job; ``expected``: its own seconds;
    ``closed``: why nothing is begun at all."""
    number = place.before + 1
    working = up(able)
    if closed is not None:
        return Outlook(number, None, closed)
    if not able:
        return Outlook(number, None, Text("No server can paint this at the moment. Your place is kept."))
    if not working:
        return Outlook(number, None, _none_works(able))
    busy = sum(server.busy_for(now) for server in working)
    seconds = (busy + place.seconds_before) / len(working) + expected
    return Outlook(number, seconds, _why(place, sum(server.foreign for server in working)))


def _none_works(able: Sequence[Server]) -> Text:
    # Why it is out of service names addresses: that is for its operator, who sees it with the queue.
    if any(server.reason is not None for server in able):
        return Text(
            "The server is out of service right now, and its operator has been told. Your place is kept."
        )
    return Text("The server is being looked at. Your place is kept.")


def _why(place: Place, foreign: int) -> Text:
    if place.before == 0:
        first = Text("You are next.")
    elif place.before == 1:
        first = Text("One picture comes before yours.")
    elif place.flows_before == 1:
        first = Text("{pictures} pictures come before yours.", pictures=place.before)
    else:
        first = Text(
            "{pictures} pictures of {people} people come before yours.",
            pictures=place.before,
            people=place.flows_before,
        )
    if foreign:
        return Text(
            "{first} The server also works for others: {foreign} of theirs.", first=first, foreign=foreign
        )
    if place.swap:
        return Text("{first} A model has to be loaded first.", first=first)
    return first
