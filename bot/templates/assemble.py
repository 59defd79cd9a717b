"""Parameters for what was detected in a graph: one for each role, or several where the export means several
different things. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.templates.catalogue import Catalogue
from bot.templates.graph import Address, Graph, Json
from bot.templates.narrowing import narrow, readers, specs
from bot.templates.params import (
    BoolParameter,
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    Kind,
    MediaParameter,
    Parameter,
    SeedParameter,
    TextParameter,
)
from bot.templates.roles import Role
from bot.templates.sizes import MAX_SIDE, MIN_SIDE, known_multiple

KINDS: Mapping[Role, Kind] = {
    Role.PROMPT_TEXT: Kind.TEXT,
    Role.NEGATIVE_TEXT: Kind.TEXT,
    Role.SEED: Kind.SEED,
    Role.STEPS: Kind.INT,
    Role.CFG: Kind.FLOAT,
    Role.GUIDANCE: Kind.FLOAT,
    Role.WIDTH: Kind.INT,
    Role.HEIGHT: Kind.INT,
    Role.BATCH_SIZE: Kind.INT,
    Role.LENGTH: Kind.INT,
    Role.FPS: Kind.FLOAT,
    Role.SAMPLER: Kind.CHOICE,
    Role.SCHEDULER: Kind.CHOICE,
    Role.DENOISE: Kind.FLOAT,
    Role.MODEL: Kind.CHOICE,
    Role.LORA: Kind.CHOICE,
    Role.INPUT_IMAGE: Kind.IMAGE,
    Role.INPUT_MASK: Kind.MASK,
    Role.INPUT_VIDEO: Kind.VIDEO,
    Role.INPUT_AUDIO: Kind.AUDIO,
}

DESCRIPTIONS: Mapping[Role, str] = {
    Role.PROMPT_TEXT: "What you want to see",
    Role.NEGATIVE_TEXT: "What you do not want to see",
    Role.SEED: "The same seed makes the same picture again; -1 draws a new one",
    Role.STEPS: "More steps take longer and add detail",
    Role.CFG: "How closely the picture follows the words",
    Role.GUIDANCE: "How closely the picture follows the words",
    Role.WIDTH: "Pixels across",
    Role.HEIGHT: "Pixels down",
    Role.BATCH_SIZE: "Pictures in one run; always 1",
    Role.LENGTH: "Frames",
    Role.FPS: "Frames a second",
    Role.SAMPLER: "How noise is taken away, step by step",
    Role.SCHEDULER: "How much noise each step takes away",
    Role.DENOISE: "How much of the input is painted over: 0 nothing, 1 everything",
    Role.MODEL: "The model that paints",
    Role.LORA: "A small addition to the model",
    Role.INPUT_IMAGE: "The picture to start from",
    Role.INPUT_MASK: "Where to paint",
    Role.INPUT_VIDEO: "The video to start from",
    Role.INPUT_AUDIO: "The sound to start from",
}

_BOUNDS: Mapping[Role, tuple[float | None, float | None]] = {
    Role.STEPS: (1, None),
    Role.CFG: (0.0, None),
    Role.GUIDANCE: (0.0, None),
    Role.WIDTH: (MIN_SIDE, MAX_SIDE),
    Role.HEIGHT: (MIN_SIDE, MAX_SIDE),
    Role.BATCH_SIZE: (1, None),
    Role.LENGTH: (1, None),
    Role.FPS: (1.0, None),
    Role.DENOISE: (0.0, 1.0),
}
"""What holds for every model, whatever a node declares (a primitive goes down to -2^63)."""

_SEVERAL = frozenset(
    {Role.MODEL, Role.LORA, Role.INPUT_IMAGE, Role.INPUT_MASK, Role.INPUT_VIDEO, Role.INPUT_AUDIO}
)
"""Roles whose places name files: places with the same file are one thing, others are different things."""

STRENGTH = "_strength"
"""What the name of a LoRA's strength ends in."""

_ROLES = {role.value: role for role in Role}
_NUMBERED = re.compile(r"_[0-9]+$")


def assemble(
    graph: Graph, roles: Mapping[Role, tuple[Address, ...]], catalogue: Catalogue | None = None
) -> tuple[dict[str, Parameter], dict[str, tuple[Address, ...]]]:
    """Parameters and their places, in the order of the roles; ``batch_size`` included.

    A place belongs to one parameter, the first of its roles: an encoder that serves both sides takes the
    prompt, and a picture whose transparent part is the mask is given as a picture.
    """
    parameters: dict[str, Parameter] = {}
    bindings: dict[str, tuple[Address, ...]] = {}
    owned: set[Address] = set()
    for role in Role:
        if role is Role.OUTPUT:
            continue
        free = tuple(place for place in roles.get(role, ()) if place not in owned)
        owned.update(free)
        for name, places in _things(graph, role, free):
            parameters[name] = make(graph, name, KINDS[role], places, catalogue, role=role)
            bindings[name] = places
            if role is Role.LORA and (strengths := _strengths(graph, places)):
                strength = name + STRENGTH
                parameters[strength] = make(graph, strength, Kind.FLOAT, strengths, catalogue)
                bindings[strength] = strengths
    return parameters, bindings


def make(
    graph: Graph,
    name: str,
    kind: Kind,
    places: tuple[Address, ...],
    catalogue: Catalogue | None = None,
    *,
    role: Role | None = None,
) -> Parameter:
    """A parameter of this kind for these places. Its default is what they hold, if they all hold the same."""
    exported = [graph.value(place) for place in places]
    default = exported[0] if exported and all(_same(value, exported[0]) for value in exported) else None
    description = DESCRIPTIONS[role] if role else ""
    low, high = _BOUNDS.get(role, (None, None)) if role else (None, None)
    parameter: Parameter
    match kind:
        case Kind.TEXT:
            needed = role is Role.PROMPT_TEXT
            parameter = TextParameter(name, None if needed else _text(default), description, needed)
        case Kind.SEED:
            parameter = SeedParameter(name, None, description)
        case Kind.INT:
            parameter = IntParameter(name, _int(default), description, _int(low), _int(high))
            if role in (Role.WIDTH, Role.HEIGHT):
                classes = {graph.nodes[r.node].class_type for place in places for r in readers(graph, place)}
                parameter = IntParameter(
                    name, _int(default), description, _int(low), _int(high), known_multiple(classes)
                )
        case Kind.FLOAT:
            parameter = FloatParameter(name, _float(default), description, low, high)
        case Kind.CHOICE:
            scalar = default if isinstance(default, str | int | float) else None
            parameter = ChoiceParameter(name, scalar, description)
        case Kind.BOOL:
            parameter = BoolParameter(name, default if isinstance(default, bool) else None, description)
        case Kind.IMAGE | Kind.MASK | Kind.VIDEO | Kind.AUDIO:
            return MediaParameter(name, kind, description)
    return narrow(parameter, specs(graph, places, catalogue)) if catalogue else parameter


def role_of(name: str) -> Role | None:
    """The role of a parameter called so (``lora`` for ``lora_2``); None for names of an operator's own."""
    return _ROLES.get(name) or _ROLES.get(_NUMBERED.sub("", name))


def kind_of(value: Json) -> Kind:
    """The kind of a literal that nothing else is known about."""
    match value:
        case bool():
            return Kind.BOOL
        case int():
            return Kind.INT
        case float():
            return Kind.FLOAT
        case _:
            return Kind.TEXT


def _things(
    graph: Graph, role: Role, places: tuple[Address, ...]
) -> Iterator[tuple[str, tuple[Address, ...]]]:
    """The places of a role in groups that one value belongs to, each with a name: ``lora``, ``lora_2``."""
    if role not in _SEVERAL:
        if places:
            yield role.value, places
        return
    groups: dict[str, list[Address]] = {}
    for place in places:
        groups.setdefault(repr(graph.value(place)), []).append(place)
    for number, group in enumerate(groups.values(), start=1):
        yield role.value if number == 1 else f"{role.value}_{number}", tuple(group)


def _strengths(graph: Graph, places: tuple[Address, ...]) -> tuple[Address, ...]:
    """The strength inputs beside a LoRA's name."""
    return tuple(
        Address(place.node, name)
        for place in places
        for name, value in graph.nodes[place.node].inputs.items()
        if name in ("strength_model", "strength_clip", "strength")
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    )


def _same(one: Json, other: Json) -> bool:
    return type(one) is type(other) and bool(one == other)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
