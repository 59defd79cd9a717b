"""What is learned, and small state that outlives the process: JSON by key."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from bot.domain.ids import UserId
from bot.store.connection import column
from bot.store.rows import as_json

_LEARN = """
INSERT INTO learned (kind, key, json) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET json = excluded.json
"""
_LEARNED = "SELECT key, json FROM learned WHERE kind = ?"
# The queue may know somebody for a while yet who was erased.
_FLOW = "INSERT INTO flows (user, virtual_time) SELECT id, ?2 FROM users WHERE id = ?1"
_FLOWS = "SELECT user, virtual_time FROM flows"
_PUT = "INSERT INTO state (key, json) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET json = excluded.json"
_GET = "SELECT json FROM state WHERE key = ?"
_VIRTUAL_TIME = "virtual_time"


def save_learned(connection: sqlite3.Connection, kind: str, entries: Mapping[str, Any]) -> None:
    connection.executemany(_LEARN, [(kind, key, as_json(value)) for key, value in entries.items()])


def learned(connection: sqlite3.Connection, kind: str) -> Mapping[str, Any]:
    return {row["key"]: json.loads(row["json"]) for row in connection.execute(_LEARNED, (kind,))}


def save_flows(connection: sqlite3.Connection, virtual_time: float, flows: Mapping[UserId, float]) -> None:
    put(connection, _VIRTUAL_TIME, virtual_time)
    connection.execute("DELETE FROM flows")
    connection.executemany(_FLOW, list(flows.items()))


def flows(connection: sqlite3.Connection) -> tuple[float, Mapping[UserId, float]]:
    """0 and nothing when none were ever saved."""
    saved = {UserId(user): meter for user, meter in connection.execute(_FLOWS)}
    return get(connection, _VIRTUAL_TIME) or 0.0, saved


def put(connection: sqlite3.Connection, key: str, value: Any) -> None:
    connection.execute(_PUT, (key, as_json(value)))


def get(connection: sqlite3.Connection, key: str) -> Any:
    """None when nothing was put there."""
    text = column(connection, _GET, (key,))
    return None if text is None else json.loads(text)
