"""Pictures that people give: with captions, in albums, answered, of every kind and size."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bot.chat.telegram.uploads import Uploads
from tests.support.fake_server import FakeServer
from tests.support.telegram import FloodLimits, Upload
from tests.support.telegram_bot import (
    Scene,
    answered,
    classes_of,
    inputs_of,
    painted,
    photos,
    saying,
    says,
    scene,
    until,
)
from tests.support.templates import export_of


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path, limits=FloodLimits.off()) as made:
        yield made


def fox(size: tuple[int, int] = (320, 200), colour: str = "orange") -> Upload:
    return Upload.picture(size, "fox.png", colour)


def masked() -> dict[str, Any]:
    """Image to image with a mask from a file of its own."""
    export = export_of("image-to-image")
    encode = next(node for node in export.values() if node["class_type"] == "VAEEncode")
    encode["class_type"] = "VAEEncodeForInpaint"
    encode["inputs"] |= {"mask": ["100", 0], "grow_mask_by": 6}
    mask = {"image": "mask.png", "channel": "alpha"}
    return export | {"100": {"class_type": "LoadImageMask", "inputs": mask}}


def painted_from(server: FakeServer) -> Image.Image:
    """The picture that was handed to the server last."""
    return Image.open(io.BytesIO(server.uploads[-1]))


async def test_a_caption_is_a_command(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.sends_photo(here.chat, fox(), "/imagine at night")
        await painted(bot, here.chat)
        assert "LoadImage" in classes_of(bot)
        assert "at night" in inputs_of(bot)
        assert painted_from(bot.server).size == (320, 200)


async def test_a_command_answers_a_picture(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        photo = await bob.sends_photo(group, fox())
        await here.alice.says(group, "/upscale@FairbrushBot", reply_to=photo)
        await painted(bot, group)
        assert any("Upscale" in name for name in classes_of(bot))


async def test_a_picture_alone_is_asked_about(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.sends_photo(here.chat, fox())
        question = await says(bot, here.chat, "What shall it become")
        assert question.asks_reply
        await here.alice.says(here.chat, "at night")
        await painted(bot, here.chat)
        assert "LoadImage" in classes_of(bot)
        assert "at night" in inputs_of(bot)


async def test_a_picture_with_words_is_offered_at_one_tap(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.sends_photo(here.chat, fox(), "at night --steps 7")
        offer = await says(bot, here.chat, "Shall I paint that")
        await here.alice.presses(offer.button("Paint it"))
        await painted(bot, here.chat)
        assert {"at night", 7} <= {each for each in inputs_of(bot) if isinstance(each, str | int)}
        assert len(bot.server.uploads) == 1


async def test_a_picture_is_asked_for_where_a_command_needs_one(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/upscale")
        question = await says(bot, here.chat, "Which picture")
        refused = await answered(bot, here.chat, here.alice.replies(question, "any"))
        assert "picture" in refused.text
        await here.alice.sends_photo(here.chat, fox(), reply_to=question)
        await painted(bot, here.chat)
        assert any("Upscale" in name for name in classes_of(bot))


async def test_words_and_a_picture_may_come_one_after_the_other(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.sends_photo(here.chat, fox(), "/imagine")
        await says(bot, here.chat, "What shall it become")
        await here.alice.says(here.chat, "at night")
        await painted(bot, here.chat)
        assert len(bot.server.uploads) == 1
        await here.alice.says(here.chat, "/imagine")
        question = await says(bot, here.chat, "What shall I paint")
        await here.alice.sends_photo(here.chat, fox((64, 64)), reply_to=question)
        await until(bot, lambda: len(saying(here.chat, "What shall it become")) == 2)
        await here.alice.says(here.chat, "in the morning")
        await painted(bot, here.chat)
        assert painted_from(bot.server).size == (64, 64)


async def test_what_was_passed_on_is_offered_alone_and_means_nothing_in_groups(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        for chat in (group, here.chat):
            said = await here.alice.says(chat, "/imagine a fox")
            said.raw.forwarded = None
            await painted(bot, chat)
        forward(here, group, "/imagine a boat")
        forward(here, here.chat, "/imagine a boat")
        offer = await says(bot, here.chat, "Shall I paint that")
        assert "imagine" not in offer.text
        await here.alice.presses(offer.button("Paint it"))
        await painted(bot, here.chat)
        assert "a boat" in inputs_of(bot)
        assert len(bot.server.posted) == 3


def forward(here: Scene, chat: object, text: str) -> None:
    """Alice passes on what somebody else has written."""
    message = here.world.posting.make(chat, here.alice)  # type: ignore[arg-type]
    from tests.support.telegram import entities
    from tests.support.telegram.messages import Content

    message.content = Content(entities.written(text))
    message.forwarded = {"type": "hidden_user", "sender_user_name": "Carol", "date": 1}
    here.world.posting.publish(message)


# Albums


async def test_an_album_is_several_inputs_in_its_order(here: Scene) -> None:
    folder = here.folder / "workflows"
    folder.mkdir()
    (folder / "mask.json").write_text(json.dumps(masked()), encoding="utf-8")
    (folder / "mask.toml").write_text('title = "With a mask"\n', encoding="utf-8")
    async with here.bot(workflows_dir=str(folder)) as bot:
        await here.alice.sends_album(here.chat, [fox(), fox((64, 64))], "/imagine at night")
        await painted(bot, here.chat)
        assert [Image.open(io.BytesIO(each)).size for each in bot.server.uploads] == [(320, 200), (64, 64)]
        nodes = {node.class_type: node.inputs for node in bot.server.posted[-1].graph}
        assert str(nodes["LoadImage"]["image"]).startswith("upload-1")
        assert str(nodes["LoadImageMask"]["image"]).startswith("upload-2")
        await here.alice.sends_photo(here.chat, fox(), "/imagine at night")
        await says(bot, here.chat, "needs a picture as its mask, too")


async def test_more_pictures_than_are_taken(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.sends_album(here.chat, [fox(), fox((64, 64))], "/imagine at night")
        said = await says(bot, here.chat, "takes")
        assert "2 came" in said.text
        assert not bot.server.posted
        await here.alice.says(here.chat, "/quota")
        await says(bot, here.chat, "not limited")
        assert len(here.chat.by_bot) == 2


async def test_pieces_may_come_a_moment_later(here: Scene) -> None:
    async with here.bot() as bot:
        number = here.world.posting.next_album()
        for caption in ("/imagine at night", "", ""):
            await here.alice.sends_photo(here.chat, fox(), caption, group=number)
            await until(bot, lambda: not here.world.updates.queue, step=0.0)
        await says(bot, here.chat, "3 came")


async def test_an_album_without_words_is_asked_about_once(here: Scene) -> None:
    async with here.bot() as bot:
        await here.alice.sends_album(here.chat, [fox(), fox((64, 64)), fox((32, 32))])
        await says(bot, here.chat, "What shall it become")
        await answered(bot, here.chat, here.alice.says(here.chat, "at night"))
        await here.alice.says(here.chat, "/quota")
        await says(bot, here.chat, "not limited")
        assert len(here.chat.by_bot) == 3
        assert saying(here.chat, "3 came")


@pytest.mark.parametrize("first", [True, False])
async def test_pieces_of_two_albums_come_in_any_order(here: Scene, *, first: bool) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        group.promote_bot()
        numbers = [here.world.posting.next_album() for _ in range(2)]
        captions = ["/imagine@FairbrushBot at night", ""] if first else ["", "/imagine@FairbrushBot at night"]
        for caption in captions:
            for person, number in zip((here.alice, bob), numbers, strict=True):
                await person.sends_photo(group, fox(), caption, group=number)
        await until(bot, lambda: len(saying(group, "2 came")) == 2)
        assert {each.reply_to.raw.sender.id for each in saying(group, "2 came")} == {  # type: ignore[union-attr]
            here.alice.id,
            bob.id,
        }


async def test_in_groups_telegram_shows_one_piece_which_is_explained_once(here: Scene) -> None:
    group = here.world.supergroup("Painters", here.alice, bot=True)
    async with here.bot() as bot:
        for _ in range(2):
            await here.alice.sends_album(group, [fox(), fox()], "/imagine@FairbrushBot at night")
            await painted(bot, group)
        assert len(saying(group, "one picture of this album")) == 1
        assert any("setprivacy" in str(notice.text) for notice in bot.service.operator.notices.latest())


async def test_an_album_survives_a_restart_in_its_middle(here: Scene) -> None:
    async with here.bot() as bot:
        held = here.world.faults.hold("getFile")
        await here.alice.sends_album(here.chat, [fox(), fox((64, 64))], "/upscale")
        await until(bot, lambda: here.world.updates.confirmed)
    held.release()
    here.world.faults.clear()
    async with here.bot() as bot:
        await says(bot, here.chat, "2 came")


# Pictures of ours


async def test_the_original_of_ours_is_taken_instead_of_what_telegram_made_of_it(here: Scene) -> None:
    bob = here.world.user("Bob")
    group = here.world.supergroup("Painters", here.alice, bob, bot=True)
    async with here.bot() as bot:
        await here.alice.says(group, "/imagine a fox")
        result = await painted(bot, group)
        before = len(here.world.files.downloads)
        await bob.says(group, "/upscale", reply_to=result)
        await painted(bot, group)
        assert bot.server.uploads[-1] == bot.server.picture()
        assert len(here.world.files.downloads) == before
        for kept in (here.folder / "data" / "pictures").rglob("*.png"):
            kept.unlink()
        await bob.says(group, "/upscale", reply_to=result)
        await painted(bot, group)
        assert len(here.world.files.downloads) == before + 1


async def test_of_several_pictures_the_one_is_taken_that_was_answered(here: Scene) -> None:
    colours = iter(["red", "green", "blue", "white", "black", "grey"])

    def picture() -> bytes:
        content = io.BytesIO()
        Image.new("RGB", (64, 48), next(colours)).save(content, "PNG")
        return content.getvalue()

    here.servers[:] = [FakeServer(picture=picture)]
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a fox --count 2")
        for _ in range(2):
            await bot.server.until_waiting(1)
            bot.server.finish()
        await until(bot, lambda: len(photos(here.chat)) == 2)
        summary = await says(bot, here.chat, "Done")
        await until(bot, lambda: summary.buttons)
        for number, colour in enumerate([(255, 0, 0), (0, 128, 0)]):
            await here.alice.says(here.chat, "/upscale", reply_to=photos(here.chat)[number])
            await painted(bot, here.chat)
            assert painted_from(bot.server).convert("RGB").getpixel((3, 3)) == colour


async def test_a_private_picture_of_somebody_else_stays_so(here: Scene) -> None:
    bob = here.world.user("Bob")
    other = here.world.private(bob)
    async with here.bot() as bot:
        await here.alice.says(here.chat, "/imagine a secret --private")
        result = await painted(bot, here.chat)
        await bob.starts()
        mine = await says(bot, other, "Hello")
        mine.raw.keyboard = result.raw.keyboard
        mine.raw.content = result.raw.content
        said = await answered(bot, other, bob.says(other, "/upscale", reply_to=mine))
        assert "private" in said.text
        assert len(bot.server.posted) == 1


# Files of every kind


async def test_what_is_no_picture_is_refused_by_its_kind(here: Scene) -> None:
    alice, chat = here.alice, here.chat
    async with here.bot() as bot:
        for caption in ("/imagine at night", ""):
            for sending, words in (
                (alice.sends_video(chat, Upload("a.mp4", b"0000"), caption), "a video"),
                (alice.sends_voice(chat, caption=caption), "a sound"),
                (alice.sends_document(chat, Upload("a.zip", b"0000"), caption), "not a picture"),
                (alice.sends_document(chat, Upload("a.png", b"0000"), caption or "/upscale"), "not an image"),
            ):
                said = await answered(bot, chat, sending)
                assert words in said.text, words
        assert not bot.server.posted


async def test_stickers_that_stand_still_are_pictures(here: Scene) -> None:
    async with here.bot() as bot:
        sticker = await here.alice.sends_sticker(here.chat)
        await says(bot, here.chat, "What shall it become")
        await here.alice.says(here.chat, "/imagine at night", reply_to=sticker)
        await painted(bot, here.chat)
        assert painted_from(bot.server).size == (512, 512)


@pytest.mark.parametrize("known", [True, False])
async def test_files_that_are_too_large_are_not_fetched(
    here: Scene, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    async with here.bot() as bot:
        large = Upload("fox.png", b"", size=30 << 20, content_type="image/png")
        if not known:  # servers of people's own say less
            monkeypatch.setattr(Uploads, "refuse", lambda *_: None)
        for caption in ("", "/upscale"):
            said = await answered(bot, here.chat, here.alice.sends_document(here.chat, large, caption))
            if caption or known:
                assert "30.0 MB" in said.text
                assert "20 MB" in said.text
        assert not here.world.files.downloads


async def test_a_file_without_a_kind_is_known_by_its_name_and_its_content(here: Scene) -> None:
    async with here.bot() as bot:
        document = Upload("fox.PNG", fox().content, content_type="application/octet-stream")
        await here.alice.sends_document(here.chat, document, "/upscale")
        await painted(bot, here.chat)


@pytest.mark.parametrize("fault", ["getFile", "download"])
async def test_fetching_is_tried_again(here: Scene, fault: str) -> None:
    async with here.bot() as bot:
        here.world.faults.fail(fault, 502, times=2)
        await here.alice.sends_photo(here.chat, fox(), "/upscale")
        await painted(bot, here.chat)
        here.world.faults.fail(fault, 502, times=9)
        await here.alice.sends_photo(here.chat, fox(), "/upscale")
        await says(bot, here.chat, "cannot be fetched")
        here.world.faults.clear()
