"""A server's node catalogue (``GET /object_info``), read into types. Pure.

The three shapes in which servers write choices become one here; so do dotted inputs that a chosen
option brings along (``format = "mp4"`` adds ``format.codec``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One declared input of a node class.

    ``type`` is the server's word (``INT``, ``FLOAT``, ``STRING``, ``BOOLEAN``, ``MODEL``...) or ``COMBO``
    for every shape of choices. ``minimum``/``maximum`` stay exact integers (seeds reach 2^64-1, which a
    float cannot hold). ``choices`` is None for anything but COMBO.
    """

    name: str
    type: str
    required: bool
    default: Any = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    step: int | float | None = None
    choices: tuple[Any, ...] | None = None
    multiline: bool = False
    multiselect: bool = False
    upload: str = ""
    """``image``, ``video`` or ``audio`` where the choices are files that a client may upload."""
    options: Mapping[str, tuple[InputSpec, ...]] = field(default_factory=dict)
    """For a dynamic combo: the inputs (with dotted names) that each choice adds."""

    @property
    def is_widget(self) -> bool:
        """Whether a literal can be written here (as against something that must be connected)."""
        return self.type in {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One node class. ``output_types`` by slot; ``inputs`` in declared order."""

    name: str
    display_name: str
    inputs: Mapping[str, InputSpec]
    output_types: tuple[str, ...]
    is_output: bool
    is_api_node: bool = False
    module: str = ""

    def input(self, name: str, literals: Mapping[str, Any] | None = None) -> InputSpec | None:
        """The spec of ``name``; for a dotted name, of the option that ``literals`` chooses."""
        if (spec := self.inputs.get(name)) is not None:
            return spec
        if literals is not None:
            return next((s for s in self.active_inputs(literals) if s.name == name), None)
        for spec in self.inputs.values():
            for added in _flatten(spec):
                if added.name == name:
                    return added
        return None

    def active_inputs(self, literals: Mapping[str, Any]) -> Iterator[InputSpec]:
        """Every input of a node with these literals: the declared ones and those of chosen options."""
        stack = list(self.inputs.values())
        while stack:
            spec = stack.pop(0)
            yield spec
            chosen = literals.get(spec.name)
            if spec.options and isinstance(chosen, str):
                stack[:0] = spec.options.get(chosen, ())


def _flatten(spec: InputSpec) -> Iterator[InputSpec]:
    for added in spec.options.values():
        for inner in added:
            yield inner
            yield from _flatten(inner)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All node classes of one server, by class name."""

    classes: Mapping[str, NodeClass]

    def __contains__(self, class_type: object) -> bool:
        return class_type in self.classes

    def get(self, class_type: str) -> NodeClass | None:
        return self.classes.get(class_type)

    def spec(self, class_type: str, name: str, literals: Mapping[str, Any] | None = None) -> InputSpec | None:
        node = self.classes.get(class_type)
        return node.input(name, literals) if node else None

    def choices(self, class_type: str, name: str) -> tuple[Any, ...] | None:
        """Everything that the input takes, whatever option brings it along; None when it is no choice."""
        node = self.classes.get(class_type)
        listed = (
            []
            if node is None
            else [
                spec.choices
                for declared in node.inputs.values()
                for spec in (declared, *_flatten(declared))
                if spec.name == name and spec.choices is not None
            ]
        )
        return tuple(choice for choices in listed for choice in choices) if listed else None

    @staticmethod
    def from_object_info(data: object) -> Catalogue:
        """Read ``/object_info``. Entries in a form that nobody knows are left out, never raised on."""
        classes: dict[str, NodeClass] = {}
        for name, raw in data.items() if isinstance(data, dict) else ():
            if isinstance(name, str) and isinstance(raw, dict):
                classes[name] = _node_class(name, raw)
        return Catalogue(classes)


def plain_choice(value: Any) -> Any:
    """A choice as it is compared between servers: those on Windows write paths of files with ``\\``."""
    return value.replace("\\", "/") if isinstance(value, str) else value


def merge(catalogues: Sequence[Catalogue]) -> Catalogue:
    """What at least one of several servers has: their classes, choices united, ranges as wide as the widest.

    Files that several servers spell differently are listed once, as the first of them does. Where servers
    disagree about the kind of an input, the first one's word holds.
    """
    classes: dict[str, NodeClass] = {}
    for catalogue in catalogues:
        for name, node in catalogue.classes.items():
            classes[name] = _either_class(classes[name], node) if name in classes else node
    return Catalogue(classes)


def _either_class(one: NodeClass, other: NodeClass) -> NodeClass:
    inputs = dict(one.inputs)
    for name, spec in other.inputs.items():
        inputs[name] = _either_input(inputs[name], spec) if name in inputs else replace(spec, required=False)
    for name in one.inputs.keys() - other.inputs.keys():
        inputs[name] = replace(inputs[name], required=False)
    return replace(one, inputs=inputs, is_output=one.is_output or other.is_output)


def _either_input(one: InputSpec, other: InputSpec) -> InputSpec:
    if one.type != other.type:
        return replace(one, required=one.required and other.required)
    options = dict(one.options)
    for choice, added in other.options.items():
        mine = {spec.name: spec for spec in options.get(choice, ())}
        mine.update((s.name, _either_input(mine[s.name], s) if s.name in mine else s) for s in added)
        options[choice] = tuple(mine.values())
    return replace(
        one,
        required=one.required and other.required,
        minimum=_wider(one.minimum, other.minimum, min),
        maximum=_wider(one.maximum, other.maximum, max),
        choices=_united(one.choices, other.choices),
        options=options,
    )


def _wider(one: Any, other: Any, way: Callable[[Any, Any], Any]) -> Any:
    return None if one is None or other is None else way(one, other)


def _united(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    if one is None or other is None:
        return one if other is None else other
    # Unhashable choices come from odd packs; they are told apart by how they look.
    known = {repr(plain_choice(choice)) for choice in one}
    return (*one, *(choice for choice in other if repr(plain_choice(choice)) not in known))


def _node_class(name: str, raw: Mapping[str, Any]) -> NodeClass:
    sections = raw.get("input")
    output = raw.get("output")
    inputs: dict[str, InputSpec] = {}
    if isinstance(sections, dict):
        for section in ("required", "optional"):
            inputs.update((spec.name, spec) for spec in _specs(sections.get(section), section == "required"))
    return NodeClass(
        name=name,
        display_name=_string(raw.get("display_name")) or name,
        inputs=inputs,
        output_types=tuple(o if isinstance(o, str) else "COMBO" for o in output)
        if isinstance(output, list)
        else (),
        is_output=raw.get("output_node") is True,
        is_api_node=raw.get("api_node") is True,
        module=_string(raw.get("python_module")),
    )


def _specs(section: object, required: bool, prefix: str = "") -> Iterator[InputSpec]:
    if not isinstance(section, dict):
        return
    for name, raw in section.items():
        if isinstance(name, str) and isinstance(raw, list) and raw:
            yield _spec(prefix + name, raw, required)


def _spec(name: str, raw: list[Any], required: bool) -> InputSpec:
    kind = raw[0]
    extra = raw[1] if len(raw) > 1 and isinstance(raw[1], dict) else {}
    choices: tuple[Any, ...] | None = None
    options: dict[str, tuple[InputSpec, ...]] = {}
    if isinstance(kind, list):
        kind, choices = "COMBO", tuple(kind)
    elif kind == DYNAMIC_COMBO:
        kind = "COMBO"
        listed = extra.get("options")
        for option in listed if isinstance(listed, list) else ():
            if isinstance(option, dict) and isinstance(option.get("key"), str):
                added = option.get("inputs")
                added = added if isinstance(added, dict) else {}
                options[option["key"]] = tuple(
                    spec
                    for section in ("required", "optional")
                    for spec in _specs(added.get(section), required and section == "required", f"{name}.")
                )
        choices = tuple(options)
    elif kind == "COMBO":
        listed = extra.get("options")
        choices = tuple(listed) if isinstance(listed, list) else ()
    return InputSpec(
        name=name,
        type=kind if isinstance(kind, str) else "*",
        required=required,
        default=extra.get("default"),
        minimum=_number(extra.get("min")),
        maximum=_number(extra.get("max")),
        step=_number(extra.get("step")),
        choices=choices,
        multiline=extra.get("multiline") is True,
        multiselect=extra.get("multiselect") is True or isinstance(extra.get("multi_select"), dict),
        upload=next((k for k in ("image", "video", "audio") if extra.get(f"{k}_upload") is True), ""),
        options=options,
    )


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
