"""What really flows through a graph: links followed through switches, dead branches left out. Pure.

A switch passes on one of its inputs; which one is often a literal, or computed from literals. The other
branch is dead: nothing in it carries a role.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bot.domain.ids import NodeId
from bot.templates.catalogue import Catalogue
from bot.templates.detect_constants import UNKNOWN, fold
from bot.templates.graph import Address, Graph, Link, Node

Source = Address | Link | None
"""Where an input's value comes from: a literal somewhere, a node's output, or nothing that exists."""

MAX_DEPTH: Final = 60
"""Links followed in a row before a chain is given up as not worth understanding."""

_ANYTHING: Final = re.compile(r"on_true|on_false|any(thing|_input)?")
"""Inputs of nodes that hand on whatever they get (an undecided switch, a cleaner of memory)."""

_CONDITIONS: Final = ("switch", "boolean", "condition", "cond", "bool", "value")
_INDEXES: Final = ("select", "index", "choice", "input")

KIND_NAMES: Final = {
    "MODEL": re.compile(r"model(\d+|_(a|b|negative|positive|high|low)\w*)?|unet|(\w+_)?pipe"),
    "LATENT": re.compile(
        r"(\w+_)?(latents?|samples?)(_?\w+)?|destination|source|stage_c|image_embeds|(\w+_)?pipe"
    ),
    "SIGMAS": re.compile(r"sigmas(_?\w+)?"),
    "IMAGE": re.compile(r"(images?|pixels|input|video|frames)(_?\d+)?"),
}
"""How inputs of each type are called: all there is to go by without a catalogue or for unlisted classes."""


@dataclass(frozen=True, eq=False)
class Flow:
    """A graph as its outputs see it. Answers are remembered, so ask freely."""

    graph: Graph
    catalogue: Catalogue | None = None
    _sources: dict[Address, Source] = field(default_factory=dict, init=False, repr=False)
    _constants: dict[Link, Any] = field(default_factory=dict, init=False, repr=False)
    _nested: list[None] = field(default_factory=list, init=False, repr=False)

    def source(self, node: Node, name: str) -> Source:
        """Where input ``name`` gets its value from, seen through switches and reroutes."""
        start = Address(node.id, name)
        if start not in self._sources:
            self._sources[start] = None  # what a cycle of switches comes back to
            self._sources[start] = self._trace(start)
        return self._sources[start]

    def link(self, node: Node, name: str) -> Link | None:
        """Like :meth:`source`, for inputs where a literal means nothing."""
        source = self.source(node, name)
        return source if isinstance(source, Link) else None

    def links(self, node: Node, kind: str | None = None) -> Iterator[tuple[str, Link]]:
        """The inputs that are fed by a node, in the file's order; only those of one type if given."""
        for name, _ in node.links():
            if (kind is None or self.takes(node, name, kind)) and (link := self.link(node, name)) is not None:
                yield name, link

    def producers(self, node: Node, kind: str | None = None) -> Iterator[Node]:
        """The nodes behind :meth:`links`."""
        for _, link in self.links(node, kind):
            yield self.graph.nodes[link.node]

    def takes(self, node: Node, name: str, kind: str) -> bool:
        """Whether an input is of a type: as the catalogue says, else as inputs of that type are called."""
        if _ANYTHING.fullmatch(name):
            return True
        declared = self.input_type(node, name)
        if declared is not None:
            return kind in declared.split(",")
        return KIND_NAMES[kind].fullmatch(name.rpartition(".")[2]) is not None

    def input_type(self, node: Node, name: str) -> str | None:
        """The catalogue's type of an input; None where it does not know or takes anything."""
        spec = self.catalogue.spec(node.class_type, name, node.inputs) if self.catalogue else None
        return spec.type if spec and spec.type != "*" and not spec.type.startswith("COMFY_") else None

    def output_types(self, node: Node) -> tuple[str, ...] | None:
        """The catalogue's types of a node's outputs; None for a class that it does not hold."""
        known = self.catalogue.get(node.class_type) if self.catalogue else None
        return known.output_types if known else None

    def constant(self, node: Node, name: str) -> Any:
        """The value that an input will have, if it depends on literals alone; else :data:`UNKNOWN`."""
        if len(self._nested) >= MAX_DEPTH:
            return UNKNOWN
        self._nested.append(None)
        source = self.source(node, name)
        value = self.graph.value(source) if isinstance(source, Address) else self._output(source)
        self._nested.pop()
        return value

    def live(self, roots: Iterable[NodeId]) -> frozenset[NodeId]:
        """The roots and every node that something of theirs depends on."""
        seen: set[NodeId] = set()
        stack = list(roots)
        while stack:
            current = stack.pop()
            if current in seen or current not in self.graph:
                continue
            seen.add(current)
            stack.extend(link.node for _, link in self.links(self.graph.nodes[current]))
        return frozenset(seen)

    def _output(self, link: Link | None) -> Any:
        if link is None:
            return UNKNOWN
        if link not in self._constants:
            self._constants[link] = UNKNOWN  # what a cycle comes back to
            node = self.graph.nodes[link.node]
            inputs = {name: self.constant(node, name) for name in node.inputs}
            self._constants[link] = fold(node.class_type, inputs, link.slot)
        return self._constants[link]

    def _trace(self, at: Address) -> Source:
        for _ in range(MAX_DEPTH):
            node = self.graph.nodes[at.node]
            if at.input not in node.inputs:
                return None
            link = node.link(at.input)
            if link is None:
                return at
            target = self.graph.get(link.node)
            if target is None:
                return None
            passed = self._passed(target)
            if passed is None:
                return link
            at = Address(target.id, passed)
        return None

    def _passed(self, node: Node) -> str | None:
        """The input that a switch or a reroute hands through; None for every other node."""
        if "on_true" in node.inputs or "on_false" in node.inputs:
            condition = next((name for name in _CONDITIONS if name in node.inputs), None)
            value = self.constant(node, condition) if condition else UNKNOWN
            return ("on_true" if value else "on_false") if isinstance(value, bool | int | float) else None
        if "reroute" in node.class_type.lower():
            return next((name for name, _ in node.links()), None)
        if "switch" in node.class_type.lower():
            return self._indexed(node)
        return None

    def _indexed(self, node: Node) -> str | None:
        branches = [name for name, _ in node.links() if name not in _INDEXES]
        index = next((name for name in _INDEXES if name in node.inputs), None)
        if index is None:  # "any" switches hand on the first of their inputs that is connected
            return branches[0] if branches and branches[0].startswith("any_") else None
        value = self.constant(node, index)
        if not isinstance(value, int) or not 0 <= value < 1000:
            return None
        return next((name for name in branches if re.fullmatch(rf"\D*0*{value}", name)), None)
