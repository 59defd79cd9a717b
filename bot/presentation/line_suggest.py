"""What to suggest while somebody types a whole line: commands, flags, and what may stand behind them. PURE.

For places where a command is a line of text; what an option is suggested is the same everywhere
(:mod:`bot.presentation.spec_suggest`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.domain.text import Text
from bot.presentation.flag_lexer import quote
from bot.presentation.flag_table import FLAGS, FlagSpec, Takes
from bot.presentation.language import ENGLISH, Language
from bot.presentation.spec_suggest import Context, Index, Suggestion, suggest
from bot.presentation.spec_types import Audience, CommandSpec, OptionKind, OptionSpec, Source
from bot.presentation.specs import IMAGINE, Commands

MOST = 12
_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "ar": Source.ASPECT,
        "size": Source.SIZE,
        "template": Source.TEMPLATE,
        "preset": Source.PRESET,
        "style": Source.STYLE,
        "lora": Source.LORA,
        "sampler": "sampler",
        "scheduler": "scheduler",
        "model": "model",
    }
)
"""Where the suggestions for a flag's value come from."""
_COMMAND = re.compile(r"\s*/([\w-]+)\s")
_TYPED_COMMAND = re.compile(r"\s*(/[\w-]*)")
_FLAG = re.compile(r"(?:--|—|–)([\w-]*)")
_LAST = re.compile(r"\S*\Z")
_TEMPLATE = re.compile(r"(?:--|—|–)template[\s=]+(\S+)")


@dataclass(frozen=True, slots=True)
class Completion:
    """``value`` takes the place of what is being typed; ``label`` is read, ``hint`` explains it."""

    label: str
    value: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Completions:
    """``start``, ``end``: what of the line they replace, in characters."""

    start: int
    end: int
    items: tuple[Completion, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """``jobs``: those that may be meant, the latest first. ``operator``: theirs are shown, too."""

    commands: Commands
    index: Index
    jobs: tuple[Suggestion, ...] = ()
    operator: bool = False
    image: bool = False
    """A picture came along."""
    language: Language = ENGLISH


def complete(line: str, cursor: int, known: Known) -> Completions:
    """Never raises; nothing is suggested for plain words."""
    before = line[: max(0, cursor)]
    word = _LAST.search(before)
    typed = word[0] if word is not None else ""
    found = tuple(_items(before, typed, known))[:MOST]
    return Completions(len(before) - len(typed), len(before), found)


def command_words(line: str, commands: Commands) -> tuple[str, ...]:
    """The command and its subcommands that a line begins with; () for plain words."""
    found = _COMMAND.match(line)
    if found is None:
        return ()
    words = [found[1].lower()]
    spec = commands.get(words[0])
    for word in line[found.end() :].split():
        spec = _named(spec.subcommands, word.lower()) if spec is not None else None
        if spec is None:
            break
        words.append(spec.name)
    return tuple(words)


def _items(before: str, typed: str, known: Known) -> Iterator[Completion]:
    if (beginning := _TYPED_COMMAND.fullmatch(before)) is not None:
        yield from _command_names(beginning[1][1:].lower(), known)
        return
    words = command_words(before, known.commands)
    name = words[0] if words else IMAGINE
    if known.commands.paints(name):
        yield from _of_painting(before, typed, name, known)
    elif (spec := known.commands.get(*words)) is not None:
        rest = before.split()[len(words) :]
        yield from _of_call(spec, rest[:-1] if typed else rest, typed, known)


def _command_names(typed: str, known: Known) -> Iterator[Completion]:
    for spec in known.commands.specs:
        if spec.name.startswith(typed) and (known.operator or spec.audience is Audience.EVERYBODY):
            yield Completion(f"/{spec.name}", f"/{spec.name} ", _said(spec.description, known))


# Flags of what is to be painted


def _of_painting(before: str, typed: str, command: str, known: Known) -> Iterator[Completion]:
    flag, equals, value = typed.partition("=")
    written = _FLAG.fullmatch(flag)
    if written is not None and equals:
        yield from _flag_values(written[1], value, f"{flag}=", before, command, known)
    elif written is not None:
        given = {found[1] for found in _FLAG.finditer(before[: len(before) - len(typed)])}
        for spec in FLAGS:
            if _may_follow(spec, written[1].lower(), given):
                yield Completion(spec.usage, f"{spec.flag} ", _said(spec.help, known))
    else:
        rest = before[: len(before) - len(typed)].split()
        last = _FLAG.fullmatch(rest[-1]) if rest else None
        if last is not None:
            yield from _flag_values(last[1], typed, "", before, command, known)


def _may_follow(spec: FlagSpec, typed: str, given: set[str]) -> bool:
    if spec.files_only or (spec.name in given and spec.key_of is None):
        return False
    return any(name.startswith(typed) for name in (spec.name, *spec.aliases))


def _flag_values(
    name: str, typed: str, prefix: str, before: str, command: str, known: Known
) -> Iterator[Completion]:
    spec = next((spec for spec in FLAGS if name.lower() in (spec.name, *spec.aliases)), None)
    if spec is None or spec.takes is Takes.NOTHING or spec.name not in _SOURCES:
        return
    named = _TEMPLATE.search(before)
    options: dict[str, object] = {"image": known.image}
    if named is not None and spec.name != "template":
        options["template"] = named[1].strip("\"'“”")
    context = Context(known.index, command, options, translate=known.language.gettext)
    yield from _chosen(suggest(_SOURCES[spec.name], typed.lstrip("\"'“"), context, MOST), prefix)


def _chosen(found: Iterable[Suggestion], prefix: str = "") -> Iterator[Completion]:
    for each in found:
        yield Completion(each.name, f"{prefix}{quote(each.value)} ")


# Options of other commands


def _of_call(spec: CommandSpec, rest: Sequence[str], typed: str, known: Known) -> Iterator[Completion]:
    if spec.subcommands:
        for each in spec.subcommands:
            if each.name.startswith(typed.lower()) and not rest:
                yield Completion(each.name, f"{each.name} ", _said(each.description, known))
        return
    name, equals, value = typed.lstrip("-—–").partition("=")
    if equals and (option := spec.option(name.lower())) is not None:
        yield from _option_values(option, value, f"{name}=", spec, known)
        return
    if rest and (option := spec.option(rest[-1].lstrip("-—–").rstrip(":").lower())) is not None:
        yield from _option_values(option, typed, "", spec, known)
        return
    if len(rest) < len(spec.options):
        yield from _option_values(spec.options[len(rest)], typed, "", spec, known)
    for option in spec.options:
        if option.name.startswith(name.lower()) and len(spec.options) > 1:
            yield Completion(f"{option.name}=", f"{option.name}=", _said(option.description, known))


def _option_values(
    option: OptionSpec, typed: str, prefix: str, spec: CommandSpec, known: Known
) -> Iterator[Completion]:
    plain = typed.lower()
    if option.kind is OptionKind.BOOL:
        yield from (Completion(each, f"{prefix}{each} ") for each in ("on", "off") if each.startswith(plain))
    for choice in option.choices:
        if choice.value.lower().startswith(plain):
            yield Completion(choice.value, f"{prefix}{choice.value} ", _said(choice.label, known))
    if option.autocomplete:
        context = Context(known.index, spec.name, {}, known.jobs, known.language.gettext)
        yield from _chosen(suggest(option.autocomplete, typed, context, MOST), prefix)


def _named(specs: Iterable[CommandSpec], name: str) -> CommandSpec | None:
    return next((spec for spec in specs if spec.name == name), None)


def _said(text: Text, known: Known) -> str:
    return known.language.label(text)
