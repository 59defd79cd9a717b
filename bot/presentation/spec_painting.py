"""The options of a command that paints, from the templates that belong to it. PURE.

An option's bounds are as wide as those of the template that allows most: which template will paint is known
only when the command is used, and then its own bounds are checked, with a message that names them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from bot.domain.text import Text
from bot.presentation.flag_values import MAX_COUNT
from bot.presentation.spec_index import is_plain
from bot.presentation.spec_types import Choice, OptionKind, OptionSpec, Source
from bot.templates.assemble import STRENGTH, role_of
from bot.templates.params import (
    MAX_TEXT,
    MEDIA,
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    Kind,
    MediaParameter,
    Parameter,
    SeedParameter,
    TextParameter,
)
from bot.templates.roles import Role
from bot.templates.sizes import Limits
from bot.templates.template import Template

PROMPT, MORE, PRIVATE = "prompt", "options", "private"
MOST_CHOICES = 25
MOST_LETTERS = 100
"""Of a choice: what Discord shows and takes."""
SEED_LETTERS = 20
"""2^64-1 has as many digits."""

_INPUT = "input_"
_FILE = re.compile(r"(image|mask|video|audio)(_[0-9]+)?")
_SERVED = frozenset({"prompt_text", "negative_text", "seed", "width", "height", "batch_size"})
"""Parameters with options of their own making, or none."""
_MEANING = frozenset(
    {
        PROMPT,
        MORE,
        PRIVATE,
        "negative",
        "template",
        "aspect",
        "size",
        "seed",
        "count",
        "preset",
        "style",
        "lora",
    }
    | {Source.JOB.value}
)
"""Names that mean something else than a parameter of that name, whether or not a command has the option; such
a parameter is set by flags."""
_LIVE = frozenset({Role.MODEL, Role.SAMPLER, Role.SCHEDULER})
"""Choices that come and go with the files of a server: suggested, so that commands stay as they are."""

WORDS: Mapping[str, Text] = MappingProxyType(
    {
        PROMPT: Text("What you want to see"),
        "negative": Text("What you do not want to see"),
        "template": Text("Which template paints"),
        "aspect": Text("Shape of the picture, width to height, like 3:2"),
        "size": Text("Size in pixels, like 1024x768"),
        "seed": Text("The same seed paints the same picture again; -1 draws a new one"),
        "steps": Text("Steps of the sampler: more take longer and add detail"),
        "cfg": Text("How closely the picture follows your words"),
        "guidance": Text("How closely the picture follows your words, for Flux-like models"),
        "count": Text("How many pictures"),
        "preset": Text("Ready-made settings"),
        "style": Text("Ready-made words around yours"),
        "model": Text("The model that paints"),
        "lora": Text("A LoRA and its strength, like ink:0.8"),
        "sampler": Text("How noise is taken away, step by step"),
        "scheduler": Text("How much noise each step takes away"),
        "image": Text("The picture to start from"),
        "mask": Text("Where to paint: a picture that is white there"),
        "denoise": Text("How much of your picture is painted over: 0 nothing, 1 everything"),
        "length": Text("How many frames"),
        "fps": Text("Frames a second"),
        PRIVATE: Text("Only you see the result"),
        MORE: Text("More, as flags: --lora ink:0.8 --set name=value"),
    }
)

_ORDER = (
    *("template", "negative", "aspect", "size", "seed", "steps", "cfg", "count", "preset", "style", "model"),
    *("lora", "sampler", "image", "denoise", PRIVATE, "mask", "guidance", "scheduler", "length", "fps"),
)
"""Optional ones, the most useful first; parameters of an operator's own come behind."""

P = TypeVar("P", TextParameter, IntParameter, FloatParameter, ChoiceParameter)


def painting_options(templates: Sequence[Template], limits: Limits, most: int) -> tuple[OptionSpec, ...]:
    """At most ``most`` options, the required ones first. What finds no place is reached by the last one,
    which takes flags. ``limits`` are those of whoever may do most."""
    found = {option.name: option for option in _Options(templates, limits).all()}
    known = [name for name in (PROMPT, *_ORDER) if name in found]
    ordered = [found[name] for name in (*known, *(name for name in found if name not in known))]
    ordered.sort(key=lambda option: not option.required)
    more = OptionSpec(MORE, OptionKind.TEXT, WORDS[MORE], max_length=1000)
    return (*ordered[: most - 1], more)


def option_name(parameter: str) -> str:
    """What the option for a parameter is called: ``image_2`` for the file ``input_image_2``."""
    short = parameter.removeprefix(_INPUT)
    return short if _FILE.fullmatch(short) else parameter


def file_parameter(option: str) -> str:
    """Inverse of :func:`option_name`, for files."""
    return f"{_INPUT}{option}" if _FILE.fullmatch(option) else option


@dataclass(frozen=True, slots=True)
class _Options:
    templates: Sequence[Template]
    limits: Limits

    def all(self) -> Iterator[OptionSpec]:
        """In no order that matters."""
        yield from (*self._texts(), *self._general(), *self._named())
        for name in self._parameters():
            label = option_name(name)
            # A parameter ``image`` must not be taken for ``input_image``.
            if label in _MEANING or (label == name and file_parameter(name) != name):
                continue
            if (option := self._parameter(name, label)) is not None:
                yield option

    def _texts(self) -> Iterator[OptionSpec]:
        prompts = self._having("prompt_text", TextParameter)
        # Without any template there is a prompt all the same: the answer says what is missing.
        if not self.templates:
            yield OptionSpec(PROMPT, OptionKind.TEXT, WORDS[PROMPT], required=True, max_length=MAX_TEXT)
        if prompts:
            everywhere = len(prompts) == len(self.templates)
            yield _text(PROMPT, prompts, required=everywhere and all(each.required for each in prompts))
        if negatives := self._having("negative_text", TextParameter):
            yield _text("negative", negatives)

    def _general(self) -> Iterator[OptionSpec]:
        if len(self.templates) > 1:
            yield _suggested("template", Source.TEMPLATE)
        if any(template.canvas is not None for template in self.templates):
            yield _suggested("aspect", Source.ASPECT)
            yield _suggested("size", Source.SIZE)
        seeded = [each for each in self.templates if isinstance(each.parameters.get("seed"), SeedParameter)]
        if seeded:
            yield OptionSpec("seed", OptionKind.TEXT, WORDS["seed"], max_length=SEED_LETTERS)
        # Without a seed, several pictures would be one picture several times.
        if (most := self._most_pictures(seeded)) > 1:
            yield OptionSpec("count", OptionKind.INT, WORDS["count"], minimum=1, maximum=most)
        yield OptionSpec(PRIVATE, OptionKind.BOOL, WORDS[PRIVATE])

    def _named(self) -> Iterator[OptionSpec]:
        if any(template.presets for template in self.templates):
            yield self._choice_or_suggestion("preset", [tuple(each.presets) for each in self.templates])
        if any(template.styles for template in self.templates):
            yield self._choice_or_suggestion("style", [tuple(each.styles) for each in self.templates])
        if any(template.lora_places for template in self.templates):
            yield _suggested("lora", Source.LORA)

    def _parameters(self) -> list[str]:
        """Names of parameters that may get an option, those of most templates first."""
        uses: dict[str, int] = {}
        for template in self.templates:
            for name in template.parameters:
                if name not in _SERVED and not self._of_lora(name):
                    uses[name] = uses.get(name, 0) + 1
        return sorted(uses, key=lambda name: -uses[name])

    def _of_lora(self, name: str) -> bool:
        return role_of(name.removesuffix(STRENGTH)) is Role.LORA

    def _parameter(self, name: str, label: str) -> OptionSpec | None:
        """The option for one parameter, whatever kinds the templates give it; None where a file of a kind is
        needed that nobody can give."""
        found = [each.parameters[name] for each in self.templates if name in each.parameters]
        kinds = {parameter.kind for parameter in found}
        words = WORDS.get(label) or _described(found[0])
        if kinds <= {Kind.IMAGE, Kind.MASK}:
            needed = all(name in template.media for template in self.templates)
            return OptionSpec(label, OptionKind.IMAGE, words, required=needed)
        if kinds & MEDIA or name.startswith(_INPUT):
            return None
        if kinds == {Kind.BOOL}:
            return OptionSpec(label, OptionKind.BOOL, words)
        if kinds <= {Kind.INT, Kind.FLOAT}:
            return self._number(label, words, found)
        if kinds == {Kind.CHOICE}:
            return self._choice(name, label, words, found)
        return OptionSpec(label, OptionKind.TEXT, words, max_length=_longest(found))

    def _number(self, label: str, words: Text, found: Sequence[Parameter]) -> OptionSpec:
        numbers = [each for each in found if isinstance(each, IntParameter | FloatParameter)]
        whole = all(isinstance(each, IntParameter) for each in numbers)
        low = _widest(min, [each.minimum for each in numbers])
        high = _widest(max, [each.maximum for each in numbers])
        if label == "steps" and self.limits.max_steps is not None:
            high = self.limits.max_steps if high is None else min(high, self.limits.max_steps)
        kind = OptionKind.INT if whole else OptionKind.FLOAT
        return OptionSpec(label, kind, words, minimum=low, maximum=high)

    def _choice(self, name: str, label: str, words: Text, found: Sequence[Parameter]) -> OptionSpec:
        if role_of(name) in _LIVE:
            return _suggested(label, name, words)
        listed = [each.choices for each in found if isinstance(each, ChoiceParameter)]
        if any(choices is None for choices in listed):
            return _suggested(label, name, words)
        names = [tuple(str(choice) for choice in choices or ()) for choices in listed]
        return self._choice_or_suggestion(label, names, source=name, words=words)

    def _choice_or_suggestion(
        self, label: str, lists: Sequence[tuple[str, ...]], *, source: str = "", words: Text | None = None
    ) -> OptionSpec:
        """Choices where all templates have the same and the platform takes as many; else suggestions, which
        know what template was chosen."""
        first, words = lists[0], words or WORDS[label]
        fit = 0 < len(first) <= MOST_CHOICES and all(is_plain(each) for each in first)
        if not fit or len(set(first)) < len(first) or any(each != first for each in lists):
            return _suggested(label, source or label, words)
        choices = tuple(Choice(Text("{name}", name=each), each) for each in first)
        return OptionSpec(label, OptionKind.TEXT, words, choices=choices)

    def _most_pictures(self, templates: Sequence[Template]) -> int:
        mine = [template.limits.max_count or MAX_COUNT for template in templates]
        return min(max(mine, default=1), self.limits.max_count or MAX_COUNT)

    def _having(self, name: str, kind: type[P]) -> list[P]:
        found = (template.parameters.get(name) for template in self.templates)
        return [parameter for parameter in found if isinstance(parameter, kind)]


def _text(name: str, parameters: Sequence[TextParameter], *, required: bool = False) -> OptionSpec:
    longest = max(parameter.max_length for parameter in parameters)
    return OptionSpec(name, OptionKind.TEXT, WORDS[name], required=required, max_length=longest)


def _suggested(name: str, source: str, words: Text | None = None) -> OptionSpec:
    return OptionSpec(name, OptionKind.TEXT, words or WORDS[name], autocomplete=source)


def _described(parameter: Parameter) -> Text:
    if parameter.description.strip():
        return Text("{description}", description=parameter.description)
    if isinstance(parameter, MediaParameter):
        return Text("A picture")
    return Text("{name}: {allowed}", name=parameter.name, allowed=parameter.allowed())


def _longest(parameters: Sequence[Parameter]) -> int | None:
    """The most characters that any of them takes; None when one sets no limit."""
    lengths = [each.max_length if isinstance(each, TextParameter) else None for each in parameters]
    known = [length for length in lengths if length is not None]
    return max(known) if known and len(known) == len(lengths) else None


def _widest(way: Callable[..., int | float], ends: Sequence[int | float | None]) -> int | float | None:
    """One end that holds for all; None as soon as one of them has none."""
    known = [end for end in ends if end is not None]
    return way(known) if known and len(known) == len(ends) else None
