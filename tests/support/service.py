"""A whole bot in a test: the real store and service over servers that the test plays by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from bot.app.service import Service, at_work, make_service
from bot.config import Settings, load_settings
from bot.domain.ids import IdentityId, JobId, RequestId, ServerName
from bot.domain.jobs import JobState
from bot.presentation.flags import SHELL, parse_line
from bot.service.acceptance import Receipt
from bot.service.clock import Clock
from bot.service.courier import Deliverer
from bot.service.gate import Asker, Origin
from bot.service.records import JobRecord
from bot.service.reporter import Reporter
from bot.service.servers import Server, ServerState
from bot.store import SqliteStore, open_store
from tests.support.fake_server import FakeServer
from tests.support.templates import WORKFLOWS

START = 1_800_000_000_000
"""A moment in January 2027, UTC milliseconds."""


@dataclass
class FakeClock:
    """Time stands still until a test moves it; sleepers wake when it has come that far."""

    wall: int = START
    ticks: float = 1000.0
    on_move: list[Callable[[], None]] = field(default_factory=list)
    """Called when it moved: those who wait with the event loop's patience look at this clock again."""
    _sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleepers.append((self.ticks + seconds, event))
        await event.wait()

    def advance(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += round(seconds * 1000)
        due = [event for at, event in self._sleepers if at <= self.ticks]
        self._sleepers = [(at, event) for at, event in self._sleepers if at > self.ticks]
        for event in due:
            event.set()
        if seconds:
            for look in self.on_move:
                look()

    def as_clock(self) -> Clock:
        return Clock(self.now, self.monotonic, self.sleep)


def settings_for(folder: Path, **sections: Any) -> Settings:
    """Settings as a config file with these sections would give them."""
    file = folder / "config.toml"
    content = {"data_dir": str(folder / "data"), "workflows_dir": str(WORKFLOWS), **sections}
    file.write_text(tomlkit.dumps(content), encoding="utf-8")
    return load_settings(file, environ={}, folder=folder)


@dataclass
class Bot:
    """A service at work, with short ways to do what people do."""

    service: Service
    store: SqliteStore
    clock: FakeClock
    servers: Sequence[FakeServer]
    settings: Settings

    @property
    def server(self) -> FakeServer:
        return self.servers[0]

    def state(self, name: str = "fake") -> Server:
        return self.service.dispatcher.servers[ServerName(name)]

    async def ask(self, line: str, who: str = "alice", *, event: str | None = None, **origin: Any) -> Receipt:
        (receipt,) = await self.service.usecases.imagine(
            parse_line(line, SHELL),
            Asker(IdentityId(f"test:{who}"), who),
            Origin("test", event or f"{who}-{uuid.uuid4()}", **origin),
        )
        return receipt

    async def job(self, job: JobId) -> JobRecord:
        found = await self.store.job(job)
        assert found is not None
        return found

    async def until_state(self, job: JobId, state: JobState, *, tick: float = 0.0) -> JobRecord:
        """Wait for a job to come to a state; the clock moves on by ``tick`` seconds a look."""
        async with asyncio.timeout(30):
            while (found := await self.job(job)).state is not state:
                self.clock.advance(tick)
                await asyncio.sleep(0.001)
        return found

    async def until_over(self, request: RequestId) -> tuple[JobRecord, ...]:
        async with asyncio.timeout(30):
            while True:
                jobs = await self.store.jobs_of(request)
                if all(job.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED) for job in jobs):
                    return jobs
                await asyncio.sleep(0.001)


Parts = Callable[[Settings, Service, Clock], Mapping[str, Callable[[], Awaitable[None]]]]
"""Makes the front-ends of a bot."""


@asynccontextmanager
async def bot_at_work(
    folder: Path,
    servers: Sequence[FakeServer] | None = None,
    *,
    clock: FakeClock | None = None,
    deliverers: Mapping[str, Deliverer] | None = None,
    shutdown_seconds: float = 0.0,
    parts: Parts | None = None,
    **sections: Any,
) -> AsyncIterator[Bot]:
    """Start a bot on ``folder``; the same folder and servers again are a restart. On leaving, it ends as a
    killed process would: nothing that runs is waited for."""
    fakes = [FakeServer()] if servers is None else servers
    fake_clock = clock or FakeClock()
    settings = settings_for(folder, **sections)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with open_store(settings.data_dir / "fairbrush.db", clock=fake_clock.now) as store:
        states = [Server(ServerName(fake.name), fake, f"http://{fake.name}.test") for fake in fakes]
        service = await make_service(
            settings, store, states, clock=fake_clock.as_clock(), deliverers=deliverers or {}
        )
        more = {} if parts is None else parts(settings, service, fake_clock.as_clock())
        reporters = [each for each in service.courier._deliverers.values() if isinstance(each, Reporter)]
        looking = [reporter._changed.set for reporter in reporters]
        fake_clock.on_move += looking
        try:
            async with at_work(service, shutdown_seconds, more):
                bot = Bot(service, store, fake_clock, fakes, settings)
                for state in states:
                    await state.tried.wait()
                assert all(state.state is not ServerState.STARTING for state in states)
                yield bot
        finally:
            for look in looking:
                fake_clock.on_move.remove(look)
