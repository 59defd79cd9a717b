"""Waiting for something to change, without a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

DEADLINE_SECONDS = 40.0
"""How long any test waits for anything, on a busy machine; nothing takes this long."""


@dataclass(eq=False)
class Signal:
    """Fired at each change; those who wait look again."""

    _waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def fire(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(
        self, met: Callable[[], object], *, within: float = DEADLINE_SECONDS, what: str = ""
    ) -> None:
        """Wait until ``met`` holds. ``within``: real seconds, then :class:`TimeoutError` says ``what``."""
        try:
            async with asyncio.timeout(within):
                while not met():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            raise TimeoutError(f"never came in {within:g} s: {what or met}") from None
