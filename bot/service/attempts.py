"""The course of one attempt: written down, posted, watched, and concluded by :mod:`bot.service.conclusion`.

The slot is free the moment the GPU is: fetching files and writing outcomes go on beside the next job.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable

from bot.domain.errors import BackendError, FairbrushError, StoreUnavailable
from bot.domain.events import (
    Disconnected,
    EndEvent,
    Failed,
    Interrupted,
    Progressed,
    Reconnected,
    RunEvent,
    Started,
)
from bot.domain.events import NodeStarted as NodeBegan
from bot.domain.events import Queued as QueuedThere
from bot.domain.fairqueue import FairQueue
from bot.domain.ids import JobId, PromptId
from bot.domain.jobs import AttemptState, request_of
from bot.domain.text import Text
from bot.service import story
from bot.service.about import about
from bot.service.clock import Clock
from bot.service.conclusion import STORE_RETRY_SECONDS, Conclusion
from bot.service.course import Course, Guards, Hooks, Memory
from bot.service.notices import Notices
from bot.service.records import AttemptRecord
from bot.service.runner import Runner
from bot.service.servers import Active, Server, ServerState
from bot.service.store import Store
from bot.service.streams import JobRan, JobStaged, Streams

__all__ = ["Attempts", "Guards", "Hooks", "new_prompt_id"]

log = logging.getLogger(__name__)


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
        self.memory = Memory()
        self._store = store
        self._runner = runner
        self._streams = streams
        self._notices = notices
        self._clock = clock
        self._hooks = hooks
        self._under_way: dict[JobId, Active] = {}
        self._end = Conclusion(
            store=store,
            queue=queue,
            runner=runner,
            guards=guards,
            streams=streams,
            notices=notices,
            clock=clock,
            hooks=hooks,
            memory=self.memory,
        )

    def cares_for(self, attempt: AttemptRecord) -> bool:
        """Whether this very attempt is under way: at its server, or painted and being kept."""
        active = self._under_way.get(attempt.job)
        return active is not None and active.prompt_id == attempt.prompt_id

    async def run(self, server: Server, active: Active, *, attached: bool) -> None:
        """See ``active``'s job through on ``server``, which has given it a slot.

        ``attached``: the store has it staged or running there already (a process before us posted it).
        """
        job = active.item.job
        self._under_way[job] = active
        try:
            with about(job=job, request=request_of(job), server=server.name):
                while await self._store_refused(server, active, attached=attached):
                    pass
        finally:
            if self._under_way.get(job) is active:
                del self._under_way[job]
            self._end.free_slot(server, active)

    async def _store_refused(self, server: Server, active: Active, *, attached: bool) -> bool:
        """One try. Whether nothing could be read or written, and it is to be tried again here."""
        try:
            await self._run(server, active, attached=attached)
        except StoreUnavailable as error:
            self._notices.tell(error.text)
            await self._clock.sleep(STORE_RETRY_SECONDS)
            if attached or active.cancel_by:
                return True  # the server has it, or somebody waits to hear that it ended
            await self._end.put_right(server, active)
        return False

    async def _run(self, server: Server, active: Active, *, attached: bool) -> None:
        """Raises StoreUnavailable when nothing was posted yet."""
        course: Course | None = None
        try:
            course = await self._course(server, active)
            end = None if course is None else await self._to_the_end(course, attached=attached)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one job that we stumble over must not stop all others
            end = self._end.stumbled(active, error)
            if course is None:
                await self._end.fail(active.item.job, end)
                return
        if course is None or end is None:
            # Somebody was quicker: it is over, or its attempt is not open any more.
            await self._end.put_right(server, active)
            return
        if not isinstance(end, Failed | Interrupted):
            # The GPU is free for the next. After a failure the job may have to go back in line first, or
            # its user's next one would overtake it.
            self._end.free_slot(server, active)
        await self._end.conclude(course, end)
        self._answers(server)  # unless it was taken out, for then it is not up

    async def _course(self, server: Server, active: Active) -> Course | None:
        job = await self._store.job(active.item.job)
        if job is None:
            return None
        request = await self._store.request(job.request)
        assert request is not None
        return Course(server, active, job, request)

    async def _to_the_end(self, course: Course, *, attached: bool) -> EndEvent | FairbrushError | None:
        """The run's end; an error when it never began; None when the job is not ours any more."""
        server, active, job = course.server, course.active, course.job
        known = self.memory.known(job.id, server.name)
        submitted = course.posted = attached or known is not None
        if known is not None:
            active.prompt_id = known
        error: FairbrushError | None = None
        try:
            course.prepared = await self._runner.prepare(job, course.request, server, submitted=submitted)
        except StoreUnavailable:
            raise
        except FairbrushError as refused:
            error = refused
        if not attached and not await self._written_down(course, known):
            return None
        if error is not None:
            return Failed(error) if isinstance(error, BackendError) else error
        if active.cancel_by:
            wish = self._store.wish_to_cancel
            await self._end.surely(lambda: wish(active.prompt_id, active.cancel_by, self._clock.now()))
            if not submitted:
                return Interrupted()
        self._streams.publish(JobStaged(job.id, server.name))
        course.posted = True
        return await self._watched(course, submitted=submitted)

    async def _watched(self, course: Course, *, submitted: bool) -> EndEvent:
        server, active = course.server, course.active
        assert course.prepared is not None
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(
                self._runner.watch(
                    server,
                    active.prompt_id,
                    course.prepared,
                    lambda event: self._heard(course, event, tasks),
                    submitted=submitted,
                ),
                name=f"run of {course.job.id}",
            )
            await asyncio.sleep(0)
            if active.cancel_by:
                # Wished before the backend knew the run.
                await server.backend.cancel(active.prompt_id)
        course.ended = self._clock.monotonic()
        return watching.result()

    async def _written_down(self, course: Course, known: PromptId | None) -> bool:
        """Whether the job is staged now; False when somebody moved it first."""
        now = self._clock.now()
        if known is not None:
            if await self._store.reattach(known, now):
                return True
            self.memory.lost(course.job.id, course.server.name)
            return False
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
        self.memory.remember(attempt)
        return True

    def _heard(self, course: Course, event: RunEvent, tasks: asyncio.TaskGroup) -> None:
        server, active = course.server, course.active
        match event:
            case QueuedThere(ahead=ahead):
                active.ahead = ahead or 0
            case Started():
                active.started = self._clock.monotonic()
                self._tell_of_start(course)
                active.swapped = bool(active.work.model) and server.model != active.work.model
                server.model = active.work.model or server.model
                begin = self._store.start(active.prompt_id, self._clock.now())
                course.begun = tasks.create_task(_leniently(begin), name=f"start of {course.job.id}")
                self._hooks.wake()
            case Progressed(fraction=fraction, title=title):
                active.fraction, active.title = fraction, title
            case NodeBegan(title=title):
                active.title = title
            case Disconnected(reason=reason):
                self._silent(server, reason)
            case Reconnected():
                self._answers(server)
        self._streams.publish(JobRan(course.job.id, event))

    def _tell_of_start(self, course: Course) -> None:
        """For the log and the numbers; what began in an earlier attempt has not waited since."""
        story.began(course.job, course.server.name)
        if course.job.started_at is None:
            waited = (self._clock.now() - course.job.created_at) / 1000
            self._streams.meter.began(course.request.tier, waited)

    def _silent(self, server: Server, reason: Text) -> None:
        """It is waited for, for a while: it stays up. Its operator may know more."""
        if server.state is ServerState.UP and server.reason is None:
            server.reason, server.since = reason, self._clock.now()
            told = Text("Server {name} is silent: {reason}", name=server.name, reason=reason)
            self._notices.tell(told, about=server.name)

    def _answers(self, server: Server) -> None:
        if server.state is ServerState.UP and server.reason is not None:
            server.reason, server.since = None, self._clock.now()
            self._notices.tell(Text("Server {name} answers again.", name=server.name), about=server.name)


async def _leniently(write: Awaitable[bool]) -> bool:
    """That a job has begun is good to know, and no reason to lose it when the disk is full."""
    try:
        return await write
    except StoreUnavailable:
        return False


def new_prompt_id() -> PromptId:
    return PromptId(str(uuid.uuid4()))
