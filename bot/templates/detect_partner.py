"""Nodes that let a service of somebody else do the work: no sampler, everything in one node. Pure.

They say what they take in plain words (``prompt``, ``model.prompt``, ``seed``, ``n``), also behind the
dot that a chosen option puts before its inputs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.detect_flow import Flow
from bot.templates.detect_sampling import Found, is_sampler
from bot.templates.detect_text import text_places
from bot.templates.detect_values import number_places
from bot.templates.graph import Node
from bot.templates.roles import Role

_PROMPTS: Final = ("prompt", "text", "prompt_text", "text_prompt", "edit_instruction")
_NEGATIVES: Final = ("negative_prompt",)
_NUMBERS: Final = {
    Role.SEED: re.compile(r"(\w+_)?seed", re.IGNORECASE),
    Role.STEPS: re.compile(r"steps"),
    Role.GUIDANCE: re.compile(r"guidance(_scale)?"),
    Role.CFG: re.compile(r"cfg(_scale)?"),
    Role.WIDTH: re.compile(r"width"),
    Role.HEIGHT: re.compile(r"height"),
    Role.BATCH_SIZE: re.compile(r"n|number_of_images|num_images|max_images|batch_size"),
    Role.FPS: re.compile(r"fps"),
}
_PRESETS: Final = frozenset({"size", "size_preset", "aspect_ratio", "resolution", "ratio"})
_OWN_WEIGHTS: Final = frozenset({"clip", "model", "vae", "latent", "latent_image", "samples", "guider"})


def partners(flow: Flow, live: Iterable[Node], *, beside_samplers: bool) -> tuple[Node, ...]:
    """The live nodes that call a service. What a catalogue does not tell is guessed; more carefully where
    samplers do the work, because tools around them (segmentation) have prompts too."""
    return tuple(node for node in live if _is_partner(flow, node, beside_samplers))


def partner_roles(flow: Flow, services: Iterable[Node]) -> tuple[Found, ...]:
    """The roles of services. One whose answer is the text of another one is a helper: its words are the
    person's, the rest of it is not."""
    services = tuple(services)
    texts = [found for node in services for found in _texts(flow, node)]
    passed = {node_id for _, through in texts for node_id in through}
    numbers = [found for node in services if node.id not in passed for found in _numbers(flow, node)]
    return (*(found for found, _ in texts), *numbers)


def _is_partner(flow: Flow, node: Node, beside_samplers: bool) -> bool:
    known = flow.catalogue.get(node.class_type) if flow.catalogue else None
    if known is not None:
        return known.is_api_node
    if len(node.inputs) < 2 or is_sampler(flow, node):
        return False
    if {name for name, _ in node.links()} & _OWN_WEIGHTS:
        return False
    words = {name.rpartition(".")[2] for name in node.inputs}
    has_seed, has_prompt = bool(words & {"seed", "model_seed"}), "prompt" in words
    return (has_seed and has_prompt) if beside_samplers else (has_seed or has_prompt)


def _texts(flow: Flow, node: Node) -> Iterator[tuple[Found, set[NodeId]]]:
    for role, names in ((Role.PROMPT_TEXT, _PROMPTS), (Role.NEGATIVE_TEXT, _NEGATIVES)):
        by_word = {name.rpartition(".")[2]: name for name in node.inputs}
        name = next((by_word[word] for word in names if word in by_word), None)
        if name is not None:
            text = text_places(flow, node, name)
            yield Found(role, tuple(text.places)), text.passed


def _numbers(flow: Flow, node: Node) -> Iterator[Found]:
    idle: tuple[Role, ...] = ()
    if _size_by_preset(node):
        idle += (Role.WIDTH, Role.HEIGHT)
    if _answers_in_words(flow, node):
        idle += (Role.SEED,)
    for name in node.inputs:
        for role, pattern in _NUMBERS.items():
            if role not in idle and pattern.fullmatch(name.rpartition(".")[2]):
                yield Found(role, number_places(flow, node, name, role))


def _size_by_preset(node: Node) -> bool:
    """Whether width and height are idle because a named size is chosen instead."""
    presets = [value for name, value in node.inputs.items() if name.rpartition(".")[2] in _PRESETS]
    return any(isinstance(value, str) and "custom" not in value.lower() for value in presets)


def _answers_in_words(flow: Flow, node: Node) -> bool:
    """Whether this is a language model: its seed is no picture's seed."""
    if "prompt" not in {name.rpartition(".")[2] for name in node.inputs}:
        return False
    types = flow.output_types(node)
    if types is not None:
        return bool(types) and set(types) <= {"STRING"}
    readers = {consumer.input.rpartition(".")[2] for consumer in flow.graph.consumers(node.id)}
    return bool(readers) and readers <= {"text", "source", "prompt", "string", "string_a", "string_b"}
