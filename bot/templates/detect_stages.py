"""Which samplers make the picture, and which only prepare something for another one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.ids import NodeId
from bot.templates.detect_conditioning import conditionings
from bot.templates.detect_flow import Flow
from bot.templates.detect_sampling import guides, is_sampler
from bot.templates.graph import Node

_CONTROLS = frozenset({"control_net", "controlnet", "model_patch"})


def main_samplers(flow: Flow, live: Iterable[Node], outputs: Iterable[NodeId]) -> list[Node]:
    """The live samplers without those that prepare a control picture (depth, pose, lines).

    A sampler prepares if its result reaches an output only as the picture of a control network or model
    patch, or if nothing at all is asked of it (a fixed conditioning) while others are asked something.
    """
    samplers = [node for node in live if is_sampler(flow, node)]
    direct = _without_control_pictures(flow, outputs)
    asked = [node for node in samplers if node.id in direct and _is_asked(flow, node)]
    return asked or samplers


def _without_control_pictures(flow: Flow, outputs: Iterable[NodeId]) -> set[NodeId]:
    """What the outputs depend on when the pictures for controls are cut off."""
    seen: set[NodeId] = set()
    stack = list(outputs)
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        node = flow.graph.nodes[current]
        controlled = bool(node.inputs.keys() & _CONTROLS)
        stack.extend(
            link.node
            for name, link in flow.links(node)
            if not (controlled and flow.takes(node, name, "IMAGE"))
        )
    return seen


def _is_asked(flow: Flow, sampler: Node) -> bool:
    """Whether anything goes into its conditionings: a text, a picture, a sound."""
    visited = conditionings(flow, guides(flow, sampler)).visited
    return not visited or any(node.inputs for node in visited.values())
