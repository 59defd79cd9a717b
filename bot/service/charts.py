"""What was used and who waited, from the ledger: as charts, and as the picture that chats show of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain.quota_days import next_reset, quota_day
from bot.domain.text import Text
from bot.presentation.charts import Chart
from bot.presentation.charts_usage import Use, Waited, usage_chart, waits_chart
from bot.presentation.language import Language
from bot.service.charts_fonts import Fonts
from bot.service.charts_picture import png_of
from bot.service.outcomes import Document
from bot.service.records import UseOfDay, Waits
from bot.service.store import Store
from bot.service.threads import in_thread

log = logging.getLogger(__name__)

NAME = "usage.png"
_BY = {"user": Text("by user"), "template": Text("by template")}


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days of the operator's calendar, ``last`` being the one that it is. ``since`` and ``until``: the
    same in UTC milliseconds, up to now."""

    first: date
    last: date
    since: int
    until: int

    @staticmethod
    def up_to(now: int, days: int, timezone: str) -> Days:
        """``now``: UTC milliseconds; ``days`` counts the one that it is."""
        last = date.fromisoformat(quota_day(now, timezone))
        first = last - timedelta(days=days - 1)
        before = datetime.combine(first - timedelta(days=1), time(12), ZoneInfo(timezone))
        return Days(
            first, last, next_reset(round(before.astimezone(UTC).timestamp() * 1000), timezone), now + 1
        )


@dataclass(frozen=True, slots=True)
class UsageCharts:
    """``timezone`` is the operator's."""

    store: Store
    timezone: str

    async def of(self, days: Days, by: Literal["user", "template"]) -> tuple[Chart, ...]:
        """GPU time by day, and who waited how long; none where nothing was used. Raises StoreUnavailable."""
        period = {"since": days.since, "until": days.until}
        uses = await self.store.use_of_days(by, timezone=self.timezone, **period)
        waits = await self.store.waits(**period)
        # Years of many people are many numbers.
        return await in_thread(_charts, uses, waits, days, _BY[by])


def _charts(uses: Sequence[UseOfDay], waits: Sequence[Waits], days: Days, by: Text) -> tuple[Chart, ...]:
    used = usage_chart(
        [Use(date.fromisoformat(each.day), each.key, each.name, each.gpu_seconds) for each in uses],
        first=days.first,
        last=days.last,
        by=by,
    )
    waited = waits_chart([Waited(each.user, each.name, each.mean, each.p95) for each in waits])
    return () if used is None else (used,) if waited is None else (used, waited)


@dataclass(frozen=True, slots=True)
class Painter:
    """Makes pictures of charts, one at a time."""

    fonts: Fonts = field(default_factory=Fonts)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def png(self, charts: Sequence[Chart], language: Language) -> bytes | None:
        """None where it cannot be drawn: the numbers are in words as well."""
        async with self._busy:
            try:
                return await in_thread(png_of, charts, language, self.fonts)
            except (OSError, ValueError, MemoryError) as error:
                log.warning("a chart was not drawn: %r", error)
                return None


@dataclass(frozen=True, slots=True)
class Drawn:
    """:class:`bot.service.outcomes.Drawing` of charts."""

    charts: tuple[Chart, ...]
    painter: Painter

    async def picture(self, language: Language) -> Document | None:
        png = await self.painter.png(self.charts, language)
        if png is None:
            return None
        alt = " ".join(language.label(chart.alt) for chart in self.charts)
        return Document(NAME, "image/png", png, alt=alt)
