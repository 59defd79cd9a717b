"""Methods about the bot itself: who it is, its commands, its updates, files and chats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.telegram.calls import Call
from tests.support.telegram.chats import CHANNEL, PRIVATE, Chat
from tests.support.telegram.failures import Json, bad
from tests.support.telegram.members import LEFT
from tests.support.telegram.methods import Handler, chat_of

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

COMMAND = re.compile(r"[a-z0-9_]{1,32}")
COMMANDS = 100
DESCRIPTION = 256
SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}
GIFTS = (
    "unlimited_gifts",
    "limited_gifts",
    "unique_gifts",
    "premium_subscription",
    "gifts_from_channels",
)
Scope = tuple[str, ...]


class BotMethods:
    """``commands``: by scope and language, as they were set."""

    def __init__(self, world: TelegramWorld) -> None:
        self._world = world
        self.commands: dict[tuple[Scope, str], list[Json]] = {}
        self.descriptions: dict[tuple[str, str], str] = {}

    def table(self) -> dict[str, Handler]:
        world = self._world
        said = {
            f"{verb}My{what}": getattr(self, f"{verb}_about")
            for verb in ("get", "set")
            for what in ("Name", "Description", "ShortDescription")
        }
        return said | {
            "getMe": self.me,
            "setMyCommands": self.set_commands,
            "getMyCommands": self.get_commands,
            "deleteMyCommands": self.delete_commands,
            "getUpdates": self.updates,
            "setWebhook": world.webhook.set,
            "deleteWebhook": world.webhook.delete,
            "getWebhookInfo": world.webhook.info,
            "getFile": self.file,
            "getChat": self.chat,
            "getChatMember": self.member,
            "getChatAdministrators": self.administrators,
            "leaveChat": self.leave,
        }

    def me(self, _: Call) -> Json:
        return self._world.bot.json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": not self._world.privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def get_about(self, call: Call) -> Json:
        what = call.method.removeprefix("getMy")
        key = re.sub("([a-z])([A-Z])", r"\1_\2", what).lower()
        language = call.text("language_code")
        found = self.descriptions.get((what, language)) or self.descriptions.get((what, ""), "")
        return {key: found}

    def set_about(self, call: Call) -> bool:
        what = call.method.removeprefix("setMy")
        key = re.sub("([a-z])([A-Z])", r"\1_\2", what).lower()
        most = {"Name": 64, "Description": 512, "ShortDescription": 120}[what]
        if len(call.text(key)) > most:
            raise bad(f"{key.replace('_', ' ')} is too long")
        self.descriptions[what, call.text("language_code")] = call.text(key)
        return True

    # Commands

    def _scope(self, call: Call) -> Scope:
        said = call.parsed("scope") or {"type": "default"}
        kind = said.get("type")
        if kind not in SCOPES:
            raise bad("can't parse BotCommandScope: Unsupported type specified")
        if "chat_id" in SCOPES[kind] and said.get("chat_id") not in self._world.chats:
            raise bad("chat not found")
        return (kind, *(str(said.get(name, "")) for name in SCOPES[kind]))

    def _language(self, call: Call) -> str:
        language = call.text("language_code")
        if language and not re.fullmatch("[a-z]{2}", language):
            raise bad("invalid language code specified")
        return language

    def set_commands(self, call: Call) -> bool:
        commands = call.parsed("commands")
        if not isinstance(commands, list):
            raise bad("can't parse commands JSON object")
        key = self._scope(call), self._language(call)
        if len(commands) > COMMANDS:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        for each in commands:
            if not COMMAND.fullmatch(str(each.get("command", "")).removeprefix("/")):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(each.get("description", "")) <= DESCRIPTION:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[key] = [
            {"command": each["command"].removeprefix("/"), "description": each["description"]}
            for each in commands
        ]
        self._world.changed.fire()
        return True

    def get_commands(self, call: Call) -> list[Json]:
        return self.commands.get((self._scope(call), self._language(call)), [])

    def delete_commands(self, call: Call) -> bool:
        self.commands.pop((self._scope(call), self._language(call)), None)
        return True

    # Updates and files

    async def updates(self, call: Call) -> list[Json]:
        return await self._world.updates.get(
            call.integer("offset"),
            call.integer("limit", 100, 1, 100),
            call.integer("timeout", 0, 0),
            call.strings("allowed_updates"),
        )

    def file(self, call: Call) -> Json:
        return self._world.downloads.prepare(call.text("file_id"))

    # Chats

    def chat(self, call: Call) -> Json:
        chat = self._readable(call)
        return chat.json() | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(GIFTS, False),
        }

    def _readable(self, call: Call) -> Chat:
        chat = chat_of(self._world, call)
        if chat.kind != PRIVATE:
            chat.check_reach()
        return chat

    def member(self, call: Call) -> Json:
        chat, user = self._readable(call), call.integer("user_id")
        if user == self._world.bot.id and chat.kind != PRIVATE:
            return chat.bot.json(channel=chat.kind == CHANNEL)
        person = self._world.users.get(user)
        if person is None:
            raise bad("user not found")
        if user not in chat.members and chat.kind == CHANNEL and not chat.bot.admin:
            raise bad("member list is inaccessible")
        return chat.member(person).json(channel=chat.kind == CHANNEL)

    def administrators(self, call: Call) -> list[Json]:
        chat = self._readable(call)
        if chat.kind == PRIVATE:
            raise bad("there are no administrators in the private chat")
        return [each.json(channel=chat.kind == CHANNEL) for each in chat.members.values() if each.admin]

    def leave(self, call: Call) -> bool:
        chat = self._readable(call)
        if chat.kind == PRIVATE:
            raise bad("chat member status can't be changed in private chats")
        self._world.move_bot(chat, self._world.bot, LEFT)
        return True
