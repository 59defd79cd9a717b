"""After a stop of any kind: find out how every unfinished job stands, and go on.

What a server may still know is asked about there, by attaching to the attempt: finished while we were away
-> fetched; still running -> followed; unknown to both ``/queue`` and ``/history`` -> back in line at its old
place, as a new attempt. Nothing is posted again before that answer.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.jobs import AT_SERVER, OPEN, JobState
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.gallery import Gallery
from bot.service.lanes import Lanes
from bot.service.operator import DRAINING, PAUSED
from bot.service.records import JobRecord, WaitingJob
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
        for job in chunk:
            if dispatcher.job(job.id) is None:
                dispatcher.adopt(job)
                waiting += 1
    dispatcher.gates.paused = bool(await store.get(PAUSED))
    dispatcher.gates.draining = bool(await store.get(DRAINING))
    found = Recovered(waiting, attached, requeued, deliveries, len(orphans))
    log.info("recovered: %s", found)
    return found


async def _at_servers(store: Store, dispatcher: Dispatcher, lanes: Lanes, clock: Clock) -> tuple[int, int]:
    attached = requeued = 0
    newest_first = reversed(await store.open_attempts())
    for attempt in newest_first:
        job = await store.job(attempt.job)
        if job is None or job.state not in OPEN:
            continue  # a stray: its server is asked to forget it when it is up
        if job.state is JobState.QUEUED or dispatcher.job(job.id) is not None:
            dispatcher.attempts.memory.remember(attempt)
            continue
        waiting = _waiting(job)
        await _learn_needs(store, lanes, [waiting])
        if job.state in AT_SERVER and dispatcher.attach(waiting, attempt):
            attached += 1
            continue
        # That server is no longer ours: nobody can be asked, so its attempt counts for nothing.
        await store.requeue(attempt.prompt_id, clock.now(), "server_removed")
        await store.lose(attempt.prompt_id, clock.now())
        requeued += 1
    return attached, requeued


async def _learn_needs(store: Store, lanes: Lanes, jobs: Sequence[WaitingJob]) -> None:
    keys = {job.work.needs for job in jobs if not lanes.knows(job.work.needs)}
    if keys:
        for key, needs in (await store.needs(keys)).items():
            lanes.learn(key, needs)


def _waiting(job: JobRecord) -> WaitingJob:
    return WaitingJob(job.id, job.user, job.order, job.work, job.weight)
