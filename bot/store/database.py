"""The database file: found usable or refused, brought up to date, copied."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.domain.errors import DatabaseUnusable, StoreUnavailable, UserError
from bot.domain.text import Text
from bot.store.connection import Connection, column, reader
from bot.store.migrations import APPLICATION_ID, Migration, migrate, packaged
from bot.store.troubles import damaged, explained

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

_PART = ".part"
"""Behind the name of a copy that is not finished."""
QUICK_CHECK_BYTES = 16 * 1024 * 1024
"""A file up to this size is read through at every start; a larger one would make the start slow, and damage
in it is told of when it is met."""


def prepare(
    path: Path, now_ms: int, connection: sqlite3.Connection, *, steps: Sequence[Migration] | None = None
) -> None:
    """Bring the database behind a writing ``connection`` to the newest version, after a backup.

    Raises DatabaseUnusable or StoreUnavailable; then nothing was changed.
    """
    steps = packaged() if steps is None else steps
    version = check(path, connection, newest=len(steps))
    if version < len(steps):
        if version > 0:
            _clear_away(path.parent.glob(f"{glob.escape(path.stem)}-v*{_PART}*"))
            copy(connection, _backup_beside(path, version, now_ms))
        migrate(connection, steps[version:])
    # Readers and the writer do not wait for each other.
    connection.execute("PRAGMA journal_mode = WAL")


def _backup_beside(path: Path, version: int, now_ms: int) -> Path:
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    return path.with_name(f"{path.stem}-v{version}-{moment:%Y%m%d-%H%M%S}{path.suffix}")


def check_current(path: Path, connection: sqlite3.Connection) -> None:
    """For those who only read: they cannot migrate. Raises DatabaseUnusable."""
    newest = len(packaged())
    version = check(path, connection, newest=newest)
    if version < newest:
        raise DatabaseUnusable(
            Text(
                "{file} was written by an older Fairbrush (database version {version}, here {newest}). "
                "Start the bot once; it brings it up to date.",
                file=path,
                version=version,
                newest=newest,
            )
        )


def check(path: Path, connection: sqlite3.Connection, *, newest: int) -> int:
    """The version of the database; 0 for one that has just been made. Raises DatabaseUnusable."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise DatabaseUnusable(
            Text(
                "This Python comes with SQLite {found}; Fairbrush needs {needed} or newer. "
                "Install a newer Python.",
                found=sqlite3.sqlite_version,
                needed=".".join(map(str, OLDEST_SQLITE)),
            )
        )
    version: int = column(connection, "PRAGMA user_version")
    application: int = column(connection, "PRAGMA application_id")
    is_empty = column(connection, "SELECT count(*) FROM sqlite_schema") == 0
    if is_empty and version == 0 and application in (0, APPLICATION_ID):
        return 0
    if application != APPLICATION_ID:
        raise DatabaseUnusable(
            Text(
                "{file} is a database of another program. Nothing was changed. Set another data_dir, or move "
                "that file away.",
                file=path,
            )
        )
    if version > newest:
        raise DatabaseUnusable(
            Text(
                "{file} was written by a newer Fairbrush (database version {version}; this one knows "
                "{newest}). Nothing was changed. Install that newer Fairbrush again, or put back an older "
                "backup.",
                file=path,
                version=version,
                newest=newest,
            )
        )
    if path.stat().st_size <= QUICK_CHECK_BYTES:
        verdict = column(connection, "PRAGMA quick_check(1)")
        if verdict != "ok":
            raise damaged(path, cause=str(verdict))
    return version


def _clear_away(paths: Iterable[Path]) -> None:
    """Copies that a process had not finished when it ended: nobody shall find in them what was erased."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """A copy of a database that may be in use, whole or not at all. Raises StoreUnavailable."""
    unfinished = target.with_name(f"{target.name}{_PART}")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(unfinished)) as into:
            connection.backup(into)
            # The copy is one file: it shall be moved and sent without a second beside it.
            into.execute("PRAGMA journal_mode = DELETE")
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)
    except (sqlite3.Error, OSError) as error:
        _clear_away((unfinished, unfinished.with_name(f"{unfinished.name}-journal")))
        if isinstance(error, sqlite3.Error):
            raise explained(error, target) or error from error
        raise StoreUnavailable(
            Text("The copy {file} cannot be written: {reason}.", file=target, reason=error.strerror or error),
            cause=repr(error),
        ) from error


async def backup(path: Path, target: Path) -> None:
    """Copy the database ``path``, also while a bot uses it, to ``target``, which must not exist yet.

    Raises UserError, DatabaseUnusable, or StoreUnavailable.
    """
    if await asyncio.to_thread(target.exists):
        raise UserError(Text("{file} is there already. Name a file that is not.", file=target))
    try:
        async with existing(path) as connection:
            await connection.work(partial(copy, target=target))
    except sqlite3.Error as error:
        raise explained(error, path) or error from error


def existing(path: Path) -> Connection:
    """For reading; the caller opens it. Raises StoreUnavailable when there is no such file."""
    if not path.exists():
        raise StoreUnavailable(
            Text("There is no database at {file} yet: the bot makes it when it starts.", file=path)
        )
    return reader(path)


async def look_first(path: Path) -> None:
    """Refuse a file that is not ours, too new, or damaged, before anything opens it for writing.

    Raises DatabaseUnusable.
    """
    if await asyncio.to_thread(_holds_something, path):
        async with reader(path) as connection:
            await connection.work(partial(check, path, newest=len(packaged())))


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
