"""What is wrong with a file that is no TOML: the place, and plain words for it. Never what stands there:
that may be a token."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.text import Text


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """``line`` and ``column`` count from 1, in characters."""

    line: int
    column: int
    reason: Text


def syntax_problem(source: str, message: str) -> SyntaxProblem:
    """The problem that tomllib's ``message`` about ``source`` means.

    The library's words are for those who know the grammar, and its place is where it gave up: for a file
    that ends too early, that is a line which does not exist.
    """
    lines = source.split("\n")
    place = re.search(r"\(at line (\d+), column (\d+)\)$", message)
    if place is not None:
        line, column = int(place[1]), int(place[2])
    else:
        line = _never_closed(lines) or max((n for n, text in enumerate(lines, 1) if text.strip()), default=1)
        column = len(lines[line - 1].rstrip()) + 1
    rest = lines[line - 1][column - 1 :].strip() if line <= len(lines) else ""
    return SyntaxProblem(line, column, _reason(message, rest, lines[line - 1], ended=place is None))


def _never_closed(lines: Sequence[str]) -> int | None:
    """The line of a single quote without its second one: the library looks for that in the whole file."""
    return next((n for n, text in enumerate(lines, 1) if re.fullmatch(r"[^'\"#]*=\s*'[^']+", text)), None)


def _reason(message: str, rest: str, line: str, *, ended: bool) -> Text:
    if message.startswith("Invalid value"):
        return _bad_value(rest, line, ended=ended)
    if message.startswith("Expected newline") and re.match(r",\d+\s*(#|$)", rest):
        return Text("decimals come after a point: 1.5")
    return next((reason for begins, reason in _REASONS.items() if message.startswith(begins)), _OTHER)


def _bad_value(rest: str, line: str, *, ended: bool) -> Text:
    if ended and not re.search(r"=\s*$", line):
        return Text("the file ends inside a list. Close it with ]")
    if not rest or rest.startswith("#"):
        return Text("the value is missing. Write one behind =, or switch the line off with # before it")
    if rest[0] in "“”„‟‘’‚«»":
        return Text('these quotes are for letters. Write straight ones: "text"')
    if re.match(r"(?i)(true|false)\b", rest):
        return Text("true and false are written in small letters, without quotes")
    return Text('this is no value. Text belongs in quotes: "text"')


_TWICE = Text("this name was given before. Each setting and each [section] stands once")
_BACKSLASH = Text(
    "a backslash in double quotes begins a special character. Put paths in single quotes, "
    "'C:\\folder', or write them with /"
)
_OPEN_QUOTE = Text("a text is not closed. Its second quote is missing")
_OPEN_SECTION = Text("the name of a section is not closed. Write [name], or [[name]] for one of several")
_STATEMENT = Text("this is neither a setting (name = value) nor a [section] nor a remark (behind #)")
_OTHER = Text("this cannot be read as TOML")
_REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "Expected newline": Text(
            "there is more on this line than one setting. Text belongs in quotes, several values in "
            "[brackets], remarks behind #"
        ),
        "Cannot overwrite": _TWICE,
        "Cannot declare": _TWICE,
        "Cannot redefine": _TWICE,
        "Cannot mutate": _TWICE,
        "Duplicate inline": _TWICE,
        "Unescaped": _BACKSLASH,
        "Invalid hex": _BACKSLASH,
        "Escaped character": _BACKSLASH,
        "Unterminated": _OPEN_QUOTE,
        "Illegal character '\\n'": _OPEN_QUOTE,
        "Expected \"'": _OPEN_QUOTE,
        "Expected '\"": _OPEN_QUOTE,
        "Expected ']": _OPEN_SECTION,
        "Expected '='": Text("behind the name of a setting come = and its value: name = value"),
        "Invalid statement": _STATEMENT,
        "Invalid initial character": _STATEMENT,
        "Unclosed array": Text("a list lacks a comma between two values, or its ]"),
        "Unclosed inline": Text("a table lacks a comma between two values, or its }} on the same line"),
        "Found invalid": Text("here stands a character that cannot be seen. Delete it"),
        "Illegal character": Text("here stands a character that cannot be seen. Delete it"),
        "Invalid date": Text("there is no such date"),
    }
)
"""By how the library's message begins; the first that fits."""
