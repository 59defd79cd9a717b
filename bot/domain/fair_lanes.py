"""What waits, and in which order within one flow. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from bot.domain.ids import JobId, ServerName, UserId


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits for a slot: no more than the queue needs, for there may be 100,000 of them."""

    job: JobId
    flow: UserId
    order: int
    """Its place in the one line of all jobs, unique; a job that comes back has it still."""
    model: str
    """Key of the model files that it loads; "" when it needs none."""
    servers: frozenset[ServerName]
    """Those that can run it. Interned by the caller: equal sets are one object."""
    estimate: float
    """GPU seconds."""


_by_order = attrgetter("order")


class Lane:
    """Jobs of one flow that the same servers can run, oldest first.

    A sorted list, not a heap: nearly every job arrives last and leaves first, a removal finds its place
    by bisection, and what lies before a job is a slice.
    """

    __slots__ = ("_items", "_start")

    def __init__(self) -> None:
        self._items: list[Waiting] = []
        self._start = 0

    def __len__(self) -> int:
        return len(self._items) - self._start

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._items[self._start :])

    @property
    def head(self) -> Waiting:
        return self._items[self._start]

    def add(self, item: Waiting) -> None:
        items = self._items
        if not items or items[-1].order < item.order:
            items.append(item)
        else:
            items.insert(self._index(item.order), item)

    def discard(self, item: Waiting) -> None:
        index = self._index(item.order)
        if index > self._start:
            del self._items[index]
            return
        self._start += 1
        if self._start > 32 and self._start * 2 > len(self._items):
            del self._items[: self._start]
            self._start = 0

    def before(self, order: int) -> list[Waiting]:
        return self._items[self._start : self._index(order)]

    def _index(self, order: int) -> int:
        return bisect_left(self._items, order, lo=self._start, key=_by_order)
