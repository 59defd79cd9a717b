"""What painting a bound graph takes: nodes and files of a server, the models it loads, how much work it is.

A bound graph and its needs are server-neutral; :func:`missing` says whether one server can run it, and
:func:`as_written_by` writes it in that server's spelling. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import TemplateError
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.templates.adapt import choice_spec
from bot.templates.assemble import role_of
from bot.templates.build import Broken, read_template
from bot.templates.catalogue import Catalogue, plain_choice
from bot.templates.choices import MODEL_SUFFIXES
from bot.templates.graph import Address, Graph, Json, Node
from bot.templates.roles import Role
from bot.templates.template import Template
from bot.templates.values import ResolvedValues

KEY_LENGTH = 16
"""Hexadecimal digits of a key: two different needs of one bot will not share one."""

MODEL_SEPARATOR = " + "

_MODEL_INPUT = re.compile(
    r"(ckpt|unet|checkpoint|diffusion_model|transformer|gguf|clip|text_encoder)(_?(name|path|file))?_?\d*"
)
"""Inputs of loaders whose files fill the memory of a GPU: the model, and what reads the words."""

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Needs:
    """``classes``, sorted; ``choices`` as (class, input, value), sorted, values with ``/`` for either slash.

    Two graphs with equal needs run on the same servers.
    """

    classes: tuple[str, ...]
    choices: tuple[tuple[str, str, Scalar], ...] = ()

    @property
    def key(self) -> str:
        """Short and stable: equal for equal needs, in any process."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:KEY_LENGTH]

    def to_json(self) -> str:
        return _canonical({"classes": self.classes, "choices": self.choices})

    @staticmethod
    def from_json(text: str) -> Needs:
        """Inverse of :meth:`to_json`."""
        data = json.loads(text)
        return Needs(
            tuple(data["classes"]),
            tuple((class_type, name, value) for class_type, name, value in data["choices"]),
        )


def needs_of(graph: Graph, catalogue: Catalogue | None) -> Needs:
    """What a server must have to run ``graph``, a bound one.

    ``catalogue`` (any server's, or several :func:`~bot.templates.catalogue.merge`\\ d) says which inputs
    are choices; without one, and for classes that it lacks, names of model files are taken for such.
    """
    choices = {
        (node.class_type, address.input, plain_choice(value))
        for node in graph
        for address, value in _literals(node)
        if _is_choice(graph, address, value, catalogue)
    }
    classes = {node.class_type for node in graph}
    return Needs(tuple(sorted(classes)), tuple(sorted(choices, key=_canonical)))


def missing(needs: Needs, catalogue: Catalogue) -> tuple[Text, ...]:
    """What the server of ``catalogue`` lacks, each in a sentence; empty when it can run it."""
    lacking = [
        Text("The server has no node {name}.", name=class_type)
        for class_type in needs.classes
        if class_type not in catalogue
    ]
    for class_type, name, value in needs.choices:
        offered = catalogue.choices(class_type, name)
        if offered is not None and value not in map(plain_choice, offered):
            lacking.append(
                Text(
                    "The server has no {value} for {input} ({name}).",
                    value=value,
                    input=name,
                    name=class_type,
                )
            )
    return tuple(lacking)


def as_written_by(graph: Graph, catalogue: Catalogue) -> Graph:
    """``graph`` with every choice in the spelling of that server: ``sdxl\\base.ckpt`` where it says so.

    To be posted there; what the server lacks stays as it is, for the server to name.
    """
    writes: dict[Address, Json] = {}
    for node in graph:
        for address, value in _literals(node):
            spec = choice_spec(graph, address, catalogue)
            if spec is None or value in (spec.choices or ()):
                continue
            wanted = plain_choice(value)
            spelt = next((c for c in spec.choices or () if plain_choice(c) == wanted), None)
            if spelt is not None:
                writes[address] = spelt
    return graph.with_values(writes) if writes else graph


def model_key(template: Template, graph: Graph) -> str:
    """The files of the model that ``graph`` (bound from ``template``) paints with, readable and stable:
    ``flux1-dev.safetensors + clip_l.safetensors + t5xxl_fp16.safetensors``.

    What is bound to the template's models comes first, then text encoders. LoRAs are not counted: they
    come and go in a moment. Empty when no model file is loaded.
    """
    places = [
        place
        for name, places in template.bindings.items()
        if role_of(name) is Role.MODEL
        for place in places
        if place.node in graph
    ]
    found = [graph.value(place) for place in places]
    for node in graph:
        found += [
            value
            for address, value in _literals(node)
            if _MODEL_INPUT.fullmatch(address.input.rpartition(".")[2]) and _is_model_file(value)
        ]
    names = dict.fromkeys(str(plain_choice(value)) for value in found if isinstance(value, str) and value)
    return MODEL_SEPARATOR.join(names)


def fingerprint(graph: Graph) -> str:
    """SHA-256 (hexadecimal) over what ``graph`` computes: equal means the same picture.

    Titles and the names that saved files get do not count. Input files count by what the graph calls
    them: bind with ``uploads={sha256: sha256}`` and they count by content.
    """
    nodes = {
        node.id: [
            node.class_type,
            {
                name: value
                for name, value in node.inputs.items()
                if not (name == "filename_prefix" and node.is_literal(name))
            },
        ]
        for node in graph
    }
    return hashlib.sha256(_canonical(nodes).encode()).hexdigest()


def size_of(template: Template, values: ResolvedValues) -> tuple[int, int]:
    """(pixels, steps) of one picture; 0 for what the template does not set: the size of a picture that
    is worked on is its input's. Of a video, pixels are those of all its frames."""

    def number(name: str) -> int:
        value = values.values.get(name)
        if value is None and (places := template.bindings.get(name)):
            value = template.graph.value(places[0])  # None leaves it as exported
        return int(value) if isinstance(value, int | float) and value > 0 else 0

    frames = number(Role.LENGTH) or 1
    return number(Role.WIDTH) * number(Role.HEIGHT) * frames, number(Role.STEPS)


def restore(
    name: TemplateName, export: bytes, sidecar: bytes | None, catalogue: Catalogue | None
) -> Template:
    """The template that a request was accepted with, from its snapshot. Raises :class:`TemplateError`."""
    made = read_template(name, export, sidecar, catalogue)
    if isinstance(made, Broken):
        raise TemplateError(
            Text(
                "Template {name} cannot be used any more: {reason}",
                name=name,
                reason=made.problems[0],
            ),
            cause="; ".join(str(problem) for problem in made.problems),
        )
    return made


def _is_choice(graph: Graph, address: Address, value: Json, catalogue: Catalogue | None) -> bool:
    if not isinstance(value, Scalar):
        return False
    if catalogue is None or graph.nodes[address.node].class_type not in catalogue:
        return _is_model_file(value)
    return choice_spec(graph, address, catalogue) is not None


def _is_model_file(value: Json) -> bool:
    return isinstance(value, str) and value.casefold().endswith(MODEL_SUFFIXES)


def _literals(node: Node) -> Iterator[tuple[Address, Json]]:
    for name, value in node.inputs.items():
        if node.is_literal(name):
            yield Address(node.id, name), value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
