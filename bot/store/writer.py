"""The one writer. What waits at the same time is written in one transaction: a disk makes few of them a
second, and people are many."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.domain.errors import StoreUnavailable
from bot.domain.text import Text
from bot.store.connection import Connection
from bot.store.troubles import explained, primary_code

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

MOST_IN_ONE_COMMIT = 256
"""Nobody waits for more than this many others."""


@dataclass(frozen=True, slots=True)
class _Unit:
    work: Work
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Wrote:
    value: Any


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


_Outcome = _Wrote | _Failed


class Writer:
    """Units of work in, answers out after they are on disk. :meth:`run` is its one task."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._waiting: list[_Unit] = []
        self._in_hand: list[_Unit] = []
        self._wake = asyncio.Event()
        self._closing = False

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a transaction; its result, after the commit. What it raises undoes it alone.

        ``work`` may run more than once (when the disk refused it together with others), so it must do nothing
        but read and write through the connection. A caller that is cancelled while its unit waits takes it
        back; one whose unit has begun leaves it to be done as a whole.
        """
        if self._closing:
            raise _closed()
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Unit(work, answer))
        self._wake.set()
        return await answer

    async def run(self) -> None:
        """Write until :meth:`close`; what was asked before that is written."""
        try:
            while not (self._closing and not self._waiting):
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    await self._write_some()
        finally:
            self._closing = True
            for unit in (*self._in_hand, *self._waiting):
                if not unit.answer.done():
                    unit.answer.set_exception(_closed())

    def close(self) -> None:
        self._closing = True
        self._wake.set()

    async def _write_some(self) -> None:
        some, self._waiting = self._waiting[:MOST_IN_ONE_COMMIT], self._waiting[MOST_IN_ONE_COMMIT:]
        self._in_hand = [unit for unit in some if not unit.answer.done()]
        outcomes = await self._connection.work(partial(_commit, [unit.work for unit in self._in_hand]))
        for unit, outcome in zip(self._in_hand, outcomes, strict=True):
            if unit.answer.done():
                continue
            match outcome:
                case _Wrote(value):
                    unit.answer.set_result(value)
                case _Failed(error):
                    unit.answer.set_exception(self._in_our_words(error))

    def _in_our_words(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error) and (known := explained(error, self._path)):
            known.__cause__ = error
            return known
        return error


def _closed() -> StoreUnavailable:
    return StoreUnavailable(Text("Fairbrush is shutting down; nothing is written any more."))


def _commit(group: Sequence[Work], connection: sqlite3.Connection) -> Sequence[_Outcome]:
    """All of ``group`` in one transaction, or each in its own when the disk refuses them together."""
    try:
        return _in_one_transaction(group, connection)
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        # Waiting once more for each would keep a locked database's callers waiting for minutes.
        if len(group) == 1 or primary_code(error) == sqlite3.SQLITE_BUSY:
            return [_Failed(error)] * len(group)
    return [outcome for work in group for outcome in _commit([work], connection)]


def _in_one_transaction(group: Sequence[Work], connection: sqlite3.Connection) -> Sequence[_Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    outcomes = [_in_savepoint(work, connection) for work in group]
    connection.execute("COMMIT")
    return outcomes


def _in_savepoint(work: Work, connection: sqlite3.Connection) -> _Outcome:
    connection.execute("SAVEPOINT unit")
    try:
        outcome: _Outcome = _Wrote(work(connection))
    except Exception as error:
        # It is its caller's, whatever it is; the others go on.
        if not connection.in_transaction:
            # SQLite has undone the whole transaction by itself, as it may when a disk is full.
            if isinstance(error, sqlite3.Error):
                raise
            raise sqlite3.OperationalError("the transaction was rolled back") from error
        connection.execute("ROLLBACK TO unit")
        outcome = _Failed(error)
    connection.execute("RELEASE unit")
    return outcome
