"""A request with the defaults of whoever asks. What was typed goes before them, and none makes it fail.

Pure: the library is what may be asked for now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.domain.errors import FairbrushError, ParameterError, TemplateError, TemplateNotFound
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.flag_values import read_size
from bot.presentation.flags import Ask
from bot.service.imagine import choose_template, plain_parameter
from bot.templates.choosing import TemplateFit
from bot.templates.loader import TemplateLibrary
from bot.templates.sizes import NO_LIMITS, Limits, Size
from bot.templates.template import Template

TEMPLATE, SIZE, PRIVATE = "template", "size", "private"
ON, OFF = "on", "off"

IMAGINE = "imagine"
_SHAPES = frozenset(("size", "aspect", "width", "height"))


@dataclass(frozen=True, slots=True)
class Merged:
    """``notes``: which defaults were left out, and why."""

    ask: Ask
    notes: tuple[Text, ...] = ()


def merge(
    ask: Ask,
    defaults: Mapping[str, str],
    command: str,
    library: TemplateLibrary,
    limits: Limits = NO_LIMITS,
    fits: Callable[[TemplateName], bool] = lambda _: True,
) -> Merged:
    """``ask`` with ``defaults`` where it leaves things open. What was typed goes before them. ``fits``: which
    templates may be used in the place."""
    notes: list[Text] = []
    if ask.template is None and command == IMAGINE and TEMPLATE in defaults:
        ask = _with_template(ask, defaults[TEMPLATE], library, fits, notes)
    if SIZE in defaults and ask.image is None and not _says_a_shape(ask):
        ask = _with_size(ask, defaults[SIZE], command, library, limits, notes)
    if defaults.get(PRIVATE) == ON:
        ask = replace(ask, private=True)
    return Merged(ask, tuple(notes))


def _with_template(
    ask: Ask, name: str, library: TemplateLibrary, fits: Callable[[TemplateName], bool], notes: list[Text]
) -> Ask:
    template = usable(library, name)
    if template is None:
        notes.append(Text("Your default template {name} is not offered any more.", name=name))
        return ask
    fit = TemplateFit(template)
    if not (fit.takes_image if ask.image is not None else fit.from_words):
        # It is meant for the other kind of request: nothing to be said.
        return ask
    if not fits(template.name):
        notes.append(Text("Your default template {name} was not used: this place has others.", name=name))
        return ask
    if (lacking := _lacks(template, ask)) is not None:
        notes.append(
            Text("Your default template {name} was not used: it has no {what}.", name=name, what=lacking)
        )
        return ask
    return replace(ask, template=template.name)


def _lacks(template: Template, ask: Ask) -> str | None:
    """Something that was asked for and this template does not have."""
    known = {*template.parameters, *(("size", "aspect") if template.canvas is not None else ())}
    wanted = {plain_parameter(name): name for name in ask.values}
    if ask.size is not None or ask.aspect is not None:
        wanted["size"] = "size"
    if ask.negative_text:
        wanted["negative_text"] = "negative_text"
    if ask.prompt_text.strip():
        wanted["prompt_text"] = "prompt_text"
    for plain, name in wanted.items():
        if plain not in known:
            return name
    if len(ask.loras) > len(template.lora_places):
        return "lora"
    if ask.preset is not None and ask.preset not in template.presets:
        return "preset"
    if ask.style is not None and ask.style not in template.styles:
        return "style"
    return None


def _says_a_shape(ask: Ask) -> bool:
    typed = {plain_parameter(name) for name in ask.values}
    return ask.size is not None or ask.aspect is not None or bool(typed & _SHAPES)


def _with_size(
    ask: Ask, text: str, command: str, library: TemplateLibrary, limits: Limits, notes: list[Text]
) -> Ask:
    try:
        template = choose_template(library, ask, command)
        width, height = read_size(SIZE, text)
    except FairbrushError:
        return ask  # whoever paints it says what is wrong with the request
    if template.canvas is None or _SHAPES & set(template.presets.get(ask.preset or "", ())):
        return ask
    try:
        template.canvas.fixed(Size(width, height), limits)
    except ParameterError as error:
        notes.append(
            Text(
                "Your default size {size} was not used. {reason}", size=f"{width}x{height}", reason=error.text
            )
        )
        return ask
    return replace(ask, size=(width, height))


def usable(library: TemplateLibrary, name: str) -> Template | None:
    """A template by its name, if it may be asked for."""
    try:
        return library.get(name)
    except (TemplateNotFound, TemplateError):
        return None
