"""What a node without a model computes from literals: primitives, strings, logic. Pure, no graph here.

The server's own definitions, for the core utility nodes only; everything else is :data:`UNKNOWN`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from bot.templates.detect_expression import evaluate

MAX_TEXT: Final = 20_000
"""A folded string is cut off here: concatenations of concatenations double with every node."""


class Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

Inputs = Mapping[str, Any]
"""Input name to literal value; :data:`UNKNOWN` where it is computed by something that is not folded."""


def fold(class_type: str, inputs: Inputs, slot: int) -> Any:
    """The value of output ``slot`` of a node, or :data:`UNKNOWN`."""
    rule = _RULES.get(class_type)
    if rule is None:
        return inputs["value"] if set(inputs) == {"value"} else UNKNOWN
    return rule(inputs, slot)


def expression_variables(inputs: Inputs) -> dict[str, Any]:
    """The inputs of an expression node by the letter that the expression calls them."""
    return {name.rpartition(".")[2]: value for name, value in inputs.items() if name != "expression"}


def _math(inputs: Inputs, slot: int) -> Any:
    expression = inputs.get("expression")
    variables = expression_variables(inputs)
    if not isinstance(expression, str) or not all(isinstance(v, int | float) for v in variables.values()):
        return UNKNOWN
    value = evaluate(expression, variables)
    if value is None:
        return UNKNOWN
    return (float(value), int(value), bool(value))[slot] if slot in (0, 1, 2) else UNKNOWN


def _choice(inputs: Inputs, slot: int) -> Any:
    return inputs.get("choice", UNKNOWN) if slot == 0 else inputs.get("index", UNKNOWN)


def _concatenate(inputs: Inputs, _slot: int) -> Any:
    parts = [inputs.get(name, "") for name in ("string_a", "string_b")]
    delimiter = inputs.get("delimiter", "")
    if not isinstance(delimiter, str) or not all(isinstance(part, str) for part in parts):
        return UNKNOWN
    return delimiter[:MAX_TEXT].join(part[:MAX_TEXT] for part in parts)[:MAX_TEXT]


def _replace(inputs: Inputs, _slot: int) -> Any:
    string, find, new = (inputs.get(name, UNKNOWN) for name in ("string", "find", "replace"))
    if not (isinstance(string, str) and isinstance(find, str) and isinstance(new, str)) or not find:
        return UNKNOWN
    return string[:MAX_TEXT].replace(find, new[:MAX_TEXT], 50)[:MAX_TEXT]


def _as_text(inputs: Inputs, _slot: int) -> Any:
    source = inputs.get("source", UNKNOWN)
    if isinstance(source, int) and abs(source) > 10**30:
        return UNKNOWN  # Python refuses to write integers of thousands of digits
    return str(source)[:MAX_TEXT] if isinstance(source, str | int | float) else UNKNOWN


def _trim(inputs: Inputs, _slot: int) -> Any:
    string = inputs.get("string", UNKNOWN)
    return string.strip() if isinstance(string, str) else UNKNOWN


def _json_extract(inputs: Inputs, _slot: int) -> Any:
    text, key = inputs.get("json_string"), inputs.get("key")
    if not isinstance(text, str) or not isinstance(key, str):
        return UNKNOWN
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return UNKNOWN
    value = data.get(key, UNKNOWN) if isinstance(data, dict) else UNKNOWN
    return value if isinstance(value, str) else UNKNOWN


def _contains(inputs: Inputs, _slot: int) -> Any:
    string, part = inputs.get("string"), inputs.get("substring")
    if not isinstance(string, str) or not isinstance(part, str):
        return UNKNOWN
    if inputs.get("case_sensitive") is False:
        string, part = string.lower(), part.lower()
    return part in string


def _compare(inputs: Inputs, _slot: int) -> Any:
    a, b = inputs.get("string_a"), inputs.get("string_b")
    if not isinstance(a, str) or not isinstance(b, str):
        return UNKNOWN
    if inputs.get("case_sensitive") is False:
        a, b = a.lower(), b.lower()
    match inputs.get("mode"):
        case "Starts With":
            return a.startswith(b)
        case "Ends With":
            return a.endswith(b)
        case _:
            return a == b


def _not(inputs: Inputs, _slot: int) -> Any:
    value = inputs.get("value", UNKNOWN)
    return UNKNOWN if value is UNKNOWN else not value


def _and(inputs: Inputs, _slot: int) -> Any:
    values = list(inputs.values())
    if any(value is not UNKNOWN and not value for value in values):
        return False
    return UNKNOWN if UNKNOWN in values or not values else True


def _or(inputs: Inputs, _slot: int) -> Any:
    values = list(inputs.values())
    if any(value is not UNKNOWN and value for value in values):
        return True
    return UNKNOWN if UNKNOWN in values or not values else False


def _number(inputs: Inputs, slot: int) -> Any:
    try:
        number = float(inputs.get("value", UNKNOWN))
        return number if slot == 0 else int(number)
    except (TypeError, ValueError, OverflowError):
        return UNKNOWN


_RULES: Final[Mapping[str, Callable[[Inputs, int], Any]]] = {
    "ComfyMathExpression": _math,
    "ComfyNumberConvert": _number,
    "ComfyNotNode": _not,
    "ComfyAndNode": _and,
    "ComfyOrNode": _or,
    "CustomCombo": _choice,
    "JsonExtractString": _json_extract,
    "PreviewAny": _as_text,
    "StringCompare": _compare,
    "StringConcatenate": _concatenate,
    "StringContains": _contains,
    "StringReplace": _replace,
    "StringTrim": _trim,
}
