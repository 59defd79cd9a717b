"""The queue of accepted prompts, in the order that ComfyUI runs and shows them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class SameKeyQueued(Exception):
    """A prompt with the same number and prompt_id already waits; this one was queued nevertheless."""


@dataclass(frozen=True, slots=True)
class Item:
    """One accepted prompt. ``number`` is its priority, lower first; ``outputs`` the output nodes to run."""

    number: int | float
    prompt_id: str
    graph: dict[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]

    @property
    def client_id(self) -> Any:
        """Whom the events go to; None for nobody. Any JSON scalar, since the server takes any."""
        return self.extra_data.get("client_id")

    def listing(self) -> list[Any]:
        """The form of /queue and /history."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


_Entry = tuple[float, str, int, Item]


class PromptQueue:
    """Pending prompts in a heap, and the running one. ``changed`` is called on every change."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._heap: list[_Entry] = []
        self._arrivals = 0
        self._filled = asyncio.Event()
        self.running: Item | None = None

    @property
    def remaining(self) -> int:
        """Pending and running, as ``queue_remaining`` counts."""
        return len(self._heap) + (self.running is not None)

    def pending(self) -> list[Item]:
        """In heap order, which is not the order they run in."""
        return [entry[-1] for entry in self._heap]

    def put(self, item: Item) -> None:
        """Raises SameKeyQueued, with the item queued (a ComfyUI server does both, and answers 500)."""
        twin = any(entry[:2] == (item.number, item.prompt_id) for entry in self._heap)
        self._arrivals += 1
        heapq.heappush(self._heap, (item.number, item.prompt_id, self._arrivals, item))
        self._filled.set()
        if twin:
            raise SameKeyQueued(item.prompt_id)
        self._changed()

    async def take(self) -> Item:
        """The next prompt, which is the running one from now on."""
        while not self._heap:
            self._filled.clear()
            await self._filled.wait()
        self.running = heapq.heappop(self._heap)[-1]
        self._changed()
        return self.running

    def finish(self) -> None:
        self.running = None
        self._changed()

    def delete(self, prompt_id: str) -> bool:
        """Drop one pending prompt. The last one that waits is told of twice, as ComfyUI does."""
        for index, entry in enumerate(self._heap):
            if entry[1] == prompt_id:
                if len(self._heap) == 1:
                    self.clear()
                else:
                    self._heap.pop(index)
                    heapq.heapify(self._heap)
                self._changed()
                return True
        return False

    def clear(self) -> None:
        """Drop every pending prompt, whoever's it is."""
        self._heap.clear()
        self._changed()
