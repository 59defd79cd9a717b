"""From what a person asked for to complete values: names, defaults, size, limits, style, seed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.templates.assemble import STRENGTH
from bot.templates.choices import nearest
from bot.templates.params import (
    IntParameter,
    MediaParameter,
    SeedParameter,
    TextParameter,
    Value,
)
from bot.templates.reading import Raw, label, shown, whole_number
from bot.templates.sizes import Canvas, Limits, Size, parse_aspect, parse_size
from bot.templates.values import SEED, LoraChoice, ResolvedValues, Style

if TYPE_CHECKING:
    from bot.templates.template import Template

PROMPT, NEGATIVE, STEPS = "prompt_text", "negative_text", "steps"
SIDES = ("width", "height")
SHAPES = ("size", "aspect")

ALIASES = {
    "prompt": PROMPT,
    "negative": NEGATIVE,
    "ar": "aspect",
    "image": "input_image",
    "mask": "input_mask",
    "video": "input_video",
    "audio": "input_audio",
}
"""Short names that people type, for parameters that a template has under the long one."""

NEW_SEEDS = 2**31
"""Drawn seeds stay below this: every seed input known takes them, they are short enough to type again, and
exact in every program that reads the file."""

Draw = Callable[[int, int], int]


def resolve(
    template: Template,
    request: Mapping[str, Raw | None],
    *,
    limits: Limits,
    draw: Draw,
    preset: str | None,
    style: str | None,
    loras: Sequence[LoraChoice],
) -> ResolvedValues:
    """See :meth:`Template.resolve`."""
    asked = named(template, request)
    asked = {**asked, **_loras(template, asked, loras)}
    chosen = _named_one(template, "preset", preset, template.presets) or {}
    around = _named_one(template, "style", style, template.styles)
    sized, notes = _sizes(template, asked, chosen, limits)

    values: dict[str, Value] = {}
    for name, parameter in template.parameters.items():
        if name in sized:
            values[name] = sized[name]
            continue
        raw = asked.get(name, chosen.get(name))
        if raw is not None:
            values[name] = value = parameter.parse(raw)
            if isinstance(parameter, IntParameter) and value != whole_number(name, raw):
                notes.append(
                    Text("{name} is {value}, the nearest that works.", name=label(name), value=value)
                )
        else:
            values[name] = _unasked(parameter)
            if name in template.fallbacks:
                notes.append(template.fallbacks[name])
        if isinstance(parameter, SeedParameter) and values[name] is None:
            values[name] = new_seed(parameter, draw)
    notes += _limit_steps(values, asked, limits)
    words = {name: str(values[name]) for name in (PROMPT, NEGATIVE) if values.get(name) is not None}
    if around is not None:
        _wrap(template, values, around)
    seed = template.parameters.get(SEED)
    return ResolvedValues(
        template=template.name,
        content_hash=template.content_hash,
        values=values,
        words=words,
        preset=preset,
        style=style,
        seed_range=(seed.minimum, seed.maximum) if isinstance(seed, SeedParameter) else (0, 0),
        notes=tuple(notes),
    )


def named(template: Template, request: Mapping[str, Raw | None]) -> dict[str, Raw]:
    """The request under the template's own names; values of None are as if not given.

    Raises :class:`ParameterError` for a name that the template does not have.
    """
    asked: dict[str, Raw] = {}
    for given, raw in request.items():
        name = given.strip().replace("-", "_").casefold()
        if name not in template.parameters:
            name = ALIASES.get(name, name)
        if raw is None:
            continue
        if name not in template.parameters and not (name in SHAPES and template.canvas is not None):
            raise ParameterError(given, _unknown(template, given, name))
        asked[name] = raw
    return asked


def new_seed(parameter: SeedParameter, draw: Draw) -> int:
    """A drawn seed that a person can type again. Raises :class:`ParameterError` where none is allowed."""
    if parameter.minimum > parameter.maximum:
        raise ParameterError(
            parameter.name, Text("{name} cannot be any number here.", name=label(parameter.name))
        )
    return draw(parameter.minimum, min(parameter.maximum, parameter.minimum + NEW_SEEDS - 1))


def _unknown(template: Template, given: str, name: str) -> Text:
    if name in (*SHAPES, *SIDES):
        return Text(
            "The size of template {template} is fixed; it has no {name}.", template=template.name, name=name
        )
    if name == NEGATIVE:
        return Text("Template {template} takes no negative text.", template=template.name)
    if name == "lora":
        return Text("Template {template} has no place for a LoRA.", template=template.name)
    close = nearest(name, template.parameters)
    if close is not None:
        return Text(
            "Template {template} has no {name}. Did you mean {nearest}?",
            template=template.name,
            name=shown(given),
            nearest=close,
        )
    if not template.parameters:
        return Text(
            "Template {template} has no {name}: nothing can be set in it. Its sidecar may bind more.",
            template=template.name,
            name=shown(given),
        )
    return Text(
        "Template {template} has no {name}. It has: {names}.",
        template=template.name,
        name=shown(given),
        names=", ".join(template.parameters),
    )


def _unasked(parameter: object) -> Value:
    """The default. Raises :class:`ParameterError` where only the person can know."""
    if isinstance(parameter, TextParameter) and parameter.required:
        parameter.parse("")
    if isinstance(parameter, MediaParameter) and parameter.required:
        raise ParameterError(
            parameter.name,
            Text("{name} is missing: give a file to work on.", name=label(parameter.name)),
        )
    default: Value = getattr(parameter, "default", None)
    return default


T = TypeVar("T")


def _named_one(template: Template, what: str, wanted: str | None, listed: Mapping[str, T]) -> T | None:
    """A preset or style by its name; None when none is wanted."""
    if wanted is None:
        return None
    if wanted not in listed:
        raise ParameterError(what, _not_among(template, what, wanted, listed))
    return listed[wanted]


def _not_among(template: Template, what: str, wanted: str, listed: Mapping[str, object]) -> Text:
    if not listed:
        return Text("Template {template} has no {what}s.", template=template.name, what=what)
    close = nearest(wanted, listed)
    if close is not None:
        return Text(
            "Template {template} has no {what} {wanted}. Did you mean {nearest}?",
            template=template.name,
            what=what,
            wanted=shown(wanted),
            nearest=close,
        )
    return Text(
        "Template {template} has no {what} {wanted}. It has: {names}.",
        template=template.name,
        what=what,
        wanted=shown(wanted),
        names=", ".join(listed),
    )


def _loras(template: Template, asked: Mapping[str, Raw], loras: Sequence[LoraChoice]) -> dict[str, Raw]:
    """LoRAs put into the template's places, first to first, past those that were named outright."""
    places = [place for place in template.lora_places if place not in asked]
    if loras and not template.lora_places:
        raise ParameterError("lora", _unknown(template, "lora", "lora"))
    if len(loras) > len(places):
        raise ParameterError(
            "lora",
            Text(
                "Template {template} has room for {most} LoRA at once, not {count}.",
                template=template.name,
                most=len(places),
                count=len(loras),
            ),
        )
    chosen: dict[str, Raw] = {}
    for place, lora in zip(places, loras, strict=False):
        chosen[place] = lora.name
        if lora.strength is not None and place + STRENGTH not in template.parameters:
            raise ParameterError("lora", Text("The strength of {name} is fixed here.", name=shown(lora.name)))
        if lora.strength is not None:
            chosen[place + STRENGTH] = lora.strength
    return chosen


def _sizes(
    template: Template, asked: Mapping[str, Raw], preset: Mapping[str, Raw], limits: Limits
) -> tuple[dict[str, Value], list[Text]]:
    """Width and height. Empty when the template has no such pair, or it stays as exported."""
    canvas = template.canvas
    if canvas is None:
        return {}, []
    usual = canvas.default
    if (from_preset := _wanted_size(canvas, preset, Limits())) is not None:
        canvas = replace(canvas, default=from_preset)
    size = _wanted_size(canvas, asked, limits)
    if size is None:
        size, note = canvas.unasked(limits)
        if note is None and size == usual:
            return {}, []
        return dict(zip(SIDES, (size.width, size.height), strict=True)), [note] if note else []
    notes = []
    if _typed_size(canvas, asked) not in (None, size):
        notes.append(Text("Painted at {size}, the nearest that this model can do.", size=size))
    return dict(zip(SIDES, (size.width, size.height), strict=True)), notes


def _wanted_size(canvas: Canvas, wanted: Mapping[str, Raw], limits: Limits) -> Size | None:
    """The size that ``wanted`` speaks of in one way or another; None when it does not."""
    if (
        len([key for key in SHAPES if key in wanted]) + ("size" in wanted and any(s in wanted for s in SIDES))
        > 1
    ):
        raise ParameterError("size", Text("Give either a size or an aspect, not both."))
    if (typed := _typed_size(canvas, wanted)) is not None:
        return canvas.fixed(typed, limits)
    if "aspect" in wanted:
        return canvas.shaped(parse_aspect(wanted["aspect"]), limits)
    return None


def _typed_size(canvas: Canvas, wanted: Mapping[str, Raw]) -> Size | None:
    """The size in pixels as typed, before it is moved to the model's multiples."""
    if "size" in wanted:
        return parse_size(wanted["size"])
    if not any(side in wanted for side in SIDES):
        return None
    width = _side(canvas.width, wanted)
    height = _side(canvas.height, wanted)
    if "aspect" not in wanted:
        return Size(
            canvas.default.width if width is None else width,
            canvas.default.height if height is None else height,
        )
    aspect = parse_aspect(wanted["aspect"])
    if width is not None and height is not None:
        raise ParameterError("aspect", Text("Give width and height, or one of them with an aspect."))
    return (
        Size(width, round(width / aspect))
        if width is not None
        else Size(round((height or 0) * aspect), height or 0)
    )


def _side(parameter: IntParameter, wanted: Mapping[str, Raw]) -> int | None:
    return whole_number(parameter.name, wanted[parameter.name]) if parameter.name in wanted else None


def _limit_steps(values: dict[str, Value], asked: Mapping[str, Raw], limits: Limits) -> list[Text]:
    """Hold the tier's limit of steps: refuse what was asked for, lower what was not."""
    steps = values.get(STEPS)
    if limits.max_steps is None or not isinstance(steps, int) or steps <= limits.max_steps:
        return []
    if STEPS in asked:
        raise ParameterError(
            STEPS,
            Text(
                "steps {steps} is too many: you may use at most {most}.", steps=steps, most=limits.max_steps
            ),
        )
    values[STEPS] = limits.max_steps
    return [Text("steps is {steps}, the most that you may use.", steps=limits.max_steps)]


def _wrap(template: Template, values: dict[str, Value], style: Style) -> None:
    """Put the style around the words. Plain replacement: braces in a person's words mean nothing."""
    prompt = values.get(PROMPT)
    if style.prompt and isinstance(prompt, str):
        values[PROMPT] = style.prompt.replace("{prompt}", prompt)
    if style.negative and NEGATIVE in template.parameters:
        own = values.get(NEGATIVE)
        if own is None:
            own = template.graph.value(template.bindings[NEGATIVE][0])
        values[NEGATIVE] = f"{own}, {style.negative}" if str(own).strip() else style.negative
