"""Taking in what is asked for: through the gate, written down, lined up. All of it or nothing."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.errors import (
    FairbrushError,
    NotFound,
    OutputError,
    StoreUnavailable,
    UserError,
)
from bot.domain.ids import IdentityId, JobId, RequestId, ServerName
from bot.domain.jobs import JobState, request_of
from bot.domain.text import Text
from bot.domain.tiers import Tier
from bot.presentation.flags import Ask
from bot.service import story
from bot.service.accounts import Accounts
from bot.service.again import LINE, line_of
from bot.service.dispatcher import Dispatcher
from bot.service.gallery import Gallery
from bot.service.gate import Asker, Gate, Origin, Passed
from bot.service.images import InputImage
from bot.service.imagine import Request
from bot.service.meter import UNCOUNTED, Meter
from bot.service.records import (
    Accepted,
    Draft,
    NewJob,
    Person,
    RequestRecord,
    Rules,
    StoredFile,
)
from bot.service.shelf import Shelf
from bot.service.store import Store
from bot.templates.template import Template
from bot.templates.values import ResolvedValues

PLACE = "place"
"""Where a request's options say in which guild or group it was asked for."""
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
"""Without letters and digits that people confuse when they type an id."""
_ID_LENGTH = 10
_NO_SERVER = ServerName("")
"""A template as all servers together have it."""
ACCEPTING = 8
"""Requests that are looked at and written at a time. However many come at once, what has to be said to each
of them within seconds never stands in line behind the work for the others."""
FIRST_LOOK = 5.0
"""Seconds that servers get to answer after our start before requests go on without knowing them."""


def new_request_id() -> RequestId:
    return RequestId("".join(secrets.choice(_ALPHABET) for _ in range(_ID_LENGTH)))


@dataclass(frozen=True, slots=True)
class Receipt:
    """An accepted request: it survives the end of the process by any means.

    ``kept`` are jobs that were answered from an earlier result, free of charge.
    """

    accepted: Accepted
    template: Template
    values: ResolvedValues
    kept: frozenset[JobId] = frozenset()
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plan:
    """A request that is about to be accepted. ``again``: as it is when the earlier result of a repeat has
    just been removed."""

    request: Request
    draft: Draft
    again: Draft


@dataclass(slots=True)
class Acceptance:
    """The one way into the store for requests."""

    store: Store
    gate: Gate
    accounts: Accounts
    dispatcher: Dispatcher
    gallery: Gallery
    shelf: Shelf
    all_waiting: int
    """Most open jobs of the whole bot."""
    sketching: bool = False
    """The built-in engine paints: that it has other models than a template names is no news."""
    meter: Meter = UNCOUNTED
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ACCEPTING))

    async def accept(
        self,
        ask: Ask,
        asker: Asker,
        origin: Origin,
        images: Mapping[str, InputImage],
        notes: Sequence[Text],
    ) -> tuple[Receipt, ...]:
        """See :meth:`bot.service.usecases.UseCases.imagine`."""
        if known := await self._accepted_before(asker, origin):
            return known
        try:
            return await self._let_in(ask, asker, origin, images, notes)
        except FairbrushError as error:
            self.meter.refused(error.code)
            story.refused(asker.identity, error)
            raise

    async def _let_in(
        self,
        ask: Ask,
        asker: Asker,
        origin: Origin,
        images: Mapping[str, InputImage],
        notes: Sequence[Text],
    ) -> tuple[Receipt, ...]:
        self.gate.open_for_new()
        # Whoever asks while we start is not told that a model is missing of which nobody has heard yet.
        await self.dispatcher.heard_of_servers(FIRST_LOOK)
        async with self.places:
            person = await self.accounts.person(asker.identity, asker.name)
            await self.gate.welcome(asker, person)
            tier = self.accounts.tier_of(person, asker.roles)
            passed = await self.gate.check(ask, asker, person, tier, origin, images)
        await self.gate.judge(ask, asker, person, origin, passed[0].request.template)
        async with self.places:
            return await self._accept(passed, ask, asker, person, tier, origin, notes)

    async def _accept(
        self,
        found: Sequence[Passed],
        ask: Ask,
        asker: Asker,
        person: Person,
        tier: Tier,
        origin: Origin,
        notes: Sequence[Text],
    ) -> tuple[Receipt, ...]:
        rules = self.accounts.rules_for(person, asker.roles, all_waiting=self.all_waiting)
        plans: list[_Plan] = []
        try:
            for number, passed in enumerate(found):
                event = origin.event if number == 0 else f"{origin.event}#{number}"
                plans.append(
                    await self._plan(
                        ask,
                        asker,
                        person,
                        replace(origin, event=event),
                        _noted(passed, notes, sketching=self.sketching),
                        rules,
                        tier,
                    )
                )
        except FairbrushError:
            await self._forget(plan.draft for plan in plans)
            raise
        accepted = await self._write(plans)
        return tuple(_receipt(plan.request, each) for plan, each in zip(plans, accepted, strict=True))

    async def _accepted_before(self, asker: Asker, origin: Origin) -> tuple[Receipt, ...]:
        """What this very event was answered with, for whom that answer was lost: whatever has been closed or
        used up since, what was accepted stays accepted."""
        records: list[RequestRecord] = []
        for number in itertools.count():
            event = origin.event if number == 0 else f"{origin.event}#{number}"
            record = await self.store.request_of_event(event)
            if record is None or record.identity != asker.identity or not record.values:
                break
            records.append(record)
        if not records:
            return ()
        person = await self.accounts.person(asker.identity, asker.name)
        rules = self.accounts.rules_for(person, asker.roles, all_waiting=self.all_waiting)
        standing = await self.store.standing(person.user, rules, self.gate.clock.now())
        receipts: list[Receipt] = []
        for record in records:
            template = await self.shelf.restored(
                record.template, record.template_hash, _NO_SERVER, self.shelf.merged
            )
            values = ResolvedValues.from_json(record.values)
            accepted = Accepted(record, await self.store.jobs_of(record.id), standing, fresh=False)
            receipts.append(Receipt(accepted, template, values, _kept_of(accepted), values.notes))
        return tuple(receipts)

    async def _plan(
        self,
        ask: Ask,
        asker: Asker,
        person: Person,
        origin: Origin,
        passed: Passed,
        rules: Rules,
        tier: Tier,
    ) -> _Plan:
        request = passed.request
        jobs = passed.jobs if ask.seed is None and not ask.seeds else await self._kept(passed, asker.identity)
        record = RequestRecord(
            id=request_of(jobs[0].id),
            identity=asker.identity,
            user=person.user,
            event=origin.event,
            platform=origin.platform,
            template=request.template.name,
            template_hash=request.template.content_hash,
            values={**request.values.to_json(), LINE: line_of(ask)},
            count=request.count,
            inputs=await self._inputs(request),
            private=origin.private or ask.private,
            tier=tier.name,
            weight=tier.weight,
            reply=origin.reply,
            created_at=self.gate.clock.now(),
            options={
                **origin.options,
                **passed.options,
                **({PLACE: asker.place} if asker.place else {}),
            },
        )
        draft = Draft(record, jobs, passed.snapshot, passed.needs, rules)
        return _Plan(request, draft, again=replace(draft, jobs=passed.jobs))

    async def _kept(self, passed: Passed, identity: IdentityId) -> tuple[NewJob, ...]:
        """Who names the seed wants that very picture: if it is still here, it need not be painted again."""
        return tuple(
            [
                replace(job, kept_from=await self.store.find_kept(job.fingerprint, identity))
                for job in passed.jobs
            ]
        )

    async def _inputs(self, request: Request) -> tuple[StoredFile, ...]:
        files: list[StoredFile] = []
        try:
            for reference, image in request.inputs.items():
                files.append(await self.gallery.keep_input(image))
                assert files[-1].sha256 == reference
        except OutputError:
            await self.gallery.discard(files)
            raise
        return tuple(files)

    async def _write(self, plans: Sequence[_Plan]) -> tuple[Accepted, ...]:
        """Write it and line it up, whatever becomes of the caller: a committed job that is not in line would
        wait for the next start."""

        async def write() -> tuple[Accepted, ...]:
            try:
                try:
                    accepted = await self.store.accept_together([plan.draft for plan in plans])
                except NotFound:
                    # Retention took an earlier result away in this very moment: then it is painted again.
                    accepted = await self.store.accept_together([plan.again for plan in plans])
            except UserError:
                # Refused for certain. After any other error the rows may be there all the same, and the
                # next start removes what has none.
                await self._forget(plan.draft for plan in plans)
                raise
            except StoreUnavailable as error:
                self.dispatcher.tell(error.text)
                raise
            for plan in plans:
                for key, needs in plan.draft.needs.items():
                    self.gate.lanes.learn(key, needs)  # it may have been forgotten while they were written
            for each in accepted:
                if each.fresh:
                    self._tell_of(each)
            await self.dispatcher.submit(job for each in accepted if each.fresh for job in each.jobs)
            await self._forget(
                plan.draft for plan, each in zip(plans, accepted, strict=True) if not each.fresh
            )
            return accepted

        return await self.dispatcher.errands.run(write())

    def _tell_of(self, accepted: Accepted) -> None:
        """For the log and the numbers."""
        story.accepted(accepted)
        self.meter.accepted(accepted.request.platform, len(accepted.jobs))
        for job in accepted.jobs:
            if job.state is JobState.DONE:  # kept from an earlier request: nobody else tells of its end
                story.over(job)
                self.meter.over(job)

    async def _forget(self, drafts: Iterable[Draft]) -> None:
        """Nobody refers to the input files of what was not accepted."""
        for draft in drafts:
            await self.gallery.discard(draft.request.inputs)


def _noted(passed: Passed, notes: Sequence[Text], *, sketching: bool) -> Passed:
    request = passed.request
    own = set(map(str, request.template.fallbacks.values())) if sketching else set()
    said = [note for note in request.values.notes if str(note) not in own]
    values = replace(request.values, notes=(*notes, *said))
    return replace(passed, request=replace(request, values=values))


def _receipt(request: Request, accepted: Accepted) -> Receipt:
    return Receipt(accepted, request.template, request.values, _kept_of(accepted), request.values.notes)


def _kept_of(accepted: Accepted) -> frozenset[JobId]:
    return frozenset(job.id for job in accepted.jobs if job.state is JobState.DONE and not job.attempts)
