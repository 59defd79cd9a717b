"""Takes prompts off the queue and has the painter's one thread run them."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.sketch.executor import Executor
from bot.sketch.history import History
from bot.sketch.promptqueue import PromptQueue
from bot.sketch.sockets import Hub

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Free:
    unload_models: bool = False
    free_memory: bool = False


class Worker:
    """One prompt at a time. History is written after ``execution_success`` and before ``status``."""

    def __init__(self, queue: PromptQueue, history: History, hub: Hub, executor: Executor) -> None:
        self._queue = queue
        self._history = history
        self._hub = hub
        self._executor = executor
        self._free = _Free()

    async def run(self) -> None:
        """Until cancelled; then the running node is stopped at its next check and waited for."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "sketch-painter") as thread:
            while True:
                item = await self._queue.take()
                painting = loop.run_in_executor(thread, self._executor.execute, item)
                try:
                    outcome = await asyncio.shield(painting)
                except asyncio.CancelledError:
                    self._executor.signals.stop.set()
                    await asyncio.wait([painting])
                    painting.exception()
                    raise
                self._history.add(item, outcome)
                self._queue.finish()
                if item.client_id is not None:
                    end = {"node": None, "prompt_id": item.prompt_id}
                    self._hub.post_message("executing", end, item.client_id)
                self._free_now()

    def interrupt(self, prompt_id: str = "") -> bool:
        """Interrupt what runs; with ``prompt_id`` only if it is that. False: nothing was interrupted."""
        running = self._queue.running
        if running is None or (prompt_id and running.prompt_id != prompt_id):
            return False
        self._executor.signals.interrupt.set()
        return True

    def free(self, *, unload_models: bool, free_memory: bool) -> None:
        """Forget models and results: now, or when the running prompt is over."""
        self._free.unload_models |= unload_models
        self._free.free_memory |= free_memory
        if self._queue.running is None:
            self._free_now()

    def _free_now(self) -> None:
        self._executor.free(unload_models=self._free.unload_models, free_memory=self._free.free_memory)
        self._free = _Free()
