"""Charts as SVG: what :mod:`bot.presentation.charts` says, in places on a drawing.

Nothing may be styled in the page itself, so colours are classes: the style sheet has them for light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.text import Text
from bot.presentation.charts import DEEP, HUES, PALE, REST, Chart, Label, Layout, labelled

WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 26
_HEIGHT = 240
_NAMES = 150
_BAR, _BETWEEN, _ROW = 12, 3, 14
_MOST_LABELS = 12
_WIDEST = 46


@dataclass(frozen=True, slots=True)
class Bar:
    hue: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Word:
    """``anchor`` as SVG has it: ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    words: Text | str
    anchor: str


@dataclass(frozen=True, slots=True)
class Line:
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """``legend``: a class and a name for each series."""

    chart: Chart
    height: float
    bars: tuple[Bar, ...]
    grid: tuple[Line, ...]
    words: tuple[Word, ...]
    legend: tuple[tuple[str, Text], ...]


HUE_CLASSES = MappingProxyType(
    {
        **{hue: f"hue-{number}" for number, hue in enumerate(HUES)},
        REST: "hue-rest",
        DEEP: "hue-deep",
        PALE: "hue-pale",
    }
)
"""What the style sheet calls each colour of a chart."""


def drawn(chart: Chart) -> Drawing:
    return _columns(chart) if chart.layout is Layout.COLUMNS else _bars(chart)


def _columns(chart: Chart) -> Drawing:
    count = len(chart.labels)
    wide, high = (WIDTH - _LEFT - _RIGHT) / count, _HEIGHT - _TOP - _BOTTOM
    column = min(wide * 0.8, _WIDEST)
    bars: list[Bar] = []
    words: list[Word] = []
    shown = labelled(count, _MOST_LABELS)
    for number, label in enumerate(chart.labels):
        middle = _LEFT + (number + 0.5) * wide
        for piece in chart.pieces(number):
            if piece.end > piece.start:
                y = _TOP + high * (1 - piece.end)
                hue = HUE_CLASSES[chart.series[piece.series].hue]
                bars.append(_bar(hue, middle - column / 2, y, column, high * (piece.end - piece.start)))
        if number in shown:
            words.append(Word(_round(middle), _HEIGHT - 8, label.short or label.words, "middle"))
    grid: list[Line] = []
    for tick in chart.axis.ticks:
        y = _round(_TOP + high * (1 - tick.share))
        grid.append(Line(_LEFT, y, WIDTH - _RIGHT, y))
        words.append(Word(_LEFT - 6, _round(y + 4), tick.label, "end"))
    return Drawing(chart, _HEIGHT, tuple(bars), tuple(grid), tuple(words), _legend(chart))


def _bars(chart: Chart) -> Drawing:
    row = len(chart.series) * (_BAR + _BETWEEN) + _ROW
    high, wide = row * len(chart.labels), WIDTH - _NAMES - _LEFT
    bars: list[Bar] = []
    words: list[Word] = []
    for number, label in enumerate(chart.labels):
        top = _TOP + number * row
        words.append(Word(_NAMES - 8, _round(top + (row - _ROW) / 2 + 4), _cut(label), "end"))
        for piece in chart.pieces(number):
            y = top + piece.series * (_BAR + _BETWEEN)
            hue = HUE_CLASSES[chart.series[piece.series].hue]
            bars.append(
                _bar(hue, _NAMES + wide * piece.start, y, wide * (piece.end - piece.start) or 1, _BAR)
            )
    grid: list[Line] = []
    for tick in chart.axis.ticks:
        x = _round(_NAMES + wide * tick.share)
        grid.append(Line(x, _TOP - 4, x, _TOP + high - _ROW + 4))
        words.append(Word(x, _TOP + high + 4, tick.label, "middle"))
    return Drawing(chart, _TOP + high + 12, tuple(bars), tuple(grid), tuple(words), _legend(chart))


def _legend(chart: Chart) -> tuple[tuple[str, Text], ...]:
    return tuple((HUE_CLASSES[series.hue], series.name.words) for series in chart.series)


def _cut(label: Label, most: int = 22) -> Text | str:
    words = str(label.words)
    return label.words if len(words) <= most else f"{words[: most - 1]}…"


def _bar(hue: str, x: float, y: float, width: float, height: float) -> Bar:
    return Bar(hue, _round(x), _round(y), _round(width), _round(height))


def _round(length: float) -> float:
    return round(length, 1)


def drawings(charts: Sequence[Chart]) -> tuple[Drawing, ...]:
    return tuple(map(drawn, charts))
