"""Requests and answers, held against Discord's own description of its interface.

The description is put into a form that is quick to check, with the same meaning: references are followed
once, unions whose members say their ``type`` are looked up by it, and "null or …" needs no second try.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from tests.support.discord.trim_openapi import NULL, TRIMMED, name_of

BY_TYPE, NULLABLE = "x-by-type", "x-nullable"


def _by_type(validator: Any, table: dict[int, Any], instance: Any, _: Any) -> Iterator[ValidationError]:
    kind = instance.get("type") if isinstance(instance, dict) else None
    if isinstance(kind, bool) or not isinstance(kind, int) or kind not in table:
        yield ValidationError(f"{kind!r} is not one of the types {sorted(table)}")
    else:
        yield from validator.descend(instance, table[kind])


def _nullable(validator: Any, schema: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if instance is not None:
        yield from validator.descend(instance, schema)


Validator: Any = extend(Draft202012Validator, {BY_TYPE: _by_type, NULLABLE: _nullable})


class Description:
    """The trimmed description with its references followed."""

    def __init__(self) -> None:
        loaded = json.loads(TRIMMED.read_text(encoding="utf-8"))
        # Discord takes ids as numbers too, and libraries send them so.
        loaded["schemas"]["SnowflakeType"]["type"] = ["string", "integer"]
        self.operations = loaded["operations"]
        self._schemas = loaded["schemas"]
        self._followed: dict[str, Any] = {}

    def follow(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.follow(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return self._named(name_of(node["$ref"]))
        made = {key: self.follow(value) for key, value in node.items() if key not in ("oneOf", "anyOf")}
        for key in ("oneOf", "anyOf"):
            if key in node:
                made |= self._union(key, node[key])
        return made

    def _named(self, name: str) -> Any:
        if name not in self._followed:
            self._followed[name] = target = {}
            target.update(self.follow(self._schemas[name]))
        return self._followed[name]

    def _union(self, key: str, members: list[Any]) -> Any:
        if all("const" in member for member in members):
            return {"enum": [member["const"] for member in members]}
        some = [self.follow(member) for member in members if member != NULL]
        table = {kind: member for member in some for kind in _types(member)}
        if some and all(map(_types, some)):
            union = {BY_TYPE: table}
        else:
            union = some[0] if len(some) == 1 else {key: some}
        return {NULLABLE: union} if NULL in members else union


def _types(member: Any) -> list[int]:
    found = member.get("properties", {}).get("type", {})
    return found.get("enum", []) if "type" in member.get("required", []) else []


@cache
def _description() -> Description:
    return Description()


@cache
def _validator(operation: str, part: str) -> Any:
    described = _description()
    schema = described.operations.get(operation, {}).get(part)
    return None if schema is None else Validator(described.follow(schema))


def violation(operation: str, part: str, value: Any) -> tuple[tuple[str | int, ...], str] | None:
    """Where and how ``value`` differs from the ``request`` or ``response`` of ``operation``; None if it does
    not, or if nothing is described."""
    validator = _validator(operation, part)
    if validator is None or validator.is_valid(value):
        return None
    error = best_match(validator.iter_errors(value))
    assert error is not None
    return tuple(error.absolute_path), error.message[:500]
