"""The VRAM guard's judgement of a failed attempt: try again or not, and whose fault it was. Pure.

Sizes that are too big are in :mod:`bot.domain.ceilings`, templates that rest in :mod:`bot.domain.quarantine`.
"""

from __future__ import annotations

from typing import Literal

from bot.domain.ceilings import Ceilings as Ceilings
from bot.domain.ceilings import smaller
from bot.domain.ceilings import too_big as too_big
from bot.domain.errors import (
    AuthenticationFailed,
    BackendError,
    GraphRejected,
    NodeFailed,
    NothingPainted,
    OutOfMemory,
    ProtocolError,
    RunInterrupted,
    RunLost,
    RunTimedOut,
    ServerUnreachable,
    ServerWedged,
)
from bot.domain.quarantine import Quarantine as Quarantine
from bot.domain.quarantine import quarantined as quarantined
from bot.domain.text import Text

Verdict = Literal["requeue", "free_and_retry", "fail"]

_MOST_LOSSES = 3
"""A job that was running each time its server went away is thought to be the reason."""
_SERVERS_FAULT = (
    ServerUnreachable,
    AuthenticationFailed,
    ProtocolError,
    RunLost,
    RunTimedOut,
    ServerWedged,
)


def retry(error: BackendError, attempts_lost: int, attempts_oom: int) -> Verdict:
    """What becomes of a job whose attempt ended in ``error`` (never a user's own cancel).

    ``attempts_lost``: attempts of this job that were lost or interrupted after the server had begun them,
    this one included if it had begun; ``attempts_oom``: those that ran out of memory, this one included.

    ==============================================  ===============================================
    server gone, wedged, or has forgotten the run   requeue; fail at the third loss of a begun run
    interrupted by somebody else                    requeue; fail at the second
    out of memory                                   free the memory and try once more, unchanged; fail
    anything else                                   fail: it would fail again
    ==============================================  ===============================================
    """
    match error:
        case RunLost() | ServerUnreachable() | AuthenticationFailed() | ServerWedged():
            return "requeue" if attempts_lost < _MOST_LOSSES else "fail"
        case RunInterrupted():
            return "requeue" if attempts_lost < 2 else "fail"
        case OutOfMemory():
            return "free_and_retry" if attempts_oom < 2 else "fail"
        case _:
            return "fail"


def is_servers_fault(error: BackendError) -> bool:
    """Whether any other job would have met the same: the server is to be looked after."""
    return isinstance(error, _SERVERS_FAULT)


def is_templates_fault(error: BackendError) -> bool:
    """Whether the workflow failed, neither the server nor the size: what :class:`Quarantine` counts."""
    return isinstance(error, NodeFailed | GraphRejected | NothingPainted) and not isinstance(
        error, OutOfMemory
    )


def advice(error: BackendError, largest: int | None = None) -> Text:
    """What to tell the person whose job has failed. ``largest``: see :meth:`Ceilings.largest`."""
    if isinstance(error, OutOfMemory):
        return Text("The graphics card ran out of memory, twice. {hint}", hint=smaller(largest))
    return error.text


def again(error: BackendError) -> Text:
    """What to tell whoever waits for a job that goes back in line by itself."""
    match error:
        case OutOfMemory():
            return Text("The graphics card ran out of memory. It is emptied; the picture is tried once more.")
        case RunInterrupted():
            return Text("Somebody stopped it on the server. It keeps its place and is tried once more.")
        case RunLost():
            return Text("The server was restarted, or has forgotten it. It keeps its place.")
    return Text("The server went away in the middle of it. It keeps its place.")
