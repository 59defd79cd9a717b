"""Showing results: claimed by the one who sends, settled by what came of it."""

from __future__ import annotations

import sqlite3

from bot.domain.ids import RequestId
from bot.domain.jobs import DeliveryState
from bot.service.records import DeliveryRecord

DUE = """
SELECT request FROM deliveries
WHERE platform = ? AND state = 'pending' AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?
"""
_CLAIM = """
UPDATE deliveries SET state = 'claimed', tries = tries + 1, changed_at = ?
WHERE request = ? AND state = 'pending'
"""
_RECORD = """
SELECT d.request, d.platform, d.state, r.reply, d.sent, d.tries, d.due_at
FROM deliveries AS d JOIN requests AS r ON r.id = d.request WHERE d.request = ?
"""
# One that was never due cannot have been sent. What was on its way when its owner erased everything leaves no
# address behind.
_DELIVERED = """
UPDATE deliveries SET state = ?, sent = coalesce(?, sent), changed_at = ?
WHERE request = ? AND due_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM requests WHERE id = deliveries.request AND gone = 'erased')
"""
_LATER = """
UPDATE deliveries SET state = 'pending', due_at = ?, reason = ?
WHERE request = ? AND state IN ('claimed', 'pending')
"""
RELEASE = "UPDATE deliveries SET state = 'pending' WHERE state = 'claimed'"
_SET_REPLY = "UPDATE requests SET reply = ? WHERE id = ? AND gone IS NOT 'erased'"
_NOWHERE = """
UPDATE deliveries SET state = 'kept' WHERE request = ? AND state = 'pending' AND due_at IS NOT NULL
"""


def claim(connection: sqlite3.Connection, platform: str, at: int, limit: int) -> tuple[DeliveryRecord, ...]:
    """The longest due first."""
    due = [request for (request,) in connection.execute(DUE, (platform, at, limit))]
    connection.executemany(_CLAIM, [(at, request) for request in due])
    return tuple(_record(connection, request) for request in due)


def _record(connection: sqlite3.Connection, request: str) -> DeliveryRecord:
    row = connection.execute(_RECORD, (request,)).fetchone()
    return DeliveryRecord(
        request=RequestId(row["request"]),
        platform=row["platform"],
        state=DeliveryState(row["state"]),
        reply=row["reply"],
        sent=row["sent"],
        tries=row["tries"],
        due_at=row["due_at"],
    )


def delivered(
    connection: sqlite3.Connection, request: RequestId, state: str, at: int, sent: str | None
) -> None:
    connection.execute(_DELIVERED, (state, sent, at, request))


def later(connection: sqlite3.Connection, request: RequestId, due_at: int, reason: str) -> None:
    connection.execute(_LATER, (due_at, reason, request))


def release_claims(connection: sqlite3.Connection) -> int:
    return connection.execute(RELEASE).rowcount


def set_reply(connection: sqlite3.Connection, request: RequestId, reply: str | None) -> None:
    connection.execute(_SET_REPLY, (reply, request))
    if reply is None:
        connection.execute(_NOWHERE, (request,))
