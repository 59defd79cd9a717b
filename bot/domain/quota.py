"""Quotas: how much of the GPU a user may have in a day. Pure; the time is an argument.

``left = allowance + granted - carried - settled - reserved``. What is reserved is the p90 estimate
of each open job, so that admission never lets settled + reserved pass the limit; one job that takes longer
than was reserved may overshoot, and the overshoot is carried into the following days.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Window(StrEnum):
    DAY = "day"
    """Calendar days in the operator's time zone."""
    ROLLING = "rolling"
    """The last 24 hours, counted from the reserve."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Per day. None is unlimited, 0 is nothing."""

    gpu_seconds: float | None = None
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """Of one quota day, or of the last 24 hours. Seconds are GPU seconds."""

    settled: float = 0.0
    reserved: float = 0.0
    granted: float = 0.0
    carried: float = 0.0
    jobs: int = 0
    """Accepted, minus those that were released."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a user stands. ``resets_at``: UTC milliseconds when the day ends, or when the oldest use of the
    rolling window falls out of it."""

    allowance: Allowance
    use: Use
    resets_at: int
    window: Window = Window.DAY
