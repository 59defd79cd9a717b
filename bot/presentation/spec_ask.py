"""What an option form was filled in with, as the same :class:`Ask` that a line of text makes. PURE.

Every value goes through the flag that means the same, so that there is one reader for each; flags in the
prompt and in the free text work, too, and count as given once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from bot.domain.errors import FlagError
from bot.domain.text import Text
from bot.presentation.flag_table import FLAGS, Takes
from bot.presentation.flag_values import clip
from bot.presentation.flags import CHAT, Ask, parse_args, parse_line
from bot.presentation.spec_painting import MORE, PRIVATE, PROMPT, file_parameter


@runtime_checkable
class Attached(Protocol):
    """A file that came with a command. ``key`` stands for it in the :class:`Ask`; the use case is given the
    files by these keys."""

    @property
    def key(self) -> str: ...


_FLAGS: Mapping[str, str] = MappingProxyType(
    {"negative": "no", "aspect": "ar"}
    | {spec.name: spec.name for spec in FLAGS if spec.name not in ("no", "ar", "set", "image", PRIVATE)}
)
"""The flag for each option that has one; any other option is a parameter of the template."""


def ask_from(options: Mapping[str, object]) -> Ask:
    """Read what a command of ours was filled in with, by the names of its options.

    Files are :class:`Attached`. None stands for what was left out. Raises :class:`FlagError`, which names
    options as the person saw them.
    """
    given = {name: value for name, value in options.items() if value is not None}
    prompt = parse_line(_plain(given.pop(PROMPT, "")), CHAT)
    more = _flags_alone(_plain(given.pop(MORE, "")))
    files = {name: value.key for name, value in given.items() if isinstance(value, Attached)}
    typed = {name: _word(name, value) for name, value in given.items() if name not in files}
    names = {written: name for name in typed for written in _as_written(name)}
    words = [word for word in typed.values() if word]
    ask = _read([*words, *_shown(prompt), *_shown(more), "--", prompt.prompt_text], names)
    image = files.pop("image", None)
    return replace(
        ask, image=image, values={**ask.values, **{file_parameter(name): key for name, key in files.items()}}
    )


def _flags_alone(line: str) -> Ask:
    ask = parse_line(line, CHAT)
    if ask.prompt_text:
        raise FlagError(
            Text(
                "The option {option} takes flags alone, like --steps 30. “{text}” belongs into the prompt.",
                option=MORE,
                text=clip(ask.prompt_text),
            )
        )
    return ask


def _word(name: str, value: object) -> str:
    """An option as one word of a shell; "" for a switch that is off."""
    if name == PRIVATE:
        return f"--{PRIVATE}" if value is True else ""
    flag = _FLAGS.get(name)
    return f"--set={name}={_plain(value)}" if flag is None else f"--{flag}={_plain(value)}"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # Never 1e-05, and no point behind a whole number: some readers take only those.
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return str(value)


def _shown(ask: Ask) -> Iterator[str]:
    for spec in FLAGS:
        for value in spec.show(ask):
            yield spec.flag if spec.takes is Takes.NOTHING else f"{spec.flag}={value}"


def _as_written(name: str) -> Iterator[str]:
    """How the flag that stands for an option is written in sentences about it."""
    flag = _FLAGS.get(name, name)
    yield from (spec.flag for spec in FLAGS if spec.name == flag)
    yield from (spec.usage for spec in FLAGS if spec.name == flag)
    yield f"--set {name}"


def _read(words: Sequence[str], names: Mapping[str, str]) -> Ask:
    """Words of a shell as an ask, with what is complained about called as the person saw it."""
    try:
        return parse_args(words, CHAT)
    except FlagError as error:
        args = {
            key: names.get(value, value) if isinstance(value, str) else value
            for key, value in error.text.args.items()
        }
        raise FlagError(Text(error.text.msgid, **args), cause=error.cause) from error
