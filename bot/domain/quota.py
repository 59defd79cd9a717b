"""Quotas: how much of the GPU a user may have in a day. Pure; the time is an argument.

``left = allowance + granted - carried - settled - reserved``. What is reserved is the p90 estimate
of each open job, so that admission never lets settled + reserved pass the limit; one job that takes longer
than was reserved may overshoot, and the overshoot is carried into the following days.

Settled and reserved seconds belong to the day of their reserve, grants to that on which they were given;
when the window rolls, both belong to the last 24 hours. Carries belong to a calendar day in both. A clock
that is set back finds the earlier day as it was left, and the later one too when it comes again: no day's
allowance is given twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from bot.domain.durations import about
from bot.domain.errors import ParameterError, QuotaUsedUp
from bot.domain.ids import QuotaDay
from bot.domain.quota_days import following, local_time
from bot.domain.quota_days import next_reset as next_reset
from bot.domain.quota_days import quota_day as quota_day
from bot.domain.quota_days import rolling_reset as rolling_reset
from bot.domain.quota_days import rolling_since as rolling_since
from bot.domain.text import Text

MOST_SECONDS = 1_000_000_000
"""Larger limits and grants are typing mistakes; 30 years of one GPU."""

_TOLERANCE = 1e-6
"""GPU seconds that rounding of sums may be off."""


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


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a whole request: the sum of its reserves, and its jobs. A repeat from the store costs nothing."""

    seconds: float
    jobs: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a request was not admitted. ``limit``, ``left`` and ``wanted`` are GPU seconds or jobs, as
    ``what`` says; ``left`` is never negative."""

    what: Literal["gpu_seconds", "jobs"]
    limit: float
    left: float
    wanted: float
    resets_at: int
    never: bool
    """It would not fit even into a fresh day: waiting does not help."""
    window: Window = Window.DAY


def left_seconds(standing: Standing) -> float | None:
    """GPU seconds that may still be reserved, for showing: never negative, None when unlimited."""
    limit = standing.allowance.gpu_seconds
    return None if limit is None else max(0.0, limit - _taken(standing.use))


def left_jobs(standing: Standing) -> int | None:
    """Jobs that may still be accepted, for showing: never negative, None when unlimited."""
    limit = standing.allowance.jobs
    return None if limit is None else max(0, limit - standing.use.jobs)


def admit(standing: Standing, cost: Cost) -> Shortage | None:
    """What is short for ``cost``; None when it may be reserved.

    Admitted is what keeps ``settled + reserved + carried <= limit + granted``, to a microsecond. What
    costs nothing at all is always admitted; a job that is thought to take no time is not, once nothing
    is left. The caller reserves in the same transaction.
    """
    if not (0 <= cost.seconds < math.inf and cost.jobs >= 0):
        raise ValueError(f"no cost: {cost}")
    if cost.seconds == 0 and cost.jobs == 0:
        return None
    limit = standing.allowance.gpu_seconds
    if limit is not None:
        left = limit - _taken(standing.use)
        if cost.seconds > left + _TOLERANCE or left <= _TOLERANCE:
            return Shortage(
                "gpu_seconds",
                limit,
                max(0.0, left),
                cost.seconds,
                standing.resets_at,
                limit <= _TOLERANCE or cost.seconds > limit + _TOLERANCE,
                standing.window,
            )
    most = standing.allowance.jobs
    if most is not None and cost.jobs and standing.use.jobs + cost.jobs > most:
        return Shortage(
            "jobs",
            most,
            max(0, most - standing.use.jobs),
            cost.jobs,
            standing.resets_at,
            cost.jobs > most,
            standing.window,
        )
    return None


def _taken(use: Use) -> float:
    return use.settled + use.reserved + use.carried - use.granted


def refusal(shortage: Shortage, timezone: str, now_ms: int) -> QuotaUsedUp:
    """The error for a shortage: which limit, how much is left, when there is more (the operator's time)."""
    parts: dict[str, object] = {
        "left": _down(shortage.left),
        "limit": _down(shortage.limit),
        "wanted": _up(shortage.wanted),
        "time": f"{local_time(shortage.resets_at, timezone):%H:%M} {timezone}",
        "wait": about(shortage.resets_at - now_ms),
    }
    nothing = shortage.limit <= 0 and shortage.left <= 0
    kind = "none" if nothing else "never" if shortage.never else str(shortage.window)
    return QuotaUsedUp(Text(_REFUSALS[shortage.what, kind], **parts), cause=f"{shortage}")


_REFUSALS = MappingProxyType(
    {
        ("gpu_seconds", "none"): (
            "You have no GPU time here: your quota is {limit} seconds a day. Ask an operator for some."
        ),
        ("gpu_seconds", "never"): (
            "This needs about {wanted} GPU seconds: {left} are left, and a whole day has {limit}. Ask for "
            "fewer pictures, a smaller size or fewer steps."
        ),
        ("gpu_seconds", "day"): (
            "This needs about {wanted} GPU seconds, and {left} of your {limit} a day are left. There is more "
            "at {time}, in {wait}. A smaller request may fit."
        ),
        ("gpu_seconds", "rolling"): (
            "This needs about {wanted} GPU seconds, and {left} of your {limit} in 24 hours are left. The "
            "first come back at {time}, in {wait}. A smaller request may fit."
        ),
        ("jobs", "none"): "You may not make pictures here: your quota is {limit} a day. Ask an operator.",
        ("jobs", "never"): "You asked for {wanted}, and a whole day has {limit} pictures. Ask for fewer.",
        ("jobs", "day"): (
            "You asked for {wanted}, and {left} of your {limit} pictures a day are left. There are more at "
            "{time}, in {wait}."
        ),
        ("jobs", "rolling"): (
            "You asked for {wanted}, and {left} of your {limit} pictures in 24 hours are left. The first "
            "come back at {time}, in {wait}."
        ),
    }
)


def _down(amount: float) -> str:
    return f"{math.floor(amount * 10 + 1e-4) / 10:g}" if amount < 100 else f"{math.floor(amount)}"


def _up(amount: float) -> str:
    """Rounded away from what is left, so that a refusal never says that 12 of 12 are not enough."""
    return f"{math.ceil(amount * 10 - 1e-4) / 10:g}" if amount < 100 else f"{math.ceil(amount)}"


def overshoot(standing_after: Standing, measured: float, reserved: float) -> float:
    """GPU seconds of one job beyond the limit: at least 0, at most ``measured - reserved``.

    ``standing_after`` has the job settled: ``measured`` is in ``settled``, its reserve is gone. What other
    jobs still have reserved counts, as at admission: otherwise the debt of a job that overshoots while
    others wait would belong to none.
    """
    limit = standing_after.allowance.gpu_seconds
    if limit is None:
        return 0.0
    return max(0.0, min(_taken(standing_after.use) - limit, measured - reserved))


def carry_from(reserve_day: QuotaDay, settle_day: QuotaDay) -> QuotaDay:
    """The first day that pays for an overshoot: the one after both. The day of the settling may be used
    up already, and a debt on it would be paid by nobody."""
    return following(max(reserve_day, settle_day))


def carry(
    overshoot: float,
    limit: float,
    first_day: QuotaDay,
    *,
    most_days: int = 30,
    carried: Mapping[QuotaDay, float] | None = None,
) -> tuple[tuple[QuotaDay, float], ...]:
    """An overshoot, spread over ``first_day`` and those that follow, at most ``limit`` a day in all.

    ``carried`` is what those days owe already for other jobs. What ``most_days`` whole days do not pay is
    forgiven; so is everything when the limit is 0, for then there is nothing to pay from.
    """
    entries = []
    day, owed = first_day, overshoot
    for _ in range(most_days):
        if not owed > _TOLERANCE:
            break
        part = min(owed, max(0.0, limit - (carried or {}).get(day, 0.0)))
        if part > 0:
            entries.append((day, part))
            owed -= part
        day = following(day)
    return tuple(entries)


def check_amount(seconds: float) -> None:
    """Raise ParameterError for a grant that is no amount. Negative ones take away, and are allowed."""
    if not abs(seconds) <= MOST_SECONDS:
        raise ParameterError(
            "seconds",
            Text(
                "“{value}” is no amount of GPU seconds: give a number from -{most} to {most}.",
                value=seconds,
                most=MOST_SECONDS,
            ),
        )


def check_allowance(allowance: Allowance) -> None:
    """Raise ParameterError for a daily limit that is negative, not a number, or huge."""
    for name, value in (("gpu_seconds", allowance.gpu_seconds), ("jobs", allowance.jobs)):
        if value is not None and not 0 <= value <= MOST_SECONDS:
            raise ParameterError(
                name,
                Text(
                    "“{value}” is no daily limit: give a number from 0 to {most}, or “unlimited”.",
                    value=value,
                    most=MOST_SECONDS,
                ),
            )
