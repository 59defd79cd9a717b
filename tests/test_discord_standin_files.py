"""The stand-in of Discord: where files are downloaded from."""

from __future__ import annotations

import asyncio
import re

import aiohttp
import discord
import pytest

from tests.support.discord import DiscordWorld, Shown, Upload
from tests.support.discord.cdn import safe_name
from tests.support.discord.small_bot import staged
from tests.support.service import FakeClock

MIB = 1 << 20


async def seen_by_bot(stage_bot: discord.Client, channel: int, message: Shown) -> discord.Attachment:
    return (await stage_bot.get_partial_messageable(channel).fetch_message(message.id)).attachments[0]


async def test_addresses_expire_and_are_refreshed() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        message = await stage.alice.says(stage.channel, "", Upload("a.txt", b"x"))
        file = await seen_by_bot(stage.bot, stage.channel.id, message)
        assert await file.read() == b"x"
        clock.advance(24 * 3600 - 1)
        assert await file.read() == b"x"
        clock.advance(2)
        with pytest.raises(discord.NotFound):
            await file.read()
        again = await seen_by_bot(stage.bot, stage.channel.id, message)
        assert await again.read() == b"x"
        async with aiohttp.ClientSession(headers={"Authorization": f"Bot {stage.discord.token}"}) as http:
            body = {"attachment_urls": [file.url]}
            async with http.post(stage.discord.api_url + "/attachments/refresh-urls", json=body) as response:
                (entry,) = (await response.json())["refreshed_urls"]
            async with http.get(entry["refreshed"]) as response:
                assert await response.read() == b"x"
            for forged in (
                file.url.partition("?")[0],
                re.sub("hm=.", "hm=g", entry["refreshed"]),
                re.sub("ex=.", "ex=f", entry["refreshed"]),
                re.sub("a.txt", "b.txt", entry["refreshed"]),
            ):
                async with http.get(forged) as response:
                    assert response.status == 404


async def test_what_is_deleted_is_gone_from_there() -> None:
    async with staged() as stage:
        message = await stage.alice.says(stage.channel, "", Upload("a.txt", b"x"))
        file = await seen_by_bot(stage.bot, stage.channel.id, message)
        await stage.alice.deletes(message)
        with pytest.raises(discord.NotFound):
            await file.read()
        reply = await stage.do(image=Upload("b.txt", b"x", deleted=True))
        assert reply.content == "hello"
        attached = stage.bot.interactions[-1].namespace.image
        with pytest.raises(discord.NotFound):
            await attached.read()


async def test_large_files_stream() -> None:
    async with staged() as stage:
        rich = stage.guild.member("rich", nitro=True)
        await stage.do(who=rich, image=Upload("big.bin", size=100 * MIB))
        file = stage.bot.interactions[-1].namespace.image
        assert file.size == 100 * MIB
        async with aiohttp.ClientSession() as http, http.get(file.url) as response:
            assert response.content_length == 100 * MIB
            assert await response.content.readexactly(MIB) == bytes(MIB)
            response.close()
        cut = Upload("cut.bin", size=MIB, cut_at=1000)
        await stage.do(who=rich, image=cut)
        with pytest.raises(aiohttp.ClientPayloadError):
            await stage.bot.interactions[-1].namespace.image.read()


async def test_slow_files_wait_for_the_test() -> None:
    gate = asyncio.Event()
    async with staged() as stage:
        await stage.do(image=Upload("slow.txt", b"x", gate=gate))
        reading = asyncio.create_task(stage.bot.interactions[-1].namespace.image.read())
        await stage.discord.until(lambda: stage.discord.cdn.downloads)
        await asyncio.sleep(0)
        assert not reading.done()
        gate.set()
        assert await reading == b"x"


async def test_pictures_have_sizes_and_liars_have_none() -> None:
    async with staged() as stage:
        for upload, size in (
            (Upload.picture((30, 20), "a.webp"), (30, 20)),
            (Upload.picture((30, 20), "a.jpg"), (30, 20)),
            (Upload("a.png", b"\x89PNG\r\n\x1a\nno picture"), (None, None)),
            (Upload("a.png", b"", content_type="image/png"), (None, None)),
        ):
            await stage.do(image=upload)
            file = stage.bot.interactions[-1].namespace.image
            assert (file.width, file.height) == size
            assert file.content_type.startswith("image/")


async def test_avatars_are_there() -> None:
    async with (
        DiscordWorld() as world,
        aiohttp.ClientSession() as http,
        http.get(f"{world.cdn.base}/embed/avatars/0.png") as response,
    ):
        assert (response.status, response.content_type) == (200, "image/png")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a fox.png", "a_fox.png"),
        ("../../etc/passwd", "passwd"),
        ("c:\\x\\y.png", "y.png"),
        ("füchse🦊.png", "fchse.png"),
        ("..", "unknown"),
    ],
)
def test_names_of_files_are_made_harmless(given: str, kept: str) -> None:
    assert safe_name(given) == kept
