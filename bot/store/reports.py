"""What was used: by user, by template, by day of the operator's calendar; and who waited how long."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from bot.domain import quota
from bot.domain.ids import QuotaDay, UserId
from bot.service.records import UsageRow, UseOfDay, Waits
from bot.store.rows import seconds

QUARTER = 15 * 60 * 1000
"""Every offset from UTC in use is a multiple of a quarter of an hour, so days are made of whole ones."""

# "kind IN (...)" word for word as in the index, or SQLite would not use it.
_SUMS = """
  count(*) AS jobs, sum(j.state = 'done') AS done, sum(j.state = 'failed') AS failed,
  sum(j.state = 'cancelled') AS cancelled, sum(iif(l.kind = 'settle', l.us, 0)) AS gpu_us,
  sum(coalesce(j.swap_us, 0)) AS swap_us, sum(max(0, j.started_at - j.created_at)) AS waited_ms,
  count(j.started_at) AS began
FROM jobs AS j
LEFT JOIN ledger AS l ON l.job = j.place AND l.kind IN ('settle', 'release')
"""
_PERIOD = "WHERE j.created_at >= :since AND j.created_at < :until GROUP BY 1"
BY_TEMPLATE = "SELECT j.template AS key," + _SUMS + _PERIOD
BY_USER = "SELECT i.user AS key," + _SUMS + "JOIN identities AS i ON i.key = j.identity " + _PERIOD
BY_QUARTER = "SELECT j.created_at / :quarter AS key," + _SUMS + _PERIOD
# Of each quarter of an hour and user or template; what used nothing is left out.
_USED = """
  sum(l.us) AS gpu_us
FROM jobs AS j JOIN ledger AS l ON l.job = j.place AND l.kind IN ('settle', 'release') AND l.kind = 'settle'
"""
_PERIODS = "WHERE j.created_at >= :since AND j.created_at < :until GROUP BY 1, 2 HAVING sum(l.us) > 0"
TEMPLATES_BY_QUARTER = "SELECT j.created_at / :quarter AS quarter, j.template AS key," + _USED + _PERIODS
USERS_BY_QUARTER = (
    "SELECT j.created_at / :quarter AS quarter, i.user AS key,"
    + _USED
    + "JOIN identities AS i ON i.key = j.identity "
    + _PERIODS
)
# The 95th percentile by nearest rank: the smallest wait that at least 95 of 100 do not exceed.
WAITS = """
SELECT user, count(*) AS began, sum(waited) AS waited_ms,
  max(iif(place <= (95 * many + 99) / 100, waited, 0)) AS p95_ms
FROM (
  SELECT user, waited, row_number() OVER (PARTITION BY user ORDER BY waited) AS place,
    count(*) OVER (PARTITION BY user) AS many
  FROM (
    SELECT i.user AS user, max(0, j.started_at - j.created_at) AS waited
    FROM jobs AS j JOIN identities AS i ON i.key = j.identity
    WHERE j.created_at >= :since AND j.created_at < :until AND j.started_at IS NOT NULL
  )
)
GROUP BY user
"""
_NAME_OF = """
SELECT n.name FROM identities AS i JOIN names AS n ON n.identity = i.key
WHERE i.user = ? ORDER BY n.seen_at DESC LIMIT 1
"""


@dataclass(slots=True)
class _Sum:
    jobs: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    gpu_us: int = 0
    swap_us: int = 0
    waited_ms: int = 0
    began: int = 0

    def add(self, row: sqlite3.Row) -> None:
        self.jobs += row["jobs"]
        self.done += row["done"]
        self.failed += row["failed"]
        self.cancelled += row["cancelled"]
        self.gpu_us += row["gpu_us"]
        self.swap_us += row["swap_us"]
        self.waited_ms += row["waited_ms"] or 0
        self.began += row["began"]

    def row(self, key: str) -> UsageRow:
        waited = self.waited_ms / self.began / 1000 if self.began else 0.0
        return UsageRow(
            key=key,
            jobs=self.jobs,
            done=self.done,
            failed=self.failed,
            cancelled=self.cancelled,
            gpu_seconds=seconds(self.gpu_us),
            swap_seconds=seconds(self.swap_us),
            waited_seconds=waited,
        )


def usage(
    connection: sqlite3.Connection,
    by: Literal["user", "template", "day"],
    since: int,
    until: int,
    timezone: str,
) -> tuple[UsageRow, ...]:
    """Of the jobs accepted in ``since <= time < until``. Days in order; else most GPU time first."""
    period = {"since": since, "until": until, "quarter": QUARTER}
    match by:
        case "day":
            rows = connection.execute(BY_QUARTER, period)
            sums = _summed(rows, lambda row: quota.quota_day(row["key"] * QUARTER, timezone))
            return tuple(total.row(day) for day, total in sorted(sums.items()))
        case "template":
            sums = _summed(connection.execute(BY_TEMPLATE, period), lambda row: row["key"])
            named = [total.row(template) for template, total in sums.items()]
        case "user":
            sums = _summed(connection.execute(BY_USER, period), lambda row: row["key"])
            named = [total.row(_name(connection, user)) for user, total in sums.items()]
    return tuple(sorted(named, key=lambda row: (-row.gpu_seconds, -row.jobs, row.key)))


def use_of_days(
    connection: sqlite3.Connection, by: Literal["user", "template"], since: int, until: int, timezone: str
) -> tuple[UseOfDay, ...]:
    """GPU seconds of the jobs accepted in ``since <= time < until``, on the days on which they were: they add
    up to what :func:`usage` says. In no particular order."""
    sql = USERS_BY_QUARTER if by == "user" else TEMPLATES_BY_QUARTER
    sums: dict[tuple[str, str], int] = defaultdict(int)
    days: dict[int, str] = {}
    for row in connection.execute(sql, {"since": since, "until": until, "quarter": QUARTER}):
        quarter = row["quarter"]
        if quarter not in days:
            days[quarter] = quota.quota_day(quarter * QUARTER, timezone)
        sums[days[quarter], row["key"]] += row["gpu_us"]
    keys = {key for _, key in sums}
    names = {key: _name(connection, key) if by == "user" else key for key in keys}
    return tuple(UseOfDay(QuotaDay(day), key, names[key], seconds(us)) for (day, key), us in sums.items())


def waits(connection: sqlite3.Connection, since: int, until: int) -> tuple[Waits, ...]:
    """Of the jobs accepted in ``since <= time < until`` that began. In no particular order."""
    return tuple(
        Waits(
            UserId(row["user"]),
            _name(connection, row["user"]),
            row["began"],
            row["waited_ms"] / row["began"] / 1000,
            row["p95_ms"] / 1000,
        )
        for row in connection.execute(WAITS, {"since": since, "until": until})
    )


def _summed(rows: Iterable[sqlite3.Row], key: Callable[[sqlite3.Row], str]) -> dict[str, _Sum]:
    sums: dict[str, _Sum] = defaultdict(_Sum)
    for row in rows:
        sums[key(row)].add(row)
    return sums


def _name(connection: sqlite3.Connection, user: str) -> str:
    row = connection.execute(_NAME_OF, (user,)).fetchone()
    return user if row is None else str(row["name"])
