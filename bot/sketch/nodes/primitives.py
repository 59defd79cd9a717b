"""Plain values, text, and the switch between two inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import V3_FLAGS, Execute, Input, NodeClass, boolean, link, node, text

_INT64 = 2**63 - 1
_TEMPLATE: dict[str, Any] = {"lazy": True, "template": {"template_id": "switch", "allowed_types": "*"}}


def _same(_run: NodeRun, value: Any) -> tuple[Any]:
    return (value,)


def _primitive(name: str, display_name: str, kind: str, declared: Input) -> NodeClass:
    execute: Execute = _same
    return node(
        name,
        display_name,
        "utilities/primitive",
        inputs={"value": declared},
        outputs=(kind,),
        module="comfy_extras.nodes_primitive",
        flags=V3_FLAGS,
    )(execute)


@node(
    "StringConcatenate",
    "Concatenate Text",
    "text",
    inputs={
        "string_a": text(multiline=True),
        "string_b": text(multiline=True),
        "delimiter": text(default="", multiline=False),
    },
    outputs=("STRING",),
    module="comfy_extras.nodes_string",
    flags=V3_FLAGS,
)
def string_concatenate(_run: NodeRun, string_a: str, string_b: str, delimiter: str) -> tuple[str]:
    return (delimiter.join((string_a, string_b)),)


def _chosen(given: Mapping[str, Any]) -> Iterable[str]:
    return ("on_true" if given["switch"] else "on_false",)


@node(
    "ComfySwitchNode",
    "If/Else Switch",
    "utilities/logic",
    inputs={
        "switch": boolean(),
        "on_false": link("COMFY_MATCHTYPE_V3", **_TEMPLATE),
        "on_true": link("COMFY_MATCHTYPE_V3", **_TEMPLATE),
    },
    outputs=(("COMFY_MATCHTYPE_V3", "output"),),
    module="comfy_extras.nodes_logic",
    flags={**V3_FLAGS, "experimental": True},
    needs=_chosen,
)
def switch(_run: NodeRun, switch: bool, on_false: Any = None, on_true: Any = None) -> tuple[Any]:
    """Only the chosen side is run."""
    return (on_true if switch else on_false,)


_WIDE: dict[str, Any] = {"min": -_INT64, "max": _INT64}

NODES = (
    _primitive("PrimitiveInt", "Int", "INT", Input("INT", {**_WIDE, "control_after_generate": "fixed"})),
    _primitive("PrimitiveFloat", "Float", "FLOAT", Input("FLOAT", {**_WIDE, "step": 0.1})),
    _primitive("PrimitiveString", "Text", "STRING", text(multiline=False)),
    _primitive("PrimitiveStringMultiline", "Text (Multiline)", "STRING", text(multiline=True)),
    _primitive("PrimitiveBoolean", "Boolean", "BOOLEAN", boolean()),
    string_concatenate,
    switch,
)
