"""Our commands as Telegram lists them: by where they are typed, by whom, and in which language. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.chat.telegram.markup import plain
from bot.domain.text import Text
from bot.presentation.card_text import one_line, shorten
from bot.presentation.language import Language
from bot.presentation.specs import Audience, Commands, CommandSpec

MOST_COMMANDS = 100
DESCRIPTION = 256
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_PERSONAL = frozenset({"link", "unlink", "privacy"})
"""Not offered in groups: what they say is for one person's eyes."""

PRIVATE, GROUPS, ADMINISTRATORS = "all_private_chats", "all_group_chats", "all_chat_administrators"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a list holds: a scope in Telegram's words, or the chat with one person. ``language``: two
    letters, "" for whoever has none of the others."""

    scope: str
    chat: int = 0
    language: str = ""

    def __str__(self) -> str:
        return f"{self.scope}:{self.chat}:{self.language}"

    @staticmethod
    def read(text: str) -> Target | None:
        found = re.fullmatch(r"([a-z_]+):(\d+):([a-z]*)", text)
        return Target(found[1], int(found[2]), found[3]) if found else None


@dataclass(frozen=True, slots=True)
class Listed:
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Lists:
    """``names``: of ours by Telegram's, which knows no dashes. ``notes``: for the operator."""

    lists: Mapping[Target, tuple[Listed, ...]]
    names: Mapping[str, str]
    notes: tuple[Text, ...] = ()


def make_lists(commands: Commands, languages: Mapping[str, Language], admins: Sequence[int] = ()) -> Lists:
    """``languages`` by their tags, the one for everybody else under "". ``admins``: operators' user ids."""
    names: dict[str, str] = {}
    notes: list[Text] = []
    for spec in commands.specs:
        name = telegram_name(spec.name)
        if name is None or name in names:
            notes.append(_not_listed(spec.name))
        else:
            names[name] = spec.name
    listed = [(name, found) for name, ours in names.items() if (found := commands.get(ours)) is not None]
    lists = {
        target: _list(chosen, language)
        for tag, language in languages.items()
        for target, chosen in _by_scope(listed, tag.lower()[:2], admins)
    }
    return Lists(lists, names, tuple(notes))


def telegram_name(name: str) -> str | None:
    """None for what cannot be typed as a command there."""
    written = name.lower().replace("-", "_")
    return written if _NAME.fullmatch(written) else None


def _by_scope(
    listed: Sequence[tuple[str, CommandSpec]], language: str, admins: Sequence[int]
) -> Iterator[tuple[Target, list[tuple[str, CommandSpec]]]]:
    everybody = [each for each in listed if each[1].audience is Audience.EVERYBODY]
    grouped = [each for each in listed if each[1].name not in _PERSONAL]
    yield Target(PRIVATE, language=language), everybody
    yield Target(GROUPS, language=language), [each for each in grouped if each in everybody]
    yield Target(ADMINISTRATORS, language=language), grouped
    for admin in admins:
        yield Target("chat", admin, language), list(listed)


def _list(listed: Sequence[tuple[str, CommandSpec]], language: Language) -> tuple[Listed, ...]:
    return tuple(Listed(name, _description(spec, language)) for name, spec in listed[:MOST_COMMANDS])


def _description(spec: CommandSpec, language: Language) -> str:
    return shorten(one_line(plain(language, spec.description)), DESCRIPTION) or spec.name


def _not_listed(name: str) -> Text:
    return Text(
        "Telegram cannot have a command /{name}: it takes small letters of English, digits and underscores, "
        "32 at most, and each name once. Give the template another “command” in its sidecar.",
        name=name,
    )
