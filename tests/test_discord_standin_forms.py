"""The stand-in of Discord: what the forms of messages may contain, and how it says what is wrong with one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.discord import RateLimits, check_messages
from tests.support.discord.messages import COMPONENTS_V2
from tests.support.discord.small_bot import staged


def button(**options: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": "x", **options}


def rows(*rows_of: list[dict[str, Any]]) -> dict[str, Any]:
    return {"components": [{"type": 1, "components": items} for items in rows_of]}


def menu(**options: Any) -> dict[str, Any]:
    return {"type": 3, "custom_id": "m", "options": [{"label": "x", "value": "x"}], **options}


def embed(**options: Any) -> dict[str, Any]:
    return {"embeds": [options]}


def new_layout(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"flags": COMPONENTS_V2, "components": list(components), **more}


TEXT = {"type": 10, "content": "x"}
FIVE = [button(custom_id=str(n)) for n in range(5)]

BAD = {
    "long text": ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    "no text": ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
    "embeds": ({"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
    "title": (embed(title="x" * 257), "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    "description": (embed(description="x" * 4097), "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    "fields": (embed(fields=[{"name": "x", "value": "x"}] * 26), "embeds.0.fields", "BASE_TYPE_MAX_LENGTH"),
    "field name": (
        embed(fields=[{"name": "x" * 257, "value": "x"}]),
        "embeds.0.fields.0.name",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "empty field": (
        embed(fields=[{"name": "x", "value": ""}]),
        "embeds.0.fields.0.value",
        "BASE_TYPE_REQUIRED",
    ),
    "footer": (embed(footer={"text": "x" * 2049}), "embeds.0.footer.text", "BASE_TYPE_MAX_LENGTH"),
    "author": (embed(author={"name": "x" * 257}), "embeds.0.author.name", "BASE_TYPE_MAX_LENGTH"),
    "sum": ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    "picture url": (embed(image={"url": "fox.png"}), "embeds.0.image.url", "URL_TYPE_INVALID_URL"),
    "url scheme": (embed(image={"url": "ftp://x/y"}), "embeds.0.image.url", "URL_TYPE_INVALID_SCHEME"),
    "rows": (rows(*[[button(custom_id=str(n))] for n in range(6)]), "components", "BASE_TYPE_MAX_LENGTH"),
    "empty row": (rows([]), "components.0.components", "BASE_TYPE_BAD_LENGTH"),
    "buttons": (rows([*FIVE, button(custom_id="6")]), "components.0.components", "BASE_TYPE_BAD_LENGTH"),
    "custom id": (
        rows([button(custom_id="x" * 101)]),
        "components.0.components.0.custom_id",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "no custom id": (
        rows([button(custom_id=None)]),
        "components.0.components.0.custom_id",
        "BASE_TYPE_REQUIRED",
    ),
    "same custom id": (
        rows([button(), button()]),
        "components.0.components.1.custom_id",
        "COMPONENT_CUSTOM_ID_DUPLICATED",
    ),
    "label": (rows([button(label="x" * 81)]), "components.0.components.0.label", "BASE_TYPE_MAX_LENGTH"),
    "no label": (rows([button(label=None)]), "components.0.components.0", "BUTTON_COMPONENT_LABEL_REQUIRED"),
    "emoji": (
        rows([button(emoji={"name": "fox"})]),
        "components.0.components.0.emoji.name",
        "BUTTON_COMPONENT_INVALID_EMOJI",
    ),
    "options": (
        rows([menu(options=[{"label": "x", "value": str(n)} for n in range(26)])]),
        "components.0.components.0.options",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "same option": (
        rows([menu(options=[{"label": "x", "value": "x"}] * 2)]),
        "components.0.components.0.options.1.value",
        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
    ),
    "menu and button": (
        rows([menu(), button()]),
        "components.0.components",
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    "new parts, old flags": ({"components": [TEXT]}, "components.0.type", "BASE_TYPE_CHOICES"),
    "old text, new layout": (new_layout(TEXT, content="x"), "content", check_messages.NEW_LAYOUT_CODE),
    "old embed, new layout": (
        new_layout(TEXT, embeds=[{"title": "x"}]),
        "embeds",
        check_messages.NEW_LAYOUT_CODE,
    ),
    "41 parts": (
        new_layout(*[{"type": 17, "components": [TEXT] * 20}] * 2),
        "components",
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    "much text": (
        new_layout(*[{"type": 10, "content": "x" * 2001}] * 2),
        "components",
        "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
    ),
    "gallery": (
        new_layout({"type": 12, "items": [{"media": {"url": "https://x/y"}}] * 11}),
        "components.0.items",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "missing file": (
        new_layout({"type": 13, "file": {"url": "attachment://no.png"}}),
        "components",
        "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
    ),
    "mentions": (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
        "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
    ),
    "kind of mention": (
        {"content": "x", "allowed_mentions": {"parse": ["all"]}},
        "allowed_mentions.parse.0",
        "BASE_TYPE_CHOICES",
    ),
}


async def test_forms_are_refused_with_the_place_and_the_rule() -> None:
    async with staged(limits=RateLimits.off()) as stage:
        for name, (body, place, code) in BAD.items():
            status, answered = await stage.request(body)
            assert (status, answered["code"]) == (400, 50035), (name, answered)
            assert answered["message"] == "Invalid Form Body"
            node = answered["errors"]
            for step in place.split("."):
                assert step in node, (name, answered)
                node = node[step]
            assert [error["code"] for error in node["_errors"]] == [code], (name, answered)
        assert stage.channel.shown == []
        assert (await stage.request({}))[1]["code"] == 50006
        assert stage.discord.server.violations == []


async def test_the_limits_themselves_are_allowed() -> None:
    good = [
        {"content": "x" * 2000},
        {"embeds": [{"description": "x" * 3000}] * 2},
        rows(*[[button(custom_id=f"{n}{m}", label="x" * 80) for m in range(5)] for n in range(5)]),
        rows([menu(options=[{"label": "x" * 100, "value": f"{n:0100}"} for n in range(25)])]),
        new_layout(*[{"type": 17, "components": [TEXT] * 19}] * 2),
        rows(
            [
                {"type": 2, "style": 5, "label": "x", "url": "https://example.org"},
                button(emoji={"name": "🔁"}),
            ]
        ),
    ]
    async with staged(limits=RateLimits.off()) as stage:
        for body in good:
            status, answered = await stage.request({"content": "", **body} if "flags" not in body else body)
            assert status == 200, answered
        assert len(stage.channel.shown) == len(good)


async def test_what_the_rules_overlook_the_description_finds() -> None:
    with pytest.raises(AssertionError, match="request of create_message at embeds/0/color"):
        async with staged() as stage:
            await stage.request(embed(title="x", color=1.5))
