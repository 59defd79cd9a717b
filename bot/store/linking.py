"""Accounts that belong to one person. Linking and unlinking change whose an identity is, and little else:
all that it did goes with it, because it refers to the identity."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.domain.ids import IdentityId, UserId
from bot.domain.linking import MOST_TRIES, Linking, LinkOutcome, Regrouped, tries_within
from bot.service.records import AuditEntry
from bot.store.audit import write_audit
from bot.store.connection import column
from bot.store.people import ensure_identity, ensure_user, key_of, unknown, user_of

_NEW_CODE = """
INSERT INTO link_codes (identity, code_hash, expires_at) VALUES (?, ?, ?)
ON CONFLICT (identity) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at
"""
OWNER_OF_CODE = """
SELECT i.user FROM link_codes AS c JOIN identities AS i ON i.key = c.identity
WHERE c.code_hash = ? AND c.expires_at > ?
"""
_FORGET_CODE = "DELETE FROM link_codes WHERE code_hash = ?"
_FORGET_OLD_CODES = "DELETE FROM link_codes WHERE expires_at <= ?"
_TRIES = "SELECT tries, since FROM link_tries WHERE identity = ?"
_COUNT_TRY = """
INSERT INTO link_tries (identity, tries, since) VALUES (?, ?, ?)
ON CONFLICT (identity) DO UPDATE SET tries = excluded.tries, since = excluded.since
"""
_FORGET_TRIES = "DELETE FROM link_tries WHERE identity = ?"
_FORGET_CODES_OF = "DELETE FROM link_codes WHERE identity = ?"
_IS_BLOCKED = "SELECT 1 FROM users WHERE id IN (?, ?) AND blocked_until > ? LIMIT 1"
_IS_DECIDED = "SELECT tier IS NOT NULL OR allowance IS NOT NULL FROM users WHERE id = ?"
_HAS_ANYBODY = "SELECT 1 FROM identities WHERE user = ? LIMIT 1"
_OF_USER = "SELECT identity FROM identities WHERE user = ? ORDER BY key"
_MOVE = "UPDATE identities SET user = ? WHERE identity = ?"
_BLOCK_GOES_ALONG = """
UPDATE users SET (blocked_until, blocked_reason) =
  (SELECT blocked_until, blocked_reason FROM users WHERE id = ?2)
WHERE id = ?1 AND coalesce(blocked_until, 0) < (SELECT coalesce(blocked_until, 0) FROM users WHERE id = ?2)
"""
# Nobody gets ahead by linking or unlinking: the meter that has run furthest counts.
_SAME_FLOW = """
INSERT INTO flows (user, virtual_time) SELECT ?1, virtual_time FROM flows WHERE user = ?2
ON CONFLICT (user) DO UPDATE SET virtual_time = max(virtual_time, excluded.virtual_time)
"""
_FORGET_FLOW = "DELETE FROM flows WHERE user = ?"


def make_link_code(
    connection: sqlite3.Connection, identity: IdentityId, code_hash: str, expires_at: int, at: int
) -> None:
    """An earlier code of the same identity is good no longer. Raises NotFound."""
    connection.execute(_FORGET_OLD_CODES, (at,))
    key = key_of(connection, identity)
    if key is None:
        raise unknown(identity)
    connection.execute(_NEW_CODE, (key, code_hash, expires_at))


def use_link_code(connection: sqlite3.Connection, code_hash: str, identity: IdentityId, at: int) -> Linking:
    key = ensure_identity(connection, identity, at=at)
    found = connection.execute(_TRIES, (key,)).fetchone()
    tries = 0 if found is None else tries_within(found["tries"], found["since"], at)
    if tries >= MOST_TRIES:
        return Linking(LinkOutcome.TOO_MANY, tries_left=0)
    maker = column(connection, OWNER_OF_CODE, (code_hash, at))
    if maker is None:
        since = at if tries == 0 else found["since"]
        connection.execute(_COUNT_TRY, (key, tries + 1, since))
        return Linking(LinkOutcome.WRONG, tries_left=MOST_TRIES - tries - 1)
    user = user_of(connection, identity)
    if user == maker:
        return Linking(LinkOutcome.ALREADY)
    if column(connection, _IS_BLOCKED, (user, maker, at)) is not None:
        return Linking(LinkOutcome.BLOCKED)
    connection.execute(_FORGET_CODE, (code_hash,))
    connection.execute(_FORGET_TRIES, (key,))
    joins, stays = _who_joins(connection, user, UserId(maker))
    return Linking(LinkOutcome.LINKED, _join(connection, joins, stays, identity, at))


def _who_joins(connection: sqlite3.Connection, user: UserId, maker: UserId) -> tuple[UserId, UserId]:
    """Whoever enters a code joins whoever made it, unless that would make nothing of what operators decided
    about them."""
    decided = column(connection, _IS_DECIDED, (user,)) and not column(connection, _IS_DECIDED, (maker,))
    return (maker, user) if decided else (user, maker)


def link(
    connection: sqlite3.Connection, identity: IdentityId, to_user: UserId, at: int
) -> tuple[Regrouped, ...]:
    """With ``identity`` goes whatever is linked to it. Raises NotFound."""
    if column(connection, _HAS_ANYBODY, (to_user,)) is None:
        raise unknown(to_user)
    ensure_identity(connection, identity, at=at)
    user = user_of(connection, identity)
    return () if user == to_user else _join(connection, user, to_user, identity, at)


def _join(
    connection: sqlite3.Connection, user: UserId, to_user: UserId, actor: IdentityId, at: int
) -> tuple[Regrouped, ...]:
    moved = _move(connection, _identities(connection, user), user, to_user)
    connection.execute(_BLOCK_GOES_ALONG, (to_user, user))
    connection.execute(_SAME_FLOW, (to_user, user))
    connection.execute(_FORGET_FLOW, (user,))
    write_audit(connection, AuditEntry(at, actor, "link", to_user))
    return moved


def unlink(connection: sqlite3.Connection, identity: IdentityId, at: int) -> tuple[Regrouped, ...]:
    """Empty when nothing is linked to it, or it is not known.

    A user keeps the identity that it is named after. When that one goes, the others go instead, to the user
    of the oldest of them; for all that anybody sees it is the same.
    """
    if key_of(connection, identity) is None:
        return ()
    user = user_of(connection, identity)
    others = [each for each in _identities(connection, user) if each != identity]
    if not others:
        return ()
    leaving = others if user == UserId(identity) else [identity]
    after = UserId(leaving[0])
    ensure_user(connection, after, at)
    moved = _move(connection, leaving, user, after)
    connection.execute(_BLOCK_GOES_ALONG, (after, user))
    connection.execute(_SAME_FLOW, (after, user))
    write_audit(connection, AuditEntry(at, identity, "unlink", user))
    return moved


def forget(connection: sqlite3.Connection, key: int) -> None:
    """Codes that an identity made, and how often it was wrong about those of others."""
    connection.execute(_FORGET_CODES_OF, (key,))
    connection.execute(_FORGET_TRIES, (key,))


def _identities(connection: sqlite3.Connection, user: UserId) -> list[IdentityId]:
    return [IdentityId(identity) for (identity,) in connection.execute(_OF_USER, (user,))]


def _move(
    connection: sqlite3.Connection, identities: Sequence[IdentityId], before: UserId, after: UserId
) -> tuple[Regrouped, ...]:
    connection.executemany(_MOVE, [(after, identity) for identity in identities])
    return tuple(Regrouped(identity, before, after) for identity in identities)
