"""The database file: found usable or refused, brought up to date, copied."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bot.domain.errors import DatabaseUnusable, FairbrushError, StoreUnavailable, UserError
from bot.domain.text import Text
from bot.store.connection import Connection, column, reader
from bot.store.migrations import APPLICATION_ID, Migration, migrate, packaged
from bot.store.troubles import damaged, explained

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

QUICK_CHECK_BYTES = 16 * 1024 * 1024
"""A file up to this size is read through at every start; a larger one would make the start slow, and damage
in it is told of when it is met."""


def prepare(
    path: Path, now_ms: int, connection: sqlite3.Connection, *, steps: Sequence[Migration] | None = None
) -> None:
    """Bring the database behind a writing ``connection`` to the newest version, after a backup.

    Raises DatabaseUnusable; then nothing was changed.
    """
    steps = packaged() if steps is None else steps
    version = check(path, connection, newest=len(steps))
    if version == len(steps):
        return
    if version > 0:
        moment = datetime.fromtimestamp(now_ms / 1000, UTC)
        copy(connection, path.with_name(f"{path.stem}-v{version}-{moment:%Y%m%d-%H%M%S}{path.suffix}"))
    migrate(connection, steps[version:])


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


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """A copy of a database that may be in use, whole or not at all."""
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(unfinished)) as into:
            connection.backup(into)
            # The copy is one file: it shall be moved and sent without a second beside it.
            into.execute("PRAGMA journal_mode = DELETE")
        _to_disk(unfinished)
        os.replace(unfinished, target)  # noqa: PTH105 (Path.replace is the same; this is said to be atomic)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


async def backup(path: Path, target: Path) -> None:
    """Copy the database ``path``, also while a bot uses it, to ``target``, which must not exist yet.

    Raises UserError, DatabaseUnusable, or StoreUnavailable.
    """
    if await asyncio.to_thread(target.exists):
        raise UserError(Text("{file} is there already. Name a file that is not.", file=target))
    async with existing(path) as connection:
        try:
            await connection.work(partial(copy, target=target))
        except sqlite3.Error as error:
            raise explained(error, target) or error from error
        except OSError as error:
            raise StoreUnavailable(
                Text("{file} cannot be written: {reason}.", file=target, reason=error.strerror or error),
                cause=repr(error),
            ) from error


def existing(path: Path) -> Connection:
    """For reading; the caller opens it. Raises StoreUnavailable when there is no such file."""
    if not path.exists():
        raise StoreUnavailable(
            Text("There is no database at {file} yet: the bot makes it when it starts.", file=path)
        )
    return reader(path)


def understood(error: sqlite3.Error, path: Path) -> FairbrushError | sqlite3.Error:
    """What to raise for a failure while opening."""
    return explained(error, path) or error
