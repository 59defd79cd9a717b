"""A chat platform as health and numbers see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """``platform``: its name, in small letters. ``trouble``: what is wrong with the connection now, "" when
    nothing is. ``reconnects``: connections after the first."""

    platform: str
    trouble: Callable[[], str]
    reconnects: Callable[[], int]
