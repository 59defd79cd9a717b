"""What has to be done now and then: let go of what has been kept long enough."""

from __future__ import annotations

import logging

from bot.domain.errors import StoreUnavailable
from bot.service.clock import Clock
from bot.service.gallery import Gallery
from bot.service.store import Store

log = logging.getLogger(__name__)

EVERY = 3600.0
"""Seconds between rounds."""
_AT_A_TIME = 500
"""Requests in one transaction: others want to write too."""
DAY_MS = 86_400_000


class Housekeeping:
    """Forgets pictures and prompts after ``pictures_days`` days, counted from the end of their request."""

    def __init__(self, store: Store, gallery: Gallery, clock: Clock, *, pictures_days: int) -> None:
        self._store = store
        self._gallery = gallery
        self._clock = clock
        self._days = pictures_days

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except StoreUnavailable as error:
                log.warning("retention waits: %s", error.cause)
            await self._clock.sleep(EVERY)

    async def round(self) -> int:
        """One round; how many files were removed."""
        before = self._clock.now() - self._days * DAY_MS
        removed = 0
        while True:
            found = await self._store.expire(before, _AT_A_TIME)
            await self._gallery.discard(found.files)
            removed += len(found.files)
            if found.requests < _AT_A_TIME:
                return removed
