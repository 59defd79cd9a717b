"""The values of flags, read into types. PURE.

Here only what is absurd for every template is refused; what a template allows is the template's business.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from bot.domain.errors import FlagError
from bot.domain.text import Text
from bot.presentation.flag_lexer import plain_number

MAX_SEED = 2**64 - 1
"""ComfyUI seeds are unsigned 64-bit numbers."""
MAX_SEEDS = 1000
"""Requests that one seed range may make."""
MAX_COUNT = 1000
MIN_SIDE, MAX_SIDE = 16, 16384
"""Pixels; the bounds that ComfyUI's own latent nodes declare."""
MAX_RATIO = 20

_NUMBER = r"(\d+\.?\d*|\.\d+)"
_ASPECT = re.compile(rf"{_NUMBER}\s*[:/x×∶]\s*{_NUMBER}", re.IGNORECASE)
_SIZE = re.compile(r"(\d+)\s*[x×*]\s*(\d+)", re.IGNORECASE)
_SIGNED = re.compile(rf"[+-]?{_NUMBER}(e[+-]?\d+)?", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")
# Python refuses to read integers beyond 4300 digits; none of ours is near.
_MAX_DIGITS = 30


@dataclass(frozen=True, slots=True)
class LoraUse:
    """One LoRA: its name as the user wrote it and the strength of both its parts (model and text)."""

    name: str
    strength: float


def clip(value: str, limit: int = 60) -> str:
    """User data inside a sentence, short enough to keep the sentence readable."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


def _is_finite(text: str) -> bool:
    return _SIGNED.fullmatch(text) is not None and math.isfinite(float(text))


def read_number(flag: str, raw: str) -> str:
    """A finite decimal number, in plain digits. It stays text: the template knows int from float."""
    text = plain_number(raw)
    if not _is_finite(text):
        raise FlagError(
            Text("{flag} needs a number, like {flag} 4.5, but got “{value}”.", flag=flag, value=clip(raw))
        )
    return text


def read_whole(flag: str, raw: str) -> int:
    text = plain_number(raw)
    if not re.fullmatch(r"[+-]?\d+", text) or len(text) > _MAX_DIGITS:
        raise FlagError(Text("{flag} needs a whole number, but got “{value}”.", flag=flag, value=clip(raw)))
    return int(text)


def read_whole_text(flag: str, raw: str) -> str:
    return str(read_whole(flag, raw))


def read_count(flag: str, raw: str) -> int:
    count = read_whole(flag, raw)
    if not 1 <= count <= MAX_COUNT:
        raise FlagError(
            Text(
                "{flag} must be between 1 and {limit}, not {value}.", flag=flag, limit=MAX_COUNT, value=count
            )
        )
    return count


def read_aspect(flag: str, raw: str) -> tuple[float, float]:
    """Width to height as two positive finite numbers; their ratio is at most ``MAX_RATIO``."""
    found = _ASPECT.fullmatch(plain_number(raw))
    if found is None:
        raise FlagError(
            Text(
                "{flag} needs width and height as two numbers, like {flag} 3:2, but got “{value}”.",
                flag=flag,
                value=clip(raw),
            )
        )
    width, height = float(found[1]), float(found[2])
    if width == 0 or height == 0:
        raise FlagError(
            Text("{flag} {value}: neither side may be 0. Try {flag} 3:2.", flag=flag, value=clip(raw))
        )
    if not (1 / MAX_RATIO <= width / height <= MAX_RATIO):
        raise FlagError(
            Text(
                "{flag} {value} is too narrow a picture: one side may be at most {limit} times the other.",
                flag=flag,
                value=clip(raw),
                limit=MAX_RATIO,
            )
        )
    return width, height


def read_size(flag: str, raw: str) -> tuple[int, int]:
    """Width and height in pixels."""
    found = _SIZE.fullmatch(plain_number(raw))
    if found is None:
        raise FlagError(
            Text(
                "{flag} needs width and height in pixels, like {flag} 1024x768, but got “{value}”.",
                flag=flag,
                value=clip(raw),
            )
        )
    sides = tuple(int(side) if len(side) <= _MAX_DIGITS else MAX_SIDE + 1 for side in found.groups())
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in sides):
        raise FlagError(
            Text(
                "{flag} {value}: each side must be between {low} and {high} pixels.",
                flag=flag,
                value=clip(raw),
                low=MIN_SIDE,
                high=MAX_SIDE,
            )
        )
    return sides[0], sides[1]


def read_seeds(flag: str, raw: str) -> tuple[int, ...]:
    """No seed for ``random`` or ``-1``, one for a number, several for a range ``first-last``."""
    text = plain_number(raw)
    if text == "-1" or text.casefold() == "random":
        return ()
    if (found := _RANGE.fullmatch(text)) is not None:
        first, last = _seed(flag, found[1]), _seed(flag, found[2])
        return _seed_range(flag, raw, first, last)
    if not re.fullmatch(r"\+?\d+", text):
        raise FlagError(
            Text(
                "{flag} needs a whole number, or -1 for a random one, but got “{value}”.",
                flag=flag,
                value=clip(raw),
            )
        )
    return (_seed(flag, text),)


def _seed(flag: str, digits: str) -> int:
    seed = int(digits) if len(digits) <= _MAX_DIGITS else MAX_SEED + 1
    if seed > MAX_SEED:
        raise FlagError(
            Text(
                "{flag} {value} is too large: seeds go up to {limit}.",
                flag=flag,
                value=clip(digits),
                limit=MAX_SEED,
            )
        )
    return seed


def _seed_range(flag: str, raw: str, first: int, last: int) -> tuple[int, ...]:
    if last < first:
        raise FlagError(
            Text("{flag} {value} runs backwards: write the smaller seed first.", flag=flag, value=clip(raw))
        )
    if last - first >= MAX_SEEDS:
        raise FlagError(
            Text(
                "{flag} {value} holds more than {limit} seeds. Ask for fewer at once.",
                flag=flag,
                value=clip(raw),
                limit=MAX_SEEDS,
            )
        )
    return tuple(range(first, last + 1))


def read_lora(flag: str, raw: str) -> LoraUse:
    """``NAME`` or ``NAME:STRENGTH``. The last colon counts; strength 1 when there is none."""
    name, colon, strength = raw.rpartition(":")
    if not colon:
        name, strength = raw, "1"
    name = name.strip()
    if not name:
        raise FlagError(
            Text(
                "{flag} needs the name of a LoRA, like {flag} ink:0.8, but got “{value}”.",
                flag=flag,
                value=clip(raw),
            )
        )
    text = plain_number(strength)
    if not _is_finite(text):
        raise FlagError(
            Text(
                "{flag} {name}: the strength behind the colon must be a number, like 0.8, not “{value}”.",
                flag=flag,
                name=clip(name),
                value=clip(strength),
            )
        )
    return LoraUse(name, float(text))
