"""The port between the control channel and a running bot: what an operator sees, and what one may ask.

Views are values without clocks or sockets: they travel as JSON and are shown by whoever asked. Every
method that changes something takes an ``actor`` (an identity such as ``shell:alice``) and writes it to the
audit log.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from bot.domain.ids import IdentityId, JobId, RequestId, ServerName, TemplateName, TierName
from bot.domain.jobs import JobState
from bot.domain.outputs import MediaKind
from bot.domain.quota import Standing
from bot.domain.text import Text
from bot.service.records import Person, UsageRow

MOST_JOBS_SHOWN = 50
"""Of a :class:`QueueView`: more than anybody reads, little enough to compute at any length of queue."""

PAUSED, DRAINING = "paused", "draining"
"""Where the store keeps (``put``, ``get``) that a bot is paused or draining: true, or not there."""

ServerState = Literal["starting", "up", "down", "wedged"]


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as an operator sees it: numbers and names, never what somebody wants painted."""

    id: JobId
    user: str
    """The name last seen, else the user's id."""
    template: TemplateName
    state: JobState
    waited_ms: int
    """From being accepted until it began, or until now."""
    eta_seconds: float | None = None
    """Until its end, as far as anybody can say."""
    place: int | None = None
    """In the expected order, from 1; None once it is at a server."""
    why: Text | None = None
    """Why it waits, where that is not only its place."""
    fraction: float | None = None
    """How much of a running job is done."""


@dataclass(frozen=True, slots=True)
class ServerView:
    name: ServerName
    url: str
    state: ServerState
    since: int
    """UTC milliseconds of the last change of ``state``."""
    reason: Text | None = None
    """Why it is not up, and what to do."""
    model: str = ""
    """Key of the loaded model; "" while none is known."""
    running: JobView | None = None
    staged: JobView | None = None
    foreign: int = 0
    """Prompts of others on the same server."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the operator should know: a quarantine, a wedged server, a full disk."""

    at: int
    text: Text


@dataclass(frozen=True, slots=True)
class QueueView:
    """``running`` is False for what the database tells while no bot runs."""

    paused: bool
    draining: bool
    waiting: int
    """Jobs that no server has."""
    users: int
    """Of whom a job waits or runs."""
    servers: tuple[ServerView, ...] = ()
    jobs: tuple[JobView, ...] = ()
    """The first :data:`MOST_JOBS_SHOWN` that wait, in the order in which they are expected to run."""
    notices: tuple[Notice, ...] = ()
    running: bool = True


@dataclass(frozen=True, slots=True)
class CancelResult:
    """What became of the wish, job by job; a request's id means all of its jobs."""

    cancelled: tuple[JobId, ...] = ()
    """They waited, and are over now."""
    stopping: tuple[JobId, ...] = ()
    """They are at a server, which was asked to stop them."""
    over: tuple[JobId, ...] = ()
    """They had ended before."""


@dataclass(frozen=True, slots=True)
class ShellAsk:
    """A request from a shell, as it was typed.

    ``line`` is text with flags, as :func:`bot.presentation.flags.parse_line` reads it with ``SHELL``.
    ``images`` holds the content of each file that the line names, by the name it has there: the bot may
    see other folders than the shell does. ``event`` is unique: asked again, the same request is answered.
    """

    line: str
    who: IdentityId
    name: str
    event: str
    images: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    id: JobId
    seed: int | None
    values: Mapping[str, Any]
    """All that the template is given for this picture, as JSON values."""


@dataclass(frozen=True, slots=True)
class SubmittedRequest:
    """Accepted: it survives the end of the process by any means."""

    id: RequestId
    template: TemplateName
    jobs: tuple[SubmittedJob, ...]
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class JobWaits:
    job: JobId
    place: int | None = None
    eta_seconds: float | None = None
    why: Text | None = None


@dataclass(frozen=True, slots=True)
class JobRuns:
    job: JobId
    fraction: float | None = None
    title: str = ""
    """Of the node that runs."""


@dataclass(frozen=True, slots=True)
class ResultPath:
    path: str
    """Absolute, on the machine of the bot."""
    kind: MediaKind


@dataclass(frozen=True, slots=True)
class JobDone:
    job: JobId
    files: tuple[ResultPath, ...]
    texts: tuple[str, ...] = ()
    seconds: float | None = None
    """Measured GPU seconds."""
    cached: bool = False
    """An earlier result was answered again."""


@dataclass(frozen=True, slots=True)
class JobFailed:
    job: JobId
    code: str
    """:attr:`bot.domain.errors.FairbrushError.code`."""
    text: Text


@dataclass(frozen=True, slots=True)
class JobCancelled:
    job: JobId


JobEvent = JobWaits | JobRuns | JobDone | JobFailed | JobCancelled


@dataclass(frozen=True, slots=True)
class Account:
    """A user as an operator sees them."""

    person: Person
    name: str
    """The name last seen, else the identity."""
    tier: TierName
    standing: Standing
    known: bool = True
    """False: never seen yet; what stands here is what will hold."""
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """None is unlimited, 0 is nothing."""

    value: float | None


@dataclass(frozen=True, slots=True)
class LimitChange:
    """What to set for one user in place of the tier's. None: as it is."""

    gpu_seconds: Limit | None = None
    jobs: Limit | None = None


UsageBy = Literal["user", "template", "day"]


class Desk(Protocol):
    """Where an operator looks after users; also without a running bot. ``wanted`` is an identity
    (``discord:123``), a user's id or a name; NotFound says what comes near. ``reason`` may be empty."""

    async def account(self, wanted: str) -> Account: ...

    async def grant(self, wanted: str, seconds: float, *, actor: str, reason: str) -> Account:
        """GPU seconds on top for today; negative ones take away. Raises UserError for an amount that is
        zero, too large or no number."""

    async def set_limits(
        self, wanted: str, change: LimitChange | None, *, actor: str, reason: str
    ) -> Account:
        """Limits of this user's own; None: those of the tier again."""

    async def reset(self, wanted: str, *, actor: str, reason: str) -> Account:
        """Begin today anew: what was used comes back as a grant, so that the ledger still adds up."""

    async def usage(self, by: UsageBy, *, since: int, until: int) -> tuple[UsageRow, ...]:
        """UTC milliseconds; ``until`` is not included. Days are those of the operator's time zone."""


class Operator(Protocol):
    """A running bot. No method blocks the event loop; each raises FairbrushError and nothing else."""

    async def queue(self) -> QueueView:
        """As it stands now."""

    async def servers(self) -> tuple[ServerView, ...]: ...

    async def pause(self, actor: str) -> bool:
        """Start no further job; what runs goes on. False: it was paused already. Survives a restart."""

    async def resume(self, actor: str) -> bool:
        """Undo pause and drain. False: neither was in force."""

    async def drain(self, actor: str) -> bool:
        """Accept nothing new; what was accepted goes on. Survives a restart. False: it drained already."""

    async def cancel(self, job: str, actor: str) -> CancelResult:
        """Cancel a job, or every job of a request. Raises NotFound."""

    async def submit(self, ask: ShellAsk) -> tuple[SubmittedRequest, ...]:
        """Through the same gate as chat; one request, or one a seed of a seed range. Raises UserError."""

    def watch(self, request: RequestId) -> AsyncGenerator[JobEvent, None]:
        """Where each job stands now, then what happens; ends when every job is over. Raises NotFound.

        Late or slow watchers miss progress, never an end.
        """
