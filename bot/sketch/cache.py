"""The node cache: results of the last prompt's nodes, found again by what they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from bot.sketch.files import Folders
from bot.sketch.registry import Registry

Graph = Mapping[str, Mapping[str, Any]]
"""API format; inputs as a validated prompt has them."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What one node made: outputs by slot and, of output nodes, what clients are shown."""

    values: tuple[Any, ...]
    ui: Mapping[str, Any] | None


class NodeCache:
    """Results by signature. Holds what the current and the previous prompt share, as ComfyUI does."""

    def __init__(self) -> None:
        self._results: dict[str, NodeResult] = {}
        self._signatures: dict[str, str] = {}

    def begin(self, graph: Graph, registry: Registry, folders: Folders) -> None:
        """Make ready for ``graph``; results that none of its nodes could use are dropped."""
        self._signatures = signatures(graph, registry, folders)
        keep = set(self._signatures.values())
        self._results = {key: result for key, result in self._results.items() if key in keep}

    def get(self, node_id: str) -> NodeResult | None:
        return self._results.get(self._signatures.get(node_id, ""))

    def put(self, node_id: str, result: NodeResult) -> None:
        self._results[self._signatures[node_id]] = result

    def clear(self) -> None:
        self._results = {}


def is_link(value: object) -> TypeGuard[tuple[str, int]]:
    """Whether a validated input is a link. A list that was wrapped as a literal value is none."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def declared_inputs(graph: Graph, node_id: str, registry: Registry) -> dict[str, Any]:
    """The inputs that count: those of the class that the graph gives. Others are ignored."""
    node = graph[node_id]
    given = node.get("inputs") or {}
    return {name: given[name] for name, _, _ in registry[node["class_type"]].inputs() if name in given}


def signatures(graph: Graph, registry: Registry, folders: Folders) -> dict[str, str]:
    """Node id → a hash of all that decides its result: class, literals, and its sources' hashes.

    Iterative, since a graph may be deeper than the stack. A node in or behind a cycle or a link into
    nothing gets a hash that no finished result has.
    """
    done: dict[str, str] = {}
    for root in graph:
        stack, entered = [root], set[str]()
        while stack:
            current = stack[-1]
            inputs = declared_inputs(graph, current, registry)
            if current in entered:
                stack.pop()
                done.setdefault(current, _signature(graph, current, inputs, done, registry, folders))
                continue
            entered.add(current)
            sources = (value[0] for value in inputs.values() if is_link(value))
            stack.extend(s for s in sources if s in graph and s not in done and s not in entered)
    return done


def _signature(
    graph: Graph,
    node_id: str,
    inputs: Mapping[str, Any],
    done: Mapping[str, str],
    registry: Registry,
    folders: Folders,
) -> str:
    spec = registry[graph[node_id]["class_type"]]
    parts: list[Any] = [spec.name]
    for name, value in inputs.items():
        if is_link(value):
            parts.append([name, done.get(value[0], f"unknown {node_id}"), value[1]])
        else:
            parts.append([name, value])
    if spec.fingerprint is not None:
        parts.append(spec.fingerprint(folders, inputs))
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()
