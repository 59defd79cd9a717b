"""What happens to the jobs of a request, told to whoever watches it.

Each job ends in exactly one :class:`JobOver`: it is published by whoever moved the job to its outcome in the
store, and only one can. Watching is best effort and never slows the work: what is not taken in time is
conflated, except for ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from bot.domain.errors import FairbrushError
from bot.domain.events import RunEvent
from bot.domain.ids import JobId, RequestId, ServerName
from bot.domain.jobs import request_of
from bot.domain.text import Text
from bot.service import story
from bot.service.meter import UNCOUNTED, Meter
from bot.service.records import Closed


@dataclass(frozen=True, slots=True)
class JobQueued:
    """It waits (again). ``reason`` says why again."""

    job: JobId
    reason: Text | None = None


@dataclass(frozen=True, slots=True)
class JobStaged:
    job: JobId
    server: ServerName


@dataclass(frozen=True, slots=True)
class JobRan:
    """Something happened on the server; never an end."""

    job: JobId
    event: RunEvent


@dataclass(frozen=True, slots=True)
class JobOver:
    """Its outcome is written down. ``error``: why, for a failed one that failed just now."""

    closed: Closed
    error: FairbrushError | None = None

    @property
    def job(self) -> JobId:
        return self.closed.job.id


JobEvent = JobQueued | JobStaged | JobRan | JobOver


@dataclass(eq=False, slots=True)
class Subscription:
    """Events of one request's jobs, in order, as far as they have not been taken."""

    request: RequestId
    _events: list[JobEvent] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: JobEvent) -> None:
        if isinstance(event, JobRan):
            # Only the newest of a kind is of interest: a slow watcher must not cost memory.
            self._events = [
                old
                for old in self._events
                if not (
                    isinstance(old, JobRan) and old.job == event.job and type(old.event) is type(event.event)
                )
            ]
        self._events.append(event)
        self._changed.set()

    def take(self) -> list[JobEvent]:
        """What has come since the last call; may be empty."""
        taken, self._events = self._events, []
        self._changed.clear()
        return taken

    async def changed(self) -> None:
        await self._changed.wait()

    async def __aiter__(self) -> AsyncIterator[JobEvent]:
        while True:
            await self.changed()
            for event in self.take():
                yield event


class Streams:
    """Who watches which request. ``meter`` is told of every end."""

    def __init__(self, meter: Meter = UNCOUNTED) -> None:
        self.meter = meter
        self._watchers: dict[RequestId, list[Subscription]] = {}
        self.on_request_over: Callable[[], None] = lambda: None
        """Called when the last job of some request is over: a delivery may be due."""

    @contextlib.contextmanager
    def subscribe(self, request: RequestId) -> Iterator[Subscription]:
        """Hear of a request from now on. Jobs that are over by then are to be read from the store, after
        subscribing."""
        subscription = Subscription(request)
        self._watchers.setdefault(request, []).append(subscription)
        try:
            yield subscription
        finally:
            watchers = self._watchers[request]
            watchers.remove(subscription)
            if not watchers:
                del self._watchers[request]

    def publish(self, event: JobEvent) -> None:
        for subscription in self._watchers.get(request_of(event.job), ()):
            subscription.put(event)
        if isinstance(event, JobOver):
            self.meter.over(event.closed.job)
            story.over(event.closed.job)
            if event.closed.request_over:
                self.on_request_over()

    def watched(self) -> frozenset[RequestId]:
        """Requests that somebody looks at: only for these are place and ETA worth computing."""
        return frozenset(self._watchers)
