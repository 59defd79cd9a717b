"""What a server's catalogue says about a parameter: its range, step and choices. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.ids import NodeId
from bot.templates.catalogue import Catalogue, InputSpec
from bot.templates.choices import AmbiguousChoice, find
from bot.templates.graph import Address, Graph
from bot.templates.params import (
    MAX_SEED,
    BoolParameter,
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    MediaParameter,
    Parameter,
    SeedParameter,
    TextParameter,
)
from bot.templates.reading import Raw

STEPPED = frozenset({"width", "height", "length"})
"""Parameters whose step is a need of the model; elsewhere it is only what a slider does."""

_PASSING = ("Primitive", "Reroute", "ComfySwitchNode")


def readers(graph: Graph, address: Address) -> Iterator[Address]:
    """The inputs that read the literal at ``address`` in the end: itself, and where its node only hands a
    value on (primitives, constants, reroutes, switches), whatever that value is connected to."""
    seen: set[NodeId] = set()
    stack = [address]
    while stack:
        place = stack.pop(0)
        yield place
        node = graph.nodes[place.node]
        hands_on = len(node.inputs) == 1 or node.class_type.startswith(_PASSING)
        if not hands_on or place.node in seen:
            continue
        seen.add(place.node)
        stack += [Address(c.node, c.input) for c in graph.consumers(place.node)]


def specs(graph: Graph, places: Sequence[Address], catalogue: Catalogue) -> list[InputSpec]:
    """Every declaration that a value written to ``places`` has to satisfy."""
    found = []
    for place in places:
        for address in readers(graph, place):
            node = graph.nodes[address.node]
            spec = catalogue.spec(node.class_type, address.input, node.inputs)
            if spec is not None and spec.is_widget:
                found.append(spec)
    return found


def narrow(parameter: Parameter, declared: Sequence[InputSpec]) -> Parameter:
    """``parameter`` within everything that ``declared`` says; bounds of its own stay where tighter.

    The kind follows the declaration where an export cannot tell: a string that is a choice, a ``24`` that
    may be 23.976.
    """
    types = {spec.type for spec in declared}
    if not declared or isinstance(parameter, MediaParameter):
        return parameter
    if types == {"COMBO"} and not isinstance(parameter, SeedParameter):
        return _choice(parameter, declared)
    match parameter:
        case SeedParameter():
            return replace(
                parameter,
                minimum=max(parameter.minimum, _bound(declared, "minimum", max, 0)),
                maximum=min(parameter.maximum, _bound(declared, "maximum", min, MAX_SEED)),
            )
        case IntParameter() if types == {"FLOAT"} and parameter.name not in STEPPED:
            return _float(
                FloatParameter(
                    parameter.name,
                    None if parameter.default is None else float(parameter.default),
                    parameter.description,
                    parameter.minimum,
                    parameter.maximum,
                ),
                declared,
            )
        case IntParameter():
            return _int(parameter, declared)
        case FloatParameter() if types == {"INT"}:
            return _int(_whole(parameter), declared)
        case FloatParameter():
            return _float(parameter, declared)
        case TextParameter() | ChoiceParameter() | BoolParameter():
            return parameter


def _choice(parameter: Any, declared: Sequence[InputSpec]) -> ChoiceParameter:
    choices: tuple[Raw, ...] = tuple(
        choice
        for choice in declared[0].choices or ()
        if isinstance(choice, str | int | float)
        and all(choice in (spec.choices or ()) for spec in declared[1:])
    )
    own = parameter.choices if isinstance(parameter, ChoiceParameter) else None
    if own is not None:
        choices = tuple(there for choice in own if (there := _listed(choice, choices)) is not None)
    return ChoiceParameter(parameter.name, parameter.default, parameter.description, choices)


def _listed(wanted: Raw, choices: tuple[Raw, ...]) -> Raw | None:
    try:
        return find(str(wanted), choices)
    except AmbiguousChoice:
        return None


def _int(parameter: IntParameter, declared: Sequence[InputSpec]) -> IntParameter:
    minimum = _rounded(_bound(declared, "minimum", max, parameter.minimum), math.ceil)
    maximum = _rounded(_bound(declared, "maximum", min, parameter.maximum), math.floor)
    step, phase = parameter.step, parameter.phase
    if step is None and parameter.name in STEPPED:
        steps = [int(spec.step) for spec in declared if spec.step is not None and spec.step >= 1]
        step = math.lcm(*steps) if steps else None
        phase = int(_bound(declared, "minimum", max, 0)) % step if step and parameter.name == "length" else 0
    return replace(parameter, minimum=minimum, maximum=maximum, step=step, phase=phase)


def _float(parameter: FloatParameter, declared: Sequence[InputSpec]) -> FloatParameter:
    steps = [spec.step for spec in declared if spec.step]
    return replace(
        parameter,
        minimum=_bound(declared, "minimum", max, parameter.minimum),
        maximum=_bound(declared, "maximum", min, parameter.maximum),
        step=parameter.step if parameter.step is not None or not steps else max(steps),
    )


def _whole(parameter: FloatParameter) -> IntParameter:
    return IntParameter(
        parameter.name,
        _rounded(parameter.default, round),
        parameter.description,
        _rounded(parameter.minimum, math.ceil),
        _rounded(parameter.maximum, math.floor),
    )


def _rounded(value: float | None, way: Callable[[float], int]) -> int | None:
    return value if value is None or isinstance(value, int) else way(value)


def _bound(declared: Sequence[InputSpec], end: str, tightest: Any, own: Any) -> Any:
    """The tightest of the declared bounds and our own; None when nobody sets one."""
    bounds = [bound for spec in declared if (bound := getattr(spec, end)) is not None]
    if own is not None:
        bounds.append(own)
    return tightest(bounds) if bounds else None
