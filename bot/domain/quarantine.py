"""Templates that keep failing rest for a while. Pure; times are UTC milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.durations import HOUR, MINUTE, about
from bot.domain.errors import Quarantined
from bot.domain.ids import RequestId, TemplateName
from bot.domain.text import Text

_FAILURES = 3
_SHORTEST = 10 * MINUTE
_LONGEST = 24 * HOUR
_REMEMBERED = 16


@dataclass(slots=True)
class _Row:
    requests: list[str]
    """Different requests that failed in a row, the latest last."""
    level: int = 0
    """Quarantines so far without a success between them."""
    since: int = 0
    until: int = 0


class Quarantine:
    """Templates that keep failing rest: after 3 failures in a row, of different requests, for 10 minutes;
    after that, each further failure doubles the rest, up to a day. A success or an operator ends the row.

    Tell only failures that :func:`is_templates_fault` names, and once a job.
    """

    def __init__(self) -> None:
        self._rows: dict[TemplateName, _Row] = {}
        self._dirty: set[TemplateName] = set()

    def failed(self, template: TemplateName, request: RequestId, at: int) -> int | None:
        """The time until which the template rests when this failure sent it to rest, for telling the
        operator; else None. Failures of jobs that were under way when the rest began add nothing."""
        row = self._rows.setdefault(template, _Row([]))
        if request in row.requests:
            return None
        row.requests = [*row.requests, str(request)][-_REMEMBERED:]
        self._dirty.add(template)
        if len(row.requests) < _FAILURES or self.until(template, at) is not None:
            return None
        length = min(_SHORTEST * 2**row.level, _LONGEST)
        row.level = min(row.level + 1, 30)
        row.since, row.until = at, at + length
        return row.until

    def succeeded(self, template: TemplateName) -> None:
        self.lift(template)

    def until(self, template: TemplateName, at: int) -> int | None:
        """When the template's rest ends; None when it does not rest."""
        row = self._rows.get(template)
        if row is None:
            return None
        # Long before it began means that the clock has been set back: a rest must not last for years.
        begun = row.since - _LONGEST <= at
        return row.until if begun and at < row.until else None

    def lift(self, template: TemplateName) -> None:
        """An operator has looked at it."""
        if self._rows.pop(template, None):
            self._dirty.add(template)

    def dirty(self) -> Mapping[str, Any]:
        """JSON values by template: what has changed since the last call."""
        changed: dict[str, Any] = {}
        for template in sorted(self._dirty):
            row = self._rows.get(template) or _Row([])
            changed[template] = {
                "requests": list(row.requests),
                "level": row.level,
                "since": row.since,
                "until": row.until,
            }
        self._dirty.clear()
        return changed

    def not_saved(self, entries: Mapping[str, Any]) -> None:
        """What :meth:`dirty` gave could not be written: give it again."""
        self._dirty.update(TemplateName(template) for template in entries)

    def load(self, stored: Mapping[str, Any]) -> None:
        """Take up what was persisted; what is not ours is left alone."""
        for template, value in stored.items():
            match value:
                case {
                    "requests": list(requests),
                    "level": int(level),
                    "since": int(since),
                    "until": int(until),
                } if requests and level >= 0:
                    self._rows[TemplateName(template)] = _Row(
                        [str(request) for request in requests][-_REMEMBERED:], level, since, until
                    )


def quarantined(template: TemplateName, until: int, at: int) -> Quarantined:
    """The error for a request for a template that rests."""
    return Quarantined(
        Text(
            "“{template}” has failed several times in a row and rests for {wait}. That is not your fault. "
            "Use another template, or ask an operator.",
            template=template,
            wait=about(until - at),
        ),
        cause=f"{template} is in quarantine until {until}",
    )
