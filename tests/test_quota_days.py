"""Quota days: where they begin and end, in any zone, on days when clocks change, and when ours jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.durations import DAY, HOUR
from bot.domain.ids import QuotaDay
from bot.domain.quota import next_reset, quota_day, rolling_reset, rolling_since
from bot.domain.quota_days import following, local_time

ZONES = [
    "UTC",
    "America/New_York",
    "America/Sao_Paulo",  # until 2018 its clocks changed at midnight
    "America/St_Johns",  # until 2011 at one minute past
    "America/Havana",
    "America/Asuncion",
    "Africa/Cairo",  # on Fridays at midnight
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # half an hour
    "Europe/Berlin",
    "Europe/London",
    "Pacific/Apia",  # left out a whole day
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Antarctica/Troll",  # two hours
    "Etc/GMT+12",
]
zones = st.sampled_from(ZONES)
first, last = (
    int(datetime(1971, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2060, 1, 1, tzinfo=UTC).timestamp()),
)
anytime = st.integers(first * 1000, last * 1000)


def ms(wall: str, zone: str, fold: int = 0) -> int:
    moment = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000)


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, int]:
    """A zone, and a moment within some hours of a change of its clocks, where all mistakes are."""
    zone = draw(zones)
    info = ZoneInfo(zone)
    begin = datetime(draw(st.integers(1972, 2040)), 1, 1, tzinfo=UTC)

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(info).utcoffset()

    days = [begin + timedelta(days=n) for n in range(366)]
    changes = [d for d in days if offset(d) != offset(d + timedelta(days=1))] or [begin]
    change = draw(st.sampled_from(changes))
    return zone, round(change.timestamp() * 1000) + draw(st.integers(-6 * HOUR, DAY + 6 * HOUR))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", "2024-03-10", 24),
        ("America/New_York", "2024-03-09", 24),
        ("America/New_York", "2024-03-10", 23),
        ("America/New_York", "2024-11-03", 25),
        ("Australia/Lord_Howe", "2024-04-07", 24.5),
        ("Australia/Lord_Howe", "2024-10-06", 23.5),
        ("Africa/Cairo", "2024-04-25", 24),
        ("Africa/Cairo", "2024-04-26", 23),  # begins at 01:00
        ("Africa/Cairo", "2024-10-31", 25),  # its last hour comes twice
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Havana", "2024-11-03", 25),  # its first hour comes twice
        ("Antarctica/Troll", "2024-03-31", 22),
        ("Asia/Kathmandu", "1985-12-31", 24),
        ("Asia/Kathmandu", "1986-01-01", 23.75),
        ("Africa/Monrovia", "1972-01-07", 24 - 44.5 / 60),
    ],
)
def test_days_are_as_long_as_the_calendar_says(zone: str, day: str, hours: float) -> None:
    noon = ms(f"{day}T12:00", zone)
    end = next_reset(noon, zone)
    begin = next_reset(noon - DAY, zone)
    assert quota_day(noon, zone) == day
    assert end - begin == round(hours * HOUR)
    assert quota_day(begin, zone) == quota_day(end - 1, zone) == day
    assert quota_day(begin - 1, zone) < day < quota_day(end, zone)


def test_a_skipped_midnight_begins_the_day_with_its_first_moment() -> None:
    begin = next_reset(ms("2018-11-03T12:00", "America/Sao_Paulo"), "America/Sao_Paulo")
    assert f"{local_time(begin, 'America/Sao_Paulo'):%F %T}" == "2018-11-04 01:00:00"
    # In 1919 Toronto went from half past eleven to half past midnight.
    begin = next_reset(ms("1919-03-30T12:00", "America/Toronto"), "America/Toronto")
    assert f"{local_time(begin, 'America/Toronto'):%F %T}" == "1919-03-31 00:30:00"


def test_a_day_that_a_zone_left_out_is_no_day() -> None:
    noon = ms("2011-12-29T12:00", "Pacific/Apia")
    assert quota_day(next_reset(noon, "Pacific/Apia"), "Pacific/Apia") == "2011-12-31"


def test_an_hour_that_comes_twice_over_midnight_is_one_day_and_has_one_allowance() -> None:
    # At one minute past midnight the clocks of Newfoundland went back to 23:01 of the day before.
    zone = "America/St_Johns"
    for wall, fold, day in [
        ("2010-11-06T23:59", 0, "2010-11-06"),
        ("2010-11-07T00:00:30", 0, "2010-11-07"),
        ("2010-11-06T23:30", 1, "2010-11-07"),
        ("2010-11-07T00:00:30", 1, "2010-11-07"),
    ]:
        assert quota_day(ms(wall, zone, fold), zone) == day, (wall, fold)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_zones_that_do_not_exist_are_refused(zone: str) -> None:
    with pytest.raises((ZoneInfoNotFoundError, ValueError)):
        quota_day(0, zone)


@given(st.one_of(near_a_change(), st.tuples(zones, anytime)))
def test_every_moment_lies_in_one_day_that_ends_when_it_says(where: tuple[str, int]) -> None:
    zone, at = where
    day, end = quota_day(at, zone), next_reset(at, zone)
    assert at < end <= at + 50 * HOUR
    assert quota_day(end - 1, zone) == day < quota_day(end, zone)


@given(near_a_change(), st.integers(0, 30 * HOUR))
def test_days_never_run_backwards_with_time(where: tuple[str, int], later: int) -> None:
    zone, at = where
    assert quota_day(at, zone) <= quota_day(at + later, zone)
    assert next_reset(at, zone) <= next_reset(at + later, zone)


@given(near_a_change())
def test_the_day_is_the_latest_date_that_the_calendar_has_shown(where: tuple[str, int]) -> None:
    zone, at = where
    minute = at // 60_000
    shown = {local_time((minute - n) * 60_000, zone).date() for n in range(180)}
    shown.add(local_time(at, zone).date())
    assert quota_day(at, zone) == max(shown).isoformat()


@given(st.dates())
def test_the_following_day(day: object) -> None:
    if str(day) == "9999-12-31":
        return
    assert QuotaDay(str(day)) < following(QuotaDay(str(day)))
    assert (datetime.fromisoformat(following(QuotaDay(str(day)))) - timedelta(days=1)).date() == day


def test_the_rolling_window_lets_go_of_a_reserve_after_24_hours() -> None:
    reserved_at = 1_700_000_000_000
    freed = rolling_reset(reserved_at, reserved_at + HOUR)
    assert freed == reserved_at + DAY
    assert reserved_at > rolling_since(freed - 1)
    assert not reserved_at > rolling_since(freed)


def test_the_rolling_window_resets_now_when_nothing_is_in_it() -> None:
    assert rolling_reset(None, 7) == 7
    assert rolling_reset(0, 5 * DAY) == 5 * DAY


def test_a_clock_that_was_set_back_leaves_use_in_the_rolling_window() -> None:
    now = 1_700_000_000_000
    used_at = now + 3 * HOUR  # written down before the clock was set back
    assert used_at > rolling_since(now)
    assert rolling_reset(used_at, now) == used_at + DAY
