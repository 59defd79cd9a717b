"""What one has used counts against one's quota for as long as it matters, even after an erase, and texts that
were refused count as warnings.

Else whoever has nothing left would erase their data and begin the day anew. The numbers belong to a nameless
identity by then; a keyed hash of the old one says for whom they count, should they come back. It goes as soon
as nothing depends on it, and with the last of them the key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from datetime import UTC, date, datetime

from bot.store.connection import column
from bot.store.memory import get, put

_HOUR = 3_600_000
_COUNTS_FOR_MS = 26 * _HOUR
"""Longer than any day on the operator's clock, and than the last 24 hours."""
_ZONES_MS = 12 * _HOUR
"""A day ends at most so long after it ends in Greenwich."""
_KEY = "erased_use"

_LAST_DEBT = "SELECT max(quota_day) FROM usage_days WHERE identity = ? AND carried_us > 0"
LAST_STRIKE = "SELECT max(until) FROM strikes WHERE identity = ?"
_REMEMBER = "INSERT INTO erased_use (mark, before, until) VALUES (?, ?, ?)"
_GONE_AGAIN = "UPDATE erased_use SET now = NULL WHERE now = ?"
_CAME_BACK = "UPDATE erased_use SET now = ? WHERE mark = ?"
FORGET_MARKS = "DELETE FROM erased_use WHERE until <= ?"
_ANY = "SELECT 1 FROM erased_use LIMIT 1"
_FORGET_KEY = "DELETE FROM state WHERE key = ?"


def remember(connection: sqlite3.Connection, identity: str, key: int, at: int) -> None:
    """``identity``, behind ``key`` until now, is erased."""
    secret = get(connection, _KEY)
    if secret is None:
        secret = secrets.token_hex(32)
        put(connection, _KEY, secret)
    connection.execute(_GONE_AGAIN, (key,))
    connection.execute(_REMEMBER, (_mark(secret, identity), key, _until(connection, key, at)))


def came(connection: sqlite3.Connection, identity: str, key: int) -> None:
    """``identity`` is here, maybe again, and ``key`` stands for it."""
    if (secret := get(connection, _KEY)) is not None:
        connection.execute(_CAME_BACK, (key, _mark(secret, identity)))


def forget(connection: sqlite3.Connection, at: int) -> None:
    """What does not matter any more."""
    connection.execute(FORGET_MARKS, (at,))
    if column(connection, _ANY) is None:
        connection.execute(_FORGET_KEY, (_KEY,))


def _mark(secret: str, identity: str) -> str:
    return hmac.new(bytes.fromhex(secret), identity.encode(), hashlib.sha256).hexdigest()


def _until(connection: sqlite3.Connection, key: int, at: int) -> int:
    """A debt is carried into days to come: it matters until the end of the last of them. A refused text
    matters for as long as it is kept."""
    soon = max(at + _COUNTS_FOR_MS, column(connection, LAST_STRIKE, (key,)) or 0)
    day: str | None = column(connection, _LAST_DEBT, (key,))
    if day is None:
        return soon
    begin = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return max(soon, int(begin.timestamp() * 1000) + 24 * _HOUR + _ZONES_MS)
