"""Sidecars: ``workflows/<name>.toml`` beside an export, read strictly. Pure.

A sidecar corrects and extends what is detected. Nothing in it is guessed at: an unknown key or a value
of the wrong kind is a problem that names file and key, and all problems are told at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.text import Text
from bot.domain.toml_syntax import syntax_problem
from bot.templates import toml_table as toml
from bot.templates.params import Kind
from bot.templates.reading import Raw
from bot.templates.toml_table import Mistake, Naming, Table
from bot.templates.values import Style

_PARAMETER = Naming(
    # They become flags, where capitals and dashes are read as small letters and underscores.
    re.compile(r"[a-z0-9_]{1,32}"),
    Text("must be called by 1 to 32 of the characters a-z 0-9 _"),
)
_LABEL = Naming(re.compile(r"\S(.{0,30}\S)?"), Text("must be called by 1 to 32 characters that can be seen"))

MAX_LENGTH = 1_000_000
"""Characters of a sidecar. The largest have a few thousand; parsing is not quick."""

MOST_DOTS = 500
"""Of one line. The memory that a dotted key takes while it is parsed grows with their square."""


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


def parse_sidecar(text: str) -> tuple[Sidecar, tuple[Mistake, ...]]:
    """What a sidecar says, and everything that is wrong with it; what is wrong is as if it were not said."""
    if len(text) > MAX_LENGTH:
        return Sidecar(), (Mistake(None, Text(" is too long: at most {most} characters.", most=MAX_LENGTH)),)
    dotted = next((n for n, line in enumerate(text.split("\n"), 1) if line.count(".") > MOST_DOTS), None)
    if dotted is not None:
        return Sidecar(), (Mistake(None, Text(", line {line}: there are too many dots.", line=dotted)),)
    try:
        data = tomllib.loads(text)
    except RecursionError:
        return Sidecar(), (Mistake(None, Text(" is nested too deeply.")),)
    except ValueError as error:
        # Not only the library's own error: a number of thousands of digits is a plain ValueError.
        found = syntax_problem(text.replace("\r\n", "\n"), str(error))
        said = Text(", line {line}: {reason}.", line=found.line, reason=found.reason)
        return Sidecar(), (Mistake(None, said),)
    table = Table(data, "", [])
    sidecar = _sidecar(table)
    return sidecar, tuple(table.mistakes)


def _sidecar(table: Table) -> Sidecar:
    sidecar = Sidecar(
        title=table.take("title", toml.text, ""),
        description=table.take("description", toml.text, ""),
        command=table.take("command", toml.command, "imagine"),
        default=table.take("default", toml.boolean, False),
        estimate_seconds=table.take("estimate_seconds", toml.positive, None),
        outputs=table.take("outputs", toml.strings, None),
        nsfw=table.take("nsfw", toml.boolean, False),
        max_pixels=table.take("max_pixels", toml.count, None),
        max_count=table.take("max_count", toml.count, None),
        parameters={name: _override(each) for name, each in table.tables("parameters", _PARAMETER)},
        presets={name: _preset(each) for name, each in table.tables("presets", _LABEL)},
        styles={name: _style(each) for name, each in table.tables("styles", _LABEL)},
    )
    table.done()
    return sidecar


def _override(table: Table) -> Override:
    multiple = table.take("multiple", toml.count, None)
    override = Override(
        bind=_binds(table),
        kind=table.take("kind", toml.kind, None),
        minimum=table.take("min", toml.number, None),
        maximum=table.take("max", toml.number, None),
        step=table.take("step", toml.above_zero, None) if multiple is None else multiple,
        default=table.take("default", toml.scalar, None),
        choices=table.take("choices", toml.scalars, None),
        max_length=table.take("max_length", toml.count, None),
        required=table.take("required", toml.boolean, None),
        description=table.take("description", toml.text, None),
    )
    if override.minimum is not None and override.maximum is not None and override.minimum > override.maximum:
        table.problem("min", Text("is above max"))
    table.done()
    return override


def _binds(table: Table) -> tuple[BindRef, ...] | None:
    """None where nothing is said, and where what is said cannot be read."""
    before = len(table.mistakes)
    found = tuple(_bind(each) for each in table.entries("bind")) if "bind" in table.data else None
    return found if len(table.mistakes) == before else None


def _bind(table: Table) -> BindRef:
    if table.short:
        return BindRef(short=table.short)
    reference = BindRef(
        node=table.take("node", toml.text, ""),
        title=table.take("title", toml.text, ""),
        input=table.take("input", toml.text, ""),
        class_type=table.take("class_type", toml.text, ""),
    )
    if bool(reference.node) == bool(reference.title):
        table.problem("", Text("needs either a node or a title"))
    if not reference.input:
        table.problem("", Text("needs an input"))
    table.done()
    return reference


def _preset(table: Table) -> dict[str, Raw]:
    found = {key: table.take(key, toml.scalar, None) for key in list(table.data)}
    return {key: value for key, value in found.items() if value is not None}


def _style(table: Table) -> Style:
    style = Style(prompt=table.take("prompt", toml.text, ""), negative=table.take("negative", toml.text, ""))
    if style.prompt and "{prompt}" not in style.prompt:
        table.problem("prompt", Text("must hold {place}, where the user's words go", place="{prompt}"))
    table.done()
    return style
