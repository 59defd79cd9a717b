"""The one table of flags: how each is written, read, written back and explained. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum

from bot.domain.text import Text
from bot.presentation.flag_values import (
    LoraUse,
    read_aspect,
    read_count,
    read_lora,
    read_number,
    read_seeds,
    read_size,
    read_whole_text,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What one line asks for.

    ``values`` holds the rest as text, by parameter name (``steps``, ``cfg``, ``model`` ... and ``--set``);
    the template parses them. None, and an empty tuple, stand for what the line leaves open.
    """

    prompt_text: str = ""
    negative_text: str | None = None
    """``""`` is an answer too: no negative text, whatever the template's default is."""
    template: str | None = None
    preset: str | None = None
    style: str | None = None
    aspect: tuple[float, float] | None = None
    """Width to height; only their ratio counts."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    seed: int | None = None
    """None: a random one."""
    seeds: tuple[int, ...] = ()
    """A seed range: one request for each. Then ``seed`` is None."""
    count: int = 1
    loras: tuple[LoraUse, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    """A path or address on the asking side; only a shell may name one."""
    private: bool = False


class Takes(Enum):
    """How much of a line belongs to a flag."""

    NOTHING = "nothing"
    WORD = "word"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class FlagSpec:
    """One flag. ``read`` takes the flag as written and its value; ``show`` gives the values to write."""

    name: str
    help: Text
    read: Callable[[Ask, str, str], Ask]
    show: Callable[[Ask], Iterable[str]]
    metavar: str = ""
    takes: Takes = Takes.WORD
    aliases: tuple[str, ...] = ()
    parameter: str = ""
    """The template parameter that it sets, so that ``--set`` with this name means the same flag."""
    against: str = ""
    """Flags with the same word here contradict each other."""
    key_of: Callable[[str], str] | None = None
    """What may be given only once, if that is not the flag itself."""
    may_be_empty: bool = False
    files_only: bool = False

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def usage(self) -> str:
        """``--ar W:H``"""
        return f"{self.flag} {self.metavar}".rstrip()

    def key(self, raw: str) -> str:
        return self.key_of(raw) if self.key_of else self.name


def _parameter_flag(
    name: str,
    metavar: str,
    explanation: Text,
    read: Callable[[str, str], str] = lambda _flag, raw: raw,
    *,
    aliases: tuple[str, ...] = (),
) -> FlagSpec:
    """A flag whose value goes to the template's parameter of the same name as it is."""
    return FlagSpec(
        name,
        explanation,
        read=lambda ask, flag, raw: replace(ask, values={**ask.values, name: read(flag, raw)}),
        show=lambda ask: [ask.values[name]] if name in ask.values else [],
        metavar=metavar,
        aliases=aliases,
        parameter=name,
    )


def _given(value: str | None) -> list[str]:
    return [] if value is None else [value]


def _number(value: float) -> str:
    """Every digit of ``value``, never in the form ``1e-05``."""
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def _read_seed(ask: Ask, flag: str, raw: str) -> Ask:
    seeds = read_seeds(flag, raw)
    return replace(ask, seeds=seeds) if len(seeds) > 1 else replace(ask, seed=seeds[0] if seeds else None)


def _show_seed(ask: Ask) -> list[str]:
    return (
        [f"{ask.seeds[0]}-{ask.seeds[-1]}"]
        if ask.seeds
        else _given(None if ask.seed is None else str(ask.seed))
    )


def _read_set(ask: Ask, _flag: str, raw: str) -> Ask:
    name, _, value = raw.partition("=")
    return replace(ask, values={**ask.values, name: value})


def _show_set(ask: Ask) -> list[str]:
    flags = {spec.parameter for spec in FLAGS}
    return [f"{name}={value}" for name, value in ask.values.items() if name not in flags]


SET = FlagSpec(
    "set",
    Text("any parameter of the template, by its name; may be repeated"),
    read=_read_set,
    show=_show_set,
    metavar="NAME=VALUE",
    key_of=lambda raw: "=" + raw.partition("=")[0],
)

FLAGS: tuple[FlagSpec, ...] = (
    FlagSpec(
        "no",
        Text("what should not be in the picture"),
        read=lambda ask, _, raw: replace(ask, negative_text=raw),
        show=lambda ask: _given(ask.negative_text),
        metavar="TEXT",
        takes=Takes.WORDS,
        aliases=("negative", "neg"),
        parameter="negative_text",
        may_be_empty=True,
    ),
    FlagSpec(
        "ar",
        Text("shape of the picture, width to height, like 3:2"),
        read=lambda ask, flag, raw: replace(ask, aspect=read_aspect(flag, raw)),
        show=lambda ask: [":".join(map(_number, ask.aspect))] if ask.aspect else [],
        metavar="W:H",
        aliases=("aspect", "aspect-ratio"),
        against="shape",
    ),
    FlagSpec(
        "size",
        Text("size of the picture in pixels, like 1024x768"),
        read=lambda ask, flag, raw: replace(ask, size=read_size(flag, raw)),
        show=lambda ask: [f"{ask.size[0]}x{ask.size[1]}"] if ask.size else [],
        metavar="WxH",
        against="shape",
    ),
    FlagSpec(
        "seed",
        Text("start of the randomness: the same seed paints the same picture; -1 is a random one"),
        read=_read_seed,
        show=_show_seed,
        metavar="N",
        parameter="seed",
    ),
    FlagSpec(
        "count",
        Text("how many pictures"),
        read=lambda ask, flag, raw: replace(ask, count=read_count(flag, raw)),
        show=lambda ask: [str(ask.count)] if ask.count != 1 else [],
        metavar="N",
        aliases=("n",),
    ),
    FlagSpec(
        "template",
        Text("which template paints"),
        read=lambda ask, _, raw: replace(ask, template=raw),
        show=lambda ask: _given(ask.template),
        metavar="NAME",
    ),
    FlagSpec(
        "preset",
        Text("the template's ready-made settings, like fast or quality"),
        read=lambda ask, _, raw: replace(ask, preset=raw),
        show=lambda ask: _given(ask.preset),
        metavar="NAME",
    ),
    FlagSpec(
        "style",
        Text("the template's ready-made words around yours"),
        read=lambda ask, _, raw: replace(ask, style=raw),
        show=lambda ask: _given(ask.style),
        metavar="NAME",
    ),
    FlagSpec(
        "lora",
        Text("a LoRA and its strength, like ink:0.8; may be repeated"),
        read=lambda ask, flag, raw: replace(ask, loras=(*ask.loras, read_lora(flag, raw))),
        show=lambda ask: [f"{use.name}:{_number(use.strength)}" for use in ask.loras],
        metavar="NAME:STRENGTH",
        parameter="lora",
        key_of=lambda raw: "lora=" + (raw.rpartition(":")[0] or raw).strip(),
    ),
    _parameter_flag("steps", "N", Text("how many steps the sampler takes"), read_whole_text),
    _parameter_flag("cfg", "N", Text("how closely to follow the text"), read_number, aliases=("cfg-scale",)),
    _parameter_flag("guidance", "N", Text("the same for Flux-like models"), read_number),
    _parameter_flag("denoise", "N", Text("how much of the input image to repaint, 0 to 1"), read_number),
    _parameter_flag("sampler", "NAME", Text("the sampler")),
    _parameter_flag("scheduler", "NAME", Text("the sampler's schedule")),
    _parameter_flag("model", "NAME", Text("the model"), aliases=("checkpoint", "ckpt")),
    FlagSpec(
        "image",
        Text("the input image: a file"),
        read=lambda ask, _, raw: replace(ask, image=raw),
        show=lambda ask: _given(ask.image),
        metavar="FILE",
        parameter="input_image",
        files_only=True,
    ),
    SET,
    FlagSpec(
        "private",
        Text("only you see the result"),
        read=lambda ask, _flag, _raw: replace(ask, private=True),
        show=lambda ask: [""] if ask.private else [],
        takes=Takes.NOTHING,
        may_be_empty=True,
    ),
)
"""Every flag, in the order in which help shows them and :func:`format_flags` writes them."""
