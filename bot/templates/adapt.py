"""Fitting a template to one server: its ranges, its choices, its file names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.domain.errors import ParameterError
from bot.domain.ids import NodeId
from bot.domain.text import Text
from bot.templates.catalogue import Catalogue, InputSpec
from bot.templates.choices import MODEL_SUFFIXES, AmbiguousChoice, find, nearest, variant
from bot.templates.graph import Address, Graph, Json
from bot.templates.narrowing import narrow, specs
from bot.templates.params import MEDIA, ChoiceParameter, Parameter
from bot.templates.reading import Raw, label

if TYPE_CHECKING:
    from bot.templates.template import Template

SKETCH = "sketch-"
"""What the names of the sketch engine's files begin with: none is real, each stands for any other."""

_FITTING_ANY = ("Checkpoint", "UpscaleModel")
"""Parts of the names of loaders whose files can all be used in the same graph. Others hold models of one
kind each: there a file that is not even similar in name would only fail later."""


@dataclass(frozen=True, slots=True)
class _Substitute:
    choice: Raw
    quiet: bool
    """Nothing to tell anybody: the same file written differently, or a sketch of it."""


def to_catalogue(template: Template, catalogue: Catalogue) -> Template:
    """See :meth:`Template.with_catalogue`."""
    parameters = {
        name: narrow(parameter, specs(template.graph, template.bindings[name], catalogue))
        for name, parameter in template.parameters.items()
    }
    fallbacks = dict(template.fallbacks)
    for name, parameter in parameters.items():
        if isinstance(parameter, ChoiceParameter):
            parameters[name], note = _with_default(template, parameter)
            if note is not None:
                fallbacks[name] = note
    graph, notes = _with_literals(template, catalogue)
    presets, preset_notes = _presets(template, parameters)
    unique = {str(note): note for note in (*template.notes, *fallbacks.values(), *notes, *preset_notes)}
    return replace(
        template,
        graph=graph,
        parameters=parameters,
        fallbacks=fallbacks,
        presets=presets,
        notes=tuple(unique.values()),
    )


def choice_spec(graph: Graph, address: Address, catalogue: Catalogue) -> InputSpec | None:
    """The spec of a literal that has to be one of the server's list; None for any other. Files that a
    client uploads are no such thing, and neither are lists of several choices."""
    node = graph.nodes[address.node]
    spec = catalogue.spec(node.class_type, address.input, node.inputs)
    if spec is None or spec.choices is None or spec.upload or spec.multiselect:
        return None
    return spec if node.is_literal(address.input) else None


def needed_nodes(graph: Graph, outputs: tuple[NodeId, ...]) -> Graph:
    """Only what these outputs depend on."""
    return graph.restricted_to(set[NodeId]().union(*map(graph.upstream, outputs)))


def _with_default(template: Template, parameter: ChoiceParameter) -> tuple[ChoiceParameter, Text | None]:
    """The parameter with a default that this server has, where there is one."""
    default, choices = parameter.default, parameter.choices
    if default is None or not choices or default in choices:
        return parameter, None
    first = template.bindings[parameter.name][0]
    found = _substitute(default, choices, template.graph.nodes[first.node].class_type, chosen=True)
    if found is None:
        return parameter, None
    note = None if found.quiet else _replaced(label(parameter.name), default, found.choice)
    return replace(parameter, default=found.choice), note


def _with_literals(template: Template, catalogue: Catalogue) -> tuple[Graph, list[Text]]:
    """The graph with every choice that the server writes differently, or has another variant of."""
    graph = template.graph
    chosen = {place for places in template.bindings.values() for place in places}
    writes: dict[Address, Json] = {}
    notes: list[Text] = []
    for node in needed_nodes(graph, template.outputs):
        for name, value in node.inputs.items():
            address = Address(node.id, name)
            spec = choice_spec(graph, address, catalogue)
            if spec is None or not spec.choices or value in spec.choices:
                continue
            found = _substitute(value, spec.choices, node.class_type, chosen=address in chosen)
            if found is None:
                continue
            writes[address] = found.choice
            if not found.quiet and address not in chosen:
                notes.append(_replaced(node.title or str(address), value, found.choice))
    return graph.with_values(writes), notes


def _substitute(wanted: Json, choices: tuple[Json, ...], loader: str, *, chosen: bool) -> _Substitute | None:
    """What to use where ``wanted`` is not among ``choices``. ``chosen``: a person can choose otherwise, and
    is told; so a rougher likeness will do. Anything less would paint nonsense without a word."""
    try:
        found = find(str(wanted), choices)
    except AmbiguousChoice as error:
        return _Substitute(error.candidates[0], quiet=True)
    if found is not None:
        return _Substitute(found, quiet=True)
    if all(str(choice).startswith(SKETCH) for choice in choices):
        close = nearest(str(wanted), [str(choice).removeprefix(SKETCH) for choice in choices], 0.0)
        return _Substitute(f"{SKETCH}{close}" if close else choices[0], quiet=not chosen)
    if (other := variant(str(wanted), choices)) is not None:
        return _Substitute(other, quiet=False)
    if chosen and (close := nearest(str(wanted), choices)) is not None:
        return _Substitute(next(c for c in choices if str(c) == close), quiet=False)
    is_file = str(wanted).lower().endswith(MODEL_SUFFIXES)
    if chosen and (not is_file or any(part in loader for part in _FITTING_ANY)):
        return _Substitute(choices[0], quiet=False)
    return None


def _replaced(what: str, wanted: Json, used: Json) -> Text:
    return Text("{what}: the server has no {wanted}; {used} is used.", what=what, wanted=wanted, used=used)


def _presets(
    template: Template, parameters: Mapping[str, Parameter]
) -> tuple[dict[str, dict[str, Raw]], list[Text]]:
    """Presets without what this server does not take."""
    kept: dict[str, dict[str, Raw]] = {}
    notes: list[Text] = []
    for preset, values in template.presets.items():
        kept[preset] = {}
        for name, raw in values.items():
            try:
                if name in parameters and parameters[name].kind not in MEDIA:
                    parameters[name].parse(raw)
            except ParameterError as error:
                notes.append(Text("Preset {preset}: {reason}", preset=preset, reason=error.text))
            else:
                kept[preset][name] = raw
    return kept, notes
