"""What goes on while others are served, and ends with the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Background:
    """To be attached to a running group of tasks before anything is begun."""

    def __init__(self) -> None:
        self._tasks: asyncio.TaskGroup | None = None

    def attach(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def begin(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T | None]:
        assert self._tasks is not None
        guarded = _guarded(work, name)
        try:
            task = self._tasks.create_task(guarded, name=name)
        except RuntimeError:  # the bot ends
            guarded.close()
            work.close()
            raise
        # One that is cancelled before it began has not begun its work either.
        task.add_done_callback(lambda _: work.close())
        return task

    async def within(self, seconds: float, work: Coroutine[Any, Any, T], name: str) -> T | None:
        """Its result, or None when it takes longer: then it goes on by itself."""
        task = self.begin(work, name)
        await asyncio.wait({task}, timeout=seconds)
        return task.result() if task.done() and not task.cancelled() else None


async def _guarded(work: Coroutine[Any, Any, T], name: str) -> T | None:
    try:
        return await work
    except Exception:
        # One word that cannot be said must not end the bot.
        log.exception("stumbled over %s", name)
        return None
