"""A picture once more with what one line changes of it, for platforms that have no forms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.errors import FlagError
from bot.presentation.flags import parse_line, typed_flags
from bot.service.again import reworded

BEFORE = replace(
    parse_line("a fox --ar 3:2 --steps 9 --count 2 --seed 7 --no people --preset fast --lora ink:0.8"),
    template="text-to-image",
    image="picture",
)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a boat", {"prompt_text": "a boat"}),
        ("--steps 12", {"values": {"steps": "12"}}),
        ("--cfg 3", {"values": {"steps": "9", "cfg": "3"}}),
        ("--size 64x64", {"size": (64, 64), "aspect": None}),
        ("--ar 1:1", {"aspect": (1.0, 1.0)}),
        ("--seed 8", {"seed": 8}),
        ("--seed -1", {"seed": None}),
        ("--count 1", {"count": 1}),
        ('--no ""', {"negative_text": ""}),
        ("--preset quality", {"preset": "quality"}),
        ("--template upscale", {"template": "upscale"}),
        ("--private", {"private": True}),
    ],
)
def test_what_is_not_said_stays(line: str, changed: dict[str, object]) -> None:
    assert reworded(BEFORE, line) == replace(BEFORE, **changed)  # type: ignore[arg-type]


def test_sides_and_shapes_take_each_others_place() -> None:
    sides = reworded(BEFORE, "--set width=512")
    assert (sides.aspect, sides.values["width"]) == (None, "512")
    shaped = reworded(sides, "--size 64x64")
    assert shaped.size == (64, 64)
    assert "width" not in shaped.values


def test_what_was_private_stays_so() -> None:
    assert reworded(replace(BEFORE, private=True), "a boat").private


def test_a_line_that_cannot_be_read_changes_nothing() -> None:
    with pytest.raises(FlagError, match="--steps"):
        reworded(BEFORE, "a boat --stps 3")


def test_flags_are_known_by_their_names_however_they_are_written() -> None:
    assert typed_flags("a fox —steps=3 --NO people --set cfg=2") == {"steps", "no", "cfg"}
    assert typed_flags("a fox") == set()
