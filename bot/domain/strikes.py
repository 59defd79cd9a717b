"""Refused texts, and when somebody has had too many of them. Pure: times are UTC milliseconds.

A refused text is a strike. As many strikes as the operator lets pass within some days end in a block, and the
block uses them up: afterwards counting begins anew. A whole bot has one ladder, and each place that has rules
of its own another, for those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.domain.errors import ConfigError
from bot.domain.ids import IdentityId, UserId
from bot.domain.text import Text

StrikeKind = Literal["word", "hook"]
"""What refused the text: a blocked word, or the operator's own check."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONGEST_MS = 36_500 * DAY_MS
"""A hundred years: what is meant is "for good", and the end must be a time that can be shown."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """``warnings`` strikes within ``window_ms`` are a block of ``block_ms``; 0 of them: never."""

    warnings: int = 0
    window_ms: int = 7 * DAY_MS
    block_ms: int = DAY_MS

    def __post_init__(self) -> None:
        if self.warnings < 0 or self.window_ms <= 0 or self.block_ms <= 0:
            raise ConfigError(Text("moderation: warnings, warnings_days and block_hours cannot be negative."))

    @classmethod
    def of(cls, warnings: int, days: float, hours: float) -> Ladder:
        return cls(warnings, _whole_ms(days * DAY_MS), _whole_ms(hours * HOUR_MS))

    @property
    def is_used(self) -> bool:
        return self.warnings > 0


@dataclass(frozen=True, slots=True)
class Strike:
    """A refused text, without the text. ``place``: whose own rule it broke (``discord:guild:123``); "" for
    rules of the whole bot."""

    user: UserId
    identity: IdentityId
    at: int
    kind: StrikeKind
    place: str = ""


@dataclass(frozen=True, slots=True)
class Rung:
    """Where somebody stands: ``count`` strikes of ``of``. ``blocked_until``: the strike that has just come
    was the last."""

    count: int
    of: int
    blocked_until: int | None = None


def standing(ladder: Ladder, strikes: Iterable[int], now: int) -> int:
    """How many of the times of ``strikes`` still count. One from the future, which a clock that was set back
    leaves, counts."""
    return sum(1 for at in strikes if now - at < ladder.window_ms)


def step(ladder: Ladder, earlier: Iterable[int], now: int) -> Rung:
    """A strike has come, after ``earlier`` ones that no block has used up. For a ladder that is used."""
    count = min(standing(ladder, earlier, now) + 1, ladder.warnings)
    if count < ladder.warnings:
        return Rung(count, ladder.warnings)
    return Rung(count, ladder.warnings, blocked_until=now + ladder.block_ms)


def _whole_ms(milliseconds: float) -> int:
    return max(1, round(min(milliseconds, LONGEST_MS)))
