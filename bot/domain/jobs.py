"""The life of a job: one table of legal moves. Pure.

::

    queued -> staged -> running -> done | failed | cancelled
    staged | running -> queued                               the attempt was lost
    queued | staged -> failed | cancelled                    before the server began it

The store repeats the guard in its UPDATE, so that two writers cannot both move a job.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from bot.domain.ids import JobId, RequestId


class JobState(StrEnum):
    QUEUED = "queued"
    STAGED = "staged"
    """Handed to a server, which has not begun it yet."""
    RUNNING = "running"
    DONE = "done"
    """Files on our disk, their hash stored, the charge settled: all three in one transaction."""
    FAILED = "failed"
    CANCELLED = "cancelled"


_Q, _S, _R = JobState.QUEUED, JobState.STAGED, JobState.RUNNING
_ENDS = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})

MOVES = MappingProxyType(
    {
        _Q: frozenset({_S, JobState.FAILED, JobState.CANCELLED}),
        _S: frozenset({_R, _Q, *_ENDS}),  # a quick run may end before anybody hears that it began
        _R: frozenset({_Q, *_ENDS}),
        JobState.DONE: frozenset(),
        JobState.FAILED: frozenset(),
        JobState.CANCELLED: frozenset(),
    }
)
"""Every legal move. A job whose result was kept from an earlier request is born ``done``."""

OPEN = frozenset({_Q, _S, _R})
AT_SERVER = frozenset({_S, _R})


class IllegalMove(Exception):
    """A bug: somebody tried to move a job where it cannot go."""


def may_move(old: JobState, new: JobState) -> bool:
    return new in MOVES[old]


def sources(new: JobState) -> frozenset[JobState]:
    """The states from which a job may come to ``new``."""
    return frozenset(old for old, targets in MOVES.items() if new in targets)


def check_move(old: JobState, new: JobState) -> None:
    """Raise :class:`IllegalMove` for a move that is not in the table."""
    if not may_move(old, new):
        raise IllegalMove(f"a job cannot go from {old} to {new}")


class AttemptState(StrEnum):
    """One submission of a job to one server."""

    OPEN = "open"
    """Written down before it is posted; the server may or may not know it."""
    ENDED = "ended"
    """It brought the job to its outcome, or was refused."""
    LOST = "lost"
    """The server has forgotten it for certain, or its job has gone elsewhere."""


class DeliveryState(StrEnum):
    """The showing of a request's result through its reply."""

    PENDING = "pending"
    CLAIMED = "claimed"
    """Somebody is sending it right now."""
    SENT = "sent"
    UNKNOWN = "unknown"
    """Its answer was lost where sending again could show it twice; the reply offers to show it."""
    KEPT = "kept"
    """Nowhere to send it: shown when asked for."""


def job_id(request: RequestId, index: int) -> JobId:
    """The id of job ``index`` (from 0) of a request."""
    return JobId(f"{request}-{index + 1}")


def request_of(job: JobId) -> RequestId:
    return RequestId(job.rpartition("-")[0])
