"""Quantiles of the latest observations: unmoved by one far off, quick to follow a change that lasts. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import TypeGuard

LATEST = 64
"""Observations that are kept."""
_IN_A_ROW = 5
"""So many in a row outside what is usual are the new usual: by chance, one in 100,000."""
_MARGIN = 1.1
_FAR_OFF = 3.0
"""A single largest (smallest) observation so many times beyond its neighbour is left out."""
_FEWEST = 3
"""Observations below which nothing can be called far off."""


def is_positive(value: object) -> TypeGuard[float]:
    """Whether it is a number above zero that can be reckoned with."""
    return isinstance(value, int | float) and 0 < value < math.inf


class Recent:
    """The latest positive numbers, in the order of their coming and sorted."""

    __slots__ = ("_order", "_sorted")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._order = list(values)[-LATEST:]
        self._sorted = sorted(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def values(self) -> list[float]:
        """From the oldest to the newest."""
        return list(self._order)

    def add(self, value: float) -> None:
        self._order.append(value)
        insort(self._sorted, value)
        if len(self._order) > LATEST:
            del self._sorted[bisect_left(self._sorted, self._order.pop(0))]
        if self._changed():
            del self._order[:-_IN_A_ROW]
            self._sorted = sorted(self._order)

    def quantile(self, q: float) -> float:
        """The smallest that at least a share ``q`` does not exceed. There must be one."""
        return _quantile(self._sorted, q)

    def _changed(self) -> bool:
        """Whether the latest few all lie beyond what was usual before: another card, another driver."""
        earlier = self._order[:-_IN_A_ROW]
        if len(earlier) < _FEWEST:
            return False
        earlier.sort()
        latest = self._order[-_IN_A_ROW:]
        return min(latest) > _quantile(earlier, 0.9) * _MARGIN or max(latest) * _MARGIN < _quantile(
            earlier, 0.1
        )


def _quantile(ordered: list[float], q: float) -> float:
    first, last = 0, len(ordered) - 1
    if len(ordered) >= _FEWEST:
        if ordered[last] > ordered[last - 1] * _FAR_OFF:
            last -= 1
        if ordered[first] * _FAR_OFF < ordered[first + 1]:
            first += 1
    count = last - first + 1
    return ordered[first + max(0, math.ceil(q * count) - 1)]
