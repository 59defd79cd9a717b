"""Suggestions for a whole line: commands, subcommands, flags, and what may stand behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.presentation.line_suggest import MOST, Known, command_words, complete
from bot.presentation.specs import Suggestion, build_index, make_commands
from tests.support.templates import SHIPPED, catalogue, shipped

ALL = [shipped(name, catalogue()) for name in SHIPPED]
COMMANDS = make_commands(ALL)
KNOWN = Known(COMMANDS, build_index(ALL, COMMANDS.specs, ("old-one",)), operator=True)
GUEST = replace(KNOWN, operator=False)
MINE = replace(KNOWN, jobs=(Suggestion("k3v9-1 · a fox", "k3v9-1"), Suggestion("k3v9-2 · a boat", "k3v9-2")))


def taken(line: str, known: Known = KNOWN, number: int = 0) -> str:
    """The line with the suggestion of that number in its place."""
    found = complete(line, len(line), known)
    return line[: found.start] + found.items[number].value + line[found.end :]


@pytest.mark.parametrize(
    ("line", "then"),
    [
        ("/im", "/imagine "),
        ("  /IM", "  /imagine "),
        ("/upscale --", "/upscale --no "),
        ("/admin quo", "/admin quota "),
        ("/admin quota gr", "/admin quota grant "),
        ("a fox --see", "a fox --seed "),
        ("a fox —aspect-r", "a fox --ar "),
        ("a fox --ar 16", "a fox --ar 16:9 "),
        ("a fox --ar=16", "a fox --ar=16:9 "),
        ("a fox --sampler eul", "a fox --sampler euler "),
        ("a fox --template flu", "a fox --template flux "),
        ("/imagine a fox --priv", "/imagine a fox --private "),
        ("/settings pri", "/settings private="),
        ("/settings private o", "/settings private on "),
        ("/settings private=of", "/settings private=off "),
        ("/templates fl", "/templates flux "),
    ],
)
def test_what_is_suggested_first_takes_the_place_of_what_is_typed(line: str, then: str) -> None:
    assert taken(line) == then


def test_jobs_are_those_that_may_be_meant() -> None:
    assert taken("/cancel ", MINE) == "/cancel k3v9-1 "
    assert taken("/show boat", MINE) == "/show k3v9-2 "


def test_what_stands_behind_the_cursor_stays() -> None:
    found = complete("a fox --ar 3: --seed 7", len("a fox --ar 3:"), KNOWN)
    assert (found.start, found.end) == (len("a fox --ar "), len("a fox --ar 3:"))
    assert found.items[0].value.startswith("3:")


def test_values_are_those_of_the_template_that_is_named() -> None:
    def offered(line: str) -> list[str]:
        return [each.label for each in complete(line, len(line), KNOWN).items]

    assert offered("x --preset ") == ["fast", "balanced", "quality"]
    assert any("flux" in name for name in offered("x --template flux --model "))
    assert not any("flux" in name for name in offered("x --template text-to-image --model "))


@pytest.mark.parametrize(
    "line", ["", "a fox", "a fox --seed ", "a fox --ar 3:2 ", "/imagine a fox", "/what ", "/queue "]
)
def test_plain_words_are_nobodys_business(line: str) -> None:
    assert complete(line, len(line), KNOWN).items == ()


def test_operators_commands_are_for_operators_and_flags_are_given_once() -> None:
    assert not complete("/adm", 4, GUEST).items
    flags = [each.value for each in complete("a --seed 3 --lora x --", 22, KNOWN).items]
    assert "--seed " not in flags
    assert "--image " not in flags


def test_a_value_with_blanks_is_quoted() -> None:
    index = build_index(
        [replace(ALL[0], styles={"old ink": next(iter(ALL[0].styles.values()))})], COMMANDS.specs
    )
    line = "a fox --style ol"
    assert complete(line, len(line), replace(KNOWN, index=index)).items[0].value == '"old ink" '


def test_words_of_a_command() -> None:
    assert command_words("/admin quota show bob", COMMANDS) == ("admin", "quota", "show")
    assert command_words("/nothing here", COMMANDS) == ("nothing",)
    assert command_words("a fox /queue ", COMMANDS) == ()


PIECES = st.sampled_from(
    ["/", "--", "—", "=", " ", '"', "ar", "seed", "admin", "quota", "set", "é", "\u202e", "fox", "3:2"]
)


@given(st.lists(PIECES, max_size=9).map("".join), st.integers(-3, 60))
def test_whatever_is_typed_is_answered(line: str, cursor: int) -> None:
    found = complete(line, cursor, MINE)
    assert 0 <= found.start <= found.end <= len(line)
    assert len(found.items) <= MOST
    assert all(each.label and each.value for each in found.items)
