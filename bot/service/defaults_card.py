"""One's defaults as they are shown, with the buttons that change them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.errors import FairbrushError
from bot.domain.text import Text
from bot.presentation.actions import mark
from bot.presentation.card_account import Setting
from bot.presentation.card_text import isolated, one_line, shorten
from bot.presentation.flag_values import read_size
from bot.presentation.flags import Ask
from bot.service.defaults_merge import IMAGINE, OFF, ON, PRIVATE, SIZE, TEMPLATE, usable
from bot.service.imagine import choose_template
from bot.templates.loader import TemplateLibrary
from bot.templates.sizes import NO_LIMITS, Canvas, Size
from bot.templates.template import Template

_LABEL = 20
"""Characters on a button."""
_MOST = 4
"""Buttons of a setting, beside the one that takes it away."""
_RATIOS = (1.0, 1.5, 1 / 1.5, 16 / 9)
"""Of the sizes that are offered."""


def settings_of(values: Mapping[str, str], library: TemplateLibrary) -> tuple[Setting, ...]:
    return (_template_setting(values, library), _size_setting(values, library), _private_setting(values))


def _template_setting(values: Mapping[str, str], library: TemplateLibrary) -> Setting:
    name = values.get(TEMPLATE, "")
    template = usable(library, name) if name else None
    if template is not None:
        value = Text("{title}", title=_title(template))
    elif name:
        value = Text("{name}, which is not offered any more: it is left out", name=name)
    else:
        value = Text("the usual one for what is asked")
    offered = [each for each in library.enabled() if each.command == IMAGINE and not each.media]
    if template is not None:
        # What is chosen is among the buttons, however many there are.
        offered = [template, *(each for each in offered if each.name != template.name)]
    chosen = sorted(offered[:_MOST], key=lambda each: each.name)
    return Setting(
        TEMPLATE,
        Text("Template"),
        value,
        (
            *((mark(each.name), Text("{title}", title=shorten(_title(each), _LABEL))) for each in chosen),
            ("", Text("the usual one")),
        ),
        mark(name) if name else "",
        void=bool(name) and template is None,
    )


def _size_setting(values: Mapping[str, str], library: TemplateLibrary) -> Setting:
    text = values.get(SIZE, "")
    template = _painter(values, library)
    canvas = None if template is None else template.canvas
    reason = _refusal(canvas, text) if canvas is not None and text else None
    if not text:
        value = Text("as the template has it")
    elif reason is not None:
        value = Text("{size}, which is left out: {reason}", size=text, reason=reason)
    else:
        value = Text("{size}", size=text)
    offered = [] if canvas is None else [str(canvas.shaped(ratio, NO_LIMITS)) for ratio in _RATIOS]
    sizes = dict.fromkeys(((text,) if text and reason is None else ()) + tuple(offered))
    return Setting(
        SIZE,
        Text("Size"),
        value,
        (*((size, Text("{size}", size=size)) for size in list(sizes)[:_MOST]), ("", Text("the usual one"))),
        text,
        void=reason is not None,
    )


def _refusal(canvas: Canvas, text: str) -> Text | None:
    """Why a size cannot be painted; None when it can."""
    try:
        canvas.fixed(Size(*read_size(SIZE, text)), NO_LIMITS)
    except FairbrushError as error:
        return error.text
    return None


def _private_setting(values: Mapping[str, str]) -> Setting:
    is_on = values.get(PRIVATE) == ON
    return Setting(
        PRIVATE,
        Text("Private"),
        Text("on: only you see what you ask for")
        if is_on
        else Text("off: what you ask for is seen where you ask"),
        ((ON, Text("on")), (OFF, Text("off"))),
        ON if is_on else OFF,
    )


def _painter(values: Mapping[str, str], library: TemplateLibrary) -> Template | None:
    """The template that would paint plain words."""
    name = values.get(TEMPLATE)
    chosen = None if name is None else usable(library, name)
    if chosen is not None and not chosen.media:
        return chosen
    try:
        return choose_template(library, Ask())
    except FairbrushError:
        return None


def _title(template: Template) -> str:
    return isolated(one_line(template.title or template.name))
