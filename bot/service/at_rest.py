"""The queue of a bot that does not run, by what its store says: what an operator may look at and change.

Whoever uses it to change something holds the lock of the data directory, as a bot would.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from bot.domain.errors import NotFound
from bot.domain.ids import JobId, RequestId, UserId
from bot.domain.jobs import OPEN, JobState
from bot.domain.text import Text
from bot.service.operator import DRAINING, MOST_JOBS_SHOWN, PAUSED, CancelResult, JobView, QueueView
from bot.service.records import AuditEntry, JobRecord
from bot.service.store import Store


class AtRest:
    """``clock`` gives UTC milliseconds."""

    def __init__(self, store: Store, *, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock

    async def queue(self) -> QueueView:
        """In the order of acceptance. No servers, places and times: nobody knows them while no bot runs."""
        counts = await self._store.counts()
        users: set[UserId] = set()
        # Those that a server had when the bot ended are looked for there first of all.
        begun = dict.fromkeys(attempt.job for attempt in await self._store.open_attempts())
        first = [job for name in begun if (job := await self._open(name)) is not None]
        users.update(job.user for job in first)
        shown = {job.id: job for job in islice(first, MOST_JOBS_SHOWN)}
        async for chunk in self._store.waiting():
            users.update(waiting.user for waiting in chunk)
            for waiting in islice(chunk, MOST_JOBS_SHOWN):
                if len(shown) < MOST_JOBS_SHOWN and (job := await self._open(waiting.id)) is not None:
                    shown[job.id] = job
        names = {user: await self._name(user) for user in {job.user for job in shown.values()}}
        return QueueView(
            paused=bool(await self._store.get(PAUSED)),
            draining=bool(await self._store.get(DRAINING)),
            waiting=sum(counts.get(state, 0) for state in OPEN),
            users=len(users),
            jobs=tuple(self._view(job, names[job.user]) for job in shown.values()),
            running=False,
        )

    async def pause(self, actor: str) -> bool:
        return await self._set(PAUSED, actor, "pause")

    async def drain(self, actor: str) -> bool:
        return await self._set(DRAINING, actor, "drain")

    async def resume(self, actor: str) -> bool:
        was = [key for key in (PAUSED, DRAINING) if await self._store.get(key)]
        for key in was:
            await self._store.put(key, False)
        if was:
            await self._audit(actor, "resume", "queue")
        return bool(was)

    async def cancel(self, job: str, actor: str) -> CancelResult:
        """What a server may be at work on is stopped by the next bot that starts: only that can ask it."""
        plain = job.strip().lower()
        one = await self._store.job(JobId(plain))
        jobs = (one,) if one is not None else await self._store.jobs_of(RequestId(plain))
        if not jobs:
            raise NotFound(
                Text("There is no job {job}. The open ones are listed by:  fairbrush queue", job=plain)
            )
        became: dict[str, list[JobId]] = {"cancelled": [], "stopping": [], "over": []}
        for each in jobs:
            became[await self._cancel(each, actor)].append(each.id)
        if became["cancelled"] or became["stopping"]:
            await self._audit(actor, "cancel", plain)
        return CancelResult(*(tuple(ids) for ids in became.values()))

    async def _cancel(self, job: JobRecord, actor: str) -> str:
        if job.state not in OPEN:
            return "over"
        at = self._clock()
        attempts = await self._store.open_attempts(job.id)
        for attempt in attempts:
            await self._store.wish_to_cancel(attempt.prompt_id, actor, at)
        if attempts and job.state is not JobState.QUEUED:
            return "stopping"
        closed = await self._store.cancel(job.id, at, by=actor, settle_seconds=None)
        return "over" if closed is None else "cancelled"

    async def _set(self, key: str, actor: str, action: str) -> bool:
        if await self._store.get(key):
            return False
        await self._store.put(key, True)
        await self._audit(actor, action, "queue")
        return True

    async def _audit(self, actor: str, action: str, subject: str) -> None:
        await self._store.audit(AuditEntry(self._clock(), actor, action, subject))

    async def _open(self, name: JobId) -> JobRecord | None:
        job = await self._store.job(name)
        return job if job is not None and job.state in OPEN else None

    async def _name(self, user: UserId) -> str:
        found = [each for each in await self._store.find_people(user) if each.user == user]
        return found[0].names[0] if found and found[0].names else str(user)

    def _view(self, job: JobRecord, user: str) -> JobView:
        waited = (job.started_at or self._clock()) - job.created_at
        begun = Text("It had been handed to a server, which the bot asks first when it starts.")
        why = None if job.state is JobState.QUEUED else begun
        return JobView(job.id, user, job.work.template, job.state, max(0, waited), why=why)
