"""Forms to change what was asked for, and what is read out of them. Pure.

A form that is sent off as it was opened asks for the same: what stands in it is what was typed, and what was
left open is empty. Fields are read by the readers of flags, under the names that
:func:`~bot.presentation.spec_ask.ask_from` knows; what has no field of its own stands in the last, as flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.errors import FlagError
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.presentation.actions import OnPicture, OnRequest, Verb
from bot.presentation.card_text import utf16
from bot.presentation.flag_table import FLAGS
from bot.presentation.flags import CHAT, Ask, format_flags, parse_line
from bot.presentation.forms import MOST_FIELDS, Field, Form
from bot.presentation.spec_ask import ask_from
from bot.presentation.spec_painting import MORE, PROMPT
from bot.service.follow_up_templates import DENOISE
from bot.service.imagine import without_files
from bot.templates.choosing import INPUT_IMAGE
from bot.templates.params import FloatParameter, IntParameter, SeedParameter, TextParameter
from bot.templates.template import Template

MOST_LETTERS = 4000
"""Of one field, in UTF-16 units: Discord's bound, and about Telegram's for a whole message."""
MOST_SHORT = 100
"""Of a field with one line; what is longer stands among the flags."""
NEGATIVE, SIZE, ASPECT = "negative", "size", "aspect"
_MORE_WORDS, _MORE_LETTERS = "_more", "_rest"
"""Behind a field's name: the text goes on there, after a blank or right away. A blank at the end of a field
might not survive."""

_MAIN: Mapping[str, Text] = {
    SIZE: Text("Size or aspect"),
    DENOISE: Text("How much to repaint, 0 to 1"),
    "steps": Text("Steps"),
    "guidance": Text("How closely to follow the words"),
    "cfg": Text("How closely to follow the words (cfg)"),
    "seed": Text("Seed"),
    "count": Text("How many pictures"),
    "preset": Text("Preset"),
    "style": Text("Style"),
    "model": Text("Model"),
}
"""Fields of their own, as long as there is room: the most useful first."""
_PARAMETERS = {spec.parameter for spec in FLAGS if spec.parameter == spec.name}
_KNOWN = (PROMPT, NEGATIVE, *_MAIN, MORE)


def edit_form(request: RequestId, ask: Ask, template: Template) -> Form:
    """``ask`` made the request, with ``template``. Raises FlagError when it is too long for a form."""
    typed = replace(without_files(ask), private=False)
    texts = (*_prompt(typed.prompt_text, Text("What to paint"), template), *_negative(typed, template))
    if len(texts) >= MOST_FIELDS:
        raise _too_long(ask)
    fields: list[Field] = []
    for name in _MAIN:
        if len(texts) + len(fields) + 1 < MOST_FIELDS and (field := _main(name, typed, template)) is not None:
            fields.append(field)
    options = format_flags(_rest(typed, {field.name for field in (*texts, *fields)}))
    if utf16(options) > MOST_LETTERS:
        raise _too_long(ask)
    hint = Text("--seed 7 --count 2 --style ink")
    more = Field(MORE, Text("More, as flags"), options, long=True, hint=hint)
    line = format_flags(typed)
    return Form(OnRequest(Verb.EDIT, request), Text("Edit"), (*texts, *fields, more), line)


def edit_picture_form(key: str, words: str, template: Template) -> Form:
    """For a picture that was handed in under ``key``, to be repainted by ``template``."""
    prompt = _prompt(words, Text("What it should become"), template)
    strength = _main(DENOISE, Ask(), template)
    hint = Text("--seed 7 --count 2 --style ink")
    more = Field(MORE, Text("More, as flags"), long=True, hint=hint)
    fields = (*prompt, *(() if strength is None else (strength,)), more)
    return Form(OnPicture(key), Text("Edit this picture"), fields)


def filled_in(fields: Mapping[str, str]) -> Ask:
    """What a form was sent off with; names that are none of its fields are passed over.

    Raises :class:`FlagError`, which names fields as the person saw them.
    """
    given = {name: text for name in _KNOWN if (text := _joined(name, fields)).strip()}
    if ":" in given.get(SIZE, "") or "/" in given.get(SIZE, ""):
        given[ASPECT] = given.pop(SIZE)
    if NEGATIVE in given and MORE in given:
        given[MORE] = _without_empty_negative(given[MORE])
    return ask_from(given)


def _prompt(words: str, label: Text, template: Template) -> tuple[Field, ...]:
    """Written so that it reads back as words, whatever they look like."""
    parameter = template.parameters.get("prompt_text")
    if not isinstance(parameter, TextParameter):
        return ()
    return _text(PROMPT, label, format_flags(Ask(prompt_text=words)), required=parameter.required)


def _negative(ask: Ask, template: Template) -> tuple[Field, ...]:
    if "negative_text" not in template.parameters:
        return ()
    return _text(NEGATIVE, Text("What not to paint"), ask.negative_text or "")


def _text(name: str, label: Text, value: str, *, required: bool = False) -> tuple[Field, ...]:
    """One field, or two where one cannot hold it."""
    if utf16(value) <= MOST_LETTERS:
        return (Field(name, label, value, long=True, required=required),)
    where, how = _break(value)
    rest = value[where:].removeprefix(" ") if how == _MORE_WORDS else value[where:]
    if utf16(rest) > MOST_LETTERS:
        raise _too_long(Ask(prompt_text=value))
    return (
        Field(name, label, value[:where], long=True, required=required),
        Field(name + how, Text("{label}, continued", label=label), rest, long=True),
    )


def _break(text: str) -> tuple[int, str]:
    """Where a text too long for one field goes on in the next: at a single blank near the end, else between
    two letters."""
    room = next(end for end in range(MOST_LETTERS, 0, -1) if utf16(text[:end]) <= MOST_LETTERS)
    blank = [
        here for here in range(room, room // 2, -1) if text[here] == " " and _solid(text, here, here + 1)
    ]
    if blank:
        return blank[0], _MORE_WORDS
    inside = (here for here in range(room, room // 2, -1) if _solid(text, here, here))
    return next(inside, room), _MORE_LETTERS


def _solid(text: str, before: int, after: int) -> bool:
    return not text[before - 1].isspace() and not text[after : after + 1].isspace()


def _joined(name: str, fields: Mapping[str, str]) -> str:
    text = fields.get(name, "")
    if more := fields.get(name + _MORE_WORDS, "").strip():
        text = f"{text} {more}"
    return text + fields.get(name + _MORE_LETTERS, "")


def _main(name: str, ask: Ask, template: Template) -> Field | None:
    """None when the template has nothing of the kind, or what was typed does not fit into a line."""
    if not _has(name, template):
        return None
    value = _shown(name, ask)
    if len(value) > MOST_SHORT or "\n" in value or "\r" in value:
        return None
    return Field(name, _MAIN[name], value, hint=_hint(name, template))


def _has(name: str, template: Template) -> bool:
    match name:
        case "size":
            return template.canvas is not None
        case "denoise":
            # Of an empty canvas there is nothing to repaint.
            return DENOISE in template.parameters and INPUT_IMAGE in template.parameters
        case "count":
            return "seed" in template.parameters
        case "preset":
            return bool(template.presets)
        case "style":
            return bool(template.styles)
        case _:
            return name in template.parameters


def _shown(name: str, ask: Ask) -> str:
    """What was typed, as it may be typed again; "" for what was left open."""
    flags = ("size", "ar") if name == SIZE else (name,)
    return "".join(value for spec in FLAGS if spec.name in flags for value in spec.show(ask))


def _rest(ask: Ask, fields: set[str]) -> Ask:
    """What of ``ask`` stands in none of these fields."""
    return replace(
        ask,
        prompt_text="",
        # No negative text at all is something else than none that was typed.
        negative_text=None if NEGATIVE in fields and ask.negative_text else ask.negative_text,
        size=None if SIZE in fields else ask.size,
        aspect=None if SIZE in fields else ask.aspect,
        seed=None if "seed" in fields else ask.seed,
        count=1 if "count" in fields else ask.count,
        preset=None if "preset" in fields else ask.preset,
        style=None if "style" in fields else ask.style,
        values={name: value for name, value in ask.values.items() if name not in fields & _PARAMETERS},
    )


def _hint(name: str, template: Template) -> Text | None:
    parameter = template.parameters.get(name)
    if name == SIZE and template.canvas is not None:
        return Text("1024x768 or 3:2; empty: {usual}", usual=template.canvas.default)
    if isinstance(parameter, SeedParameter):
        return Text("Empty: a new one")
    if isinstance(parameter, IntParameter | FloatParameter) and parameter.default is not None:
        usual = parameter.default
        return Text("Empty: {usual}", usual=f"{usual:g}" if isinstance(usual, float) else usual)
    return None


def _without_empty_negative(options: str) -> str:
    """``--no ""`` said that there is no negative text; now there is one, in its own field."""
    try:
        ask = parse_line(options, CHAT)
    except FlagError:
        return options  # read once more, and refused, with the rest
    return format_flags(replace(ask, negative_text=None)) if ask.negative_text == "" else options


def _too_long(ask: Ask) -> FlagError:
    return FlagError(
        Text(
            "This text of {count} characters is too long for a form. Look at its settings, and ask anew "
            "with the line there.",
            count=len(ask.prompt_text) + len(ask.negative_text or ""),
        )
    )
