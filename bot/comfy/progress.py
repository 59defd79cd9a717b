"""How far a whole graph is: one fraction that never falls and never reaches 1 before the end. Pure.

A server reports steps node by node and nothing about the rest. Each node of the plan gets a weight for
its usual share of the time; a node that is done counts fully, one that runs by its steps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bot.domain.ids import NodeId
from bot.templates.graph import Graph, Node

CEILING = 0.99
"""Highest fraction before outputs are there: saving and fetching still lie ahead."""

_ORDINARY = 1.0
_WEIGHTS = (  # first match in the class name wins; rough shares of a typical run's time
    ("KSamplerSelect", _ORDINARY),
    ("Sampler", 30.0),
    ("UpscaleWithModel", 10.0),
    ("VAEDecode", 4.0),
    ("VAEEncode", 2.0),
    ("Loader", 3.0),
    ("CLIPTextEncode", 2.0),
)


def _weight(node: Node) -> float:
    if node.class_type.startswith("Sampler") and "latent_image" not in node.inputs:
        return _ORDINARY  # SamplerEulerAncestral and the like choose a method; they do not sample
    return next((weight for word, weight in _WEIGHTS if word in node.class_type), _ORDINARY)


@dataclass(frozen=True, slots=True)
class Plan:
    """Weights of the nodes that a run has to execute."""

    weights: Mapping[NodeId, float]

    @staticmethod
    def of(graph: Graph) -> Plan:
        return Plan({node.id: _weight(node) for node in graph})


@dataclass(slots=True)
class Meter:
    """The fraction so far. Feed it what the server says; read :attr:`fraction`.

    >>> meter = Meter(Plan({NodeId("1"): 1.0, NodeId("2"): 1.0}))
    >>> meter.finished(NodeId("1")); round(meter.fraction, 3)
    0.495
    """

    plan: Plan
    fraction: float = 0.0
    _parts: dict[NodeId, float] = field(default_factory=dict)
    _done: float = 0.0
    _total: float = field(init=False)

    def __post_init__(self) -> None:
        self._total = sum(self.plan.weights.values())

    def cached(self, nodes: Collection[NodeId]) -> None:
        """These nodes will not run: they leave the plan, so that the rest fills the whole bar."""
        gone = frozenset(nodes)
        self.plan = Plan({node: weight for node, weight in self.plan.weights.items() if node not in gone})
        self._total = sum(self.plan.weights.values())
        self._done = sum(self.plan.weights.get(node, 0.0) * part for node, part in self._parts.items())
        self._update()

    def stepped(self, node: NodeId, value: float, maximum: float) -> None:
        """``node`` is at step ``value`` of ``maximum``. Nodes outside the plan move nothing."""
        self._set(node, min(max(value / maximum, 0.0), 1.0) if maximum > 0 else 0.0)

    def finished(self, node: NodeId) -> None:
        self._set(node, 1.0)

    def _set(self, node: NodeId, part: float) -> None:
        weight = self.plan.weights.get(node)
        before = self._parts.get(node, 0.0)
        if weight is None or part <= before:
            return
        self._parts[node] = part
        self._done += weight * (part - before)
        self._update()

    def _update(self) -> None:
        if self._total > 0:
            self.fraction = max(self.fraction, min(CEILING * self._done / self._total, CEILING))
