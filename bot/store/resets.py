"""Giving back what was used. It goes to the account that used it, and counts for as long as the use does: or
whoever is linked, parted, or lets 24 hours pass, would have more afterwards than they ever had."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.ids import QuotaDay, UserId

RESET = "reset: "
"""What the reason of a grant begins with that gives back what was used."""

_OF_DAY = """
SELECT identity, settled_us + carried_us FROM usage_days
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND quota_day = ?
"""
_BACK_ON_DAY = """
SELECT identity, sum(us) FROM ledger
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND kind = 'grant' AND quota_day = ?
  AND instr(reason, ?) = 1
GROUP BY identity
"""
# A reset has given back all that was written before it.
LAST_RESETS = """
SELECT identity, max(number), max(iif(quota_day = ?, number, 0)) FROM ledger
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND at > ? AND kind = 'grant'
  AND instr(reason, ?) = 1
GROUP BY identity
"""
# CROSS: from the reserves of one user to their ends, never the other way round.
SETTLED_SINCE = """
SELECT r.identity, c.number, c.us
FROM ledger AS r CROSS JOIN ledger AS c ON c.job = r.job AND c.kind IN ('settle', 'release')
WHERE r.identity IN (SELECT identity FROM counted WHERE user = ?) AND r.at > ? AND r.kind = 'reserve'
  AND c.kind = 'settle'
"""
CARRIED_ON = """
SELECT identity, number, us FROM ledger
WHERE identity IN (SELECT identity FROM counted WHERE user = ?) AND kind = 'carry' AND quota_day = ?
"""


@dataclass(frozen=True, slots=True)
class _Resets:
    """By account: the numbers of the last entry that gave something back, and of the last one on the day."""

    last: Mapping[int, int]
    today: Mapping[int, int]


def to_give_on(connection: sqlite3.Connection, user: UserId, day: QuotaDay) -> Mapping[int, int]:
    """What was used on a day and not given back, in microseconds by account."""
    back = dict(connection.execute(_BACK_ON_DAY, (user, day, RESET)).fetchall())
    used = connection.execute(_OF_DAY, (user, day)).fetchall()
    return {key: us - back.get(key, 0) for key, us in used if us > back.get(key, 0)}


def to_give_since(
    connection: sqlite3.Connection, user: UserId, since: int, day: QuotaDay
) -> Mapping[int, int]:
    """The same of the rolling window; ``day``: of which debts are owed now."""
    resets, wanted = _resets(connection, user, since, day), dict[int, int]()
    for key, number, us in connection.execute(SETTLED_SINCE, (user, since)):
        if number > resets.last.get(key, 0):
            wanted[key] = wanted.get(key, 0) + us
    for key, number, us in connection.execute(CARRIED_ON, (user, day)):
        if number > resets.today.get(key, 0):
            wanted[key] = wanted.get(key, 0) + us
    return {key: us for key, us in wanted.items() if us}


def given_back_since(connection: sqlite3.Connection, user: UserId, since: int, day: QuotaDay) -> int:
    """How much of what counts in the rolling window was given back, in microseconds."""
    resets = _resets(connection, user, since, day)
    if not resets.last:
        return 0
    settled = connection.execute(SETTLED_SINCE, (user, since))
    carried = connection.execute(CARRIED_ON, (user, day))
    back = [us for key, number, us in settled if number < resets.last.get(key, 0)]
    back += [us for key, number, us in carried if number < resets.today.get(key, 0)]
    return sum(back)


def _resets(connection: sqlite3.Connection, user: UserId, since: int, day: QuotaDay) -> _Resets:
    rows = connection.execute(LAST_RESETS, (day, user, since, RESET)).fetchall()
    return _Resets({key: last for key, last, _ in rows}, {key: today for key, _, today in rows})
