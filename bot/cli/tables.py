"""Tables on stdout: with colours and cut to the width on a terminal, plain aligned lines in a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from bot.cli.common import printable, put, put_styled

_STEERING = re.compile("[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that turn the direction of what stands beside them, or cannot be seen."""


@dataclass(frozen=True, slots=True)
class Column:
    """``fold``: long cells go on in the next line, where others are cut on a terminal."""

    head: str
    right: bool = False
    fold: bool = False
    most: int | None = None
    """Characters on a terminal."""
    style: str = ""


def cell(words: object) -> str:
    """Other people's words as one line that can neither steer a terminal nor break a table."""
    return _STEERING.sub("", printable(" ".join(str(words).split())))


def put_table(columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    """Columns that are empty in every row are left out."""
    cells = [[cell(value) for value in row] for row in rows]
    kept = [i for i, column in enumerate(columns) if not column.head or any(row[i] for row in cells)]
    shown = [columns[i] for i in kept]
    lines = [[row[i] for i in kept] for row in cells]
    if sys.stdout is not None and sys.stdout.isatty():
        _put_styled(shown, lines)
    else:
        _put_plain(shown, lines)


def _put_plain(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    lines = [[column.head for column in columns], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        aligned = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ]
        put("  ".join(aligned).rstrip())


def _put_styled(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(
            column.head,
            justify="right" if column.right else "left",
            no_wrap=not column.fold,
            overflow="fold" if column.fold else "ellipsis",
            max_width=column.most,
            style=column.style,
        )
    for row in rows:
        # Styled, not markup: cells hold names of other people's making.
        table.add_row(*(Styled(text) for text in row))
    console = Console()
    with console.capture() as painted:
        console.print(table)
    for line in painted.get().splitlines():
        put_styled(line.rstrip())
