"""What people may type, send and forge in Discord: nothing pings, nothing breaks, nothing comes of it."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.ids import IdentityId
from tests.support.discord import Modal, Reply, Upload
from tests.support.discord_bot import (
    Scene,
    accepted,
    request_of,
    says,
    scene,
    shows_picture,
    until,
)

LONG = ("a fox, " * 900)[:6000]
NASTY = {
    "mentions": "@everyone @here <@1> <@!1> <@&2> <#3> </imagine:4>",
    "markdown": "**a** __b__ ~~c~~ ||d|| `e` ```f``` [g](https://h.test) <https://i.test>",
    "blocks": "# big\n> quoted\n>>> all\n- list\n1. one\n-# small\n```py",
    "fences": "```\n" * 30,
    "invisible": "a\u200b\u200d\u2060\ufefffox @\u200beveryone",
    "from right to left": "\u202etxet desrever\u202d \u2066isolated \u200f\u061c",
    "combining": "Z" + "\u0301" * 2000,
    "long": LONG,
    "long and all to be escaped": "*" * 6000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 200,
    "lines": "a\n" * 1500,
    "no letters": "\u00a0 . \u3000",
    "astral": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010ffff",
}


@pytest.fixture
async def here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Scene]:
    caplog.set_level(logging.ERROR)
    async with scene(tmp_path) as made:
        yield made
    stumbles = [record for record in caplog.records if record.name.startswith("bot.")]
    assert not stumbles, stumbles


async def answered(reply: Reply) -> Reply:
    """Wait for what is said; it is not that we stumbled."""
    await reply.acknowledged(within=3)
    await until(
        lambda: (
            reply.followups
            or (reply.message is not None and reply.message.text)
            or reply.interaction.modal is not None
        ),
        what=f"words in {reply!r}",
    )
    said = "".join(shown.text for shown in (*reply.followups, *([reply.message] if reply.message else [])))
    assert "stumbled" not in said
    return reply


async def nothing_came_of(here: Scene, bot: object, reply: Reply) -> None:
    assert not here.server.posted
    assert reply.message is None or not reply.attachments


@pytest.mark.parametrize("prompt", NASTY.values(), ids=NASTY.keys())
async def test_words_of_people_neither_ping_nor_break_a_card(here: Scene, prompt: str) -> None:
    async with here.bot() as bot:
        reply = await here.imagine(prompt)
        await until(lambda: reply.message is not None and reply.text, what="a card")
        if await request_of(bot, reply) is None:
            assert "stumbled" not in reply.text
            return
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(reply)
        assert not reply.shown.pinged
        for look in reply.history:
            for embed in look.embeds:
                looks_right(embed.get("description", ""), embed.get("title", ""))
        assert all(len(file.description or "") <= 1024 for file in reply.attachments)


def looks_right(description: str, title: str) -> None:
    """The words stay within their quotation, and whatever they turn round ends with it."""
    assert title
    assert "```" not in description
    assert "@everyone" not in description.replace("@\u200beveryone", "")
    for line in description.split("\n"):
        assert line.startswith("> ") or not {"\u202e", "\u202d"} & set(line), (
            "turned round outside of a quotation"
        )


async def test_a_form_may_hold_as_much_as_discord_takes(here: Scene) -> None:
    async with here.bot():
        reply = await here.imagine()
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(reply)
        modal = await (await here.alice.press(reply.button("Edit"))).acknowledged(within=3)
        field = modal.modal.fields[0]
        edited = await here.alice.fill(modal, {field.custom_id: "@everyone " * 400})
        await edited.acknowledged(within=3)
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(edited)
        assert not edited.shown.pinged


# Attachments


def png(width: int, height: int) -> bytes:
    """A picture by its header, with next to nothing in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    empty = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", empty) + chunk(b"IEND", b"")


BROKEN = {
    "no picture": Upload("fox.png", b"MZ no picture at all"),
    "100 MB": Upload("fox.png", size=100 << 20),
    "far too many pixels": Upload("fox.png", png(30_000, 30_000)),
    "deleted": Upload("fox.png", png(64, 64), deleted=True),
    "cut short": Upload("fox.png", png(64, 64), cut_at=20),
    "text": Upload("fox.png", "@everyone".encode("utf-16")),
    "an odd name": Upload("../../@everyone`|;.png", b"nothing"),
}


@pytest.mark.parametrize("upload", BROKEN.values(), ids=BROKEN.keys())
async def test_files_that_are_no_fit_pictures_are_refused_by_name(here: Scene, upload: Upload) -> None:
    async with here.bot() as bot:
        rich = here.guild.member("rich", nitro=True)  # who may send more than we take
        reply = await here.imagine("a fox", who=rich, image=upload)
        await answered(reply)
        assert await request_of(bot, reply) is None
        await nothing_came_of(here, bot, reply)
        assert not reply.shown.pinged
        if upload.size and upload.size > 50 << 20:
            assert not here.world.cdn.downloads, "it was fetched"


async def test_of_a_picture_that_moves_something_is_made_or_said(here: Scene) -> None:
    frames = [Image.new("P", (64, 64), colour) for colour in range(3)]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    async with here.bot() as bot:
        reply = await answered(await here.imagine("a fox", image=Upload("fox.gif", content.getvalue())))
        if await request_of(bot, reply) is not None:
            await here.server.until_waiting(1)
            here.server.finish()
            await shows_picture(reply)


# What is forged


async def test_forged_and_truncated_ids_change_nothing(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await says(reply, "fox")
        real = reply.buttons[0].custom_id
        forged = [real[:n] for n in range(1, len(real), 4)]
        forged += [
            real + "x",
            real.upper(),
            "v1:reroll:" + "z" * 90,
            "\u202ev1:cancel:x:0",
            "v1:edit:'; drop",
            "0",
        ]
        for custom_id in forged:
            pressed = await here.alice.forge(reply.shown, {"custom_id": custom_id})
            await answered(pressed)
        assert len(here.server.waiting) == 1
        assert not here.server.cancelled
        assert len(bot.service.dispatcher.known_jobs()) == 1


async def test_a_forged_form_changes_nothing(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(reply)
        modal = (await (await here.alice.press(reply.button("Edit"))).acknowledged()).modal
        for custom_id in ("v1:edit:nosuchjob:0", "v9", "v1:delete" + modal.custom_id[7:]):
            modal.json["custom_id"] = custom_id
            await answered(await here.alice.fill(Modal(modal.interaction)))
        assert len(here.server.posted) == 1
        assert not bot.service.dispatcher.known_jobs()


@pytest.mark.parametrize("job", ["nosuchjob", "'; drop table jobs", "@everyone", "-1", "x" * 40])
async def test_jobs_that_nobody_has_cannot_be_cancelled(here: Scene, job: str) -> None:
    async with here.bot():
        await says(await here.imagine(), "fox")
        reply = await answered(await here.alice.slash(here.channel, "cancel", job=job))
        assert not reply.shown.pinged
        assert not here.server.cancelled


async def test_whoever_is_blocked_is_told_so_and_gets_nothing(here: Scene) -> None:
    async with here.bot() as bot:
        reply = await here.imagine()
        await here.server.until_waiting(1)
        here.server.finish()
        await shows_picture(reply)
        request = await accepted(bot, reply)
        now = bot.clock.now()
        await bot.store.block(request.user, until=now + 3_600_000, reason="enough", actor="test", at=now)
        for act in (
            here.alice.slash(here.channel, "imagine", prompt="another"),
            here.alice.press(reply.button("Re-roll")),
        ):
            await answered(await act)
        assert len(here.server.posted) == 1
        assert request.identity == IdentityId(f"discord:{here.alice.id}")
