"""Health and numbers of a running bot, put together, and the server that tells them to machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.app.service import Service
from bot.config import Settings
from bot.config.fields import Listen
from bot.domain.errors import FairbrushError
from bot.metrics.checks import (
    Accepts,
    LoopTurns,
    PartsRun,
    PlatformConnected,
    QueueMoves,
    ServerUp,
    StoreAnswers,
    StoreWrites,
)
from bot.metrics.health import Check, Health, make_health
from bot.metrics.lag import LoopLag
from bot.metrics.links import Link
from bot.metrics.observer import EVERY, Observer
from bot.service.clock import Clock
from bot.service.records import Lineup
from bot.service.store import Store

if TYPE_CHECKING:
    from bot.metrics.collector import BotCollector
    from bot.metrics.server import MetricsServer

LINEUP_EVERY = 5.0
"""Seconds for which who waits is told again: where they are very many, the database takes a tenth of a second
to say so."""
LINEUP_WAITS = 1.0
"""Seconds that the database gets to say who waits; then the other numbers are told without it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What looks after a bot at work. ``url``: where its server listens; "" where none was asked for."""

    health: Health
    url: str


@dataclass(frozen=True, slots=True)
class _Instruments:
    lag: LoopLag
    observer: Observer
    moves: QueueMoves
    health: Health


@asynccontextmanager
async def metrics_server(
    settings: Settings, service: Service, links: Sequence[Link] = (), *, clock: Clock | None = None
) -> AsyncIterator[Watch]:
    """Look after a bot at work for as long as the body runs, and tell who asks at ``[metrics] listen``.

    Raises ConfigError on entering when nothing can listen there.
    """
    clock = clock or Clock()
    made = _instruments(service, links, clock)
    async with AsyncExitStack() as stack:
        url = ""
        if settings.metrics.listen is not None:
            server = _server(settings.metrics.listen, service, links, made, clock)
            url = (await stack.enter_async_context(server)).url
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        looking = [
            tasks.create_task(made.lag.run(), name="event loop lag"),
            tasks.create_task(_keep_looking(made, clock), name="looking at servers"),
        ]
        try:
            yield Watch(made.health, url)
        finally:
            for task in looking:
                task.cancel()


def _instruments(service: Service, links: Sequence[Link], clock: Clock) -> _Instruments:
    # The event loop has its own time, whatever clock the bot is given.
    lag = LoopLag(asyncio.get_running_loop().time, asyncio.sleep)
    dispatcher = service.dispatcher
    moves = QueueMoves(dispatcher, clock)
    alive: dict[str, Check] = {
        "loop": LoopTurns(lag),
        "parts": PartsRun(service.parts),
        "store": StoreAnswers(service.store),
        "queue": moves,
    }
    ready: dict[str, Check] = {
        "accepting": Accepts(dispatcher),
        "store_writes": StoreWrites(service.store, clock),
        "servers": ServerUp(dispatcher),
        **{link.platform: PlatformConnected(link.trouble) for link in links},
    }
    return _Instruments(
        lag,
        Observer(dispatcher, service.meters, clock.monotonic),
        moves,
        make_health(alive, ready, clock=asyncio.get_running_loop().time),
    )


async def _keep_looking(made: _Instruments, clock: Clock) -> None:
    while True:
        made.observer.look()
        made.moves.look()
        await clock.sleep(EVERY)


def _server(
    listen: Listen, service: Service, links: Sequence[Link], made: _Instruments, clock: Clock
) -> MetricsServer:
    # A library that those who ask for no metrics need not load.
    from prometheus_client import CollectorRegistry, ProcessCollector

    from bot.metrics.collector import BotCollector
    from bot.metrics.server import MetricsServer

    registry = CollectorRegistry()
    collector = BotCollector(service.meters, service.dispatcher, made.observer, made.lag, links, clock.now)
    registry.register(collector)
    ProcessCollector(registry=registry)
    return MetricsServer(
        listen.host,
        listen.port,
        registry=registry,
        health=made.health,
        before=_asking(collector, service.store, made.health, clock),
    )


def _asking(
    collector: BotCollector, store: Store, health: Health, clock: Clock
) -> Callable[[], Awaitable[None]]:
    since: float | None = None

    async def lineup() -> Lineup | None:
        nonlocal since
        now, known = clock.monotonic(), collector.asked.lineup
        if known is not None and since is not None and now - since < LINEUP_EVERY:
            return known
        since = now
        return await _lineup(store)

    async def ask() -> None:
        collector.asked.report, collector.asked.lineup = await asyncio.gather(health.ready.report(), lineup())

    return ask


async def _lineup(store: Store) -> Lineup | None:
    try:
        async with asyncio.timeout(LINEUP_WAITS):
            return await store.lineup()
    except (FairbrushError, TimeoutError):
        return None
