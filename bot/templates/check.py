"""Whether a server can run a template, before anybody waits for it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.templates.adapt import choice_spec, needed_nodes
from bot.templates.addresses import called
from bot.templates.catalogue import Catalogue, InputSpec, NodeClass
from bot.templates.choices import MODEL_SUFFIXES, nearest
from bot.templates.graph import Address, Graph, Node
from bot.templates.params import FloatParameter, IntParameter, Parameter, SeedParameter
from bot.templates.template import Template


@dataclass(frozen=True, slots=True)
class Finding:
    """A ``problem`` is what the server would refuse; a ``warning`` what it would run differently.
    ``is_file``: all that is wrong is that the server lacks a file, which somebody may install."""

    severity: Literal["problem", "warning"]
    text: Text
    is_file: bool = False


def check(template: Template, catalogue: Catalogue) -> tuple[Finding, ...]:
    """What stands between this template and a picture from this server: node classes, files and choices
    that it lacks, numbers out of its range. Looks only at nodes that are sent."""
    fitted = template.with_catalogue(catalogue)
    graph = needed_nodes(fitted.graph, fitted.outputs)
    written = {place for name in fitted.media for place in fitted.bindings[name]}
    problems = [
        Finding("problem", text)
        for text in (*_missing_classes(graph, catalogue), *_nothing_saved(fitted, catalogue))
    ]
    for node in graph:
        if (node_class := catalogue.get(node.class_type)) is not None:
            problems += _wrong_inputs(graph, node, node_class, catalogue, written)
    problems += [Finding("problem", text) for text in _wrong_defaults(fitted)]
    return (*problems, *(Finding("warning", note) for note in fitted.notes))


def _nothing_saved(template: Template, catalogue: Catalogue) -> Iterator[Text]:
    """Offline, the last node of an unknown kind may be one that saves; a server knows."""
    known = [catalogue.get(template.graph.nodes[node].class_type) for node in template.outputs]
    if known and all(node_class is not None and not node_class.is_output for node_class in known):
        yield Text("The workflow saves nothing. Add a node that does (Save Image) and export it again.")


def _wrong_defaults(template: Template) -> Iterator[Text]:
    """Defaults that only the sidecar sets; those of the export are looked at where they are."""
    for name, parameter in template.parameters.items():
        default = parameter.default
        if (impossible := _impossible(parameter)) is not None:
            yield impossible
            continue
        if default is None or all(
            template.graph.value(place) == default for place in template.bindings[name]
        ):
            continue
        try:
            parameter.parse(default)
        except ParameterError as error:
            yield Text("The default of {name}: {reason}", name=name, reason=error.text)


def _impossible(parameter: Parameter) -> Text | None:
    """Bounds of a sidecar that lie outside of what the server takes."""
    if not isinstance(parameter, IntParameter | FloatParameter | SeedParameter):
        return None
    low, high = parameter.minimum, parameter.maximum
    if low is None or high is None or low <= high:
        return None
    return Text(
        "Parameter {name}: at least {low} is wanted, but at most {high} is taken.",
        name=parameter.name,
        low=low,
        high=high,
    )


def _missing_classes(graph: Graph, catalogue: Catalogue) -> Iterator[Text]:
    for class_type in dict.fromkeys(node.class_type for node in graph):
        if class_type in catalogue:
            continue
        yield Text(
            "The server has no node {name} (used by {nodes}). Install the custom node that brings it, or "
            "update ComfyUI.{hint}",
            name=class_type,
            nodes=", ".join(called(node) for node in graph if node.class_type == class_type),
            hint=Text(" It has {nearest}.", nearest=close)
            if (close := nearest(class_type, catalogue.classes, 90.0))
            else "",
        )


def _wrong_inputs(
    graph: Graph, node: Node, node_class: NodeClass, catalogue: Catalogue, written: set[Address]
) -> Iterator[Finding]:
    for spec in node_class.active_inputs(node.inputs):
        address = Address(node.id, spec.name)
        if spec.name not in node.inputs:
            if spec.required and not spec.type.startswith("COMFY_"):
                said = Text("Node {node} lacks its input {input}.", node=called(node), input=spec.name)
                yield Finding("problem", said)
        elif address not in written and node.is_literal(spec.name):
            is_file = str(node.inputs[spec.name]).casefold().endswith(MODEL_SUFFIXES)
            for said in _wrong_choice(graph, address, catalogue):
                yield Finding("problem", said, is_file)
            for said in _out_of_range(node, spec):
                yield Finding("problem", said)


def _wrong_choice(graph: Graph, address: Address, catalogue: Catalogue) -> Iterator[Text]:
    node, value = graph.nodes[address.node], graph.value(address)
    spec = choice_spec(graph, address, catalogue)
    if spec is None or value in (spec.choices or ()):
        return
    close = nearest(str(value), spec.choices or ())
    yield Text(
        "Node {node}: the server has no {value} for {input}.{hint}",
        node=called(node),
        value=value,
        input=address.input,
        hint=Text(" The nearest is {nearest}.", nearest=close)
        if close
        else Text(" It has none at all: install the file.")
        if not spec.choices
        else "",
    )


def _out_of_range(node: Node, spec: InputSpec) -> Iterator[Text]:
    value = node.inputs[spec.name]
    if spec.type not in ("INT", "FLOAT") or not isinstance(value, int | float):
        return
    low, high = spec.minimum, spec.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        yield Text(
            "Node {node}: {input} is {value}; the server takes {low} to {high}.",
            node=called(node),
            input=spec.name,
            value=value,
            low="any" if low is None else low,
            high="any" if high is None else high,
        )
