"""What a sidecar changes about the detected parameters, and those that it adds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.templates.addresses import place
from bot.templates.assemble import KINDS, kind_of, make, role_of
from bot.templates.catalogue import Catalogue
from bot.templates.choices import nearest
from bot.templates.graph import Address, Graph
from bot.templates.params import (
    FloatParameter,
    IntParameter,
    Kind,
    Parameter,
    SeedParameter,
    TextParameter,
)
from bot.templates.reading import Raw
from bot.templates.roles import Role
from bot.templates.sidecar import Override, Sidecar

_NUMBER = frozenset({"minimum", "maximum", "step", "default"})
_USED: Mapping[Kind, frozenset[str]] = {
    Kind.TEXT: frozenset({"default", "max_length", "required"}),
    Kind.INT: _NUMBER,
    Kind.FLOAT: _NUMBER,
    Kind.SEED: _NUMBER - {"step"},
    Kind.CHOICE: frozenset({"default", "choices"}),
    Kind.BOOL: frozenset({"default"}),
    **dict.fromkeys((Kind.IMAGE, Kind.MASK, Kind.VIDEO, Kind.AUDIO), frozenset({"required"})),
}
_WRITTEN = {"minimum": "min", "maximum": "max"}
Report = Callable[[str, Text], None]
"""Takes a key of the sidecar and what is wrong with it, as the rest of a sentence."""


def apply_overrides(
    graph: Graph,
    sidecar: Sidecar,
    parameters: dict[str, Parameter],
    bindings: dict[str, tuple[Address, ...]],
    catalogue: Catalogue | None,
    report: Report,
) -> None:
    """Change ``parameters`` and ``bindings`` to what the sidecar says; its word goes before detection.

    An empty ``bind`` takes a parameter away. A place that the sidecar gives to one parameter is taken
    from any other that was only detected.
    """
    owners: dict[Address, str] = {}
    for name, override in sidecar.parameters.items():
        key = f"parameters.{name}"
        places = _places(graph, override, bindings.get(name), key, report)
        if places is None:
            if name not in bindings and override.bind is None:
                report(key, _not_detected(name, bindings))
            continue
        for address in places:
            if (other := owners.setdefault(address, name)) != name:
                report(key, Text("writes to {place}, and so does {other}", place=address, other=other))
        if not places:
            parameters.pop(name, None)
            bindings.pop(name, None)
            continue
        parameter = parameters.get(name)
        if parameter is None or override.bind is not None or override.kind is not None:
            kind = _kind(graph, name, places, override, catalogue)
            parameter = make(graph, name, kind, places, role=role_of(name))
        parameters[name] = _changed(parameter, override, key, report)
        bindings[name] = places
    _release(owners, set(sidecar.parameters), parameters, bindings)


def _places(
    graph: Graph,
    override: Override,
    detected: tuple[Address, ...] | None,
    key: str,
    report: Report,
) -> tuple[Address, ...] | None:
    if override.bind is None:
        return detected
    places: list[Address] = []
    for number, reference in enumerate(override.bind):
        found = place(graph, reference)
        if isinstance(found, Text):
            report(f"{key}.bind[{number}]", found)
        else:
            places.append(found)
    return tuple(dict.fromkeys(places)) if len(places) == len(override.bind) else None


def _not_detected(name: str, detected: Mapping[str, object]) -> Text:
    close = nearest(name, detected)
    hint = Text(". Did you mean {nearest}?", nearest=close) if close else ""
    return Text("was not detected in the export, so it needs a bind{hint}", hint=hint)


def _kind(
    graph: Graph, name: str, places: tuple[Address, ...], override: Override, catalogue: Catalogue | None
) -> Kind:
    """As said, else by name, else by what the server declares, else by the literal."""
    if override.kind is not None:
        return override.kind
    if (role := role_of(name)) is not None and role in KINDS:
        return KINDS[role]
    node = graph.nodes[places[0].node]
    spec = catalogue.spec(node.class_type, places[0].input, node.inputs) if catalogue else None
    if override.choices is not None or (spec is not None and spec.type == "COMBO"):
        return Kind.CHOICE
    if spec is not None and spec.type == "FLOAT":
        return Kind.FLOAT
    fractional = any(
        isinstance(v, float) for v in (override.minimum, override.maximum, override.step, override.default)
    )
    kind = kind_of(graph.value(places[0]))
    return Kind.FLOAT if kind is Kind.INT and fractional else kind


def _changed(parameter: Parameter, override: Override, key: str, report: Report) -> Parameter:
    """The parameter with everything that the sidecar says about it."""
    said = {
        name: value
        for name in ("minimum", "maximum", "step", "default", "choices", "max_length", "required")
        if (value := getattr(override, name)) is not None
    }
    for name in said.keys() - _USED[parameter.kind]:
        report(
            f"{key}.{_WRITTEN.get(name, name)}",
            Text("means nothing for a parameter of kind {kind}", kind=parameter.kind.value),
        )
        del said[name]
    if isinstance(parameter, IntParameter | SeedParameter):
        for name in said.keys() & {"minimum", "maximum", "step"}:
            if not float(said[name]).is_integer():
                report(f"{key}.{_WRITTEN.get(name, name)}", Text("must be a whole number"))
                return parameter
            said[name] = int(said[name])
    if isinstance(parameter, FloatParameter):
        said.update({name: float(said[name]) for name in said.keys() & {"minimum", "maximum", "step"}})
    default = said.pop("default", None)
    if override.description is not None:
        said["description"] = override.description
    changed = _with_phase(replace(parameter, **said))
    return changed if default is None else _defaulted(changed, default, key, report)


def _with_phase(parameter: Parameter) -> Parameter:
    """Video lengths are counted from their first allowed value (4n+1), sizes from zero."""
    if isinstance(parameter, IntParameter) and parameter.name == Role.LENGTH and parameter.step:
        start = parameter.minimum if parameter.default is None else parameter.default
        return replace(parameter, phase=(start or 0) % parameter.step)
    return parameter


def _defaulted(parameter: Parameter, default: Raw, key: str, report: Report) -> Parameter:
    """The parameter with a default of the sidecar; a text that has one need not be given."""
    try:
        value: Any = parameter.parse(default)
    except ParameterError as error:
        report(f"{key}.default", Text("cannot be used: {reason}", reason=error.text))
        return parameter
    if isinstance(parameter, TextParameter):
        return replace(parameter, default=value, required=False)
    return replace(parameter, default=value)


def _release(
    owners: Mapping[Address, str],
    said: set[str],
    parameters: dict[str, Parameter],
    bindings: dict[str, tuple[Address, ...]],
) -> None:
    """Take from detected parameters the places that the sidecar gave to others."""
    for name in [name for name in bindings if name not in said]:
        left = tuple(address for address in bindings[name] if address not in owners)
        if left:
            bindings[name] = left
        elif bindings[name]:
            del bindings[name], parameters[name]
