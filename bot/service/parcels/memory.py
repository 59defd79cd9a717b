"""The memory of large pictures, given back a little at a time.

Who frees a picture of 4096 x 4096 holds the interpreter until the system has taken 64 MB back: ten to forty
milliseconds in which no thread and no event loop goes on. Pillow can keep such memory in blocks instead, for
its next picture; those are given back one by one.
https://pillow.readthedocs.io/en/stable/reference/block_allocator.html
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from PIL import _imaging as core

from bot.service.threads import in_thread

BLOCK_BYTES = 4 * 1024**2
MOST_BLOCKS = 128
"""As much as all pictures have that are worked at at a time; beyond it, memory is freed as usual."""


class Blocks:
    """One for the process. Nothing is kept while nobody works at pictures."""

    def __init__(self) -> None:
        self._users = 0

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Pictures that end inside are given back at the end of it."""
        if not self._users:
            core.set_block_size(BLOCK_BYTES)
            core.set_blocks_max(MOST_BLOCKS)
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            try:
                await in_thread(_give_back)
            finally:
                if not self._users:
                    core.set_blocks_max(0)


def kept_blocks() -> int:
    return int(core.get_stats()["blocks_cached"])


def _give_back() -> None:
    for left in range(kept_blocks() - 1, -1, -1):
        core.clear_cache(left)
        time.sleep(0)  # others go on between two blocks
