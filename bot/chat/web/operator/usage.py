"""What was used, and who waited how long: charts, the table behind them, and the same as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from aiohttp import web

from bot.chat.web.doors import require_operator
from bot.chat.web.operator.frame import HOME, Frame
from bot.chat.web.operator.svg import WIDTH, drawings
from bot.domain.text import Text
from bot.service.accounts import Accounts
from bot.service.charts import Days, UsageCharts
from bot.service.clock import Clock
from bot.service.operator import UsageBy
from bot.service.records import UsageRow
from bot.service.store import Store

SPANS = (1, 7, 30, 90, 365)
_BY: dict[UsageBy, Text] = {
    "user": Text("by user"),
    "template": Text("by template"),
    "day": Text("by day"),
}
_MOST_ROWS = 200
_COLUMNS = (
    *("key", "jobs", "done", "failed", "cancelled"),
    *("gpu_seconds", "swap_seconds", "mean_waited_seconds"),
)


@dataclass(frozen=True, slots=True)
class Usage:
    frame: Frame
    store: Store
    accounts: Accounts
    clock: Clock
    timezone: str

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"{HOME}/usage", self._page)
        router.add_get(f"{HOME}/usage.csv", self._file)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        by, days, period = self._asked(request)
        rows = await self._rows(by, period)
        charts = await UsageCharts(self.store, self.timezone).of(
            period, "template" if by == "template" else "user"
        )
        return self.frame.show(
            request,
            "usage.html",
            section="usage",
            drawings=drawings(charts),
            width=WIDTH,
            rows=rows[:_MOST_ROWS],
            more=max(0, len(rows) - _MOST_ROWS),
            total=_total(rows),
            by=by,
            bys=list(_BY.items()),
            days=days,
            spans=SPANS if days in SPANS else sorted({*SPANS, days}),
            period=period,
        )

    async def _file(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        by, days, period = self._asked(request)
        text = as_csv(by, await self._rows(by, period))
        name = f"fairbrush-usage-{by}-{period.last.isoformat()}-{days}d.csv"
        return web.Response(
            body=text.encode("utf-8-sig"),  # or spreadsheets take letters for others
            content_type="text/csv",
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _asked(self, request: web.Request) -> tuple[UsageBy, int, Days]:
        by: UsageBy = next((each for each in get_args(UsageBy) if each == request.query.get("by")), "user")
        words = request.query.get("days", "")
        days = int(words) if words.isascii() and words.isdecimal() and len(words) < 5 else 30
        days = min(max(1, days), 3650)
        return by, days, Days.up_to(self.clock.now(), days, self.timezone)

    async def _rows(self, by: UsageBy, period: Days) -> list[UsageRow]:
        rows = await self.accounts.usage(by, since=period.since, until=period.until)
        if by == "day":
            return sorted(rows, key=lambda row: row.key, reverse=True)
        return sorted(rows, key=lambda row: (-row.gpu_seconds, -row.jobs, row.key))


def _total(rows: Iterable[UsageRow]) -> UsageRow:
    rows = tuple(rows)
    begun = sum(row.jobs for row in rows) or 1
    return UsageRow(
        "",
        sum(row.jobs for row in rows),
        sum(row.done for row in rows),
        sum(row.failed for row in rows),
        sum(row.cancelled for row in rows),
        sum(row.gpu_seconds for row in rows),
        sum(row.swap_seconds for row in rows),
        sum(row.waited_seconds * row.jobs for row in rows) / begun,
    )


def as_csv(by: str, rows: Iterable[UsageRow]) -> str:
    """Names that a spreadsheet would take for a formula are marked as text."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow((by, *_COLUMNS[1:]))
    for row in rows:
        key = f"'{row.key}" if row.key[:1] in ("=", "+", "-", "@", "\t", "\r") else row.key
        writer.writerow(
            (
                *(key, row.jobs, row.done, row.failed, row.cancelled),
                *(f"{each:.3f}" for each in (row.gpu_seconds, row.swap_seconds, row.waited_seconds)),
            )
        )
    return file.getvalue()
