"""The schema, as numbered steps. A step that has been released is never changed."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

APPLICATION_ID = 0x46425248
"""``FBRH``: tells our files from other SQLite databases (``PRAGMA application_id``)."""

_FILE = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """Brings a database from version ``number`` - 1 to ``number``."""

    number: int
    sql: str


def packaged() -> tuple[Migration, ...]:
    """Every step, in order, without a gap."""
    found = sorted(
        (int(match[1]), entry)
        for entry in resources.files(__name__).iterdir()
        if (match := _FILE.fullmatch(entry.name))
    )
    steps = tuple(Migration(number, entry.read_text(encoding="utf-8")) for number, entry in found)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1)), "a migration is missing"
    return steps


def migrate(connection: sqlite3.Connection, steps: Sequence[Migration]) -> None:
    """Take ``steps`` in one transaction: the database is as new, or as it was."""
    # A step that builds a table anew must be able to drop the old one; what it did is checked at the end.
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps:
            for statement in _statements(step.sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step.number:d}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        assert not broken, f"the migration left rows that refer to nothing: {broken[:5]}"
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")


def _statements(script: str) -> Sequence[str]:
    """The statements of a script: sqlite3's own executescript would commit in between."""
    statements, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            statements.append(begun)
            begun = ""
    assert not begun.strip(), "the last statement has no end"
    return statements
