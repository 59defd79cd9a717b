"""What is found in a message that somebody opened a menu on."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.chat.discord.options import TargetMessage, read_options
from bot.chat.discord.targets import first_picture, request_of, words_of
from bot.chat.discord.uploads import MOST_AT_A_TIME, Upload, Uploads
from bot.domain.errors import ImageRefused


def target(**message: Any) -> TargetMessage:
    data = {"type": 3, "name": "Imagine again", "target_id": "7"}
    about = {"messages": {"7": {"id": "7", "author": {"id": "5"}, **message}}}
    found = read_options({**data, "resolved": about}).target
    assert found is not None
    return found


def file(name: str, kind: str = "image/png") -> Mapping[str, Any]:
    return {"id": "9", "filename": name, "url": f"https://cdn.test/{name}", "content_type": kind, "size": 5}


def test_the_first_picture_is_meant_and_no_other_file() -> None:
    found = first_picture(target(attachments=[file("talk.ogg", "audio/ogg"), file("a.png"), file("b.png")]))
    assert found is not None
    assert found.filename == "a.png"
    assert (
        first_picture(target(attachments=[file("talk.ogg", "audio/ogg"), file("v.mp4", "video/mp4")])) is None
    )


def test_single_pictures_go_before_a_sheet_of_them() -> None:
    sheet = file("k3v9x2m7qa-overview.png")
    alone = first_picture(target(attachments=[sheet]))
    assert alone is not None
    found = first_picture(target(attachments=[sheet, file("k3v9x2m7qa-1.png")]))
    assert found is not None
    assert found.filename == "k3v9x2m7qa-1.png"


def test_of_a_link_s_picture_discord_s_own_copy_is_taken() -> None:
    linked = {"image": {"url": "http://127.0.0.1/secret.png", "proxy_url": "https://media.test/x.png"}}
    found = first_picture(target(embeds=[{"title": "x"}, linked]))
    assert found is not None
    assert found.url == "https://media.test/x.png"
    assert first_picture(target(embeds=[{"image": {"url": "http://127.0.0.1/secret.png"}}])) is None


def test_of_a_message_that_was_passed_on_the_other_one_is_meant() -> None:
    other = {"content": " a boat ", "attachments": [file("a.png")]}
    found = target(content="", attachments=[], message_snapshots=[{"message": other}])
    assert words_of(found) == "a boat"
    picture = first_picture(found)
    assert picture is not None
    assert picture.filename == "a.png"


def test_our_own_messages_say_by_their_buttons_which_request_they_show() -> None:
    rows = [
        {"type": 1, "components": [{"type": 2, "custom_id": "v1:page:help:0::"}, {"type": 2, "url": "x"}]},
        {"type": 1, "components": [{"type": 2, "custom_id": "v1:reroll:k3v9x2m7qa:0"}]},
    ]
    assert request_of(target(components=rows)) == "k3v9x2m7qa"
    assert request_of(target(components=rows[:1])) is None


@pytest.mark.parametrize("junk", [None, "x", 5, {}, [None], [{"components": "x"}], [{"image": "x"}], [[]]])
def test_whatever_else_it_holds_is_nothing(junk: Any) -> None:
    found = target(content=junk, attachments=junk, embeds=junk, components=junk, message_snapshots=junk)
    assert words_of(found) == (junk if isinstance(junk, str) else "")
    assert first_picture(found) is None
    assert request_of(found) is None


# Fetched


def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "PNG")
    return content.getvalue()


async def test_only_so_many_are_held_at_a_time() -> None:
    held, most, full, gate = 0, 0, asyncio.Event(), asyncio.Event()

    async def download(_: Upload) -> bytes:
        return png()

    async def used(uploads: Uploads) -> None:
        nonlocal held, most
        async with uploads.fetched({"image": Upload("x", "a.png", 5)}):
            held += 1
            most = max(most, held)
            if held == MOST_AT_A_TIME:
                full.set()
            await gate.wait()
            held -= 1

    uploads = Uploads(download)
    everyone = asyncio.gather(*(used(uploads) for _ in range(3 * MOST_AT_A_TIME)))
    async with asyncio.timeout(10):
        await full.wait()
        async with uploads.fetched({}) as nothing:
            assert not nothing, "who brings nothing waits for nobody"
        gate.set()
        await everyone
    assert most == MOST_AT_A_TIME


async def test_no_address_is_written_down_when_it_cannot_be_fetched() -> None:
    async def download(upload: Upload) -> bytes:
        raise aiohttp.InvalidURL(upload.url)

    uploads = Uploads(download)
    with pytest.raises(ImageRefused) as refused:
        await uploads.fetch(Upload("https://cdn.test/a.png?hm=secret", "a.png", 5))
    assert "secret" not in refused.value.cause
    assert "InvalidURL" in refused.value.cause
