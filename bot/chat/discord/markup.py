"""People's words in a place that knows Discord's markup: shown as they were typed, never obeyed. Pure."""

from __future__ import annotations

import re

import discord

from bot.chat.discord.commands import is_name
from bot.presentation.card_text import clean, shorten, utf16
from bot.presentation.cards import Code, Command
from bot.presentation.language import ENGLISH, Language

_MARKS = re.compile(r"[\\`*_~|\[\]<>#:]")
"""A colon: without it nothing is taken for an address, and no text becomes a link."""
_AT_LINE_START = re.compile(r"(?m)^(\s*)([-+]|\d+(?=[.)]))")
_QUOTE = "> "
_SLACK = 40
"""Marks that stand before lines, which no single character tells of."""


def drawn(value: object, language: Language = ENGLISH) -> str:
    """A value inside a sentence."""
    if isinstance(value, Code):
        return f"`{str(value).replace('`', 'ˋ')}`"  # a code span has no way to escape its own mark
    return escaped(plain(value, language))


def plain(value: object, language: Language) -> str:
    """Likewise, where there is no markup."""
    return _typed(value, language) if isinstance(value, Command) else str(value)


def _typed(command: Command, language: Language) -> str:
    """By the names that Discord lists it with to readers of ``language``."""
    return "/" + " ".join(_listed(name, language) for name in command.name.split())


def _listed(name: str, language: Language) -> str:
    translated = language.gettext(name).lower()
    return translated if is_name(translated) else name


def escaped(text: str) -> str:
    """``text`` without any markup, address or mention."""
    marked = _MARKS.sub(r"\\\g<0>", text)
    return discord.utils.escape_mentions(_AT_LINE_START.sub(_kept_from_lists, marked))


def _kept_from_lists(found: re.Match[str]) -> str:
    blank, mark = found.groups()
    return f"{blank}\\{mark}" if mark in "-+" else f"{blank}{mark}\\"


def quoted(text: str, most: int) -> str:
    """``text`` as a quotation of at most ``most`` characters, marks included."""
    short = shorten(text, most - _SLACK, measure=_measure)
    return "\n".join(_QUOTE + line for line in escaped(short).split("\n"))


def is_cut(text: str, most: int) -> bool:
    """Whether :func:`quoted` leaves anything out."""
    return shorten(text, most - _SLACK, measure=_measure) != clean(text)


def cut(text: str, most: int) -> str:
    """Where there is no markup."""
    return text if utf16(text) <= most else shorten(text, most, measure=utf16)


def cut_markup(text: str, most: int) -> str:
    """A sentence with markup, such that none of it reaches beyond its end."""
    if utf16(text) <= most:
        return text
    short = shorten(text, most - 2, measure=utf16)
    if short.replace("\\`", "").count("`") % 2:
        short += "`"
    return short


def _measure(cluster: str) -> int:
    return utf16(escaped(cluster))
