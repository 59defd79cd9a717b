"""How often unfinished pictures are sent along. Pure; times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from bot.domain.throttle import Route

EVERY = 8.0
"""Seconds between two previews of one message, and of a route that several share."""
MOST_FAILURES = 3
"""After so many that did not arrive, a message gets none any more."""


@dataclass(slots=True)
class _Shown:
    route: Route
    at: float = float("-inf")
    failures: int = 0


class PreviewPace:
    """An upload takes a platform's budget and an operator's line: messages on one route take turns."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._messages: dict[Hashable, _Shown] = {}

    def due(self, message: Hashable, route: Route, now: float) -> bool:
        """Whether this message may have a preview now."""
        known = self._messages.setdefault(message, _Shown(route))
        known.route = route
        if known.failures >= MOST_FAILURES:
            return False
        beside = sum(each.route == route for each in self._messages.values())
        newest = max(each.at for each in self._messages.values() if each.route == route)
        return now - known.at >= self._every * beside and now - newest >= self._every

    def tried(self, message: Hashable, now: float, *, arrived: bool) -> None:
        """One was sent, or should have been."""
        known = self._messages.get(message)
        if known is not None:
            known.at = now
            known.failures = 0 if arrived else known.failures + 1

    def forget(self, message: Hashable) -> None:
        """It gets no more."""
        self._messages.pop(message, None)
