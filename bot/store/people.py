"""Users, their identities, and what operators decided about them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from bot.domain.errors import NotFound
from bot.domain.ids import IdentityId, TierName, UserId
from bot.domain.quota import Allowance
from bot.domain.text import Text
from bot.service.records import AuditEntry, Person
from bot.store import erased
from bot.store.audit import write_audit
from bot.store.connection import column
from bot.store.rows import allowance_from, allowance_json, as_json, plain

_NEW_USER = "INSERT OR IGNORE INTO users (id, created_at) VALUES (?, ?)"
_NEW_IDENTITY = "INSERT OR IGNORE INTO identities (identity, user, since) VALUES (?, ?, ?)"
_KEY_OF = "SELECT key FROM identities WHERE identity = ?"
_KEYS_OF_USER = "SELECT key FROM identities WHERE user = ? ORDER BY key"
_REMEMBER_NAME = """
INSERT INTO names (identity, name, folded, seen_at) VALUES (?, ?, ?, ?)
ON CONFLICT (identity) DO UPDATE SET
  name = excluded.name, folded = excluded.folded, seen_at = excluded.seen_at
"""
_USER_OF = "SELECT user FROM identities WHERE identity = ?"
_NAME_OF = """
SELECT i.user, n.name FROM identities AS i LEFT JOIN names AS n ON n.identity = i.key WHERE i.identity = ?
"""
_PERSON = "SELECT id, tier, allowance, blocked_until, blocked_reason FROM users WHERE id = ?"
# The newest name comes first: it is the one to show.
_IDENTITIES = """
SELECT i.identity, n.name FROM identities AS i LEFT JOIN names AS n ON n.identity = i.key
WHERE i.user = ? ORDER BY n.seen_at DESC, i.key
"""
FIND = """
SELECT user FROM identities WHERE identity = :wanted
UNION SELECT user FROM identities WHERE user = :wanted
UNION SELECT i.user FROM names AS n JOIN identities AS i ON i.key = n.identity WHERE n.folded = :folded
ORDER BY 1
"""
_SET_TIER = "UPDATE users SET tier = ? WHERE id = ?"
_SET_ALLOWANCE = "UPDATE users SET allowance = ? WHERE id = ?"
_BLOCK = "UPDATE users SET blocked_until = ?, blocked_reason = ? WHERE id = ?"
_ACTOR = "SELECT key FROM actors WHERE actor = ?"
_NEW_ACTOR = "INSERT INTO actors (actor) VALUES (?) RETURNING key"


def ensure_identity(
    connection: sqlite3.Connection, identity: IdentityId, *, user: UserId | None = None, at: int
) -> int:
    """The key of an identity; a new one becomes a user of its own unless ``user`` is said."""
    key = key_of(connection, identity)
    if key is None:
        # A user is named after the first identity: no randomness, and readable in every list.
        owner = user or UserId(identity)
        ensure_user(connection, owner, at)
        connection.execute(_NEW_IDENTITY, (identity, owner, at))
        key = key_of(connection, identity)
        assert key is not None
        erased.came(connection, identity, key)
    return key


def ensure_user(connection: sqlite3.Connection, user: UserId, at: int) -> None:
    connection.execute(_NEW_USER, (user, at))


def key_of(connection: sqlite3.Connection, identity: IdentityId) -> int | None:
    key: int | None = column(connection, _KEY_OF, (identity,))
    return key


def user_of(connection: sqlite3.Connection, identity: IdentityId) -> UserId:
    return UserId(column(connection, _USER_OF, (identity,)))


def keys_of(connection: sqlite3.Connection, user: UserId) -> tuple[int, ...]:
    """The keys of a user's identities, the oldest first; empty for nobody."""
    return tuple(key for (key,) in connection.execute(_KEYS_OF_USER, (user,)))


def first_key(connection: sqlite3.Connection, user: UserId) -> int:
    """Where entries that belong to the user as a whole are written. Raises NotFound."""
    keys = keys_of(connection, user)
    if not keys:
        raise unknown(user)
    return keys[0]


def unknown(user: str) -> NotFound:
    return NotFound(Text("There is no user {user} here.", user=user))


def actor_key(connection: sqlite3.Connection, actor: str) -> int:
    key: int | None = column(connection, _ACTOR, (actor,))
    return column(connection, _NEW_ACTOR, (actor,)) if key is None else key


def known_person(connection: sqlite3.Connection, identity: IdentityId, name: str) -> Person | None:
    """The person, if nothing would have to be written: most people who come have been here before."""
    row = connection.execute(_NAME_OF, (identity,)).fetchone()
    name = plain(name)
    return person_of(connection, row["user"]) if row is not None and name in ("", row["name"]) else None


def remember_person(connection: sqlite3.Connection, identity: IdentityId, name: str, at: int) -> Person:
    key = ensure_identity(connection, identity, at=at)
    if name := plain(name):
        connection.execute(_REMEMBER_NAME, (key, name, name.casefold(), at))
    person = person_of(connection, user_of(connection, identity))
    assert person is not None
    return person


def person_of(connection: sqlite3.Connection, user: str) -> Person | None:
    row = connection.execute(_PERSON, (user,)).fetchone()
    if row is None:
        return None
    identities = connection.execute(_IDENTITIES, (user,)).fetchall()
    return Person(
        user=UserId(row["id"]),
        identities=tuple(IdentityId(each["identity"]) for each in identities),
        names=tuple(dict.fromkeys(each["name"] for each in identities if each["name"])),
        tier=None if row["tier"] is None else TierName(row["tier"]),
        allowance=None if row["allowance"] is None else allowance_from(json.loads(row["allowance"])),
        blocked_until=row["blocked_until"],
        blocked_reason=row["blocked_reason"],
    )


def find_people(connection: sqlite3.Connection, wanted: str) -> tuple[Person, ...]:
    wanted = plain(wanted)
    users = connection.execute(FIND, {"wanted": wanted, "folded": wanted.casefold()}).fetchall()
    found = (person_of(connection, row[0]) for row in users)
    return tuple(person for person in found if person is not None)


def set_tier(
    connection: sqlite3.Connection, user: UserId, tier: TierName | None, actor: str, at: int
) -> None:
    _change(connection, _SET_TIER, (tier, user), user)
    write_audit(connection, AuditEntry(at, actor, "tier", user, tier or ""))


def set_allowance(
    connection: sqlite3.Connection, user: UserId, allowance: Allowance | None, actor: str, at: int
) -> None:
    value = None if allowance is None else as_json(allowance_json(allowance))
    _change(connection, _SET_ALLOWANCE, (value, user), user)
    write_audit(connection, AuditEntry(at, actor, "allowance", user, value or ""))


def block(
    connection: sqlite3.Connection, user: UserId, until: int | None, reason: str, actor: str, at: int
) -> None:
    """``until`` None: not blocked any more."""
    _change(connection, _BLOCK, (until, plain(reason), user), user)
    action, detail = ("unblock", "") if until is None else ("block", f"{until} {reason}".rstrip())
    write_audit(connection, AuditEntry(at, actor, action, user, detail))


def _change(connection: sqlite3.Connection, sql: str, parameters: Sequence[object], user: UserId) -> None:
    if connection.execute(sql, parameters).rowcount == 0:
        raise unknown(user)
