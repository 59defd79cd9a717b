"""The jobs that wait, in line and by name; and the end of those that cannot be painted any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot.domain.errors import FairbrushError, NoServerCan, StoreUnavailable
from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.guard import quarantined, too_big
from bot.domain.ids import JobId, ServerName, TemplateName, UserId
from bot.domain.linking import Regrouped
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.course import Guards
from bot.service.lanes import Lanes
from bot.service.notices import Notices
from bot.service.records import Closed, WaitingJob
from bot.service.store import Store
from bot.service.streams import JobOver, Streams
from bot.templates.catalogue import Catalogue

A_TURN = 1000
"""Jobs that are looked at before others have their turn."""


class Line:
    """Every open job is known here until it is over; the fair queue holds those that wait.

    ``over`` is told of each job that ends in line, ``wake`` of each that comes back into it.
    """

    def __init__(
        self,
        *,
        store: Store,
        queue: FairQueue,
        guards: Guards,
        lanes: Lanes,
        streams: Streams,
        notices: Notices,
        clock: Clock,
        over: Callable[[JobId], None],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._queue = queue
        self._guards = guards
        self._lanes = lanes
        self._streams = streams
        self._notices = notices
        self._clock = clock
        self._over = over
        self._wake = wake
        self.jobs: dict[JobId, WaitingJob] = {}
        self._regrouping = asyncio.Lock()
        """In the order in which the store was changed."""
        self._stranded: set[JobId] = set()
        """Waiting, and no server can paint them."""

    def adopt(self, *jobs: WaitingJob) -> None:
        """Line up jobs that the store has queued."""
        # At a start there may be a hundred thousand, most of them alike.
        estimates = {work: self._guards.estimates.expected(work) for work in {job.work for job in jobs}}
        for job in jobs:
            self.jobs[job.id] = job
            item = self._waiting(job, estimates[job.work])
            self._queue.push(item, weight=job.weight)
            self._note_stranded(job.id, item.servers)

    def attach(self, job: WaitingJob, server: ServerName) -> Waiting:
        """A job that a server has already."""
        self.jobs[job.id] = job
        item = self._waiting(job, self._guards.estimates.expected(job.work))
        self._queue.attach(item, server, weight=job.weight, estimate=item.estimate)
        return item

    def again(self, name: JobId, seconds: float) -> None:
        """The job waits again, at its old place, after that many GPU seconds."""
        # What servers offer may have changed since it was sent, and so may what it is thought to take.
        job = self.jobs[name]
        item = self._waiting(job, self._guards.estimates.expected(job.work))
        self._queue.give_back(item, seconds)
        self._note_stranded(name, item.servers)
        self._wake()

    async def regroup(self, moved: Sequence[Regrouped]) -> None:
        """Accounts were linked or parted: what is open of them goes into the flow of whose it is now, what
        waits as what is at a server; and what was had counts for both. Raises StoreUnavailable; a restart
        makes up for what was not done."""
        async with self._regrouping:
            gone = {each.identity: each.before for each in moved}
            owners: dict[JobId, UserId] = {}
            for name in [job.id for job in self.jobs.values() if job.user in gone.values()]:
                record = await self._store.job(name)
                if record is not None and record.identity in gone:
                    owners[name] = record.user
            # From here on at once: what ends meanwhile would be charged to whom it does not belong to.
            for each in moved:
                self._queue.level(each.after, each.before)
            for name, user in owners.items():
                if (job := self.jobs.get(name)) is not None:
                    self.jobs[name] = replace(job, user=user)
            weights = self._weights({*owners.values(), *gone.values()})
            for name, user in owners.items():
                if self._queue.waits(name) or name in self._queue.in_service:
                    self._queue.move(name, user, weights[user])
            for user, weight in weights.items():
                self._queue.reweigh(user, weight)

    def _weights(self, users: Collection[UserId]) -> Mapping[UserId, float]:
        """As their newest jobs have them: a restart would give the same."""
        newest: dict[UserId, WaitingJob] = {}
        for job in self.jobs.values():
            if job.user in users and (job.user not in newest or newest[job.user].order < job.order):
                newest[job.user] = job
        return {user: job.weight for user, job in newest.items()}

    def drop(self, job: JobId) -> None:
        """It is over."""
        self._queue.remove(job)
        self.jobs.pop(job, None)
        self._stranded.discard(job)

    async def fail_waiting(self, jobs: Iterable[JobId], error: FairbrushError) -> None:
        """End waiting jobs that cannot be painted any more, with a reason and a refund. Raises
        StoreUnavailable; those that are not ended by then wait as before."""
        for job in tuple(jobs):
            if not self._queue.waits(job):
                continue
            fail = partial(self._store.fail, job, error, self._clock.now(), reason=error.code)
            if (closed := await self.end(job, fail)) is not None:
                self._streams.publish(JobOver(closed, error))

    async def end(self, job: JobId, write: Callable[[], Awaitable[Closed | None]]) -> Closed | None:
        """Write the outcome of a waiting job. Raises StoreUnavailable; then it waits as before."""
        # Out of line first, so that no server gets it meanwhile.
        self._queue.remove(job)
        try:
            closed = await write()
        except StoreUnavailable:
            # Unless somebody else has ended it, or put it back, by now.
            waiting = self.jobs.get(job)
            if waiting is not None and job not in self._queue and job not in self._queue.in_service:
                self.adopt(waiting)
                self._wake()
            raise
        self._over(job)
        return closed

    async def relane(self, catalogues: Mapping[ServerName, Catalogue | None]) -> None:
        """What servers offer has changed: where may each waiting job go now? Raises StoreUnavailable, as
        :meth:`fail_stranded` does."""
        changed = self._lanes.use(catalogues)
        for count, job in enumerate(tuple(self.jobs.values()) if changed else ()):
            if count % A_TURN == A_TURN - 1:
                await asyncio.sleep(0)
            if job.work.needs in changed and self._queue.waits(job.id):
                servers = self._lanes.servers_for(job.work.needs)
                self._queue.relane(job.id, servers)
                self._note_stranded(job.id, servers)
        await self.fail_stranded()
        self._wake()

    async def fail_stranded(self) -> None:
        """End waiting jobs that no server can paint any more. Raises StoreUnavailable; then they wait on."""
        for job in tuple(self._stranded):
            waiting = self.jobs.get(job)
            if waiting is not None and self._queue.waits(job):
                reason = self._lanes.why_not(waiting.work.needs)
                told = Text("No server can paint this any more: {reason} Nothing was charged.", reason=reason)
                await self.fail_waiting([job], NoServerCan(told))
            self._stranded.discard(job)

    async def set_aside(self, template: TemplateName, until: int) -> None:
        """A template rests: those who wait for it learn it now, not one after the other."""
        waiting = [job.id for job in self.jobs.values() if job.work.template == template]
        await self._fail_leniently(waiting, quarantined(template, until, self._clock.now()))

    async def refuse_too_big(self) -> None:
        """Fail waiting jobs that every server that could take them has run out of memory at."""
        now = self._clock.now()
        for count, job in enumerate(tuple(self.jobs.values())):
            if count % A_TURN == A_TURN - 1:
                await asyncio.sleep(0)
            servers = self._lanes.servers_for(job.work.needs)
            fits = any(self._guards.ceilings.allows(server, job.work, now) for server in servers)
            if servers and not fits:
                await self._fail_leniently([job.id], too_big(job.work))

    async def fail_stranded_leniently(self) -> None:
        """Those who cannot be told now are told at the next look at a server."""
        try:
            await self.fail_stranded()
        except StoreUnavailable as refused:
            self._notices.tell(refused.text)

    async def _fail_leniently(self, jobs: Iterable[JobId], error: FairbrushError) -> None:
        """Better told now; but what cannot be written now, the job's own turn will show."""
        try:
            await self.fail_waiting(jobs, error)
        except StoreUnavailable as refused:
            self._notices.tell(refused.text)

    def _waiting(self, job: WaitingJob, estimate: float) -> Waiting:
        servers = self._lanes.servers_for(job.work.needs)
        return Waiting(job.id, job.user, job.order, job.work.model, servers, estimate)

    def _note_stranded(self, job: JobId, servers: frozenset[ServerName]) -> None:
        if servers:
            self._stranded.discard(job)
        else:
            self._stranded.add(job)
