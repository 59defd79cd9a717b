"""Admission and writing of a request, in one transaction: what was checked is still so when it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.domain import quota
from bot.domain.blocking import blocked
from bot.domain.errors import Blocked, NotFound, QueueIsFull, TooManyWaiting
from bot.domain.ids import IdentityId, JobId, RequestId, UserId
from bot.domain.quota import Cost
from bot.domain.text import Text
from bot.service.records import Accepted, Draft, NewJob, RequestRecord, Rules
from bot.store import ledger
from bot.store.connection import column
from bot.store.people import ensure_identity, user_of
from bot.store.reading import jobs_of, request
from bot.store.rows import as_json, micros, seconds

BY_EVENT = "SELECT id FROM requests WHERE event = ?"
BLOCK_OF = "SELECT blocked_until, blocked_reason FROM users WHERE id = ? AND blocked_until > ?"
OPEN_OF_USER = """
SELECT count(*) FROM jobs
WHERE identity IN (SELECT key FROM identities WHERE user = ?) AND state IN ('queued', 'staged', 'running')
"""
OPEN_OF_ALL = "SELECT sum(jobs) FROM job_counts WHERE state IN ('queued', 'staged', 'running')"
# One's own (by any of one's identities) or one that everybody may see; the newest is kept the longest.
FIND_KEPT = """
SELECT j.id FROM jobs AS j
JOIN requests AS r ON r.id = j.request
JOIN identities AS i ON i.key = j.identity
WHERE j.fingerprint = :fingerprint AND j.kept = 1
  AND (r.private = 0 OR i.user = (SELECT user FROM identities WHERE identity = :identity))
ORDER BY j.place DESC LIMIT 1
"""
KEPT_JOB = """
SELECT j.place FROM jobs AS j
JOIN requests AS r ON r.id = j.request
JOIN identities AS i ON i.key = j.identity
WHERE j.id = :job AND j.kept = 1 AND (r.private = 0 OR i.user = :user)
"""
_SNAPSHOT = """
INSERT OR IGNORE INTO template_snapshots (content_hash, name, export, sidecar) VALUES (?, ?, ?, ?)
"""
_NEEDS = "INSERT OR IGNORE INTO needs (key, json) VALUES (?, ?)"
_REQUEST = """
INSERT INTO requests (id, identity, event, platform, template, template_hash, "values", count, private, tier,
  weight, reply, options, rules, created_at, ended_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# A file that is there already may be about to expire: it is wanted anew.
FILE = """
INSERT INTO files (path, sha256, mime, size, added_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET added_at = max(added_at, excluded.added_at)
"""
_INPUT = "INSERT INTO request_inputs (request, number, file) VALUES (?, ?, ?)"
_JOB = """
INSERT INTO jobs (id, request, number, identity, seed, template, model, pixels, steps, needs, first_guess,
  weight, fingerprint, state, reserved_us, measured_us, swap_us, created_at, ended_at, changed_at,
  changed_why, kept)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SAME_FILES = """
INSERT INTO results (job, number, file, kind, node, width, height)
SELECT ?, number, file, kind, node, width, height FROM results WHERE job = ?
"""
_SAME_TEXTS = "INSERT INTO texts (job, number, text) SELECT ?, number, text FROM texts WHERE job = ?"
_DELIVERY = """
INSERT INTO deliveries (request, platform, state, due_at, changed_at) VALUES (?, ?, ?, ?, ?)
"""


def find_kept(connection: sqlite3.Connection, fingerprint: str, identity: IdentityId) -> JobId | None:
    found = column(connection, FIND_KEPT, {"fingerprint": fingerprint, "identity": identity})
    return None if found is None else JobId(found)


def accept(connection: sqlite3.Connection, draft: Draft) -> Accepted:
    """Raises QuotaUsedUp, TooManyWaiting, QueueIsFull, Blocked, or NotFound for a result that has gone."""
    wanted, at = draft.request, draft.request.created_at
    earlier = column(connection, BY_EVENT, (wanted.event,))
    if earlier is not None:
        return _accepted(connection, RequestId(earlier), draft.rules, at, fresh=False)
    key, user = _asker(connection, wanted)
    new = _new(draft)
    _refuse(connection, user, new, draft.rules, at)
    _write_request(connection, key, draft, is_over=not new)
    for job in draft.jobs:
        if job.kept_from is None:
            _write_new(connection, key, job, draft)
        else:
            _write_kept(connection, key, user, job, draft)
    _write_delivery(connection, wanted, is_over=not new)
    return _accepted(connection, wanted.id, draft.rules, at, fresh=True)


def accept_together(connection: sqlite3.Connection, drafts: Sequence[Draft]) -> tuple[Accepted, ...]:
    """What one person asks for at once: all of it, or none, and a refusal speaks of all of it."""
    fresh = [draft for draft in drafts if column(connection, BY_EVENT, (draft.request.event,)) is None]
    if len(fresh) > 1:
        first = fresh[0]
        _, user = _asker(connection, first.request)
        new = [job for draft in fresh for job in _new(draft)]
        _refuse(connection, user, new, first.rules, first.request.created_at)
    return tuple([accept(connection, draft) for draft in drafts])


def _asker(connection: sqlite3.Connection, wanted: RequestRecord) -> tuple[int, UserId]:
    key = ensure_identity(connection, wanted.identity, user=wanted.user, at=wanted.created_at)
    # By now two identities may have been linked: the store knows best whose it is.
    return key, user_of(connection, wanted.identity)


def _new(draft: Draft) -> list[NewJob]:
    return [job for job in draft.jobs if job.kept_from is None]


def _refuse(connection: sqlite3.Connection, user: UserId, new: list[NewJob], rules: Rules, at: int) -> None:
    _refuse_blocked(connection, user, at, rules.timezone)
    if new:
        _refuse_too_many(connection, user, len(new), rules)
        _refuse_over_quota(connection, user, new, rules, at)


def _accepted(
    connection: sqlite3.Connection, request_id: RequestId, rules: Rules, at: int, *, fresh: bool
) -> Accepted:
    record = request(connection, request_id)
    assert record is not None
    how = ledger.standing(connection, record.user, rules, at)
    return Accepted(record, jobs_of(connection, request_id), how, fresh)


def _refuse_blocked(connection: sqlite3.Connection, user: UserId, at: int, timezone: str) -> None:
    row = connection.execute(BLOCK_OF, (user, at)).fetchone()
    if row is not None:
        raise Blocked(blocked(row["blocked_until"], row["blocked_reason"], timezone))


def _refuse_too_many(connection: sqlite3.Connection, user: UserId, new: int, rules: Rules) -> None:
    own: int = column(connection, OPEN_OF_USER, (user,))
    if own + new > rules.user_waiting:
        raise TooManyWaiting(_too_many_text(own, new, rules.user_waiting))
    everybody: int = column(connection, OPEN_OF_ALL)
    if everybody + new > rules.all_waiting:
        raise QueueIsFull(
            Text(
                "The queue is full: {waiting} of at most {most} jobs wait or run, and these would be {new} "
                "more. Nothing is wrong with your request; try again in a few minutes.",
                waiting=everybody,
                most=rules.all_waiting,
                new=new,
            )
        )


def _refuse_over_quota(
    connection: sqlite3.Connection, user: UserId, new: list[NewJob], rules: Rules, at: int
) -> None:
    # As the ledger will count them: what is admitted and what is reserved must be the same number.
    reserves = seconds(sum(micros(job.reserve_seconds) for job in new))
    shortage = quota.admit(ledger.standing(connection, user, rules, at), Cost(reserves, len(new)))
    if shortage is not None:
        raise quota.refusal(shortage, now_ms=at, timezone=rules.timezone)


def _write_request(connection: sqlite3.Connection, key: int, draft: Draft, *, is_over: bool) -> None:
    request, snapshot, at = draft.request, draft.snapshot, draft.request.created_at
    connection.execute(_SNAPSHOT, (snapshot.content_hash, snapshot.name, snapshot.export, snapshot.sidecar))
    connection.executemany(_NEEDS, draft.needs.items())
    connection.execute(
        _REQUEST,
        (
            request.id,
            key,
            request.event,
            request.platform,
            request.template,
            request.template_hash,
            as_json(dict(request.values)),
            request.count,
            request.private,
            request.tier,
            request.weight,
            request.reply,
            as_json(dict(request.options)),
            ledger.rules_json(draft.rules),
            at,
            at if is_over else None,
        ),
    )
    files = request.inputs
    connection.executemany(FILE, [(file.path, file.sha256, file.mime, file.size, at) for file in files])
    connection.executemany(_INPUT, [(request.id, number, file.path) for number, file in enumerate(files)])


def _write_new(connection: sqlite3.Connection, key: int, job: NewJob, draft: Draft) -> None:
    request = draft.request
    place = _write_job(connection, key, job, request, "accepted")
    day = quota.quota_day(request.created_at, draft.rules.timezone)
    us = micros(job.reserve_seconds)
    ledger.reserve(connection, key, place, us, day, request.identity, request.created_at)


def _write_kept(connection: sqlite3.Connection, key: int, user: UserId, job: NewJob, draft: Draft) -> None:
    source = column(connection, KEPT_JOB, {"job": job.kept_from, "user": user})
    if source is None:
        raise NotFound(
            Text("The earlier result has just been removed. Ask again, and it will be made anew."),
            cause=f"{job.kept_from} is not kept",
        )
    place = _write_job(connection, key, job, draft.request, f"kept from {job.kept_from}")
    connection.execute(_SAME_FILES, (place, source))
    connection.execute(_SAME_TEXTS, (place, source))


def _write_job(
    connection: sqlite3.Connection, key: int, job: NewJob, request: RequestRecord, why: str
) -> int:
    """Returns its place in line."""
    work, at = job.work, request.created_at
    seed = None if job.seed is None else str(job.seed)
    is_kept = job.kept_from is not None
    # State; GPU time reserved, measured, and for a swap.
    figures = ("done", 0, 0, 0) if is_kept else ("queued", micros(job.reserve_seconds), None, None)
    cursor = connection.execute(
        _JOB,
        (
            *(job.id, request.id, job.index, key, seed, work.template, work.model, work.pixels, work.steps),
            *(work.needs, work.first_guess, request.weight, job.fingerprint, *figures),
            *(at, at if is_kept else None, at, why, is_kept),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _write_delivery(connection: sqlite3.Connection, request: RequestRecord, *, is_over: bool) -> None:
    at = request.created_at
    state = "kept" if is_over and request.reply is None else "pending"
    connection.execute(_DELIVERY, (request.id, request.platform, state, at if is_over else None, at))


def _too_many_text(own: int, new: int, most: int) -> Text:
    if new > most:
        return Text(
            "{new} pictures at once are too many: you may have {most} waiting. Ask for fewer.",
            new=new,
            most=most,
        )
    have = (
        Text("You have one picture waiting or running")
        if own == 1
        else Text("You have {own} pictures waiting or running", own=own)
    )
    return Text(
        "{have} and may have {most}; these would be {new} more. "
        "Wait for one to finish, or cancel one of them.",
        have=have,
        most=most,
        new=new,
    )
