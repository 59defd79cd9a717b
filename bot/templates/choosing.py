"""Which template paints when nobody names one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bot.templates.template import Template

INPUT_IMAGE = "input_image"


class Fit(Protocol):
    """What must be known of a template to choose it."""

    @property
    def is_default(self) -> bool: ...

    @property
    def from_words(self) -> bool:
        """It needs no file."""

    @property
    def takes_image(self) -> bool: ...

    @property
    def takes_lora(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class TemplateFit:
    template: Template

    @property
    def is_default(self) -> bool:
        return self.template.is_default

    @property
    def from_words(self) -> bool:
        return not self.template.media

    @property
    def takes_image(self) -> bool:
        return INPUT_IMAGE in self.template.parameters

    @property
    def takes_lora(self) -> bool:
        return bool(self.template.lora_places)


F = TypeVar("F", bound=Fit)


def likely(candidates: Iterable[F], *, image: bool, lora: bool) -> F | None:
    """Of one command's templates, the one for what was given: words, a picture, a LoRA."""
    pool = [each for each in candidates if (each.takes_image if image else each.from_words)]
    if lora:
        # Whoever names a LoRA wants a template that has a place for one, if there is any.
        pool = [each for each in pool if each.takes_lora] or pool
    return next((each for each in pool if each.is_default), pool[0] if pool else None)
