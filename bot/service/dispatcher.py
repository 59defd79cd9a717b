"""Who paints next, and where: the fair queue meets the servers.

The queue is ours: a server gets one job to run and, shortly before that ends, one more. Everything here
happens on the event loop without waiting; what waits (network, disk) are tasks of :mod:`bot.service.attempts`
and :mod:`bot.service.warden`, which wake the dispatcher.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.domain.errors import (
    AuthenticationFailed,
    BackendError,
    ServerUnreachable,
    ServerWedged,
    StoreUnavailable,
)
from bot.domain.fairqueue import FairQueue
from bot.domain.ids import JobId, ServerName, UserId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service import learned
from bot.service.attempts import Attempts, Guards, Hooks, new_prompt_id
from bot.service.clock import Clock
from bot.service.errands import Errands
from bot.service.lanes import Lanes
from bot.service.line import Line
from bot.service.notices import Notices
from bot.service.outlook import Outlook, outlook
from bot.service.records import AttemptRecord, JobRecord, WaitingJob
from bot.service.runner import Runner
from bot.service.servers import Active, Server, ServerState
from bot.service.store import Store
from bot.service.streams import JobOver, JobQueued, Streams

log = logging.getLogger(__name__)

Outcome = Literal["cancelled", "stopping", "over"]
"""Of a cancel."""

FLOWS_EVERY = 5.0
"""Seconds between writing down the virtual times: what a kill can lose of them."""
MOST_NEEDS = 10_000
"""Kinds of jobs that are remembered, though nobody waits for one."""


@dataclass(slots=True)
class Gates:
    """What an operator has closed. Kept over restarts."""

    paused: bool = False
    draining: bool = False
    stopping: bool = False
    """The process is about to end; never stored."""


class Dispatcher:
    """Feeds the servers. Make it, let recovery fill it, then :meth:`run` it."""

    def __init__(
        self,
        *,
        store: Store,
        queue: FairQueue,
        servers: Sequence[Server],
        runner: Runner,
        guards: Guards,
        lanes: Lanes,
        streams: Streams,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self.servers: Mapping[ServerName, Server] = {server.name: server for server in servers}
        self.gates = Gates()
        self.queue = queue
        self.lanes = lanes
        self._store = store
        self._guards = guards
        self._streams = streams
        self._notices = notices
        self._clock = clock
        self._wake = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self.line = Line(
            store=store,
            queue=queue,
            guards=guards,
            lanes=lanes,
            streams=streams,
            notices=notices,
            clock=clock,
            over=self._drop,
            wake=self.wake,
        )
        self._saved: tuple[float, Mapping[UserId, float]] | None = None
        self._running: dict[JobId, asyncio.Task[None]] = {}
        self.errands = Errands()
        self._resumed: list[tuple[Server, Active]] = []
        self.attempts = Attempts(
            store=store,
            queue=queue,
            runner=runner,
            guards=guards,
            streams=streams,
            notices=notices,
            clock=clock,
            hooks=Hooks(
                wake=self.wake,
                take_out=self.take_out,
                over=self._drop,
                again=lambda active, seconds: self.line.again(active.item.job, seconds),
                cancel=self.cancel,
                quarantined=self.line.set_aside,
                ceiling=self.line.refuse_too_big,
            ),
        )

    def tell(self, text: Text) -> None:
        """Something that the operator should know."""
        self._notices.tell(text)

    # What comes in

    async def submit(self, jobs: Iterable[JobRecord]) -> None:
        """Line up accepted jobs. Waits for the disk only when what servers offer has changed meanwhile, so
        that none of them can paint some of these."""
        for job in jobs:
            if job.state is JobState.QUEUED:
                self.line.adopt(WaitingJob(job.id, job.user, job.order, job.work, job.weight))
                self._streams.publish(JobQueued(job.id))
        self.wake()
        await self.line.fail_stranded_leniently()

    def attach(self, job: WaitingJob, attempt: AttemptRecord) -> bool:
        """Take over a job that the store has at a server; False when that server is not configured."""
        server = self.servers.get(attempt.server)
        if server is None:
            return False
        item = self.line.attach(job, server.name)
        self.attempts.memory.remember(attempt)
        active = Active(item, job.work, attempt.prompt_id, item.estimate, cancel_by=attempt.cancel_by)
        server.active[job.id] = active
        self._resumed.append((server, active))
        return True

    async def heard_of_servers(self, patience: float) -> None:
        """Wait until each server has been tried once, for at most ``patience`` seconds of real time: before,
        nobody knows what can be painted."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                for server in self.servers.values():
                    await server.tried.wait()

    # The loop

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Feed the servers until cancelled. What runs then stays open, for the next start to find."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._keep_flows(), name="virtual times")
            for server, active in self._resumed:
                self._start(server, active, attached=True)
            self._resumed.clear()
            while True:
                self._wake.clear()
                self.feed()
                await self._until_woken()

    async def _until_woken(self) -> None:
        now = self._clock.monotonic()
        looks = [look for s in self.servers.values() if (look := s.next_look(now)) is not None]
        try:
            async with asyncio.timeout(min(looks) if looks else None):
                await self._wake.wait()
        except TimeoutError:
            return

    def feed(self) -> None:
        """Give every server that wants it the job whose turn it is."""
        if self.gates.paused or self.gates.stopping:
            return
        hungry = list(self.servers.values())
        while hungry := [server for server in hungry if server.wants_more(self._clock.monotonic())]:
            # Of several that are free, the one that has its model loaded already goes first.
            server = next(filter(self._suits, hungry), hungry[0]) if len(hungry) > 1 else hungry[0]
            if (active := self._next_for(server)) is None:
                hungry.remove(server)
            else:
                self._start(server, active, attached=False)

    def _suits(self, server: Server) -> bool:
        """Whether the next job for that server needs no other model than it has."""
        head = self.queue.head(server.name, server.model or None)
        return head is not None and head.model in ("", server.model)

    def _next_for(self, server: Server) -> Active | None:
        now, estimates = self._clock.now(), self._guards.estimates
        item = self.queue.pop(
            server.name,
            loaded=server.model or None,
            estimate=lambda waiting: estimates.expected(self.line.jobs[waiting.job].work),
            may=lambda waiting: self._guards.ceilings.allows(
                server.name, self.line.jobs[waiting.job].work, now
            ),
        )
        if item is None:
            return None
        work = self.line.jobs[item.job].work
        expected = estimates.expected(work)
        if work.model and work.model != server.model:
            expected += estimates.swap_seconds(server.name, work.model)
        active = Active(item, work, new_prompt_id(), expected)
        server.active[item.job] = active
        return active

    def could_begin(self, server: Server) -> bool:
        """Whether a job waits that this server would be given now."""
        if not server.wants_more(self._clock.monotonic()):
            return False
        head = self.queue.head(server.name, server.model or None)
        return head is not None and self._guards.ceilings.allows(
            server.name, self.line.jobs[head.job].work, self._clock.now()
        )

    def _start(self, server: Server, active: Active, *, attached: bool) -> None:
        assert self._tasks is not None
        job = active.item.job
        task = self._tasks.create_task(
            self.attempts.run(server, active, attached=attached), name=f"attempt of {job}"
        )
        self._running[job] = task
        task.add_done_callback(lambda done: self._ended(job, done))

    def _ended(self, job: JobId, task: asyncio.Task[None]) -> None:
        if self._running.get(job) is task:
            del self._running[job]

    # What goes out

    async def cancel(self, job: JobRecord, by: str) -> Outcome:
        """Somebody does not want a job any more. At a server it ends when the server has stopped it.

        Seen through whatever becomes of the caller. Raises StoreUnavailable; then it waits as before.
        """
        return await self.errands.run(self._cancel(job.id, by))

    async def _cancel(self, job: JobId, by: str) -> Outcome:
        for server in self.servers.values():
            if (active := server.active.get(job)) is not None:
                active.cancel_by = active.cancel_by or by
                try:
                    await self._store.wish_to_cancel(active.prompt_id, by, self._clock.now())
                except StoreUnavailable as error:
                    self._notices.tell(error.text)  # it holds as long as we live
                await server.backend.cancel(active.prompt_id)
                return "stopping"
        if job in self._running and not self.queue.waits(job):
            return "over"  # it is painted; its files are being kept
        closed = await self.line.end(
            job, lambda: self._store.cancel(job, self._clock.now(), by=by, settle_seconds=None)
        )
        if closed is None:
            return "over"
        self._streams.publish(JobOver(closed))
        return "cancelled"

    def take_out(self, server: Server, error: BackendError, active: Active | None = None) -> None:
        """Stop feeding a server for a failure that is its own; other failures of a job change nothing.

        ``active``: whose failure it was. Without one it came from looking after the server: then it does not
        do what it must, whatever the reason.
        """
        is_its_own = isinstance(error, ServerUnreachable | AuthenticationFailed | ServerWedged)
        if server.state in (ServerState.DOWN, ServerState.WEDGED) or not (is_its_own or active is None):
            return
        state = ServerState.WEDGED if isinstance(error, ServerWedged) else ServerState.DOWN
        server.state, server.reason, server.since = state, error.text, self._clock.now()
        server.model = ""
        if active is not None and state is ServerState.WEDGED:
            server.stuck = frozenset({active.prompt_id})
            server.stalled_at = self._clock.monotonic() if active.started is None else None
            server.connections = server.backend.connections
        self._notices.tell(
            Text("Server {name} is out of service: {reason}", name=server.name, reason=error.text),
            about=server.name,
        )
        log.info("server %s is %s: %s", server.name, state, error.cause)

    # What people ask

    def outlook(self, job: JobId) -> Outlook | None:
        """Place, ETA and reason of a waiting job, for a card that somebody looks at; else None."""
        if not self.queue.waits(job):
            return None
        waiting = self.line.jobs[job]
        return outlook(
            self.queue.place(job),
            expected=self._guards.estimates.expected(waiting.work),
            able=[self.servers[name] for name in self.lanes.servers_for(waiting.work.needs)],
            closed=self._closed(),
            now=self._clock.monotonic(),
        )

    def _closed(self) -> Text | None:
        if self.gates.stopping:
            return Text("The bot is stopping. Your place is kept until it runs again.")
        if self.gates.paused:
            return Text("The operator has paused the queue. Your place is kept.")
        return None

    def fraction(self, job: JobId) -> float | None:
        """How much of a running job is done; None for any other."""
        for server in self.servers.values():
            active = server.active.get(job)
            if active is not None and active.started is not None:
                return active.fraction
        return None

    def remaining(self, job: JobId) -> float | None:
        """Seconds until a job at a server ends, as far as anybody can say; None for any other."""
        now = self._clock.monotonic()
        for server in self.servers.values():
            if (active := server.active.get(job)) is not None:
                first = server.running
                before = first.remaining(now) if first is not None and first is not active else 0.0
                return before + active.remaining(now)
        return None

    def job(self, job: JobId) -> WaitingJob | None:
        return self.line.jobs.get(job)

    def known_jobs(self) -> tuple[WaitingJob, ...]:
        return tuple(self.line.jobs.values())

    # The end

    async def wind_down(self, patience: float) -> None:
        """Start nothing more and give what runs ``patience`` seconds to end. The rest stays queued; what
        still runs is found again by the next start."""
        self.gates.stopping = True
        waiting = [
            task
            for server in self.servers.values()
            for job, active in server.active.items()
            if active.started is not None and (task := self._running.get(job)) is not None
        ]
        keeping = [
            task
            for job, task in self._running.items()
            if not any(job in server.active for server in self.servers.values())
        ]
        errands = self.errands.under_way()
        if waiting or keeping or errands:
            await asyncio.wait({*waiting, *keeping, *errands}, timeout=patience)
        await self._save_flows()

    async def _keep_flows(self) -> None:
        while True:
            await self._clock.sleep(FLOWS_EVERY)
            await self._save_flows()
            if len(self.lanes) > MOST_NEEDS:
                self.lanes.keep({job.work.needs for job in self.line.jobs.values()})

    async def _save_flows(self) -> None:
        flows = self.queue.virtual_time, self.queue.lagging()
        try:
            if flows != self._saved:
                await self._store.save_flows(*flows)
                self._saved = flows
            await learned.keep(self._store, self._guards)
        except StoreUnavailable as error:
            self._notices.tell(error.text)

    def _drop(self, job: JobId) -> None:
        """The job is over: nothing of it stays, here or at a server."""
        self.line.drop(job)
        for name, prompt_id in self.attempts.memory.forget(job).items():
            if (server := self.servers.get(name)) is not None:
                server.strays.add(prompt_id)
