"""Charts as values, apart from how they are drawn: as a picture for chats, as SVG on a page. PURE.

Lengths are shares of the axis, from 0 to 1; colours come in pairs, for light and for dark ground. Whoever
cannot see a chart gets :attr:`Chart.alt`, or its numbers by :meth:`Chart.rows`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.text import Text

_MINUTE, _HOUR = 60.0, 3600.0
_ENOUGH_OF_A_UNIT = 2.0
_MOST_STEPS = 5
"""On an axis; there are at least two."""


class Layout(StrEnum):
    COLUMNS = "columns"
    """Upright, the series of a column one upon the other: they add up."""
    BARS = "bars"
    """Lying, the series of a label below each other: they are compared."""


@dataclass(frozen=True, slots=True)
class Hue:
    """One colour as ``#rrggbb``: on light ground, and on dark."""

    light: str
    dark: str


HUES = (
    Hue("#265bd1", "#5c59d9"),
    Hue("#dfad6d", "#e8b776"),
    Hue("#024b1d", "#89f4eb"),
    Hue("#7f4675", "#a3414f"),
    Hue("#21affe", "#68b4fc"),
    Hue("#cb5921", "#ec6011"),
)
"""As far apart as six colours and :data:`REST` can be for people who see all colours, and for those who lack
one kind of cones (simulated after Machado, Oliveira and Fernandes 2009; distances in Oklab)."""
REST = Hue("#8a8f98", "#8a8f98")
"""Of whatever is added up because it has no colour of its own."""
DEEP, PALE = Hue("#4b5260", "#d5d9e0"), Hue("#a9b0bb", "#7d8592")
"""Of two measures of one thing, beside charts in which colours are somebody."""


@dataclass(frozen=True, slots=True)
class Label:
    """What something is called. ``short``: where there is little room. ``other``: what may stand for a name
    in letters that cannot be drawn."""

    words: Text
    short: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """``values``: seconds, one for each label of the chart; never negative."""

    name: Label
    hue: Hue
    values: tuple[float, ...]

    @property
    def total(self) -> float:
        return math.fsum(self.values)


@dataclass(frozen=True, slots=True)
class Tick:
    """``share`` of the axis' length, and what is written there."""

    share: float
    label: Text


@dataclass(frozen=True, slots=True)
class Axis:
    """From zero to ``top`` seconds, which is as large as what is shown, or a little larger."""

    top: float
    ticks: tuple[Tick, ...]

    def share(self, seconds: float) -> float:
        return min(1.0, max(0.0, seconds / self.top))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar, as shares of the axis."""

    series: int
    start: float
    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Chart:
    """``alt``: what it shows, in a few sentences. ``note``: what it leaves out."""

    layout: Layout
    title: Text
    labels: tuple[Label, ...]
    series: tuple[Series, ...]
    axis: Axis
    alt: Text
    note: Text | None = None

    def pieces(self, label: int) -> tuple[Piece, ...]:
        """What is to be drawn for a label; of length zero what has no value."""
        pieces: list[Piece] = []
        begun = 0.0
        for number, series in enumerate(self.series):
            value = series.values[label]
            start = begun if self.layout is Layout.COLUMNS else 0.0
            pieces.append(Piece(number, self.axis.share(start), self.axis.share(start + value), value))
            begun += value
        return tuple(pieces)

    def rows(self) -> Iterator[tuple[Label, tuple[Text, ...]]]:
        """The same as a table: each label, and the amounts of all series there."""
        for number, label in enumerate(self.labels):
            yield label, tuple(amount(series.values[number]) for series in self.series)


def labelled(count: int, most: int) -> frozenset[int]:
    """Which of ``count`` columns have their label below them where there is room for ``most``: the last, and
    others at even distances."""
    every = max(1, -(-count // max(1, most)))
    return frozenset(range(count - 1, -1, -every))


def axis_for(most: float) -> Axis:
    """An axis that reaches ``most`` seconds, with ticks at round numbers of seconds, minutes or hours."""
    most = most if math.isfinite(most) and most > 0 else 1.0
    unit, words = _unit(most)
    step = _round_step(most / unit / _MOST_STEPS)
    steps = max(1, math.ceil(most / unit / step - 1e-9))
    ticks = (Tick(number / steps, words(_plain(number * step, step))) for number in range(steps + 1))
    return Axis(steps * step * unit, tuple(ticks))


def amount(seconds: float) -> Text:
    """A length of time in few letters, to three digits or so."""
    unit, words = _unit(seconds)
    number = seconds / unit
    return words(_plain(number, 0.1 if number < 10 else 1.0))


def tallest(series: Sequence[Series]) -> float:
    """Seconds of the highest column that these make."""
    return max(
        (math.fsum(column) for column in zip(*(each.values for each in series), strict=True)), default=0
    )


def _unit(seconds: float) -> tuple[float, Callable[[str], Text]]:
    if seconds < _ENOUGH_OF_A_UNIT * _MINUTE:
        return 1.0, lambda number: Text("{number} s", number=number)
    if seconds < _ENOUGH_OF_A_UNIT * _HOUR:
        return _MINUTE, lambda number: Text("{number} min", number=number)
    return _HOUR, lambda number: Text("{number} h", number=number)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, … that is not below ``least``; tenths and hundredths, too."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _plain(number: float, step: float) -> str:
    """With as many places as ``step`` has, and its thousands apart."""
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    shown = f"{number:,.{places}f}".replace(",", " ")
    return shown.rstrip("0").rstrip(".") if places else shown
