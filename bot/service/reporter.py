"""Showing people how their requests stand: cards to messages, at the pace that a platform allows.

One reporter for each front-end. It follows every open request that has a reply, makes a card of each new
situation, and leaves it to :mod:`bot.domain.throttle` which message is changed next. Cards of progress are
best effort; the last card of a request, with its pictures, is a delivery (:mod:`bot.service.courier`) that
goes through the same scheduler, before everything else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.domain.ids import JobId, RequestId
from bot.domain.jobs import AT_SERVER, OPEN, DeliveryState, JobState
from bot.domain.throttle import (
    Gone,
    Importance,
    Outbox,
    Policy,
    Refusal,
    RetryAfter,
    Route,
    Send,
    Transient,
    Wait,
)
from bot.presentation.card_request import card_of
from bot.presentation.card_situation import Offers, Rung, Situation
from bot.presentation.cards import Card
from bot.service import courier
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.records import DeliveryRecord, JobRecord, RequestRecord
from bot.service.situations import Live, Result, situation
from bot.service.store import Store
from bot.service.streams import JobEvent, JobOver, JobQueued, JobRan, JobStaged, Streams

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at the place and the time of a request that somebody watches."""
MOST_CALLS = 32
"""Calls to a platform under way at a time."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a message is to show. ``deliver``: with its pictures, for good."""

    card: Card
    preview: bytes | None = field(default=None, compare=False)
    deliver: bool = False
    card_at: Callable[[Rung, int], Card] | None = field(default=None, compare=False)
    """The same card for pictures that had to be made smaller, for a limit of so many bytes."""


class Screen(Protocol):
    """A front-end, as far as one reply is concerned. ``reply`` is the opaque address that the front-end
    stored with the request."""

    @property
    def platform(self) -> str:
        """As in :attr:`RequestRecord.platform`."""

    def route(self, request: RequestRecord, now: int) -> Route | None:
        """What shares a rate limit with it now; None: it cannot be reached any more. Never waits."""

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        """Make the reply look like that; None when it does. Raises nothing."""

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        """The same with the pictures, where all that can be tried is tried. Raises nothing."""

    def offers(self, request: RequestRecord) -> Offers:
        """What may be done with the result there. Never waits."""


class Reporter:
    """Follows requests of one front-end; also their :class:`~bot.service.courier.Deliverer`."""

    def __init__(
        self,
        screen: Screen,
        policy: Policy,
        *,
        store: Store,
        dispatcher: Dispatcher,
        streams: Streams,
        title_of: Callable[[RequestRecord], str],
        clock: Clock,
    ) -> None:
        self._screen = screen
        self._store = store
        self._dispatcher = dispatcher
        self._streams = streams
        self._title_of = title_of
        self._clock = clock
        self._outbox: Outbox[RequestId, Shown] = Outbox(policy)
        self._requests: dict[RequestId, RequestRecord] = {}
        self._results: dict[RequestId, asyncio.Future[courier.Outcome]] = {}
        self._changed = asyncio.Event()
        self._calls = asyncio.Semaphore(MOST_CALLS)
        self._tasks: asyncio.TaskGroup | None = None
        self._waiting: list[RequestRecord] = []

    async def run(self) -> None:
        """Until cancelled. Begins with the open requests of an earlier process."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for request in await self._store.open_requests(self._screen.platform):
                self.follow(request)
            for request in self._waiting:
                self.follow(request)
            self._waiting.clear()
            while True:
                await self._send_what_is_due(tasks)

    def follow(self, request: RequestRecord) -> None:
        """Keep the reply of a request up to date until its jobs are over. Twice is once."""
        if request.reply is None or request.id in self._requests:
            return
        if self._tasks is None:
            self._waiting.append(request)
            return
        self._requests[request.id] = request
        self._tasks.create_task(self._follow(request), name=f"following {request.id}")

    async def deliver(self, delivery: DeliveryRecord) -> courier.Outcome:
        """Show the last card of a request, with its pictures: see :class:`bot.service.courier.Deliverer`."""
        request = await self._store.request(delivery.request)
        if request is None:
            return courier.Nowhere("the request is not there any more")
        request = _at(request, delivery)
        route = self._screen.route(request, self._clock.now())
        if route is None:
            return courier.Nowhere("there is no way to its reply any more")
        jobs = await self._store.jobs_of(request.id)
        found = await self._situation(request, {job.id: job for job in jobs}, {}, {})
        self._requests[request.id] = request
        future: asyncio.Future[courier.Outcome] = asyncio.get_running_loop().create_future()
        self._results[request.id] = future
        try:
            shown = Shown(
                card_of(found),
                deliver=True,
                card_at=lambda rung, limit: card_of(replace(found, rung=rung, limit=limit)),
            )
            self._show(request, shown, Importance.RESULT)
            return await future
        finally:
            self._results.pop(request.id, None)
            self._requests.pop(request.id, None)
            self._outbox.forget(request.id)

    async def bring(self, request: RequestId, reply: str) -> courier.Outcome:
        """Show a result once more, in another reply; nothing is written down about it."""
        at = DeliveryRecord(request, self._screen.platform, DeliveryState.CLAIMED, reply, None, 0, 0)
        return await self.deliver(at)

    # One request

    async def _follow(self, request: RequestRecord) -> None:
        live: dict[JobId, Live] = {}
        results: dict[JobId, Result] = {}
        with self._streams.subscribe(request.id) as heard:
            jobs = {job.id: job for job in await self._store.jobs_of(request.id)}
            while any(job.state in OPEN for job in jobs.values()):
                found = await self._situation(request, jobs, live, results)
                previews = [one.preview for one in live.values() if one.preview is not None]
                self._show(
                    request, Shown(card_of(found), previews[-1] if previews else None), _importance(jobs)
                )
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        await heard.changed()
                except TimeoutError:
                    continue
                for event in heard.take():
                    self._note(event, jobs, live)
        if request.id not in self._results:
            self._requests.pop(request.id, None)

    def _note(self, event: JobEvent, jobs: dict[JobId, JobRecord], live: dict[JobId, Live]) -> None:
        match event:
            case JobQueued(job=job, reason=reason):
                live[job] = Live(again=reason)
                _move(jobs, job, JobState.QUEUED)
            case JobStaged(job=job):
                _move(jobs, job, JobState.STAGED)
            case JobRan(job=job, event=ran):
                live.setdefault(job, Live()).heard(ran, self._clock.monotonic())
                _move(jobs, job, JobState.RUNNING)
            case JobOver(closed=closed):
                jobs[closed.job.id] = closed.job

    async def _situation(
        self,
        request: RequestRecord,
        jobs: Mapping[JobId, JobRecord],
        live: Mapping[JobId, Live],
        results: dict[JobId, Result],
    ) -> Situation:
        """``results`` holds what was read before: a result does not change."""
        for job in jobs.values():
            if job.state is JobState.DONE and job.id not in results:
                results[job.id] = Result(*await self._store.results(job.id))
        outlooks = {job: outlook for job in jobs if (outlook := self._dispatcher.outlook(job)) is not None}
        remaining = {
            job.id: seconds
            for job in jobs.values()
            if job.state in AT_SERVER and (seconds := self._dispatcher.remaining(job.id)) is not None
        }
        return situation(
            request,
            tuple(jobs.values()),
            title=self._title_of(request),
            results=results,
            live=live,
            outlooks=outlooks,
            remaining=remaining,
            offers=self._screen.offers(request),
            paused=self._dispatcher.gates.paused,
            spoiler=bool(request.options.get("spoiler")),
        )

    # Sending

    def _show(self, request: RequestRecord, shown: Shown, importance: Importance) -> None:
        route = self._screen.route(request, self._clock.now())
        if route is None:
            return
        self._outbox.show(request.id, route, shown, importance, self._clock.monotonic())
        self._changed.set()

    async def _send_what_is_due(self, tasks: asyncio.TaskGroup) -> None:
        self._changed.clear()
        match self._outbox.next(self._clock.monotonic()):
            case Send() as send:
                await self._calls.acquire()
                tasks.create_task(self._call(send), name=f"showing {send.key}")
            case Wait(seconds=seconds):
                try:
                    async with asyncio.timeout(seconds):
                        await self._changed.wait()
                except TimeoutError:
                    return

    async def _call(self, send: Send[RequestId, Shown]) -> None:
        request = self._requests.get(send.key)
        refusal: Refusal | None
        try:
            if request is None:
                refusal = Gone()
            elif send.state.deliver:
                refusal = await self._deliver(request, send.state)
            else:
                refusal = await self._screen.show(request, send.state)
        except Exception:
            # One card that cannot be drawn must not end the bot; its result is tried again later.
            log.exception("stumbled over the card of %s", send.key)
            refusal = Transient() if send.state.deliver else Gone()
        finally:
            self._calls.release()
        now = self._clock.monotonic()
        if refusal is None:
            self._outbox.sent(send.key, now)
        else:
            self._outbox.refused(send.key, refusal, now)
        self._changed.set()

    async def _deliver(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        outcome = await self._screen.deliver(request, shown)
        if isinstance(outcome, RetryAfter | Transient):
            # The scheduler tries again: a result is never dropped.
            return outcome
        future = self._results.get(request.id)
        if future is not None and not future.done():
            future.set_result(courier.Nowhere("gone") if isinstance(outcome, Gone) else outcome)
        return None


def _importance(jobs: Mapping[JobId, JobRecord]) -> Importance:
    running = any(job.state in AT_SERVER for job in jobs.values())
    return Importance.RUNNING if running else Importance.WAITING


def _move(jobs: dict[JobId, JobRecord], job: JobId, state: JobState) -> None:
    known = jobs.get(job)
    if known is not None and known.state in OPEN and known.state is not state:
        jobs[job] = replace(known, state=state)


def _at(request: RequestRecord, delivery: DeliveryRecord) -> RequestRecord:
    """The reply may have moved since the request was accepted."""
    return replace(request, reply=delivery.reply) if delivery.reply else request
