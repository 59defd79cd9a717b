"""The stand-in of Discord: the description it checks with, forms of modals, and its own loose ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import discord
import pytest
from jsonschema import Draft202012Validator

from tests.support.discord import CannotUse, DiscordWorld, Pauses, Upload, schema, trim_openapi
from tests.support.discord import permissions as bits
from tests.support.discord.small_bot import SmallBot, Stage, answer, running, staged
from tests.test_discord_standin_forms import BAD

Json = dict[str, Any]


def text_input(**more: Any) -> Json:
    return {"type": 4, "custom_id": "t", "style": 1, **more}


def label(component: Json, **more: Any) -> Json:
    return {"type": 18, "label": "x", "component": component, **more}


def modal(*components: Json, **more: Any) -> Json:
    return {"title": "x", "custom_id": "x", "components": list(components), **more}


ONE = label(text_input())

BAD_MODALS = {
    "title": (modal(ONE, title="x" * 46), "title", "BASE_TYPE_BAD_LENGTH"),
    "custom id": (modal(ONE, custom_id="x" * 101), "custom_id", "BASE_TYPE_BAD_LENGTH"),
    "none": (modal(), "components", "BASE_TYPE_BAD_LENGTH"),
    "six": (
        modal(*[label(text_input(custom_id=str(n))) for n in range(6)]),
        "components",
        "BASE_TYPE_BAD_LENGTH",
    ),
    "label": (modal(label(text_input(), label="x" * 46)), "components.0.label", "BASE_TYPE_BAD_LENGTH"),
    "old label": (
        modal({"type": 1, "components": [text_input()]}),
        "components.0.components.0.label",
        "BASE_TYPE_REQUIRED",
    ),
    "placeholder": (
        modal(label(text_input(placeholder="x" * 101))),
        "components.0.component.placeholder",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "value": (
        modal(label(text_input(value="x" * 4001))),
        "components.0.component.value",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "own limit": (
        modal(label(text_input(value="xxx", max_length=2))),
        "components.0.component.value",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "length": (
        modal(label(text_input(max_length=4001))),
        "components.0.component.max_length",
        "NUMBER_TYPE_MAX",
    ),
    "button": (
        modal(label({"type": 2, "custom_id": "x", "style": 1, "label": "x"})),
        "components.0.component.type",
        "BASE_TYPE_CHOICES",
    ),
    "twice": (modal(ONE, ONE), "components.1.component.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"),
}


async def respond(stage: Stage, body: Json) -> tuple[int, Any]:
    """A new command, answered by hand."""

    async def nothing(_: discord.Interaction) -> None: ...

    reply = await stage.do(nothing)
    way = f"/interactions/{reply.interaction.id}/{reply.interaction.token}/callback"
    async with aiohttp.ClientSession() as http, http.post(stage.discord.api_url + way, json=body) as response:
        return response.status, await response.json() if response.status != 204 else None


async def test_forms_of_modals() -> None:
    async with staged() as stage:
        for name, (body, place, code) in BAD_MODALS.items():
            status, answered = await respond(stage, {"type": 9, "data": body})
            assert (status, answered["code"]) == (400, 50035), (name, answered)
            node = answered["errors"]["data"]
            for step in place.split("."):
                assert step in node, (name, answered)
                node = node[step]
            assert [error["code"] for error in node["_errors"]] == [code], (name, answered)
        old = {"type": 1, "components": [text_input(label="x" * 45, value="x" * 4000)]}
        good = modal(old, *[label(text_input(custom_id=str(n))) for n in range(4)], title="x" * 45)
        assert await respond(stage, {"type": 9, "data": good}) == (204, None)


async def test_errors_of_answers_say_that_they_are_in_the_data() -> None:
    async with staged() as stage:
        status, answered = await respond(stage, {"type": 4, "data": {"content": "x" * 2001}})
        assert status == 400
        assert list(answered["errors"]["data"]) == ["content"]


def test_the_quick_check_means_what_the_description_says() -> None:
    loaded = json.loads(trim_openapi.TRIMMED.read_text(encoding="utf-8"))
    loaded["schemas"]["SnowflakeType"]["type"] = ["string", "integer"]
    described = loaded["operations"]["create_message"]["request"]
    plain = Draft202012Validator({**described, "components": {"schemas": loaded["schemas"]}})
    good: list[Json] = [
        {"content": None},
        {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "x"}]}]},
        {"allowed_mentions": {"parse": [], "users": [1]}},
        {"embeds": [{"title": "x", "color": 5}]},
    ]
    wrong: list[Json] = [
        {"components": [{"type": 99}]},
        {"components": [{"type": True, "components": []}]},
        {"components": [5]},
        {"components": [None]},
        {"embeds": [{"color": 1.5}]},
        {"allowed_mentions": {"users": ["x"]}},
        {"message_reference": {}},
        {"nonce": [1]},
        {"attachments": [{"filename": "x"}]},
    ]
    for body in (*good, *wrong, *[body for body, _, _ in BAD.values()]):
        found = schema.violation("create_message", "request", body)
        assert plain.is_valid(body) == (found is None), (body, found)
    assert all(schema.violation("create_message", "request", body) is None for body in good)
    assert all(schema.violation("create_message", "request", body) for body in wrong)


def test_a_description_is_trimmed_to_what_is_reachable() -> None:
    def body(name: str) -> Json:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    paths = {
        f"/{name}": {
            "post": {"operationId": name, "requestBody": body("Used"), "responses": {"200": body("Other")}}
        }
        for name in (*trim_openapi.OPERATIONS, "unused")
    }
    left_out = {"$ref": "#/components/schemas/PollCreateRequest"}
    used = {
        "description": "prose",
        "properties": {
            "description": {"type": "string", "title": "prose"},
            "poll": {"oneOf": [trim_openapi.NULL, left_out]},
            "deep": {"items": {"$ref": "#/components/schemas/Deep"}},
        },
    }
    full = {
        "info": {"title": "t", "version": "1", "license": {"name": "MIT"}, "more": 1},
        "paths": paths,
        "components": {"schemas": {"Used": used, "Deep": {}, "Other": {}, "PollCreateRequest": {}, "No": {}}},
    }
    trimmed = json.loads(trim_openapi.lines(trim_openapi.trim(full)))
    assert set(trimmed["operations"]) == set(trim_openapi.OPERATIONS)
    assert set(trimmed["schemas"]) == {"Used", "Deep", "Other"}
    assert trimmed["schemas"]["Used"] == {
        "properties": {
            "description": {"type": "string"},
            "deep": {"items": {"$ref": "#/components/schemas/Deep"}},
        }
    }
    assert trimmed["about"]["license"] == {"name": "MIT"}


async def test_what_is_not_played_here_fails_the_test_that_needs_it() -> None:
    async def strays() -> None:
        async with staged() as stage:
            with pytest.raises(discord.NotFound):
                await stage.bot.http.guild_webhooks(1)

    with pytest.raises(AssertionError, match="GET /api/v10/guilds/1/webhooks"):
        await strays()


async def test_views_that_were_added_again_work_for_old_messages() -> None:
    class Old(discord.ui.View):
        def __init__(self) -> None:
            super().__init__(timeout=None)

        @discord.ui.button(label="Press", custom_id="press")
        async def press(self, interaction: discord.Interaction, _: discord.ui.Button[Old]) -> None:
            await interaction.response.edit_message(content="pressed")

    class Anew(SmallBot):
        async def setup_hook(self) -> None:
            self.add_view(Old())

    async with staged() as stage:
        reply = await stage.do(lambda interaction: interaction.response.send_message(view=Old()))
        await stage.bot.close()
        async with running(stage.discord, Anew()):
            await (await stage.alice.press(reply.button("Press"))).acknowledged()
        assert reply.content == "pressed"


async def test_the_gateway_may_be_slow() -> None:
    async with staged() as stage:
        stage.discord.gateway.gate = asyncio.Event()
        stage.bot.act = answer
        reply = await stage.alice.slash(stage.channel, "do")
        await stage.bot.fetch_user(stage.alice.id)
        assert stage.bot.interactions == []
        stage.discord.gateway.gate.set()
        await reply.acknowledged()


async def test_who_identifies_too_often_has_to_try_again() -> None:
    async with DiscordWorld(pauses=Pauses()) as world:
        world.gateway.identify_seconds = 3600
        async with running(world):
            world.gateway.forget_sessions()
            world.gateway.drop()
            gateway = world.gateway
            await gateway.changed.until(lambda: gateway.counts["IDENTIFY"] > 2)
            assert not gateway.sessions
            gateway.identify_seconds = 0
            await gateway.changed.until(lambda: gateway.sessions)


async def test_the_cdn_may_fail() -> None:
    async with staged() as stage:
        await stage.do(image=Upload("a.txt", b"x"))
        file = stage.bot.interactions[-1].namespace.image
        stage.discord.faults.fail("download", 503)
        with pytest.raises(discord.HTTPException):
            await file.read()
        assert await file.read() == b"x"


async def test_people_see_and_do_what_they_may() -> None:
    async def private(interaction: discord.Interaction) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Mine", custom_id="mine"))
        await interaction.response.send_message("psst", ephemeral=True, view=view)

    async with staged() as stage:
        bob = stage.guild.member("bob")
        reply = await stage.do(private)
        with pytest.raises(CannotUse, match="only somebody else sees"):
            await bob.press(reply.button("Mine"))
        own = await bob.says(stage.channel, "mine")
        with pytest.raises(CannotUse):
            await stage.alice.deletes(own)
        await stage.discord.owner.deletes(own)
        with pytest.raises(CannotUse, match="gone"):
            await stage.alice.use(stage.channel, "Show", own)
        stranger = stage.discord.user("stranger")
        with pytest.raises(CannotUse):
            await stranger.slash(stage.channel, "do")
        stage.channel.deny(stage.guild.everyone, bits.USE_APPLICATION_COMMANDS)
        with pytest.raises(CannotUse, match="may not use commands"):
            await bob.slash(stage.channel, "do")
        role = stage.guild.role("painters", bits.USE_APPLICATION_COMMANDS)
        painter = stage.guild.member("painter", roles=[role])
        stage.channel.allow(role, bits.USE_APPLICATION_COMMANDS)
        assert painter.offered(stage.channel) == ["do"]


async def test_forged_custom_ids_arrive() -> None:
    async with staged() as stage:
        reply = await stage.do()
        for custom_id in ("again:", "again:x", "again:1 ", "", "🦊" * 100):
            await stage.alice.forge(reply.shown, {"custom_id": custom_id})
        await stage.bot.fetch_user(stage.alice.id)
        heard = [each.data["custom_id"] for each in stage.bot.interactions[1:] if each.data]  # type: ignore[typeddict-item]
        assert heard == ["again:", "again:x", "again:1 ", "", "🦊" * 100]
