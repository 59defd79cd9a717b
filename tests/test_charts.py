"""Charts: bars that are the numbers, ticks that are round, colours that everybody can tell apart."""

from __future__ import annotations

import itertools
import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.text import Text
from bot.presentation.charts import (
    DEEP,
    HUES,
    PALE,
    REST,
    Hue,
    Layout,
    amount,
    axis_for,
    labelled,
)
from bot.presentation.charts_usage import MOST_WAITING, Span, Use, Waited, usage_chart, waits_chart

TODAY = date(2026, 11, 22)
BY_USER = Text("by user")


def use(days_ago: int, who: int, seconds: float) -> Use:
    return Use(TODAY - timedelta(days=days_ago), f"discord:{who}", f"User {who}", seconds)


# Axes and amounts


@given(st.floats(1e-3, 1e13))
def test_an_axis_reaches_what_it_shows_in_a_few_round_steps(most: float) -> None:
    axis = axis_for(most)
    labels = [str(tick.label) for tick in axis.ticks]
    assert most <= axis.top * (1 + 1e-9)
    assert axis.top <= 2.5 * most
    assert 3 <= len(labels) <= 7
    assert len(set(labels)) == len(labels)
    assert labels[0].startswith("0 ")
    first = labels[1].replace(" ", "").rstrip("smihn").strip("0.")
    assert first in {"1", "2", "5"}, labels


@pytest.mark.parametrize("most", [0.0, -1.0, math.nan, math.inf])
def test_an_axis_of_nothing(most: float) -> None:
    assert axis_for(most).top == 1.0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (2.25, "2.2 s"),
        (9.96, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (330, "5.5 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (45_000_000, "12 500 h"),
    ],
)
def test_amounts(seconds: float, said: str) -> None:
    assert str(amount(seconds)) == said


@given(st.integers(1, 400), st.integers(1, 40))
def test_the_latest_column_has_its_label_and_not_too_many_have(count: int, most: int) -> None:
    shown = labelled(count, most)
    assert count - 1 in shown
    assert len(shown) <= most


# Usage


def test_days_without_use_have_their_place() -> None:
    chart = usage_chart(
        [use(0, 1, 3.0), use(3, 2, 5.0)], first=TODAY - timedelta(days=3), last=TODAY, by=BY_USER
    )
    assert chart is not None
    assert [label.short for label in chart.labels] == ["11-19", "11-20", "11-21", "11-22"]
    assert [series.values for series in chart.series] == [(5.0, 0, 0, 0), (0, 0, 0, 3.0)]


def test_nothing_used_is_no_chart() -> None:
    assert usage_chart([], first=TODAY, last=TODAY, by=BY_USER) is None
    assert usage_chart([use(0, 1, 0.0)], first=TODAY, last=TODAY, by=BY_USER) is None
    assert waits_chart([]) is None


def test_six_have_names_and_the_others_are_added_up() -> None:
    uses = [use(0, who, 100.0 - who) for who in range(9)]
    chart = usage_chart(uses, first=TODAY, last=TODAY, by=BY_USER)
    assert chart is not None
    assert [str(series.name.words) for series in chart.series] == [
        *(f"User {n}" for n in range(6)),
        "3 others",
    ]
    assert [series.hue for series in chart.series] == [*HUES, REST]
    assert chart.series[-1].total == 94 + 93 + 92
    assert "Most by User 0, 100 s." in str(chart.alt)


def test_users_of_the_same_name_are_two() -> None:
    uses = [Use(TODAY, "discord:1", "Ann", 2.0), Use(TODAY, "telegram:1", "Ann", 1.0)]
    chart = usage_chart(uses, first=TODAY, last=TODAY, by=BY_USER)
    assert chart is not None
    assert [(each.name.other, each.total) for each in chart.series] == [
        ("discord:1", 2.0),
        ("telegram:1", 1.0),
    ]


@given(
    st.lists(st.builds(use, st.integers(0, 800), st.integers(0, 12), st.integers(0, 10**6).map(float))),
    st.integers(1, 801),
)
def test_bars_add_up_to_what_was_used(uses: list[Use], days: int) -> None:
    first = TODAY - timedelta(days=days - 1)
    wanted = sum(each.seconds for each in uses if each.day >= first)
    chart = usage_chart(uses, first=first, last=TODAY, by=BY_USER)
    if chart is None:
        assert wanted == 0
        return
    assert sum(series.total for series in chart.series) == wanted
    drawn = [piece for number in range(len(chart.labels)) for piece in chart.pieces(number)]
    assert math.isclose(math.fsum(piece.end - piece.start for piece in drawn) * chart.axis.top, wanted)
    for number in range(len(chart.labels)):
        pieces = chart.pieces(number)
        assert pieces[0].start == 0
        assert all(below.end == above.start for below, above in itertools.pairwise(pieces))
        assert pieces[-1].end <= 1


@pytest.mark.parametrize(
    ("days", "columns", "first"),
    [(1, 1, "11-22"), (62, 62, "09-22"), (63, 9, "09-21"), (365, 53, "11-17"), (3650, 121, "2016-11")],
)
def test_long_times_are_told_by_weeks_and_months(days: int, columns: int, first: str) -> None:
    begin = TODAY - timedelta(days=days - 1)
    chart = usage_chart([use(0, 1, 1.0), use(days - 1, 1, 2.0)], first=begin, last=TODAY, by=BY_USER)
    assert chart is not None
    assert (len(chart.labels), chart.labels[0].short) == (columns, first)
    assert chart.series[0].values[0] >= 2.0
    assert [Span.of(days) for days in (62, 63, 434, 435)] == [Span.DAY, Span.WEEK, Span.WEEK, Span.MONTH]


def test_who_waited_longest_stands_first_and_some_are_left_out() -> None:
    waits = [Waited(f"discord:{n}", f"User {n}", float(n), 2.0 * n) for n in range(MOST_WAITING + 3)]
    chart = waits_chart(waits)
    assert chart is not None
    assert chart.layout is Layout.BARS
    assert str(chart.labels[0].words) == f"User {MOST_WAITING + 2}"
    assert len(chart.labels) == MOST_WAITING
    assert str(chart.note) == "and 3 more who waited less"
    rows = [(str(label.words), [str(cell) for cell in cells]) for label, cells in chart.rows()]
    assert rows[0] == ("User 10", ["10 s", "20 s"])
    assert "User 10" in str(chart.alt)
    assert all(piece.start == 0 for piece in chart.pieces(0))


# Colours: what people with two kinds of cones see (Machado, Oliveira and Fernandes 2009, severity 1), and how
# far apart that is (Oklab, Ottosson 2020).

_VISIONS = {
    "all": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
Colour = tuple[float, float, float]


def _linear(colour: str) -> Colour:
    shares = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return red, green, blue


def _seen(colour: Colour, vision: str) -> Colour:
    dots = (sum(a * b for a, b in zip(row, colour, strict=True)) for row in _VISIONS[vision])
    red, green, blue = (min(1.0, max(0.0, each)) for each in dots)
    return red, green, blue


def _oklab(colour: Colour) -> Colour:
    red, green, blue = colour
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def _distance(one: str, other: str, vision: str) -> float:
    return 100 * math.dist(*(_oklab(_seen(_linear(each), vision)) for each in (one, other)))


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        red, green, blue = _linear(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("vision", _VISIONS)
@pytest.mark.parametrize("hues", [(*HUES, REST), (DEEP, PALE)])
def test_colours_can_be_told_apart_by_everybody(hues: tuple[Hue, ...], vision: str) -> None:
    for one, other in itertools.combinations(hues, 2):
        assert _distance(one.light, other.light, vision) >= 13, (one, other)
        assert _distance(one.dark, other.dark, vision) >= 13, (one, other)


@pytest.mark.parametrize("hue", [*HUES, REST, DEEP, PALE])
def test_colours_stand_out_from_their_ground(hue: Hue) -> None:
    assert _contrast(hue.light, "#ffffff") >= 2
    assert _contrast(hue.dark, "#1e1f22") >= 2.5


def test_colours_that_are_too_close_would_be_noticed() -> None:
    assert _distance("#e69f00", "#cc79a7", "all") > 13
    assert _distance("#cc79a7", "#8a8f98", "no green") < 13
