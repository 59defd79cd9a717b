"""A whole bot whose every wait is a step of the event loop: no thread and no clock decides what comes first,
a seed does. So a race is found by trying seeds, and found again by the same one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.app.service import at_work, make_service
from bot.domain.errors import FairbrushError, StoreUnavailable, UserError
from bot.domain.events import Failed, Interrupted, Progressed
from bot.domain.ids import IdentityId, JobId, NodeId, PromptId, RequestId, ServerName
from bot.domain.jobs import AT_SERVER, OPEN, JobState
from bot.domain.text import Text
from bot.service.gate import Asker
from bot.service.servers import Server, ServerState
from bot.store import SqliteStore, open_store
from bot.store.writer import _commit, _Wrote
from tests.support.audits import check_books, check_places
from tests.support.fake_server import FakeServer, unreachable
from tests.support.service import Bot, FakeClock, settings_for

FULL = Text("The disk is full.")


class Inline(ThreadPoolExecutor):
    """An executor for the event loop that has no threads: what is given to it is done by then."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


@dataclass
class Disk:
    """How the store's statements come to be carried out: after some steps, in the event loop."""

    chance: random.Random
    slowest: int = 3
    full: int = 0
    """So many of the next writes are refused."""
    under_way: int = 0
    writes: int = 0
    _answered: asyncio.Event | None = None
    """When the last that was written is answered: as of the real writer, answers come in that order."""

    async def hop(self) -> None:
        for _ in range(self.chance.randint(0, self.slowest)):
            await asyncio.sleep(0)

    async def in_turn(self) -> None:
        """After some steps, and after whoever wrote before."""
        before, self._answered = self._answered, asyncio.Event()
        mine = self._answered
        try:
            await self.hop()
            if before is not None:
                await before.wait()
        finally:
            mine.set()

    def requests(self) -> list[RequestId]:
        """All that were accepted, whether or not anybody heard of it."""
        return [
            RequestId(name) for (name,) in self._out.execute("SELECT id FROM requests ORDER BY created_at")
        ]

    def drive(self, store: SqliteStore) -> None:
        assert store._writes is not None
        into, out = store._writes._connection._conn, store._reads._conn
        self._out = out
        into.execute("PRAGMA synchronous = OFF")

        async def write(unit: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            self.under_way += 1
            try:
                await self.hop()
                if self.full > 0:
                    self.full -= 1
                    raise StoreUnavailable(FULL, cause="test")
                self.writes += 1
                (outcome,) = _commit([lambda connection: unit(connection, *args, **kwargs)], into)
                await self.in_turn()
                if isinstance(outcome, _Wrote):
                    return outcome.value
                raise outcome.error
            finally:
                self.under_way -= 1

        async def read(look: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            self.under_way += 1
            try:
                await self.hop()
                found = look(out, *args, **kwargs)
                await self.hop()
                return found
            finally:
                self.under_way -= 1

        store._write, store._read = write, read  # type: ignore[method-assign, assignment]


class Remote(FakeServer):
    """A server beyond a network: what is lost between us need not be lost there."""

    def cut(self) -> None:
        """The network is gone; the server goes on."""
        self.down = unreachable()
        for run in self.waiting:
            run.on_event = None
            run.tell(Failed(unreachable()))

    def left(self) -> None:
        """The bot is gone."""
        for run in self.runs.values():
            run.on_event = None

    async def cancel(self, prompt_id: PromptId) -> None:
        run = self.runs.get(prompt_id)
        if self.down is not None and run is not None and run.end is None:
            run.tell(Interrupted())
            return
        await super().cancel(prompt_id)

    async def forget(self, prompt_id: PromptId) -> None:
        self._answer()
        await self.cancel(prompt_id)
        await super().forget(prompt_id)


@contextmanager
def stepping() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(Inline(1))
        yield runner


@dataclass
class World:
    """Servers, a bot that can be ended and begun again, and people."""

    folder: Path
    seed: int = 0
    servers: Sequence[Remote] = field(default_factory=lambda: (Remote("a"), Remote("b")))
    sections: dict[str, Any] = field(default_factory=dict)
    slowest: int = 3
    clock: FakeClock = field(default_factory=FakeClock)
    bot: Bot = field(init=False)
    disk: Disk = field(init=False)
    asked: list[RequestId] = field(default_factory=list)
    ended: dict[JobId, int] = field(default_factory=dict)
    """Jobs that somebody was told are cancelled, with their attempts by then."""
    _host: asyncio.Task[None] | None = None
    _leave: asyncio.Event = field(default_factory=asyncio.Event)
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.disk = Disk(random.Random(self.seed), self.slowest)

    # The bot

    async def begin(self) -> None:
        self._leave.clear()
        ready = asyncio.Event()
        self._host = asyncio.create_task(self._live(ready))
        while not ready.is_set():
            self._check_alive()
            await asyncio.sleep(0)

    async def leave(self) -> None:
        """The bot ends as if it were killed: nothing that runs is waited for."""
        assert self._host is not None
        for task in self._background:
            task.cancel()
        self._leave.set()
        await self._host
        self._host = None
        for server in self.servers:
            server.left()

    async def _live(self, ready: asyncio.Event) -> None:
        async with self._opened() as bot:
            self.bot = bot
            ready.set()
            await self._leave.wait()

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Bot]:
        generous = {"tiers": {"default": {"max_waiting": 1000}}}
        settings = settings_for(self.folder, **{**generous, **self.sections})
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        async with open_store(settings.data_dir / "fairbrush.db", clock=self.clock.now) as store:
            self.disk.drive(store)
            states = [Server(ServerName(fake.name), fake, "http://test") for fake in self.servers]
            service = await make_service(
                settings, store, states, clock=self.clock.as_clock(), deliverers={}, draw=self._draw
            )
            async with at_work(service, 0.0):
                for state in states:
                    await state.tried.wait()
                yield Bot(service, store, self.clock, self.servers, settings)

    def _draw(self, low: int, high: int) -> int:
        return self.disk.chance.randint(low, high)

    def _check_alive(self) -> None:
        if self._host is not None and self._host.done():
            self._host.result()
            raise AssertionError("the bot has ended by itself")

    # Steps

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)
        self._check_alive()

    async def settle(self) -> None:
        """Go on until nothing moves any more, what waits for space on the disk included."""
        for again in (True, True, False):
            quiet = 0
            while quiet < 40:
                await self.steps(1)
                quiet = 0 if self.disk.under_way else quiet + 1
            if again:
                self.clock.advance(2.5)
                self.bot.service.dispatcher.wake()

    # People

    def hang_up(self) -> None:
        """Everybody who waits for an answer goes away."""
        for task in self._background:
            task.cancel()

    def behind(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Have it done while other things go on."""
        task = asyncio.create_task(self._denied(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(lambda _: work.close())  # it may have been cancelled before it began
        return task

    async def _denied(self, work: Awaitable[object]) -> None:
        try:
            await work
        except (UserError, StoreUnavailable):
            return

    async def ask(self, line: str, who: str) -> None:
        receipt = await self.bot.ask(line, who)
        self.asked.append(receipt.accepted.request.id)

    async def cancel(self, number: int) -> None:
        """Cancel all jobs of some request, as an operator."""
        if not self.asked:
            return
        request = self.asked[number % len(self.asked)]
        result = await self.bot.service.usecases.cancel(
            request, Asker(IdentityId("test:operator"), "operator", admin=True)
        )
        for job in result.cancelled:
            self.ended[job] = (await self.bot.job(job)).attempts

    # Servers

    def progress(self, server: FakeServer) -> None:
        """What runs there is about to end, so the next may be sent."""
        for run in server.waiting:
            if run.started and run.on_event is not None:
                run.on_event(Progressed(0.99, NodeId("5"), "Sampler", 99, 100))
                self.clock.advance(0.5)
                self.bot.service.dispatcher.wake()

    # What must hold

    async def check(self) -> None:
        """In a quiet moment: every job is in exactly one place, and the memory agrees with the store."""
        self._check_alive()
        dispatcher, store = self.bot.service.dispatcher, self.bot.store
        places = {job.id for job in dispatcher.known_jobs()}
        active = {name: server for server in dispatcher.servers.values() for name in server.active}
        for server in dispatcher.servers.values():
            assert len(server.active) <= 2
            assert sum(each.started is not None for each in server.active.values()) <= 1
        at_server = {name for server in dispatcher.servers.values() for name in server.active}
        assert set(dispatcher.queue.in_service) == at_server
        open_jobs = set()
        for request in self.disk.requests():
            for job in await store.jobs_of(request):
                waits = dispatcher.queue.waits(job.id)
                if job.state in OPEN:
                    open_jobs.add(job.id)
                    if job.state is JobState.QUEUED:
                        assert waits, f"{job.id} waits nowhere"
                        assert job.id not in active
                    if job.state in AT_SERVER:
                        assert not waits
                        assert job.id in active, f"{job.id} is {job.state} and at no server"
                else:
                    assert not waits, f"{job.id} is {job.state} and waits"
                    assert job.id not in active
                    assert job.error_code != FairbrushError.code, "stumbled"
        assert places == open_jobs, (places, open_jobs)
        memory = dispatcher.attempts.memory
        assert memory._tries.keys() | memory._known.keys() <= open_jobs
        assert dispatcher.line._stranded <= open_jobs
        for job_id, attempts in self.ended.items():
            found = await self.bot.job(job_id)
            assert (found.state, found.attempts) == (JobState.CANCELLED, attempts), "a cancelled job lives"
        await check_books(self.bot.service, store)

    async def finish(self) -> None:
        """Mend everything; then every job comes to its outcome, and nothing is left anywhere."""
        self.disk.full = 0
        for server in self.servers:
            server.down = None
        await self.bot.service.operator.resume("test:operator")
        for _ in range(400):
            await self.settle()
            for server in self.servers:
                if server.waiting:
                    server.finish()
            self.clock.advance(10)
            dispatcher = self.bot.service.dispatcher
            is_up = all(state.state is ServerState.UP for state in dispatcher.servers.values())
            if is_up and not dispatcher.known_jobs() and not any(s.waiting for s in self.servers):
                break
        else:
            raise AssertionError("something goes on for ever")
        await self.settle()
        self.clock.advance(16)
        await self.settle()
        await self.check()
        await check_places(self.bot)
        assert await self.bot.store.open_attempts() == ()
        assert all(not server.waiting for server in self.servers), "somebody is painted for nobody"
