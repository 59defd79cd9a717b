"""What ``fairbrush check`` says: rows of ok, warning and problem, each with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "problem"]
Group = Literal["settings", "servers", "templates", "platforms", "pages", "bot", "machine"]

HEADINGS: dict[Group, str] = {
    "settings": "Settings",
    "servers": "ComfyUI",
    "templates": "Templates",
    "platforms": "Discord and Telegram",
    "pages": "Addresses",
    "bot": "Bot and database",
    "machine": "This machine",
}
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Row:
    status: Status
    group: Group
    subject: str
    message: str
    """What was found, and what to do."""


def in_order(rows: Sequence[Row]) -> list[Row]:
    """By group; as they came within each."""
    order = list(HEADINGS)
    return sorted(rows, key=lambda row: order.index(row.group))


def counted(rows: Sequence[Row]) -> str:
    """``2 warnings, 1 problem``; empty when all is well. Problems last, where the eye is."""
    counts = [(word, sum(row.status == word for row in rows)) for word in ("warning", "problem")]
    return ", ".join(f"{count} {word}{'s' * (count != 1)}" for word, count in counts if count)
