"""The ``progress_state`` of one prompt: every node touched so far, with how far it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class _NodeProgress:
    value: float = 0.0
    maximum: float = 1.0
    state: str = "running"


@dataclass(slots=True)
class ProgressState:
    """Counts of one prompt's nodes; :meth:`message` is the data of the ``progress_state`` message."""

    prompt_id: str
    _nodes: dict[str, _NodeProgress] = field(default_factory=dict)

    def start(self, node_id: str) -> None:
        self._nodes[node_id] = _NodeProgress()

    def step(self, node_id: str, value: float, maximum: float) -> None:
        self._nodes[node_id] = _NodeProgress(value, maximum)

    def finish(self, node_id: str) -> None:
        """A node that never started (its outputs were cached) counts as 1 of 1."""
        known = self._nodes.setdefault(node_id, _NodeProgress(1, 1))
        known.value, known.state = known.maximum, "finished"

    def message(self) -> dict[str, Any]:
        return {
            "prompt_id": self.prompt_id,
            "nodes": {
                node_id: {
                    "value": node.value,
                    "max": node.maximum,
                    "state": node.state,
                    **node_names(node_id, self.prompt_id),
                }
                for node_id, node in self._nodes.items()
            },
        }


def node_names(node_id: str, prompt_id: str) -> dict[str, Any]:
    """How messages name a node. The engine never expands nodes, so all names are the graph's own id."""
    return {
        "node_id": node_id,
        "prompt_id": prompt_id,
        "display_node_id": node_id,
        "parent_node_id": None,
        "real_node_id": node_id,
    }
