"""What people can do: ask for pictures, cancel, see where they stand. Used by every front-end alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.errors import IsPrivate, NotFound, NotYours
from bot.domain.ids import JobId, RequestId
from bot.domain.jobs import OPEN
from bot.domain.quota import Standing
from bot.domain.text import Text
from bot.presentation.flags import Ask
from bot.service.acceptance import PLACE, Acceptance, Receipt
from bot.service.accounts import Accounts
from bot.service.dispatcher import Dispatcher
from bot.service.gallery import Gallery
from bot.service.gate import Asker, Gate, Origin
from bot.service.images import InputImage
from bot.service.operator import CancelResult
from bot.service.outlook import Outlook
from bot.service.records import JobRecord, RequestRecord
from bot.service.shelf import Shelf
from bot.service.store import Store


@dataclass(frozen=True, slots=True)
class MyJob:
    """One's own open job; ``outlook`` while it waits."""

    job: JobRecord
    outlook: Outlook | None
    fraction: float | None = None


@dataclass(slots=True)
class UseCases:
    """The service as front-ends see it."""

    store: Store
    gate: Gate
    accounts: Accounts
    dispatcher: Dispatcher
    gallery: Gallery
    shelf: Shelf
    acceptance: Acceptance

    async def imagine(
        self,
        ask: Ask,
        asker: Asker,
        origin: Origin,
        images: Mapping[str, InputImage] = MappingProxyType({}),
        *,
        notes: Sequence[Text] = (),
    ) -> tuple[Receipt, ...]:
        """Accept what is asked for, all of it or nothing: one request, or one a seed of a seed range.
        ``notes``: what was changed in it beforehand, to be shown with it.

        Raises UserError (Denied in all its kinds), OutputError and StoreUnavailable.
        """
        return await self.acceptance.accept(ask, asker, origin, images, notes)

    async def request(self, request: RequestId, asker: Asker) -> RequestRecord:
        """A request that ``asker`` may see. Raises NotFound, and NotYours for somebody's private one."""
        record = await self.store.request(request)
        if record is None:
            raise NotFound(Text("There is no request {request}.", request=request))
        person = await self.accounts.person(asker.identity, asker.name)
        if record.private and record.user != person.user and not asker.admin:
            raise IsPrivate(Text("That picture is private, and somebody else's."))
        return record

    async def named(self, wanted: str, asker: Asker) -> RequestRecord:
        """The request of which this is the id, or that of a job. Raises what :meth:`request` does."""
        plain = wanted.strip().lower()
        if not plain:
            raise NotFound(Text("Say which one: its id stands under each result."))
        job = await self.store.job(JobId(plain))
        return await self.request(RequestId(plain) if job is None else job.request, asker)

    async def forget(self, request: RequestId, asker: Asker) -> None:
        """Delete what is kept of a request: words and pictures; numbers stay. Raises Denied while it is open,
        NotFound and NotYours."""
        record = await self.request(request, asker)
        person = await self.accounts.person(asker.identity, asker.name)
        if record.user != person.user and not asker.admin:
            raise NotYours(Text("That is somebody else's picture. Its owner can delete it."))
        await self.gallery.discard(await self.store.forget(request, self.gate.clock.now()))

    async def cancel(self, wanted: str, asker: Asker) -> CancelResult:
        """Cancel a job, or every job of a request. Raises NotFound, NotYours and StoreUnavailable."""
        jobs = await self._named(wanted)
        person = await self.accounts.person(asker.identity, asker.name)
        if any(job.user != person.user for job in jobs) and not await self._looks_after(jobs[0], asker):
            raise NotYours(Text("{job} is somebody else's. You can cancel your own.", job=wanted.strip()))
        # The last first: what waits shall not begin because what runs has stopped.
        outcome: dict[str, list[JobId]] = {"cancelled": [], "stopping": [], "over": []}
        for job in sorted(jobs, key=lambda job: -job.index):
            became = await self.dispatcher.cancel(job, asker.identity) if job.state in OPEN else "over"
            outcome[became].insert(0, job.id)
        return CancelResult(*(tuple(outcome[name]) for name in ("cancelled", "stopping", "over")))

    async def my_jobs(self, asker: Asker) -> tuple[MyJob, ...]:
        """One's open jobs, each with its place, its time and why it waits."""
        person = await self.accounts.person(asker.identity, asker.name)
        requests = await self.store.requests_of(person.user, open_only=True)
        return tuple(
            [
                MyJob(job, self.dispatcher.outlook(job.id), self.dispatcher.fraction(job.id))
                for request in requests
                for job in await self.store.jobs_of(request.id)
                if job.state in OPEN
            ]
        )

    async def my_requests(self, asker: Asker, limit: int) -> tuple[RequestRecord, ...]:
        """One's latest requests of which something is kept, the newest first."""
        person = await self.accounts.person(asker.identity, asker.name)
        found = await self.store.requests_of(person.user, limit=2 * limit)
        return tuple([record for record in found if record.values][:limit])

    async def standing(self, asker: Asker) -> Standing:
        """What one has used of one's quota, and what is left."""
        person = await self.accounts.person(asker.identity, asker.name)
        rules = self.accounts.rules_for(person, asker.roles, all_waiting=self.acceptance.all_waiting)
        return await self.store.standing(person.user, rules, self.gate.clock.now())

    async def _looks_after(self, job: JobRecord, asker: Asker) -> bool:
        """Operators look after everything, moderators after what was asked for in their place."""
        if asker.admin or not asker.moderator or not asker.place:
            return asker.admin
        record = await self.store.request(job.request)
        return record is not None and record.options.get(PLACE) == asker.place

    async def _named(self, wanted: str) -> tuple[JobRecord, ...]:
        plain = wanted.strip().lower()
        job = await self.store.job(JobId(plain))
        jobs = (job,) if job is not None else await self.store.jobs_of(RequestId(plain))
        if not jobs:
            raise NotFound(
                Text("There is no job {job}. Your open jobs are listed by the queue command.", job=plain)
            )
        return jobs
