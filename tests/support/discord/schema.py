"""Requests and answers, held against Discord's own description of its interface."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.support.discord.trim_openapi import TRIMMED


@cache
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(TRIMMED.read_text(encoding="utf-8"))
    # Discord takes ids as numbers too, and so does what libraries send.
    loaded["schemas"]["SnowflakeType"]["type"] = ["string", "integer"]
    return loaded


@cache
def _validator(operation: str, part: str) -> Draft202012Validator | None:
    schema = description()["operations"].get(operation, {}).get(part)
    if schema is None:
        return None
    return Draft202012Validator({**schema, "components": {"schemas": description()["schemas"]}})


def violation(operation: str, part: str, value: Any) -> tuple[tuple[str | int, ...], str] | None:
    """Where and how ``value`` differs from the ``request`` or ``response`` of ``operation``; None if it does
    not, or if nothing is described."""
    validator = _validator(operation, part)
    if validator is None or validator.is_valid(value):
        return None
    error = best_match(validator.iter_errors(value))
    assert error is not None
    return tuple(error.absolute_path), error.message[:500]
