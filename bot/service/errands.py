"""Work that is seen through whatever becomes of whoever asked: what is half written must not stay so because
somebody hung up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.domain.errors import FairbrushError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Errands:
    """In tasks of their own, outside of any group: a refusal is its asker's, and must not stop others."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, errand: Coroutine[Any, Any, T]) -> T:
        """What it returns or raises, to a caller that is there to hear of it."""
        task = asyncio.ensure_future(errand)
        self._tasks.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def under_way(self) -> frozenset[asyncio.Task[Any]]:
        """For whoever has to wait for their end."""
        return frozenset(self._tasks)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # Whoever asked may have gone, and nobody else would take notice.
        error = None if task.cancelled() else task.exception()
        if isinstance(error, FairbrushError):
            log.debug("an errand came to nothing: %s (%s)", error.code, error.cause)
        elif error is not None:
            log.error("stumbled over an errand", exc_info=error)
