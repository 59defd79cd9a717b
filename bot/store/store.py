"""The store as the service layer sees it: each method is one transaction, or one consistent look."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from bot.domain.errors import FairbrushError
from bot.domain.ids import IdentityId, JobId, PromptId, QuotaDay, RequestId, TierName, UserId
from bot.domain.jobs import JobState
from bot.domain.quota import Allowance, Standing, Window
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
from bot.store import (
    acceptance,
    audit,
    database,
    deliveries,
    jobs,
    ledger,
    memory,
    people,
    portrait,
    reading,
    reports,
    retention,
    strikes,
)
from bot.store.connection import BUSY_SECONDS, Connection, reader, writer
from bot.store.own import OwnStore
from bot.store.surveys import SurveyStore
from bot.store.troubles import explained
from bot.store.writer import Writer


class SqliteStore(OwnStore, SurveyStore):
    """Implements :class:`bot.service.store.Store`; made by :func:`open_store`."""

    # People

    async def person(self, identity: IdentityId, *, name: str, at: int) -> Person:
        known = await self._read(people.known_person, identity, name)
        if known is not None:
            return known
        return await self._write(people.remember_person, identity, name, at)

    async def find_people(self, wanted: str) -> tuple[Person, ...]:
        return await self._read(people.find_people, wanted)

    async def set_tier(self, user: UserId, tier: TierName | None, *, actor: str, at: int) -> None:
        await self._write(people.set_tier, user, tier, actor, at)

    async def set_allowance(self, user: UserId, allowance: Allowance | None, *, actor: str, at: int) -> None:
        await self._write(people.set_allowance, user, allowance, actor, at)

    async def block(self, user: UserId, *, until: int, reason: str, actor: str, at: int) -> None:
        await self._write(people.block, user, until, reason, actor, at)

    async def unblock(self, user: UserId, *, actor: str, at: int) -> None:
        await self._write(strikes.unblock, user, actor, at)

    # Acceptance

    async def accept(self, draft: Draft) -> Accepted:
        return await self._write(acceptance.accept, draft)

    async def accept_together(self, drafts: Sequence[Draft]) -> tuple[Accepted, ...]:
        return await self._write(acceptance.accept_together, drafts)

    async def find_kept(self, fingerprint: str, identity: IdentityId) -> JobId | None:
        return await self._read(acceptance.find_kept, fingerprint, identity)

    # The life of a job

    async def stage(self, attempt: AttemptRecord) -> bool:
        return await self._write(jobs.stage, attempt)

    async def start(self, prompt_id: PromptId, at: int) -> bool:
        return await self._write(jobs.start, prompt_id, at)

    async def requeue(self, prompt_id: PromptId, at: int, reason: str) -> bool:
        return await self._write(jobs.requeue, prompt_id, at, reason)

    async def lose(self, prompt_id: PromptId, at: int) -> None:
        await self._write(jobs.lose, prompt_id, at)

    async def reattach(self, prompt_id: PromptId, at: int) -> bool:
        return await self._write(jobs.reattach, prompt_id, at)

    async def complete(self, prompt_id: PromptId, completion: Completion, at: int) -> Closed | None:
        return await self._write(jobs.complete, prompt_id, completion, at)

    async def fail(self, job: JobId, error: FairbrushError, at: int, *, reason: str) -> Closed | None:
        return await self._write(jobs.fail, job, error, at, reason)

    async def wish_to_cancel(self, prompt_id: PromptId, by: str, at: int) -> None:
        await self._write(jobs.wish_to_cancel, prompt_id, by, at)

    async def cancel(
        self, job: JobId, at: int, *, by: str, settle_seconds: float | None, swap_seconds: float = 0.0
    ) -> Closed | None:
        return await self._write(jobs.cancel, job, at, by, settle_seconds, swap_seconds)

    # Reading jobs

    async def job(self, job: JobId) -> JobRecord | None:
        return await self._read(reading.job, job)

    async def request(self, request: RequestId) -> RequestRecord | None:
        return await self._read(reading.request, request)

    async def request_of_event(self, event: str) -> RequestRecord | None:
        return await self._read(reading.request_of_event, event)

    async def jobs_of(self, request: RequestId) -> tuple[JobRecord, ...]:
        return await self._read(reading.jobs_of, request)

    async def requests_of(
        self, user: UserId, *, open_only: bool = False, limit: int = 50
    ) -> tuple[RequestRecord, ...]:
        return await self._read(reading.requests_of, user, open_only, limit)

    async def open_requests(self, platform: str) -> tuple[RequestRecord, ...]:
        return await self._read(reading.open_requests, platform)

    async def results(self, job: JobId) -> tuple[tuple[ResultFile, ...], tuple[str, ...]]:
        return await self._read(reading.results, job)

    async def snapshot(self, content_hash: str) -> Snapshot | None:
        return await self._read(reading.snapshot, content_hash)

    async def waiting(self) -> AsyncIterator[Sequence[WaitingJob]]:
        # A connection of its own: a slow listener must not hold up the other readers, and sees one moment.
        try:
            async with reader(self.path) as connection:
                rows = await connection.work(reading.WaitingRows)
                while chunk := await connection.work(rows.chunk):
                    yield chunk
        except sqlite3.Error as error:
            raise explained(error, self.path) or error from error

    async def open_attempts(self, job: JobId | None = None) -> tuple[AttemptRecord, ...]:
        return await self._read(reading.open_attempts, job)

    async def needs(self, keys: Iterable[str]) -> Mapping[str, str]:
        return await self._read(reading.needs, tuple(keys))

    async def counts(self) -> Mapping[JobState, int]:
        return await self._read(reading.counts)

    async def lineup(self) -> Lineup:
        return await self._read(reading.lineup)

    async def history(self, job: JobId) -> tuple[tuple[int, JobState, str], ...]:
        return await self._read(reading.history, job)

    # Deliveries

    async def claim_deliveries(self, platform: str, at: int, limit: int) -> tuple[DeliveryRecord, ...]:
        return await self._write(deliveries.claim, platform, at, limit)

    async def delivered(
        self,
        request: RequestId,
        state: Literal["sent", "unknown", "kept"],
        at: int,
        *,
        sent: str | None = None,
    ) -> None:
        await self._write(deliveries.delivered, request, state, at, sent)

    async def deliver_later(self, request: RequestId, due_at: int, reason: str) -> None:
        await self._write(deliveries.later, request, due_at, reason)

    async def release_claims(self) -> int:
        return await self._write(deliveries.release_claims)

    async def set_reply(self, request: RequestId, reply: str | None) -> None:
        await self._write(deliveries.set_reply, request, reply)

    # Quota and ledger

    async def standing(self, user: UserId, rules: Rules, at: int) -> Standing:
        return await self._read(ledger.standing, user, rules, at)

    async def grant(
        self, user: UserId, seconds: float, quota_day: QuotaDay, *, actor: str, reason: str, at: int
    ) -> None:
        await self._write(ledger.grant, user, seconds, quota_day, actor, reason, at)

    async def reset(
        self, user: UserId, quota_day: QuotaDay, window: Window, *, actor: str, reason: str, at: int
    ) -> float:
        return await self._write(ledger.reset, user, quota_day, window, actor, reason, at)

    async def ledger(
        self, user: UserId | None = None, *, since: int = 0, limit: int = 1000
    ) -> tuple[LedgerEntry, ...]:
        return await self._read(ledger.entries, user, since, limit)

    async def usage(
        self, by: Literal["user", "template", "day"], *, since: int, until: int, timezone: str
    ) -> tuple[UsageRow, ...]:
        return await self._read(reports.usage, by, since, until, timezone)

    async def use_of_days(
        self, by: Literal["user", "template"], *, since: int, until: int, timezone: str
    ) -> tuple[UseOfDay, ...]:
        return await self._read(reports.use_of_days, by, since, until, timezone)

    async def waits(self, *, since: int, until: int) -> tuple[Waits, ...]:
        return await self._read(reports.waits, since, until)

    # What is learned, and small state

    async def save_learned(self, kind: str, entries: Mapping[str, Any]) -> None:
        await self._write(memory.save_learned, kind, dict(entries))

    async def learned(self, kind: str) -> Mapping[str, Any]:
        return await self._read(memory.learned, kind)

    async def save_flows(self, virtual_time: float, flows: Mapping[UserId, float]) -> None:
        await self._write(memory.save_flows, virtual_time, dict(flows))

    async def flows(self) -> tuple[float, Mapping[UserId, float]]:
        return await self._read(memory.flows)

    async def put(self, key: str, value: Any) -> None:
        await self._write(memory.put, key, value)

    async def get(self, key: str) -> Any:
        return await self._read(memory.get, key)

    async def audit(self, entry: AuditEntry) -> None:
        await self._write(audit.write_audit, entry)

    async def audit_log(self, limit: int = 100) -> tuple[AuditEntry, ...]:
        return await self._read(audit.audit_log, limit)

    # Retention and a person's rights

    async def expire(self, before: int, limit: int) -> Expired:
        return await self._write(retention.expire, before, limit, self._clock())

    async def forget(self, request: RequestId, at: int) -> tuple[StoredFile, ...]:
        return await self._write(retention.forget, request, at)

    async def belongings(self, user: UserId) -> Belongings:
        return await self._read(portrait.belongings, user)

    async def export(self, user: UserId) -> Mapping[str, Any]:
        return await self._read(portrait.export, user)

    async def export_parts(self, user: UserId) -> AsyncGenerator[Sequence[portrait.Part], None]:
        # A connection of its own, as for what waits: what years have left is much.
        try:
            async with reader(self.path) as connection:
                whole = await connection.work(partial(portrait.Portrait, user=user))
                while some := await connection.work(whole.some):
                    yield some
        except sqlite3.Error as error:
            raise explained(error, self.path) or error from error

    async def erase(self, user: UserId, *, actor: str, at: int) -> tuple[StoredFile, ...]:
        return await self._write(retention.erase, user, actor, at)

    async def known_files(self) -> frozenset[str]:
        return await self._read(retention.known_files)

    async def add_input(self, file: StoredFile, at: int) -> None:
        await self._write(retention.add_input, file, at)


@asynccontextmanager
async def open_store(
    path: Path, *, clock: Callable[[], int], read_only: bool = False, busy_seconds: float = BUSY_SECONDS
) -> AsyncIterator[SqliteStore]:
    """The store in the database file ``path``, which is made or brought up to date first.

    ``clock`` gives UTC milliseconds. ``read_only``: for looking, also while a bot works with it; every change
    is refused. At the end what was asked for is still written. Raises DatabaseUnusable or StoreUnavailable.
    """
    try:
        if read_only:
            async with database.existing(path) as reads:
                await reads.work(partial(database.check_current, path))
                yield SqliteStore(path, reads, None, clock)
        else:
            await asyncio.to_thread(path.parent.mkdir, 0o700, parents=True, exist_ok=True)
            await database.look_first(path)
            async with writer(path, busy_seconds=busy_seconds) as writes:
                await writes.work(partial(database.prepare, path, clock()))
                async with reader(path, busy_seconds=busy_seconds) as reads, _working(writes, path) as worker:
                    yield SqliteStore(path, reads, worker, clock)
    except sqlite3.Error as error:
        raise explained(error, path) or error from error


@asynccontextmanager
async def _working(connection: Connection, path: Path) -> AsyncIterator[Writer]:
    """A writer with its task. What the block raises comes out as it is, not in a group."""
    worker = Writer(connection, path)
    raised: BaseException | None = None
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(), name="store writer")
        try:
            yield worker
        except BaseException as error:  # noqa: BLE001 (raised again below)
            raised = error
        finally:
            worker.close()
    if raised is not None:
        raise raised
