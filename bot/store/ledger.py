"""Quota accounting: what is written into the ledger, and what it adds up to."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace

from bot.domain import quota
from bot.domain.ids import QuotaDay, UserId
from bot.domain.quota import Allowance, Standing, Use, Window
from bot.service.records import AuditEntry, EntryKind, LedgerEntry, Rules
from bot.store import resets
from bot.store.audit import write_audit
from bot.store.connection import column
from bot.store.people import actor_key, first_key
from bot.store.resets import RESET
from bot.store.rows import allowance_from, allowance_json, as_json, ledger_entry, micros, plain, seconds

BOT = "bot"
_WRITE = """
INSERT INTO ledger (at, identity, kind, us, quota_day, job, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
USE_OF_DAY = """
SELECT coalesce(sum(settled_us), 0), coalesce(sum(reserved_us), 0), coalesce(sum(granted_us), 0),
  coalesce(sum(carried_us), 0), coalesce(sum(jobs), 0)
FROM usage_days
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND quota_day = ?
"""
# By the time of the reserve: a job that ends a day later was still begun with that allowance.
USE_SINCE = """
SELECT coalesce(sum(iif(c.kind = 'settle', c.us, 0)), 0), coalesce(sum(iif(c.kind IS NULL, r.us, 0)), 0),
  count(*) - count(iif(c.kind = 'release', 1, NULL)), min(iif(c.kind = 'release', NULL, r.at))
FROM ledger AS r
LEFT JOIN ledger AS c ON c.job = r.job AND c.kind IN ('settle', 'release')
WHERE r.identity IN (SELECT identity FROM counted WHERE user = ?) AND r.at > ? AND r.kind = 'reserve'
"""
RESERVE_OF = """
SELECT r.identity, r.us, r.quota_day, q.rules, i.user
FROM ledger AS r
JOIN jobs AS j ON j.place = r.job
JOIN requests AS q ON q.id = j.request
JOIN identities AS i ON i.key = r.identity
WHERE r.job = ? AND r.kind = 'reserve'
"""
_OWED_FROM = """
SELECT quota_day, sum(carried_us) FROM usage_days
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND quota_day >= ? AND carried_us > 0
GROUP BY quota_day
"""
# A grant lasts as long as what it may pay for; what was given back, as long as what it paid for.
_GRANTED_SINCE = """
SELECT coalesce(sum(us), 0) FROM ledger
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND kind = 'grant' AND at > ?
  AND instr(reason, ?) <> 1
"""
ENTRIES = """
SELECT * FROM ledger_entries WHERE at >= ? ORDER BY at DESC, number DESC LIMIT ?
"""
ENTRIES_OF_USER = """
SELECT * FROM ledger_entries
WHERE identity_key IN (SELECT key FROM identities WHERE user = ?) AND at >= ?
ORDER BY at DESC, number DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class _Account:
    """Where entries of one job, or of one grant, belong."""

    identity: int
    day: QuotaDay
    job: int | None = None


def rules_json(rules: Rules) -> str:
    """What of the rules the end of a job needs."""
    return as_json(
        {
            "allowance": allowance_json(rules.allowance),
            "window": rules.window,
            "timezone": rules.timezone,
        }
    )


# Standing


def standing(connection: sqlite3.Connection, user: UserId, rules: Rules, at: int) -> Standing:
    day = quota.quota_day(at, rules.timezone)
    return _standing(connection, user, rules.allowance, rules.window, day, rules.timezone, at)


def _standing(
    connection: sqlite3.Connection,
    user: UserId,
    allowance: Allowance,
    window: Window,
    day: QuotaDay,
    timezone: str,
    at: int,
) -> Standing:
    settled, reserved, granted, carried, jobs = connection.execute(USE_OF_DAY, (user, day)).fetchone()
    use = Use(seconds(settled), seconds(reserved), seconds(granted), seconds(carried), jobs)
    if window is Window.DAY:
        return Standing(allowance, use, quota.next_reset(at, timezone), window)
    since = quota.rolling_since(at)
    settled, reserved, jobs, oldest = connection.execute(USE_SINCE, (user, since)).fetchone()
    granted = column(connection, _GRANTED_SINCE, (user, since, RESET))
    granted += resets.given_back_since(connection, user, since, day)
    use = replace(
        use, settled=seconds(settled), reserved=seconds(reserved), granted=seconds(granted), jobs=jobs
    )
    return Standing(allowance, use, quota.rolling_reset(oldest, at), window)


# Entries


def reserve(
    connection: sqlite3.Connection, identity: int, job: int, us: int, day: QuotaDay, actor: str, at: int
) -> None:
    _write(connection, EntryKind.RESERVE, us, _Account(identity, day, job), actor, "", at)


def release(connection: sqlite3.Connection, job: int, reason: str, at: int, *, actor: str = BOT) -> None:
    account = connection.execute(RESERVE_OF, (job,)).fetchone()
    belongs = _Account(account["identity"], account["quota_day"], job)
    _write(connection, EntryKind.RELEASE, account["us"], belongs, actor, reason, at)


def settle(
    connection: sqlite3.Connection, job: int, measured: float, reason: str, at: int, *, actor: str = BOT
) -> None:
    """Close the reserve with what was measured; what went beyond the limit is owed by the days to come."""
    account = connection.execute(RESERVE_OF, (job,)).fetchone()
    belongs = _Account(account["identity"], account["quota_day"], job)
    _write(connection, EntryKind.SETTLE, micros(measured), belongs, actor, reason, at)
    rules = json.loads(account["rules"])
    allowance = allowance_from(rules["allowance"])
    if allowance.gpu_seconds is None or micros(measured) <= account["us"]:
        return
    window, timezone = Window(rules["window"]), rules["timezone"]
    after = _standing(connection, account["user"], allowance, window, belongs.day, timezone, at)
    over = quota.overshoot(after, measured, seconds(account["us"]))
    first = quota.carry_from(belongs.day, quota.quota_day(at, timezone))
    owed = connection.execute(_OWED_FROM, (account["user"], first)).fetchall()
    parts = quota.carry(
        over, allowance.gpu_seconds, first, carried={QuotaDay(day): seconds(us) for day, us in owed}
    )
    for day, part in parts:
        _write(
            connection,
            EntryKind.CARRY,
            micros(part),
            replace(belongs, day=day),
            BOT,
            f"overshoot of {belongs.day}",
            at,
        )


def grant(
    connection: sqlite3.Connection,
    user: UserId,
    amount: float,
    day: QuotaDay,
    actor: str,
    reason: str,
    at: int,
) -> None:
    account = _Account(first_key(connection, user), day)
    _write(connection, EntryKind.GRANT, micros(amount), account, actor, reason, at)
    write_audit(connection, AuditEntry(at, actor, "grant", user, f"{amount:g} s on {day} {reason}".rstrip()))


def reset(
    connection: sqlite3.Connection,
    user: UserId,
    day: QuotaDay,
    window: Window,
    actor: str,
    reason: str,
    at: int,
) -> float:
    """Twice in a row gives nothing the second time."""
    first_key(connection, user)
    wanted = (
        resets.to_give_on(connection, user, day)
        if window is Window.DAY
        else resets.to_give_since(connection, user, quota.rolling_since(at), day)
    )
    for key, us in wanted.items():
        _write(connection, EntryKind.GRANT, us, _Account(key, day), actor, f"{RESET}{reason}", at)
    amount = seconds(sum(wanted.values()))
    write_audit(connection, AuditEntry(at, actor, "reset", user, f"{amount:g} s on {day} {reason}".rstrip()))
    return amount


def entries(
    connection: sqlite3.Connection, user: UserId | None, since: int, limit: int
) -> tuple[LedgerEntry, ...]:
    """The newest first."""
    if user is None:
        rows = connection.execute(ENTRIES, (since, limit))
    else:
        rows = connection.execute(ENTRIES_OF_USER, (user, since, limit))
    return tuple(ledger_entry(row) for row in rows)


def _write(
    connection: sqlite3.Connection,
    kind: EntryKind,
    us: int,
    account: _Account,
    actor: str,
    reason: str,
    at: int,
) -> None:
    by = actor_key(connection, actor)
    connection.execute(_WRITE, (at, account.identity, kind, us, account.day, account.job, by, plain(reason)))
