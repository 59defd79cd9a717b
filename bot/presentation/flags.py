"""A line of text, or the words of a shell, into what they ask for. PURE.

``a lighthouse at dusk --ar 3:2 --seed 7 --no people, boats``

One table, :data:`bot.presentation.flag_table.FLAGS`, says everything about a flag: how it is written,
read, written back and explained. Chat commands, the command line and files with one request a line all
use it, so a line that works in one place works in the others.

Flags stand in any order, before, between or after the text; :mod:`bot.presentation.flag_lexer` says what
a flag looks like. ``--`` ends flags. In chat ``--no`` takes the words up to the next flag, every other
flag takes one word or what is quoted. A flag given twice, or against another (``--ar`` and ``--size``),
is refused rather than guessed at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from bot.domain.errors import FlagError
from bot.domain.text import Text
from bot.presentation.flag_lexer import LineScanner, is_visible, plain_name, quote, split_flag, unreadable
from bot.presentation.flag_table import FLAGS, SET, Ask, FlagSpec, Takes
from bot.presentation.flag_values import LoraUse, clip
from bot.presentation.nearest import nearest

__all__ = [
    "CHAT",
    "FLAGS",
    "SHELL",
    "Allow",
    "Ask",
    "FlagSpec",
    "LoraUse",
    "flags_for",
    "format_flags",
    "parse_args",
    "parse_line",
    "require_prompt",
]

MAX_CHARACTERS = 32_768
"""The longest line that is read at all; platforms allow about 6,000."""


@dataclass(frozen=True, slots=True)
class Allow:
    """What a place lets people ask for, beyond what every place does."""

    seed_ranges: bool = False
    files: bool = False
    """Files by their path: ``--image``, ``--set input_mask=…``."""


CHAT = Allow()
SHELL = Allow(seed_ranges=True, files=True)

_VALUE_SIDES = {"width", "height"}

_HINTS: Mapping[str, str] = MappingProxyType(
    {"width": "size", "height": "size", "w": "size", "h": "size", "batch": "count", "resolution": "size"}
)
"""What other tools call things."""


def parse_line(line: str, allow: Allow = CHAT) -> Ask:
    """Read a line of chat (or of a file with one request a line).

    Raises nothing but :class:`FlagError`, whatever the line is. The text may come out empty: templates
    without a prompt text exist, so :func:`require_prompt` is the caller's to call.
    """
    uses, texts = _read(line, allow)
    return uses.done(texts)


def typed_flags(line: str, allow: Allow = CHAT) -> frozenset[str]:
    """Which flags stand in a line, by their names (``count``). Raises FlagError."""
    uses, _ = _read(line, allow)
    return frozenset(uses.typed)


def _read(line: str, allow: Allow) -> tuple[_Uses, list[str]]:
    _check_characters(line)
    scanner = LineScanner(line)
    uses = _Uses(allow)
    texts: list[str] = []
    while True:
        texts.append(scanner.text())
        if scanner.at_end:
            break
        if (rest := scanner.rest_after_end()) is not None:
            texts.append(rest)
            break
        written, attached = scanner.name()
        spec = _find(written, allow)
        value: str | None
        match spec.takes:
            case Takes.NOTHING:
                value = _no_value(spec, attached=attached)
            case Takes.WORD:
                value = scanner.word(attached=attached)
            case Takes.WORDS:
                value = scanner.words(attached=attached)
        uses.add(spec, value)
    return uses, texts


def parse_args(args: Sequence[str], allow: Allow = SHELL, *, also_known: Iterable[str] = ()) -> Ask:
    """Read a shell's words: each is one value or one text already, and quotes in it are its own.

    Words that are no flag and no value join to the text. ``also_known``: names of flags that the caller
    took out of ``args`` before, for the sake of "did you mean". Raises :class:`FlagError`.
    """
    uses = _Uses(allow)
    texts: list[str] = []
    words = iter(args)
    for word in words:
        _check_characters(word)
        if word == "--":
            texts.extend(words)
            break
        found = split_flag(word)
        if found is None:
            texts.append(word)
            continue
        written, value = found
        spec = _find(written, allow, also_known)
        if spec.takes is Takes.NOTHING:
            value = _no_value(spec, attached=value is not None)
        elif value is None:
            value = next(words, None)
            if value is not None and (value == "--" or split_flag(value) is not None):
                raise _missing(spec, value)
        uses.add(spec, value)
    for text in texts:
        _check_characters(text)
    return uses.done(texts)


def require_prompt(ask: Ask) -> None:
    """Raise :class:`FlagError` if the line says nothing to paint."""
    if not is_visible(ask.prompt_text):
        raise FlagError(
            Text("There is no text that says what to paint. Write some, like: a lighthouse at dusk --ar 3:2")
        )


def format_flags(ask: Ask) -> str:
    """One line that reads back as the same ``ask`` (where seed ranges and files are allowed).

    The text comes first, as people write it, unless it would be taken for flags there.
    """
    parts: list[str] = []
    for spec in FLAGS:
        for value in spec.show(ask):
            if spec.takes is Takes.NOTHING:
                parts.append(spec.flag)
            elif spec.takes is Takes.WORDS:
                parts += [spec.flag, f'"{value.replace(chr(34), chr(34) * 2)}"']
            else:
                parts += [spec.flag, quote(value)]
    line = " ".join([ask.prompt_text, *parts]).strip()
    try:
        if parse_line(line, SHELL) == ask:
            return line
    except FlagError:
        pass
    return " ".join([*parts, "--", ask.prompt_text])


def flags_for(allow: Allow) -> tuple[FlagSpec, ...]:
    """The flags that a place knows, in the order in which help shows them."""
    return tuple(spec for spec in FLAGS if allow.files or not spec.files_only)


class _Uses:
    """Collects the flags of one line and refuses contradictions."""

    def __init__(self, allow: Allow) -> None:
        self.allow = allow
        self.ask = Ask()
        self.given: dict[str, str] = {}
        self.typed: set[str] = set()

    def add(self, spec: FlagSpec, value: str | None) -> None:
        if value is None or not (value.strip() or spec.may_be_empty):
            raise _missing(spec)
        _check_characters(value)
        written, value = spec.flag, value.strip()
        if spec is SET:
            spec, written, value = self._parameter(value)
        for key in (spec.key(value), spec.against):
            self._claim(key, written)
        self.ask = spec.read(self.ask, written, value)
        self.typed.add(spec.name)
        if self.ask.seeds and not self.allow.seed_ranges:
            raise FlagError(
                Text(
                    "{flag} takes one seed here, not a range. For several pictures use --count.", flag=written
                )
            )

    def done(self, texts: Iterable[str]) -> Ask:
        ask = self.ask
        if ask.seeds and "count" in self.given:
            raise FlagError(Text("A seed range already says how many pictures there are. Leave --count out."))
        shape, side = self.given.get("shape"), _VALUE_SIDES & ask.values.keys()
        if shape and side:
            raise _contradiction(shape, f"--set {min(side)}")
        return replace(ask, prompt_text=" ".join(filter(None, (text.strip() for text in texts))))

    def _claim(self, key: str, written: str) -> None:
        before = self.given.get(key)
        if before == written:
            raise FlagError(Text("{flag} is given twice. Keep one of them.", flag=written))
        if before is not None:
            raise _contradiction(before, written)
        if key:
            self.given[key] = written

    def _parameter(self, raw: str) -> tuple[FlagSpec, str, str]:
        """What ``--set NAME=VALUE`` means: the flag of that name if any, how to call it, its value."""
        name, equals, value = raw.partition("=" if "=" in raw else "＝")
        name, value = name.strip(), value.strip()
        if not equals or not name:
            raise FlagError(
                Text("--set needs NAME=VALUE, like --set steps=30, but got “{value}”.", value=clip(raw))
            )
        written = f"--set {clip(name)}"
        lowered = name.casefold()
        if lowered == "prompt_text":
            raise FlagError(Text("The prompt text needs no --set: write it as plain text."))
        if lowered.startswith("input_") and not self.allow.files:
            raise FlagError(Text("{flag}: a file cannot be named here. Attach it instead.", flag=written))
        spec = next((known for known in FLAGS if known.parameter == lowered), None)
        if spec is None:
            return SET, written, f"{name}={value}"
        if not value and not spec.may_be_empty:
            raise _missing(spec)
        return spec, written, value


def _no_value(spec: FlagSpec, *, attached: bool) -> str:
    if attached:
        raise FlagError(Text("{flag} takes no value. Write just {flag}.", flag=spec.flag))
    return ""


def _missing(spec: FlagSpec, instead: str = "") -> FlagError:
    if instead:
        return FlagError(
            Text(
                "{flag} needs a value, but “{word}” follows. To give just that, write {flag}={word}",
                flag=spec.flag,
                word=clip(instead),
            )
        )
    return FlagError(Text("{flag} needs a value: {usage}", flag=spec.flag, usage=spec.usage))


def _contradiction(first: str, second: str) -> FlagError:
    return FlagError(
        Text("{first} and {second} contradict each other. Keep one.", first=first, second=second)
    )


def _check_characters(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise FlagError(
            Text(
                "The text is too long: {count} characters, where {limit} are allowed.",
                count=len(text),
                limit=MAX_CHARACTERS,
            )
        )
    if (character := unreadable(text)) is not None:
        raise FlagError(
            Text(
                "The text holds a character that cannot be read (U+{code}). Remove it and try again.",
                code=f"{ord(character):04X}",
            )
        )


def _find(written: str, allow: Allow, also_known: Iterable[str] = ()) -> FlagSpec:
    name = plain_name(written)
    specs = flags_for(allow)
    for spec in specs:
        if name == spec.name or name in spec.aliases:
            return spec
    if any(name in {spec.name, *spec.aliases} for spec in FLAGS):
        raise FlagError(Text("--{name} works only in a shell. Attach the file instead.", name=name))
    names = {alias: spec.name for spec in specs for alias in (spec.name, *spec.aliases) if len(alias) > 1}
    names |= _HINTS
    names |= {known: known for known in also_known}
    close = nearest(name, names)
    if close is not None:
        raise FlagError(
            Text(
                "There is no flag --{name}. Did you mean --{nearest}?",
                name=clip(written),
                nearest=names[close],
            )
        )
    raise FlagError(
        Text(
            "There is no flag --{name}. Known are {flags}. A dash that belongs to the text needs "
            "a space behind it.",
            name=clip(written),
            flags=", ".join(spec.flag for spec in specs),
        )
    )
