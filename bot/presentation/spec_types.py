"""Commands and their options as front-ends offer them, apart from how a platform writes them. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from bot.domain.ids import TemplateName
from bot.domain.text import Text


class OptionKind(StrEnum):
    """What a value is. A choice is a text (or number) with ``choices``; a seed is a text, since not every
    platform's whole numbers reach 2^64-1."""

    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    IMAGE = "image"
    USER = "user"


class Source(StrEnum):
    """Where suggestions come from. Any other word is the name of a parameter, such as ``sampler``, and stands
    for its choices."""

    TEMPLATE = "template"
    PRESET = "preset"
    STYLE = "style"
    LORA = "lora"
    ASPECT = "aspect"
    SIZE = "size"
    JOB = "job"
    DISABLED = "disabled template"


@dataclass(frozen=True, slots=True)
class Choice:
    label: Text
    value: str


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option. Bounds hold for numbers and count both ends; None: no end known. ``choices`` are all there
    are; ``autocomplete`` names the :class:`Source` (or parameter) of mere suggestions. Never both."""

    name: str
    kind: OptionKind
    description: Text
    required: bool = False
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[Choice, ...] = ()
    autocomplete: str = ""
    max_length: int | None = None
    """Characters of a text."""


class Audience(Enum):
    EVERYBODY = "everybody"
    MODERATORS = "moderators"
    """Operators, and those who manage the place; the use cases know who may do what of it."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command with options, or (never both) with subcommands, which may have subcommands once more.

    ``templates``: those that the command paints with, the one it takes by itself first; empty for commands
    that do not paint.
    """

    name: str
    description: Text
    options: tuple[OptionSpec, ...] = ()
    subcommands: tuple[CommandSpec, ...] = ()
    audience: Audience = Audience.EVERYBODY
    templates: tuple[TemplateName, ...] = ()

    def option(self, name: str) -> OptionSpec | None:
        return next((option for option in self.options if option.name == name), None)


class Menu(StrEnum):
    """What can be done to a message that holds a picture, where a platform has menus on messages."""

    AGAIN = "again"
    EDIT = "edit"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class MenuSpec:
    menu: Menu
    label: Text
