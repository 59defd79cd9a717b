"""What the end of an attempt means for its job, carried out durable first. The judgement is
:mod:`bot.domain.guard`'s."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from bot.domain.durations import about
from bot.domain.errors import (
    BackendError,
    FairbrushError,
    NodeFailed,
    OutOfMemory,
    ProtocolError,
    RunInterrupted,
    RunLost,
    ServerUnreachable,
    StoreUnavailable,
)
from bot.domain.events import EndEvent, Failed, Finished, Interrupted
from bot.domain.fairqueue import FairQueue
from bot.domain.guard import advice, again, is_templates_fault, retry
from bot.domain.ids import JobId
from bot.domain.jobs import AT_SERVER, OPEN
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.course import Course, Guards, Hooks, Memory
from bot.service.notices import Notices
from bot.service.records import Closed, Completion, JobRecord
from bot.service.runner import Runner
from bot.service.servers import Active, Server
from bot.service.store import Store
from bot.service.streams import JobOver, JobQueued, Streams

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 10
"""Submissions of one job, over all restarts: a job that takes its server down each time must end."""
STORE_RETRY_SECONDS = 2.0

T = TypeVar("T")


class Conclusion:
    """Brings jobs to their outcome, or back in line."""

    def __init__(
        self,
        *,
        store: Store,
        queue: FairQueue,
        runner: Runner,
        guards: Guards,
        streams: Streams,
        notices: Notices,
        clock: Clock,
        hooks: Hooks,
        memory: Memory,
    ) -> None:
        self._store = store
        self._queue = queue
        self._runner = runner
        self._guards = guards
        self._streams = streams
        self._notices = notices
        self._clock = clock
        self._hooks = hooks
        self._memory = memory

    async def conclude(self, course: Course, end: EndEvent | FairbrushError) -> None:
        server = course.server
        if not course.may_go_on(end):
            self._memory.lost(course.job.id, server.name)
        server.keeping += 1
        try:
            await self._conclude(course, end)
        except Exception as error:  # noqa: BLE001 - one job that we stumble over must not stop all others
            await self.fail(course.job.id, self.stumbled(course.active, error))
        finally:
            server.keeping -= 1

    async def fail(self, job: JobId, error: FairbrushError) -> Closed | None:
        """The job has failed for good: its reserve is released, whatever the GPU spent on it."""
        if job in self._queue.in_service:
            self._queue.finish(job, 0.0)
        closed = await self.surely(lambda: self._store.fail(job, error, self._clock.now(), reason=error.code))
        self._over(job, closed, error)
        return closed

    async def put_right(self, server: Server, active: Active, seconds: float = 0.0) -> None:
        """The store did not take a move that this attempt would make: go by what the store says."""
        job_id = active.item.job
        job = await self.surely(lambda: self._store.job(job_id))
        if job is None or job.state not in OPEN:
            self._queue.finish(job_id, seconds)
            self._hooks.over(job_id)
            return
        if job.state in AT_SERVER:
            for attempt in await self.surely(lambda: self._store.open_attempts(job_id)):
                requeue = partial(self._store.requeue, attempt.prompt_id)
                await self.surely(partial(requeue, self._clock.now(), "put right"))
        self._again(server, active, seconds)

    def free_slot(self, server: Server, active: Active) -> None:
        if server.active.get(active.item.job) is active:
            del server.active[active.item.job]
            if active.started is not None:
                seconds = self._clock.monotonic() - active.started
                self._streams.meter.painted(server.name, active.item.flow, seconds)
        self._hooks.wake()

    def stumbled(self, active: Active, error: Exception) -> FairbrushError:
        log.error("stumbled over job %s", active.item.job, exc_info=error)
        return FairbrushError(
            Text(
                "Fairbrush stumbled over this picture. That is a bug, not your fault. Tell the operator the "
                "id {job}.",
                job=active.item.job,
            ),
            cause=type(error).__name__,
        )

    async def surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """An outcome is known and must be written: tried until the disk takes it. A process that ends
        meanwhile finds the attempt open, and asks the server again."""
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                self._notices.tell(error.text)
                await self._clock.sleep(STORE_RETRY_SECONDS)

    async def _conclude(self, course: Course, end: EndEvent | FairbrushError) -> None:
        match end:
            case Finished():
                await self._finished(course, end)
            case Interrupted() | Failed() if course.active.cancel_by:
                await self._cancelled(course, end)
            case Interrupted():
                stopped = RunInterrupted(
                    Text("Somebody stopped this picture on the ComfyUI server itself. Ask for it again."),
                    cause=f"prompt {course.active.prompt_id}",
                )
                await self._failed(course, Failed(stopped, end.server_seconds))
            case Failed():
                await self._failed(course, end)
            case _:
                if course.may_go_on(end):
                    course.server.strays.add(course.active.prompt_id)
                await self._give_up(course, end, 0.0)

    def _charged(self, course: Course, end: EndEvent) -> tuple[float, float]:
        """GPU seconds that are the job's own, and those of the model swap."""
        complete = isinstance(end, Finished)
        total, work, swapped = course.seconds(end), course.active.work, course.active.swapped
        name = course.server.name
        charged, swap = self._guards.estimates.split(work, name, total, swapped=swapped, complete=complete)
        if isinstance(end, Finished) and not end.cached:
            self._guards.estimates.observe(work, name, total, swapped=swapped)
            self._streams.meter.guessed(course.active.expected, total)
        return charged, swap

    async def _finished(self, course: Course, end: Finished) -> None:
        job, server, active, now = course.job, course.server, course.active, self._clock.now
        if active.started is None and not end.cached and active.work.model:
            # Nobody heard it begin.
            active.swapped, server.model = server.model != active.work.model, active.work.model
        charged, swap = self._charged(course, end)
        self._queue.finish(job.id, charged)
        self._guards.ceilings.succeeded(server.name, job.work, now())
        assert course.prepared is not None
        try:
            files, texts = await self._runner.keep(server, course.prepared, end)
        except FairbrushError as error:
            await self._give_up(course, error, charged)
            return
        self._guards.quarantine.succeeded(job.work.template)
        completion = Completion(files, texts, charged, swap)
        try:
            closed = await self.surely(lambda: self._store.complete(active.prompt_id, completion, now()))
        except Exception:
            await self._runner.discard(files)
            raise
        if closed is None:
            await self._runner.discard(files)
        self._over(job.id, closed)

    async def _cancelled(self, course: Course, end: Interrupted | Failed) -> None:
        if course.may_go_on(end):
            await self._leave_nothing(course)
        seconds, swap = self._charged(course, end)
        began = course.active.started is not None or bool(end.server_seconds)
        self._queue.finish(course.job.id, seconds)
        closed = await self.surely(
            lambda: self._store.cancel(
                course.job.id,
                self._clock.now(),
                by=course.active.cancel_by,
                settle_seconds=seconds if began else None,
                swap_seconds=swap,
            )
        )
        self._over(course.job.id, closed)

    async def _leave_nothing(self, course: Course) -> None:
        """The server has not confirmed that it stopped: it must not paint for nobody."""
        server, prompt_id = course.server, course.active.prompt_id
        try:
            await server.backend.forget(prompt_id)
            self._memory.lost(course.job.id, server.name)
        except BackendError as error:
            server.strays.add(prompt_id)
            self._hooks.take_out(server, error, course.active)

    async def _failed(self, course: Course, end: Failed) -> None:
        server, active, job = course.server, course.active, course.job
        error = await self._whose_fault(course, end.error)
        tries = self._memory.tries(job.id)
        seconds, _ = self._charged(course, end)
        now = self._clock.now()
        if isinstance(error, OutOfMemory):
            tries.out_of_memory += 1
            self._guards.ceilings.out_of_memory(server.name, job.work, now)
        elif active.started is not None or isinstance(error, RunInterrupted):
            tries.lost += 1
        self._hooks.take_out(server, error, active)
        verdict = retry(error, tries.lost, tries.out_of_memory)
        if verdict == "fail" or job.attempts + 1 >= MOST_ATTEMPTS:
            if isinstance(error, OutOfMemory):
                await self._free(server)
                error = _advised(error, self._guards.ceilings.largest(server.name, job.work, now))
            if course.may_go_on(end):
                server.strays.add(active.prompt_id)
            await self._give_up(course, error, seconds)
        else:
            log.info("job %s goes back in line: %s (%s)", job.id, error.code, _loggable(error))
            await self._back_in_line(course, error, seconds, free=verdict == "free_and_retry")
        if isinstance(error, OutOfMemory):
            await self._hooks.ceiling()

    async def _whose_fault(self, course: Course, error: BackendError) -> BackendError:
        """An answer that no ComfyUI server gives may be about this one job. When nothing sensible comes out
        of that server at all, the job is not to blame."""
        if not isinstance(error, ProtocolError):
            return error
        try:
            await course.server.backend.queue()
        except BackendError as found:
            return ServerUnreachable(found.text, cause=f"{error.cause}; then {found.cause}")
        return error

    async def _back_in_line(self, course: Course, error: BackendError, seconds: float, *, free: bool) -> None:
        active, job = course.active, course.job
        moved = await self.surely(
            lambda: self._store.requeue(active.prompt_id, self._clock.now(), error.code)
        )
        if not course.posted or isinstance(error, RunLost | OutOfMemory | RunInterrupted):
            # The server has no such run any more, for certain: the next attempt is a fresh one.
            await self.surely(lambda: self._store.lose(active.prompt_id, self._clock.now()))
        if free:
            await self._free(course.server)
        if not moved:
            await self.put_right(course.server, active, seconds)
            return
        self._again(course.server, active, seconds)
        self._streams.publish(JobQueued(job.id, again(error)))
        self._streams.meter.again(error.code)
        if active.cancel_by:
            # Wished while the loss was being written: there was nothing left to stop at the server.
            await self.surely(lambda: self._hooks.cancel(job, active.cancel_by))

    def _again(self, server: Server, active: Active, seconds: float) -> None:
        # In one go: it is at a server or in line, never both, never neither.
        self.free_slot(server, active)
        self._hooks.again(active, seconds)

    async def _free(self, server: Server) -> None:
        """Empty the GPU's memory before anything else is sent there."""
        server.freeing = True
        try:
            await server.backend.free()
            server.model = ""
        except BackendError as error:
            log.info("server %s did not free its memory: %s", server.name, error.cause)
        finally:
            server.freeing = False

    async def _give_up(self, course: Course, error: FairbrushError, seconds: float) -> None:
        job, server = course.job, course.server
        if job.id in self._queue.in_service:
            self._queue.finish(job.id, seconds)
        log.warning(
            "job %s failed on %s after %.1f GPU s: %s (%s)",
            job.id,
            server.name,
            seconds,
            error.code,
            _loggable(error),
        )
        # The slot is kept: if its template is to rest, no other job of it shall begin meanwhile.
        closed = await self.fail(job.id, error)
        if closed is not None and isinstance(error, BackendError) and is_templates_fault(error):
            await self._count_against(job, error)

    async def _count_against(self, job: JobRecord, error: BackendError) -> None:
        """A template that fails again and again is set aside, and its operator told."""
        now = self._clock.now()
        until = self._guards.quarantine.failed(job.work.template, job.request, now)
        if until is None:
            return
        self._notices.tell(
            Text(
                "Template {template} failed several times in a row and rests for {wait}. The last reason: "
                "{reason}",
                template=job.work.template,
                wait=about(until - now),
                reason=error.text,
            ),
            quiet=Text("Template {template} rests after several failures.", template=job.work.template),
        )
        await self._hooks.quarantined(job.work.template, until)

    def _over(self, job: JobId, closed: Closed | None, error: FairbrushError | None = None) -> None:
        self._hooks.over(job)
        if closed is not None:
            self._streams.publish(JobOver(closed, error))
        self._hooks.wake()


def _loggable(error: FairbrushError) -> str:
    """A node's own words may quote what somebody asked for: these are for that person, not for the log."""
    if isinstance(error, NodeFailed):
        return f"node {error.node_id} {error.class_type}"
    return error.cause


def _advised(error: OutOfMemory, largest: int | None) -> OutOfMemory:
    return OutOfMemory(
        advice(error, largest),
        node_id=error.node_id,
        class_type=error.class_type,
        message=error.message,
        cause=error.cause,
    )
