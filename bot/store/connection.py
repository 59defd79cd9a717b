"""One SQLite connection, living in a thread of its own."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long another program may hold the database before that is a failure."""


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that can run a whole function at once.

    Awaiting each statement would hold a transaction, and with it the write lock, while the event loop does
    something else; and nothing can come between the statements of one function.
    """

    async def __aenter__(self) -> Self:
        await self
        return self

    async def work(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``function`` in the connection's thread. A cancelled caller does not stop it."""
        result: T = await self._execute(partial(function, self._conn))  # type: ignore[no-untyped-call]
        return result

    async def snapshot(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run a reading ``function`` on the database as it is at one moment."""
        return await self.work(partial(_in_snapshot, function))


def _in_snapshot(function: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
    connection.execute("BEGIN")
    try:
        return function(connection)
    finally:
        connection.execute("ROLLBACK")


def writer(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> Connection:
    """The connection that may write. The file is made when it is not there; the mode of its journal is not
    touched, for that would change a file that turns out not to be ours."""
    return Connection(partial(_connect, path, "rwc", busy_seconds, _FOR_WRITING), 64)


def reader(path: Path, *, busy_seconds: float = BUSY_SECONDS) -> Connection:
    """A connection that cannot write, not even by mistake."""
    return Connection(partial(_connect, path, "ro", busy_seconds, _FOR_READING), 64)


_FOR_WRITING = (
    "PRAGMA foreign_keys = ON",
    # Without it a power cut may take back what was promised.
    "PRAGMA synchronous = FULL",
    # What people asked to be forgotten shall not be found in free pages of the file.
    "PRAGMA secure_delete = ON",
)
_FOR_READING = ("PRAGMA query_only = ON",)


def _connect(path: Path, mode: str, busy_seconds: float, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    if mode == "rwc" and not path.exists():
        # For its owner alone, and so is what SQLite puts beside it. Where that cannot be done it says why.
        with contextlib.suppress(OSError):
            path.touch(mode=0o600)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_seconds,
        # Transactions are begun and ended where they are meant to be, not where the module guesses.
        isolation_level=None,
        cached_statements=256,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def column(connection: sqlite3.Connection, sql: str, parameters: Any = ()) -> Any:
    """The first column of the first row; None without a row."""
    row = connection.execute(sql, parameters).fetchone()
    return None if row is None else row[0]
