"""What people set for themselves. A value is opaque here: who reads it judges it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from bot.domain.ids import IdentityId, UserId
from bot.store.connection import column
from bot.store.people import unknown
from bot.store.rows import plain

DEFAULTS_OF = "SELECT name, value FROM defaults WHERE user = ? ORDER BY name"
_SET = """
INSERT INTO defaults (user, name, value) VALUES (?, ?, ?)
ON CONFLICT (user, name) DO UPDATE SET value = excluded.value
"""
_UNSET = "DELETE FROM defaults WHERE user = ? AND name = ?"
_FORGET = "DELETE FROM defaults WHERE user = ?"
_WHO_SET = """
SELECT i.identity FROM defaults AS d JOIN identities AS i ON i.user = d.user WHERE d.name = ? AND d.value = ?
"""
_IS_THERE = "SELECT 1 FROM users WHERE id = ?"


def defaults(connection: sqlite3.Connection, user: UserId) -> Mapping[str, str]:
    return dict(connection.execute(DEFAULTS_OF, (user,)).fetchall())


def set_default(connection: sqlite3.Connection, user: UserId, name: str, value: str | None) -> None:
    """None takes it away. Raises NotFound."""
    if column(connection, _IS_THERE, (user,)) is None:
        raise unknown(user)
    if value is None:
        connection.execute(_UNSET, (user, name))
    else:
        connection.execute(_SET, (user, name, plain(value)))


def who_set(connection: sqlite3.Connection, name: str, value: str) -> frozenset[IdentityId]:
    return frozenset(IdentityId(identity) for (identity,) in connection.execute(_WHO_SET, (name, value)))


def forget(connection: sqlite3.Connection, user: str) -> None:
    connection.execute(_FORGET, (user,))
