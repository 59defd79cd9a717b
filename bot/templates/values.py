"""The values of one request: complete, so that every picture of it can be made again alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.templates.params import MAX_SEED, Value

SEED = "seed"


@dataclass(frozen=True, slots=True)
class LoraChoice:
    """``--lora NAME:0.8``: a LoRA for one of the template's places for them."""

    name: str
    strength: float | None = None
    """None: as the template has it."""


@dataclass(frozen=True, slots=True)
class Style:
    """Text around the user's words. ``prompt`` holds ``{prompt}`` where they go; ``negative`` is appended."""

    prompt: str = ""
    negative: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedValues:
    """What goes into the graph, parameter by parameter, the drawn seed included.

    ``values`` holds the texts as they are painted (style applied); ``words`` the same texts as the person
    typed them, for a later edit. A value of None leaves the places as exported. ``notes`` are what the
    person should be told: sizes moved, models replaced.
    """

    template: TemplateName
    content_hash: str
    values: Mapping[str, Value]
    words: Mapping[str, str] = field(default_factory=dict)
    preset: str | None = None
    style: str | None = None
    seed_range: tuple[int, int] = (0, MAX_SEED)
    notes: tuple[Text, ...] = ()

    @property
    def seed(self) -> int | None:
        """None for a template without a seed."""
        seed = self.values.get(SEED)
        return seed if isinstance(seed, int) else None

    def for_index(self, index: int) -> ResolvedValues:
        """The values of job ``index`` (from 0) of this request: seed + index, from the top of the seed's
        range back to its bottom. Each picture is a job of its own and never part of a batch, since
        batching changes the noise."""
        if self.seed is None or index == 0:
            return self
        low, high = self.seed_range
        seed = low + (self.seed - low + index) % (high - low + 1)
        return replace(self, values={**self.values, SEED: seed})

    def to_json(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "content_hash": self.content_hash,
            "values": dict(self.values),
            "words": dict(self.words),
            "preset": self.preset,
            "style": self.style,
            "seed_range": list(self.seed_range),
            "notes": [str(note) for note in self.notes],
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> ResolvedValues:
        """Inverse of :meth:`to_json`, except that notes come back as plain sentences."""
        low, high = data["seed_range"]
        return ResolvedValues(
            template=TemplateName(data["template"]),
            content_hash=data["content_hash"],
            values=dict(data["values"]),
            words=dict(data["words"]),
            preset=data["preset"],
            style=data["style"],
            seed_range=(low, high),
            notes=tuple(Text("{note}", note=note) for note in data["notes"]),
        )
