"""Where a number or a choice that a node uses is written down as a literal. Pure.

``KSampler.steps`` may be a link to a switch between two primitives; ``EmptyLatentImage.width`` may come
out of GetImageSize of an image that a resizer made exactly 832 wide. The literal at the far end is what
can be set. Where there is none (a selector by megapixels, seconds × fps), the answer is empty.
"""

from __future__ import annotations

import re
from typing import Any, Final

from bot.templates.detect_constants import expression_variables
from bot.templates.detect_expression import only_rounds
from bot.templates.detect_flow import MAX_DEPTH, Flow
from bot.templates.graph import Address, Link, Node
from bot.templates.roles import Role

SAME_QUANTITY: Final = {
    Role.SEED: ("seed", "noise_seed"),
    Role.WIDTH: ("width", "resize_type.width", "target_width", "output_width", "empty_latent_width"),
    Role.HEIGHT: ("height", "resize_type.height", "target_height", "output_height", "empty_latent_height"),
    Role.LENGTH: ("length", "num_frames", "frames_number", "video_frames"),
    Role.FPS: ("fps", "frame_rate"),
}
"""Inputs that hold the same quantity in a node which hands it on (WanCameraEmbedding hands on its size)."""

_CARRIERS: Final = ("value", "number", "anything", "any")
"""Inputs of nodes that hold or hand on a number, whatever it is for."""

_SIZE_SLOTS: Final = {0: Role.WIDTH, 1: Role.HEIGHT, 2: Role.LENGTH}
"""What the outputs of GetImageSize are."""

_RESIZES: Final = re.compile(r"scale|resize|crop|pad|stitch|rotate", re.IGNORECASE)
_FACTORS: Final = frozenset({"scale_by", "multiplier", "multiple", "factor", "scale_factor", "upscale_model"})


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_places(flow: Flow, node: Node, name: str, role: Role) -> tuple[Address, ...]:
    """The literals that decide the number at ``node.name``; none if it is computed or absent."""
    return tuple(_Numbers(flow, role).at(node, name))


def choice_places(flow: Flow, node: Node, name: str) -> tuple[Address, ...]:
    """The literal that names a file, a sampler, a scheduler... at ``node.name``."""
    for _ in range(8):
        source = flow.source(node, name)
        if isinstance(source, Address):
            return (source,) if isinstance(flow.graph.value(source), str) else ()
        if source is None:
            return ()
        node = flow.graph.nodes[source.node]
        names = [key for key in node.inputs if key in (name, "value", "choice")]
        if not names:
            return ()
        name = names[0]
    return ()


class _Numbers:
    """One search: the quantity looked for, and what was already looked at (graphs may hold cycles)."""

    def __init__(self, flow: Flow, role: Role) -> None:
        self._flow = flow
        self._role = role
        self._seen: set[Address] = set()

    def at(self, node: Node, name: str) -> list[Address]:
        here = Address(node.id, name)
        if here in self._seen or len(self._seen) > MAX_DEPTH:
            return []
        self._seen.add(here)
        source = self._flow.source(node, name)
        if isinstance(source, Address):
            return [source] if is_number(self._flow.graph.value(source)) else []
        return [] if source is None else self._from(source)

    def _from(self, link: Link) -> list[Address]:
        node = self._flow.graph.nodes[link.node]
        if isinstance(node.inputs.get("expression"), str):
            return self._through_expression(node)
        if "on_true" in node.inputs or "on_false" in node.inputs:  # nobody can tell which: both
            return [place for name in ("on_true", "on_false") for place in self.at(node, name)]
        if name := next((name for name in _CARRIERS if name in node.inputs), None):
            return self.at(node, name)
        if set(node.inputs) == {"a"}:  # a converter of one number
            return self.at(node, "a")
        for name in SAME_QUANTITY.get(self._role, (self._role.value,)):
            if name in node.inputs:
                return self.at(node, name)
        if "image" in node.inputs and _SIZE_SLOTS.get(link.slot) is self._role:
            return self._size_of_image(node)
        return []

    def _through_expression(self, node: Node) -> list[Address]:
        expression = str(node.inputs["expression"])
        names = expression_variables({name: name for name in node.inputs})
        if len(names) == 1 and self._role in (Role.WIDTH, Role.HEIGHT):
            return self.at(
                node, *names.values()
            )  # half the size for a first pass is still decided by the size
        fixed = {letter: self._flow.constant(node, name) for letter, name in names.items()}
        known = {letter: value for letter, value in fixed.items() if is_number(value)}
        rounded = [letter for letter in names if only_rounds(expression, letter, known)]
        return self.at(node, names[rounded[0]]) if len(rounded) == 1 else []  # seconds × fps rounds neither

    def _size_of_image(self, node: Node) -> list[Address]:
        """Back along an image to what made it this wide, this high or this long."""
        for _ in range(MAX_DEPTH):
            producer = next(self._flow.producers(node, "IMAGE"), None)
            if producer is None:
                return []
            node = producer
            for name in SAME_QUANTITY[self._role]:
                if name in node.inputs:
                    return self.at(node, name)
            if self._role is not Role.LENGTH and _sets_a_size(node):
                return []
        return []


def _sets_a_size(node: Node) -> bool:
    """Whether a node gives a picture a size of its own (by megapixels, by cropping): what it was before
    does not decide any more. Scaling by a factor leaves the decision where it was."""
    words = {name.rpartition(".")[2] for name in node.inputs}
    return _RESIZES.search(node.class_type) is not None and not words & _FACTORS
