"""Where a sidecar is no TOML, in words for those who do not know the grammar. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.text import Text


@dataclass(frozen=True, slots=True)
class SyntaxMistake:
    """``line`` counts from 1; ``reason`` is a sentence without a stop."""

    line: int
    reason: Text


def syntax_mistake(source: str, message: str) -> SyntaxMistake:
    """What tomllib's ``message`` about ``source`` means. Where the library only says that the text ended too
    early, the last line with anything on it is meant."""
    lines = source.split("\n")
    place = re.search(r"\(at line (\d+), column (\d+)\)$", message)
    line = int(place[1]) if place else max((n for n, text in enumerate(lines, 1) if text.strip()), default=1)
    rest = lines[line - 1][int(place[2]) - 1 :].strip() if place and line <= len(lines) else ""
    if message.startswith("Invalid value"):
        return SyntaxMistake(line, _NO_VALUE if not rest or rest[0] == "#" else _BARE_VALUE)
    return SyntaxMistake(
        line, next((r for start, r in _REASONS.items() if message.startswith(start)), _OTHER)
    )


_NO_VALUE = Text("the value is missing. Write one behind =, or delete the line")
_BARE_VALUE = Text('this is no value. Text belongs in straight quotes: "text"')
_TWICE = Text("this name was given before. Each key and each [section] stands once")
_QUOTE = Text("a text is not closed. Its second quote is missing")
_BACKSLASH = Text("a backslash in double quotes begins a special character. Use single quotes, or /")
_HIDDEN = Text("here stands a character that cannot be seen. Delete it")
_OTHER = Text("this cannot be read as TOML. Write name = value, or a [section]")
_REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "Expected newline": Text(
            "there is more on this line than one key. Several values belong in [brackets]"
        ),
        "Cannot": _TWICE,
        "Duplicate": _TWICE,
        "Unescaped": _BACKSLASH,
        "Invalid hex": _BACKSLASH,
        "Escaped character": _BACKSLASH,
        "Unterminated": _QUOTE,
        "Illegal character '\\n'": _QUOTE,
        "Expected \"'": _QUOTE,
        "Expected '\"": _QUOTE,
        "Expected ']": Text("the name of a section is not closed. Write [parameters.name]"),
        "Expected '='": Text("behind a key come = and its value: name = value"),
        "Unclosed array": Text("a list lacks a comma between two values, or its ]"),
        "Unclosed inline": Text("a table lacks a comma between two values, or its }} on the same line"),
        "Found invalid": _HIDDEN,
        "Illegal character": _HIDDEN,
    }
)
"""By how the library's message begins; the first that fits."""
