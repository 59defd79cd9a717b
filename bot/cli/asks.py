"""What ``fairbrush imagine`` was asked for: the words of the command line, or the lines of a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.cli.common import say
from bot.domain.errors import FairbrushError, FlagError
from bot.domain.text import Text
from bot.presentation.flags import SHELL, Ask, parse_args, parse_line, require_prompt

LONGEST_FILE = 1_000_000
"""Characters of a file with requests."""
MOST_LINES = 1_000
MOST_PICTURES = 10_000
"""Of one command: a slip of the keyboard must not keep a server busy for a year."""
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Asks:
    """What was asked for. ``lines``: the number of each ask's line, where they come from a file."""

    asks: tuple[Ask, ...]
    lines: tuple[int, ...] = ()


def read_asks(words: Sequence[str], lines_file: Path | None, also_known: Sequence[str]) -> Asks:
    """The requests on the command line, or those of a file with the command line's flags as defaults.

    Raises :class:`FlagError`; for a file, with every line that is wrong.
    """
    base = parse_args(words, SHELL, also_known=also_known)
    found = Asks((_require_words(base),)) if lines_file is None else _of_file(base, lines_file)
    if (pictures := sum(len(ask.seeds or (0,)) * ask.count for ask in found.asks)) > MOST_PICTURES:
        raise FlagError(
            Text(
                "That would be {count} pictures; one command paints at most {most}.",
                count=pictures,
                most=MOST_PICTURES,
            )
        )
    return found


def refused_lines(subject: Text, problems: Sequence[tuple[int, FairbrushError]]) -> FlagError:
    """What is wrong with lines of a file, by their numbers; the first few of them."""
    more = len(problems) - _SHOWN_PROBLEMS
    shown = [f"line {number}: {error}" for number, error in problems[:_SHOWN_PROBLEMS]]
    if more > 0:
        shown.append(f"and {more} more")
    return FlagError(
        Text("{subject} cannot be used. {problems}", subject=subject, problems="\n  ".join(["", *shown]))
    )


def flags_in_quotes(words: Sequence[str]) -> Text | None:
    """A remark about a flag that stands inside quotes, where a shell makes it text; None without one."""
    for word in words:
        if " " not in word:
            continue
        try:
            line = parse_line(word, SHELL)
        except FlagError:
            continue
        if line.prompt_text != word.strip():
            return Text(
                "Note: “{words}” holds flags inside its quotes, where they are text to paint. Close the "
                "quotes before them if that is not meant.",
                words=word if len(word) <= 60 else f"{word[:20]} … {word[-30:]}",
            )
    return None


def _of_file(base: Ask, path: Path) -> Asks:
    asks: dict[int, Ask] = {}
    problems: list[tuple[int, FairbrushError]] = []
    for number, line in _read_lines(path):
        try:
            asks[number] = _require_words(_merged(base, parse_line(line, SHELL)))
        except FlagError as error:
            problems.append((number, error))
    if problems:
        raise refused_lines(Text("{file}", file=_name(path)), problems)
    if not asks:
        raise FlagError(Text("{file} holds no request: write one a line.", file=_name(path)))
    return Asks(tuple(asks.values()), tuple(asks))


def _require_words(ask: Ask) -> Ask:
    # A template that takes no text has to be named, or be chosen by a picture.
    if ask.template is None and ask.image is None:
        require_prompt(ask)
    return ask


def _name(path: Path) -> str:
    return "Standard input" if str(path) == "-" else str(path)


def _read_lines(path: Path) -> list[tuple[int, str]]:
    """Numbers and words of the lines that are neither empty nor comments."""
    try:
        if str(path) == "-":
            text = _standard_input()
        else:
            with path.open(encoding="utf-8-sig") as stream:
                text = stream.read(LONGEST_FILE + 1)
    except OSError as error:
        reason = error.strerror or error
        raise FlagError(Text("{file} cannot be read: {reason}.", file=_name(path), reason=reason)) from error
    except UnicodeDecodeError as error:
        raise FlagError(Text("{file} is not a text in UTF-8.", file=_name(path))) from error
    # Not splitlines: that also splits at characters that are part of some people's text.
    numbered = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    kept = [(number, line) for number, line in numbered if line and not line.startswith("#")]
    if len(text) > LONGEST_FILE or len(kept) > MOST_LINES:
        raise FlagError(
            Text("{file} is too long: at most {most} requests.", file=_name(path), most=MOST_LINES)
        )
    return kept


def _standard_input() -> str:
    if sys.stdin is None:
        raise FlagError(Text("Standard input is closed: there is nothing to read from “--file -”."))
    if sys.stdin.isatty():
        say("One request a line; Ctrl-D (on Windows Ctrl-Z and Enter) ends them.")
    buffer = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        return sys.stdin.read(LONGEST_FILE + 1)
    # A pipe carries UTF-8, whatever the console's own alphabet is.
    data: bytes = buffer.read(4 * LONGEST_FILE + 1)
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def _merged(base: Ask, line: Ask) -> Ask:
    """A line's own flags before those of the command line, whose text goes in front."""
    words = " ".join(part for part in (base.prompt_text, line.prompt_text) if part)
    plain = {
        name: getattr(line, name) if getattr(line, name) is not None else getattr(base, name)
        for name in ("negative_text", "template", "preset", "style", "image")
    }
    shape = line if line.size or line.aspect else base
    seeded = line if line.seed is not None or line.seeds else base
    # A range says how many pictures there are: the line's own count goes before the default's range, and
    # the line's own range before the default's count.
    if line.count != 1 and not line.seeds and seeded.seeds:
        seeded = line
    count = 1 if seeded.seeds else line.count if line.count != 1 else base.count
    return replace(
        line,
        prompt_text=words,
        **plain,
        size=shape.size,
        aspect=shape.aspect,
        seed=seeded.seed,
        seeds=seeded.seeds,
        count=count,
        loras=line.loras or base.loras,
        values={**base.values, **line.values},
    )
