"""What is remembered, in one SQLite file. The only place with SQL; see ``docs/database.md``."""

from bot.store.condition import Condition, condition
from bot.store.database import backup
from bot.store.lock import locked
from bot.store.store import SqliteStore, open_store

__all__ = ["Condition", "SqliteStore", "backup", "condition", "locked", "open_store"]
