"""Finished prompts, oldest first."""

from __future__ import annotations

from typing import Any

from bot.sketch.executor import Outcome
from bot.sketch.promptqueue import Item

Entry = dict[str, Any]
"""What ``/history`` shows of one prompt."""


class History:
    """Entries by prompt_id; a prompt_id that ran again keeps its place and its last entry only."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[str, Entry] = {}

    def add(self, item: Item, outcome: Outcome) -> None:
        while len(self._entries) >= self._size:
            self._entries.pop(next(iter(self._entries)))
        self._entries[item.prompt_id] = {
            "prompt": item.listing(),
            "outputs": {node_id: dict(ui) for node_id, ui in outcome.ui.items()},
            "status": {
                "status_str": "success" if outcome.succeeded else "error",
                "completed": outcome.succeeded,
                "messages": [list(message) for message in outcome.messages],
            },
            "meta": {
                node_id: {
                    "node_id": node_id,
                    "display_node": node_id,
                    "parent_node": None,
                    "real_node_id": node_id,
                }
                for node_id in outcome.ui
            },
        }

    def get(self, prompt_id: str) -> Entry | None:
        return self._entries.get(prompt_id)

    def page(self, max_items: int | None, offset: int) -> dict[str, Entry]:
        """Oldest first from ``offset``; a negative offset means the newest ``max_items``."""
        if offset < 0 and max_items is not None:
            offset = len(self._entries) - max_items
        chosen = list(self._entries.items())[max(0, offset) :]
        # A limit of 0 is noticed only after the first entry was taken: the server's quirk, kept.
        return dict(chosen if max_items is None else chosen[: max(1, max_items)])

    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    def delete(self, prompt_id: str) -> None:
        self._entries.pop(prompt_id, None)

    def clear(self) -> None:
        self._entries.clear()
