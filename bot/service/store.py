"""The port of what is remembered. One implementation is :mod:`bot.store`; a fake would pass the same tests.

Every method that changes something returns after the change is on disk and survives the end of the
process by any means; changes that belong together are one method, and so one transaction. Each raises
:class:`~bot.domain.errors.StoreUnavailable` when nothing can be written (disk full, locked, read-only);
then nothing was. No method blocks the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol

from bot.domain.errors import FairbrushError
from bot.domain.ids import IdentityId, JobId, PromptId, QuotaDay, RequestId, TierName, UserId
from bot.domain.jobs import JobState
from bot.domain.linking import Linking, Regrouped
from bot.domain.quota import Allowance, Standing, Window
from bot.domain.strikes import Ladder, Rung, Strike
from bot.service.records import (
    Accepted,
    AttemptRecord,
    AuditEntry,
    Belongings,
    Closed,
    Completion,
    DeliveryRecord,
    Draft,
    Expired,
    JobRecord,
    LedgerEntry,
    Lineup,
    Person,
    RequestRecord,
    ResultFile,
    Rules,
    Snapshot,
    StoredFile,
    UsageRow,
    UseOfDay,
    WaitingJob,
    Waits,
)
from bot.service.surveys import Surveys


class Store(Surveys, Protocol):
    # People

    async def person(self, identity: IdentityId, *, name: str, at: int) -> Person:
        """The user behind an identity, made when seen for the first time; ``name`` is remembered."""

    async def find_people(self, wanted: str) -> tuple[Person, ...]:
        """By identity, user id, or (case-insensitive) the name last seen."""

    async def set_tier(self, user: UserId, tier: TierName | None, *, actor: str, at: int) -> None: ...

    async def set_allowance(
        self, user: UserId, allowance: Allowance | None, *, actor: str, at: int
    ) -> None: ...

    async def block(self, user: UserId, *, until: int, reason: str, actor: str, at: int) -> None: ...

    async def unblock(self, user: UserId, *, actor: str, at: int) -> None: ...

    # Acceptance

    async def accept(self, draft: Draft) -> Accepted:
        """Admit and write a request, its jobs, their reserves and its delivery, or nothing.

        The same ``event`` again returns what was accepted the first time. Raises QuotaUsedUp,
        TooManyWaiting, QueueIsFull or Blocked.
        """

    async def accept_together(self, drafts: Sequence[Draft]) -> tuple[Accepted, ...]:
        """The same for all that one person asks for at once: all of it, or none."""

    async def find_kept(self, fingerprint: str, identity: IdentityId) -> JobId | None:
        """A done job with this fingerprint whose files are still kept: one's own (any identity of the same
        user) or one that is not private."""

    # The life of a job. Each checks the state in its UPDATE; False or None: it was not there any more.

    async def stage(self, attempt: AttemptRecord) -> bool:
        """queued -> staged, and the attempt is written down (before it is posted)."""

    async def start(self, prompt_id: PromptId, at: int) -> bool:
        """staged -> running."""

    async def requeue(self, prompt_id: PromptId, at: int, reason: str) -> bool:
        """staged | running -> queued at the old place. The attempt stays open: its server may know it yet."""

    async def lose(self, prompt_id: PromptId, at: int) -> None:
        """An open attempt of which its server certainly knows nothing any more (or that is of no use)."""

    async def reattach(self, prompt_id: PromptId, at: int) -> bool:
        """queued -> staged by an attempt that is still open."""

    async def complete(self, prompt_id: PromptId, completion: Completion, at: int) -> Closed | None:
        """staged | running -> done: files recorded, reserve settled, attempt ended; with the request's last
        job its delivery becomes due. Overshoot is carried on as :func:`bot.domain.quota.carry` says."""

    async def fail(self, job: JobId, error: FairbrushError, at: int, *, reason: str) -> Closed | None:
        """open -> failed: reserve released, open attempts ended."""

    async def wish_to_cancel(self, prompt_id: PromptId, by: str, at: int) -> None:
        """Remember who wants an attempt stopped, before its server is asked."""

    async def cancel(
        self, job: JobId, at: int, *, by: str, settle_seconds: float | None, swap_seconds: float = 0.0
    ) -> Closed | None:
        """open -> cancelled: the reserve is settled with what was used, or released when None."""

    # Reading jobs

    async def job(self, job: JobId) -> JobRecord | None: ...

    async def request(self, request: RequestId) -> RequestRecord | None: ...

    async def request_of_event(self, event: str) -> RequestRecord | None:
        """What was accepted for an event of a platform; see :attr:`RequestRecord.event`."""

    async def jobs_of(self, request: RequestId) -> tuple[JobRecord, ...]: ...

    async def requests_of(
        self, user: UserId, *, open_only: bool = False, limit: int = 50
    ) -> tuple[RequestRecord, ...]:
        """The newest first."""

    async def open_requests(self, platform: str) -> tuple[RequestRecord, ...]:
        """With a reply and jobs that are not over, of one platform, the oldest first."""

    async def results(self, job: JobId) -> tuple[tuple[ResultFile, ...], tuple[str, ...]]:
        """Files and texts of a done job; both empty after retention."""

    async def snapshot(self, content_hash: str) -> Snapshot | None: ...

    def waiting(self) -> AsyncIterator[Sequence[WaitingJob]]:
        """Every queued job in its order, in chunks."""

    async def open_attempts(self, job: JobId | None = None) -> tuple[AttemptRecord, ...]:
        """Attempts that some server may still know, of one job or of all, oldest first."""

    async def needs(self, keys: Iterable[str]) -> Mapping[str, str]: ...

    async def counts(self) -> Mapping[JobState, int]: ...

    async def lineup(self) -> Lineup:
        """What waits, by tier."""

    async def history(self, job: JobId) -> tuple[tuple[int, JobState, str], ...]:
        """Every change of state: when, to what, why."""

    # Deliveries

    async def claim_deliveries(self, platform: str, at: int, limit: int) -> tuple[DeliveryRecord, ...]:
        """Due pending ones, now claimed by the caller."""

    async def delivered(
        self,
        request: RequestId,
        state: Literal["sent", "unknown", "kept"],
        at: int,
        *,
        sent: str | None = None,
    ) -> None: ...

    async def deliver_later(self, request: RequestId, due_at: int, reason: str) -> None: ...

    async def release_claims(self) -> int:
        """At start: deliveries that were claimed when the process ended are pending again."""

    async def set_reply(self, request: RequestId, reply: str | None) -> None: ...

    # Quota and ledger

    async def standing(self, user: UserId, rules: Rules, at: int) -> Standing: ...

    async def grant(
        self, user: UserId, seconds: float, quota_day: QuotaDay, *, actor: str, reason: str, at: int
    ) -> None: ...

    async def reset(
        self, user: UserId, quota_day: QuotaDay, window: Window, *, actor: str, reason: str, at: int
    ) -> float:
        """Grant as much as was settled and carried that day, or in the rolling window; how much that is."""

    async def ledger(
        self, user: UserId | None = None, *, since: int = 0, limit: int = 1000
    ) -> tuple[LedgerEntry, ...]: ...

    async def usage(
        self, by: Literal["user", "template", "day"], *, since: int, until: int, timezone: str
    ) -> tuple[UsageRow, ...]: ...

    async def use_of_days(
        self, by: Literal["user", "template"], *, since: int, until: int, timezone: str
    ) -> tuple[UseOfDay, ...]:
        """Adds up to what :meth:`usage` says of the same time. In no particular order."""

    async def waits(self, *, since: int, until: int) -> tuple[Waits, ...]:
        """Of the jobs accepted in that time that began, by user. In no particular order."""

    # What is learned, and small state that outlives the process

    async def save_learned(self, kind: str, entries: Mapping[str, Any]) -> None:
        """JSON values by key; the others of that kind stay."""

    async def learned(self, kind: str) -> Mapping[str, Any]: ...

    async def save_flows(self, virtual_time: float, flows: Mapping[UserId, float]) -> None:
        """Replaces what was there; users of whom nothing is known any more are left out."""

    async def flows(self) -> tuple[float, Mapping[UserId, float]]: ...

    async def put(self, key: str, value: Any) -> None:
        """Small JSON state: paused, draining, client ids."""

    async def get(self, key: str) -> Any: ...

    async def audit(self, entry: AuditEntry) -> None: ...

    async def audit_log(self, limit: int = 100) -> tuple[AuditEntry, ...]: ...

    # What people set for themselves, and moderators for their place

    async def defaults(self, user: UserId) -> Mapping[str, str]:
        """One's own defaults by their names (``template``, ``size``, ``private``)."""

    async def set_default(self, user: UserId, name: str, value: str | None) -> None:
        """None takes it away. Raises NotFound."""

    async def who_set(self, name: str, value: str) -> frozenset[IdentityId]:
        """All identities with this default."""

    async def block_in(
        self, place: str, user: UserId, until: int | None, reason: str, *, actor: str, at: int
    ) -> None:
        """Take no requests of this user in this place (``discord:guild:123``) until that time, or (None) for
        good; in the audit log. With a time in the past: take them again. Raises NotFound."""

    async def blocked_in(self, place: str, user: UserId, at: int) -> tuple[int | None, str] | None:
        """Until when (None: for good) and why; None when not blocked there."""

    # Moderation

    async def strike(self, new: Strike, ladder: Ladder, reason: str) -> Rung:
        """Write a refused text down; who has had too many is blocked, for ``reason``, in the audit log. What
        counts is counted by user. For a ladder that is used."""

    async def strikes_of(self, user: UserId, place: str, ladder: Ladder, at: int) -> int:
        """How many refused texts still count against somebody, in a place or ("") in the whole bot. An
        unblocking forgets them."""

    async def kept_for_adults(self, contents: Sequence[str]) -> Mapping[str, bool]:
        """For the options of a request that begins with files of these contents (sha256): how results of
        ours with one of them are ruled, as :mod:`bot.service.nsfw` has it. Empty for what is not ours."""

    # Accounts of one person

    async def make_link_code(self, identity: IdentityId, code_hash: str, expires_at: int) -> None:
        """The hash of a code that ``identity`` was given; one that it was given earlier is good no longer.
        Raises NotFound for an identity that was never seen."""

    async def use_link_code(self, code_hash: str, identity: IdentityId, at: int) -> Linking:
        """``identity`` entered a code: with the right one, two people are one from then on.

        Of both, the user stays about whom operators decided a tier or limits; by default the one who made
        the code. A code is good once. Wrong ones are counted by who enters them
        (:data:`bot.domain.linking.MOST_TRIES`).
        """

    async def link(self, identity: IdentityId, to_user: UserId, *, at: int) -> tuple[Regrouped, ...]:
        """Make an identity, with all that is linked to it, part of that user. Empty when it is already.

        What was used adds up, the furthest virtual time counts, a block of either holds for both; defaults
        and decisions are those of ``to_user``. Raises NotFound.
        """

    async def unlink(self, identity: IdentityId, *, at: int) -> tuple[Regrouped, ...]:
        """Make an identity a user of its own again: its use, requests and pictures go with it, a block and
        the virtual time hold for both. Empty when nothing is linked to it."""

    # Updates of Telegram

    async def keep_updates(self, updates: Sequence[tuple[int, str]], at: int) -> tuple[tuple[int, str], ...]:
        """Write updates down, by their numbers; those of them that had not come before."""

    async def waiting_updates(self, limit: int) -> tuple[tuple[int, str], ...]:
        """Those that are not done, in the order of their numbers."""

    async def update_done(self, update_id: int, at: int) -> None:
        """Forget what it said; that it came is remembered for as long as it could come again."""

    async def last_update(self) -> int | None:
        """The number of the one that came last; None when none came for two days. Numbers may have begun
        anew by then, and to ask for what follows an old one would lose what is new."""

    # Retention and a person's rights

    async def expire(self, before: int, limit: int) -> Expired:
        """Forget files, texts and prompt texts of at most ``limit`` requests that ended before that time;
        numbers stay."""

    async def forget(self, request: RequestId, at: int) -> tuple[StoredFile, ...]:
        """The same for one request; files to delete. Raises NotFound, and Denied while it is open."""

    async def belongings(self, user: UserId) -> Belongings: ...

    async def export(self, user: UserId) -> Mapping[str, Any]:
        """All that is known about one user, as JSON values. Raises NotFound."""

    def export_parts(
        self, user: UserId
    ) -> AsyncGenerator[Sequence[tuple[str, Mapping[str, Any] | None]], None]:
        """The same, a little at a time, as of one moment: sections with one record each. None opens a section
        of any number of records; ``user`` is a single one. Raises NotFound."""

    async def erase(self, user: UserId, *, actor: str, at: int) -> tuple[StoredFile, ...]:
        """Forget one user's prompts, files, names; the ledger keeps its numbers under an anonymous identity.
        Refuses (Denied) while jobs are open. Returns files to delete. Blocks, also those of places, and a
        limit that an operator set outlive it, with the identities that they are about; what was used counts
        against the quota until its day is over."""

    async def known_files(self) -> frozenset[str]:
        """Relative paths of every file that a row refers to, for finding orphans."""

    async def add_input(self, file: StoredFile, at: int) -> None: ...
