"""What was typed after a command that does not paint, as the options that it has elsewhere. Pure.

``/admin quota grant @bob 60 for helping`` fills the options in their order; ``--seconds 60``,
``seconds=60`` and ``seconds 60`` name one. The last text takes the rest of the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from bot.domain.errors import FlagError
from bot.domain.text import Text
from bot.presentation.cards import Command
from bot.presentation.nearest import nearest
from bot.presentation.specs import Commands, CommandSpec, OptionKind, OptionSpec
from bot.service.outcomes import Call, CallValue

_SWITCH = frozenset({"on", "off", "yes", "no", "true", "false"})
"""Without its name, a switch takes no other word: that may begin a reason."""
_DURATION = "duration"
"""Of a block: may be left out before the reason, which may begin with any word."""
_DASHES = re.compile(r"^(?:--|—|–)")
_MARK = "\ufdd0"
"""Stands for somebody who was named while a line is taken apart; no text has it."""


def read_call(
    commands: Commands,
    name: str,
    rest: str,
    mentioned: Sequence[tuple[str, CallValue]] = (),
    answered: CallValue | None = None,
) -> Call:
    """``rest``: what stands behind the command. ``mentioned``: who is named in it, by the words that name
    them; ``answered``: who wrote what the line answers, and is meant where it names nobody. Words that mean
    nothing stay in the call, for whoever answers it to say so. Never raises."""
    people: list[CallValue] = []
    line = rest.replace(_MARK, "")
    for words_of_it, person in mentioned:
        # A name may be as short as a letter of another word.
        named = re.compile(rf"(?<!\w){re.escape(words_of_it)}(?!\w)")
        line, found = named.subn(f" {_MARK}{len(people)} ", line, count=1)
        if found:
            people.append(person)
    tokens = line.split()
    words, spec = _subcommands(commands, name, tokens)
    if spec is None or spec.subcommands:
        # Nothing that is known: what comes next is what was meant to be a subcommand.
        return Call((*words, *tokens[:1]))
    return Call(tuple(words), _Filler(spec, tokens, people, answered).fill())


def unknown_command(name: str, known: Sequence[str]) -> FlagError:
    """With the nearest of those that there are."""
    close = nearest(name, known)
    if close is None:
        return FlagError(
            Text(
                "There is no command {command}. {help} lists those that there are.",
                command=Command(name),
                help=Command("help"),
            )
        )
    return FlagError(
        Text(
            "There is no command {command}. Did you mean {nearest}?",
            command=Command(name),
            nearest=Command(close),
        )
    )


def _subcommands(commands: Commands, name: str, tokens: list[str]) -> tuple[list[str], CommandSpec | None]:
    words = [name]
    spec = commands.get(name)
    while spec is not None and spec.subcommands and tokens:
        found = next((each for each in spec.subcommands if each.name == tokens[0].lower()), None)
        if found is None:
            break
        words.append(found.name)
        spec = found
        del tokens[0]
    return words, spec


class _Filler:
    """One line's words into the options of one command."""

    def __init__(
        self,
        spec: CommandSpec,
        tokens: Sequence[str],
        people: Sequence[CallValue],
        writer: CallValue | None = None,
    ) -> None:
        self._options: Mapping[str, OptionSpec] = {option.name: option for option in spec.options}
        self._tokens = list(tokens)
        self._people = people
        self._writer = writer
        self._found: dict[str, CallValue] = {}

    def fill(self) -> dict[str, CallValue]:
        self._by_reply()
        while self._tokens:
            token = self._tokens.pop(0)
            if not self._by_name(token):
                self._by_place(token)
        return self._found

    def _by_reply(self) -> None:
        """Whoever is answered is meant, unless the line begins with somebody else."""
        if self._writer is None or (self._tokens and _names_somebody(self._tokens[0])):
            return
        for option in self._options.values():
            if option.kind is OptionKind.USER:
                self._found[option.name] = self._writer

    def _by_name(self, token: str) -> bool:
        name, equals, value = _DASHES.sub("", token).partition("=")
        name = name.lower().rstrip(":")
        if name not in self._options or name in self._found:
            return False
        option = self._options[name]
        if not equals:
            if self._tokens and not (option.kind is OptionKind.BOOL and self._names(self._tokens[0])):
                value = self._tokens.pop(0)
            elif option.kind is OptionKind.BOOL:
                value = "on"
            else:
                return False
        self._put(option, value)
        return True

    def _names(self, token: str) -> bool:
        """Whether it begins the next option."""
        return bool(_DASHES.match(token)) or token.partition("=")[0].lower().rstrip(":") in self._options

    def _by_place(self, token: str) -> None:
        option = next(self._open(token), None)
        if option is not None:
            self._put(option, token)

    def _open(self, token: str) -> Iterator[OptionSpec]:
        for option in self._options.values():
            if option.name in self._found:
                continue
            if option.kind in (OptionKind.INT, OptionKind.FLOAT) and not _is_number(token):
                continue
            if option.kind is OptionKind.BOOL and token.lower() not in _SWITCH:
                continue
            if option.name == _DURATION and not _is_duration(token):
                continue
            if token.startswith(_MARK) and option.kind is not OptionKind.USER:
                continue
            yield option

    def _put(self, option: OptionSpec, token: str) -> None:
        if option.kind is OptionKind.TEXT and self._is_last(option):
            token = " ".join([token, *self._tokens])
            self._tokens.clear()
        self._found[option.name] = self._value(token)

    def _is_last(self, option: OptionSpec) -> bool:
        """A list of choices, or suggestions, has one word; what is left over is free text's."""
        return not option.choices and not option.autocomplete and option is list(self._options.values())[-1]

    def _value(self, token: str) -> CallValue:
        if token.startswith(_MARK) and token[1:].isdecimal():
            return self._people[int(token[1:])]
        return re.sub(f"{_MARK}(\\d+)", lambda found: str(self._people[int(found[1])]), token)


def _names_somebody(token: str) -> bool:
    return token.startswith((_MARK, "@")) or re.fullmatch(r"(?:[a-z]+:)?\d{5,}", token) is not None


def _is_duration(token: str) -> bool:
    return re.fullmatch(r"\d+[a-z]+", token.lower()) is not None


def _is_number(token: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(?:[.,]\d+)?", token) is not None
