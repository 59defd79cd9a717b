"""What a process that runs for weeks tells while it works, on stderr: lines for people, or JSON for programs.

Of libraries only warnings and errors are told: at lower levels they quote what they send. Of nothing is told
what somebody asked for, and no secret of the configuration, whoever would write it.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pythonjsonlogger.json import JsonFormatter

from bot.cli.common import say
from bot.service.about import FIELDS, ids

if TYPE_CHECKING:
    from bot.config import Settings

_LONGEST = 400
_LONGEST_JSON = 4000
_OF_NO_USE = {"discord.client": "voice will NOT be supported"}
"""Warnings of libraries, by their loggers, about what is not used here: they would only worry people."""
_SHORTEST_SECRET = 8
"""Characters. What is shorter would be found in the middle of innocent words."""
_HIDDEN = "[hidden]"

Say = Callable[[str], None]


def start_logging(settings: Settings) -> Say:
    """From now on; how the command itself is to say what it does, so that it comes out in the same form.

    Where FAIRBRUSH_DEBUG has set up a log that tells everything, it stays as it is, but for secrets.
    """
    guard = Guard(secrets_in(settings))
    root = logging.getLogger()
    if root.handlers:
        for handler in root.handlers:
            handler.addFilter(guard)
        return say
    handler = _ToStderr(Entries().format if settings.log.format == "json" else one_line)
    handler.addFilter(guard)
    root.addHandler(handler)
    level = logging.getLevelNamesMapping()[settings.log.level.upper()]
    handler.setLevel(level)  # some libraries have a level of their own
    logging.getLogger("bot").setLevel(level)
    root.setLevel(max(level, logging.WARNING))
    return say if settings.log.format == "console" else _announcing(handler)


def _announcing(handler: logging.Handler) -> Say:
    def announce(message: str) -> None:
        told = {"name": "bot", "levelno": logging.INFO, "levelname": "INFO", "msg": message}
        handler.handle(logging.makeLogRecord(told))

    return announce


class Guard(logging.Filter):
    """Takes ``secrets`` out of whatever is about to be told, and notes what the entry is about."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        # The longest first: one may be part of another.
        self._secrets = sorted(_forms(secrets), key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(_message(record)), None
        if record.exc_info and not record.exc_text:
            # The library's formatter takes this instead of asking the exception once more.
            record.exc_text = self.clean(logging.Formatter().formatException(record.exc_info))
        known = {**ids(), **{name: record.__dict__[name] for name in FIELDS if name in record.__dict__}}
        for name, value in known.items():
            record.__dict__[name] = self.clean(value) if isinstance(value, str) else value
        return True

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def secrets_in(settings: Settings) -> Iterator[str]:
    """Every secret of a configuration: the fields that are kept as one."""
    from pydantic import BaseModel, SecretStr

    def walk(value: object) -> Iterator[str]:
        match value:
            case SecretStr():
                yield value.get_secret_value()
            case BaseModel():
                for name in type(value).model_fields:
                    yield from walk(getattr(value, name))
            case Mapping():
                for each in value.values():
                    yield from walk(each)
            case tuple() | list():
                for each in value:
                    yield from walk(each)

    return walk(settings)


def _forms(secrets: Iterable[str]) -> set[str]:
    """As each may be written: whole, its words (``Bearer …``), what follows a bot's number, in addresses."""
    found: set[str] = set()
    for secret in secrets:
        for piece in (secret, *secret.split(), secret.partition(":")[2]):
            found |= {piece, quote(piece), quote(piece, safe=""), repr(piece)[1:-1]}
    return {each for each in found if len(each) >= _SHORTEST_SECRET}


class _ToStderr(logging.Handler):
    def __init__(self, written: Callable[[logging.LogRecord], str]) -> None:
        super().__init__()
        self._written = written

    def emit(self, record: logging.LogRecord) -> None:
        if not _is_of_no_use(record):
            say(self._written(record))


def _is_of_no_use(record: logging.LogRecord) -> bool:
    words = _OF_NO_USE.get(record.name)
    return words is not None and words in _message(record)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)  # somebody's arguments do not fit: no reason to say nothing


def one_line(record: logging.LogRecord) -> str:
    """``2026-11-22 09:31:18 Server local is back.`` in the machine's time zone.

    An exception is told by its kind and place: its words may quote anything, a prompt text too.
    """
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
    words = _short(" ".join(_message(record).split()), _LONGEST)
    level = "error: " if record.levelno >= logging.ERROR else ""
    whose = "" if record.name.split(".")[0] == "bot" else f"{record.name}: "
    return f"{moment} {level}{whose}{words}{_about(record, words)}{_raised(record)}"


class Entries(JsonFormatter):
    """One object a line: ``ts`` (UTC), ``level``, ``logger``, ``message``, what it is about (:data:`FIELDS`),
    and of an exception its kind and place (``error``, ``at``), for the same reason as in :func:`one_line`."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        del message_dict  # what the library makes of an exception: all of its words
        moment = datetime.fromtimestamp(record.created, UTC)
        log_data |= {
            "ts": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _short(_message(record), _LONGEST_JSON),
            **{name: record.__dict__[name] for name in FIELDS if name in record.__dict__},
        }
        error = _error(record)
        if error is not None:
            log_data |= {"error": type(error).__name__, "at": _place(error)}


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _about(record: logging.LogRecord, words: str) -> str:
    """Which job or request it is about, where the words do not say so."""
    for name in ("job", "request"):
        value = record.__dict__.get(name)
        if value:
            return "" if str(value) in words else f" [{name} {value}]"
    return ""


def _raised(record: logging.LogRecord) -> str:
    error = _error(record)
    if error is None:
        return ""
    place = _place(error)
    return f" ({type(error).__name__}{' in ' if place else ''}{place}; FAIRBRUSH_DEBUG=1 shows more)"


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _place(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1:]
    return "".join(f"{Path(frame.filename).name}, line {frame.lineno}" for frame in place)
