"""What a person is asked to fill in, apart from how a platform asks. PURE."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.text import Text
from bot.presentation.actions import Action

MOST_FIELDS = 5
"""What Discord's modals hold."""


@dataclass(frozen=True, slots=True)
class Field:
    """``value`` is what stands there at first: a person's own words. ``long``: several lines."""

    name: str
    label: Text
    value: str = ""
    long: bool = False
    required: bool = False
    hint: Text | None = None
    """What may be written here, shown while it is empty."""


@dataclass(frozen=True, slots=True)
class Form:
    """At most :data:`MOST_FIELDS` fields, the most important first: a platform that asks for one thing at a
    time asks for that. ``action`` says, when it comes back, what it was for."""

    action: Action
    title: Text
    fields: tuple[Field, ...]
    line: str = ""
    """All that stands in them, as one line with flags: for a platform that has no forms."""
