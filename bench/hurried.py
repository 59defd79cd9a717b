"""An event loop whose time can be made to go faster: minutes of waiting pass in seconds, and nothing else is
different.

Every timer of the process hurries, the libraries' own, too. What takes processor time seems to take so many
times longer, which flatters nobody. Sockets, threads and the disk are as slow as they are.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.support.discord_bot import LiveClock

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    def __init__(self, pace: Callable[[], float]) -> None:
        super().__init__()
        self._pace = pace

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / self._pace() if timeout else timeout)


class HurriedLoop(asyncio.SelectorEventLoop):
    """Goes at the usual pace until told otherwise."""

    def __init__(self) -> None:
        self._pace = 1.0
        self._ours = self._theirs = 0.0
        """Of one moment, what time it is for us and what time it really is."""
        super().__init__(_Selector(lambda: self._pace))

    def time(self) -> float:
        return self._ours + (super().time() - self._theirs) * self._pace

    def hurry(self, pace: float) -> None:
        """``pace``: how many of its seconds pass in one, from now on."""
        self._ours, self._theirs = self.time(), super().time()
        self._pace = pace


def hurry(pace: float) -> None:
    """The loop that runs; it was started by :func:`run_hurried`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HurriedLoop)
    loop.hurry(pace)


def run_hurried(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        return runner.run(work)


@dataclass
class LoopClock(LiveClock):
    """The time of the loop that it is made in."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def __post_init__(self) -> None:
        self.born = self.loop.time()

    def now(self) -> int:
        return self.wall + round(1000 * (self.loop.time() - self.born))

    def monotonic(self) -> float:
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
