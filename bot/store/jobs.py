"""The life of a job. Each change of state repeats its guard in the UPDATE: who comes second, changes none."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from bot.domain.errors import FairbrushError
from bot.domain.ids import JobId, PromptId
from bot.domain.jobs import JobState, sources
from bot.service.records import AttemptRecord, Closed, Completion
from bot.store import ledger
from bot.store.acceptance import FILE
from bot.store.connection import column
from bot.store.reading import job as read_job
from bot.store.rows import json_list, micros, plain

STAGE = """
UPDATE jobs SET state = 'staged', attempt = :prompt, attempts = attempts + 1, changed_at = :at,
  changed_why = :why
WHERE id = :job AND state IN (SELECT value FROM json_each(:sources))
RETURNING place
"""
_NEW_ATTEMPT = """
INSERT INTO attempts (prompt_id, job, server, client_id, state, created_at) VALUES (?, ?, ?, ?, 'open', ?)
"""
# "attempt" is the one that the job is at a server by: what an older one says later moves nothing.
START = """
UPDATE jobs SET state = 'running', started_at = :at, changed_at = :at, changed_why = ''
WHERE place = (SELECT job FROM attempts WHERE prompt_id = :prompt) AND attempt = :prompt
  AND state IN (SELECT value FROM json_each(:sources))
"""
_ATTEMPT_STARTED = "UPDATE attempts SET started_at = coalesce(started_at, ?) WHERE prompt_id = ?"
REQUEUE = """
UPDATE jobs SET state = 'queued', attempt = NULL, started_at = NULL, changed_at = :at, changed_why = :why
WHERE place = (SELECT job FROM attempts WHERE prompt_id = :prompt) AND attempt = :prompt
  AND state IN (SELECT value FROM json_each(:sources))
"""
_REATTACH = """
UPDATE jobs SET state = 'staged', attempt = :prompt, changed_at = :at, changed_why = 'attached again'
WHERE place = (SELECT job FROM attempts WHERE prompt_id = :prompt AND state = 'open')
  AND state IN (SELECT value FROM json_each(:sources))
"""
# Any attempt of the job that is still open may bring it home: a picture is a picture.
DONE = """
UPDATE jobs SET state = 'done', attempt = NULL, ended_at = :at, measured_us = :measured, swap_us = :swap,
  kept = :kept, changed_at = :at, changed_why = ''
WHERE place = (SELECT job FROM attempts WHERE prompt_id = :prompt AND state = 'open')
  AND state IN (SELECT value FROM json_each(:sources))
RETURNING place, id
"""
_FAILED = """
UPDATE jobs SET state = 'failed', attempt = NULL, ended_at = :at, error_code = :code, error_text = :text,
  changed_at = :at, changed_why = :why
WHERE id = :job AND state IN (SELECT value FROM json_each(:sources))
RETURNING place
"""
_CANCELLED = """
UPDATE jobs SET state = 'cancelled', attempt = NULL, ended_at = :at, measured_us = :measured, swap_us = :swap,
  changed_at = :at, changed_why = :why
WHERE id = :job AND state IN (SELECT value FROM json_each(:sources))
RETURNING place
"""
_CURRENT_ATTEMPT = "SELECT attempt FROM jobs WHERE id = ?"
_END_ATTEMPT = "UPDATE attempts SET state = ?, ended_at = ? WHERE prompt_id = ? AND state = 'open'"
_END_ATTEMPTS_OF = "UPDATE attempts SET state = 'ended', ended_at = ? WHERE job = ? AND state = 'open'"
_CANCEL_BY = "UPDATE attempts SET cancel_by = ? WHERE prompt_id = ? AND cancel_by = ''"
_RESULT = "INSERT INTO results (job, number, file, kind, node, width, height) VALUES (?, ?, ?, ?, ?, ?, ?)"
_TEXT = "INSERT INTO texts (job, number, text) VALUES (?, ?, ?)"
REQUEST_OVER = """
UPDATE requests SET ended_at = :at
WHERE id = (SELECT request FROM jobs WHERE place = :place) AND ended_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM jobs WHERE request = requests.id AND state IN ('queued', 'staged', 'running'))
RETURNING id, reply
"""
_DELIVERY_DUE = "UPDATE deliveries SET state = ?, due_at = ?, changed_at = ? WHERE request = ?"

# The guards, from the one table of moves.
_TO_STAGED = json_list(sources(JobState.STAGED))
_TO_RUNNING = json_list(sources(JobState.RUNNING))
_TO_QUEUED = json_list(sources(JobState.QUEUED))
_TO_DONE = json_list(sources(JobState.DONE))
_TO_FAILED = json_list(sources(JobState.FAILED))
_TO_CANCELLED = json_list(sources(JobState.CANCELLED))


def stage(connection: sqlite3.Connection, attempt: AttemptRecord) -> bool:
    parameters = {
        "prompt": attempt.prompt_id,
        "at": attempt.created_at,
        "why": attempt.server,
        "job": attempt.job,
        "sources": _TO_STAGED,
    }
    place = _returned(connection, STAGE, parameters)
    if place is None:
        return False
    connection.execute(
        _NEW_ATTEMPT, (attempt.prompt_id, place, attempt.server, attempt.client_id, attempt.created_at)
    )
    return True


def start(connection: sqlite3.Connection, prompt_id: PromptId, at: int) -> bool:
    moved = connection.execute(START, {"prompt": prompt_id, "at": at, "sources": _TO_RUNNING}).rowcount > 0
    if moved:
        connection.execute(_ATTEMPT_STARTED, (at, prompt_id))
    return moved


def requeue(connection: sqlite3.Connection, prompt_id: PromptId, at: int, reason: str) -> bool:
    parameters = {"prompt": prompt_id, "at": at, "why": reason, "sources": _TO_QUEUED}
    return connection.execute(REQUEUE, parameters).rowcount > 0


def reattach(connection: sqlite3.Connection, prompt_id: PromptId, at: int) -> bool:
    parameters = {"prompt": prompt_id, "at": at, "sources": _TO_STAGED}
    return connection.execute(_REATTACH, parameters).rowcount > 0


def lose(connection: sqlite3.Connection, prompt_id: PromptId, at: int) -> None:
    connection.execute(_END_ATTEMPT, ("lost", at, prompt_id))


def wish_to_cancel(connection: sqlite3.Connection, prompt_id: PromptId, by: str, at: int) -> None:
    """The first wish counts. ``at`` is not needed: the end of the attempt tells when."""
    del at
    connection.execute(_CANCEL_BY, (by, prompt_id))


def complete(
    connection: sqlite3.Connection, prompt_id: PromptId, completion: Completion, at: int
) -> Closed | None:
    parameters = {
        "prompt": prompt_id,
        "at": at,
        "measured": micros(completion.measured_seconds),
        "swap": micros(completion.swap_seconds),
        "kept": bool(completion.files or completion.texts),
        "sources": _TO_DONE,
    }
    rows = connection.execute(DONE, parameters).fetchall()
    if not rows:
        return None
    ((place, job_id),) = rows
    _write_results(connection, place, completion, at)
    ledger.settle(connection, place, completion.measured_seconds, "done", at)
    connection.execute(_END_ATTEMPT, ("ended", at, prompt_id))
    return _closed(connection, job_id, place, at)


def fail(
    connection: sqlite3.Connection, job_id: JobId, error: FairbrushError, at: int, reason: str
) -> Closed | None:
    parameters = {
        "at": at,
        "code": error.code,
        "text": plain(str(error.text)),
        "why": reason,
        "job": job_id,
        "sources": _TO_FAILED,
    }
    place = _returned(connection, _FAILED, parameters)
    if place is None:
        return None
    ledger.release(connection, place, reason, at)
    connection.execute(_END_ATTEMPTS_OF, (at, place))
    return _closed(connection, job_id, place, at)


def cancel(
    connection: sqlite3.Connection,
    job_id: JobId,
    at: int,
    by: str,
    settle_seconds: float | None,
    swap_seconds: float,
) -> Closed | None:
    # Older attempts stay open: a server that comes back with one shall be told to stop it.
    attempt = column(connection, _CURRENT_ATTEMPT, (job_id,))
    used = settle_seconds is not None
    parameters = {
        "at": at,
        "measured": micros(settle_seconds) if settle_seconds is not None else None,
        "swap": micros(swap_seconds) if used else None,
        "why": "cancelled",
        "job": job_id,
        "sources": _TO_CANCELLED,
    }
    place = _returned(connection, _CANCELLED, parameters)
    if place is None:
        return None
    if settle_seconds is None:
        ledger.release(connection, place, "cancelled", at, actor=by)
    else:
        ledger.settle(connection, place, settle_seconds, "cancelled", at, actor=by)
    connection.execute(_END_ATTEMPT, ("ended", at, attempt))
    return _closed(connection, job_id, place, at)


def _returned(connection: sqlite3.Connection, sql: str, parameters: Mapping[str, object]) -> int | None:
    """The place of the job that an UPDATE moved. All rows are fetched: only then has it run to its end."""
    rows: Sequence[sqlite3.Row] = connection.execute(sql, parameters).fetchall()
    return rows[0]["place"] if rows else None


def _write_results(connection: sqlite3.Connection, place: int, completion: Completion, at: int) -> None:
    files = completion.files
    connection.executemany(
        FILE, [(one.file.path, one.file.sha256, one.file.mime, one.file.size, at) for one in files]
    )
    connection.executemany(
        _RESULT,
        [
            (place, number, one.file.path, one.kind, one.node, one.width, one.height)
            for number, one in enumerate(files)
        ],
    )
    connection.executemany(
        _TEXT, [(place, number, plain(text)) for number, text in enumerate(completion.texts)]
    )


def _closed(connection: sqlite3.Connection, job_id: JobId, place: int, at: int) -> Closed:
    over = connection.execute(REQUEST_OVER, {"at": at, "place": place}).fetchall()
    for request_id, reply in over:
        connection.execute(_DELIVERY_DUE, ("kept" if reply is None else "pending", at, at, request_id))
    record = read_job(connection, job_id)
    assert record is not None
    return Closed(record, request_over=bool(over))
