"""What is said with an operator's command, read the same way whether it was chosen from a list or typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.durations import DAY, HOUR, MINUTE
from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.service.accounts import NO_ROLES, plain_reason
from bot.service.operator import Limit
from bot.service.outcomes import Call, CallValue

UNLIMITED = ("unlimited", "∞")
_ON = frozenset(("true", "yes", "on", "1"))
_OFF = frozenset(("false", "no", "off", "0", ""))
_UNITS: Mapping[str, int] = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
# Whole words: a month is not "m" and something.
_SPAN = re.compile(
    r"(\d{1,6})\s*(m|min|mins|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)", re.IGNORECASE | re.ASCII
)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_LONGEST = 3650 * DAY
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a command is about. ``wanted`` is an identity, a user's id or a name; ``name`` and ``roles`` are
    those of the platform, where somebody was mentioned rather than named. ``exact``: no mere name."""

    wanted: str
    name: str = ""
    roles: frozenset[str] = NO_ROLES
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """The values of one command."""

    call: Call

    def text(self, name: str) -> str:
        """ "" where nothing was said."""
        value = self.call.options.get(name)
        return "" if value is None else _text(value)

    def needed(self, name: str, missing: Text) -> str:
        if words := self.text(name):
            return words
        raise ParameterError(name, missing)

    def reason(self) -> str:
        return plain_reason(self.text("reason"))

    def user(self) -> Named:
        found = self.maybe_user()
        if found is None:
            raise ParameterError(
                "user", Text("Say whom: mention them, or name them by platform and id, like discord:123.")
            )
        return found

    def maybe_user(self) -> Named | None:
        value = self.call.options.get("user")
        if value is None or isinstance(value, str | int | float):
            words = "" if value is None else _text(value)
            exact = re.fullmatch(r"[a-z]+:\S+", words) is not None
            return Named(words, exact=exact) if words else None
        return Named(value.identity, value.name, value.roles, exact=True)

    def flag(self, name: str) -> bool:
        words = self.text(name).casefold()
        if words not in _ON | _OFF:
            raise ParameterError(
                name, Text("{name} is on or off, not “{words}”.", name=name, words=words[:_SHOWN])
            )
        return words in _ON

    def number(self, name: str, missing: Text) -> float:
        return _number(name, self.needed(name, missing))

    def limit(self, name: str) -> Limit | None:
        """None where nothing was said; "unlimited" is a limit, too."""
        words = self.text(name)
        if not words:
            return None
        return Limit(None) if words.casefold() in UNLIMITED else Limit(_number(name, words, limit=True))

    def whole(self, name: str, default: int, most: int) -> int:
        words = self.text(name)
        if not words:
            return default
        number = _number(name, words)
        if not (number.is_integer() and 1 <= number <= most):
            raise ParameterError(
                name,
                Text(
                    "{name} is a whole number from 1 to {most}, not “{words}”.",
                    name=name,
                    most=most,
                    words=words[:_SHOWN],
                ),
            )
        return int(number)

    def span(self, name: str) -> int | None:
        """Milliseconds of a length of time such as ``2h``; None where nothing was said."""
        words = self.text(name)
        if not words:
            return None
        found = _SPAN.fullmatch(words)
        milliseconds = 0 if found is None else int(found[1]) * _UNITS[found[2][0].lower()]
        if not 0 < milliseconds <= _LONGEST:
            raise ParameterError(
                name,
                Text(
                    "“{words}” is no length of time: write 30m, 12h, 7d or 4w, ten years at most; nothing at "
                    "all for good.",
                    words=words[:_SHOWN],
                ),
            )
        return milliseconds


def _text(value: CallValue) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value if isinstance(value, str | int | float) else value.name).strip()


def _number(name: str, words: str, *, limit: bool = False) -> float:
    plain = words.replace("_", "").replace(" ", "")
    if _THOUSANDS.fullmatch(plain):
        raise ParameterError(
            name,
            Text(
                "“{words}” may mean thousands, or a fraction. Write {number} or {fraction}.",
                words=words[:_SHOWN],
                number=plain.replace(",", "")[:_SHOWN],
                fraction=plain.replace(",", ".", 1).replace(",", "")[:_SHOWN],
            ),
        )
    try:
        return float(plain.replace(",", ".")) + 0.0  # no -0
    except ValueError as error:
        raise ParameterError(
            name,
            Text("“{words}” is no number. Write one like 600, or “unlimited”.", words=words[:_SHOWN])
            if limit
            else Text("“{words}” is no number. Write one like 600.", words=words[:_SHOWN]),
        ) from error
