"""The commands that the bot has registered, globally and in guilds.

Source: https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.discord import failures
from tests.support.discord.check_commands import CHAT_INPUT, LIMITS, check_command
from tests.support.discord.check_components import without_nulls
from tests.support.discord.failures import Json
from tests.support.discord.forms import Form

CREATES_A_DAY = 200
DAY = 24 * 3600 * 1000

Key = tuple[int, str]


@dataclass
class Commands:
    """``calls``: how often what was asked for; ``creates``: moments of creation, by guild or None."""

    application_id: int
    now: Callable[[], int]
    mint: Callable[[], int]
    scopes: dict[int | None, dict[Key, Json]] = field(default_factory=dict)
    creates: dict[int | None, list[int]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def all(self, scope: int | None) -> list[Json]:
        return list(self.scopes.get(scope, {}).values())

    def overwrite(self, scope: int | None, value: Any) -> list[Json]:
        """Bulk overwrite: what is the same stays as it is, what is not listed goes."""
        self.calls["bulk"] += 1
        form = Form()
        entries = form.items((), value, 0, sum(LIMITS.values()))
        commands = [check_command(form, (index,), entry) for index, entry in enumerate(entries)]
        keys = [key_of(command) for command in commands if not form.errors]
        for index, key in enumerate(keys):
            if keys.index(key) < index:
                words = "Application command names must be unique"
                form.add((index, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", words)
        form.raise_if_any()
        for kind, limit in LIMITS.items():
            if sum(each == kind for each, _ in keys) > limit:
                raise failures.too_many_commands(limit)
        old = self.scopes.get(scope, {})
        self._count_creates(scope, sum(key not in old for key in keys))
        self.scopes[scope] = {
            key: self._made(scope, command, old.get(key)) for key, command in zip(keys, commands, strict=True)
        }
        return self.all(scope)

    def create(self, scope: int | None, value: Any) -> Json:
        """A new one, or one of the same name and type anew."""
        self.calls["create"] += 1
        form = Form()
        command = check_command(form, (), value)
        form.raise_if_any()
        key = key_of(command)
        book = self.scopes.setdefault(scope, {})
        if key not in book:
            if sum(kind == key[0] for kind, _ in book) >= LIMITS[key[0]]:
                raise failures.too_many_commands(LIMITS[key[0]])
            self._count_creates(scope, 1)
        book[key] = self._made(scope, command, book.get(key))
        return book[key]

    def update(self, scope: int | None, command_id: int, value: Any) -> Json:
        self.calls["update"] += 1
        old = self.get(scope, command_id)
        form = Form()
        command = check_command(form, (), {**_as_sent(old), **form.mapping((), value), "type": old["type"]})
        form.raise_if_any()
        book = self.scopes[scope]
        del book[key_of(old)]
        book[key_of(command)] = self._made(scope, command, old)
        return book[key_of(command)]

    def delete(self, scope: int | None, command_id: int) -> None:
        self.calls["delete"] += 1
        del self.scopes[scope][key_of(self.get(scope, command_id))]

    def get(self, scope: int | None, command_id: int) -> Json:
        for command in self.all(scope):
            if command["id"] == str(command_id):
                return command
        raise failures.unknown_command()

    def offered(self, guild: int | None) -> Iterator[Json]:
        """What a client may show in a guild: its own first, then global ones of other names."""
        own = self.scopes.get(guild, {}) if guild is not None else {}
        yield from own.values()
        yield from (command for key, command in self.scopes.get(None, {}).items() if key not in own)

    def _count_creates(self, scope: int | None, number: int) -> None:
        past = [moment for moment in self.creates.get(scope, []) if moment > self.now() - DAY]
        if len(past) + number > CREATES_A_DAY:
            raise failures.too_many_creates(CREATES_A_DAY)
        self.creates[scope] = past + [self.now()] * number

    def _made(self, scope: int | None, command: Json, old: Json | None) -> Json:
        bits = command.get("default_member_permissions")
        found: Json = {
            "description": "",
            "dm_permission": True,
            "nsfw": False,
            "contexts": None,
            "integration_types": [0],
            **without_nulls(command),
            "type": command.get("type") or CHAT_INPUT,
            "application_id": str(self.application_id),
            "default_member_permissions": None if bits is None else str(bits),
        }
        for key in ("options", "name_localizations", "description_localizations"):
            if not found.get(key):
                found.pop(key, None)
        if scope is not None:
            found["guild_id"] = str(scope)
            found.pop("dm_permission")
        if old is not None and _as_sent(old) == _as_sent(found):
            return old
        return found | {
            "id": str(self.mint()) if old is None else old["id"],
            "version": str(self.mint()),
        }


def key_of(command: Json) -> Key:
    return command.get("type") or CHAT_INPUT, command["name"]


def _as_sent(command: Json) -> Json:
    given = {"id", "version", "application_id", "guild_id"}
    return {key: value for key, value in command.items() if key not in given}
