"""Sidecars: ``workflows/<name>.toml`` beside an export, read strictly. Pure.

A sidecar corrects and extends what is detected. Nothing in it is guessed at: an unknown key or a value
of the wrong kind is a problem that names file and key, and all problems are told at once.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.domain.text import Text
from bot.templates.choices import nearest
from bot.templates.params import MAX_SEED, Kind
from bot.templates.reading import Raw
from bot.templates.toml_syntax import syntax_mistake
from bot.templates.values import Style

COMMAND = re.compile(r"[a-z0-9_-]{1,32}")
"""What chat platforms take as a command's name."""

MAX_LENGTH = 1_000_000
"""Characters of a sidecar. The largest have a few thousand; parsing is not quick."""


@dataclass(frozen=True, slots=True)
class BindRef:
    """Where to write, as the sidecar says it: ``node`` or ``title`` with ``input``, or ``short`` for both
    in one string. ``class_type`` is what the node was when this was written."""

    node: str = ""
    title: str = ""
    input: str = ""
    class_type: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """``[parameters.NAME]``. None: not said."""

    bind: tuple[BindRef, ...] | None = None
    kind: Kind | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    step: int | float | None = None
    default: Raw | None = None
    choices: tuple[Raw, ...] | None = None
    max_length: int | None = None
    required: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Sidecar:
    title: str = ""
    description: str = ""
    command: str = "imagine"
    default: bool = False
    estimate_seconds: float | None = None
    outputs: tuple[str, ...] | None = None
    nsfw: bool = False
    max_pixels: int | None = None
    max_count: int | None = None
    parameters: Mapping[str, Override] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Raw]] = field(default_factory=dict)
    styles: Mapping[str, Style] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with ``key`` (``parameters.steps.min``; "" for the whole file). ``reason`` is the rest of
    the sentence, without a stop."""

    key: str
    reason: Text

    def about(self, file: str) -> Text:
        """As the operator reads it."""
        if not self.key:
            return Text("{file}{reason}", file=file, reason=self.reason)
        return Text("{file}: {key} {reason}", file=file, key=self.key, reason=self.reason)

    def concerns(self, key: str) -> bool:
        """Whether it is about ``key``, something in it, or something that it is in."""
        longer, shorter = sorted((self.key, key), key=len, reverse=True)
        return not shorter or longer == shorter or longer.startswith((f"{shorter}.", f"{shorter}["))


def parse_sidecar(text: str) -> tuple[Sidecar, tuple[Mistake, ...]]:
    """What a sidecar says, and everything that is wrong with it; what is wrong is as if it were not said."""
    if len(text) > MAX_LENGTH:
        return Sidecar(), (Mistake("", Text(" is too long: at most {most} characters.", most=MAX_LENGTH)),)
    try:
        data = tomllib.loads(text)
    except RecursionError:
        return Sidecar(), (Mistake("", Text(" is nested too deeply.")),)
    except ValueError as error:
        # Not only the library's own error: a number of thousands of digits is a plain ValueError.
        found = syntax_mistake(text.replace("\r\n", "\n"), str(error))
        said = Text(", line {line}: {reason}.", line=found.line, reason=found.reason)
        return Sidecar(), (Mistake("", said),)
    table = _Table(data, "", [])
    sidecar = _sidecar(table)
    return sidecar, tuple(table.mistakes)


def _sidecar(table: _Table) -> Sidecar:
    sidecar = Sidecar(
        title=table.take("title", _string, ""),
        description=table.take("description", _string, ""),
        command=table.take("command", _command, "imagine"),
        default=table.take("default", _boolean, False),
        estimate_seconds=table.take("estimate_seconds", _positive, None),
        outputs=table.take("outputs", _strings, None),
        nsfw=table.take("nsfw", _boolean, False),
        max_pixels=table.take("max_pixels", _count, None),
        max_count=table.take("max_count", _count, None),
        parameters={name: _override(each) for name, each in table.tables("parameters")},
        presets={name: _preset(each) for name, each in table.tables("presets")},
        styles={name: _style(each) for name, each in table.tables("styles")},
    )
    table.done()
    return sidecar


def _override(table: _Table) -> Override:
    multiple = table.take("multiple", _count, None)
    override = Override(
        bind=_binds(table),
        kind=table.take("kind", _kind, None),
        minimum=table.take("min", _number, None),
        maximum=table.take("max", _number, None),
        step=table.take("step", _step, None) if multiple is None else multiple,
        default=table.take("default", _scalar, None),
        choices=table.take("choices", _scalars, None),
        max_length=table.take("max_length", _count, None),
        required=table.take("required", _boolean, None),
        description=table.take("description", _string, None),
    )
    if override.minimum is not None and override.maximum is not None and override.minimum > override.maximum:
        table.problem("min", Text("is above max"))
    table.done()
    return override


def _binds(table: _Table) -> tuple[BindRef, ...] | None:
    """None where nothing is said, and where what is said cannot be read."""
    before = len(table.mistakes)
    found = tuple(_bind(each) for each in table.entries("bind")) if "bind" in table.data else None
    return found if len(table.mistakes) == before else None


def _bind(table: _Table) -> BindRef:
    if table.short:
        return BindRef(short=table.short)
    reference = BindRef(
        node=table.take("node", _string, ""),
        title=table.take("title", _string, ""),
        input=table.take("input", _string, ""),
        class_type=table.take("class_type", _string, ""),
    )
    if bool(reference.node) == bool(reference.title):
        table.problem("", Text("needs either a node or a title"))
    if not reference.input:
        table.problem("", Text("needs an input"))
    table.done()
    return reference


def _preset(table: _Table) -> dict[str, Raw]:
    found = {key: table.take(key, _scalar, None) for key in list(table.data)}
    return {key: value for key, value in found.items() if value is not None}


def _style(table: _Table) -> Style:
    style = Style(prompt=table.take("prompt", _string, ""), negative=table.take("negative", _string, ""))
    if style.prompt and "{prompt}" not in style.prompt:
        table.problem("prompt", Text("must hold {place}, where the user's words go", place="{prompt}"))
    table.done()
    return style


T = TypeVar("T")
D = TypeVar("D")
N = TypeVar("N", int, float)


class _Wrong(ValueError):
    """A value that a reader does not take; its text says what it would take."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


@dataclass(slots=True)
class _Table:
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
        except _Wrong as wrong:
            self.problem(key, wrong.text)
            return default

    def tables(self, key: str) -> list[tuple[str, _Table]]:
        """The named tables below ``key``: ``[key.NAME]``."""
        self.known.append(key)
        section = self.data.get(key, {})
        if not isinstance(section, dict):
            self.problem(key, Text("must be a table"))
            return []
        found = []
        for name, value in section.items():
            if isinstance(value, dict):
                found.append((name, _Table(value, self._path(f"{key}.{name}"), self.mistakes)))
            else:
                self.problem(f"{key}.{name}", Text("must be a table"))
        return found

    def entries(self, key: str) -> list[_Table]:
        """The list of tables or short strings under ``key``; one alone need not be in a list."""
        self.known.append(key)
        value = self.data[key]
        found = []
        for number, entry in enumerate(value if isinstance(value, list) else [value]):
            path = self._path(f"{key}[{number}]")
            if isinstance(entry, str) and entry:
                found.append(_Table({}, path, self.mistakes, short=entry))
            elif isinstance(entry, dict):
                found.append(_Table(entry, path, self.mistakes))
            else:
                self.problem(f"{key}[{number}]", Text('must be "node.input" or {{ node = …, input = … }}'))
        return found

    def done(self) -> None:
        """Report every key that nobody asked for."""
        for key in self.data:
            if key in self.known:
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


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(Text("must be text in quotes"))
    return value


def _command(value: Any) -> str:
    if not isinstance(value, str) or not COMMAND.fullmatch(value):
        raise _Wrong(Text("must be 1 to 32 of the characters a-z 0-9 _ -"))
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(Text("must be true or false"))
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong(Text("must be a number"))
    if isinstance(value, float) and not math.isfinite(value):
        raise _Wrong(Text("must be a number"))
    return _usual(value)


def _usual(value: N) -> N:
    """A number that can be counted with, and shown. TOML's are as long as one likes."""
    if abs(value) > MAX_SEED:
        raise _Wrong(Text("must not be above {most}", most=MAX_SEED))
    return value


def _step(value: Any) -> int | float:
    if _number(value) <= 0:
        raise _Wrong(Text("must be above 0"))
    return _number(value)


def _positive(value: Any) -> float:
    return float(_step(value))


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _Wrong(Text("must be a whole number from 1"))
    return _usual(value)


def _scalar(value: Any) -> Raw:
    if not isinstance(value, str | int | float | bool):
        raise _Wrong(Text("must be text, a number, or true or false"))
    return value if isinstance(value, str | bool) else _number(value)


def _scalars(value: Any) -> tuple[Raw, ...]:
    if not isinstance(value, list) or not value:
        raise _Wrong(Text("must be a list of choices"))
    return tuple(_scalar(each) for each in value)


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise _Wrong(Text("must be a list of node titles or ids"))
    return tuple(value)


def _kind(value: Any) -> Kind:
    known = [kind.value for kind in Kind]
    if value not in known:
        raise _Wrong(Text("must be one of: {kinds}", kinds=", ".join(known)))
    return Kind(value)
