"""From the conditionings of a sampler back to the encoders, positive apart from negative. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.detect_flow import Flow
from bot.templates.detect_sampling import is_sampler
from bot.templates.detect_text import text_places
from bot.templates.graph import Address, Link, Node

_POSITIVE: Final = re.compile(r"positive(_NEW|_DEFAULT|_[A-Z]|_?\d+)?")
_NEGATIVE: Final = re.compile(r"negative(_NEW|_DEFAULT|_[A-Z]|_?\d+)?|neg_cond(itioning)?")
_PLAIN: Final = re.compile(
    r"conditioning(_?\d+|_to|_from)?|cond(_?\d+|_NEW|_DEFAULT)?|any(thing)?|on_true|on_false"
)
_FIRST: Final = re.compile(r"cond_?1|conditioning|cond")
_SECOND: Final = re.compile(r"cond_?2")
_BOTH: Final = re.compile(r"text_embeds|(\w+_)?pipe")
"""Inputs that carry both sides at once."""

_TEXTS: Final = frozenset({
    "prompt", "text", "text_g", "text_l", "clip_g", "clip_l", "t5xxl", "llama", "bert", "mt5xl", "qwen25_7b",
    "user_prompt", "positive_prompt", "tags", "caption", "prompt_text", "text_prompt", "positive",
})  # fmt: skip
_NEGATIVE_TEXTS: Final = frozenset({"negative_prompt", "negative_text", "text_negative", "negative"})
_NO_PROMPT: Final = re.compile(
    r"lyrics|system|negative|neg_|template|instruction|language|track|list", re.IGNORECASE
)


@dataclass(slots=True)
class Conditionings:
    """What lies behind the conditionings of samplers."""

    positive: list[Address] = field(default_factory=list)
    negative: list[Address] = field(default_factory=list)
    zeroed: bool = False
    """A negative conditioning is the zeroed-out one: a text there has no effect."""
    visited: dict[NodeId, Node] = field(default_factory=dict)
    """Every node on the way, in the order found."""
    passed: set[NodeId] = field(default_factory=set)
    """Text nodes on the way: language models among them are helpers, not the workflow's purpose."""


def conditionings(flow: Flow, holders: Iterable[Node]) -> Conditionings:
    """Trace the conditionings that samplers and guiders hold."""
    found = Conditionings()
    holders = list(holders)
    for node in holders:
        for name in _names(node, _POSITIVE, _FIRST, _BOTH):
            _trace(flow, found, flow.link(node, name), negative=False)
        for name in (*_negatives(flow, node), *_names(node, _BOTH)):
            _trace(flow, found, flow.link(node, name), negative=True)
    return found


def encoders(flow: Flow, nodes: Iterable[Node]) -> Iterator[Address]:
    """The texts of every encoder among ``nodes``: for graphs without a sampler."""
    for node in nodes:
        if "clip" in {name for name, _ in node.links()}:
            for name in _text_inputs(flow, node, negative=False):
                yield from text_places(flow, node, name).places


def _negatives(flow: Flow, holder: Node) -> list[str]:
    """In a guider with two conditions the second is the negative one; its own ``negative`` input is
    what both are compared with, often fed with anything."""
    second = [name for name in _names(holder, _SECOND) if flow.link(holder, name)]
    return second or _names(holder, _NEGATIVE)


def _names(node: Node, *patterns: re.Pattern[str]) -> list[str]:
    return [name for name, _ in node.links() if any(pattern.fullmatch(name) for pattern in patterns)]


def _trace(flow: Flow, found: Conditionings, start: Link | None, *, negative: bool) -> None:
    stack = [start]
    seen: set[Link] = set()
    while stack:
        link = stack.pop()
        if link is None or link in seen:
            continue
        seen.add(link)
        node = flow.graph.nodes[link.node]
        if "zeroout" in node.class_type.lower():
            found.zeroed = found.zeroed or negative
            continue
        if is_sampler(flow, node):
            continue
        found.visited[node.id] = node
        side = _side(flow, node, link.slot, negative)
        inputs = _behind(node, side)
        stack.extend(flow.link(node, name) for name in reversed(inputs))
        for name in () if inputs else _text_inputs(flow, node, side):
            text = text_places(flow, node, name)
            found.passed |= text.passed
            (found.negative if negative else found.positive).extend(text.places)


def _behind(node: Node, negative: bool) -> list[str]:
    """The conditionings that a node makes an output of this side from."""
    positive, against = _names(node, _POSITIVE), _names(node, _NEGATIVE)
    if positive and against:
        return against if negative else positive
    return positive or against or _names(node, _PLAIN, _BOTH)


def _side(flow: Flow, node: Node, slot: int, negative: bool) -> bool:
    """Whether an output of a node with a pair of conditionings is the negative one.

    With a catalogue the output's own place decides: positive is the first conditioning, negative the
    ones after it. Without, the use that is made of it (``negative``).
    """
    types = flow.output_types(node)
    if types is None or not 0 <= slot < len(types) or types[slot] != "CONDITIONING":
        return negative
    return types[: slot + 1].count("CONDITIONING") > 1


def _text_inputs(flow: Flow, node: Node, negative: bool) -> list[str]:
    """The inputs of an encoder that take this side's words."""
    if negative and (against := [name for name in node.inputs if name in _NEGATIVE_TEXTS]):
        return against
    if listed := [name for name in node.inputs if name in _TEXTS]:
        return listed
    return [
        name
        for name in node.inputs
        if flow.input_type(node, name) == "STRING"
        and not _NO_PROMPT.search(name)
        and (spec := flow.catalogue and flow.catalogue.spec(node.class_type, name, node.inputs))
        and spec.multiline
    ]
