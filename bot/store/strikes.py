"""Refused texts of people, and the blocks that they lead to."""

from __future__ import annotations

import sqlite3

from bot.domain.ids import UserId
from bot.domain.strikes import Ladder, Rung, Strike, standing, step
from bot.store import people, places
from bot.store.connection import column
from bot.store.people import ensure_identity, user_of

ACTOR = "moderation"
"""Who blocks in the audit log."""

# Erasing oneself is no way to begin anew: what a nameless identity did counts for whom it was.
STRIKES_OF = """
SELECT at FROM strikes
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND place = ? AND until > ?
"""
_ADD = "INSERT INTO strikes (identity, place, kind, at, until) VALUES (?, ?, ?, ?, ?)"
_USED_UP = """
DELETE FROM strikes WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND place = ?
"""
FORGET_STRIKES = "DELETE FROM strikes WHERE until <= ?"
_BLOCKED_UNTIL = "SELECT blocked_until FROM users WHERE id = ?"


def strike(connection: sqlite3.Connection, new: Strike, ladder: Ladder, reason: str) -> Rung:
    """Write it down, and block who has had too many: a longer block, or one for good, stays as it is."""
    forget_old(connection, new.at)
    key = ensure_identity(connection, new.identity, user=new.user, at=new.at)
    user = user_of(connection, new.identity)  # two may have been linked by now
    rung = step(ladder, _times(connection, user, new.place, new.at), new.at)
    if rung.blocked_until is None:
        connection.execute(_ADD, (key, new.place, new.kind, new.at, new.at + ladder.window_ms))
    else:
        _block(connection, user, new, rung.blocked_until, reason)
        forgive(connection, user, new.place)
    return rung


def strikes_of(connection: sqlite3.Connection, user: UserId, place: str, ladder: Ladder, at: int) -> int:
    """How many still count."""
    return standing(ladder, _times(connection, user, place, at), at)


def forgive(connection: sqlite3.Connection, user: UserId, place: str) -> None:
    """Count from nothing again."""
    connection.execute(_USED_UP, (user, place))


def forget_old(connection: sqlite3.Connection, at: int) -> None:
    connection.execute(FORGET_STRIKES, (at,))


def _times(connection: sqlite3.Connection, user: UserId, place: str, at: int) -> list[int]:
    return [time for (time,) in connection.execute(STRIKES_OF, (user, place, at))]


def _block(connection: sqlite3.Connection, user: UserId, new: Strike, until: int, reason: str) -> None:
    if new.place:
        found = places.blocked_in(connection, new.place, user, new.at)
        if found is None or (found[0] is not None and found[0] < until):
            places.block_in(connection, new.place, user, until, reason, ACTOR, new.at)
        return
    before = column(connection, _BLOCKED_UNTIL, (user,))
    if before is None or before < until:
        people.block(connection, user, until, reason, ACTOR, new.at)


def unblock(connection: sqlite3.Connection, user: UserId, actor: str, at: int) -> None:
    """Raises NotFound."""
    people.block(connection, user, None, "", actor, at)
    forgive(connection, user, "")


def block_in(
    connection: sqlite3.Connection,
    place: str,
    user: UserId,
    until: int | None,
    reason: str,
    actor: str,
    at: int,
) -> None:
    """As :func:`bot.store.places.block_in`; who is let in again begins anew."""
    places.block_in(connection, place, user, until, reason, actor, at)
    if until is not None and until <= at:
        forgive(connection, user, place)
