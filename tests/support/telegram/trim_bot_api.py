"""Cuts the Bot API as data down to what the stand-in answers.

``python -m tests.support.telegram.trim_bot_api FULL.json`` writes ``tests/data/telegram/bot_api.json``. The
full description is ``api.json`` of github.com/PaulSonOfLars/telegram-bot-api-spec (MIT licence).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.telegram.schema import TRIMMED

Json = dict[str, Any]

METHODS = (
    "answerCallbackQuery",
    "close",
    "copyMessage",
    "deleteMessage",
    "deleteMessages",
    "deleteMyCommands",
    "deleteWebhook",
    "editMessageCaption",
    "editMessageMedia",
    "editMessageReplyMarkup",
    "editMessageText",
    "getChat",
    "getChatAdministrators",
    "getChatMember",
    "getChatMenuButton",
    "getFile",
    "getMe",
    "getMyCommands",
    "getMyDescription",
    "getMyName",
    "getMyShortDescription",
    "getUpdates",
    "getWebhookInfo",
    "leaveChat",
    "logOut",
    "sendAnimation",
    "sendChatAction",
    "sendDocument",
    "sendMediaGroup",
    "sendMessage",
    "sendPhoto",
    "sendVideo",
    "setMessageReaction",
    "setMyCommands",
    "setMyDescription",
    "setMyName",
    "setMyShortDescription",
    "setWebhook",
)
NOT_PLAYED = frozenset({"close", "logOut", "copyMessage", "getChatMenuButton"})
"""Known, so that a call of one is told apart from a mistake in a name."""

TYPES = ("Update", "WebhookInfo", "File", "User", "Message", "ChatMember", "ChatFullInfo", "BotCommand")
"""Roots of what is answered; with what their needed and played fields lead to."""

LEFT_OUT = re.compile(
    "Business|Checklist|(?<!Accepted)Gift|Giveaway|Invoice|Passport|Payment|Shipping|Star|Story|SuggestedPost|PaidM|Game|"
    "Boost|VideoChat|Poll|Inline(Query|Result)|ChosenInline|DirectMessage|Background|WebAppData|UsersShared|"
    "ChatShared|Proximity|Venue|Contact|Dice|LiveLocation|OwnerChanged|OwnerLeft|Rating|AutoDelete|"
    "WriteAccess|PreCheckout|ManagedBot|Rich|LivePhoto|EphemeralMessage"
)
"""Types that neither a request of a painting bot nor its updates hold. Fields of them are left out."""


def named(types: Iterable[str]) -> set[str]:
    return {re.sub("^(Array of )+", "", each) for each in types}


def trimmed(full: Json) -> Json:
    methods = {
        name: {"fields": fields(full["methods"][name]), "returns": full["methods"][name]["returns"]}
        for name in METHODS
    }
    kept: Json = {}
    todo = set(TYPES)
    for method in methods.values():
        todo |= {name for field in method["fields"] for name in named(field["types"])}
        todo |= named(method["returns"])
    while todo:
        name = todo.pop()
        if name in kept or name not in full["types"]:
            continue
        source = full["types"][name]
        if "subtypes" in source:
            kept[name] = {"subtypes": [each for each in source["subtypes"] if not LEFT_OUT.search(each)]}
            todo |= set(kept[name]["subtypes"])
            continue
        kept[name] = {"fields": fields(source)}
        todo |= {each for field in kept[name]["fields"] for each in named(field["types"])}
    return {"version": full["version"], "methods": methods, "types": dict(sorted(kept.items()))}


def fields(source: Json) -> list[Json]:
    found = []
    for each in source.get("fields", []):
        types = [name for name in each["types"] if not LEFT_OUT.search(name)]
        if types:
            kept = {"name": each["name"], "types": types, "required": each["required"]}
            found.append(kept | constant(each))
    return found


def constant(field: Json) -> Json:
    """What tells the members of a union apart is only said in words: «must be photo», «always “left”»."""
    match = re.search(r'(?:must be|always) [“"]?(\w+)', field["description"])
    known = field["name"] in {"type", "status", "source"} and field["required"] and match
    return {"value": match[1]} if known and match else {}


if __name__ == "__main__":
    TRIMMED.parent.mkdir(parents=True, exist_ok=True)
    description = trimmed(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    lines = json.dumps(description, ensure_ascii=False, indent=None, separators=(",", ":"))
    TRIMMED.write_text(re.sub(r'("\w+":\{"(?:fields|subtypes)")', r"\n\1", lines) + "\n", encoding="utf-8")
