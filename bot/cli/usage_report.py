"""The work of ``fairbrush usage``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from bot.cli.common import load, put, put_json, say
from bot.cli.moments import moment
from bot.cli.progress import duration
from bot.cli.reach import reach_to_look
from bot.cli.tables import Column, put_table
from bot.domain.errors import ParameterError
from bot.domain.quota_days import local_time
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.operator import UsageBy
from bot.service.records import UsageRow

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBERS = (
    Column("jobs", right=True),
    Column("done", right=True),
    Column("failed", right=True),
    Column("cancelled", right=True),
    Column("GPU s", right=True),
    Column("swap s", right=True),
    Column("waited", right=True),
)


async def report(
    by: UsageBy, since: str, until: str | None, form: str | None, config_file: Path | None
) -> int:
    settings = load(config_file)
    now = Clock().now()
    begin = moment(since, "since", now=now, timezone=settings.timezone)
    end = now + 1 if until is None else moment(until, "until", now=now, timezone=settings.timezone, end=True)
    if begin >= end:
        raise ParameterError("since", Text("--since is not before --until: nothing lies between them."))
    async with reach_to_look(settings) as reached:
        rows = await reached.desk.usage(by, since=begin, until=end)
    if form == "json":
        for row in rows:
            put_json({by: row.key, **_numbers(row)})
    elif form == "csv":
        _put_csv(by, rows)
    else:
        last = "now" if until is None else _shown(end, settings.timezone)
        say(f"Jobs accepted from {_shown(begin, settings.timezone)} to {last} ({settings.timezone}).")
        _print(by, rows)
    return 0


def _shown(at_ms: int, timezone: str) -> str:
    return f"{local_time(at_ms, timezone):%Y-%m-%d %H:%M}"


def _numbers(row: UsageRow) -> dict[str, object]:
    return {each.name: getattr(row, each.name) for each in fields(row) if each.name != "key"}


def _print(by: UsageBy, rows: Sequence[UsageRow]) -> None:
    if not rows:
        say("There were none.")
        return
    lines = [_line(row) for row in rows]
    if len(rows) > 1:
        lines.append((*_line(_total(rows))[:-1], ""))  # the mean waits of rows do not add up
    put_table((Column(by, most=28), *_NUMBERS), lines)


def _line(row: UsageRow) -> tuple[str, ...]:
    counts = (row.jobs, row.done, row.failed, row.cancelled)
    seconds = (f"{row.gpu_seconds:.1f}", f"{row.swap_seconds:.1f}")
    waited = duration(row.waited_seconds) if row.waited_seconds else ""  # none of them has begun
    return (row.key, *map(str, counts), *seconds, waited)


def _total(rows: Sequence[UsageRow]) -> UsageRow:
    return UsageRow("in all", *(sum(column) for column in list(zip(*map(astuple, rows), strict=True))[1:]))


def _put_csv(by: UsageBy, rows: Sequence[UsageRow]) -> None:
    names = [each.name for each in fields(UsageRow) if each.name != "key"]
    put(_csv_line([by, *names]))
    for row in rows:
        # A spreadsheet would take a name that begins like a formula for one.
        key = f"'{row.key}" if row.key.startswith(_FORMULA) else row.key
        put(_csv_line([key, *_numbers(row).values()]))


def _csv_line(values: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
