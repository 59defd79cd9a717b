"""A share of something scarce, held for a while: pixels being decoded, bytes being sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Lets through as long as all that is held stays within ``most``; first come, first served.

    A share larger than ``most`` counts as all of it; nobody waits for a share of nothing.
    """

    def __init__(self, most: int, *, at_once: int | None = None) -> None:
        self.most = most
        self._at_once = at_once
        self.held = 0
        self._holders = 0
        self._turn = asyncio.Lock()
        self._less = asyncio.Event()

    @asynccontextmanager
    async def hold(self, share: int) -> AsyncIterator[None]:
        if not share:
            yield
            return
        share = min(share, self.most)
        async with self._turn:
            while not self._room(share):
                self._less.clear()
                await self._less.wait()
            self.held += share
            self._holders += 1
        try:
            yield
        finally:
            self.held -= share
            self._holders -= 1
            self._less.set()

    def _room(self, share: int) -> bool:
        if self._at_once is not None and self._holders >= self._at_once:
            return False
        return self.held + share <= self.most
