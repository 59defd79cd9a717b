"""How a node class is declared: its inputs in ComfyUI's own terms, and the function that runs it.

A declaration is written once and gives the catalogue entry (``/object_info``), the checks of a
submitted graph, and the execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.sketch.files import Folders

MAX_SIDE = 16384
MAX_SEED = 2**64 - 1

Choices = Callable[[Folders], Sequence[str]]
Execute = Callable[..., "tuple[Any, ...] | Shown"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What an output node returns: ``ui`` goes to clients and history, ``values`` to connected nodes."""

    ui: Mapping[str, Any]
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input. ``config`` is what ``/object_info`` and validation errors show of it."""

    type: str
    options: Mapping[str, Any] | None = None
    choices: Choices | None = None
    old_combo: bool = False
    """Choices written ``[[...], {...}]`` as older nodes do, rather than ``["COMBO", {"options": [...]}]``."""

    @property
    def lazy(self) -> bool:
        return bool(self.options and self.options.get("lazy"))

    def config(self, folders: Folders) -> list[Any]:
        kind: Any = self.type
        options = None if self.options is None else dict(self.options)
        if self.choices is not None:
            listed = list(self.choices(folders))
            if self.old_combo:
                kind = listed
            else:
                options = {**(options or {}), "options": listed}
        return [kind] if options is None else [kind, options]


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One node class. ``outputs`` are (type, name) by slot; ``display_name`` is None where it has none."""

    name: str
    display_name: str | None
    category: str
    execute: Execute
    required: Mapping[str, Input]
    optional: Mapping[str, Input]
    outputs: tuple[tuple[str, str], ...]
    is_output: bool = False
    module: str = "nodes"
    hidden: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    validate: Mapping[str, Callable[[Folders, Any], str | None]] = field(default_factory=dict)
    """Own checks by input: a message where the value is refused. They replace the general checks."""

    fingerprint: Callable[[Folders, Mapping[str, Any]], str] | None = None
    """What else than the inputs decides the result, e.g. the content of a file."""

    needs: Callable[[Mapping[str, Any]], Iterable[str]] | None = None
    """For lazy inputs: which of them this run needs, given the others."""

    def inputs(self) -> Iterable[tuple[str, Input, bool]]:
        """Every input with its name and whether it is required, in declared order."""
        for name, spec in self.required.items():
            yield name, spec, True
        for name, spec in self.optional.items():
            yield name, spec, False

    def describe(self, folders: Folders) -> dict[str, Any]:
        """The entry of ``/object_info``."""
        sections: dict[str, dict[str, Any]] = {}
        for section, specs in (("required", self.required), ("optional", self.optional)):
            if specs or section == "required":
                sections[section] = {name: spec.config(folders) for name, spec in specs.items()}
        if self.hidden:
            sections["hidden"] = dict(self.hidden)
        return {
            "input": sections,
            "input_order": {section: list(names) for section, names in sections.items()},
            "is_input_list": False,
            "output": [kind for kind, _ in self.outputs],
            "output_is_list": [False] * len(self.outputs),
            "output_name": [name for _, name in self.outputs],
            "name": self.name,
            "display_name": self.display_name,
            "description": "",
            "python_module": self.module,
            "category": self.category,
            "output_node": self.is_output,
            **self.flags,
        }


V3_FLAGS = {"deprecated": False, "experimental": False, "api_node": False}
"""What nodes of ComfyUI's newer schema say of themselves."""


def node(
    name: str,
    display_name: str | None,
    category: str,
    *,
    inputs: Mapping[str, Input],
    outputs: Sequence[str | tuple[str, str]] = (),
    optional: Mapping[str, Input] | None = None,
    **extras: Any,
) -> Callable[[Execute], NodeClass]:
    """Declare a node class; the decorated function takes a ``NodeRun`` and the inputs by name.

    An output given as a plain type is named like its type. ``extras`` are further fields of NodeClass.
    """

    def declare(execute: Execute) -> NodeClass:
        slots = tuple((o, o) if isinstance(o, str) else o for o in outputs)
        return NodeClass(name, display_name, category, execute, inputs, optional or {}, slots, **extras)

    return declare


def names(text: str) -> tuple[str, ...]:
    """The words of ``text``: choices are written as running text."""
    return tuple(text.split())


def link(kind: str, *, bare: bool = False, **options: Any) -> Input:
    """An input to be connected. ``bare``: declared without options, as some older nodes are."""
    return Input(kind, None if bare else options)


def integer(default: int, low: int, high: int, **options: Any) -> Input:
    return Input("INT", {"default": default, "min": low, "max": high, **options})


def seed() -> Input:
    return integer(0, 0, MAX_SEED, control_after_generate=True)


def number(default: float, low: float, high: float, **options: Any) -> Input:
    return Input("FLOAT", {"default": default, "min": low, "max": high, **options})


def text(**options: Any) -> Input:
    return Input("STRING", options)


def boolean(**options: Any) -> Input:
    return Input("BOOLEAN", options)


def choice(values: Sequence[str], *, bare: bool = True, **options: Any) -> Input:
    """A fixed choice in the older form."""
    return Input("COMBO", None if bare and not options else options, lambda _: values, old_combo=True)


def combo(values: Sequence[str], **options: Any) -> Input:
    """A fixed choice in the newer form."""
    return Input("COMBO", {"multiselect": False, **options}, lambda _: values)


def model_file(folder: str, *, bare: bool = False, old_combo: bool = True) -> Input:
    """A choice among the model files of ``folder``, read anew for each request."""
    options = None if bare else ({} if old_combo else {"multiselect": False})
    return Input("COMBO", options, lambda folders: folders.model_files(folder), old_combo=old_combo)
