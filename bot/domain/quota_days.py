"""Quota days: stretches of time by the calendar of the operator's zone, and the rolling window. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.durations import DAY
from bot.domain.ids import QuotaDay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def quota_day(at_ms: int, timezone: str) -> QuotaDay:
    """The day that a moment (UTC milliseconds) belongs to, by the calendar of ``timezone`` (IANA name).

    Days never run backwards with time: where clocks are set back over midnight, the hour that comes
    twice belongs to the new day both times. So every day is one stretch of time, and has one allowance.
    Raises ZoneInfoNotFoundError or ValueError for a zone that does not exist.
    """
    return QuotaDay(_date_of(at_ms, ZoneInfo(timezone)).isoformat())


def next_reset(at_ms: int, timezone: str) -> int:
    """When the day of ``at_ms`` ends, in UTC milliseconds: the first moment of a later day, always after
    ``at_ms``. Days of 23 or 25 hours are as long as they are, and a midnight may be skipped."""
    zone = ZoneInfo(timezone)
    return _start_of(_date_of(at_ms, zone) + timedelta(days=1), zone)


def following(day: QuotaDay) -> QuotaDay:
    return QuotaDay((date.fromisoformat(day) + timedelta(days=1)).isoformat())


def _date_of(at_ms: int, zone: ZoneInfo) -> date:
    day = _local(at_ms, zone).date()
    while _start_of(tomorrow := day + timedelta(days=1), zone) <= at_ms:
        day = tomorrow
    return day


def _start_of(day: date, zone: ZoneInfo) -> int:
    """The first moment at which the calendar says ``day`` or later."""
    midnight = datetime.combine(day, time(), zone)
    late = _utc_ms(midnight)
    if _local(late, zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return late
    # Midnight is skipped: it lies between the two readings that fold gives it.
    early = _utc_ms(midnight.replace(fold=1))
    while early < late:
        middle = (early + late) // 2
        if _local(middle, zone).date() >= day:
            late = middle
        else:
            early = middle + 1
    return late


def local_time(at_ms: int, timezone: str) -> datetime:
    return _local(at_ms, ZoneInfo(timezone))


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)


def _utc_ms(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


def rolling_since(at_ms: int) -> int:
    """Reserves made after this moment are in the window of the last 24 hours.

    There is no end to the window: what bears a later time than now (the clock was set back) counts too,
    or setting the clock back would give the allowance again.
    """
    return at_ms - DAY


def rolling_reset(oldest_at: int | None, at_ms: int) -> int:
    """When the oldest use in the window falls out of it; now, when nothing is in it. Never before now."""
    return at_ms if oldest_at is None else max(at_ms, oldest_at + DAY)
