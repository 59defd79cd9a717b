"""Rows as the records of the service layer, and values as columns."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from bot.domain.errors import UserError
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
from bot.domain.jobs import AttemptState, JobState
from bot.domain.quota import Allowance
from bot.domain.text import Text
from bot.domain.work import Work
from bot.service.records import (
    AttemptRecord,
    EntryKind,
    JobRecord,
    LedgerEntry,
    RequestRecord,
    StoredFile,
)

MOST_SECONDS = 1e9
"""Of GPU time in one entry, about thirty years: many of them still sum up in a column."""


def micros(seconds: float) -> int:
    """GPU seconds as the ledger counts them. Raises UserError for what cannot be counted."""
    if not math.isfinite(seconds) or abs(seconds) > MOST_SECONDS:
        raise UserError(
            Text(
                "{seconds} GPU seconds are more than can be counted; the most is {most}.",
                seconds=seconds,
                most=int(MOST_SECONDS),
            )
        )
    return round(seconds * 1e6)


def seconds(us: int | None) -> float:
    return (us or 0) / 1e6


def as_json(value: Any) -> str:
    """In ASCII: halves of characters, which phones can send, are no UTF-8 and would not be stored."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def plain(text: str) -> str:
    """A text of anybody's as it can be stored, with ``?`` for halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")


def json_list(values: Iterable[str]) -> str:
    """For ``IN (SELECT value FROM json_each(?))``: any number of values in one statement."""
    return as_json(sorted(values))


def allowance_json(allowance: Allowance) -> dict[str, Any]:
    return {"gpu_seconds": _finite(allowance.gpu_seconds), "jobs": allowance.jobs}


def _finite(value: float | None) -> float | None:
    return None if value is None or value == math.inf else value


def allowance_from(value: Mapping[str, Any]) -> Allowance:
    return Allowance(gpu_seconds=value["gpu_seconds"], jobs=value["jobs"])


def job_record(row: sqlite3.Row) -> JobRecord:
    """Of a row of ``job_records``."""
    return JobRecord(
        id=JobId(row["id"]),
        request=RequestId(row["request"]),
        index=row["number"],
        identity=IdentityId(row["identity"]),
        user=UserId(row["user"]),
        seed=None if row["seed"] is None else int(row["seed"]),
        work=Work(
            template=TemplateName(row["template"]),
            model=row["model"],
            pixels=row["pixels"],
            steps=row["steps"],
            needs=row["needs"],
            first_guess=row["first_guess"],
        ),
        fingerprint=row["fingerprint"],
        order=row["place"],
        state=JobState(row["state"]),
        reserved_seconds=seconds(row["reserved_us"]),
        weight=row["weight"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        measured_seconds=None if row["measured_us"] is None else seconds(row["measured_us"]),
        swap_seconds=None if row["swap_us"] is None else seconds(row["swap_us"]),
        error_code=row["error_code"],
        error_text=row["error_text"],
        attempts=row["attempts"],
        private=bool(row["private"]),
    )


def request_record(row: sqlite3.Row, inputs: tuple[StoredFile, ...]) -> RequestRecord:
    """Of a row of ``request_records``."""
    return RequestRecord(
        id=RequestId(row["id"]),
        identity=IdentityId(row["identity"]),
        user=UserId(row["user"]),
        event=row["event"],
        platform=row["platform"],
        template=TemplateName(row["template"]),
        template_hash=row["template_hash"],
        values=json.loads(row["values"]),
        count=row["count"],
        inputs=inputs,
        private=bool(row["private"]),
        tier=TierName(row["tier"]),
        weight=row["weight"],
        reply=row["reply"],
        created_at=row["created_at"],
        options=json.loads(row["options"]),
        gone=row["gone"],
    )


def stored_file(row: sqlite3.Row) -> StoredFile:
    return StoredFile(sha256=row["sha256"], path=row["path"], mime=row["mime"], size=row["size"])


def attempt_record(row: sqlite3.Row) -> AttemptRecord:
    """Of a row of ``attempt_records``."""
    return AttemptRecord(
        prompt_id=PromptId(row["prompt_id"]),
        job=JobId(row["job"]),
        server=ServerName(row["server"]),
        client_id=row["client_id"],
        state=AttemptState(row["state"]),
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        cancel_by=row["cancel_by"],
    )


def ledger_entry(row: sqlite3.Row) -> LedgerEntry:
    """Of a row of ``ledger_entries``."""
    return LedgerEntry(
        at=row["at"],
        identity=IdentityId(row["identity"]),
        kind=EntryKind(row["kind"]),
        seconds=row["seconds"],
        quota_day=QuotaDay(row["quota_day"]),
        job=None if row["job"] is None else JobId(row["job"]),
        actor=row["actor"],
        reason=row["reason"],
    )
