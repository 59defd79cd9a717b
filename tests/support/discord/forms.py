"""Errors of form: where in a body, which rule. Answered together as 400/50035, nested by their path.

Source: https://discord.com/developers/docs/reference#error-messages
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.discord.failures import ApiError, Json

Path = tuple[str | int, ...]


@dataclass
class Form:
    """Collects errors while a body is looked at. ``prefix``: where in the body the looked at part is."""

    prefix: Path = ()
    errors: list[tuple[Path, str, str]] = field(default_factory=list)

    def add(self, path: Path, code: str, message: str) -> None:
        self.errors.append(((*self.prefix, *path), code, message))

    def text(self, path: Path, value: Any, low: int, high: int, *, needed: bool = False) -> str:
        """``value`` as a text of ``low`` to ``high`` characters; the empty text when it is none."""
        if value is None:
            if needed:
                self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
            return ""
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return ""
        if low and not value and needed:
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif low == high and len(value) != low:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be {low} in length.")
        elif len(value) > high and low:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        elif len(value) > high:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        elif len(value) < low:
            self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return value

    def number(self, path: Path, value: Any, low: float, high: float) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif value < low:
            self.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low:g}.")
        elif value > high:
            self.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high:g}.")

    def items(self, path: Path, value: Any, low: int, high: int) -> list[Any]:
        """``value`` as a list of ``low`` to ``high`` entries."""
        if value is None:
            value = []
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not low <= len(value) <= high:
            words = f"between {low} and {high}" if low else f"{high} or fewer"
            code = "BASE_TYPE_BAD_LENGTH" if low else "BASE_TYPE_MAX_LENGTH"
            self.add(path, code, f"Must be {words} in length.")
        return value

    def mapping(self, path: Path, value: Any) -> Json:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            return {}
        return value

    def choice(self, path: Path, value: Any, allowed: frozenset[int]) -> bool:
        if value in allowed and not isinstance(value, bool):
            return True
        shown = ", ".join(str(each) for each in sorted(allowed))
        self.add(path, "BASE_TYPE_CHOICES", f"Value must be one of ({shown}).")
        return False

    def raise_if_any(self) -> None:
        if self.errors:
            raise ApiError(400, 50035, "Invalid Form Body", {"errors": nested(self.errors)})


def nested(errors: list[tuple[Path, str, str]]) -> Json:
    root: Json = {}
    for path, code, message in errors:
        node = root
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    return root
