"""Literals beside a role that repeat its value: written along, or the graph contradicts itself. Pure.

The size that a scheduler or a model patch is told beside the latent's own; the checkpoint that a text
encoder and a sound decoder are loaded from beside the model itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.detect_flow import Flow
from bot.templates.detect_sampling import walk
from bot.templates.detect_values import is_number
from bot.templates.graph import Address, Node
from bot.templates.roles import Role

Places = Mapping[Role, Iterable[Address]]

_TOLD: Final = {
    Role.WIDTH: ("width", "target_width"),
    Role.HEIGHT: ("height", "target_height"),
}


def companions(
    flow: Flow, roles: Places, live: Iterable[Node], holders: Iterable[Node], encoders: Iterable[Node]
) -> Iterator[tuple[Role, Address]]:
    """Places that repeat the value of a role. ``holders`` are samplers and guiders, ``encoders`` the
    nodes of their conditionings."""
    holders = tuple(holders)
    told: dict[NodeId, Node] = {node.id: node for node in encoders}
    for kind in ("MODEL", "SIGMAS"):
        told.update((node.id, node) for node in walk(flow, holders, kind))
    for role, names in _TOLD.items():
        yield from _repeating(flow, roles, role, told.values(), names)
    yield from _repeating(flow, roles, Role.MODEL, live, ("ckpt_name",))


def _repeating(
    flow: Flow, roles: Places, role: Role, nodes: Iterable[Node], names: Iterable[str]
) -> Iterator[tuple[Role, Address]]:
    places = frozenset(roles.get(role, ()))
    values = [flow.graph.value(place) for place in places]
    for node in nodes:
        for name in names:
            value = node.inputs.get(name)
            place = Address(node.id, name)
            if (is_number(value) or isinstance(value, str)) and value in values and place not in places:
                yield role, place
