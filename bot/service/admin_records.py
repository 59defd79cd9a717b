"""What operators look up: what was used, and who did what."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import get_args

from bot.domain.errors import ParameterError
from bot.domain.quota_days import local_time
from bot.domain.text import Text
from bot.presentation.actions import mark
from bot.presentation.card_admin_lists import AUDIT_ROWS, Deed, UsageEntry, audit_card, detail_of, usage_card
from bot.presentation.card_admin_pages import joined, page_of
from bot.presentation.card_words import gpu_seconds
from bot.presentation.cards import Card
from bot.service.admin_people import FOR_GOOD
from bot.service.admin_words import Said
from bot.service.charts import Days, Drawn, Painter, UsageCharts
from bot.service.gate import Asker
from bot.service.operator import UsageBy
from bot.service.outcomes import Tell
from bot.service.records import AuditEntry
from bot.service.running import RunningBot

_DAYS = 30
_MOST_DAYS = 3650
_MOST_DEEDS = 50 * AUDIT_ROWS
"""Of the audit log: more pages nobody turns; the database has the rest."""
_BY = MappingProxyType({"user": Text("by user"), "template": Text("by template"), "day": Text("by day")})


_BLOCK = re.compile(r"(?:(\S+:\S+) )?(\d{1,19}|for good)(?: (.*))?", re.DOTALL)
"""The detail of a block in the log: perhaps a place, the end, perhaps a reason."""


@dataclass(frozen=True, slots=True)
class AdminRecords:
    """``timezone`` is the operator's: its days are those of the usage, and what a card says of times."""

    operator: RunningBot
    timezone: str
    painter: Painter = field(default_factory=Painter)

    async def usage(self, said: Said) -> Tell:
        by, days = _usage_by(said), said.whole("days", _DAYS, _MOST_DAYS)
        period = Days.up_to(self.operator.clock.now(), days, self.timezone)
        rows = await self.operator.usecases.accounts.usage(by, since=period.since, until=period.until)
        entries = [UsageEntry(row.key, row.jobs, row.failed, row.cancelled, row.gpu_seconds) for row in rows]
        if by == "day":
            entries.sort(key=lambda entry: entry.name, reverse=True)
        else:
            entries.sort(key=lambda entry: (-entry.seconds, -entry.jobs, entry.name))
        charts = await UsageCharts(self.operator.store, self.timezone).of(
            period, "template" if by == "template" else "user"
        )
        card = usage_card(entries, by=_BY[by], days=days)
        return Tell(card, drawing=Drawn(charts, self.painter) if charts else None)

    async def audit(self, asker: Asker, page: int = 0) -> Card:
        entries = await self.operator.store.audit_log(_MOST_DEEDS)
        names = await self._names([entry for _, entry in page_of(entries, page, AUDIT_ROWS).shown])
        deeds = [self._deed(entry, names) for entry in entries]
        return audit_card(deeds, owner=mark(asker.identity), page=page)

    async def deeds(self, entries: Sequence[AuditEntry]) -> tuple[Deed, ...]:
        """Entries of the log as people read them, in the same order."""
        names = await self._names(entries)
        return tuple(self._deed(entry, names) for entry in entries)

    async def _names(self, entries: Sequence[AuditEntry]) -> dict[str, str]:
        """The names last seen of those who did something and to whom it was done."""
        names: dict[str, str] = {}
        for wanted in {each for entry in entries for each in (entry.actor, entry.subject) if ":" in each}:
            for person in await self.operator.store.find_people(wanted):
                if person.names and wanted in (person.user, *person.identities):
                    names[wanted] = f"{person.names[0]} ({wanted})"
        return names

    def _deed(self, entry: AuditEntry, names: dict[str, str]) -> Deed:
        return Deed(
            f"{local_time(entry.at, self.timezone):%Y-%m-%d %H:%M}",
            names.get(entry.actor, entry.actor),
            entry.action,
            names.get(entry.subject, entry.subject),
            self._detail(entry),
        )

    def _detail(self, entry: AuditEntry) -> Text | None:
        if entry.action == "block" and (found := _BLOCK.fullmatch(entry.detail)) is not None:
            return self._block(*found.groups(""))
        if entry.action == "allowance":
            return _limits(entry.detail)
        return detail_of(entry.detail)

    def _block(self, place: str, end: str, reason: str) -> Text | None:
        when = self.operator.usecases.accounts.until(int(end) if end.isdecimal() else FOR_GOOD)
        where = Text("{until} in {place}", until=when, place=place) if place else when
        return joined(where, detail_of(reason))


def _usage_by(said: Said) -> UsageBy:
    words = said.text("by").casefold() or "user"
    for by in get_args(UsageBy):
        if words == by:
            return by  # type: ignore[no-any-return]
    raise ParameterError(
        "by", Text("It is added up by user, by template or by day, not by “{words}”.", words=words)
    )


def _limits(detail: str) -> Text | None:
    """As the log has them: JSON, or nothing for those of the tier."""
    if not detail:
        return Text("those of the tier")
    try:
        limits = json.loads(detail)
    except ValueError:
        return detail_of(detail)
    if not isinstance(limits, dict):
        return detail_of(detail)
    seconds, jobs = limits.get("gpu_seconds"), limits.get("jobs")
    return joined(
        Text("GPU time not limited")
        if seconds is None
        else Text("{seconds} of GPU time a day", seconds=gpu_seconds(float(seconds))),
        Text("pictures not limited")
        if jobs is None
        else Text.counted("{count} picture a day", "{count} pictures a day", int(jobs)),
    )
