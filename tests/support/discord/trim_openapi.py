"""Cuts Discord's OpenAPI description down to what the stand-in answers.

``python -m tests.support.discord.trim_openapi FULL.json`` writes ``tests/data/discord/openapi.json``. The
full description is published by Discord (MIT licence) in its repository ``discord-api-spec``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

TRIMMED = Path(__file__).resolve().parents[2] / "data" / "discord" / "openapi.json"

OPERATIONS = (
    "bulk_set_application_commands",
    "bulk_set_guild_application_commands",
    "create_application_command",
    "create_dm",
    "create_guild_application_command",
    "create_interaction_response",
    "create_message",
    "execute_webhook",
    "get_message",
    "get_original_webhook_message",
    "get_webhook_message",
    "list_application_commands",
    "list_guild_application_commands",
    "update_application_command",
    "update_guild_application_command",
    "update_message",
    "update_original_webhook_message",
    "update_webhook_message",
)

LEFT_OUT = frozenset(
    {
        "BasicApplicationResponseWithBot",
        "CustomClientThemeResponse",
        "CustomClientThemeShareRequest",
        "GuildStickerResponse",
        "LaunchActivityInteractionCallbackRequest",
        "LaunchActivityInteractionCallbackResponse",
        "MessageActivityResponse",
        "MessageCallResponse",
        "MessageLobbyMemberResponse",
        "MessageMentionChannelResponse",
        "MessageReactionResponse",
        "MessageRoleSubscriptionDataResponse",
        "MessageSnapshotResponse",
        "MessageStickerItemResponse",
        "PollCreateRequest",
        "PollResponse",
        "PongInteractionCallbackRequest",
        "PurchaseNotificationResponse",
        "ResolvedObjectsResponse",
        "SocialLayerSKUPurchaseEligibilityInteractionCallbackRequest",
        "StandardStickerResponse",
        "ThreadResponse",
    }
)
"""Schemas of things that a picture bot neither sends nor is sent."""

PROSE = frozenset({"description", "title", "x-discord-union"})
NULL = {"type": "null"}
METHODS = ("get", "post", "put", "patch", "delete")


def name_of(reference: str) -> str:
    return reference.rsplit("/", 1)[1]


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield name_of(node["$ref"])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def left_out(node: Any) -> bool:
    """Whether a schema says nothing but what is left out: itself, a list of it, or it among nothing else."""
    if not isinstance(node, dict):
        return False
    if "$ref" in node:
        return name_of(node["$ref"]) in LEFT_OUT
    members = [member for key in ("oneOf", "anyOf") for member in node.get(key, []) if member != NULL]
    return left_out(node.get("items")) or (bool(members) and all(map(left_out, members)))


def trimmed(node: Any, *, named: bool = False) -> Any:
    """A schema without prose and without what is left out; ``named``: the keys are names, not keywords."""
    if isinstance(node, dict):
        return {
            key: trimmed(value, named=key == "properties" and not named)
            for key, value in node.items()
            if not (left_out(value) if named else key in PROSE)
        }
    if isinstance(node, list):
        return [trimmed(value) for value in node if not left_out(value)]
    return node


def json_schema(content: Json) -> Any:
    return content.get("content", {}).get("application/json", {}).get("schema")


def operations(full: Json) -> Iterator[tuple[str, Json]]:
    for path, item in full["paths"].items():
        for method in METHODS:
            name = item.get(method, {}).get("operationId")
            if name in OPERATIONS:
                found = {"method": method.upper(), "path": path}
                request = json_schema(item[method].get("requestBody", {}))
                answer = json_schema(item[method]["responses"].get("200", {}))
                if request is not None:
                    found["request"] = trimmed(request)
                if answer is not None:
                    found["response"] = trimmed(answer)
                yield name, found


def needed(schemas: Json, todo: list[str]) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            schema = trimmed(schemas[name])
            todo.extend(references(schema))
            yield name, schema


def trim(full: Json) -> Json:
    found = dict(sorted(operations(full)))
    assert found.keys() == set(OPERATIONS)
    return {
        "about": {key: full["info"][key] for key in ("title", "version", "license")},
        "operations": found,
        "schemas": dict(sorted(needed(full["components"]["schemas"], list(references(found))))),
    }


def lines(trimmed_down: Json) -> str:
    """One entry a line: small, and changes can be read."""
    sections = []
    for section, entries in trimmed_down.items():
        body = ",\n".join(
            f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in entries.items()
        )
        sections.append(f"{json.dumps(section)}:{{\n{body}\n}}")
    return "{" + ",\n".join(sections) + "}\n"


if __name__ == "__main__":
    full_description = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    TRIMMED.write_text(lines(trim(full_description)), encoding="utf-8", newline="\n")
