"""The stand-in of Discord: which commands a bot may register, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands

from tests.support.discord import DiscordWorld, RateLimits
from tests.support.discord.check_commands import is_name
from tests.support.discord.server import Received
from tests.support.discord.small_bot import SmallBot, staged
from tests.support.service import FakeClock

Json = dict[str, Any]
Put = Callable[..., Any]


def command(name: str = "imagine", **more: Any) -> Json:
    return {"name": name, "description": "x", "type": 1, **more}


def option(name: str = "prompt", kind: int = 3, **more: Any) -> Json:
    return {"name": name, "description": "x", "type": kind, **more}


def menu(name: str, kind: int = 3) -> Json:
    return {"name": name, "type": kind}


def choices(number: int) -> list[Json]:
    return [{"name": str(n), "value": str(n)} for n in range(number)]


LONG_CHOICES = [{"name": f"{n:0100}", "value": f"{n:010}"} for n in range(25)]


@asynccontextmanager
async def registering(**options: Any) -> AsyncIterator[tuple[DiscordWorld, Put]]:
    """A world, and a way to overwrite the commands of it."""
    async with DiscordWorld(limits=RateLimits.off(), **options) as world, aiohttp.ClientSession() as http:

        async def put(body: object, *, guild: int | None = None) -> tuple[int, Any]:
            place = f"/applications/{world.application_id}" + (f"/guilds/{guild}" if guild else "")
            headers = {"Authorization": f"Bot {world.token}"}
            async with http.put(f"{world.api_url}{place}/commands", json=body, headers=headers) as response:
                return response.status, await response.json()

        yield world, put


BAD = {
    "upper case": (command("Imagine"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
    "blank": (command("a b"), "name", "APPLICATION_COMMAND_INVALID_NAME"),
    "long name": (command("x" * 33), "name", "BASE_TYPE_BAD_LENGTH"),
    "no description": (command(description=""), "description", "BASE_TYPE_REQUIRED"),
    "long description": (command(description="x" * 101), "description", "BASE_TYPE_BAD_LENGTH"),
    "options": (command(options=[option(f"o{n}") for n in range(26)]), "options", "BASE_TYPE_MAX_LENGTH"),
    "option name": (command(options=[option("a.b")]), "options.0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    "same option": (
        command(options=[option(), option()]),
        "options.1.name",
        "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
    ),
    "order": (
        command(options=[option("a"), option("b", required=True)]),
        "options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    "choices": (command(options=[option(choices=choices(26))]), "options.0.choices", "BASE_TYPE_MAX_LENGTH"),
    "long choice": (
        command(options=[option(choices=[{"name": "x", "value": "x" * 101}])]),
        "options.0.choices.0.value",
        "BASE_TYPE_MAX_LENGTH",
    ),
    "completed choices": (
        command(options=[option(choices=choices(1), autocomplete=True)]),
        "options.0",
        "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES",
    ),
    "bounds": (
        command(options=[option("steps", 4, min_value=5, max_value=4)]),
        "options.0.min_value",
        "APPLICATION_COMMAND_OPTION_VALUE_RANGE_INVALID",
    ),
    "mixed": (
        command(options=[option("sub", 1), option("o")]),
        "options",
        "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
    ),
    "nested too deep": (
        command(options=[option("g", 2, options=[option("s", 1, options=[option("s", 1)])])]),
        "options.0.options.0.options.0.type",
        "BASE_TYPE_CHOICES",
    ),
    "locale": (command(name_localizations={"xx": "x"}), "name_localizations.xx", "BASE_TYPE_CHOICES"),
    "localised name": (
        command(name_localizations={"de": "Male Mir"}),
        "name_localizations.de",
        "APPLICATION_COMMAND_INVALID_NAME",
    ),
    "too large": (
        command(options=[option(f"o{n}", choices=LONG_CHOICES) for n in range(4)]),
        "",
        "APPLICATION_COMMAND_TOO_LARGE",
    ),
    "described menu": (
        {**menu("Again"), "description": "x"},
        "description",
        "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED",
    ),
}


async def test_commands_that_are_refused() -> None:
    async with registering() as (world, put):
        for name, (body, place, code) in BAD.items():
            status, answered = await put([command("fine"), body])
            assert (status, answered["code"]) == (400, 50035), (name, answered)
            node = answered["errors"]["1"]
            for step in place.split(".") if place else ():
                assert step in node, (name, answered)
                node = node[step]
            assert [error["code"] for error in node["_errors"]] == [code], (name, answered)
        status, answered = await put([command(), command()])
        assert answered["errors"]["1"]["name"]["_errors"][0]["code"] == "APPLICATION_COMMANDS_DUPLICATE_NAME"
        assert world.commands.all(None) == []


@pytest.mark.parametrize("name", ["imagine", "bild-malen", "привет", "画", "สร้าง", "बनाओ", "a_b'c", "7"])
def test_names_of_any_script(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["Imagine", "a b", "a.b", "a/b", "🦊", "ПРИВЕТ", "a\u200bb"])
def test_names_that_are_none(name: str) -> None:
    assert not is_name(name)


async def test_how_many() -> None:
    most = [command(f"c{n}") for n in range(100)]
    most += [menu(f"User {n}", 2) for n in range(15)] + [menu(f"Message {n}") for n in range(15)]
    async with registering() as (world, put):
        status, answered = await put(most)
        assert (status, len(answered)) == (200, 130)
        for more in (command("one-more"), menu("One more", 2), menu("One more", 3)):
            kind = more["type"]
            same = [each for each in most if each["type"] == kind]
            status, answered = await put([*same, more])
            assert (status, answered["code"]) == (400, 30032)
        status, answered = await put([*most, command("one-more")])
        assert (status, answered["code"]) == (400, 50035)
        assert len(world.commands.all(None)) == 130


async def test_two_hundred_new_ones_a_day_and_unchanged_ones_are_free() -> None:
    clock = FakeClock()
    async with registering(clock=clock.as_clock()) as (world, put):
        guild, other = world.guild("a"), world.guild("b")
        first = [command(f"a{n}") for n in range(100)]
        second = [command(f"b{n}") for n in range(100)]
        assert (await put(first, guild=guild.id))[0] == 200
        assert (await put(second, guild=guild.id))[0] == 200
        for _ in range(3):
            assert (await put(second, guild=guild.id))[0] == 200
        changed = [command(f"b{n}", description="changed") for n in range(100)]
        assert (await put(changed, guild=guild.id))[0] == 200
        status, answered = await put([command("c")], guild=guild.id)
        assert (status, answered["code"]) == (400, 30034)
        assert len(world.commands.all(guild.id)) == 100
        assert (await put([command("c")], guild=other.id))[0] == 200
        clock.advance(24 * 3600 + 1)
        assert (await put([command("c")], guild=guild.id))[0] == 200
        assert world.commands.calls["bulk"] == 9


async def test_ids_stay_and_versions_tell_changes() -> None:
    async with registering() as (_, put):
        before = {each["name"]: each for each in (await put([command("a"), command("b")]))[1]}
        after = {
            each["name"]: each for each in (await put([command("a"), command("b", description="new")]))[1]
        }
        assert after["a"] == before["a"]
        assert after["b"]["id"] == before["b"]["id"]
        assert after["b"]["version"] != before["b"]["version"]


async def test_discord_py_registers_and_hears_what_is_wrong() -> None:
    bot = SmallBot()

    @bot.tree.command(name="paint", description="Paint")
    @app_commands.choices(style=[app_commands.Choice(name="Ink", value="ink")])
    async def paint(
        interaction: discord.Interaction,
        style: app_commands.Choice[str],
        steps: app_commands.Range[int, 1, 50] = 20,
    ) -> None: ...

    async with staged(bot) as stage:
        synced = await bot.tree.sync()
        assert {each.name for each in synced} == {"do", "paint"}
        assert {each.name for each in await bot.tree.fetch_commands()} == {"do", "paint"}
        assert stage.discord.commands.calls["bulk"] == 2
        bot.tree.copy_global_to(guild=stage.guild)
        await bot.tree.sync(guild=stage.guild)
        assert stage.alice.offered(stage.channel) == ["do", "paint"]
        remote = await bot.tree.fetch_commands()
        await remote[0].edit(description="other")
        await remote[1].delete()
        assert [each.description for each in await bot.tree.fetch_commands()] == ["other"]
        made = await bot.http.upsert_global_command(bot.application_id, command("late"))  # type: ignore[arg-type]
        assert made["name"] == "late"
        with pytest.raises(discord.NotFound) as caught:
            await bot.http.delete_global_command(bot.application_id, 7)  # type: ignore[arg-type]
        assert (caught.value.status, caught.value.code) == (404, 10063)
        paint.description = "x" * 101
        with pytest.raises(app_commands.CommandSyncFailure, match="Must be between 1 and 100 in length"):
            await bot.tree.sync()
        elsewhere = stage.discord.guild("Elsewhere", bot=False)
        with pytest.raises(discord.Forbidden):
            await bot.tree.sync(guild=elsewhere)


async def test_what_autocomplete_may_answer() -> None:
    bot = SmallBot()
    suggested: list[app_commands.Choice[Any]] = []

    @bot.tree.command(name="paint", description="Paint")
    async def paint(interaction: discord.Interaction, model: str, steps: int) -> None: ...

    @paint.autocomplete("model")
    @paint.autocomplete("steps")
    async def suggest(interaction: discord.Interaction, typed: Any) -> list[app_commands.Choice[Any]]:
        return suggested

    async with staged(bot) as stage:

        def answered() -> list[Received]:
            return [each for each in stage.discord.calls("create_interaction_response") if each.status]

        async def refusal(option_name: str) -> Received:
            before = len(answered())
            reply = await stage.alice.start_autocomplete(stage.channel, "paint", option_name, "x")
            await stage.discord.until(lambda: len(answered()) > before, what="a refusal")
            assert reply.answer is None
            return answered()[-1]

        for option_name, wrong, place in (
            ("model", [app_commands.Choice(name="x" * 101, value="x")], "name"),
            ("model", [app_commands.Choice(name="x", value="x" * 101)], "value"),
            ("steps", [app_commands.Choice(name="x", value="many")], "value"),
            ("model", [app_commands.Choice(name=str(n), value="x") for n in range(26)], "data"),
        ):
            suggested[:] = wrong
            call = await refusal(option_name)
            assert (call.status, call.code) == (400, 50035)
            assert place in str(call.answer["errors"])
