"""TOML read strictly: what is asked for is known, all else is a mistake, and every mistake is kept. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.domain.text import Text
from bot.templates.choices import nearest
from bot.templates.params import MAX_SEED, Kind
from bot.templates.reading import Raw

COMMAND = re.compile(r"[a-z0-9_-]{1,32}")
"""What chat platforms take as a command's name."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What tables of one sort may be called, and the words for those that are not."""

    pattern: re.Pattern[str]
    words: Text

    def allows(self, name: str) -> bool:
        return name.isprintable() and self.pattern.fullmatch(name) is not None


MOST_MISTAKES = 100
"""Told of one sidecar; who made more starts anew."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with ``key`` (``parameters.steps.min``; None: the whole file). ``reason`` is the rest of
    the sentence, without a stop."""

    key: str | None
    reason: Text

    def about(self, file: str) -> Text:
        """As the operator reads it."""
        if self.key is None:
            return Text("{file}{reason}", file=file, reason=self.reason)
        key = "".join(c if c.isprintable() else "?" for c in self.key) or '""'
        return Text("{file}: {key} {reason}", file=file, key=key, reason=self.reason)

    def concerns(self, key: str) -> bool:
        """Whether it is about ``key``, something in it, or something that it is in."""
        if self.key is None:
            return True
        longer, shorter = sorted((self.key, key), key=len, reverse=True)
        return longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


T = TypeVar("T")
D = TypeVar("D")
N = TypeVar("N", int, float)


class Wrong(ValueError):
    """A value that a reader does not take; its text says what it would take."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(slots=True)
class Table:
    """One TOML table while it is read: what was asked for is known, the rest is a mistake."""

    data: Mapping[str, Any]
    path: str
    mistakes: list[Mistake]
    short: str = ""
    known: list[str] = field(default_factory=list)

    def take(self, key: str, read: Callable[[Any], T], default: D) -> T | D:
        self.known.append(key)
        if key not in self.data:
            return default
        try:
            return read(self.data[key])
        except Wrong as wrong:
            self.problem(key, wrong.text)
            return default

    def tables(self, key: str, naming: Naming) -> list[tuple[str, Table]]:
        """The named tables below ``key``: ``[key.NAME]``."""
        self.known.append(key)
        section = self.data.get(key, {})
        if not isinstance(section, dict):
            self.problem(key, Text("must be a table"))
            return []
        found = []
        for name, value in section.items():
            if not naming.allows(name):
                self.problem(f"{key}.{name}", naming.words)
            elif isinstance(value, dict):
                found.append((name, Table(value, self._path(f"{key}.{name}"), self.mistakes)))
            else:
                self.problem(f"{key}.{name}", Text("must be a table"))
        return found

    def entries(self, key: str) -> list[Table]:
        """The list of tables or short strings under ``key``; one alone need not be in a list."""
        self.known.append(key)
        value = self.data[key]
        found = []
        for number, entry in enumerate(value if isinstance(value, list) else [value]):
            path = self._path(f"{key}[{number}]")
            if isinstance(entry, str) and entry:
                found.append(Table({}, path, self.mistakes, short=entry))
            elif isinstance(entry, dict):
                found.append(Table(entry, path, self.mistakes))
            else:
                self.problem(f"{key}[{number}]", Text('must be "node.input" or {{ node = …, input = … }}'))
        return found

    def done(self) -> None:
        """Report every key that nobody asked for."""
        for key in self.data:
            if key in self.known or len(self.mistakes) >= MOST_MISTAKES:
                continue
            close = nearest(key, self.known)
            self.problem(
                key,
                Text("is unknown. Did you mean {nearest}?", nearest=close)
                if close
                else Text("is unknown. Known here: {known}", known=", ".join(self.known)),
            )

    def problem(self, key: str, reason: Text) -> None:
        self.mistakes.append(Mistake(self._path(key) if key else self.path, reason))

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(Text("must be text in quotes"))
    return value


def command(value: Any) -> str:
    if not isinstance(value, str) or not COMMAND.fullmatch(value):
        raise Wrong(Text("must be 1 to 32 of the characters a-z 0-9 _ -"))
    return value


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong(Text("must be true or false"))
    return value


def number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(Text("must be a number"))
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong(Text("must be a number"))
    return _usual(value)


def _usual(value: N) -> N:
    """A number that can be counted with, and shown. TOML's are as long as one likes."""
    if abs(value) > MAX_SEED:
        raise Wrong(Text("must not be above {most}", most=MAX_SEED))
    return value


def above_zero(value: Any) -> int | float:
    if number(value) <= 0:
        raise Wrong(Text("must be above 0"))
    return number(value)


def positive(value: Any) -> float:
    return float(above_zero(value))


def count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Wrong(Text("must be a whole number from 1"))
    return _usual(value)


def scalar(value: Any) -> Raw:
    if not isinstance(value, str | int | float | bool):
        raise Wrong(Text("must be text, a number, or true or false"))
    return value if isinstance(value, str | bool) else number(value)


def scalars(value: Any) -> tuple[Raw, ...]:
    if not isinstance(value, list) or not value:
        raise Wrong(Text("must be a list of choices"))
    return tuple(scalar(each) for each in value)


def strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise Wrong(Text("must be a list of node titles or ids"))
    return tuple(value)


def kind(value: Any) -> Kind:
    known = [kind.value for kind in Kind]
    if value not in known:
        raise Wrong(Text("must be one of: {kinds}", kinds=", ".join(known)))
    return Kind(value)
