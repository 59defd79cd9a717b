"""Everything that can be done with a picture in Discord, and for oneself: buttons, menus, forms, commands."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.jobs import JobState
from tests.support.discord import DiscordWorld, Reply, Upload
from tests.support.discord.offers import find_command
from tests.support.discord.permissions import MANAGE_GUILD
from tests.support.service import Bot
from tests.test_discord_bot import in_discord, says, unhurried_start

__all__ = ["unhurried_start"]


@pytest.fixture
async def discord() -> AsyncIterator[DiscordWorld]:
    async with DiscordWorld() as world:
        yield world


async def painted(bot: Bot, reply: Reply, files: int = 1) -> Reply:
    """Let the server finish what the reply waits for."""
    for _ in range(files if files < 3 else files - 1):
        await bot.server.until_waiting(1)
        bot.server.finish()
    return await reply.until(lambda r: len(r.attachments) >= files)


def texts(bot: Bot) -> list[object]:
    """What the server was last asked to paint."""
    return [value for node in bot.server.posted[-1].graph for value in node.inputs.values()]


async def test_vary_and_upscale_start_from_that_very_picture(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await painted(bot, await alice.slash(channel, "imagine", prompt="a fox", seed="7"))
        varied = await alice.press(reply.button("Vary"))
        await painted(bot, varied)
        assert "a fox" in texts(bot)
        assert any(node.class_type == "LoadImage" for node in bot.server.posted[-1].graph)
        larger = await alice.press(varied.button("Upscale"))
        await painted(bot, larger)
        assert any("Upscale" in node.class_type for node in bot.server.posted[-1].graph)


async def test_two_presses_in_a_moment_make_one_job(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await painted(bot, await alice.slash(channel, "imagine", prompt="a fox"))
        first = await alice.press(reply.button("Re-roll"))
        second = await alice.press(reply.button("Re-roll"))
        await bot.server.until_waiting(1)
        await second.acknowledged(within=3)
        assert not second.followups
        assert len(bot.service.dispatcher.known_jobs()) == 1
        await painted(bot, first)
        # After a while it is meant.
        bot.clock.advance(60)
        await painted(bot, await alice.press(reply.button("Re-roll")))


async def test_somebody_else_is_told_privately_and_may_imagine_it_as_themselves(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice, bob = guild.channel("general"), guild.member("alice"), guild.member("bob")
    async with in_discord(discord, tmp_path) as bot:
        reply = await painted(bot, await alice.slash(channel, "imagine", prompt="a fox"))
        refused = await bob.press(reply.button("Re-roll"))
        await says(refused, "somebody else")
        assert refused.ephemeral
        again = await bob.press(refused.button("Imagine it as me"))
        await painted(bot, again)
        (mine,) = await bot.store.requests_of((await bot.service.accounts.find(f"discord:{bob.id}")).user)
        assert mine.identity == f"discord:{bob.id}"


async def test_menus_on_a_message(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice, bob = guild.channel("general"), guild.member("alice"), guild.member("bob")
    async with in_discord(discord, tmp_path) as bot:
        reply = await painted(bot, await alice.slash(channel, "imagine", prompt="a fox", steps=9))
        assert reply.message is not None
        again = await bob.use(channel, "Imagine again", reply.message)
        await painted(bot, again)
        assert "a fox" in texts(bot)
        settings = await says(await bob.use(channel, "Show settings", reply.message), "steps")
        assert settings.ephemeral
        assert "9" in settings.text
        words = await alice.says(channel, "a boat at sea")
        await painted(bot, await bob.use(channel, "Imagine again", words))
        assert "a boat at sea" in texts(bot)
        await says(await bob.use(channel, "Show settings", words), "not one of mine")
        await says(await bob.use(channel, "Edit this picture", words), "no picture")


async def test_edit_this_picture_of_anybody(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        photo = await alice.says(channel, "look", Upload.picture((96, 64), "photo.png"))
        opened = await (await alice.use(channel, "Edit this picture", photo)).acknowledged(within=3)
        assert opened.modal is not None
        edited = await alice.fill(opened, {"prompt": "the same at night"})
        await painted(bot, edited)
        assert "the same at night" in texts(bot)
        broken = await alice.says(channel, "", Upload("x.png", b"no picture", content_type="image/png"))
        opened = await (await alice.use(channel, "Edit this picture", broken)).acknowledged(within=3)
        await says(await alice.fill(opened, {"prompt": "the same at night"}), "not an image")


async def test_the_form_changes_more_than_words(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await painted(bot, await alice.slash(channel, "imagine", prompt="a fox", steps=9))
        form = await (await alice.press(reply.button("Edit"))).acknowledged(within=3)
        assert form.modal is not None
        changed = await alice.fill(form, {"prompt": "a boat", "negative": "people"})
        await painted(bot, changed)
        assert {"a boat", "people", 9} <= {value for value in texts(bot) if isinstance(value, str | int)}


async def test_show_brings_a_result_back_with_working_buttons(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice, bob = guild.channel("general"), guild.member("alice"), guild.member("bob")
    async with in_discord(discord, tmp_path) as bot:
        first = await alice.slash(channel, "imagine", prompt="a fox", private=True)
        await painted(bot, first)
        (record,) = await bot.store.requests_of((await bot.service.accounts.find(f"discord:{alice.id}")).user)
        shown = await alice.slash(channel, "show", job=f"{record.id}-1")
        await shown.until(lambda r: r.message is not None and len(r.attachments) == 1)
        assert shown.ephemeral
        await painted(bot, await alice.press(shown.button("Re-roll")))
        listed = await says(await alice.slash(channel, "show"), record.id)
        brought = await alice.press(listed.button("Show 2"))
        await brought.until(lambda r: r.message is not None and len(r.attachments) == 1)
        refused = await bob.slash(channel, "show", job=record.id)
        await says(refused, "rivate")
        assert not refused.attachments
        await says(await alice.slash(channel, "show", job="nosuchone"), "no request")
        offered = await alice.autocomplete(channel, "show", "job", "")
        assert any(record.id in value for _, value in offered)


async def test_defaults_hold_until_the_command_says_otherwise(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        await says(await alice.slash(channel, "settings", size="640x384", private=True), "640")
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await painted(bot, reply)
        assert reply.ephemeral
        assert {640, 384} <= {value for value in texts(bot) if isinstance(value, int)}
        await painted(bot, await alice.slash(channel, "imagine", prompt="a fox", size="512x512"))
        assert 640 not in texts(bot)
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await painted(bot, reply)
        assert reply.ephemeral, "known at once after a restart"


async def test_privacy_hands_out_and_erases(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice, bob = guild.channel("general"), guild.member("alice"), guild.member("bob")
    async with in_discord(discord, tmp_path) as bot:
        await painted(bot, await alice.slash(channel, "imagine", prompt="a secret fox"))
        card = await says(await alice.slash(channel, "privacy"), "kept about you")
        sent = await alice.press(card.button("Send me my data"))
        await sent.until(lambda r: r.message is not None and r.attachments)
        (file,) = sent.attachments
        with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
            names = archive.namelist()
            data = json.loads(archive.read(next(name for name in names if name.endswith(".json"))))
        assert "a secret fox" in json.dumps(data)
        assert any(name.endswith(".png") for name in names)
        question = await alice.press(card.button("Erase my data"))
        await says(question, "sure")
        await alice.press(question.button("Yes, do it"))
        folder = bot.settings.data_dir
        await discord.until(lambda: not list(folder.rglob("*.png")))
        assert b"a secret fox" not in b"".join(path.read_bytes() for path in folder.glob("fairbrush.db")), (
            "nothing of it is left in the database"
        )
        assert bob.id


async def test_who_looks_after_a_guild_may_cancel_there_and_operators_everywhere(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    here, there = discord.guild("here"), discord.guild("there")
    channel, alice = here.channel("general"), here.member("alice")
    keeper = there.member("keeper", roles=[there.role("keepers", MANAGE_GUILD)])
    here.member(keeper)
    local = here.member("local", roles=[here.role("keepers", MANAGE_GUILD)])
    boss = there.member("boss")
    other = there.channel("general")
    async with in_discord(discord, tmp_path, discord={"admin_ids": [boss.id]}) as bot:
        for who, place, words in ((keeper, other, "cannot"), (local, channel, ""), (boss, other, "")):
            await alice.slash(channel, "imagine", prompt="a fox")
            await bot.server.until_waiting(1)
            (job,) = bot.service.dispatcher.known_jobs()
            reply = await who.slash(place, "cancel", job=job.id)
            await reply.until(lambda r: r.message is not None and not r.message.loading and r.text)
            if words:
                assert bot.service.dispatcher.known_jobs()
                bot.server.finish()
            await bot.until_state(job.id, JobState.DONE if words else JobState.CANCELLED)


async def test_admin_commands_are_for_operators(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    boss = guild.member("boss", admin=True)
    async with in_discord(discord, tmp_path, discord={"admin_ids": [boss.id]}) as bot:
        assert "admin" not in alice.offered(channel)
        assert "admin" in boss.offered(channel)
        await says(await boss.slash(channel, "admin quota grant", user=alice, seconds=60.0), "60")
        question = await says(await boss.slash(channel, "admin pause"), "sure")
        await boss.press(question.button("Yes, do it"))
        await discord.until(lambda: bot.service.dispatcher.gates.paused)
        await says(await boss.slash(channel, "admin resume"), "")
        await discord.until(lambda: not bot.service.dispatcher.gates.paused)
        await says(await boss.slash(channel, "admin audit"), "pause")
        guild.member("boss2", admin=True)


async def test_each_reads_their_own_language(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild(locale="zh-CN")
    channel = guild.channel("general")
    wei, alice = guild.member("wei", locale="zh-CN"), guild.member("alice", locale="en-US")
    async with in_discord(discord, tmp_path) as bot:
        english = await says(await alice.slash(channel, "quota"), "not limited")
        chinese = await wei.slash(channel, "quota")
        await chinese.until(lambda r: r.message is not None and not r.message.loading and r.text)
        assert chinese.text != english.text
        assert any("一" <= letter <= "鿿" for letter in chinese.text)
        shown = await painted(bot, await alice.slash(channel, "imagine", prompt="a fox"))
        assert any("一" <= letter <= "鿿" for letter in shown.text), "all read it: the guild's language"
        command = find_command(discord, wei, channel, "imagine", 1)
        assert "zh-CN" in command["description_localizations"]


async def test_another_address_of_discord_is_asked(tmp_path: Path) -> None:
    async with DiscordWorld(point=False) as world:
        guild = world.guild()
        channel, alice = guild.channel("general"), guild.member("alice")
        addresses = {"api_base_url": world.api_url, "gateway_url": world.gateway_url}
        async with in_discord(world, tmp_path, discord=addresses) as bot:
            await painted(bot, await alice.slash(channel, "imagine", prompt="a fox"))
