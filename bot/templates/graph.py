"""A ComfyUI graph in API format: nodes, links, addresses. Pure.

A graph is what "Export (API)" writes: ``{"3": {"class_type": "KSampler", "inputs": {...},
"_meta": {"title": "..."}}}``. An input is a literal or a link ``[node_id, output_index]``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bot.domain.errors import TemplateError
from bot.domain.ids import NodeId
from bot.domain.text import Text

Json = Any  # as the json module reads it; narrowed where it is used


class Link(NamedTuple):
    """A connection: output number ``slot`` of ``node``."""

    node: NodeId
    slot: int


class Address(NamedTuple):
    """One input of one node; written ``node_id.input_name``."""

    node: NodeId
    input: str

    def __str__(self) -> str:
        return f"{self.node}.{self.input}"


def as_link(value: Json) -> Link | None:
    """The link that ``value`` is, or None for a literal. Same rule as the server: two items, string id."""
    if isinstance(value, list) and len(value) == 2:
        node, slot = value
        if isinstance(node, str) and isinstance(slot, int) and not isinstance(slot, bool):
            return Link(NodeId(node), slot)
    return None


@dataclass(frozen=True, slots=True)
class Node:
    """One node. ``inputs`` are as exported: do not change them in place."""

    id: NodeId
    class_type: str
    inputs: Mapping[str, Json]
    title: str = ""

    def link(self, name: str) -> Link | None:
        """Where input ``name`` is connected to; None for a literal or an absent input."""
        return as_link(self.inputs.get(name))

    def links(self) -> Iterator[tuple[str, Link]]:
        """All connected inputs, in the order of the file."""
        for name, value in self.inputs.items():
            if (link := as_link(value)) is not None:
                yield name, link

    def is_literal(self, name: str) -> bool:
        return name in self.inputs and as_link(self.inputs[name]) is None


class Consumer(NamedTuple):
    """An input that is fed by a given output: ``node.input`` reads ``slot`` of the producer."""

    node: NodeId
    input: str
    slot: int


@dataclass(frozen=True)
class Graph:
    """Nodes by id, in the order of the file. Immutable: :meth:`with_values` returns a new graph."""

    nodes: Mapping[NodeId, Node]
    _consumers: dict[NodeId, list[Consumer]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        consumers: dict[NodeId, list[Consumer]] = {}
        for node in self.nodes.values():
            for name, link in node.links():
                consumers.setdefault(link.node, []).append(Consumer(node.id, name, link.slot))
        object.__setattr__(self, "_consumers", consumers)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self.nodes

    def get(self, node_id: str) -> Node | None:
        return self.nodes.get(NodeId(node_id))

    def consumers(self, node_id: NodeId) -> Sequence[Consumer]:
        """Who reads this node's outputs."""
        return self._consumers.get(node_id, ())

    def upstream(self, node_id: NodeId) -> set[NodeId]:
        """The node and everything it depends on. Ends on cycles and on links to absent nodes."""
        seen: set[NodeId] = set()
        stack = [node_id]
        while stack:
            current = stack.pop()
            if current in seen or current not in self.nodes:
                continue
            seen.add(current)
            stack.extend(link.node for _, link in self.nodes[current].links())
        return seen

    def value(self, address: Address) -> Json:
        """The literal or link at ``address``; KeyError when there is none."""
        return self.nodes[address.node].inputs[address.input]

    def parse_address(self, text: str) -> Address | None:
        """Read ``node_id.input_name`` against this graph; None if it names nothing.

        Ids hold ``:`` and input names hold ``.``, so the longest node id that exists wins.
        """
        cut = len(text)
        while (cut := text.rfind(".", 0, cut)) > 0:
            node = self.get(text[:cut])
            if node is not None and text[cut + 1 :] in node.inputs:
                return Address(node.id, text[cut + 1 :])
        return None

    def with_values(self, values: Mapping[Address, Json]) -> Graph:
        """A new graph with these literals replaced. Nothing is shared that could be changed later.

        Raises KeyError for an address that does not exist and ValueError for one that is a link.
        """
        nodes = dict(self.nodes)
        for address, value in values.items():
            node = nodes[address.node]
            if not node.is_literal(address.input):
                if address.input not in node.inputs:
                    raise KeyError(str(address))
                raise ValueError(f"{address} is a link")
            inputs = {**node.inputs, address.input: copy.deepcopy(value)}
            nodes[address.node] = Node(node.id, node.class_type, inputs, node.title)
        return Graph(nodes)

    def restricted_to(self, keep: set[NodeId]) -> Graph:
        """Only these nodes; used to send no node that no wanted output needs."""
        return Graph({node_id: node for node_id, node in self.nodes.items() if node_id in keep})

    def to_api(self) -> dict[str, Json]:
        """The JSON for POST /prompt: a deep copy, every node with ``inputs`` (PROTOCOL: one without
        them, unconnected, stops the server's worker for good)."""
        return {
            str(node.id): {
                "class_type": node.class_type,
                "inputs": copy.deepcopy(dict(node.inputs)),
                **({"_meta": {"title": node.title}} if node.title else {}),
            }
            for node in self.nodes.values()
        }


def is_ui_format(data: Json) -> bool:
    """Whether this is what "Save" or plain "Export" writes (for the browser) instead of the API format."""
    return isinstance(data, dict) and isinstance(data.get("nodes"), list) and "links" in data


def parse_export(data: Json) -> Graph:
    """Read an API export.

    Raises :class:`TemplateError` with a message of its own for each kind of wrong file. Top-level keys
    whose value is no node (``"_comment"``) are dropped: the server answers 500 to them.
    """
    if is_ui_format(data):
        raise TemplateError(
            Text(
                "This is a workflow saved for the browser, not an API export. Open it in ComfyUI, choose "
                "Workflow → Export (API), and use the file that this saves."
            )
        )
    if isinstance(data, dict) and isinstance(data.get("prompt"), dict):
        data = data["prompt"]
    if not isinstance(data, dict):
        raise TemplateError(
            Text("This JSON file holds no workflow: expected an object with one entry a node.")
        )
    nodes: dict[NodeId, Node] = {}
    for node_id, raw in data.items():
        if not isinstance(raw, dict) or "class_type" not in raw:
            if isinstance(raw, dict) and "inputs" in raw:
                raise TemplateError(
                    Text("Node {id} has no class_type. Export the workflow again.", id=node_id)
                )
            continue
        class_type, inputs = raw["class_type"], raw.get("inputs", {})
        if not isinstance(class_type, str) or not isinstance(inputs, dict):
            raise TemplateError(
                Text("Node {id} is damaged: its class_type or its inputs have the wrong form.", id=node_id)
            )
        meta = raw.get("_meta")
        title = meta.get("title") if isinstance(meta, dict) else None
        nodes[NodeId(node_id)] = Node(
            NodeId(node_id), class_type, inputs, title if isinstance(title, str) else ""
        )
    if not nodes:
        raise TemplateError(Text("The workflow is empty: it has no nodes."))
    return Graph(nodes)
