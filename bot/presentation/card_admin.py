"""Cards for those who look after the bot, or a place: what was done, and how somebody stands. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.durations import about
from bot.domain.quota import Standing, left_jobs, left_seconds
from bot.domain.text import Text
from bot.presentation.card_admin_pages import name_of
from bot.presentation.card_text import one_line, shorten
from bot.presentation.card_words import gpu_seconds
from bot.presentation.cards import Card, CardState, Code, Row

_REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Who:
    """A user as an operator sees them. ``identities`` are theirs on all platforms."""

    name: str
    identities: tuple[str, ...]
    tier: str
    standing: Standing
    own_limits: bool = False
    known: bool = True
    """False: never seen yet; this is what will hold."""
    notes: tuple[Text, ...] = ()


def told_card(headline: Text, *lines: Text | None, notes: Iterable[Text] = ()) -> Card:
    """What was done, or that there was nothing to do."""
    said = tuple(line for line in lines if line is not None)
    return Card(CardState.INFO, headline, lines=said, notes=tuple(notes), private=True)


def person_card(who: Who, *, now: int, headline: Text | None = None) -> Card:
    """How somebody stands. ``now``: UTC milliseconds; ``headline``: what was just done."""
    use = who.standing.use
    seconds, jobs = left_seconds(who.standing), left_jobs(who.standing)
    rows = [
        Row(CardState.INFO, Text("Accounts"), Text("{accounts}", accounts=Code(", ".join(who.identities)))),
        Row(CardState.INFO, Text("Tier"), Text("{tier}", tier=name_of(who.tier))),
        Row(CardState.INFO, Text("GPU time"), _limit_of_time(who, seconds)),
        Row(CardState.INFO, Text("Pictures"), _limit_of_jobs(who, jobs)),
    ]
    for amount, title in (
        (use.reserved, Text("Set aside for what is in line")),
        (use.granted, Text("Given on top")),
        (use.carried, Text("Owed from before")),
    ):
        if amount:
            rows.append(Row(CardState.INFO, title, gpu_seconds(amount)))
    if not who.known:
        rows.append(Row(CardState.INFO, Text("Not seen yet"), Text("this is what will hold")))
    limited = seconds is not None or jobs is not None
    resets = Text("There is more in {time}.", time=about(who.standing.resets_at - now)) if limited else None
    return Card(
        CardState.INFO,
        headline or Text("{name}", name=name_of(who.name)),
        lines=who.notes,
        rows=tuple(rows),
        notes=() if resets is None else (resets,),
        private=True,
    )


def _limit_of_time(who: Who, left: float | None) -> Text:
    used, limit = gpu_seconds(who.standing.use.settled), who.standing.allowance.gpu_seconds
    if left is None or limit is None:
        return Text("{used} used, not limited", used=used)
    if who.own_limits:
        return Text(
            "{used} used, {left} left of {limit} of their own",
            used=used,
            left=gpu_seconds(left),
            limit=gpu_seconds(limit),
        )
    return Text(
        "{used} used, {left} left of {limit}", used=used, left=gpu_seconds(left), limit=gpu_seconds(limit)
    )


def _limit_of_jobs(who: Who, left: int | None) -> Text:
    used, limit = who.standing.use.jobs, who.standing.allowance.jobs
    if left is None or limit is None:
        return Text("{used} asked for, not limited", used=used)
    if who.own_limits:
        return Text(
            "{used} asked for, {left} left of {limit} of their own", used=used, left=left, limit=limit
        )
    return Text("{used} asked for, {left} left of {limit}", used=used, left=left, limit=limit)


def reason_line(reason: str) -> Text | None:
    """Why, in somebody's own words; None where nothing was said."""
    words = shorten(one_line(reason), _REASON_CHARACTERS).rstrip(".")
    return Text("Reason: {reason}.", reason=words) if words else None
