"""What somebody filled in: the data of a command's interaction, read into types.

It comes from Discord, yet from commands as they were registered at some time, by clients that may be
half-done with typing: what does not fit is left out, nothing raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.chat.discord.commands import CHAT_INPUT, GROUP, SUBCOMMAND
from bot.presentation.specs import MENUS, Menu

USER, ATTACHMENT = 6, 11


@dataclass(frozen=True, slots=True)
class AttachmentRef:
    """A file that came along. Its address is good for a while only: fetch it at once. ``width`` and
    ``height`` in pixels, as Discord says; None for what it takes for no picture."""

    id: int
    filename: str
    url: str
    size: int
    """Bytes."""
    content_type: str = ""
    width: int | None = None
    height: int | None = None

    @property
    def key(self) -> str:
        """What stands for it in an :class:`~bot.presentation.flags.Ask`."""
        return f"discord:{self.id}"


@dataclass(frozen=True, slots=True)
class UserRef:
    """Somebody who was named. ``roles``: ids of theirs in this guild; empty outside of one."""

    id: int
    name: str = ""
    roles: tuple[int, ...] = ()
    bot: bool = False


OptionValue = str | int | float | bool | AttachmentRef | UserRef


@dataclass(frozen=True, slots=True)
class Focused:
    """The option that is being typed into."""

    name: str
    typed: str


@dataclass(frozen=True, slots=True)
class TargetMessage:
    """The message that a menu was opened on."""

    id: int
    author: int
    """0: nobody knows."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """What it holds; of one that was passed on, what that held."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """``name`` with ``subcommands`` (none to two words). ``menu`` and ``target`` for a command of the menu of
    a message; ``focused`` for a question for suggestions."""

    name: str
    subcommands: tuple[str, ...] = ()
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    focused: Focused | None = None
    menu: Menu | None = None
    target: TargetMessage | None = None


def read_options(data: Mapping[str, Any]) -> Invocation:
    """Read ``interaction.data`` of a command, or of the question for suggestions to one."""
    resolved = _mapping(data.get("resolved"))
    if data.get("type", CHAT_INPUT) != CHAT_INPUT:
        return _menu(data, resolved)
    words: list[str] = []
    level = mappings(data.get("options"))
    while len(level) == 1 and level[0].get("type") in (SUBCOMMAND, GROUP):
        words.append(str(level[0].get("name", "")))
        level = mappings(level[0].get("options"))
    options: dict[str, OptionValue] = {}
    focused = None
    for each in level:
        name, value = str(each.get("name", "")), each.get("value")
        if each.get("focused"):
            focused = Focused(name, "" if value is None else str(value))
        elif (found := _value(each.get("type"), value, resolved)) is not None:
            options[name] = found
    return Invocation(str(data.get("name", "")), tuple(words), options, focused)


def read_attachment(raw: Mapping[str, Any]) -> AttachmentRef | None:
    """Discord's description of a file; None for one that has no address."""
    key, url = _id(raw.get("id")), raw.get("url")
    if key is None or not isinstance(url, str):
        return None
    return AttachmentRef(
        key,
        str(raw.get("filename") or "file"),
        url,
        _number(raw.get("size")) or 0,
        str(raw.get("content_type") or ""),
        _number(raw.get("width")),
        _number(raw.get("height")),
    )


def _menu(data: Mapping[str, Any], resolved: Mapping[str, Any]) -> Invocation:
    name = str(data.get("name", ""))
    menu = next((each.menu for each in MENUS if each.label.render() == name), None)
    raw = _mapping(_mapping(resolved.get("messages")).get(str(data.get("target_id"))))
    key = _id(raw.get("id"))
    if key is None:
        return Invocation(name, menu=menu)
    author = _id(_mapping(raw.get("author")).get("id")) or 0
    target = TargetMessage(key, author, _content(raw))
    return Invocation(name, menu=menu, target=target)


def _content(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message that was passed on is empty but for a copy of the other."""
    passed_on = mappings(raw.get("message_snapshots"))
    return _mapping(passed_on[0].get("message")) if passed_on else raw


def _value(kind: object, value: object, resolved: Mapping[str, Any]) -> OptionValue | None:
    if kind == ATTACHMENT:
        found = _mapping(_mapping(resolved.get("attachments")).get(str(value)))
        if found:
            return read_attachment(found)
        # With a question for suggestions comes only the number of the file: that there is one is enough.
        key = _id(value)
        return None if key is None else AttachmentRef(key, "file", "", 0)
    if kind == USER:
        return _user(value, resolved)
    return value if isinstance(value, str | int | float) else None


def _user(value: object, resolved: Mapping[str, Any]) -> UserRef | None:
    key = _id(value)
    if key is None:
        return None
    user = _mapping(_mapping(resolved.get("users")).get(str(key)))
    member = _mapping(_mapping(resolved.get("members")).get(str(key)))
    names = (member.get("nick"), user.get("global_name"), user.get("username"))
    roles = member.get("roles")
    listed = roles if isinstance(roles, Sequence) and not isinstance(roles, str) else ()
    known = [_id(role) for role in listed]
    return UserRef(
        key,
        next((str(name) for name in names if name), ""),
        tuple(role for role in known if role is not None),
        user.get("bot") is True,
    )


def _id(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """What of a list is an object."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
