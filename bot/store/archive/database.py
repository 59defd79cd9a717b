"""The database for an archive and from one: a copy of one moment, and a look at what somebody brings."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import StoreUnavailable
from bot.domain.text import Text
from bot.service.records import AuditEntry
from bot.store.archive.contents import Refused, Report, is_kept_name
from bot.store.audit import write_audit
from bot.store.connection import BUSY_SECONDS, column
from bot.store.database import check
from bot.store.migrations import APPLICATION_ID, migrate, packaged
from bot.store.troubles import damaged, explained, primary_code

STEP_PAGES = 1024
"""4 MiB at a time: somebody who does not want it any more waits no longer than for that."""
_COUNTS = {
    "users": "SELECT count(DISTINCT user) FROM identities",
    "requests": "SELECT count(*) FROM requests",
    "jobs": "SELECT count(*) FROM jobs",
    "waiting": "SELECT count(*) FROM jobs WHERE state IN ('queued', 'staged', 'running')",
    "ledger": "SELECT count(*) FROM ledger",
}
_FILES = "SELECT path, sha256, size FROM files ORDER BY path"
_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that the database names: its path with /, below the data directory."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What is in a copy."""

    schema: int
    counts: Mapping[str, int]
    files: tuple[NamedFile, ...]


@contextmanager
def looking_into(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write, and SQLite's failures in our words.

    Raises DatabaseUnusable and StoreUnavailable.
    """
    if not path.exists():
        raise StoreUnavailable(
            Text("There is no database at {file} yet: the bot makes it when it starts.", file=path)
        )
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(
            sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
            yield connection
    except sqlite3.Error as error:
        raise explained(error, path) or error from error


def size_of(connection: sqlite3.Connection) -> int:
    """Bytes of the database, those that are not in the file itself yet included."""
    pages: int = column(connection, "PRAGMA page_count")
    return pages * int(column(connection, "PRAGMA page_size"))


def files_in_all(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many files the database names, and their bytes."""
    number, size = connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM files").fetchone()
    return int(number), int(size)


def copy_of_a_moment(connection: sqlite3.Connection, source: Path, target: Path, report: Report) -> Taken:
    """Copy a database that a bot may be writing to, as it is when this begins.

    In WAL mode a reader holds up no writer, and the transaction holds the moment: without it, each write of
    the bot between two steps would make SQLite begin again from the first page. Raises DatabaseUnusable,
    Stopped, and OSError where ``target`` cannot be written.
    """
    connection.execute("BEGIN")
    try:
        # This first look decides which moment it is.
        schema = check(source, connection, newest=len(packaged()))
        if schema == 0:
            raise Refused(Text("The database {file} is empty: there is nothing to back up.", file=source))
        with closing(sqlite3.connect(target)) as into:
            connection.backup(into, pages=STEP_PAGES, progress=_steps(report))
            # One file, without a second beside it.
            into.execute("PRAGMA journal_mode = DELETE")
            # A large file is not read through when it is opened; here nobody waits for it.
            if (verdict := column(into, "PRAGMA quick_check(1)")) != "ok":
                raise damaged(source, cause=str(verdict))
            return _taken(into, schema)
    except sqlite3.OperationalError as error:
        if primary_code(error) == sqlite3.SQLITE_FULL:  # whoever only reads fills no disk
            raise OSError(errno.ENOSPC, "no space left", str(target)) from error
        raise
    finally:
        connection.execute("ROLLBACK")


def _steps(report: Report) -> Callable[[int, int, int], None]:
    def step(_status: int, remaining: int, total: int) -> None:
        report((total - remaining) / max(total, 1), "the database")

    return step


def _taken(connection: sqlite3.Connection, schema: int) -> Taken:
    counts = {name: int(column(connection, sql)) for name, sql in _COUNTS.items()}
    files = tuple(NamedFile(*row) for row in connection.execute(_FILES))
    return Taken(schema, counts, files)


def still_named(connection: sqlite3.Connection, paths: Sequence[str]) -> set[str]:
    """Which of the files the bot's database still names."""
    sql = "SELECT 1 FROM files WHERE path = ?"
    return {path for path in paths if column(connection, sql, (path,)) is not None}


def look_into(path: Path, schema: int) -> Taken:
    """Refuse a database that no Fairbrush of version ``schema`` can have written.

    It may come from anywhere: triggers and views of its own would act whenever the bot writes, and a path
    that leads elsewhere would let a stranger have files sent or removed. Raises Refused.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            found = column(connection, "PRAGMA user_version"), column(connection, "PRAGMA application_id")
            if found != (schema, APPLICATION_ID):
                raise Refused(Text("The database in it is not of the version that the backup says."))
            # First of all: what else is asked may run what a schema holds.
            if _schema_of(connection) != _schema_as_made(schema):
                raise Refused(Text("The database in it was not made by Fairbrush."))
            if column(connection, "PRAGMA integrity_check(1)") != "ok":
                raise Refused(Text("The database in it is damaged."))
            if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise Refused(Text("The database in it is damaged: rows refer to nothing."))
            taken = _taken(connection, schema)
    except (sqlite3.Error, UnicodeError, TypeError, ValueError) as error:
        raise Refused(Text("The database in it cannot be read."), cause=repr(error)) from error
    if not all(is_kept_name(file.path) for file in taken.files):
        raise Refused(Text("The database in it names files outside of the data directory."))
    return taken


def write_down(path: Path, entry: AuditEntry) -> None:
    """Into the audit log of a database that nobody uses yet."""
    with closing(sqlite3.connect(path)) as connection, connection:
        write_audit(connection, entry)


def settle(path: Path) -> None:
    """Bring what was written last into the file itself, so that it is one file.

    Raises sqlite3.Error for a damaged one, and StoreUnavailable while another program reads it.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        if column(connection, "PRAGMA wal_checkpoint(TRUNCATE)"):
            raise StoreUnavailable(
                Text(
                    "Another program has {file} open. Close it, and try again; nothing was changed.",
                    file=path,
                )
            )


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    return {
        (kind, name, table, " ".join(str(sql).split()))
        for kind, name, table, sql in connection.execute(_SCHEMA)
    }


def _schema_as_made(schema: int) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, packaged()[:schema])
        return _schema_of(connection)
