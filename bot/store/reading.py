"""Reading requests, jobs, attempts and results."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from bot.domain.ids import JobId, RequestId, TemplateName, TierName, UserId
from bot.domain.jobs import JobState
from bot.domain.outputs import MediaKind
from bot.domain.work import Work
from bot.service.records import (
    AttemptRecord,
    JobRecord,
    Lineup,
    RequestRecord,
    ResultFile,
    Snapshot,
    StoredFile,
    WaitingJob,
)
from bot.store.people import keys_of
from bot.store.rows import attempt_record, job_record, json_list, plain, request_record, stored_file

CHUNK = 2000
"""Waiting jobs that are read at a time: much less than would hold up the event loop."""

JOB = "SELECT * FROM job_records WHERE id = ?"
JOBS_OF = "SELECT * FROM job_records WHERE request = ? ORDER BY number"
REQUEST = "SELECT * FROM request_records WHERE id = ?"
REQUEST_OF_EVENT = "SELECT * FROM request_records WHERE event = ?"
_INPUTS = """
SELECT f.* FROM request_inputs AS n JOIN files AS f ON f.path = n.file WHERE n.request = ? ORDER BY n.number
"""
# One identity at a time: then the index gives the newest without sorting all that a person ever asked for.
REQUESTS_OF = "SELECT * FROM request_records WHERE identity_key = ? ORDER BY number DESC"
OPEN_REQUESTS_OF = """
SELECT * FROM request_records WHERE identity_key = ? AND ended_at IS NULL ORDER BY number DESC
"""
# What is open is few: its partial index holds nothing else.
OPEN_REQUESTS_ON = """
SELECT r.* FROM requests AS open INDEXED BY requests_open JOIN request_records AS r ON r.id = open.id
WHERE open.ended_at IS NULL AND open.platform = ? AND open.reply IS NOT NULL ORDER BY open.number
"""
_RESULTS = """
SELECT f.sha256, f.path, f.mime, f.size, r.kind, r.node, r.width, r.height
FROM jobs AS j JOIN results AS r ON r.job = j.place JOIN files AS f ON f.path = r.file
WHERE j.id = ? ORDER BY r.number
"""
_TEXTS = "SELECT t.text FROM jobs AS j JOIN texts AS t ON t.job = j.place WHERE j.id = ? ORDER BY t.number"
_SNAPSHOT = "SELECT content_hash, name, export, sidecar FROM template_snapshots WHERE content_hash = ?"
WAITING = """
SELECT j.id, i.user, j.place, j.weight, j.template, j.model, j.pixels, j.steps, j.needs, j.first_guess
FROM jobs AS j JOIN identities AS i ON i.key = j.identity
WHERE j.state = 'queued' ORDER BY j.place
"""
LINEUP = """
SELECT r.tier, count(*), min(j.created_at) FROM jobs AS j INDEXED BY jobs_waiting
JOIN requests AS r ON r.id = j.request WHERE j.state = 'queued' GROUP BY r.tier
"""
OPEN_ATTEMPTS = "SELECT * FROM attempt_records WHERE state = 'open' ORDER BY created_at"
OPEN_ATTEMPTS_OF = """
SELECT * FROM attempt_records
WHERE place = (SELECT place FROM jobs WHERE id = ?) AND state = 'open' ORDER BY created_at
"""
_NEEDS = "SELECT key, json FROM needs WHERE key IN (SELECT value FROM json_each(?))"
COUNTS = "SELECT state, jobs FROM job_counts"
HISTORY = """
SELECT at, state, reason FROM job_states WHERE job = (SELECT place FROM jobs WHERE id = ?) ORDER BY number
"""


def job(connection: sqlite3.Connection, job_id: JobId) -> JobRecord | None:
    row = connection.execute(JOB, (plain(job_id),)).fetchone()
    return None if row is None else job_record(row)


def jobs_of(connection: sqlite3.Connection, request_id: RequestId) -> tuple[JobRecord, ...]:
    return tuple(job_record(row) for row in connection.execute(JOBS_OF, (plain(request_id),)))


def request(connection: sqlite3.Connection, request_id: RequestId) -> RequestRecord | None:
    row = connection.execute(REQUEST, (plain(request_id),)).fetchone()
    return None if row is None else _with_inputs(connection, row)


def request_of_event(connection: sqlite3.Connection, event: str) -> RequestRecord | None:
    row = connection.execute(REQUEST_OF_EVENT, (event,)).fetchone()
    return None if row is None else _with_inputs(connection, row)


def requests_of(
    connection: sqlite3.Connection, user: UserId, open_only: bool, limit: int
) -> tuple[RequestRecord, ...]:
    """The newest first."""
    sql = OPEN_REQUESTS_OF if open_only else REQUESTS_OF
    each = (connection.execute(sql, (key,)) for key in keys_of(connection, user))
    newest = islice(merge(*each, key=lambda row: row["number"], reverse=True), limit)
    return tuple(_with_inputs(connection, row) for row in newest)


def open_requests(connection: sqlite3.Connection, platform: str) -> tuple[RequestRecord, ...]:
    return tuple(_with_inputs(connection, row) for row in connection.execute(OPEN_REQUESTS_ON, (platform,)))


def _with_inputs(connection: sqlite3.Connection, row: sqlite3.Row) -> RequestRecord:
    inputs = connection.execute(_INPUTS, (row["id"],))
    return request_record(row, tuple(stored_file(each) for each in inputs))


def results(connection: sqlite3.Connection, job_id: JobId) -> tuple[tuple[ResultFile, ...], tuple[str, ...]]:
    files = tuple(
        ResultFile(StoredFile(*row[:4]), MediaKind(row["kind"]), row["node"], row["width"], row["height"])
        for row in connection.execute(_RESULTS, (job_id,))
    )
    return files, tuple(text for (text,) in connection.execute(_TEXTS, (job_id,)))


def snapshot(connection: sqlite3.Connection, content_hash: str) -> Snapshot | None:
    row = connection.execute(_SNAPSHOT, (content_hash,)).fetchone()
    return None if row is None else Snapshot(row[0], TemplateName(row[1]), row[2], row[3])


class WaitingRows:
    """The queued jobs, a chunk at a time. Equal works are one object: most jobs are like many others."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._rows = connection.execute(WAITING)
        # Rows by name cost twice as much, and there may be a hundred thousand.
        self._rows.row_factory = None
        self._works: dict[tuple[object, ...], Work] = {}
        self._users: dict[str, UserId] = {}

    def chunk(self, _connection: sqlite3.Connection) -> Sequence[WaitingJob]:
        return [self._waiting(row) for row in self._rows.fetchmany(CHUNK)]

    def _waiting(self, row: tuple[str, str, int, float, str, str, int, int, str, float | None]) -> WaitingJob:
        job_id, user, place, weight, *_ = row
        work = self._works.get(row[4:])
        if work is None:
            _, _, _, _, template, model, pixels, steps, needs, first_guess = row
            work = Work(TemplateName(template), model, pixels, steps, needs, first_guess)
            self._works[row[4:]] = work
        return WaitingJob(JobId(job_id), self._users.setdefault(user, UserId(user)), place, work, weight)


def open_attempts(connection: sqlite3.Connection, job_id: JobId | None) -> tuple[AttemptRecord, ...]:
    """The oldest first."""
    if job_id is None:
        rows: Iterator[sqlite3.Row] = connection.execute(OPEN_ATTEMPTS)
    else:
        rows = connection.execute(OPEN_ATTEMPTS_OF, (job_id,))
    return tuple(attempt_record(row) for row in rows)


def needs(connection: sqlite3.Connection, keys: Iterable[str]) -> Mapping[str, str]:
    return {row["key"]: row["json"] for row in connection.execute(_NEEDS, (json_list(keys),))}


def counts(connection: sqlite3.Connection) -> Mapping[JobState, int]:
    return {JobState(row["state"]): row["jobs"] for row in connection.execute(COUNTS)}


def lineup(connection: sqlite3.Connection) -> Lineup:
    rows = connection.execute(LINEUP).fetchall()
    oldest = min((row[2] for row in rows), default=None)
    return Lineup({TierName(tier): jobs for tier, jobs, _ in rows}, oldest)


def history(connection: sqlite3.Connection, job_id: JobId) -> tuple[tuple[int, JobState, str], ...]:
    return tuple((at, JobState(state), why) for at, state, why in connection.execute(HISTORY, (job_id,)))
