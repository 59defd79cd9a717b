"""All that is known about one person, for themself."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from bot.domain.ids import UserId
from bot.service.records import Belongings
from bot.store.connection import column
from bot.store.people import unknown

_USER = "SELECT id, tier, allowance, blocked_until, blocked_reason, created_at FROM users WHERE id = ?"
_IDENTITIES = """
SELECT i.identity, i.since, n.name, n.seen_at FROM identities AS i LEFT JOIN names AS n ON n.identity = i.key
WHERE i.user = ? ORDER BY i.key
"""
_REQUESTS = """
SELECT r.*, d.state AS delivery FROM request_records AS r LEFT JOIN deliveries AS d ON d.request = r.id
WHERE r.identity_key IN (SELECT key FROM identities WHERE user = ?) ORDER BY r.number
"""
_JOBS = """
SELECT place, id, number, seed, template, model, pixels, steps, state, attempts,
  reserved_us / 1e6 AS reserved_seconds, measured_us / 1e6 AS measured_seconds, swap_us / 1e6 AS swap_seconds,
  created_at, started_at, ended_at, error_code, error_text
FROM jobs WHERE request = ? ORDER BY number
"""
# The earlier result may be somebody else's.
_STATES = """
SELECT at, state, iif(instr(reason, 'kept from ') = 1, 'kept from an earlier result', reason) AS reason
FROM job_states WHERE job = ? ORDER BY number
"""
_FILES = """
SELECT f.path, f.sha256, f.mime, f.size FROM results AS r JOIN files AS f ON f.path = r.file
WHERE r.job = ? ORDER BY r.number
"""
_TEXTS = "SELECT text FROM texts WHERE job = ? ORDER BY number"
_INPUTS = """
SELECT f.path, f.sha256, f.mime, f.size FROM request_inputs AS n JOIN files AS f ON f.path = n.file
WHERE n.request = ? ORDER BY n.number
"""
# Who decided something about a person is another person.
_LEDGER = """
SELECT at, identity, kind, seconds, quota_day, job, reason,
  iif(actor = 'bot' OR actor IN (SELECT identity FROM identities WHERE user = ?1), actor, 'somebody else')
    AS actor
FROM ledger_entries
WHERE identity_key IN (SELECT key FROM identities WHERE user = ?1) ORDER BY number
"""
_DEFAULTS = "SELECT name, value FROM defaults WHERE user = ? ORDER BY name"
_PLACES = """
SELECT i.identity, b.place, b.until, b.reason, b.at
FROM place_blocks AS b JOIN identities AS i ON i.key = b.identity
WHERE i.user = ? ORDER BY b.at
"""
_STRIKES = """
SELECT i.identity, s.place, s.kind, s.at, s.until
FROM strikes AS s JOIN identities AS i ON i.key = s.identity
WHERE i.user = ? ORDER BY s.number
"""
_CODES = """
SELECT i.identity, c.expires_at FROM link_codes AS c JOIN identities AS i ON i.key = c.identity
WHERE i.user = ?
"""
_AUDIT = """
SELECT at, action, subject, detail,
  iif(actor IN ('bot', 'moderation') OR actor IN (SELECT identity FROM identities WHERE user = ?1), actor,
    'somebody else') AS actor
FROM audit
WHERE subject = ?1 OR subject IN (SELECT identity FROM identities WHERE user = ?1) ORDER BY number
"""

REQUESTS_KEPT = """
SELECT count(*) FROM requests
WHERE identity IN (SELECT key FROM identities WHERE user = ?) AND gone IS NULL
"""
PICTURES_KEPT = """
SELECT count(*), coalesce(sum(f.size), 0)
FROM requests AS r JOIN jobs AS j ON j.request = r.id
JOIN results AS s ON s.job = j.place JOIN files AS f ON f.path = s.file
WHERE r.identity IN (SELECT key FROM identities WHERE user = ?) AND r.gone IS NULL
"""
INPUTS_KEPT = """
SELECT count(*), coalesce(sum(f.size), 0)
FROM requests AS r JOIN request_inputs AS n ON n.request = r.id JOIN files AS f ON f.path = n.file
WHERE r.identity IN (SELECT key FROM identities WHERE user = ?) AND r.gone IS NULL
"""

_SECTIONS = MappingProxyType(
    {
        "identities": _IDENTITIES,
        "defaults": _DEFAULTS,
        "blocks_in_places": _PLACES,
        "refused_texts": _STRIKES,
        "link_codes": _CODES,
        "requests": _REQUESTS,
        "ledger": _LEDGER,
        "decisions": _AUDIT,
    }
)
AT_A_TIME = 200
"""Records in one go: years of somebody's use need not fit into memory."""


def belongings(connection: sqlite3.Connection, user: UserId) -> Belongings:
    requests: int = column(connection, REQUESTS_KEPT, (user,))
    pictures, painted = connection.execute(PICTURES_KEPT, (user,)).fetchone()
    inputs, given = connection.execute(INPUTS_KEPT, (user,)).fetchone()
    return Belongings(requests, pictures, inputs, painted + given)


Part = tuple[str, Mapping[str, Any] | None]
"""A section and one record of it; None opens a section of any number of records. ``user`` is one record."""


def parts(connection: sqlite3.Connection, user: UserId) -> Iterator[Part]:
    """Raises NotFound."""
    row = connection.execute(_USER, (user,)).fetchone()
    if row is None:
        raise unknown(user)
    allowance = None if row["allowance"] is None else json.loads(row["allowance"])
    yield "user", {**dict(row), "allowance": allowance}
    for section, sql in _SECTIONS.items():
        yield section, None
        for each in connection.execute(sql, (user,)):
            yield section, _request(connection, each) if section == "requests" else dict(each)


class Portrait:
    """All of it as it was at one moment, a little at a time."""

    def __init__(self, connection: sqlite3.Connection, user: UserId) -> None:
        connection.execute("BEGIN")
        self._parts = parts(connection, user)

    def some(self, _connection: sqlite3.Connection) -> Sequence[Part]:
        """Empty at the end."""
        return list(islice(self._parts, AT_A_TIME))


def export(connection: sqlite3.Connection, user: UserId) -> Mapping[str, Any]:
    """JSON values. Raises NotFound."""
    whole: dict[str, Any] = {}
    for section, record in parts(connection, user):
        if record is None:
            whole[section] = []
        elif section in whole:
            whole[section].append(record)
        else:
            whole[section] = record
    return whole


def _request(connection: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    request = dict(row)
    del request["identity_key"], request["user"], request["number"]
    request["values"], request["options"] = json.loads(row["values"]), json.loads(row["options"])
    request["private"] = bool(row["private"])
    request["inputs"] = _all(connection, _INPUTS, row["id"])
    request["jobs"] = [_job(connection, each) for each in connection.execute(_JOBS, (row["id"],))]
    return request


def _job(connection: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    job = dict(row)
    place = job.pop("place")
    job["history"] = _all(connection, _STATES, place)
    job["files"] = _all(connection, _FILES, place)
    job["texts"] = [text for (text,) in connection.execute(_TEXTS, (place,))]
    return job


def _all(connection: sqlite3.Connection, sql: str, key: object) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sql, (key,))]
