"""What is written down, as values: requests, jobs, attempts, results, deliveries, ledger entries.

Times are integer UTC milliseconds. No row ids, no SQL: another database could hold the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from bot.domain.ids import (
    IdentityId,
    JobId,
    PromptId,
    QuotaDay,
    RequestId,
    ServerName,
    TemplateName,
    TierName,
    UserId,
)
from bot.domain.jobs import AttemptState, DeliveryState, JobState
from bot.domain.outputs import MediaKind
from bot.domain.quota import Allowance, Standing, Window
from bot.domain.work import Work


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The template that a request was accepted with: its two files, by the hash of both."""

    content_hash: str
    name: TemplateName
    export: bytes
    sidecar: bytes | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of ours, named by its content. ``path`` is relative to the data directory, with ``/``."""

    sha256: str
    path: str
    mime: str
    size: int


@dataclass(frozen=True, slots=True)
class RequestRecord:
    id: RequestId
    identity: IdentityId
    user: UserId
    event: str
    """Unique per platform event (``discord:<interaction id>``): the same event makes one request."""
    platform: str
    template: TemplateName
    template_hash: str
    values: Mapping[str, Any]
    """``ResolvedValues.to_json()``; emptied when retention ends."""
    count: int
    inputs: tuple[StoredFile, ...]
    """Input files that ``values`` refers to by their sha256."""
    private: bool
    tier: TierName
    weight: float
    reply: str | None
    """Opaque address of the reply; read only by the front-end that made it. None: nobody waits."""
    created_at: int
    options: Mapping[str, Any] = field(default_factory=dict)
    """The front-end's own facts (guild, channel, spoiler …)."""

    @property
    def prompt_text(self) -> str:
        """What it was asked for in; "" once that is forgotten."""
        return str(self.values.get("words", {}).get("prompt_text", ""))

    gone: Literal["expired", "deleted", "erased"] | None = None
    """Why ``values`` and what was painted are not here any more: kept long enough; its owner or an operator
    wished so; its owner erased everything."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as it is accepted. ``kept_from``: an earlier job with the same fingerprint whose result is
    answered again; such a job is born done, costs nothing and reserves nothing."""

    id: JobId
    index: int
    seed: int | None
    work: Work
    fingerprint: str
    """Hash of the bound graph with input files by hash: equal means the same picture."""
    reserve_seconds: float
    kept_from: JobId | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What admission checks in the transaction that writes the request."""

    allowance: Allowance
    window: Window
    timezone: str
    user_waiting: int
    """Most open jobs of the user, the new ones included."""
    all_waiting: int
    """Most open jobs of the whole bot."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request that passed the gate, ready to be accepted."""

    request: RequestRecord
    jobs: tuple[NewJob, ...]
    snapshot: Snapshot
    needs: Mapping[str, str]
    """JSON of each :attr:`Work.needs` key in ``jobs``."""
    rules: Rules


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as it stands."""

    id: JobId
    request: RequestId
    index: int
    identity: IdentityId
    user: UserId
    seed: int | None
    work: Work
    fingerprint: str
    order: int
    """Its place in line among all jobs ever accepted; kept when it is requeued."""
    state: JobState
    reserved_seconds: float
    weight: float
    created_at: int
    started_at: int | None = None
    ended_at: int | None = None
    measured_seconds: float | None = None
    """GPU seconds that were charged, a model swap left out."""
    swap_seconds: float | None = None
    error_code: str = ""
    error_text: str = ""
    """The sentence that the person was told, English."""
    attempts: int = 0
    """Submissions so far."""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """``fresh`` is False when the very same event had been accepted before: then these are its records."""

    request: RequestRecord
    jobs: tuple[JobRecord, ...]
    standing: Standing
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """The little that the queue keeps of a job: a hundred thousand of them must fit into memory."""

    id: JobId
    user: UserId
    order: int
    work: Work
    weight: float


@dataclass(frozen=True, slots=True)
class Lineup:
    """What waits. ``waiting``: jobs by tier; ``oldest``: when the first of them was accepted."""

    waiting: Mapping[TierName, int]
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    prompt_id: PromptId
    job: JobId
    server: ServerName
    client_id: str
    state: AttemptState
    created_at: int
    started_at: int | None = None
    ended_at: int | None = None
    cancel_by: str = ""
    """Who wished to stop it, written before the server was asked; "" for nobody."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file of a job's result. ``node`` is the output node it came from."""

    file: StoredFile
    kind: MediaKind
    node: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What a finished job leaves. ``measured_seconds`` is settled; the swap is charged to nobody."""

    files: tuple[ResultFile, ...]
    texts: tuple[str, ...]
    measured_seconds: float
    swap_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Closed:
    """A job has come to its outcome. ``request_over``: so has every job of its request, and its delivery
    is now pending (or kept, when nobody waits for it)."""

    job: JobRecord
    request_over: bool


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    request: RequestId
    platform: str
    state: DeliveryState
    reply: str | None
    """Opaque; see :attr:`RequestRecord.reply`."""
    sent: str | None
    """Opaque address of what was sent."""
    tries: int
    due_at: int
    """Not before this time."""


class EntryKind(StrEnum):
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    GRANT = "grant"
    """Given (or taken, when negative) by an operator, for one quota day."""
    CARRY = "carry"
    """Overshoot of an earlier day, charged to this one."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """``seconds`` >= 0 except for grants. ``quota_day`` is the day of the reserve it belongs to."""

    at: int
    identity: IdentityId
    kind: EntryKind
    seconds: float
    quota_day: QuotaDay
    job: JobId | None
    actor: str
    """Who caused it: an identity, ``shell``, or ``bot``."""
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """A user with what operators decided about them. None: as the config says."""

    user: UserId
    identities: tuple[IdentityId, ...]
    names: tuple[str, ...] = ()
    tier: TierName | None = None
    allowance: Allowance | None = None
    blocked_until: int | None = None
    """None: not blocked. A time in the past: no longer."""
    blocked_reason: str = ""


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is kept of one user: requests that still have their words, and files with their bytes."""

    requests: int
    pictures: int
    inputs: int
    size: int


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One line of ``fairbrush usage``: ``key`` is a user's name, a template or a day."""

    key: str
    jobs: int
    done: int
    failed: int
    cancelled: int
    gpu_seconds: float
    swap_seconds: float
    waited_seconds: float
    """Mean time from being accepted to being begun, of those that began."""


@dataclass(frozen=True, slots=True)
class UseOfDay:
    """GPU seconds of a user or a template on a day of the operator's calendar. ``key`` tells them apart;
    users may have the same ``name``."""

    day: QuotaDay
    key: str
    name: str
    gpu_seconds: float


@dataclass(frozen=True, slots=True)
class Waits:
    """Of a user's ``jobs`` that began: seconds from being accepted, in the mean, and what 95 of 100 did not
    exceed."""

    user: UserId
    name: str
    jobs: int
    mean: float
    p95: float


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: int
    actor: str
    action: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """What one round of retention forgot. ``files``: nothing refers to them any more; to be deleted."""

    requests: int
    files: tuple[StoredFile, ...]
