"""One attempt under way, and what is remembered of a job between its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.errors import (
    AuthenticationFailed,
    BackendError,
    FairbrushError,
    ProtocolError,
    RunTimedOut,
    ServerUnreachable,
    ServerWedged,
)
from bot.domain.estimates import Estimates
from bot.domain.events import EndEvent, Failed, Finished
from bot.domain.guard import Ceilings, Quarantine
from bot.domain.ids import JobId, PromptId, ServerName, TemplateName
from bot.service.records import AttemptRecord, JobRecord, RequestRecord
from bot.service.runner import Prepared
from bot.service.servers import Active, Server

_UNHEARD = (ServerUnreachable, AuthenticationFailed, ServerWedged, RunTimedOut, ProtocolError)
"""Failures after which the server may have the run all the same."""

_LONGEST = 30 * 86_400.0
"""Seconds that a run may have taken by its server's word: one that says more has a broken clock."""


@dataclass(slots=True)
class Tries:
    """What went wrong with a job so far, in this process."""

    lost: int = 0
    """Attempts that were lost, or interrupted by others, after they had begun."""
    out_of_memory: int = 0


@dataclass(slots=True)
class Guards:
    """What has been learned, and what is held back because of it."""

    estimates: Estimates
    ceilings: Ceilings
    quarantine: Quarantine


@dataclass(slots=True)
class Hooks:
    """What an attempt asks of the dispatcher. ``over``: the job has its outcome."""

    wake: Callable[[], None]
    take_out: Callable[[Server, BackendError, Active], None]
    over: Callable[[JobId], None]
    again: Callable[[Active, float], None]
    """The job waits again, at its old place, after that many GPU seconds."""
    cancel: Callable[[JobRecord, str], Awaitable[object]]
    quarantined: Callable[[TemplateName, int], Awaitable[None]]
    ceiling: Callable[[], Awaitable[None]]
    """A server was found too small for some size."""


@dataclass(slots=True)
class Course:
    """One attempt under way."""

    server: Server
    active: Active
    job: JobRecord
    request: RequestRecord
    prepared: Prepared | None = None
    begun: asyncio.Task[bool] | None = None
    posted: bool = False
    """The server may have heard of it."""
    ended: float = 0.0

    def seconds(self, end: EndEvent) -> float:
        """GPU seconds of the run, a swap included: the server's own word, else our own clock's."""
        if end.server_seconds is not None and 0.0 <= end.server_seconds < _LONGEST:
            return end.server_seconds
        return 0.0 if self.active.started is None else max(0.0, self.ended - self.active.started)

    def may_go_on(self, end: EndEvent | FairbrushError) -> bool:
        """Whether the server may still have the run, for all that we were told."""
        match end:
            case Finished():
                return False
            case Failed(error=error):
                return self.posted and isinstance(error, _UNHEARD)
            case FairbrushError():
                return self.posted
        return self.posted and end.server_seconds is None


@dataclass(slots=True)
class Memory:
    """Of each job that is not over: what went wrong, and attempts that a server may still know."""

    _tries: dict[JobId, Tries] = field(default_factory=dict)
    _known: dict[JobId, dict[ServerName, PromptId]] = field(default_factory=dict)

    def tries(self, job: JobId) -> Tries:
        return self._tries.setdefault(job, Tries())

    def known(self, job: JobId, server: ServerName) -> PromptId | None:
        """An open attempt of a job that this server may still know."""
        return self._known.get(job, {}).get(server)

    def remember(self, attempt: AttemptRecord) -> None:
        self._known.setdefault(attempt.job, {})[attempt.server] = attempt.prompt_id

    def lost(self, job: JobId, server: ServerName) -> None:
        """That server knows the job's attempt no more, for certain."""
        known = self._known.get(job, {})
        known.pop(server, None)
        if not known:
            self._known.pop(job, None)

    def forget(self, job: JobId) -> Mapping[ServerName, PromptId]:
        """The job is over; who may still know an attempt of it."""
        self._tries.pop(job, None)
        return self._known.pop(job, {})

    def __len__(self) -> int:
        return len(self._tries.keys() | self._known.keys())
