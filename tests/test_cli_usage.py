"""``fairbrush usage``: who used how much, in every form, of any time."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.moments import moment
from bot.domain.errors import ParameterError
from bot.domain.ids import IdentityId
from bot.service.clock import Clock
from tests.store_support import DAY, HOUR, NOON, opened
from tests.support.bot_process import bot_in_thread
from tests.support.cli import at_terminal, posix_only, screen
from tests.support.commands import call, empty_folder, refused

here = empty_folder()
COLUMNS = ["jobs", "done", "failed", "cancelled", "gpu_seconds", "swap_seconds", "waited_seconds"]


@pytest.fixture
def used(here: Path) -> Path:
    """Ann had two pictures today, =Bob one that was cancelled and, two days ago, one that was painted."""
    now = Clock().now()

    async def fill() -> None:
        (here / "data").mkdir()
        async with opened(here / "data") as desk:
            await desk.store.person(IdentityId("discord:1"), name="Ann", at=1)
            await desk.store.person(IdentityId("discord:2"), name="=Bob", at=1)
            for seconds in (10.0, 2.5):
                job = await desk.one("discord:1", at=now - 60_000)
                await desk.finish(job, seconds=seconds, at=now - 30_000)
            cancelled = await desk.one("discord:2", at=now - 60_000)
            await desk.store.cancel(cancelled, now, by="discord:2", settle_seconds=None)
            old = await desk.one("discord:2", at=now - 2 * DAY)
            await desk.finish(old, seconds=40.0, at=now - 2 * DAY + 1000)

    asyncio.run(fill())
    return here


def test_a_table_by_user(used: Path) -> None:
    result = call("usage")
    assert result.exit_code == 0
    assert result.stderr.startswith("Jobs accepted from ")
    assert result.stderr.endswith(" to now (UTC).\n")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["user", "jobs", "done", "failed", "cancelled", "GPU", "s", "swap", "s", "waited"],
        ["=Bob", "2", "1", "0", "1", "40.0", "0.0", "1", "s"],
        ["Ann", "2", "2", "0", "0", "12.5", "0.0", "30", "s"],
        ["in", "all", "4", "3", "0", "1", "52.5", "0.0"],
    ]


def test_by_template_and_by_day(used: Path) -> None:
    (row,) = [json.loads(line) for line in call("usage", "--by", "template", "--json").stdout.splitlines()]
    assert row == {
        "template": "text-to-image",
        **dict(zip(COLUMNS, [4, 3, 0, 1, 52.5, 0.0, pytest.approx(20.3, 0.1)], strict=True)),
    }
    days = [json.loads(line) for line in call("usage", "--by", "day", "--json").stdout.splitlines()]
    assert [day["jobs"] for day in days] == sorted((1, *([3] if len(days) == 2 else [1, 2])))
    assert all(set(day) == {"day", *COLUMNS} for day in days)


def test_since_and_until_cut(used: Path) -> None:
    def jobs(*words: str) -> int:
        return sum(json.loads(line)["jobs"] for line in call("usage", "--json", *words).stdout.splitlines())

    assert jobs() == 4
    assert jobs("--since", "24h") == 3
    assert jobs("--until", "1d") == 1
    assert jobs("--since", "3d", "--until", "47h") == 1
    assert jobs("--since", "1970-01-01") == 4
    assert jobs("--since", "today", "--until", "today") <= 3


def test_csv_is_read_back_and_holds_no_formula(used: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call("usage", "--csv").stdout)))
    assert list(rows[0]) == ["user", *COLUMNS]
    assert [(row["user"], float(row["gpu_seconds"])) for row in rows] == [("'=Bob", 40.0), ("Ann", 12.5)]


def test_names_that_are_no_plain_words_stay_one_row_each(here: Path) -> None:
    name = 'x, "y"\nz\x1b[2J'
    now = Clock().now()

    async def fill() -> None:
        (here / "data").mkdir()
        async with opened(here / "data") as desk:
            await desk.store.person(IdentityId("discord:1"), name=name, at=1)
            await desk.finish(await desk.one("discord:1", at=now - 1000), at=now - 500)

    asyncio.run(fill())
    assert len(call("usage").stdout.splitlines()) == 2
    assert "\x1b" not in call("usage").stdout
    (row,) = csv.DictReader(io.StringIO(call("usage", "--csv").stdout))
    assert row["user"] == name
    assert json.loads(call("usage", "--json").stdout)["user"] == name


def test_the_running_bot_is_asked(here: Path, used: Path) -> None:
    alone = call("usage", "--json").stdout
    with bot_in_thread(here):
        assert call("usage", "--json").stdout == alone


def test_nothing_yet(here: Path) -> None:
    result = call("usage")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.endswith("There were none.\n")
    assert call("usage", "--json").stdout == ""
    assert call("usage", "--csv").stdout == ",".join(["user", *COLUMNS]) + "\n"
    assert list(here.iterdir()) == []


@posix_only
def test_it_fits_a_terminal_of_80_columns(used: Path) -> None:
    code, written = at_terminal("usage", cwd=used, width=80)
    lines = screen(written, 80)
    assert code == 0
    assert max(map(len, lines)) <= 80
    assert sum("Bob" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--since", "soon"], "--since “soon” is no time. Write a day like 2026-11-01"),
        (["--since", "2026-02-30"], "is no time"),
        (["--until", "2026-13-01"], "--until “2026-13-01” is no time"),
        (["--since", "9999-12-31", "--until", "9999-12-31"], "is no time"),
        (["--since", "1d", "--until", "2d"], "--since is not before --until"),
        (["--since", "2999-01-01"], "--since is not before --until"),
    ],
)
def test_times_that_are_none(here: Path, words: list[str], says: str) -> None:
    assert says in refused("usage", *words)


def test_wrong_usage(here: Path) -> None:
    result = call("usage", "--by", "hour")
    assert result.exit_code == 2
    assert "'user', 'template', 'day'" in result.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("90m", NOON - 90 * 60_000),
        ("12h", NOON - 12 * HOUR),
        ("7D", NOON - 7 * DAY),
        (" 2 w ", NOON - 14 * DAY),
        ("999999w", 0),
        ("2026-11-18", NOON - 13 * HOUR),
        ("today", NOON - 13 * HOUR),
        ("yesterday", NOON - 37 * HOUR),
        ("2026-11-18T13:00", NOON),
        ("2026-11-18 13:00:30", NOON + 30_000),
        ("2026-11-18T12:00Z", NOON),
        ("1969-01-01", 0),
    ],
)
def test_moments_are_those_of_the_operators_clock(words: str, expected: int) -> None:
    assert moment(words, "since", now=NOON, timezone="Europe/Berlin") == expected


def test_a_day_as_an_end_is_a_whole_day() -> None:
    assert moment("2026-11-18", "until", now=NOON, timezone="Europe/Berlin", end=True) == NOON + 11 * HOUR
    # The clock is set back in this night: the day has 25 hours.
    start, end = (
        moment("2026-10-25", "since", now=NOON, timezone="Europe/Berlin", end=end) for end in (False, True)
    )
    assert end - start == 25 * HOUR


@given(
    st.text(max_size=25)
    | st.from_regex(r"\d{1,4}-\d\d?-\d\d?([ T]\d\d:\d\d(Z|\+\d\d:\d\d)?)?", fullmatch=True)
)
def test_any_words_are_a_time_or_refused(words: str) -> None:
    try:
        assert moment(words, "since", now=NOON, timezone="Asia/Tokyo") >= 0
    except ParameterError as error:
        assert error.parameter == "since"  # noqa: PT017 - either is right
