"""Samplers, and what they are made of: models, settings, latents. Pure.

From a sampler back: its own literals; the nodes that hold its noise, schedule, method and guidance; the
chain of models to the loader, past LoRAs; the latents to the node that creates them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.ids import NodeId
from bot.templates.detect_flow import Flow
from bot.templates.detect_values import choice_places, number_places
from bot.templates.graph import Address, Link, Node
from bot.templates.roles import Role

_SETTINGS: Final = frozenset({
    "cfg", "denoise", "guider", "noise", "noise_seed", "sampler", "sampler_name", "scheduler", "seed",
    "sigmas", "steps",
})  # fmt: skip
_SEEDS: Final = ("seed", "noise_seed")
_CFGS: Final = ("cfg", "cfg_conds", "video_cfg")
_CONDITIONINGS: Final = frozenset({"positive", "negative", "conditioning", "text_embeds"})
_RESULTS: Final = frozenset({"LATENT", "IMAGE", "VIDEO", "AUDIO"})

_PARTS: Final[Mapping[str, Mapping[Role, tuple[str, ...]]]] = {
    "noise": {Role.SEED: _SEEDS},
    "sampler": {Role.SAMPLER: ("sampler_name", "sampler")},
    "sigmas": {Role.STEPS: ("steps",), Role.SCHEDULER: ("scheduler",), Role.DENOISE: ("denoise",)},
    "guider": {Role.CFG: _CFGS},
}
"""Parts of a sampler that can be nodes of their own, and what those hold."""

_OWN: Final = {role: names for part in _PARTS.values() for role, names in part.items()}

_CREATES: Final = {
    Role.WIDTH: ("width", "empty_latent_width"),
    Role.HEIGHT: ("height", "empty_latent_height"),
    Role.LENGTH: ("length", "num_frames", "video_frames", "frames_number"),
    Role.BATCH_SIZE: ("batch_size",),
}
"""What a node that creates a latent lays down."""

_MODEL_FILE: Final = re.compile(r"(ckpt|unet|checkpoint|diffusion(_model)?|model|gguf)(_?(name|path|file))?")
_LORA_FILE: Final = re.compile(r"lora_?\d*(_?name)?(_?\d+)?")


@dataclass(frozen=True, slots=True)
class Found:
    """A role and literals that carry it."""

    role: Role
    places: tuple[Address, ...]


def is_sampler(flow: Flow, node: Node) -> bool:
    """Whether a node runs a diffusion model, judged by what it takes, so that unlisted samplers count."""
    linked = {name for name, _ in node.links()}
    if "guider" in linked:
        return bool(linked & {"sigmas", "noise", "sampler"})
    has = _SETTINGS & node.inputs.keys()
    if len(has) < 3 and not ("steps" in has and has & set(_SEEDS)):
        return False
    types = flow.output_types(node)
    if types is not None and not _RESULTS & set(types):
        return False  # it trains
    has_model = any(flow.takes(node, name, "MODEL") for name in linked)
    is_asked = bool(linked & _CONDITIONINGS) or any(flow.takes(node, name, "LATENT") for name in linked)
    return (has_model and is_asked) or {"positive", "negative"} <= linked


def settings(flow: Flow, sampler: Node) -> Iterator[Found]:
    """Seed, steps, cfg, method, schedule and denoise of one sampler."""
    for role, names in _OWN.items():
        if role is Role.SEED and _adds_no_noise(flow, sampler):
            continue  # its seed is read and never used
        yield from _literals(flow, sampler, role, names)
    for part, roles in _PARTS.items():
        for node in _part(flow, sampler, part):
            refines = any(flow.takes(node, name, "SIGMAS") for name, _ in node.links())
            for role, names in roles.items():
                if role is not Role.STEPS or not refines:
                    yield from _literals(flow, node, role, names)


def models(flow: Flow, start: Iterable[Node]) -> Iterator[Found]:
    """The model files and LoRAs that the given nodes use, through everything that patches a model."""
    for node in walk(flow, start, "MODEL"):
        for holder in (node, *_lora_stack(flow, node)):
            for name in holder.inputs:
                if _LORA_FILE.fullmatch(name) and flow.constant(holder, name) != "None":  # an empty slot
                    yield Found(Role.LORA, choice_places(flow, holder, name))
        if not any(flow.takes(node, name, "MODEL") for name, _ in node.links()):
            yield from _model_file(flow, node)


def latents(flow: Flow, start: Iterable[Node]) -> Iterator[Node]:
    """The nodes that create the latents which the given nodes work on."""
    for node in walk(flow, start, "LATENT", stop=lambda node: is_sampler(flow, node)):
        if any(flow.takes(node, name, "LATENT") for name, _ in node.links()):
            continue
        if "pixels" in node.inputs:  # encoded from a picture: only a blank canvas has a size to set
            node = next(flow.producers(node, "IMAGE"), node)
            if any(True for _ in node.links()):
                continue
        yield node


def sizes(flow: Flow, creator: Node) -> Iterator[Found]:
    """Width, height, frames and batch size that a node lays down."""
    for role, names in _CREATES.items():
        yield from _literals(flow, creator, role, names)


def guides(flow: Flow, sampler: Node) -> tuple[Node, ...]:
    """The sampler and its guider: the nodes that hold conditionings and models."""
    return (sampler, *_part(flow, sampler, "guider"))


def walk(
    flow: Flow, start: Iterable[Node], kind: str, stop: Callable[[Node], bool] = lambda _: False
) -> Iterator[Node]:
    """Every node behind the given ones along inputs of one type, each once; ``stop`` nodes are left out."""
    seen: set[NodeId] = set()
    stack = [node for first in start for node in flow.producers(first, kind)]
    while stack:
        node = stack.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        if stop(node):
            continue
        yield node
        stack.extend(flow.producers(node, kind))


def _lora_stack(flow: Flow, node: Node) -> Iterator[Node]:
    """LoRAs that are handed to a loader as a list: each node of it adds one to the list before."""
    seen: set[NodeId] = set()
    link = next((link for name, link in flow.links(node) if name.startswith("lora")), None)
    while link is not None and link.node not in seen:
        seen.add(link.node)
        node = flow.graph.nodes[link.node]
        yield node
        link = next((link for name, link in flow.links(node) if "lora" in name), None)


def _adds_no_noise(flow: Flow, sampler: Node) -> bool:
    value = flow.constant(sampler, "add_noise")
    return value is False or (isinstance(value, str) and value.lower() in ("disable", "disabled", "false"))


def _part(flow: Flow, sampler: Node, part: str) -> Iterator[Node]:
    """The node that is a part of a sampler and, for schedules, the ones that it refines."""
    link: Link | None = flow.link(sampler, part)
    seen: set[NodeId] = set()
    while link is not None and link.node not in seen:
        seen.add(link.node)
        node = flow.graph.nodes[link.node]
        yield node
        link = next((found for _, found in flow.links(node, "SIGMAS")), None) if part == "sigmas" else None


def _literals(flow: Flow, node: Node, role: Role, names: Iterable[str]) -> Iterator[Found]:
    for name in names:
        if name in node.inputs:
            find_choice = role in (Role.SAMPLER, Role.SCHEDULER)
            places = choice_places(flow, node, name) if find_choice else number_places(flow, node, name, role)
            yield Found(role, places)
            return


def _model_file(flow: Flow, loader: Node) -> Iterator[Found]:
    for name in loader.inputs:
        if _MODEL_FILE.fullmatch(name) and (places := choice_places(flow, loader, name)):
            yield Found(Role.MODEL, places)
            return
