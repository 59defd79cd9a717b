"""SQLite's failures in our words: whose fault it is, and what to do."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from bot.domain.errors import DatabaseUnusable, FairbrushError, StoreUnavailable
from bot.domain.text import Text

BACKUP_NAME = re.compile(r"-v\d+-(\d{8}-\d{6})$")

_MESSAGES = {
    sqlite3.SQLITE_FULL: "The disk with {file} is full. Make room there; nothing of this was written, "
    "and it works again as soon as there is space.",
    sqlite3.SQLITE_BUSY: "Another program keeps {file} locked. Close it (a database browser, a backup, a "
    "second bot) and try again; nothing of this was written.",
    sqlite3.SQLITE_READONLY: "{file} cannot be written: the file or its folder is read-only. "
    "Change the permissions, or set another data_dir.",
    sqlite3.SQLITE_CANTOPEN: "{file} cannot be opened. Look whether its folder exists and may be "
    "written by this user.",
    sqlite3.SQLITE_IOERR: "The disk with {file} reports an error. Check the disk and the space on it; "
    "nothing of this was written.",
}
_SAME = {
    sqlite3.SQLITE_LOCKED: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PROTOCOL: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PERM: sqlite3.SQLITE_READONLY,
}
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension; 0 when the error came from Python's own module."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def explained(error: sqlite3.Error, path: Path) -> FairbrushError | None:
    """Our error for a failure of the machine or the file; None for a bug of ours."""
    code = primary_code(error)
    if code in _DAMAGE:
        return damaged(path, cause=repr(error))
    if path.is_dir():
        return DatabaseUnusable(
            Text(
                "{file} is a folder, and the database should be a file there. Move the folder away, or set "
                "another data_dir.",
                file=path,
            ),
            cause=repr(error),
        )
    message = _MESSAGES.get(_SAME.get(code, code))
    if message is None:
        return None
    return StoreUnavailable(Text(message, file=path), cause=f"{error!r} ({code})")


def damaged(path: Path, *, cause: str) -> DatabaseUnusable:
    """The file is there and is not a database (any more)."""
    backup = newest_backup(path)
    if backup is None:
        advice = Text(
            "There is no backup beside it. If you have one elsewhere, put it there; else move the file "
            "away, and Fairbrush begins a new one."
        )
    else:
        advice = Text(
            "The newest backup beside it is {backup}. Move the damaged file away and copy the backup to "
            "its place.",
            backup=backup.name,
        )
    return DatabaseUnusable(
        Text("{file} is damaged, or no database. Nothing was changed. {advice}", file=path, advice=advice),
        cause=cause,
    )


def newest_backup(path: Path) -> Path | None:
    """Of the copies made before migrations, the latest by the time in its name."""
    dated = [
        (match[1], copy)
        for copy in path.parent.glob(f"{path.stem}-v*{path.suffix}")
        if (match := BACKUP_NAME.search(copy.stem))
    ]
    return max(dated)[1] if dated else None
