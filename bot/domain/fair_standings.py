"""The accounts of one server as a table, so that a place among 10,000 users is found at once. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.domain.fair_accounts import Account

VIRTUAL, WEIGHT, WAITING, SECONDS, AGE, ORDER = range(6)
Table = NDArray[np.float64]


AT_ONCE = 256


class Standings:
    """Follows the accounts lazily: those that changed are written when somebody looks, or when they are
    so many that the next look would take long."""

    __slots__ = ("_changed", "_free", "_table", "_used")

    def __init__(self) -> None:
        self._table: Table = np.zeros((64, 6))
        self._used = 0
        self._free: list[int] = []
        self._changed: set[Account] = set()

    def note(self, account: Account) -> None:
        self._changed.add(account)
        if len(self._changed) >= AT_ONCE:
            self._write()

    def drop(self, account: Account) -> None:
        """The account is closed."""
        self._changed.discard(account)
        if account.slot >= 0:
            self._table[account.slot] = 0.0
            self._free.append(account.slot)
            account.slot = -1

    def rows(self) -> Table:
        """A row for each account; those of flows that do not wait have ``WAITING`` 0."""
        self._write()
        return self._table[: self._used]

    def _write(self) -> None:
        changed = list(self._changed)
        self._changed.clear()
        for account in changed:
            if account.slot < 0:
                account.slot = self._free.pop() if self._free else self._next()
        if changed:
            self._table[[account.slot for account in changed]] = [_row(account) for account in changed]

    def _next(self) -> int:
        if self._used == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        self._used += 1
        return self._used - 1


def _row(account: Account) -> tuple[float, ...]:
    return (
        account.virtual,
        account.flow.weight,
        account.waiting,
        account.seconds,
        account.age,
        account.head.order if account.head else 0,
    )
