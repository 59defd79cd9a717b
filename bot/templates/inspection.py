"""What is found in a workflow file, as one JSON object: the line of ``templates inspect --json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.domain.errors import TemplateError
from bot.domain.text import Text
from bot.templates.assemble import assemble
from bot.templates.catalogue import Catalogue
from bot.templates.detect import Detection, detect
from bot.templates.exports import damage, read_json
from bot.templates.files import read_file
from bot.templates.graph import Graph, is_ui_format, parse_export
from bot.templates.params import (
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    Parameter,
    SeedParameter,
)
from bot.templates.roles import Role


def inspect_file(path: Path, catalogue: Catalogue | None = None) -> dict[str, Any]:
    """Roles, parameters and problems of one file; never raises for what the file is or holds.

    ``roles`` has every role, with an empty list where nothing was found. Without a catalogue ranges and
    choices are null. ``format`` is ``unknown`` for a file that cannot be read.
    """
    found: dict[str, Any] = {
        "file": str(path),
        "format": "unknown",
        "roles": {},
        "parameters": [],
        "outputs": [],
        "problems": [],
        "notes": [],
    }
    try:
        data = read_json(read_file(path))
        found["format"] = "ui" if is_ui_format(data) else "api"
        graph = parse_export(data)
    except TemplateError as error:
        found["problems"].append(str(error.text))
        return found
    detection = detect(graph, catalogue)
    problems = damage(graph, detection.outputs)
    if not detection.outputs:
        problems.append(Text("The workflow saves nothing: no node in it is known to write a result."))
    found["roles"] = {role.value: [str(place) for place in detection.roles.get(role, ())] for role in Role}
    found["parameters"] = describe(graph, detection, catalogue)
    found["outputs"] = list(detection.outputs)
    found["notes"] = [str(note) for note in detection.notes]
    found["problems"] = [str(problem) for problem in problems]
    return found


def describe(graph: Graph, detection: Detection, catalogue: Catalogue | None = None) -> list[dict[str, Any]]:
    """The parameters that a template of this graph would have without a sidecar, and ``batch_size``."""
    parameters, bindings = assemble(graph, detection.places, catalogue)
    return [
        {
            "name": name,
            "kind": parameter.kind.value,
            "default": _exported(graph, bindings[name], parameter),
            **(_range(parameter) if catalogue else {"min": None, "max": None, "choices": None}),
            "bind": [str(place) for place in bindings[name]],
        }
        for name, parameter in parameters.items()
    ]


def _exported(graph: Graph, places: tuple[Any, ...], parameter: Parameter) -> Any:
    """What the export holds; null where its places hold different values."""
    if parameter.default is not None:
        return parameter.default
    values = [graph.value(place) for place in places]
    return values[0] if all(value == values[0] for value in values) else None


def _range(parameter: Parameter) -> dict[str, Any]:
    match parameter:
        case IntParameter() | FloatParameter() | SeedParameter():
            return {"min": parameter.minimum, "max": parameter.maximum, "choices": None}
        case ChoiceParameter():
            choices = None if parameter.choices is None else list(parameter.choices)
            return {"min": None, "max": None, "choices": choices}
        case _:
            return {"min": None, "max": None, "choices": None}
