"""Time, handed in: the wall clock for what is written down, a monotonic one for what is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


def _wall() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """``now``: UTC milliseconds; may jump. ``monotonic``: seconds; never does. ``sleep``: in seconds."""

    now: Callable[[], int] = _wall
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
