"""After a stop of any kind: find out how every unfinished job stands, and go on.

What a server may still know is asked about there, by attaching to the attempt: finished while we were away
-> fetched; still running -> followed; unknown to both ``/queue`` and ``/history`` -> back in line at its old
place, as a new attempt. Nothing is posted again before that answer.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.ids import JobId
from bot.domain.jobs import AT_SERVER, OPEN, JobState
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.gallery import Gallery
from bot.service.lanes import Lanes
from bot.service.operator import DRAINING, PAUSED
from bot.service.records import AttemptRecord, JobRecord, WaitingJob
from bot.service.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found at start."""

    waiting: int
    attached: int
    """Jobs that a server had when we stopped."""
    requeued: int
    """Of these: jobs of servers that are not configured any more."""
    deliveries: int
    """Results whose sending was interrupted."""
    orphans: int
    """Files that no row refers to, removed."""


async def recover(
    store: Store, dispatcher: Dispatcher, lanes: Lanes, gallery: Gallery, clock: Clock
) -> Recovered:
    """Fill the dispatcher from the store, before it runs. Raises StoreUnavailable."""
    orphans = await gallery.sweep(await store.known_files())
    deliveries = await store.release_claims()
    attached, requeued = await _at_servers(store, dispatcher, lanes, clock)
    waiting = 0
    async for chunk in store.waiting():
        await _learn_needs(store, lanes, chunk)
        new = [job for job in chunk if dispatcher.job(job.id) is None]
        dispatcher.line.adopt(*new)
        waiting += len(new)
    dispatcher.gates.paused = bool(await store.get(PAUSED))
    dispatcher.gates.draining = bool(await store.get(DRAINING))
    found = Recovered(waiting, attached, requeued, deliveries, len(orphans))
    log.info("recovered: %s", found)
    return found


async def _at_servers(store: Store, dispatcher: Dispatcher, lanes: Lanes, clock: Clock) -> tuple[int, int]:
    attached = requeued = 0
    attempts: dict[JobId, list[AttemptRecord]] = {}
    for attempt in await store.open_attempts():
        attempts.setdefault(attempt.job, []).append(attempt)
    for name, of_job in attempts.items():
        job = await store.job(name)
        ours = [attempt for attempt in of_job if attempt.server in dispatcher.servers]
        if job is not None and job.state in AT_SERVER:
            waiting = _waiting(job)
            await _learn_needs(store, lanes, [waiting])
            found = await _where(store, of_job, ours, clock)
            attached += found is not None
            requeued += found is None
            if found is not None:
                dispatcher.attach(waiting, found)
        elif job is not None and job.state is JobState.QUEUED:
            await _cancel_if_wished(store, job, of_job, clock)
        for attempt in ours:
            # Of a job that is over these are strays: their servers are asked to forget them when they are up.
            if (
                job is not None
                and job.state in OPEN
                and dispatcher.attempts.memory.known(name, attempt.server) is None
            ):
                dispatcher.attempts.memory.remember(attempt)
        for attempt in of_job:
            if attempt not in ours:
                # That server is no longer ours: nobody can be asked, so its attempt counts for nothing.
                await store.lose(attempt.prompt_id, clock.now())
    return attached, requeued


async def _where(
    store: Store, attempts: Sequence[AttemptRecord], ours: Sequence[AttemptRecord], clock: Clock
) -> AttemptRecord | None:
    """The attempt by which a job is at a server of ours; None: it has none, and is in line again."""
    if len(attempts) == 1 == len(ours):
        return ours[0]
    # Servers were lost and came back: which of its attempts counts, only the store can say.
    for attempt in attempts:
        if await store.requeue(attempt.prompt_id, clock.now(), "recovered"):
            if attempt in ours and await store.reattach(attempt.prompt_id, clock.now()):
                return attempt
            break
    return None


async def _cancel_if_wished(
    store: Store, job: JobRecord, attempts: Sequence[AttemptRecord], clock: Clock
) -> None:
    """Somebody wanted it stopped, and we ended between the loss of its attempt and the cancel."""
    by = next((attempt.cancel_by for attempt in attempts if attempt.cancel_by), "")
    if by:
        await store.cancel(job.id, clock.now(), by=by, settle_seconds=None)


async def _learn_needs(store: Store, lanes: Lanes, jobs: Sequence[WaitingJob]) -> None:
    keys = {job.work.needs for job in jobs if not lanes.knows(job.work.needs)}
    if keys:
        for key, needs in (await store.needs(keys)).items():
            lanes.learn(key, needs)


def _waiting(job: JobRecord) -> WaitingJob:
    return WaitingJob(job.id, job.user, job.order, job.work, job.weight)
