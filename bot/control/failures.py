"""Failures on their way through the channel: they come out as the class that went in.

The cause stays behind: it is for the bot's own log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.control.codec import decode_fields, encode
from bot.domain import errors
from bot.domain.errors import (
    FairbrushError,
    GraphProblem,
    GraphRejected,
    NodeFailed,
    ParameterError,
    UserError,
)
from bot.domain.text import Text


class WrongToken(UserError):
    """Whoever asked does not know the token of this bot."""

    code = "token"


class Busy(UserError):
    """The bot answers as many commands as it can; later it answers this one."""

    code = "busy"


class BotGone(FairbrushError):
    """The bot ended, or hangs, while a command was talking to it."""

    code = "bot_gone"


class OtherVersion(FairbrushError):
    """The bot and the command do not understand each other."""

    code = "other_version"


def encode_failure(error: FairbrushError) -> dict[str, Any]:
    """By its code, which is the same for every class that a module beside the tree may have derived."""
    extra: dict[str, Any] = {}
    match error:
        case ParameterError():
            extra = {"parameter": error.parameter}
        case NodeFailed():
            extra = {"node_id": error.node_id, "class_type": error.class_type, "message": error.message}
        case GraphRejected():
            extra = {"problems": encode(error.problems, [])}
    return {
        "code": error.code,
        "theirs": isinstance(error, UserError),
        "text": encode(error.text, []),
        "extra": extra,
    }


def decode_failure(data: Any) -> FairbrushError:
    """Raises :class:`bot.control.codec.Malformed`."""
    kinds = {"code": str, "theirs": bool, "text": Text, "extra": Any}
    found = decode_fields(kinds, data, (), "error")
    fallback: type[FairbrushError] = UserError if found["theirs"] else FairbrushError
    kind = next((each for each in _tree(FairbrushError) if each.code == found["code"]), fallback)
    text, extra = found["text"], found["extra"]
    if issubclass(kind, ParameterError):
        return kind(text=text, **decode_fields({"parameter": str}, extra, (), "error"))
    if issubclass(kind, NodeFailed):
        named = {"node_id": str, "class_type": str, "message": str}
        return kind(text, **decode_fields(named, extra, (), "error"))
    if issubclass(kind, GraphRejected):
        problems = decode_fields({"problems": tuple[GraphProblem, ...]}, extra, (), "error")
        return kind(text, **problems)
    return kind(text)


def _tree(root: type[FairbrushError]) -> Iterator[type[FairbrushError]]:
    """The classes of the one tree; others derive from it with constructors of their own."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ in (errors.__name__, __name__):
            yield from _tree(child)
