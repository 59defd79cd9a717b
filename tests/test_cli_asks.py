"""What the command line, or a file with one request a line, asks for."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from bot.cli.asks import LONGEST_FILE, MOST_LINES, flags_in_quotes, read_asks
from bot.domain.errors import FlagError
from bot.presentation.flags import Ask


def from_file(tmp_path: Path, text: str | bytes, *words: str) -> list[Ask]:
    path = tmp_path / "prompts.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_asks(words, path, ()).asks)


def refusal(tmp_path: Path, text: str | bytes, *words: str) -> str:
    with pytest.raises(FlagError) as caught:
        from_file(tmp_path, text, *words)
    return str(caught.value)


def test_the_words_of_a_shell() -> None:
    (ask,) = read_asks(["a", "red fox", "--seed=7", "—ar", "3:2", "at dusk"], None, ()).asks
    assert (ask.prompt_text, ask.seed, ask.aspect) == ("a red fox at dusk", 7, (3.0, 2.0))


@pytest.mark.parametrize("words", [[""], ["  "], ["--seed", "7"], ["\u200b"]])
def test_nothing_to_paint_is_said_before_any_server_is_asked(words: list[str]) -> None:
    with pytest.raises(FlagError, match="There is no text that says what to paint"):
        read_asks(words, None, ())


@pytest.mark.parametrize("words", [["--image", "photo.png"], ["--template", "noise"]])
def test_a_named_template_or_a_picture_may_do_without_words(words: list[str]) -> None:
    assert len(read_asks(words, None, ()).asks) == 1


def test_lines_of_a_file(tmp_path: Path) -> None:
    asks = from_file(
        tmp_path, '\ufeffa fox --seed 3\r\n\r\n  # a remark\n “a boat” --no "fog, rain" --ar 2:3\n'
    )
    assert [ask.prompt_text for ask in asks] == ["a fox", "“a boat”"]
    assert [ask.seed for ask in asks] == [3, None]
    assert asks[1].negative_text == "fog, rain"


def test_characters_that_split_lines_elsewhere_are_text(tmp_path: Path) -> None:
    (ask,) = from_file(tmp_path, "a fox\u2028in the snow")
    assert ask.prompt_text == "a fox\u2028in the snow"


@pytest.mark.parametrize(
    ("base", "line", "expected"),
    [
        ("--steps 9", "a fox", {"values": {"steps": "9"}}),
        ("--steps 9", "a fox --steps 5", {"values": {"steps": "5"}}),
        ("--steps 9", "a fox --cfg 5", {"values": {"steps": "9", "cfg": "5"}}),
        ("--style ink", "a fox --style oil", {"style": "oil"}),
        ("--style ink --no fog", "a fox", {"style": "ink", "negative_text": "fog"}),
        ("--no fog", 'a fox --no ""', {"negative_text": ""}),
        ("--ar 3:2", "a fox --size 64x64", {"size": (64, 64), "aspect": None}),
        ("--size 64x64", "a fox --ar 3:2", {"size": None, "aspect": (3.0, 2.0)}),
        ("--seed 7", "a fox --seed 1-3", {"seed": None, "seeds": (1, 2, 3)}),
        ("--seed 1-3", "a fox --seed 7", {"seed": 7, "seeds": ()}),
        ("--seed 1-3", "a fox --count 2", {"seed": None, "seeds": (), "count": 2}),
        ("--count 2", "a fox --seed 1-3", {"seeds": (1, 2, 3), "count": 1}),
        ("--count 2", "a fox --count 3", {"count": 3}),
        ("--lora ink:0.5", "a fox", {"loras": "ink"}),
        ("--lora ink:0.5", "a fox --lora fog", {"loras": "fog"}),
        ("watercolor of", "a fox", {"prompt_text": "watercolor of a fox"}),
    ],
)
def test_a_line_goes_before_the_command_line(
    tmp_path: Path, base: str, line: str, expected: dict[str, object]
) -> None:
    words = base.split() if base.startswith("--") else [base]
    (ask,) = from_file(tmp_path, line, *words)
    for name, value in expected.items():
        found = getattr(ask, name)
        assert (found[0].name if name == "loras" else found) == value


def test_every_wrong_line_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, "a fox --sed 1\nfine\n\na boat --seed abc\na cat\0\n")
    assert "line 1: There is no flag --sed. Did you mean --seed?" in message
    assert "line 4: --seed needs a whole number" in message
    assert "line 5: The text holds a character that cannot be read (U+0000)" in message
    assert "line 2" not in message
    many = refusal(tmp_path, "x --sed 1\n" * 20)
    assert "line 5" in many
    assert "line 6" not in many
    assert "and 15 more" in many


def test_lines_without_words_are_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, "a fox\n\n--seed 3\n# a remark\n--ar 3:2\n--image photo.png\n")
    assert "line 3: There is no text that says what to paint" in message
    assert "line 5: There is no text" in message
    assert "line 6" not in message, "a picture may do"


def test_each_request_of_a_file_remembers_its_line(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("\n# fox\na fox\n\na boat\n")
    assert read_asks([], path, ()).lines == (3, 5)
    assert read_asks(["a fox"], None, ()).lines == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no request"),
        ("# only\n\n# remarks\n", "holds no request"),
        ("--ar 3:2\n", "There is no text"),
        (b"\xff\xfea\0b", "is not a text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "is not a text in UTF-8"),
        ("a fox\n" * (MOST_LINES + 1), "is too long"),
        ("x" * (LONGEST_FILE + 1), "is too long"),
        ("a fox --seed 1-1000\n" * 11, "That would be 11000 pictures"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in refusal(tmp_path, text)


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(FlagError, match="cannot be read"):
        read_asks([], tmp_path / name, ())


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """UTF-8, whatever alphabet the console has."""
    lines = io.TextIOWrapper(io.BytesIO("łódź --seed 3\r\na 🦊\n".encode()), encoding="cp1252")
    monkeypatch.setattr(sys, "stdin", lines)
    assert [ask.prompt_text for ask in read_asks([], Path("-"), ()).asks] == ["łódź", "a 🦊"]


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(FlagError, match="Standard input is closed"):
        read_asks([], Path("-"), ())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(FlagError, match="Standard input is not a text in UTF-8"):
        read_asks([], Path("-"), ())


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        (["a fox --steps 3"], True),
        (["a fox", "--no", "people —ar 3:2"], True),
        (["a fox", "--steps", "3"], False),
        (["a man -- his dog", "sci-fi --", "a sign that says '--'"], False),
        (["a fox --unknown 3"], False),
        (["--steps"], False),
    ],
)
def test_flags_inside_quotes_are_remarked_upon(words: list[str], noted: bool) -> None:
    assert (flags_in_quotes(words) is not None) is noted
