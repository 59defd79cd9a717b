"""Reading what a person typed: numbers and characters, with the words for what cannot be read. Pure."""

from __future__ import annotations

import math
import unicodedata
from typing import TypeVar

from bot.domain.errors import ParameterError
from bot.domain.text import Text

Raw = str | int | float | bool
"""What a person or a script may pass."""

N = TypeVar("N", int, float)


def label(name: str) -> str:
    """A parameter's name in a sentence."""
    return name.replace("_", " ")


def shown(value: object) -> str:
    """A person's value as a message may repeat it: short, and nothing in it that a terminal would obey."""
    text = "".join(c if unusable_character(c) is None and c not in "\r\n\t" else "�" for c in str(value)[:61])
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"


def unusable_character(text: str) -> int | None:
    """Index of the first character that no text may hold: NUL and other controls (tab and newline are
    fine), and halves of surrogate pairs, which cannot be sent as UTF-8."""
    for index, character in enumerate(text):
        if character not in "\t\n\r" and unicodedata.category(character) in ("Cc", "Cs"):
            return index
    return None


def whole_number(name: str, raw: Raw) -> int:
    """An exact integer from ``7``, ``"7"``, ``7.0``; digits of any script, no underscores."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    if isinstance(raw, str):
        digits = raw.strip()
        unsigned = digits[1:] if digits[:1] in ("+", "-") else digits
        if unsigned.isdecimal() and len(unsigned) <= 30:
            return int(digits)
    raise ParameterError(
        name, Text("{name} must be a whole number, not {value}.", name=label(name), value=shown(raw))
    )


def number(name: str, raw: Raw) -> float:
    if isinstance(raw, bool) or (isinstance(raw, str) and "_" in raw):
        value = math.nan
    else:
        try:
            value = float(raw)
        except (ValueError, OverflowError):
            value = math.nan
    if not math.isfinite(value):
        raise ParameterError(
            name, Text("{name} must be a number, not {value}.", name=label(name), value=shown(raw))
        )
    return value


def within(name: str, value: N, minimum: N | None, maximum: N | None) -> N:
    if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise ParameterError(
            name,
            Text(
                "{name} {value} is out of range: {allowed}.",
                name=label(name),
                value=value,
                allowed=range_text(minimum, maximum, Text("a number")),
            ),
        )
    return value


def range_text(minimum: float | None, maximum: float | None, otherwise: Text) -> Text:
    match minimum, maximum:
        case None, None:
            return otherwise
        case _, None:
            return Text("{minimum} or more", minimum=minimum)
        case None, _:
            return Text("{maximum} or less", maximum=maximum)
        case _:
            return Text("{minimum} to {maximum}", minimum=minimum, maximum=maximum)


def listed(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" … ({len(names)})" if len(names) > most else "")
