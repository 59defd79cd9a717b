"""The course of one attempt: written down, posted, watched, kept, concluded; or its job goes back in line.

The slot is free the moment the GPU is: fetching files and writing outcomes go on beside the next job. What
a failure means is decided by :mod:`bot.domain.guard`; here it is carried out, durable first.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from bot.domain.durations import about
from bot.domain.errors import (
    BackendError,
    FairbrushError,
    OutOfMemory,
    RunInterrupted,
    RunLost,
    StoreUnavailable,
)
from bot.domain.estimates import Estimates
from bot.domain.events import EndEvent, Failed, Finished, Interrupted, Progressed, RunEvent, Started
from bot.domain.events import NodeStarted as NodeBegan
from bot.domain.events import Queued as QueuedThere
from bot.domain.fairqueue import FairQueue
from bot.domain.guard import Ceilings, Quarantine, advice, is_templates_fault, retry
from bot.domain.ids import JobId, PromptId, ServerName, TemplateName
from bot.domain.jobs import AttemptState
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.notices import Notices
from bot.service.records import AttemptRecord, Closed, Completion, JobRecord, RequestRecord
from bot.service.runner import Prepared, Runner
from bot.service.servers import Active, Server
from bot.service.store import Store
from bot.service.streams import JobOver, JobQueued, JobRan, JobStaged, Streams

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 10
"""Submissions of one job, over all restarts: a job that takes its server down each time must end."""
STORE_RETRY_SECONDS = 2.0

T = TypeVar("T")


@dataclass(slots=True)
class Tries:
    """What went wrong with a job so far, in this process."""

    lost: int = 0
    """Attempts that were lost, or interrupted by others, after they had begun."""
    out_of_memory: int = 0


@dataclass(slots=True)
class Guards:
    """What has been learned, and what is held back because of it."""

    estimates: Estimates
    ceilings: Ceilings
    quarantine: Quarantine


@dataclass(slots=True)
class Hooks:
    """What an attempt asks of the dispatcher. ``over``: the job has its outcome."""

    wake: Callable[[], None]
    take_out: Callable[[Server, BackendError, Active], None]
    over: Callable[[JobId], None]
    again: Callable[[Active, float], None]
    """The job waits again, at its old place, after that many GPU seconds."""
    cancel: Callable[[JobRecord, str], Awaitable[object]]
    quarantined: Callable[[TemplateName, int], Awaitable[None]]
    ceiling: Callable[[], Awaitable[None]]
    """A server was found too small for some size."""


@dataclass(slots=True)
class _Course:
    """One attempt under way."""

    server: Server
    active: Active
    job: JobRecord
    request: RequestRecord
    prepared: Prepared | None = None
    begun: asyncio.Task[bool] | None = None
    ended: float = 0.0

    def seconds(self, end: EndEvent) -> float:
        """GPU seconds of the run, a swap included: the server's own word, else our own clock's."""
        if end.server_seconds is not None:
            return end.server_seconds
        return 0.0 if self.active.started is None else self.ended - self.active.started


class Attempts:
    """Carries out attempts. One task each; cancelling it leaves the attempt open for the next start."""

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
    ) -> None:
        self._store = store
        self._queue = queue
        self._runner = runner
        self._guards = guards
        self._streams = streams
        self._notices = notices
        self._clock = clock
        self._hooks = hooks
        self._tries: dict[JobId, Tries] = {}
        self._known: dict[JobId, dict[ServerName, PromptId]] = {}

    def known(self, job: JobId, server: ServerName) -> PromptId | None:
        """An open attempt of a job that this server may still know."""
        return self._known.get(job, {}).get(server)

    def remember(self, attempt: AttemptRecord) -> None:
        self._known.setdefault(attempt.job, {})[attempt.server] = attempt.prompt_id

    async def run(self, server: Server, active: Active, *, attached: bool) -> None:
        """See ``active``'s job through on ``server``, which has given it a slot.

        ``attached``: the store has it staged or running there already (a process before us posted it).
        """
        try:
            await self._run(server, active, attached=attached)
        finally:
            self._free_slot(server, active)

    async def _run(self, server: Server, active: Active, *, attached: bool) -> None:
        course: _Course | None = None
        try:
            course = await self._course(server, active)
            end = None if course is None else await self._to_the_end(course, attached=attached)
        except StoreUnavailable as error:
            await self._store_refused(active, error)
            return
        except Exception as error:  # noqa: BLE001 - one job that we stumble over must not stop all others
            end = _stumbled(active, error)
        if course is None or end is None:
            # Cancelled before anything was posted.
            self._queue.finish(active.item.job, 0.0)
            self._forget(active.item.job)
            return
        if not isinstance(end, Failed | Interrupted):
            # The GPU is free for the next. After a failure the job may have to go back in line first, or
            # its user's next one would overtake it.
            self._free_slot(server, active)
        server.keeping += 1
        try:
            await self._conclude(course, end)
        except Exception as error:  # noqa: BLE001 - likewise
            await self._give_up(course, _stumbled(active, error), 0.0)
        finally:
            server.keeping -= 1

    def _free_slot(self, server: Server, active: Active) -> None:
        if server.active.get(active.item.job) is active:
            del server.active[active.item.job]
        self._hooks.wake()

    async def _course(self, server: Server, active: Active) -> _Course | None:
        job = await self._store.job(active.item.job)
        request = None if job is None else await self._store.request(job.request)
        return None if job is None or request is None else _Course(server, active, job, request)

    async def _to_the_end(self, course: _Course, *, attached: bool) -> EndEvent | FairbrushError | None:
        """The run's end; an error when it never began; None when the job is not ours any more."""
        server, active, job = course.server, course.active, course.job
        known = self.known(job.id, server.name)
        submitted = attached or known is not None
        if known is not None:
            active.prompt_id = known
        try:
            course.prepared = await self._runner.prepare(job, course.request, server, submitted=submitted)
        except FairbrushError as error:
            return await self._unprepared(course, error, attached=attached)
        if not attached and not await self._written_down(course, known):
            return None
        if active.cancel_by:
            wish = self._store.wish_to_cancel
            await self._surely(lambda: wish(active.prompt_id, active.cancel_by, self._clock.now()))
            if not submitted:
                return Interrupted()
        self._streams.publish(JobStaged(job.id, server.name))
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(
                self._runner.watch(
                    server,
                    active.prompt_id,
                    course.prepared,
                    lambda event: self._heard(course, event, tasks),
                    submitted=submitted,
                ),
                name=f"run of {job.id}",
            )
            await asyncio.sleep(0)
            if active.cancel_by:
                # Wished before the backend knew the run.
                await server.backend.cancel(active.prompt_id)
        course.ended = self._clock.monotonic()
        return watching.result()

    async def _unprepared(
        self, course: _Course, error: FairbrushError, *, attached: bool
    ) -> EndEvent | FairbrushError | None:
        if not attached and not await self._written_down(course, None):
            return None
        return Failed(error) if isinstance(error, BackendError) else error

    async def _written_down(self, course: _Course, known: PromptId | None) -> bool:
        """Whether the job is staged now; False when somebody moved it first."""
        now = self._clock.now()
        if known is not None:
            return await self._store.reattach(known, now)
        attempt = AttemptRecord(
            course.active.prompt_id,
            course.job.id,
            course.server.name,
            course.server.backend.client_id,
            AttemptState.OPEN,
            now,
        )
        if not await self._store.stage(attempt):
            return False
        self.remember(attempt)
        return True

    def _heard(self, course: _Course, event: RunEvent, tasks: asyncio.TaskGroup) -> None:
        server, active = course.server, course.active
        match event:
            case QueuedThere(ahead=ahead):
                active.ahead = ahead or 0
            case Started():
                active.started = self._clock.monotonic()
                active.swapped = bool(active.work.model) and server.model != active.work.model
                server.model = active.work.model or server.model
                begin = self._store.start(active.prompt_id, self._clock.now())
                course.begun = tasks.create_task(_leniently(begin), name=f"start of {course.job.id}")
                self._hooks.wake()
            case Progressed(fraction=fraction, title=title):
                active.fraction, active.title = fraction, title
            case NodeBegan(title=title):
                active.title = title
        self._streams.publish(JobRan(course.job.id, event))

    async def _conclude(self, course: _Course, end: EndEvent | FairbrushError) -> None:
        match end:
            case Finished():
                await self._finished(course, end)
            case Interrupted() if course.active.cancel_by:
                await self._cancelled(course, self._charged(course, end, learn=False), end)
            case Interrupted():
                stopped = RunInterrupted(
                    Text("Somebody stopped this picture on the ComfyUI server itself. Ask for it again."),
                    cause=f"prompt {course.active.prompt_id}",
                )
                await self._failed(course, Failed(stopped, end.server_seconds))
            case Failed() if course.active.cancel_by:
                await self._cancelled(course, self._charged(course, end, learn=False), end)
            case Failed():
                await self._failed(course, end)
            case _:
                self._queue.finish(course.job.id, 0.0)
                await self._give_up(course, end, 0.0)

    def _charged(self, course: _Course, end: EndEvent, *, learn: bool) -> tuple[float, float]:
        """GPU seconds that are the job's own, and those of the model swap."""
        total, work, swapped = course.seconds(end), course.active.work, course.active.swapped
        name = course.server.name
        charged, swap = self._guards.estimates.split(work, name, total, swapped=swapped)
        if learn:
            self._guards.estimates.observe(work, name, total, swapped=swapped)
        return charged, swap

    async def _finished(self, course: _Course, end: Finished) -> None:
        job, server, now = course.job, course.server, self._clock.now
        charged, swap = self._charged(course, end, learn=not end.cached)
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
        closed = await self._surely(lambda: self._store.complete(course.active.prompt_id, completion, now()))
        if closed is None:
            await self._runner.discard(files)
        self._over(course, closed)

    async def _cancelled(self, course: _Course, charged: tuple[float, float], end: EndEvent) -> None:
        if end.server_seconds is None:
            await self._leave_nothing(course)
        seconds, swap = charged
        began = course.active.started is not None or bool(end.server_seconds)
        self._queue.finish(course.job.id, seconds)
        closed = await self._surely(
            lambda: self._store.cancel(
                course.job.id,
                self._clock.now(),
                by=course.active.cancel_by,
                settle_seconds=seconds if began else None,
                swap_seconds=swap,
            )
        )
        self._over(course, closed)

    async def _leave_nothing(self, course: _Course) -> None:
        """The server has not confirmed that it stopped: it must not paint for nobody."""
        server, prompt_id = course.server, course.active.prompt_id
        try:
            await server.backend.forget(prompt_id)
        except BackendError as error:
            server.strays.add(prompt_id)
            self._hooks.take_out(server, error, course.active)

    async def _failed(self, course: _Course, end: Failed) -> None:
        error, server, active, job = end.error, course.server, course.active, course.job
        tries = self._tries.setdefault(job.id, Tries())
        began = active.started is not None
        seconds, _ = self._charged(course, end, learn=False)
        now = self._clock.now()
        if isinstance(error, OutOfMemory):
            tries.out_of_memory += 1
            self._guards.ceilings.out_of_memory(server.name, job.work, now)
        elif began or isinstance(error, RunInterrupted):
            tries.lost += 1
        self._hooks.take_out(server, error, active)
        verdict = retry(error, tries.lost, tries.out_of_memory)
        if verdict == "fail" or job.attempts + 1 >= MOST_ATTEMPTS:
            self._queue.finish(job.id, seconds)
            if isinstance(error, OutOfMemory):
                await self._free(server)
                error = _advised(error, self._guards.ceilings.largest(server.name, job.work, now))
            await self._give_up(course, error, seconds)
        else:
            log.info("job %s goes back in line: %s (%s)", job.id, error.code, error.cause)
            await self._back_in_line(course, error, seconds, free=verdict == "free_and_retry")
        if isinstance(error, OutOfMemory):
            await self._hooks.ceiling()

    async def _back_in_line(
        self, course: _Course, error: BackendError, seconds: float, *, free: bool
    ) -> None:
        active, job = course.active, course.job
        moved = await self._surely(
            lambda: self._store.requeue(active.prompt_id, self._clock.now(), error.code)
        )
        if isinstance(error, RunLost | OutOfMemory | RunInterrupted):
            # The server has no such run any more, for certain: the next attempt is a fresh one.
            await self._surely(lambda: self._store.lose(active.prompt_id, self._clock.now()))
            self._known.get(job.id, {}).pop(course.server.name, None)
        if free:
            await self._free(course.server)
        if not moved:
            self._queue.finish(job.id, seconds)
            self._forget(job.id)
            return
        self._hooks.again(active, seconds)
        self._streams.publish(JobQueued(job.id, error.text))
        if active.cancel_by:
            # Wished while the loss was being written: there was nothing left to stop at the server.
            await self._surely(lambda: self._hooks.cancel(job, active.cancel_by))

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

    async def _give_up(self, course: _Course, error: FairbrushError, seconds: float) -> None:
        """The job has failed for good: its reserve is released, whatever the GPU spent on it."""
        job = course.job
        log.warning(
            "job %s failed on %s after %.1f GPU s: %s (%s)",
            job.id,
            course.server.name,
            seconds,
            error.code,
            error.cause,
        )
        closed = await self._surely(
            lambda: self._store.fail(job.id, error, self._clock.now(), reason=error.code)
        )
        self._over(course, closed, error)
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
            )
        )
        await self._hooks.quarantined(job.work.template, until)

    def _over(self, course: _Course, closed: Closed | None, error: FairbrushError | None = None) -> None:
        self._forget(course.job.id)
        if closed is not None:
            self._streams.publish(JobOver(closed, error))
        self._hooks.wake()

    def _forget(self, job: JobId) -> None:
        self._tries.pop(job, None)
        self._known.pop(job, None)
        self._hooks.over(job)

    async def _store_refused(self, active: Active, error: StoreUnavailable) -> None:
        """Nothing was posted: the job waits as before."""
        self._notices.tell(error.text)
        await self._clock.sleep(STORE_RETRY_SECONDS)
        self._hooks.again(active, 0.0)

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """An outcome is known and must be written: tried until the disk takes it. A process that ends
        meanwhile finds the attempt open, and asks the server again."""
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                self._notices.tell(error.text)
                await self._clock.sleep(STORE_RETRY_SECONDS)


def _advised(error: OutOfMemory, largest: int | None) -> OutOfMemory:
    return OutOfMemory(
        advice(error, largest),
        node_id=error.node_id,
        class_type=error.class_type,
        message=error.message,
        cause=error.cause,
    )


def _stumbled(active: Active, error: Exception) -> FairbrushError:
    log.error("stumbled over job %s", active.item.job, exc_info=error)
    return FairbrushError(
        Text(
            "Fairbrush stumbled over this picture. That is a bug, not your fault; nothing is charged. "
            "Tell the operator the id {job}.",
            job=active.item.job,
        ),
        cause=type(error).__name__,
    )


async def _leniently(write: Awaitable[bool]) -> bool:
    """That a job has begun is good to know, and no reason to lose it when the disk is full."""
    try:
        return await write
    except StoreUnavailable:
        return False


def new_prompt_id() -> PromptId:
    return PromptId(str(uuid.uuid4()))
