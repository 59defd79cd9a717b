"""How the database file is: for an operator who asks before anything goes wrong."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.store.connection import column
from bot.store.database import check, existing
from bot.store.migrations import packaged
from bot.store.troubles import damaged, explained, newest_backup


@dataclass(frozen=True, slots=True)
class Condition:
    """Of a sound database. ``version`` below ``newest``: the next start brings it up to date."""

    version: int
    newest: int
    size: int
    """Bytes, those that are not in the file itself yet included."""
    backup: Path | None
    """The latest copy that was made beside it before a migration."""


async def condition(path: Path) -> Condition:
    """Read the whole file, also while a bot uses it. Raises DatabaseUnusable and StoreUnavailable."""
    try:
        async with existing(path) as connection:
            return await connection.work(partial(_condition, path))
    except sqlite3.Error as error:
        raise explained(error, path) or error from error


def _condition(path: Path, connection: sqlite3.Connection) -> Condition:
    newest = len(packaged())
    version = check(path, connection, newest=newest)
    verdict = column(connection, "PRAGMA quick_check(1)")
    if verdict != "ok":
        raise damaged(path, cause=str(verdict))
    log = path.with_name(f"{path.name}-wal")
    size = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    return Condition(version, newest, size, newest_backup(path))
