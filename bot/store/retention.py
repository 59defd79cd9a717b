"""Forgetting: what is old, and what a person wants forgotten. Numbers stay."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from bot.domain.errors import Denied, NotFound
from bot.domain.ids import IdentityId, RequestId, UserId
from bot.domain.text import Text
from bot.service.records import AuditEntry, Expired, StoredFile
from bot.store import defaults, erased, linking, places, strikes
from bot.store.acceptance import FILE, OPEN_OF_USER
from bot.store.audit import write_audit
from bot.store.connection import column
from bot.store.people import ensure_identity, ensure_user, keys_of, unknown
from bot.store.rows import as_json, plain, stored_file

TO_EXPIRE = """
SELECT id FROM requests
WHERE ended_at < ? AND ended_at IS NOT NULL AND expired_at IS NULL ORDER BY ended_at LIMIT ?
"""
_REQUESTS_OF_USER = """
SELECT r.id FROM requests AS r JOIN identities AS i ON i.key = r.identity WHERE i.user = ?
"""
# Each statement below takes the ids of requests as one JSON list.
_FORGET_RESULTS = """
DELETE FROM results WHERE job IN (SELECT place FROM jobs WHERE request IN (SELECT value FROM json_each(?)))
"""
_FORGET_TEXTS = """
DELETE FROM texts WHERE job IN (SELECT place FROM jobs WHERE request IN (SELECT value FROM json_each(?)))
"""
_FORGET_INPUTS = "DELETE FROM request_inputs WHERE request IN (SELECT value FROM json_each(?))"
# What a server said about a failure may quote the prompt text.
_FORGET_IN_JOBS = """
UPDATE jobs SET kept = 0, error_text = '' WHERE request IN (SELECT value FROM json_each(?))
"""
_FORGET_VALUES = """
UPDATE requests SET "values" = '{}', expired_at = ?2, gone = ?3 WHERE id IN (SELECT value FROM json_each(?1))
"""
# A repeat of a result, or the same input once more, refers to the same file: it goes with the last of them.
FORGET_FILES = """
DELETE FROM files
WHERE added_at < ?
  AND NOT EXISTS (SELECT 1 FROM results WHERE file = files.path)
  AND NOT EXISTS (SELECT 1 FROM request_inputs WHERE file = files.path)
RETURNING path, sha256, mime, size
"""
_STATE_OF = "SELECT ended_at, gone FROM requests WHERE id = ?"
_FILES_OF = """
SELECT file FROM results
WHERE job IN (SELECT place FROM jobs WHERE request IN (SELECT value FROM json_each(?1)))
UNION SELECT file FROM request_inputs WHERE request IN (SELECT value FROM json_each(?1))
"""
_FORGET_THESE_FILES = """
DELETE FROM files
WHERE path IN (SELECT value FROM json_each(?))
  AND NOT EXISTS (SELECT 1 FROM results WHERE file = files.path)
  AND NOT EXISTS (SELECT 1 FROM request_inputs WHERE file = files.path)
RETURNING path, sha256, mime, size
"""
_KNOWN_FILES = "SELECT path FROM files"
_FORGET_WHERE = """
UPDATE requests SET reply = NULL, options = '{}', event = 'erased:' || id
WHERE id IN (SELECT value FROM json_each(?))
"""
_FORGET_SENT = """
UPDATE deliveries SET sent = NULL, reason = '', due_at = coalesce(due_at, changed_at),
  state = iif(state IN ('pending', 'claimed'), 'kept', state)
WHERE request IN (SELECT value FROM json_each(?))
"""
_FORGET_REASONS = """
UPDATE job_states SET reason = ''
WHERE job IN (SELECT place FROM jobs WHERE request IN (SELECT value FROM json_each(?)))
"""
_FORGET_CHANGES = "UPDATE jobs SET changed_why = '' WHERE request IN (SELECT value FROM json_each(?))"
_RENAME_CANCELLER = "UPDATE attempts SET cancel_by = ? WHERE cancel_by = ?"
_FORGET_NAME = "DELETE FROM names WHERE identity = ?"
_IDENTITY_OF = "SELECT identity FROM identities WHERE key = ?"
_RENAME = "UPDATE identities SET identity = ?, user = ? WHERE key = ?"
_RENAME_ACTOR = "UPDATE actors SET actor = ? WHERE actor = ?"
_RENAME_IN_AUDIT = """
UPDATE audit SET actor = iif(actor = ?2, ?1, actor), subject = iif(subject = ?2, ?1, subject),
  detail = iif(subject = ?2, '', detail)
WHERE actor = ?2 OR subject = ?2
"""
# What operators decided against somebody, as far as it lasts.
_LASTING = """
SELECT allowance, iif(blocked_until > ?2, blocked_until, NULL),
  iif(blocked_until > ?2, blocked_reason, '')
FROM users WHERE id = ?1 AND (allowance IS NOT NULL OR blocked_until > ?2)
"""
_STILL = "UPDATE users SET allowance = ?, blocked_until = ?, blocked_reason = ? WHERE id = ?"
_FORGET_FLOW = "DELETE FROM flows WHERE user = ?"
_FORGET_USER = "DELETE FROM users WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM identities WHERE user = ?1)"


def expire(connection: sqlite3.Connection, before: int, limit: int, at: int) -> Expired:
    found = [request for (request,) in connection.execute(TO_EXPIRE, (before, limit))]
    if found:
        _forget(connection, found, "expired", at)
    erased.forget(connection, at)
    strikes.forget_old(connection, at)
    files = tuple(stored_file(row) for row in connection.execute(FORGET_FILES, (before,)).fetchall())
    return Expired(len(found), files)


def forget(connection: sqlite3.Connection, request: RequestId, at: int) -> tuple[StoredFile, ...]:
    row = connection.execute(_STATE_OF, (plain(request),)).fetchone()
    if row is None:
        raise NotFound(Text("There is no request {request}.", request=request))
    if row["ended_at"] is None:
        raise Denied(Text("This is still waiting or being painted. Cancel it first, then delete it."))
    if row["gone"] is not None:
        return ()
    paths = _paths_of(connection, [request])
    _forget(connection, [request], "deleted", at)
    return _forget_files(connection, paths)


def _forget(connection: sqlite3.Connection, requests: Sequence[str], why: str, at: int) -> None:
    ids = as_json(requests)
    for sql in (_FORGET_RESULTS, _FORGET_TEXTS, _FORGET_INPUTS, _FORGET_IN_JOBS):
        connection.execute(sql, (ids,))
    connection.execute(_FORGET_VALUES, (ids, at, why))


def _paths_of(connection: sqlite3.Connection, requests: Sequence[str]) -> list[str]:
    return [path for (path,) in connection.execute(_FILES_OF, (as_json(requests),))]


def _forget_files(connection: sqlite3.Connection, paths: Sequence[str]) -> tuple[StoredFile, ...]:
    """Those to which nothing refers any more."""
    rows = connection.execute(_FORGET_THESE_FILES, (as_json(paths),)).fetchall()
    return tuple(stored_file(row) for row in rows)


def erase(connection: sqlite3.Connection, user: UserId, actor: str, at: int) -> tuple[StoredFile, ...]:
    """The identities get other names: all that refers to their keys still adds up, and points to nobody.

    A block outlives it, and a limit that an operator set, with the identities that they need: erasing oneself
    shall not lift them. Nor does it give a fresh quota: see :mod:`bot.store.erased`.
    """
    keys = keys_of(connection, user)
    if not keys:
        raise unknown(user)
    if column(connection, OPEN_OF_USER, (user,)):
        raise Denied(
            Text(
                "Some of these pictures are still waiting or being painted. Cancel them or let them finish, "
                "then erase."
            )
        )
    requests = [request for (request,) in connection.execute(_REQUESTS_OF_USER, (user,))]
    ids = as_json(requests)
    paths = _paths_of(connection, requests)
    _forget(connection, requests, "erased", at)
    for sql in (_FORGET_WHERE, _FORGET_SENT, _FORGET_REASONS, _FORGET_CHANGES):
        connection.execute(sql, (ids,))
    # Written before, so that one who erases oneself is not named in it either.
    write_audit(connection, AuditEntry(at, actor, "erase", user))
    _make_anonymous(connection, user, keys, at)
    return _forget_files(connection, paths)


def nobody(key: int) -> str:
    """What an erased identity, and its user, is called from then on."""
    return f"erased:{key}"


def _make_anonymous(connection: sqlite3.Connection, user: UserId, keys: Sequence[int], at: int) -> None:
    lasting = connection.execute(_LASTING, (user, at)).fetchone()
    identities = [IdentityId(column(connection, _IDENTITY_OF, (key,))) for key in keys]
    ensure_user(connection, UserId(nobody(keys[0])), at)
    for key, identity in zip(keys, identities, strict=True):
        connection.execute(_FORGET_NAME, (key,))
        linking.forget(connection, key)
        erased.remember(connection, identity, key, at)
        connection.execute(_RENAME, (nobody(key), nobody(keys[0]), key))
        for sql in (_RENAME_ACTOR, _RENAME_IN_AUDIT, _RENAME_CANCELLER):
            connection.execute(sql, (nobody(key), identity))
    connection.execute(_RENAME_IN_AUDIT, (nobody(keys[0]), user))
    # Users are named after identities: a linked one's own row is empty by now, but bears its name.
    for owner in {user, *identities}:
        defaults.forget(connection, owner)
        connection.execute(_FORGET_FLOW, (owner,))
        connection.execute(_FORGET_USER, (owner,))
    _keep_out(connection, user, dict(zip(keys, identities, strict=True)), lasting, at)


def _keep_out(
    connection: sqlite3.Connection,
    user: UserId,
    identities: Mapping[int, IdentityId],
    lasting: sqlite3.Row | None,
    at: int,
) -> None:
    """What operators and moderators decided stays with the accounts that it is about. Nothing else does: they
    are linked only where the decision is about all of them."""
    owner = None if lasting is None else user
    for key in identities:
        places.forget_lapsed(connection, key, at)
    kept = [
        key for key in identities if lasting is not None or places.is_blocked_somewhere(connection, key, at)
    ]
    for key in kept:
        places.hand_on(connection, key, ensure_identity(connection, identities[key], user=owner, at=at))
    if lasting is not None:
        connection.execute(_STILL, (*lasting, user))


def known_files(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(path for (path,) in connection.execute(_KNOWN_FILES))


def add_input(connection: sqlite3.Connection, file: StoredFile, at: int) -> None:
    connection.execute(FILE, (file.path, file.sha256, file.mime, file.size, at))
