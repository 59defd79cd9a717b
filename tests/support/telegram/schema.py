"""Requests and answers, held against the Bot API as data."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.telegram.failures import Json

TRIMMED = Path(__file__).resolve().parents[2] / "data" / "telegram" / "bot_api.json"
ARRAY = "Array of "
STRINGLY = {"true": True, "false": False, "True": True, "False": False, "1": True, "0": False}


@cache
def bot_api(path: Path = TRIMMED) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def method_named(name: str) -> str | None:
    """The name in the API's own spelling; methods are found in whatever case."""
    return {each.lower(): each for each in bot_api()["methods"]}.get(name.lower())


def request_violations(method: str, arguments: dict[str, str], files: set[str]) -> list[str]:
    """What the parameters of a request, as they come in a form, have that the API does not know."""
    known = {field["name"]: field for field in bot_api()["methods"][method]["fields"]}
    attached = {name for name in files if name not in known}
    wrong = [f"{method}: no parameter {name}" for name in arguments if name not in known]
    for name, field in known.items():
        if (name, arguments.get(name)) == ("reply_markup", "{}"):
            continue  # No keyboard: so do libraries write an empty one.
        if name in arguments:
            wrong += _argument(f"{method}.{name}", arguments[name], field["types"])
        elif name in files:
            if "InputFile" not in field["types"]:
                wrong.append(f"{method}.{name} takes no file")
        elif field["required"]:
            wrong.append(f"{method}: {name} is missing")
    used = {name for name in attached if any(f"attach://{name}" in text for text in arguments.values())}
    return wrong + [f"{method}: the file {name} belongs to nothing" for name in sorted(attached - used)]


def _argument(where: str, text: str, types: list[str]) -> list[str]:
    """A form only has texts: what they stand for is looked at, by what is allowed there."""
    if "String" in types or "InputFile" in types:
        return []
    if types == ["Boolean"]:
        return [] if text in STRINGLY else [f"{where}: {text!r} is no Boolean"]
    try:
        value = json.loads(text)
    except ValueError:
        return [f"{where} is no JSON"]
    return violations(where, value, types)


def violations(where: str, value: Any, types: list[str]) -> list[str]:
    """What is wrong with ``value``, which may be of any of ``types``. An empty list: nothing."""
    inner = [name.removeprefix(ARRAY) for name in types if name.startswith(ARRAY)]
    if inner and isinstance(value, list):
        return [each for i, item in enumerate(value) for each in violations(f"{where}[{i}]", item, inner)]
    tried = [_of_type(where, value, name) for name in types]
    return min(tried, key=len) if all(tried) else []


def _of_type(where: str, value: Any, name: str) -> list[str]:
    if name.startswith(ARRAY):
        return [f"{where} is no array"]
    plain = {"Integer": int, "String": str, "Boolean": bool, "Float": (int, float)}.get(name)
    if plain is not None:
        fits = isinstance(value, plain) and (name == "Boolean" or not isinstance(value, bool))
        return [] if fits else [f"{where}: {value!r} is no {name}"]
    return _object(where, value, name)


def _object(where: str, value: Any, name: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is no {name}"]
    kind = bot_api()["types"].get(name)
    if kind is None:
        return [f"{where}: {name} is not played here"]
    if "subtypes" in kind:
        tried = [_object(where, value, each) for each in kind["subtypes"]]
        return min(tried, key=len) if all(tried) else []
    wrong = []
    known = {field["name"]: field for field in kind["fields"]}
    for key, inner in value.items():
        if key not in known:
            wrong.append(f"{where}: {name} has no {key}")
        else:
            wrong += violations(f"{where}.{key}", inner, known[key]["types"])
            if "value" in known[key] and inner != known[key]["value"]:
                wrong.append(f"{where}.{key}: {inner!r} is not {known[key]['value']}")
    missing = [field["name"] for field in kind["fields"] if field["required"] and field["name"] not in value]
    return wrong + [f"{where}: {name} needs {key}" for key in missing]


def answer_violations(method: str, value: Any) -> list[str]:
    """What the stand-in itself answers wrongly."""
    return violations(f"answer of {method}", value, bot_api()["methods"][method]["returns"])


def update_violations(update: Json) -> list[str]:
    return violations("update", update, ["Update"])
