"""Cards that explain: what the bot does, its flags, one template with its parameters. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.ids import RequestId, TemplateName
from bot.domain.text import Text
from bot.presentation.actions import Listing, OnExample, OnPage
from bot.presentation.card_buttons import again_button
from bot.presentation.card_text import one_line, shorten
from bot.presentation.cards import Button, Card, CardState, Code, Command, Row, Style
from bot.presentation.flags import CHAT, flags_for

EXAMPLES: tuple[str, ...] = (
    "a lighthouse on a cliff at dusk, warm light --ar 3:2",
    "a fox in a snowy field, northern lights --count 2",
    "portrait of an old sailor, ink drawing --no colour --seed 7",
)
"""Fit for every template that paints from words alone."""


MOST_LINE = 1000
"""Characters of a line of flags: a card has some 4,000 for everything."""


@dataclass(frozen=True, slots=True)
class ParameterHelp:
    """One parameter of a template. ``low``, ``high``, ``default``: as written, "" where there is none."""

    name: str
    kind: Text
    default: str = ""
    low: str = ""
    high: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class TemplateHelp:
    name: TemplateName
    title: str
    description: str
    command: str
    parameters: tuple[ParameterHelp, ...] = ()
    presets: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


_COMMANDS: tuple[tuple[str, Text], ...] = (
    ("imagine", Text("paint a picture")),
    ("queue", Text("where your pictures are in line")),
    ("cancel", Text("stop a picture of yours")),
    ("show", Text("bring a result back")),
    ("templates", Text("what can be painted")),
    ("quota", Text("what you have used, and what is left")),
    ("settings", Text("your defaults")),
    ("privacy", Text("what is kept about you")),
    ("link", Text("be one person on both platforms")),
)


def start_card(name: str = "") -> Card:
    """The first words to somebody, with examples to tap."""
    examples = tuple(
        Row(CardState.INFO, Text("{number}. {example}", number=number, example=example))
        for number, example in enumerate(EXAMPLES, 1)
    )
    buttons = tuple(
        Button(OnExample(number), Text("Paint {number}", number=number + 1), "🖌️", Style.PRIMARY, number + 1)
        for number in range(len(EXAMPLES))
    )
    headline = Text("Hello {name}", name=shorten(one_line(name), 40)) if name else Text("Hello")
    return Card(
        CardState.INFO,
        headline,
        lines=(
            Text("Say what you want to see, and it is painted:"),
            Text("{command} a lighthouse at dusk", command=Command("imagine")),
            Text("Everybody shares one graphics card, and everybody gets a fair turn."),
        ),
        rows=examples,
        buttons=(
            buttons,
            (_listing(Listing.TEMPLATES, Text("Templates")), _listing(Listing.HELP, Text("Help"))),
        ),
    )


def help_card(*, linking: bool = True) -> Card:
    """The commands, and the flags that they take. ``linking``: there is another platform."""
    commands = tuple(
        Row(CardState.INFO, Text("{command}", command=Command(name)), what)
        for name, what in _COMMANDS
        if linking or name != "link"
    )
    flags = tuple(
        Row(CardState.INFO, Text("{flag}", flag=Code(spec.usage)), spec.help) for spec in flags_for(CHAT)
    )
    return Card(
        CardState.INFO,
        Text("Help"),
        lines=(
            Text("Words say what to paint, flags say how: {example}", example=Code(EXAMPLES[0])),
            Text("Flags may stand anywhere in the line."),
        ),
        rows=(*commands, *flags),
        buttons=((_listing(Listing.TEMPLATES, Text("Templates")),),),
        private=True,
    )


def template_card(template: TemplateHelp) -> Card:
    """One template: what it does, and each of its parameters as a person may write it."""
    lines = [Text("{description}", description=template.description)] if template.description else []
    example = _example(template)
    lines.append(Text("For example: {example}", example=Code(example)))
    if template.presets:
        names = ", ".join(template.presets)
        lines.append(Text("Presets ({flag}): {names}.", flag=Code("--preset"), names=names))
    if template.styles:
        names = ", ".join(template.styles)
        lines.append(Text("Styles ({flag}): {names}.", flag=Code("--style"), names=names))
    return Card(
        CardState.INFO,
        Text("{title}", title=template.title or template.name),
        lines=tuple(lines),
        rows=tuple(
            _parameter_row(parameter) for parameter in template.parameters if parameter.name != "height"
        ),
        buttons=((_listing(Listing.TEMPLATES, Text("All templates")),),),
    )


def _example(template: TemplateHelp) -> str:
    names = {parameter.name for parameter in template.parameters}
    words = " a lighthouse at dusk" if "prompt_text" in names else ""
    return f"/{template.command}{words} --template {template.name}"


def _parameter_row(parameter: ParameterHelp) -> Row:
    parts: list[Text] = [parameter.kind]
    if parameter.low and parameter.high:
        parts.append(Text("{low} to {high}", low=parameter.low, high=parameter.high))
    if parameter.choices:
        some = ", ".join(parameter.choices[:6]) + (" …" if len(parameter.choices) > 6 else "")
        parts.append(Text("one of {choices}", choices=shorten(some, 200)))
    if parameter.required:
        parts.append(Text("needed"))
    elif parameter.default:
        parts.append(Text("else {default}", default=shorten(one_line(parameter.default), 60)))
    return Row(CardState.INFO, _written(parameter.name), _joined(parts))


def _written(name: str) -> Text:
    """How a person gives this parameter."""
    flags = {spec.parameter: spec.flag for spec in flags_for(CHAT) if spec.parameter}
    if name == "prompt_text":
        return Text("your words")
    if name.startswith("input_"):
        return Text("an attached file")
    if name == "width":
        return Text("{flag}", flag=Code("--size"))
    return Text("{flag}", flag=Code(flags.get(name, f"--set {name}=…")))


def _joined(parts: Sequence[Text]) -> Text:
    joined = parts[0]
    for part in parts[1:]:
        joined = Text("{first}; {second}", first=joined, second=part)
    return joined


def made_with_card(
    request: RequestId,
    title: str,
    prompt_text: str,
    values: Sequence[tuple[str, str]],
    line: str,
    notes: Sequence[Text] = (),
) -> Card:
    """What a picture was made with; ``line``, by :func:`~bot.presentation.flags.format_flags`, makes the same
    again. Of a long one only the flags are shown, if even they fit; the words stand above it anyway."""
    return Card(
        CardState.INFO,
        Text("Made with {title}", title=title),
        prompt_text=prompt_text,
        rows=tuple(
            Row(
                CardState.INFO,
                Text("{name}", name=name),
                Text("{value}", value=shorten(one_line(value), 200)),
            )
            for name, value in values
        ),
        lines=_to_make_it_again(line, prompt_text),
        notes=tuple(notes),
        buttons=((again_button(request),),),
        request=request,
        private=True,
    )


def _to_make_it_again(line: str, prompt_text: str) -> tuple[Text, ...]:
    if len(line) <= MOST_LINE:
        return (Text("To make it again: {line}", line=Code(line)),) if line else ()
    flags = line.removeprefix(prompt_text).strip()
    if len(flags) <= MOST_LINE:
        return (Text("To make it again, behind the same words: {line}", line=Code(flags)),)
    return (Text("The line that makes it again is too long to be shown here."),)


def _listing(listing: Listing, label: Text) -> Button:
    return Button(OnPage(listing), label)
