"""Amounts in the words of cards, rounded so that they seldom change. PURE."""

from __future__ import annotations

import math

from bot.domain.text import Text
from bot.presentation.cards import CELLS

_MINUTE, _HOUR = 60, 3600
_STEPS = (
    *(10, 20, 30, 45),
    *(minutes * _MINUTE for minutes in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)),
    *(hours * _HOUR for hours in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 18, 24, 36, 48)),
)
"""Seconds. Each is at most half as long again as the one before, once it is more than seconds."""
_EXACT = 5
_ABOUT = (8, 10, 15, 20, 25, 30, 40, 50, 75, 100)
_FAR = 50
_FINEST_STEPS = 20


def eta(seconds: float) -> Text:
    """A wait, rounded up to a few friendly lengths: better early than late."""
    if seconds <= 5:
        return Text("a few seconds")
    # What was just rounded up shall not jump a step because of a moment.
    step = next((step for step in _STEPS if seconds <= step * 1.05), None)
    if step is None:
        days = math.ceil(seconds / 86_400)
        return Text.counted("about {count} day", "about {count} days", days)
    if step < _MINUTE:
        return Text.counted("about {count} second", "about {count} seconds", int(step))
    if step in (1.5 * _MINUTE, 1.5 * _HOUR):
        return Text("about 1½ minutes") if step < _HOUR else Text("about 1½ hours")
    if step < _HOUR:
        return Text.counted("about {count} minute", "about {count} minutes", int(step / _MINUTE))
    return Text.counted("about {count} hour", "about {count} hours", int(step / _HOUR))


def place(number: int) -> Text:
    """A place in line, exact where it matters; further back in steps, so that not every picture that is
    finished changes the cards of everybody who waits."""
    if number <= _EXACT:
        return Text("place {place}", place=number)
    return Text("place {place} or so", place=about_so_many(number))


def about_so_many(number: int) -> int:
    """Rounded up, in steps that grow."""
    if number <= _EXACT:
        return number
    return next((step for step in _ABOUT if number <= step), -(-number // _FAR) * _FAR)


def coarse(text: Text) -> Text:
    """The same sentence with numbers that seldom change: likewise about what comes before one."""
    args = {name: _coarse(value) for name, value in text.args.items()}
    if text.plural is not None:
        return Text.counted(text.msgid, text.plural, about_so_many(text.count), **args)
    return Text(text.msgid, **args)


def _coarse(value: object) -> object:
    match value:
        case Text():
            return coarse(value)
        case int() if not isinstance(value, bool) and value > _EXACT:
            return Text("{number} or so", number=about_so_many(value))
    return value


def cells(fraction: float) -> int:
    """Full cells of a bar; the last is filled by the end alone."""
    return max(0, min(CELLS - 1, math.floor(fraction * CELLS + 1e-9)))


def step(done: float, total: float) -> tuple[int, int]:
    """A step of many, rounded down so that a run shows about twenty different ones."""
    whole, most = max(0, int(done)), max(0, int(total))
    coarse = max(1, -(-most // _FINEST_STEPS))
    return (whole if whole >= most else whole // coarse * coarse), most


def gpu_seconds(seconds: float) -> Text:
    """A charge or a time measured."""
    shown = f"{seconds:.1f}" if seconds < 10 else f"{seconds:,.0f}".replace(",", " ")
    return Text("{seconds} s", seconds=shown.removesuffix(".0"))


def megabytes(size: int) -> Text:
    """A platform's limit on files."""
    mebibytes = size / 2**20
    return Text("{size} MiB", size=f"{mebibytes:.1f}".removesuffix(".0"))
