"""Snowflakes: ids that carry the moment of their making.

Source: https://discord.com/developers/docs/reference#snowflakes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

EPOCH = 1_420_070_400_000
"""The first second of 2015, UTC milliseconds."""

SHIFT = 22


def made_at(snowflake: int) -> int:
    """When it was made, UTC milliseconds."""
    return (snowflake >> SHIFT) + EPOCH


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


@dataclass
class Snowflakes:
    """Mints ids; no two are equal, also when they are backdated."""

    now: Callable[[], int]
    _count: int = 0

    def mint(self, *, ago: float = 0.0) -> int:
        """A new id, made ``ago`` seconds before now."""
        self._count += 1
        return ((self.now() - round(ago * 1000) - EPOCH) << SHIFT) | (self._count & ((1 << SHIFT) - 1))
