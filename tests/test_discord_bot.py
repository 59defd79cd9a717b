"""The whole bot in Discord: the real library, a local Discord, servers that the test plays by hand."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.app.discord import DiscordParts, discord_parts
from bot.app.service import Service
from bot.chat.discord import letters
from bot.chat.discord.client import DiscordClient
from bot.config import Settings
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.jobs import JobState
from bot.service.clock import Clock
from tests.support.discord import DiscordWorld, Reply, Upload
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work
from tests.support.templates import FILES, catalogue


@pytest.fixture(autouse=True)
def unhurried_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library would wait five seconds before it introduces itself."""

    async def at_once(*_: object, **__: object) -> None: ...

    monkeypatch.setattr(DiscordClient, "before_identify_hook", at_once)


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(content, "PNG")
    return content.getvalue()


@asynccontextmanager
async def in_discord(
    world: DiscordWorld, folder: Path, servers: Sequence[FakeServer] | None = None, **sections: Any
) -> AsyncIterator[Bot]:
    """A bot that is connected, and works until the block ends."""
    made: list[DiscordParts] = []

    def parts(settings: Settings, service: Service, clock: Clock) -> Any:
        assert settings.discord is not None
        # The wall clock of Discord and ours are one, for tokens count from ids.
        real = Clock(world.clock.now, clock.monotonic, clock.sleep)
        made.append(
            discord_parts(settings, settings.discord, service, real, options={"guild_ready_timeout": 0.0})
        )
        return made[0].run

    configured = {"token": world.token, **sections.pop("discord", {})}
    fakes = servers or [FakeServer(picture=picture)]
    async with bot_at_work(folder, fakes, parts=parts, discord=configured, **sections) as bot:
        async with asyncio.timeout(40):
            await made[0].bot.connected.wait()
            client = made[0].bot.client
            assert client is not None
            await client.up.wait()
        yield bot


@pytest.fixture
async def discord() -> AsyncIterator[DiscordWorld]:
    async with DiscordWorld() as world:
        yield world


async def says(reply: Reply, words: str, tick: Callable[[], None] = lambda: None) -> Reply:
    """Wait until the reply shows ``words``."""
    async with asyncio.timeout(40):
        while reply.message is None or words not in reply.text:
            tick()
            await asyncio.sleep(0.01)
    return reply


async def test_imagine_is_answered_at_once_shows_how_it_goes_and_ends_in_a_picture(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox in the *snow* @everyone", seed="7")
        await reply.acknowledged(within=3)
        await bot.server.until_waiting(1)
        run = bot.server.start()
        assert run.on_event is not None
        run.on_event(Progressed(0.5, NodeId("5"), "Sampler", 10, 20))
        await says(reply, "Sampler", lambda: bot.clock.advance(0.2))
        bot.server.finish(seconds=4.0)
        await reply.until(lambda r: len(r.attachments) == 1)
        assert "7" in reply.text
        assert any("Re-roll" in button.label for button in reply.buttons)
        (file,) = reply.attachments
        assert "fox" in (file.description or "")
        assert reply.message is not None
        assert not reply.message.pinged


async def test_a_second_person_reroll_edit_and_cancel(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice, bob = guild.channel("general"), guild.member("alice"), guild.member("bob")
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await reply.until(lambda r: len(r.attachments) == 1)
        again = await alice.press(reply.button("Re-roll"))
        await bot.server.until_waiting(1)
        not_his = await bob.press(again.button("Cancel"))
        await not_his.until(lambda r: r.followups)
        assert len(bot.server.waiting) == 1
        await alice.press(again.button("Cancel"))
        await says(again, "ancel", lambda: bot.clock.advance(0.2))
        await bot.server.until(lambda server: server.cancelled)
        modal = await (await alice.press(reply.button("Edit"))).acknowledged(within=3)
        edited = await alice.fill(modal, {"What to paint": "a boat"})
        await bot.server.until_waiting(1)
        assert any(
            value == "a boat" for node in bot.server.posted[-1].graph for value in node.inputs.values()
        )
        bot.server.finish()
        await edited.until(lambda r: len(r.attachments) == 1)


async def test_what_cannot_be_is_refused_to_one_pair_of_eyes_or_in_the_reply(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path, tiers={"default": {"max_waiting": 1}}) as bot:
        await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        refused = await alice.slash(channel, "imagine", prompt="a boat")
        await says(refused, "wait")
        broken = await alice.slash(
            channel, "imagine", prompt="a boat", image=Upload("x.png", b"no picture at all")
        )
        await says(broken, "not an image")
        assert len(bot.service.dispatcher.known_jobs()) == 1


async def test_a_restart_in_the_middle_ends_in_the_same_reply(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    server = FakeServer(picture=picture)
    async with in_discord(discord, tmp_path, [server]) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await server.until_waiting(1)
        server.start()
        (job,) = bot.service.dispatcher.known_jobs()
        await bot.until_state(job.id, JobState.RUNNING)
    server.finish()
    async with in_discord(discord, tmp_path, [server]):
        await reply.until(lambda r: len(r.attachments) == 1)
        pressed = await alice.press(reply.button("Re-roll"))
        await server.until_waiting(1)
        server.finish()
        await pressed.until(lambda r: len(r.attachments) == 1)
    assert len(server.posted) == 2


async def test_after_fifteen_minutes_the_bot_goes_on_with_its_own_token(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox", sent_ago=2.0)
        await bot.server.until_waiting(1)
        await says(reply, "", lambda: bot.clock.advance(0.2))
        reply.expire()
        (request,) = await bot.store.open_requests("discord")
        assert request.reply is not None
        expired = request.reply.replace(
            str(reply.interaction.id), str(reply.interaction.id - (16 * 60_000 << 22))
        )
        await bot.store.set_reply(request.id, expired)
        bot.server.finish()
        await reply.until(lambda r: len(r.attachments) == 1)


async def test_queue_quota_templates_and_help_are_for_ones_own_eyes(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        for command, words in (
            ("queue", "fox"),
            ("quota", "not limited"),
            ("templates", "Text to image"),
            ("help", "`--ar W:H`"),
        ):
            reply = await alice.slash(channel, command)
            await says(reply, words)
            assert reply.ephemeral


async def test_models_are_offered_while_typing(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path):
        offered = await alice.autocomplete(channel, "imagine", "template", "text")
        assert "text-to-image" in [value for _, value in offered]


async def test_forged_buttons_change_nothing(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        await says(reply, "")
        assert reply.message is not None
        for custom_id in (
            "v1:cancel",
            "v1:reroll:nosuchone:0",
            "v9:x",
            "'; drop table jobs",
            "v1:edit:nosuch:0",
        ):
            answer = await alice.forge(reply.message, {"component_type": 2, "custom_id": custom_id})
            await answer.acknowledged(within=3)
        assert len(bot.server.waiting) == 1


async def test_only_its_owner_takes_a_picture_away(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice, bob = guild.channel("general"), guild.member("alice"), guild.member("bob")
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await reply.until(lambda r: len(r.attachments) == 1)
        refused = await bob.press(reply.button("Delete"))
        await refused.until(lambda r: r.followups)
        assert reply.message is not None
        assert not reply.message.deleted
        await alice.press(reply.button("Delete"))
        await reply.until(lambda r: r.message is None or r.message.deleted)


async def test_a_card_that_cannot_be_drawn_ends_nothing_and_its_result_is_tried_again(
    discord: DiscordWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    drawn, broken = letters.embed_of, [True]

    def sometimes(*args: Any) -> Any:
        if broken:
            raise ValueError("a bug of ours")
        return drawn(*args)

    monkeypatch.setattr(letters, "embed_of", sometimes)
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        (request,) = await bot.store.open_requests("discord")
        bot.server.finish()
        await bot.until_over(request.id)
        broken.clear()
        async with asyncio.timeout(40):
            while not reply.attachments:
                bot.clock.advance(1)
                bot.service.courier.nudge()
                await asyncio.sleep(0.02)


async def test_whoever_meets_a_bug_of_ours_does_not_wait_for_ever(
    discord: DiscordWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:

        async def broken(*_: object, **__: object) -> Any:
            raise RuntimeError("a bug of ours")

        monkeypatch.setattr(type(bot.service.usecases), "imagine", broken)
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await says(reply, "stumbled")
        monkeypatch.setattr(type(bot.service.usecases), "my_jobs", broken)
        await says(await alice.slash(channel, "queue"), "stumbled")


async def test_a_server_that_is_not_allowed_is_told_so(discord: DiscordWorld, tmp_path: Path) -> None:
    mine, other = discord.guild("mine"), discord.guild("other")
    channel, alice = other.channel("general"), other.member("alice")
    allowed = {"allowed_guild_ids": [mine.id]}
    async with in_discord(discord, tmp_path, discord=allowed) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await says(reply, "not opened this bot")
        assert reply.ephemeral
        assert not bot.service.dispatcher.known_jobs()


async def backdated(bot: Bot, reply: Reply) -> None:
    """As if the interaction had been more than 15 minutes ago."""
    (request,) = await bot.store.open_requests("discord")
    assert request.reply is not None
    born = reply.interaction.id
    reply.expire()
    await bot.store.set_reply(request.id, request.reply.replace(str(born), str(born - (16 * 60_000 << 22))))


def direct(discord: DiscordWorld, person: Any) -> list[Any]:
    """What stands in the direct messages of a person, with files."""
    return [message for message in discord.dm(person).shown if message.attachments]


async def test_a_private_result_that_comes_too_late_is_a_direct_message(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a secret fox", private=True)
        await bot.server.until_waiting(1)
        assert reply.ephemeral
        await backdated(bot, reply)
        bot.server.finish()
        await discord.until(lambda: direct(discord, alice), within=15)
        assert not [message for message in channel.shown if message.attachments]


async def test_where_the_message_was_deleted_the_result_comes_anew(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        channel.delete()
        bot.server.finish()
        await discord.until(lambda: direct(discord, alice), within=15)


async def test_in_a_server_without_the_bot_a_late_result_is_a_direct_message(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild(bot=False)
    carol = discord.user("carol", installed=True)
    guild.member(carol)
    channel = guild.channel("general")
    async with in_discord(discord, tmp_path) as bot:
        reply = await carol.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        await backdated(bot, reply)
        bot.server.finish()
        await discord.until(lambda: direct(discord, carol), within=15)


def noise() -> bytes:
    """A picture that no lossless format makes small."""
    content = io.BytesIO()
    Image.frombytes("RGB", (512, 512), random.Random(1).randbytes(512 * 512 * 3)).save(content, "PNG")
    return content.getvalue()


async def test_a_picture_beyond_the_limit_is_made_to_fit_and_the_card_says_so(
    discord: DiscordWorld, tmp_path: Path
) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    assert len(noise()) > 700_000
    async with in_discord(discord, tmp_path, [FakeServer(picture=noise)]) as bot:
        reply = await alice.slash(channel, "imagine", prompt="a fox")
        await bot.server.until_waiting(1)
        (request,) = await bot.store.open_requests("discord")
        small = replace(request, options={**request.options, "file_bytes": 600_000})
        read = bot.store.request

        async def limited(wanted: Any) -> Any:
            return small if wanted == small.id else await read(wanted)

        bot.store.request = limited  # type: ignore[method-assign]
        bot.server.finish()
        await reply.until(lambda r: len(r.attachments) == 1)
        (file,) = reply.attachments
        assert file.size <= 600_000
        assert "0.6 MB" in reply.text or "JPEG" in reply.text


async def test_commands_follow_what_the_servers_have(discord: DiscordWorld, tmp_path: Path) -> None:
    guild = discord.guild()
    channel, alice = guild.channel("general"), guild.member("alice")
    async with in_discord(discord, tmp_path) as bot:
        offered = await alice.autocomplete(channel, "imagine", "model", "dream")
        assert "dreamshaper.safetensors" not in [value for _, value in offered]
        there = catalogue({**FILES, "ckpt_name": (*FILES["ckpt_name"], "dreamshaper.safetensors")})
        bot.server._catalogue = there
        async with asyncio.timeout(40):
            while "dreamshaper.safetensors" not in [value for _, value in offered]:
                bot.clock.advance(16)
                await asyncio.sleep(0.05)
                offered = await alice.autocomplete(channel, "imagine", "model", "dream")
