"""Moments as people write them: ``7d``, ``2026-11-01``. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.durations import DAY, HOUR, MINUTE
from bot.domain.errors import ParameterError
from bot.domain.quota_days import local_time
from bot.domain.text import Text

_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN = re.compile(r"(\d{1,6})\s*([mhdw])", re.IGNORECASE)
_DAYS_AGO = {"today": 0, "yesterday": 1}


def moment(words: str, name: str, *, now: int, timezone: str, end: bool = False) -> int:
    """UTC milliseconds of what ``words`` mean on the operator's clock; never before 1970.

    ``7d`` is that long ago; minutes, hours and weeks likewise. A day is its beginning, or with ``end`` the
    beginning of the next one. ``name`` is the option's. Raises ParameterError.
    """
    plain = words.strip().lower()
    if (span := _SPAN.fullmatch(plain)) is not None:
        return max(0, now - int(span[1]) * _UNITS[span[2]])
    zone = ZoneInfo(timezone)
    try:
        if plain in _DAYS_AGO:
            day = local_time(now, timezone).date() - timedelta(days=_DAYS_AGO[plain])
        elif re.fullmatch(r"\d{4}-\d\d-\d\d", plain):
            day = date.fromisoformat(plain)
        else:
            when = datetime.fromisoformat(plain.upper())
            return _milliseconds(when if when.tzinfo else when.replace(tzinfo=zone))
        start = datetime.combine(day + timedelta(days=1) if end else day, time(), zone)
        return _milliseconds(start)
    except (ValueError, OverflowError) as error:
        raise ParameterError(
            name,
            Text(
                "--{name} “{words}” is no time. Write a day like 2026-11-01, a time like 2026-11-01T18:00, "
                "or how long ago: 12h, 7d, 4w.",
                name=name,
                words=words,
            ),
        ) from error


def _milliseconds(when: datetime) -> int:
    return max(0, round(when.timestamp() * 1000))
