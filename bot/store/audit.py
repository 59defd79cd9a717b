"""What operators did, in the order they did it."""

from __future__ import annotations

import sqlite3

from bot.service.records import AuditEntry
from bot.store.rows import plain

_WRITE = "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)"
_NEWEST = "SELECT at, actor, action, subject, detail FROM audit ORDER BY number DESC LIMIT ?"


def write_audit(connection: sqlite3.Connection, entry: AuditEntry) -> None:
    words = map(plain, (entry.actor, entry.action, entry.subject, entry.detail))
    connection.execute(_WRITE, (entry.at, *words))


def audit_log(connection: sqlite3.Connection, limit: int) -> tuple[AuditEntry, ...]:
    """The newest first."""
    return tuple(AuditEntry(*row) for row in connection.execute(_NEWEST, (limit,)))
