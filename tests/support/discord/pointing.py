"""Pointing discord.py, unmodified, at another server: three addresses that it keeps as class attributes.

And hurrying it: its own pauses (before it tries again, while a bucket is empty, before it reconnects) can be
made to pass on a test's clock instead of being slept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import discord.client
import discord.http
import discord.shard
import discord.webhook.async_
import yarl
from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route

PAUSING = (discord.client, discord.http, discord.shard, discord.webhook.async_)


@contextmanager
def pointed(api: str, gateway: str, cdn: str) -> Iterator[None]:
    """discord.py in this process talks to these addresses; afterwards to the former ones again."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE = api, yarl.URL(gateway), cdn
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, Asset.BASE = before


def stand_still(_: float) -> None:
    """No clock is moved."""


@dataclass
class Pauses:
    """Pauses of discord.py, not slept: ``advance`` moves the clock by as much. ``taken``: in seconds."""

    advance: Callable[[float], None] = stand_still
    taken: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float, result: Any = None) -> Any:
        if seconds > 0:
            self.taken.append(seconds)
            self.advance(seconds)
        await asyncio.sleep(0)
        return result


class _Asyncio:
    """The module, but for one function."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


@contextmanager
def hurried(pauses: Pauses) -> Iterator[None]:
    """discord.py in this process pauses by ``pauses``."""
    for module in PAUSING:
        vars(module)["asyncio"] = _Asyncio(pauses.sleep)
    try:
        yield
    finally:
        for module in PAUSING:
            vars(module)["asyncio"] = asyncio
