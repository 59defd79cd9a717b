"""Typed parameters: what a person may set on a template, and how a value of theirs is read. Pure.

A parameter is declared once and becomes a command's flags, a chat platform's typed options, help text
and the validation before anything is queued. ``parse`` takes what a person typed or a script passed and
returns the value, or raises :class:`ParameterError` that names parameter, value and what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.templates.choices import AmbiguousChoice, find, nearest
from bot.templates.reading import (
    Raw,
    label,
    listed,
    number,
    range_text,
    shown,
    unusable_character,
    whole_number,
    within,
)

Value = str | int | float | bool | None
"""A resolved value. None means: as exported."""

MAX_TEXT = 6000
"""Characters of one text: as many as a chat platform's text option carries. A sidecar may say otherwise."""

MAX_NAME = 255
"""Characters of a choice when no list is known to check it against."""

MAX_SEED = 2**64 - 1

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class Kind(StrEnum):
    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    SEED = "seed"
    CHOICE = "choice"
    BOOL = "bool"
    IMAGE = "image"
    MASK = "mask"
    VIDEO = "video"
    AUDIO = "audio"


MEDIA = frozenset({Kind.IMAGE, Kind.MASK, Kind.VIDEO, Kind.AUDIO})


@dataclass(frozen=True, slots=True)
class TextParameter:
    """Free text, kept as typed: emoji, any script, braces, markup. Controls: only tab and newline."""

    name: str
    default: str | None = None
    description: str = ""
    required: bool = False
    max_length: int = MAX_TEXT

    @property
    def kind(self) -> Kind:
        return Kind.TEXT

    def parse(self, raw: Raw) -> str:
        text = raw if isinstance(raw, str) else str(raw)
        if len(text) > self.max_length:
            raise ParameterError(
                self.name,
                Text(
                    "{name} has {length} characters; at most {maximum} are allowed. Shorten it.",
                    name=label(self.name),
                    length=len(text),
                    maximum=self.max_length,
                ),
            )
        if (found := unusable_character(text)) is not None:
            raise ParameterError(
                self.name,
                Text(
                    "{name} holds an unusable character ({character}) at position {position}. Remove it.",
                    name=label(self.name),
                    character=f"U+{ord(text[found]):04X}",
                    position=found + 1,
                ),
            )
        if self.required and not text.strip():
            raise ParameterError(
                self.name, Text("{name} is empty. Say what you want to see.", name=label(self.name))
            )
        return text

    def allowed(self) -> Text:
        return Text("text of at most {maximum} characters", maximum=self.max_length)


@dataclass(frozen=True, slots=True)
class IntParameter:
    """A whole number, both ends included; None: no end known.

    ``step`` and ``phase``: values are moved to the nearest number that leaves ``phase`` when divided by
    ``step`` (sizes come in multiples of 8, video lengths as 4n+1); ``step`` None: nothing known, not moved.
    """

    name: str
    default: int | None = None
    description: str = ""
    minimum: int | None = None
    maximum: int | None = None
    step: int | None = None
    phase: int = 0

    @property
    def kind(self) -> Kind:
        return Kind.INT

    def parse(self, raw: Raw) -> int:
        return self.snap(within(self.name, whole_number(self.name, raw), self.minimum, self.maximum))

    def snap(self, value: int) -> int:
        """The nearest usable number; a value halfway between two goes up."""
        step = self.step or 1
        low = value - (value - self.phase) % step
        snapped = low if 2 * (value - low) < step else low + step
        if self.maximum is not None and snapped > self.maximum:
            snapped -= step
        if self.minimum is not None and snapped < self.minimum:
            snapped += step
        return snapped

    def allowed(self) -> Text:
        return range_text(self.minimum, self.maximum, Text("a whole number"))


@dataclass(frozen=True, slots=True)
class FloatParameter:
    """A number. ``step`` is what a slider would use; it is not enforced, as servers do not either."""

    name: str
    default: float | None = None
    description: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None

    @property
    def kind(self) -> Kind:
        return Kind.FLOAT

    def parse(self, raw: Raw) -> float:
        return within(self.name, number(self.name, raw), self.minimum, self.maximum)

    def allowed(self) -> Text:
        return range_text(self.minimum, self.maximum, Text("a number"))


@dataclass(frozen=True, slots=True)
class SeedParameter:
    """A seed, exact up to 2^64-1. ``parse`` returns None for "draw one" (-1, ``random``)."""

    name: str
    default: int | None = None
    description: str = ""
    minimum: int = 0
    maximum: int = MAX_SEED

    @property
    def kind(self) -> Kind:
        return Kind.SEED

    def parse(self, raw: Raw) -> int | None:
        if isinstance(raw, str) and raw.strip().casefold() == "random":
            return None
        value = whole_number(self.name, raw)
        return None if value == -1 else within(self.name, value, self.minimum, self.maximum)

    def allowed(self) -> Text:
        return Text(
            "a whole number from {minimum} to {maximum}, or -1 for a new one",
            minimum=self.minimum,
            maximum=self.maximum,
        )


@dataclass(frozen=True, slots=True)
class ChoiceParameter:
    """One of a list. ``choices`` is None as long as no server has told its list."""

    name: str
    default: Raw | None = None
    description: str = ""
    choices: tuple[Raw, ...] | None = None

    @property
    def kind(self) -> Kind:
        return Kind.CHOICE

    def parse(self, raw: Raw) -> Raw:
        wanted = str(raw)
        if self.choices is None:
            return self._unlisted(wanted)
        try:
            found = find(wanted, self.choices)
        except AmbiguousChoice as error:
            raise ParameterError(
                self.name,
                Text(
                    "{name} {value} could be any of these: {candidates}. Write it in full.",
                    name=label(self.name),
                    value=shown(wanted),
                    candidates=listed(error.candidates),
                ),
            ) from error
        if found is None:
            raise ParameterError(self.name, self._not_listed(wanted))
        return found

    def _not_listed(self, wanted: str) -> Text:
        close = nearest(wanted, self.choices or ())
        if close is not None:
            return Text(
                "{name} {value} is not available here. Did you mean {nearest}?",
                name=label(self.name),
                value=shown(wanted),
                nearest=close,
            )
        if not self.choices:
            return Text(
                "{name} {value} is not available here: the server has none.",
                name=label(self.name),
                value=shown(wanted),
            )
        return Text(
            "{name} {value} is not available here. Available: {choices}.",
            name=label(self.name),
            value=shown(wanted),
            choices=listed(tuple(map(str, self.choices))),
        )

    def _unlisted(self, wanted: str) -> str:
        """A name that nothing can be checked against yet: at least no way out of the model folder."""
        parts = wanted.replace("\\", "/").split("/")
        strange = ".." in parts or not parts[0] or ":" in parts[0] or unusable_character(wanted) is not None
        if strange or len(wanted) > MAX_NAME or wanted != wanted.strip():
            raise ParameterError(
                self.name,
                Text("{name} {value} cannot be a name.", name=label(self.name), value=shown(wanted)),
            )
        return wanted

    def allowed(self) -> Text:
        if self.choices is None:
            return Text("a name that the server knows")
        if not self.choices:
            return Text("nothing: the server has none")
        return Text("one of: {choices}", choices=listed(tuple(map(str, self.choices))))


@dataclass(frozen=True, slots=True)
class BoolParameter:
    name: str
    default: bool | None = None
    description: str = ""

    @property
    def kind(self) -> Kind:
        return Kind.BOOL

    def parse(self, raw: Raw) -> bool:
        word = str(raw).strip().casefold()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise ParameterError(
            self.name, Text("{name} is on or off, not {value}.", name=label(self.name), value=shown(raw))
        )

    def allowed(self) -> Text:
        return Text("on or off")


@dataclass(frozen=True, slots=True)
class MediaParameter:
    """An input file. Its value is the caller's reference to the file (its hash), never a name or path on a
    server: what a server calls it is known after the upload and is given to ``Template.bind``."""

    name: str
    media: Kind = Kind.IMAGE
    description: str = ""
    required: bool = True
    default: None = None

    @property
    def kind(self) -> Kind:
        return self.media

    def parse(self, raw: Raw) -> str:
        if not isinstance(raw, str) or not raw:
            raise ParameterError(
                self.name, Text("{name} needs a file, not {value}.", name=label(self.name), value=shown(raw))
            )
        return raw

    def allowed(self) -> Text:
        return Text("a file ({media})", media=self.media.value)


Parameter = (
    TextParameter
    | IntParameter
    | FloatParameter
    | SeedParameter
    | ChoiceParameter
    | BoolParameter
    | MediaParameter
)
