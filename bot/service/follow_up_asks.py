"""What is asked for when somebody goes on from a finished picture. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.domain.errors import ParameterError
from bot.presentation.flags import Ask
from bot.service.follow_up_templates import (
    DENOISE,
    MODEL,
    model_of,
    model_there,
    strength_of,
    takes_words,
)
from bot.service.images import InputImage
from bot.service.imagine import plain_parameter, without_files
from bot.templates.params import FloatParameter
from bot.templates.sizes import MAX_RATIO, Limits, Size
from bot.templates.template import Template

VARIATION = 0.6
"""How much of a picture a variation repaints, from 0 to 1.

The sampler begins at that part of its schedule: what has been settled before (light, composition, the large
shapes) stays as in the picture, what is settled afterwards is new. Below a half, a new seed changes little
more than textures; from three quarters on, hardly anything is left of the picture.
"""
_OF_THE_SHAPE = frozenset({"width", "height", "size", "aspect"})


@dataclass(frozen=True, slots=True)
class Source:
    """The picture that it begins with. ``key`` stands for it in the :class:`Ask`."""

    key: str
    image: InputImage


def variation(
    ask: Ask, template: Template, source: Source, *, own: bool, model: str | None, limits: Limits
) -> Ask:
    """The same words once more, painted over the picture by ``template``: one, with a new seed.

    ``ask`` made the picture. ``own``: with this very template, and so with all that was asked of it; another
    gets what it can take of that, and paints with ``model`` if it can. ``limits`` are the tier's.
    """
    words = replace(without_files(ask), image=source.key, seed=None, seeds=(), count=1)
    if not own:
        words = _carried_over(words, template, source.image, model, limits)
    strength = strength_of(template)
    if strength is None:
        return words
    return replace(words, values={**words.values, DENOISE: _within(VARIATION, strength)})


def enlargement(ask: Ask, template: Template, source: Source) -> Ask:
    return Ask(
        prompt_text=ask.prompt_text if takes_words(template) else "",
        template=template.name,
        image=source.key,
        private=ask.private,
    )


def _carried_over(ask: Ask, template: Template, image: InputImage, model: str | None, limits: Limits) -> Ask:
    values = {
        name: value
        for name, value in ask.values.items()
        if plain_parameter(name) not in _OF_THE_SHAPE and _takes(template, plain_parameter(name), value)
    }
    there = None if model is None else model_there(template, model)
    if there is not None and there != model_of(template):
        values[MODEL] = there
    kept = replace(
        ask,
        template=template.name,
        negative_text=ask.negative_text if "negative_text" in template.parameters else None,
        preset=ask.preset if ask.preset in template.presets else None,
        style=ask.style if ask.style in template.styles else None,
        loras=ask.loras if _takes_loras(template, ask) else (),
        values=values,
        size=None,
        aspect=None,
    )
    return _sized_like(kept, template, image, limits)


def _takes(template: Template, name: str, value: str) -> bool:
    parameter = template.parameters.get(name)
    if parameter is None:
        return False
    try:
        parameter.parse(value)
    except ParameterError:
        return False
    return True


def _takes_loras(template: Template, ask: Ask) -> bool:
    """All of them, or none: with some of them it would be another picture."""
    places = template.lora_places
    return len(ask.loras) <= len(places) and all(
        _takes(template, place, lora.name) for place, lora in zip(places, ask.loras, strict=False)
    )


def _sized_like(ask: Ask, template: Template, image: InputImage, limits: Limits) -> Ask:
    """As large as the picture where that may be, else of its shape; a shape that nothing can paint is left
    to the template, and so is the size where the template takes it from the picture."""
    if (canvas := template.canvas) is None:
        return ask
    try:
        canvas.fixed(Size(image.width, image.height), limits)
    except ParameterError:
        stretched = max(image.width, image.height) > MAX_RATIO * min(image.width, image.height)
        return ask if stretched else replace(ask, aspect=(float(image.width), float(image.height)))
    return replace(ask, size=(image.width, image.height))


def _within(value: float, parameter: FloatParameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    if low is not None:
        value = max(value, low)
    return f"{value if high is None else min(value, high):g}"
