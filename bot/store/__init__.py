"""What is remembered, in one SQLite file. The only place with SQL; see ``docs/database.md``."""

from bot.store.database import backup
from bot.store.lock import locked
from bot.store.store import SqliteStore, open_store

__all__ = ["SqliteStore", "backup", "locked", "open_store"]
