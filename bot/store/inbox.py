"""Updates of Telegram, from the moment they come until they are handled.

Telegram forgets an update once a later one is asked for, so each is written down before that; what was
written is handled after a restart, and what comes twice is handled once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.store.connection import column
from bot.store.rows import plain

KEPT_MS = 48 * 60 * 60 * 1000
"""How long the number of an update that is done stays. Telegram keeps what nobody asked for 24 hours: twice
that after it came it cannot come again."""

_KEEP = """
INSERT OR IGNORE INTO telegram_updates (update_id, json, received_at) VALUES (?, ?, ?) RETURNING update_id
"""
WAITING_UPDATES = """
SELECT update_id, json FROM telegram_updates WHERE done_at IS NULL ORDER BY update_id LIMIT ?
"""
_DONE = "UPDATE telegram_updates SET json = NULL, done_at = ? WHERE update_id = ? AND done_at IS NULL"
# Not the greatest number: after a week of silence Telegram begins to count anew, maybe lower.
LAST_UPDATE = """
SELECT update_id FROM telegram_updates WHERE received_at > ? ORDER BY received_at DESC, update_id DESC LIMIT 1
"""
FORGET_UPDATES = "DELETE FROM telegram_updates WHERE received_at <= ? AND done_at IS NOT NULL"


def keep_updates(
    connection: sqlite3.Connection, updates: Sequence[tuple[int, str]], at: int
) -> tuple[tuple[int, str], ...]:
    """Those of ``updates`` that were not here before."""
    connection.execute(FORGET_UPDATES, (at - KEPT_MS,))
    fresh = ((number, plain(text)) for number, text in updates)
    return tuple([each for each in fresh if connection.execute(_KEEP, (*each, at)).fetchone() is not None])


def waiting_updates(connection: sqlite3.Connection, limit: int) -> tuple[tuple[int, str], ...]:
    """In the order of their numbers."""
    return tuple((number, text) for number, text in connection.execute(WAITING_UPDATES, (limit,)))


def update_done(connection: sqlite3.Connection, update_id: int, at: int) -> None:
    connection.execute(_DONE, (at, update_id))


def last_update(connection: sqlite3.Connection, at: int) -> int | None:
    last: int | None = column(connection, LAST_UPDATE, (at - KEPT_MS,))
    return last
