"""What the operator should know without looking for it."""

from __future__ import annotations

import logging
from collections import deque

from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.operator import Notice

log = logging.getLogger("bot.notices")
_MOST = 50
_AGAIN = 3600.0
"""Seconds."""


class Notices:
    """The latest ones, each logged as a warning too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest: deque[Notice] = deque(maxlen=_MOST)
        self._said: dict[str, float] = {}
        """When, in monotonic seconds: a clock that is set back must not silence anything."""
        self._last: dict[str, str] = {}

    def tell(self, text: Text, *, about: str = "", quiet: Text | None = None) -> None:
        """The same one is not repeated within an hour. ``about`` names what comes and goes, like a server:
        of that only the very last thing is not repeated. ``quiet``: for the log instead, when the text may
        quote somebody."""
        now, said = self._clock.monotonic(), str(text)
        self._said = {old: at for old, at in self._said.items() if now - at < _AGAIN}
        if said in self._said and self._last.get(about, said) == said:
            return
        self._said[said] = now
        if about:
            self._last[about] = said
        self._latest.append(Notice(self._clock.now(), text))
        log.warning("%s", quiet or text)

    def latest(self) -> tuple[Notice, ...]:
        return tuple(self._latest)
