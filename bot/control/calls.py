"""What can be asked through the channel: one table, by which both sides read and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from bot.domain.ids import RequestId
from bot.service.operator import (
    Account,
    CancelResult,
    JobEvent,
    LimitChange,
    QueueView,
    ServerView,
    ShellAsk,
    SubmittedRequest,
    UsageBy,
)
from bot.service.records import UsageRow

PROTOCOL = 1
"""Raised when a call changes its meaning."""

MAX_LINE = 256 * 1024
"""Bytes of a call without its blobs; the longest prompt text takes less, however it is escaped."""
MAX_BLOBS = 128 * 1024 * 1024
"""Bytes of all blobs of a call: more pictures than any template takes, at their greatest."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of a line of the bot's: the usage of a hundred thousand users."""


@dataclass(frozen=True, slots=True)
class Call:
    """``to``: whose method it is. ``items``: there is not one answer, but a stream of them."""

    to: Literal["operator", "desk", "channel"]
    answer: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    items: bool = False


_SIGNED = {"actor": str, "reason": str}

CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "ping": Call("channel", str),
        "queue": Call("operator", QueueView),
        "servers": Call("operator", tuple[ServerView, ...]),
        "pause": Call("operator", bool, {"actor": str}),
        "resume": Call("operator", bool, {"actor": str}),
        "drain": Call("operator", bool, {"actor": str}),
        "cancel": Call("operator", CancelResult, {"job": str, "actor": str}),
        "submit": Call("operator", tuple[SubmittedRequest, ...], {"ask": ShellAsk}),
        "watch": Call("operator", JobEvent, {"request": RequestId}, items=True),
        "account": Call("desk", Account, {"wanted": str}),
        "grant": Call("desk", Account, {"wanted": str, "seconds": float, **_SIGNED}),
        "set_limits": Call("desk", Account, {"wanted": str, "change": LimitChange | None, **_SIGNED}),
        "reset": Call("desk", Account, {"wanted": str, **_SIGNED}),
        "usage": Call("desk", tuple[UsageRow, ...], {"by": UsageBy, "since": int, "until": int}),
    }
)
