"""Sessions of the gateway, and the connections that they are heard on."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.discord.failures import Json

DISPATCH = 0
BUFFERED = 10_000
"""Events that a session keeps to say again after a resume."""


class Closed(Exception):
    """The server ends a connection with a code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(eq=False)
class Session:
    """One shard of the bot. It outlives its connections, so that it can be resumed."""

    id: str
    shard: int
    shards: int
    intents: int
    sequence: int = 0
    said: list[Json] = field(default_factory=list)
    socket: Socket | None = None

    def hears(self, guild: int | None) -> bool:
        return self.shard == (0 if guild is None else (guild >> 22) % self.shards)

    def push(self, event: str, data: Json) -> None:
        self.sequence += 1
        self.said.append({"op": DISPATCH, "t": event, "s": self.sequence, "d": data})
        del self.said[:-BUFFERED]
        if self.socket is not None:
            self.socket.send(self.said[-1])


@dataclass(eq=False)
class Socket:
    """A connection. What is sent waits in ``outbox`` for the writer, so that dispatching never waits;
    the writer waits for the event that ``gate`` gives, if it gives one."""

    request: web.Request
    ws: web.WebSocketResponse
    compressor: Any
    gate: Callable[[], asyncio.Event | None]
    outbox: asyncio.Queue[Json | Closed | None] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    silent: bool = False
    received: list[float] = field(default_factory=list)

    def send(self, message: Json) -> None:
        if not self.silent:
            self.outbox.put_nowait(message)

    async def write(self) -> None:
        while (item := await self.outbox.get()) is not None:
            if isinstance(item, Closed):
                await self.ws.close(code=item.code, message=str(item).encode())
                return
            held = self.gate()
            if held is not None:
                await held.wait()
            try:
                await self._put(json.dumps(item, separators=(",", ":")))
            except ConnectionResetError:
                return

    async def _put(self, text: str) -> None:
        if self.compressor is None:
            await self.ws.send_str(text)
            return
        squeezed = self.compressor.compress(text.encode()) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
        await self.ws.send_bytes(squeezed)

    def abort(self) -> None:
        """The network is gone: no close frame."""
        if self.request.transport is not None:
            self.request.transport.abort()
