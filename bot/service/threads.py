"""Blocking work in threads, such that nothing of it goes on behind a cancelled caller's back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Like ``asyncio.to_thread``, but a cancelled caller first waits for ``work`` to end.

    A thread cannot be stopped. A caller that cleans up at once would race with it: a file that it removes
    could come back a moment later.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            try:
                await asyncio.wait({working})
            except asyncio.CancelledError:
                continue  # the first one is raised below
        if not working.cancelled():
            working.exception()  # looked at, or asyncio reports it as never retrieved
        raise
