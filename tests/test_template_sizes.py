"""Sizes: multiples, shapes, and whose limit forbids what."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ParameterError
from bot.templates.params import IntParameter
from bot.templates.sizes import NO_LIMITS, Canvas, Limits, Size, parse_aspect, parse_size
from tests.support.templates import TIER

SQUARE = Size(1024, 1024)


def canvas(multiple: int = 8, default: Size = SQUARE, max_pixels: int | None = None) -> Canvas:
    width = IntParameter("width", default.width, minimum=16, maximum=16384, step=multiple)
    height = IntParameter("height", default.height, minimum=16, maximum=16384, step=multiple)
    return Canvas(width, height, default, max_pixels)


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(ParameterError) as caught:
        call(*arguments)  # type: ignore[operator]
    return str(caught.value.text)


@pytest.mark.parametrize(
    "raw", ["1024x768", "1024X768", " 1024 × 768 ", "1024*768", (1024, 768), ("1024", "768")]
)
def test_sizes_are_read(raw: object) -> None:
    assert parse_size(raw) == Size(1024, 768)


@pytest.mark.parametrize("raw", ["1024", "x", "1024x", "-5x5", "1e3x5", "1024x768x3", 7, None, "1024:768"])
def test_what_is_no_size_says_how_one_looks(raw: object) -> None:
    assert "must look like 1024x768" in refusal(parse_size, raw)


@pytest.mark.parametrize(
    ("raw", "ratio"),
    [("3:2", 1.5), ("16/9", 16 / 9), ("1.85:1", 1.85), ("2x3", 2 / 3), ((4, 3), 4 / 3), (" 1 : 1 ", 1.0)],
)
def test_aspects_are_read(raw: object, ratio: float) -> None:
    assert parse_aspect(raw) == pytest.approx(ratio)


@pytest.mark.parametrize("raw", ["0:1", "1:0", "0:0", "0.0:3"])
def test_a_side_of_zero_has_its_own_message(raw: str) -> None:
    assert "has a side of zero" in refusal(parse_aspect, raw)


@pytest.mark.parametrize("raw", ["99999:1", "1:11", "10.5:1"])
def test_an_absurd_shape_has_its_own_message(raw: str) -> None:
    assert "too stretched" in refusal(parse_aspect, raw)


@pytest.mark.parametrize("raw", ["", "wide", "3", "-3:2", "3:2:1", "nan:1"])
def test_what_is_no_aspect_says_how_one_looks(raw: str) -> None:
    assert "must look like 3:2" in refusal(parse_aspect, raw)


@pytest.mark.parametrize("size", [Size(99999, 1), Size(0, 512), Size(512, 0), Size(20000, 20000), Size(8, 8)])
def test_an_impossible_size_is_refused_with_the_bounds(size: Size) -> None:
    text = refusal(canvas().fixed, size, NO_LIMITS)
    assert text == f"A picture of {size} cannot be painted: sides go from 16 to 16384 pixels."


def test_a_size_that_is_too_stretched_is_refused() -> None:
    assert "10 times" in refusal(canvas().fixed, Size(4096, 128), NO_LIMITS)


def test_sizes_move_to_the_models_multiple() -> None:
    assert canvas(8).fixed(Size(1001, 770), NO_LIMITS) == Size(1000, 768)
    assert canvas(16).fixed(Size(1001, 770), NO_LIMITS) == Size(1008, 768)
    assert canvas(64).fixed(Size(1001, 770), NO_LIMITS) == Size(1024, 768)


def test_the_message_says_whose_limit_it_is_and_what_would_fit() -> None:
    template = refusal(canvas(max_pixels=1_000_000).fixed, Size(2048, 1024), TIER)
    assert template == (
        "2048x1024 has 2097152 pixels; this template allows at most 1000000. "
        "1408x704 of this shape would fit."
    )
    tier = refusal(canvas().fixed, Size(2048, 1032), TIER)
    assert "you may use at most 2097152" in tier
    assert "2048x1024" not in tier.split(". ")[0]


def test_what_would_fit_fits() -> None:
    text = refusal(canvas().fixed, Size(4000, 3000), TIER)
    offered = text.rpartition(". ")[2].split(" ")[0]
    assert canvas().fixed(parse_size(offered), TIER) == parse_size(offered)


def test_a_size_is_not_moved_over_the_limit() -> None:
    limit = Limits(max_pixels=1_000_000)
    size = canvas(64).fixed(Size(1000, 1000), limit)
    assert size.pixels <= 1_000_000
    assert size == Size(960, 1024)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        ("1:1", Size(1024, 1024)),
        ("3:2", Size(1248, 832)),
        ("2:3", Size(832, 1248)),
        ("16:9", Size(1368, 768)),
    ],
)
def test_an_aspect_keeps_the_usual_number_of_pixels(aspect: str, size: Size) -> None:
    assert canvas().shaped(parse_aspect(aspect), NO_LIMITS) == size


def test_a_usual_size_over_the_limit_is_made_smaller_and_said() -> None:
    size, note = canvas(default=Size(1536, 1024)).unasked(Limits(max_pixels=600_000))
    assert size.pixels <= 600_000
    assert Fraction(size.width, size.height) == pytest.approx(1.5, abs=0.02)
    assert str(note) == f"Painted at {size}: the usual 1536x1024 is over the limit."


def test_a_usual_size_within_the_limit_is_left_alone() -> None:
    assert canvas(64, Size(1000, 1000)).unasked(TIER) == (Size(1000, 1000), None)


@given(
    st.floats(0.1, 10.0),
    st.sampled_from([8, 16, 32, 64]),
    st.integers(65_536, 4_000_000),
    st.integers(100_000, 4_000_000),
)
def test_any_shape_gives_a_size_in_multiples_within_all_limits(
    aspect: float, multiple: int, pixels: int, limit: int
) -> None:
    side = round(pixels**0.5)
    size = canvas(multiple, Size(side, side)).shaped(aspect, Limits(max_pixels=limit))
    assert size.width % multiple == size.height % multiple == 0
    assert size.pixels <= limit
    assert size.width >= 16
    assert size.height >= 16


@given(st.integers(16, 4096), st.integers(16, 4096), st.sampled_from([8, 16, 64]))
def test_any_size_is_refused_or_in_multiples_within_the_limit(width: int, height: int, multiple: int) -> None:
    try:
        size = canvas(multiple).fixed(Size(width, height), TIER)
    except ParameterError:
        return
    assert size.pixels <= 2_097_152
    assert size.width % multiple == size.height % multiple == 0
    assert abs(size.width - width) <= multiple
    assert abs(size.height - height) <= multiple
