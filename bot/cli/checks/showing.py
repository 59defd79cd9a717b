"""The rows as a table for people, as plain lines for pipes, as JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Styled

from bot.cli.checks.rows import HEADINGS, Row, Status, counted
from bot.cli.common import put, put_json, put_styled
from bot.cli.tables import cell

_COLOURS: dict[Status, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_SUBJECT_WIDTH = 24


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
            console.print(Padding(_table(list(members)), (0, 0, 1, 2)))
        console.print(Styled(_last_line(rows), style=_COLOURS[_worst(rows)]))
    for line in painted.get().splitlines():
        yield line.rstrip()


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=len("warning"))
    table.add_column(overflow="fold", min_width=min(_SUBJECT_WIDTH, max(len(r.subject) for r in rows)))
    table.add_column(overflow="fold", ratio=1)
    previous = ""
    for row in rows:
        # Styled, not markup: subjects and messages hold file and node names of other people's making.
        subject = "" if row.subject == previous else cell(row.subject)
        table.add_row(Styled(row.status, _COLOURS[row.status]), Styled(subject), Styled(_line(row.message)))
        previous = row.subject
    return table


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
