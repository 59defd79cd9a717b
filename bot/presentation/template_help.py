"""A template as its help shows it. PURE."""

from __future__ import annotations

from bot.domain.text import Text
from bot.presentation.help_cards import ParameterHelp, TemplateHelp
from bot.templates.params import (
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    MediaParameter,
    Parameter,
    SeedParameter,
)
from bot.templates.template import Template

_KINDS = {
    "text": Text("text"),
    "int": Text("whole number"),
    "float": Text("number"),
    "seed": Text("whole number, -1 draws one"),
    "choice": Text("choice"),
    "bool": Text("on or off"),
    "image": Text("picture"),
    "mask": Text("mask"),
    "video": Text("video"),
    "audio": Text("sound"),
}


def template_help(template: Template) -> TemplateHelp:
    """Everything that can be set, in the template's own order."""
    return TemplateHelp(
        template.name,
        template.title,
        template.description,
        template.command,
        tuple(_parameter(template, name) for name in template.parameters),
        tuple(template.presets),
        tuple(template.styles),
    )


def _parameter(template: Template, name: str) -> ParameterHelp:
    parameter = template.parameters[name]
    if name == "width" and "height" in template.parameters:
        return _size(parameter, template.parameters["height"])
    default = "" if isinstance(parameter, MediaParameter | SeedParameter) else _written(parameter.default)
    low = high = ""
    if isinstance(parameter, IntParameter | FloatParameter):
        low, high = _written(parameter.minimum), _written(parameter.maximum)
    choices: tuple[str, ...] = ()
    if isinstance(parameter, ChoiceParameter) and parameter.choices:
        choices = tuple(str(choice) for choice in parameter.choices)
    return ParameterHelp(
        name,
        _KINDS[parameter.kind.value],
        default,
        low,
        high,
        choices,
        required=bool(getattr(parameter, "required", False)),
    )


def _size(width: Parameter, height: Parameter) -> ParameterHelp:
    """Both sides are said at once."""
    sides = [_written(side.default) for side in (width, height) if isinstance(side, IntParameter)]
    return ParameterHelp("width", Text("width x height in pixels"), "x".join(filter(None, sides)))


def _written(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
