"""The rows as a table for people, as plain lines for pipes, as JSON for programs."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as Styled

from bot.cli.checks.rows import HEADINGS, Row, Status, counted
from bot.cli.common import put, put_json, put_styled
from bot.cli.tables import cell

_COLOURS: dict[Status, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_MARGIN, _GAP = "  ", "  "
_STATUS_WIDTH = len("warning")
_SUBJECT_WIDTH, _NARROWEST = 28, 30
"""Of subjects at most, of messages at least, in columns of a terminal."""


def as_json(rows: Sequence[Row]) -> None:
    for row in rows:
        put_json(asdict(row))


def as_table(rows: Sequence[Row]) -> None:
    if sys.stdout is not None and sys.stdout.isatty():
        for line in _painted(rows):
            put_styled(line)
    else:
        for line in _plain(rows):
            put(line)


def _plain(rows: Sequence[Row]) -> Iterator[str]:
    """One line a row, so that they can be searched."""
    width = max((len(cell(row.subject)) for row in rows), default=0)
    for row in rows:
        yield f"{row.status:<7}  {cell(row.subject):<{width}}  {_line(row.message)}"
    yield ""
    yield _last_line(rows)


def _painted(rows: Sequence[Row]) -> Iterator[str]:
    console = Console()
    with console.capture() as painted:
        for group, members in groupby(rows, key=lambda row: row.group):
            console.print(Styled(HEADINGS[group], style="bold"))
            for line in _block(list(members), console.width):
                # Longer than the screen are only links, which shall be whole where they are copied from.
                console.print(line, soft_wrap=True)
            console.print()
        console.print(Styled(_last_line(rows), style=_COLOURS[_worst(rows)]))
    for shown in painted.get().splitlines():
        yield shown.rstrip()


def _block(rows: Sequence[Row], width: int) -> Iterator[Styled]:
    """Status, subject and message side by side; a subject with several rows is named once."""
    most = min(_SUBJECT_WIDTH, max(cell_len(cell(row.subject)) for row in rows))
    margin = len(_MARGIN) + _STATUS_WIDTH + most + 2 * len(_GAP)
    previous = ""
    for row in rows:
        subject = "" if row.subject == previous else cell(row.subject)
        lines = textwrap.wrap(
            _line(row.message),
            max(_NARROWEST, width - margin),
            break_long_words=False,
            break_on_hyphens=False,
        )
        # Styled, not markup: subjects and messages hold file and node names of other people's making.
        front = (_MARGIN, (f"{row.status:<{_STATUS_WIDTH}}", _COLOURS[row.status]), _GAP)
        if cell_len(subject) > most:
            yield Styled.assemble(*front, subject)
            front, subject = (" " * (margin - most - len(_GAP)), ("", ""), ""), ""
        padded = subject + " " * (most - cell_len(subject))
        for number, line in enumerate(lines or [""]):
            start = (*front, padded, _GAP) if number == 0 else (" " * margin,)
            yield Styled.assemble(*start, line)
        previous = row.subject


def _line(words: str) -> str:
    """One line; commands and links in it stand apart by two spaces."""
    return "  ".join(cell(part) for part in words.split("  ") if part)


def _last_line(rows: Sequence[Row]) -> str:
    """What is to be done, in one line: a table may be longer than a screen."""
    if not (counts := counted(rows)):
        return "All is well."
    worst = _worst(rows)
    subjects = list(dict.fromkeys(cell(row.subject) for row in rows if row.status == worst))
    return f"Look at: {', '.join(subjects)}.  {counts}."


def _worst(rows: Sequence[Row]) -> Status:
    found = {row.status for row in rows}
    return "problem" if "problem" in found else "warning" if "warning" in found else "ok"
