"""Whom the moderators of a place do not want there."""

from __future__ import annotations

import sqlite3

from bot.domain.ids import UserId
from bot.service.records import AuditEntry
from bot.store.audit import write_audit
from bot.store.people import actor_key, keys_of, unknown
from bot.store.rows import plain

_BLOCK = """
INSERT INTO place_blocks (place, identity, until, reason, actor, at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (place, identity) DO UPDATE SET
  until = excluded.until, reason = excluded.reason, actor = excluded.actor, at = excluded.at
"""
_UNBLOCK = "DELETE FROM place_blocks WHERE place = ? AND identity = ?"
# Of several, the one that lasts longest; those for good have no end.
BLOCKED_IN = """
SELECT until, reason FROM place_blocks
WHERE place = ? AND identity IN (SELECT key FROM identities WHERE user = ?) AND (until IS NULL OR until > ?)
ORDER BY until IS NULL DESC, until DESC LIMIT 1
"""
_IN_FORCE = "SELECT 1 FROM place_blocks WHERE identity = ? AND (until IS NULL OR until > ?) LIMIT 1"
_LAPSED = "DELETE FROM place_blocks WHERE identity = ? AND until <= ?"
_HAND_ON = "UPDATE place_blocks SET identity = ? WHERE identity = ?"


def block_in(
    connection: sqlite3.Connection,
    place: str,
    user: UserId,
    until: int | None,
    reason: str,
    actor: str,
    at: int,
) -> None:
    """``until`` in the past: not blocked any more. Every account that is linked now is meant.

    Raises NotFound.
    """
    keys = keys_of(connection, user)
    if not keys:
        raise unknown(user)
    if until is not None and until <= at:
        connection.executemany(_UNBLOCK, [(place, key) for key in keys])
        write_audit(connection, AuditEntry(at, actor, "unblock", user, place))
        return
    by = actor_key(connection, actor)
    rows = [(place, key, until, plain(reason), by, at) for key in keys]
    connection.executemany(_BLOCK, rows)
    end = "for good" if until is None else until
    write_audit(connection, AuditEntry(at, actor, "block", user, f"{place} {end} {reason}".rstrip()))


def blocked_in(
    connection: sqlite3.Connection, place: str, user: UserId, at: int
) -> tuple[int | None, str] | None:
    row = connection.execute(BLOCKED_IN, (place, user, at)).fetchone()
    return None if row is None else (row["until"], row["reason"])


def is_blocked_somewhere(connection: sqlite3.Connection, key: int, at: int) -> bool:
    return connection.execute(_IN_FORCE, (key, at)).fetchone() is not None


def hand_on(connection: sqlite3.Connection, key: int, to_key: int) -> None:
    """Another identity takes over the blocks of one."""
    connection.execute(_HAND_ON, (to_key, key))


def forget_lapsed(connection: sqlite3.Connection, key: int, at: int) -> None:
    connection.execute(_LAPSED, (key, at))
