"""What was used and who waited, as charts. PURE.

The bars are the ledger's numbers and add up to what a table of the same time says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from bot.domain.text import Text
from bot.presentation.card_admin_pages import name_of
from bot.presentation.charts import (
    DEEP,
    HUES,
    PALE,
    REST,
    Chart,
    Label,
    Layout,
    Series,
    amount,
    axis_for,
    tallest,
)

MOST_NAMED = len(HUES)
"""Users or templates with a colour of their own."""
MOST_WAITING = 8
_MOST_COLUMNS = 62


@dataclass(frozen=True, slots=True)
class Use:
    """GPU seconds on one day of the operator's calendar. ``key`` tells users or templates apart, ``name`` is
    what they are called; ``key`` may stand for it where it cannot be drawn."""

    day: date
    key: str
    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds from being accepted to being begun: the mean, and what 95 of 100 did not exceed."""

    key: str
    name: str
    mean: float
    p95: float


class Span(Enum):
    """What a column stands for."""

    DAY = 1
    WEEK = 7
    MONTH = 31

    @staticmethod
    def of(days: int) -> Span:
        """The finest that leaves the columns wide enough to be seen."""
        return next((span for span in Span if days <= _MOST_COLUMNS * span.value), Span.MONTH)

    def begin(self, day: date) -> date:
        match self:
            case Span.DAY:
                return day
            case Span.WEEK:
                return day - timedelta(days=day.weekday())
            case Span.MONTH:
                return day.replace(day=1)

    def label(self, begin: date) -> Label:
        if self is Span.MONTH:
            month = f"{begin:%Y-%m}"
            return Label(Text("{month}", month=month), short=month)
        return Label(Text("{day}", day=begin.isoformat()), short=f"{begin:%m-%d}")


_TITLES = {
    Span.DAY: Text("GPU time a day"),
    Span.WEEK: Text("GPU time a week"),
    Span.MONTH: Text("GPU time a month"),
}


def usage_chart(uses: Sequence[Use], *, first: date, last: date, by: Text) -> Chart | None:
    """GPU time of the days from ``first`` to ``last``, the days without any included, stacked by what
    ``Use.key`` says. None where nothing was used. Uses of other days are not shown."""
    uses = [use for use in uses if use.seconds > 0 and first <= use.day <= last]
    if not uses:
        return None
    span = Span.of((last - first).days + 1)
    columns = sorted({span.begin(first + timedelta(days=n)) for n in range((last - first).days + 1)})
    named, rest = _largest(uses)
    sums: dict[tuple[str | None, date], list[float]] = defaultdict(list)
    for use in uses:
        sums[use.key if use.key in named else None, span.begin(use.day)].append(use.seconds)
    keys: list[str | None] = [*named, *([None] if rest else [])]
    series = tuple(
        Series(
            _name(key, named[key]) if key is not None else Label(_others(rest)),
            HUES[number] if key is not None else REST,
            tuple(math.fsum(sums[key, column]) for column in columns),
        )
        for number, key in enumerate(keys)
    )
    title = Text("{what}, {by}", what=_TITLES[span], by=by)
    return Chart(
        Layout.COLUMNS,
        title,
        tuple(map(span.label, columns)),
        series,
        axis_for(tallest(series)),
        alt=_usage_in_words(title, series, first, last),
    )


def waits_chart(waits: Sequence[Waited]) -> Chart | None:
    """Who waited how long, the longest first. None where nobody's picture was begun."""
    if not waits:
        return None
    ordered = sorted(waits, key=lambda one: (-one.p95, -one.mean, one.key))
    shown, more = ordered[:MOST_WAITING], len(ordered) - MOST_WAITING
    mean = Series(Label(Text("mean")), DEEP, tuple(one.mean for one in shown))
    p95 = Series(Label(Text("95 of 100 waited no longer")), PALE, tuple(one.p95 for one in shown))
    longest = shown[0]
    return Chart(
        Layout.BARS,
        Text("How long pictures waited"),
        tuple(_name(one.key, one.name) for one in shown),
        (mean, p95),
        axis_for(max(max(one.p95, one.mean) for one in shown)),
        alt=Text(
            "How long pictures waited: longest those of {name}, {mean} in the mean, and 95 of 100 no longer "
            "than {p95}.",
            name=name_of(longest.name),
            mean=amount(longest.mean),
            p95=amount(longest.p95),
        ),
        note=Text.counted("and {count} more who waited less", "and {count} more who waited less", more)
        if more > 0
        else None,
    )


def _largest(uses: Sequence[Use]) -> tuple[dict[str, str], int]:
    """Those that used most, with their names; and how many others there are."""
    totals: dict[str, list[float]] = defaultdict(list)
    names = {}
    for use in uses:
        totals[use.key].append(use.seconds)
        names[use.key] = use.name
    ordered = sorted(totals, key=lambda key: (-math.fsum(totals[key]), key))
    return {key: names[key] for key in ordered[:MOST_NAMED]}, max(0, len(ordered) - MOST_NAMED)


def _name(key: str, name: str) -> Label:
    return Label(Text("{name}", name=name_of(name)), other=name_of(key))


def _others(count: int) -> Text:
    return Text.counted("{count} other", "{count} others", count)


def _usage_in_words(title: Text, series: Sequence[Series], first: date, last: date) -> Text:
    most = series[0]
    return Text(
        "{title}, {first} to {last}: {total} in all. Most by {name}, {most}.",
        title=title,
        first=first.isoformat(),
        last=last.isoformat(),
        total=amount(math.fsum(each.total for each in series)),
        name=most.name.words,
        most=amount(most.total),
    )
