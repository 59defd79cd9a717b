"""What the operator should know without looking for it."""

from __future__ import annotations

import logging
from collections import deque

from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.operator import Notice

log = logging.getLogger("bot.notices")
_MOST = 50


class Notices:
    """The latest ones, each logged as a warning too. The same one is not repeated within an hour."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest: deque[Notice] = deque(maxlen=_MOST)
        self._said: dict[str, int] = {}

    def tell(self, text: Text) -> None:
        now, said = self._clock.now(), str(text)
        if now - self._said.get(said, 0) < 3_600_000:
            return
        self._said = {old: at for old, at in self._said.items() if now - at < 3_600_000} | {said: now}
        self._latest.append(Notice(now, text))
        log.warning("%s", text)

    def latest(self) -> tuple[Notice, ...]:
        return tuple(self._latest)
