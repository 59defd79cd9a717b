"""Which templates can go on from a finished picture: paint it a little differently, or enlarge it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.errors import ParameterError
from bot.templates.choices import find
from bot.templates.choosing import INPUT_IMAGE
from bot.templates.params import ChoiceParameter, FloatParameter, Kind, TextParameter
from bot.templates.template import Template

UPSCALE = "upscale"
"""The command whose templates enlarge."""
DENOISE, MODEL, PROMPT = "denoise", "model", "prompt_text"
_MOVING = frozenset({"length", "fps"})
"""Parameters of templates that make films."""
_NO_PICTURE = ("video", "animated", "webm", "gif", "audio", "glb")
"""What the classes of saving nodes are called that save something else than still pictures."""


def repainter(
    templates: Sequence[Template], own: Template | None = None, model: str | None = None
) -> Template | None:
    """The template for a variation; None when there is none.

    ``own`` made the picture, with ``model``: it goes first when it repaints pictures. Else one that can be
    told how much to repaint, with the same model, the default one, in this order.
    """
    fitting = [each for each in templates if _repaints(each)]
    if own is not None and own in fitting and strength_of(own) is not None:
        return own
    return min(fitting, key=lambda each: _distance(each, model), default=None)


def upscaler(templates: Sequence[Template], *, words: bool = True) -> Template | None:
    """The template that enlarges; None when there is none. ``words``: there is a text for it.

    Where none has the command for it: one that wants nothing but a picture, and has a node that enlarges.
    """
    named = [each for each in templates if each.command == UPSCALE and _enlarges(each, words=words)]
    likely = named or [
        each
        for each in templates
        if PROMPT not in each.parameters and _enlarges(each, words=words) and _has_upscaler(each)
    ]
    return min(likely, key=lambda each: not each.is_default, default=None)


def can_repaint(templates: Sequence[Template]) -> bool:
    """Whether :func:`repainter` finds one; quick."""
    return any(map(_repaints, templates))


def strength_of(template: Template) -> FloatParameter | None:
    """The parameter that says how much of a picture is repainted."""
    found = template.parameters.get(DENOISE)
    return found if isinstance(found, FloatParameter) else None


def takes_words(template: Template) -> bool:
    return PROMPT in template.parameters


def model_of(template: Template) -> str | None:
    """The model that it paints with when nobody says another; None when there is none to choose."""
    parameter = template.parameters.get(MODEL)
    if not isinstance(parameter, ChoiceParameter):
        return None
    default = parameter.default
    places = template.bindings.get(MODEL, ())
    return str(template.graph.value(places[0]) if default is None and places else default)


def model_there(template: Template, model: str) -> str | None:
    """``model`` as this template calls it; None when it cannot paint with it."""
    parameter = template.parameters.get(MODEL)
    if not isinstance(parameter, ChoiceParameter):
        return None
    try:
        if parameter.choices is not None:
            return str(parameter.parse(model))
    except ParameterError:
        return None
    usual = model_of(template)
    return usual if usual is not None and find(model, (usual,)) is not None else None


def _distance(template: Template, model: str | None) -> tuple[bool, ...]:
    return (
        strength_of(template) is None,
        model is not None and model_there(template, model) is None,
        not template.is_default,
        # A size of its own: the picture may be cropped to it, or only steer an empty canvas.
        template.canvas is not None,
    )


def _enlarges(template: Template, *, words: bool) -> bool:
    return _from_a_picture(template) and (words or not _needs_words(template))


def _repaints(template: Template) -> bool:
    return takes_words(template) and template.command != UPSCALE and _from_a_picture(template)


def _from_a_picture(template: Template) -> bool:
    """It needs one picture, no other file, and makes pictures of it."""
    image = template.parameters.get(INPUT_IMAGE)
    return (
        image is not None
        and image.kind is Kind.IMAGE
        and template.media == (INPUT_IMAGE,)
        and not _MOVING & template.parameters.keys()
        and not any(word in name for name in _saving(template) for word in _NO_PICTURE)
    )


def _saving(template: Template) -> Iterable[str]:
    nodes = (template.graph.get(name) for name in template.outputs)
    return (node.class_type.casefold() for node in nodes if node is not None)


def _needs_words(template: Template) -> bool:
    prompt = template.parameters.get(PROMPT)
    return isinstance(prompt, TextParameter) and prompt.required


def _has_upscaler(template: Template) -> bool:
    return any("upscale" in node.class_type.casefold() for node in template.graph)
