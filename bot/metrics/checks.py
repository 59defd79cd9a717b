"""The checks behind /healthz and /readyz."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.errors import FairbrushError
from bot.metrics.health import FINE, Finding
from bot.metrics.lag import LoopLag
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.operator import PAUSED
from bot.service.servers import Server, ServerState
from bot.service.store import Store

MOST_LATE = 10.0
"""Seconds without a beat of the event loop after which something is badly wrong."""
STANDSTILL = 60.0
"""Seconds for which jobs may wait for a server that has nothing to do."""
WRITTEN = "health"
"""Where the store keeps what the check writes."""
WRITE_EVERY = 5.0
"""Seconds: each write is one that the disk has to confirm."""


def answers(server: Server) -> bool:
    """Whether it takes work: it is up, and the connection to it has not broken while it paints."""
    return server.state is ServerState.UP and server.reason is None


def _told(server: Server) -> str:
    state = "silent" if server.state is ServerState.UP else server.state.value
    return f"{server.name} is {state}" + (f" ({server.reason})" if server.reason else "")


@dataclass(frozen=True, slots=True)
class LoopTurns:
    lag: LoopLag

    async def __call__(self) -> Finding:
        late = self.lag.since_beat()
        if late > MOST_LATE:
            return Finding(ok=False, reason=f"the event loop has had no turn for its beat for {late:.0f} s")
        return FINE


@dataclass(frozen=True, slots=True)
class PartsRun:
    """``parts``: tasks that run as long as the bot does, by name."""

    parts: Mapping[str, asyncio.Task[None]]

    async def __call__(self) -> Finding:
        ended = [name for name, task in self.parts.items() if task.done()]
        if ended:
            return Finding(ok=False, reason=f"ended, and should not have: {', '.join(ended)}")
        if not self.parts:
            return Finding(ok=False, reason="nothing runs yet")
        return FINE


@dataclass(frozen=True, slots=True)
class StoreAnswers:
    store: Store

    async def __call__(self) -> Finding:
        try:
            await self.store.get(PAUSED)
        except FairbrushError as error:
            return Finding(ok=False, reason=str(error.text))
        return FINE


@dataclass(slots=True)
class StoreWrites:
    """A real write, confirmed by the disk, at most every few seconds."""

    store: Store
    clock: Clock
    _latest: tuple[float, Finding] | None = field(default=None, init=False)

    async def __call__(self) -> Finding:
        now = self.clock.monotonic()
        if self._latest is None or now - self._latest[0] >= WRITE_EVERY:
            self._latest = None  # a write that hangs shall not pass for an old one that did not
            self._latest = now, await self._write()
        return self._latest[1]

    async def _write(self) -> Finding:
        try:
            await self.store.put(WRITTEN, self.clock.now())
        except FairbrushError as error:
            return Finding(ok=False, reason=str(error.text))
        return FINE


@dataclass(slots=True)
class QueueMoves:
    """Jobs wait, and a server that has nothing to do could begin one: that shall not last.

    To be looked at every few seconds, whether anybody asks or not."""

    dispatcher: Dispatcher
    clock: Clock
    _since: float | None = field(default=None, init=False)
    _looked: float = field(default=0.0, init=False)

    async def __call__(self) -> Finding:
        return self.look()

    def look(self) -> Finding:
        now = self.clock.monotonic()
        unseen, self._looked = now - self._looked, now
        if not self._stands_still():
            self._since = None
            return FINE
        if unseen >= STANDSTILL:
            self._since = now  # it may have moved meanwhile
        if self._since is None:
            self._since = now
        lasted = now - self._since
        if lasted < STANDSTILL:
            return FINE
        return Finding(
            ok=False,
            reason=f"{len(self.dispatcher.queue)} jobs wait, a server could begin one, and has not for "
            f"{lasted:.0f} s",
        )

    def _stands_still(self) -> bool:
        gates = self.dispatcher.gates
        if gates.paused or gates.stopping:
            return False
        return any(map(self.dispatcher.could_begin, self.dispatcher.servers.values()))


@dataclass(frozen=True, slots=True)
class Accepts:
    dispatcher: Dispatcher

    async def __call__(self) -> Finding:
        gates = self.dispatcher.gates
        if gates.stopping:
            return Finding(ok=False, reason="the bot is stopping")
        if gates.draining:
            return Finding(
                ok=False,
                reason="the queue drains: nothing new is accepted until  fairbrush queue resume",
            )
        return FINE


@dataclass(frozen=True, slots=True)
class ServerUp:
    """At least one, and not silent."""

    dispatcher: Dispatcher

    async def __call__(self) -> Finding:
        servers = self.dispatcher.servers.values()
        if any(answers(server) for server in servers):
            return FINE
        return Finding(ok=False, reason="no server takes work: " + "; ".join(map(_told, servers)))


@dataclass(frozen=True, slots=True)
class PlatformConnected:
    """``trouble`` says what is wrong; "" while it is connected."""

    trouble: Callable[[], str]

    async def __call__(self) -> Finding:
        reason = self.trouble()
        return Finding(ok=False, reason=reason) if reason else FINE
