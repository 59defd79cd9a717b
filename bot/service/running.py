"""A running bot as its operator sees it: :class:`~bot.service.operator.Operator` over the dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from bot.domain.errors import BackendError, NotFound
from bot.domain.events import Disconnected, NodeStarted, Progressed, Reconnected, Started
from bot.domain.ids import IdentityId, JobId, RequestId, ServerName
from bot.domain.jobs import OPEN, JobState
from bot.domain.text import Text
from bot.presentation.flags import SHELL, parse_line
from bot.service import operator as views
from bot.service.acceptance import Receipt
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.gallery import Gallery
from bot.service.gate import Asker, Origin
from bot.service.images import check_image
from bot.service.notices import Notices
from bot.service.ports import DeviceMemory
from bot.service.records import AuditEntry, JobRecord, RequestRecord
from bot.service.servers import Active, Server, up
from bot.service.store import Store
from bot.service.streams import JobEvent, JobOver, JobQueued, JobRan, JobStaged, Streams, Subscription
from bot.service.usecases import UseCases
from bot.templates.values import ResolvedValues

OUTLOOK_EVERY = 2.0
"""Seconds between looks at place and ETA of a job that somebody watches."""
MEMORY_WAITS = 2.0
"""Seconds that a server gets to say how much memory it has."""


@dataclass(slots=True)
class RunningBot:
    """Everything that an operator, or a shell beside the bot, may ask of it."""

    usecases: UseCases
    dispatcher: Dispatcher
    store: Store
    streams: Streams
    gallery: Gallery
    notices: Notices
    clock: Clock
    embedded: bool = False
    """Our own engine paints."""
    _closing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    """Of two operators who pause at once, one did."""

    # Looking

    async def queue(self) -> views.QueueView:
        shown = self.dispatcher.queue.upcoming(views.MOST_JOBS_SHOWN)
        gates = self.dispatcher.gates
        users = {job.user for job in self.dispatcher.known_jobs()}
        return views.QueueView(
            paused=gates.paused,
            draining=gates.draining,
            waiting=len(self.dispatcher.queue),
            users=len(users),
            servers=await self.servers(),
            jobs=tuple([view for item in shown if (view := await self._view(item.job)) is not None]),
            notices=self.notices.latest(),
        )

    async def servers(self) -> tuple[views.ServerView, ...]:
        return tuple([await self._server(server) for server in self.dispatcher.servers.values()])

    async def memory(self) -> Mapping[ServerName, tuple[DeviceMemory, ...]]:
        """Of the devices of each server that is up and says so at once."""
        servers = up(self.dispatcher.servers.values())
        found = await asyncio.gather(*(_memory(server) for server in servers))
        return {server.name: devices for server, devices in zip(servers, found, strict=True) if devices}

    async def _server(self, server: Server) -> views.ServerView:
        running, staged = server.running, server.staged
        return views.ServerView(
            name=server.name,
            url=server.url,
            state=server.state.value,
            since=server.since,
            reason=server.reason,
            model=server.model,
            running=None if running is None else await self._view(running.item.job, running),
            staged=None if staged is None else await self._view(staged.item.job, staged),
            foreign=server.foreign,
        )

    async def _view(self, job_id: JobId, active: Active | None = None) -> views.JobView | None:
        job = await self.store.job(job_id)
        if job is None:
            return None
        person = await self.store.find_people(job.user)
        name = person[0].names[0] if person and person[0].names else job.user
        outlook = self.dispatcher.outlook(job_id)
        eta = outlook.seconds if outlook else None
        if active is not None:
            eta = active.remaining(self.clock.monotonic())
        return views.JobView(
            id=job.id,
            user=name,
            template=job.work.template,
            state=job.state,
            waited_ms=max(0, (job.started_at or self.clock.now()) - job.created_at),
            eta_seconds=eta,
            place=outlook.place if outlook else None,
            why=outlook.why if outlook else None,
            fraction=active.fraction if active is not None and active.started is not None else None,
        )

    # Steering

    async def pause(self, actor: str, reason: str = "") -> bool:
        return await self._close((views.PAUSED,), True, actor, "pause", reason)

    async def drain(self, actor: str, reason: str = "") -> bool:
        return await self._close((views.DRAINING,), True, actor, "drain", reason)

    async def resume(self, actor: str, reason: str = "") -> bool:
        changed = await self._close((views.PAUSED, views.DRAINING), False, actor, "resume", reason)
        self.dispatcher.wake()
        return changed

    async def _close(
        self, gates: tuple[str, ...], closed: bool, actor: str, action: str, reason: str
    ) -> bool:
        """Whether that changed anything. Written down first: it shall hold after a restart."""
        async with self._closing:
            wrong = [gate for gate in gates if getattr(self.dispatcher.gates, gate) is not closed]
            for gate in wrong:
                await self.store.put(gate, closed)
                setattr(self.dispatcher.gates, gate, closed)
            if wrong:
                await self.store.audit(AuditEntry(self.clock.now(), actor, action, "queue", reason))
        return bool(wrong)

    async def cancel(self, job: str, actor: str) -> views.CancelResult:
        return await self.cancel_for(_operator(actor), job)

    async def cancel_for(self, asker: Asker, job: str, reason: str = "") -> views.CancelResult:
        """The same for somebody in a chat, as far as they may. Raises what
        :meth:`~bot.service.usecases.UseCases.cancel` does."""
        result = await self.usecases.cancel(job, asker)
        at, who = self.clock.now(), asker.identity
        await self.store.audit(AuditEntry(at, who, "cancel", job.strip().lower(), reason))
        return result

    # Asking from a shell

    async def submit(self, ask: views.ShellAsk) -> tuple[views.SubmittedRequest, ...]:
        images = {name: await check_image(content, name) for name, content in ask.images.items()}
        receipts = await self.usecases.imagine(
            parse_line(ask.line, SHELL),
            Asker(ask.who, ask.name),
            Origin(platform="shell", event=ask.event, adult=True),
            images,
        )
        return tuple(self.submitted(receipt) for receipt in receipts)

    def submitted(self, receipt: Receipt) -> views.SubmittedRequest:
        """As a shell is told of what was accepted."""
        request, template = receipt.accepted.request, receipt.template
        # That a sketch is not painted by the model that the template names goes without saying.
        known = template.fallbacks.values() if self.embedded else ()
        return views.SubmittedRequest(
            request.id,
            template.name,
            tuple(
                views.SubmittedJob(job.id, job.seed, _values(request, job.index, receipt.values))
                for job in receipt.accepted.jobs
            ),
            tuple(note for note in receipt.notes if note not in known),
        )

    async def watch(self, request: RequestId) -> AsyncGenerator[views.JobEvent, None]:
        record = await self.store.request(request)
        if record is None:
            raise NotFound(Text("There is no request {request}.", request=request))
        with self.streams.subscribe(request) as subscription:
            missing = {job.id: job for job in await self.store.jobs_of(request)}
            for job in tuple(missing.values()):
                if job.state not in OPEN:
                    del missing[job.id]
                    yield await self._end(job)
                else:
                    yield self._stands(job.id)
            looked = self.clock.monotonic()
            while missing:
                for event in await self._heard(subscription):
                    told = await self._told(event)
                    if told is not None and event.job in missing:
                        yield told
                    if isinstance(event, JobOver):
                        missing.pop(event.job, None)
                if self.clock.monotonic() - looked >= OUTLOOK_EVERY:
                    looked = self.clock.monotonic()
                    for job_id in tuple(missing):
                        if self.dispatcher.queue.waits(job_id):
                            yield self._stands(job_id)

    async def _heard(self, subscription: Subscription) -> list[JobEvent]:
        try:
            async with asyncio.timeout(OUTLOOK_EVERY):
                await subscription.changed()
        except TimeoutError:
            return []
        return subscription.take()

    def _stands(self, job: JobId) -> views.JobEvent:
        outlook = self.dispatcher.outlook(job)
        if outlook is None:
            return views.JobRuns(job, self.dispatcher.fraction(job))
        return views.JobWaits(job, outlook.place, outlook.seconds, outlook.why)

    async def _told(self, event: JobEvent) -> views.JobEvent | None:
        match event:
            case JobOver(closed=closed):
                return await self._end(closed.job)
            case JobQueued(job=job, reason=reason) if reason is not None:
                return views.JobWaits(job, why=reason)
            case JobQueued(job=job):
                return self._stands(job)
            case JobStaged(job=job):
                return views.JobWaits(job, place=0)
            case JobRan(job=job, event=Progressed(fraction=fraction, title=title)):
                return views.JobRuns(job, fraction, title)
            case JobRan(job=job, event=NodeStarted(title=title)):
                return views.JobRuns(job, self.dispatcher.fraction(job), title)
            case JobRan(job=job, event=Started() | Reconnected()):
                return views.JobRuns(job, self.dispatcher.fraction(job))
            case JobRan(job=job, event=Disconnected(reason=reason)):
                return views.JobWaits(job, place=0, why=reason)
        return None

    async def _end(self, job: JobRecord) -> views.JobEvent:
        match job.state:
            case JobState.DONE:
                files, texts = await self.store.results(job.id)
                paths = tuple(
                    views.ResultPath(str(self.gallery.path(kept.file)), kept.kind) for kept in files
                )
                cached = job.attempts == 0
                return views.JobDone(job.id, paths, texts, job.measured_seconds, cached)
            case JobState.CANCELLED:
                return views.JobCancelled(job.id)
        return views.JobFailed(job.id, job.error_code, Text("{reason}", reason=job.error_text))


async def _memory(server: Server) -> tuple[DeviceMemory, ...]:
    try:
        async with asyncio.timeout(MEMORY_WAITS):
            return (await server.backend.health()).devices
    except (BackendError, TimeoutError):
        return ()


def _operator(actor: str) -> Asker:
    return Asker(IdentityId(actor), actor.partition(":")[2] or actor, admin=True)


def _values(request: RequestRecord, index: int, values: ResolvedValues) -> Mapping[str, object]:
    # Asked again, the same event answers with what was accepted first, another seed included.
    stored = ResolvedValues.from_json(request.values) if request.values else values
    return stored.for_index(index).values
