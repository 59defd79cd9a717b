"""What a process that runs for weeks tells while it works: warnings and errors, one line each, on stderr."""

from __future__ import annotations

import logging
import time
import traceback
from pathlib import Path

from bot.cli.common import say

_LONGEST = 400
_OF_NO_USE = {"discord.client": "voice will NOT be supported"}
"""Warnings of libraries, by their loggers, about what is not used here: they would only worry people."""


def warnings_to_stderr() -> None:
    """From now on, unless FAIRBRUSH_DEBUG has set up a log that tells everything."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_ToStderr(logging.WARNING))


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if not _is_of_no_use(record):
            say(one_line(record))


def _is_of_no_use(record: logging.LogRecord) -> bool:
    words = _OF_NO_USE.get(record.name)
    return words is not None and words in record.getMessage()


def one_line(record: logging.LogRecord) -> str:
    """``2026-11-22 09:31:18 Server local is back.`` in the machine's time zone.

    An exception is told by its kind and place: its words may quote anything, a prompt text too.
    """
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
    words = " ".join(record.getMessage().split())
    short = words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
    level = "error: " if record.levelno >= logging.ERROR else ""
    whose = "" if record.name.split(".")[0] == "bot" else f"{record.name}: "
    return f"{moment} {level}{whose}{short}{_raised(record)}"


def _raised(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in place)
    return f" ({type(error).__name__}{where}; FAIRBRUSH_DEBUG=1 shows more)"
