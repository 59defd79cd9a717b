"""Commands as they are typed, read into the options that they have elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.telegram.updates import Chat, ChatKind, Incoming, Mention, Replied, Sender, SenderKind
from bot.chat.telegram.words import Named, read_call
from bot.presentation.specs import make_commands
from tests.support.templates import SHIPPED, shipped

COMMANDS = make_commands([shipped(name) for name in SHIPPED], tiers=("default", "patron"))
BOB = Mention("Bob Jones", id=7, name="Bob Jones")


def message(*mentions: Mention, replied: Sender | None = None) -> Incoming:
    return Incoming(
        update=1,
        chat=Chat(5, ChatKind.PRIVATE),
        message=2,
        sender=Sender(9, SenderKind.PERSON, "Alice"),
        mentions=mentions,
        replied=None if replied is None else Replied(1, replied),
    )


def call(
    line: str, *mentions: Mention, replied: Sender | None = None
) -> tuple[tuple[str, ...], dict[str, Any]]:
    name, _, rest = line.partition(" ")
    found = read_call(COMMANDS, name, rest, message(*mentions, replied=replied))
    return found.words, dict(found.options)


@pytest.mark.parametrize(
    ("line", "words", "options"),
    [
        ("show k3v9x2m7qa", ("show",), {"job": "k3v9x2m7qa"}),
        ("settings size 640x384", ("settings",), {"size": "640x384"}),
        ("settings --size=640x384 private on", ("settings",), {"size": "640x384", "private": "on"}),
        (
            "admin quota grant @bob 60 for helping out",
            ("admin", "quota", "grant"),
            {"user": "@bob", "seconds": "60", "reason": "for helping out"},
        ),
        (
            "admin quota set @bob seconds=3600 jobs=unlimited for a contest",
            ("admin", "quota", "set"),
            {"user": "@bob", "seconds": "3600", "jobs": "unlimited", "reason": "for a contest"},
        ),
        ("admin quota set @bob default on", ("admin", "quota", "set"), {"user": "@bob", "default": "on"}),
        (
            "admin block @bob 7d spam",
            ("admin", "block"),
            {"user": "@bob", "duration": "7d", "reason": "spam"},
        ),
        ("admin block @bob spam, spam", ("admin", "block"), {"user": "@bob", "reason": "spam, spam"}),
        ("settings private", ("settings",), {"private": "on"}),
        ("settings private size 64x64", ("settings",), {"private": "on", "size": "64x64"}),
        ("settings private maybe", ("settings",), {"private": "maybe"}),
        ("help upscale", ("help",), {"template": "upscale"}),
        ("admin ADIT", ("admin", "ADIT"), {}),
        ("admin", ("admin",), {}),
    ],
)
def test_a_line(line: str, words: tuple[str, ...], options: dict[str, Any]) -> None:
    mentions = [Mention("@bob", username="bob")] if "@bob" in line else []
    assert call(line, *mentions) == (words, options)


def test_who_has_no_user_name_is_known_by_number() -> None:
    words, options = call("admin quota show Bob Jones", BOB)
    assert words == ("admin", "quota", "show")
    assert options == {"user": Named("telegram:7", "Bob Jones")}  # type: ignore[arg-type]


def test_a_name_of_one_letter_is_found_where_it_stands_alone() -> None:
    words, options = call("admin quota grant a 60", Mention("a", id=7))
    assert words == ("admin", "quota", "grant")
    assert options == {"user": Named("telegram:7", "a"), "seconds": "60"}  # type: ignore[arg-type]


def test_a_reply_names_its_writer() -> None:
    bob = Sender(7, SenderKind.PERSON, "Bob", "bob")
    _, options = call("admin block too loud", replied=bob)
    assert options == {"user": Named("telegram:7", "@bob"), "reason": "too loud"}  # type: ignore[arg-type]


LINES = st.text(max_size=80) | st.text(alphabet=st.sampled_from("ab @=-—:,0\n\ufdd0é"), max_size=30)


@given(st.sampled_from([spec.name for spec in COMMANDS.specs]), LINES, st.lists(LINES, max_size=2))
def test_any_line_is_read(name: str, rest: str, people: list[str]) -> None:
    mentions = [Mention(text, id=number) for number, text in enumerate(people)]
    found = read_call(COMMANDS, name, rest, message(BOB, *mentions))
    assert found.words[0] == name
