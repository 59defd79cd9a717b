"""The stand-in of Telegram: pictures, films and files, sent, sent again and fetched."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from telegram import (
    InputFile,
    InputMediaAnimation,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    Message,
)
from telegram.error import BadRequest, InvalidToken, NetworkError

from tests.support.service import FakeClock
from tests.support.telegram import CannotUse, Upload
from tests.support.telegram.files import DOWNLOAD_BYTES, MIB, PHOTO_BYTES, UPLOAD_BYTES
from tests.support.telegram.small_bot import keyboard, refused, staged

PICTURE = Upload.picture((400, 300))


def heavy(size: int) -> bytes:
    """A picture whose file has ``size`` bytes: what follows its end is not looked at."""
    return PICTURE.content.ljust(size, b"\0")


async def test_a_picture_is_kept_in_several_sizes() -> None:
    async with staged() as stage:
        large = Upload.picture((3000, 1500), "fox.jpg")
        sent = await stage.bot.send_photo(stage.chat.id, large.content, caption="a fox", has_spoiler=True)
        assert [(size.width, size.height) for size in sent.photo] == [
            (90, 45),
            (320, 160),
            (800, 400),
            (1280, 640),
            (2560, 1280),
        ]
        assert len({size.file_unique_id for size in sent.photo}) == 5
        assert sent.has_media_spoiler
        (shown,) = stage.chat.by_bot
        assert shown.photo is not None
        assert (shown.photo.width, shown.photo.data) == (3000, large.content)
        file = await sent.photo[2].get_file()
        with Image.open(io.BytesIO(bytes(await file.download_as_bytearray()))) as image:
            assert (image.format, image.size) == ("JPEG", (800, 400))
        assert stage.telegram.files.downloads == [stage.telegram.files.by_id[sent.photo[2].file_id].path]


async def test_what_is_there_is_sent_again_by_its_id() -> None:
    async with staged() as stage:
        first = await stage.bot.send_photo(stage.chat.id, PICTURE.content)
        again = await stage.bot.send_photo(stage.chat.id, first.photo[-1].file_id, caption="again")
        assert again.photo == first.photo
        album = await stage.bot.send_media_group(
            stage.chat.id, [InputMediaPhoto(first.photo[0].file_id), InputMediaPhoto(PICTURE.content)]
        )
        assert album[0].photo == first.photo != album[1].photo
        assert stage.telegram.calls("sendPhoto")[1].files == []
        document = await stage.bot.send_document(stage.chat.id, PICTURE.content, filename="fox.png")
        assert document.document is not None
        for file_id, words in (
            (document.document.file_id, "can't use file of type Document as Photo"),
            ("made-up", "wrong remote file identifier specified: can't unserialize it"),
            ("https://example.org/fox.png", "failed to get HTTP URL content"),
        ):
            assert await stage.wrong("sendPhoto", chat_id=stage.chat.id, photo=file_id) == words
        words = await stage.wrong("sendDocument", chat_id=stage.chat.id, document=first.photo[0].file_id)
        assert words == "can't use file of type Photo as Document"
        assert await stage.wrong("getFile", file_id="made-up") == "invalid file_id"
        assert await stage.wrong("sendPhoto", chat_id=stage.chat.id) == "there is no photo in the request"


async def test_pictures_have_their_limits() -> None:
    async with staged() as stage:

        async def sends(content: bytes) -> str:
            error = await refused(stage.bot.send_photo(stage.chat.id, content), BadRequest)
            return str(error).lower()

        size = PHOTO_BYTES + 1
        assert await sends(heavy(size)) == (
            f"file of size {size} bytes is too big for a photo; the maximum size is {PHOTO_BYTES} bytes"
        )
        await stage.bot.send_photo(stage.chat.id, heavy(PHOTO_BYTES))
        await stage.bot.send_photo(stage.chat.id, Upload.picture((9000, 1000)).content)
        assert await sends(Upload.picture((9000, 1001)).content) == "photo_invalid_dimensions"
        await stage.bot.send_photo(stage.chat.id, Upload.picture((2000, 100)).content)
        assert await sends(Upload.picture((2001, 100)).content) == "photo_invalid_dimensions"
        assert await sends(b"no picture") == "image_process_failed"
        assert await sends(b"") == "file must be non-empty"


async def test_files_have_their_limits() -> None:
    async with staged() as stage:
        content = os.urandom(1024).ljust(UPLOAD_BYTES, b"x")
        sent = await stage.bot.send_document(stage.chat.id, content, filename="a.bin")
        assert sent.document is not None
        assert sent.document.file_size == UPLOAD_BYTES
        assert stage.chat.by_bot[0].document is not None
        assert stage.chat.by_bot[0].document.data == content
        doing = stage.bot.send_document(stage.chat.id, content + b"x", filename="a.bin")
        assert "request entity too large" in str(await refused(doing, NetworkError)).lower()
        with pytest.raises(BadRequest, match=r"(?i)file is too big"):
            await sent.document.get_file()


async def test_a_server_of_ones_own_takes_larger_files(tmp_path: Path) -> None:
    async with staged(local=True) as stage:
        source = tmp_path / "big file.bin"
        source.write_bytes(b"x" * (UPLOAD_BYTES + 1))
        sent = await stage.bot.send_document(stage.chat.id, source)
        assert stage.telegram.calls("sendDocument")[0].files == []
        assert sent.document is not None
        assert sent.document.file_size == UPLOAD_BYTES + 1
        file = await sent.document.get_file()
        assert file.file_path is not None
        assert Path(file.file_path).is_absolute()
        assert Path(file.file_path).stat().st_size == UPLOAD_BYTES + 1
        assert await file.download_to_drive() == Path(file.file_path)


async def test_what_people_send_is_fetched() -> None:
    clock = FakeClock()
    async with staged(clock=clock.as_clock()) as stage:
        original = Upload("fox.png", PICTURE.content)
        await stage.alice.sends_photo(stage.chat, Upload.picture((4000, 2000)), "/upscale", spoiler=True)
        await stage.alice.sends_document(stage.chat, original, "/img2img")
        photo, document = await stage.heard()
        assert photo.message is not None
        assert photo.message.caption == "/upscale"
        assert photo.message.caption_entities[0].type == "bot_command"
        assert photo.message.has_media_spoiler
        assert max(size.width for size in photo.message.photo) == 2560
        assert document.message is not None
        found = document.message.document
        assert found is not None
        assert (found.file_name, found.mime_type, found.file_size) == (
            "fox.png",
            "image/png",
            len(PICTURE.content),
        )
        file = await found.get_file()
        assert bytes(await file.download_as_bytearray()) == PICTURE.content
        clock.advance(3601)
        # python-telegram-bot takes every 404 for a wrong token.
        await refused(file.download_as_bytearray(), InvalidToken)
        assert bytes(await (await found.get_file()).download_as_bytearray()) == PICTURE.content


async def test_what_people_send_is_too_large_to_be_fetched() -> None:
    async with staged() as stage:
        for size in (DOWNLOAD_BYTES, DOWNLOAD_BYTES + 1):
            await stage.alice.sends_document(stage.chat, replace(PICTURE, size=size))
        small, large = [update.message.document for update in await stage.heard() if update.message]
        assert small is not None
        assert large is not None
        file = await small.get_file()
        content = bytes(await file.download_as_bytearray())
        assert (len(content), content[: len(PICTURE.content)]) == (DOWNLOAD_BYTES, PICTURE.content)
        assert large.file_size == DOWNLOAD_BYTES + 1
        assert await stage.wrong("getFile", file_id=large.file_id) == "file is too big"


async def test_stickers_voices_films_and_albums() -> None:
    async with staged() as stage:
        alice, chat = stage.alice, stage.chat
        await alice.sends_sticker(chat)
        await alice.sends_voice(chat)
        await alice.sends_video(chat, caption="/upscale")
        await alice.sends_document(chat, Upload.picture((30, 20), "wave.gif"))
        shown = await alice.sends_album(chat, [PICTURE, PICTURE], "/blend")
        messages = [update.message for update in await stage.heard() if update.message]
        sticker, voice, video, animation, *album = messages
        assert sticker.sticker is not None
        assert (sticker.sticker.width, sticker.sticker.is_animated) == (512, False)
        assert voice.voice is not None
        assert voice.voice.mime_type == "audio/ogg"
        assert video.video is not None
        assert (video.video.width, video.caption) == (640, "/upscale")
        assert animation.animation is not None
        assert animation.document is not None
        assert len({message.media_group_id for message in album}) == 1
        assert [message.caption for message in album] == ["/blend", None]
        assert shown[0].album == shown
        with pytest.raises(CannotUse):
            await alice.sends_album(chat, [PICTURE])
        with pytest.raises(CannotUse):
            await alice.sends_photo(chat, caption="x" * 1025)


async def test_films_and_animations_of_the_bot() -> None:
    async with staged() as stage:
        wave = Upload.picture((30, 20), "wave.gif").content
        sent = await stage.bot.send_animation(stage.chat.id, InputFile(wave, "wave.gif"), caption="hi")
        assert sent.animation is not None
        assert (sent.animation.width, sent.animation.file_name) == (30, "wave.gif")
        film = await stage.bot.send_video(
            stage.chat.id, InputFile(b"film", "a.mp4"), width=640, height=360, duration=4, has_spoiler=True
        )
        assert film.video is not None
        assert film.video.width == 640
        assert film.to_dict()["video"]["duration"] == 4
        by_itself = await stage.bot.send_document(stage.chat.id, InputFile(wave, "wave.gif"))
        as_file = await stage.bot.send_document(
            stage.chat.id, InputFile(wave, "wave.gif"), disable_content_type_detection=True
        )
        assert by_itself.animation is not None
        assert as_file.animation is None
        assert [shown.kind for shown in stage.chat.by_bot] == ["animation", "video", "animation", "document"]
        assert stage.chat.by_bot[1].spoiler


async def test_albums_have_their_rules() -> None:
    async with staged() as stage:

        async def sends(*media: object) -> str:
            error = await refused(stage.bot.send_media_group(stage.chat.id, list(media)), BadRequest)
            return str(error).lower()

        photo, document = (
            InputMediaPhoto(PICTURE.content),
            InputMediaDocument(PICTURE.content, filename="a.png"),
        )
        video = InputMediaVideo(InputFile(b"film", "a.mp4", attach=True))
        sent = await stage.bot.send_media_group(stage.chat.id, [photo, video], caption="two")
        assert [message.caption for message in sent] == ["two", None]
        assert len(stage.chat.by_bot[0].album) == 2
        assert await sends(*[photo] * 11) == "too many messages to send as an album"
        assert await sends(photo, document) == "document can't be mixed with other media types"
        animation = InputMediaAnimation(InputFile(PICTURE.content, "a.gif", attach=True))
        words = "can't parse inputmedia: type \"animation\" can't be used in sendmediagroup"
        assert await sends(photo, animation) == words
        wrong = InputMediaPhoto(Upload.picture((2001, 100)).content)
        assert await sends(photo, wrong) == (
            'failed to send message #2 with the error message "photo_invalid_dimensions"'
        )
        assert len(stage.chat.by_bot) == 2
        assert stage.telegram.server.violations == []
        await stage.bot.send_media_group(stage.chat.id, [photo])
        await stage.bot.send_media_group(
            stage.chat.id, [photo, photo], api_kwargs={"reply_markup": keyboard(["A"]).to_dict()}
        )
        first, second = stage.telegram.forgive()
        assert "album of one" in first
        assert "no parameter reply_markup" in second


async def test_media_in_albums_change_within_their_kind() -> None:
    async with staged() as stage:
        photo = InputMediaPhoto(PICTURE.content)
        first, _ = await stage.bot.send_media_group(stage.chat.id, [photo, photo])
        document = InputMediaDocument(PICTURE.content, filename="a.png")
        error = await refused(first.edit_media(document), BadRequest)
        assert "can't use the media of the specified type in the album" in str(error).lower()
        edited = await first.edit_media(InputMediaVideo(InputFile(b"film", "a.mp4", attach=True)))
        assert isinstance(edited, Message)
        assert edited.video is not None
        assert edited.media_group_id == first.media_group_id


async def test_the_same_media_is_no_edit() -> None:
    async with staged() as stage:
        sent = await stage.bot.send_photo(stage.chat.id, PICTURE.content, caption="a fox")
        same = InputMediaPhoto(sent.photo[-1].file_id, caption="a fox")
        assert "message is not modified" in str(await refused(sent.edit_media(same), BadRequest)).lower()
        await sent.edit_media(InputMediaPhoto(PICTURE.content, caption="a fox"))
        assert stage.chat.by_bot[0].edits == 1


async def test_a_request_is_limited_as_a_whole() -> None:
    async with staged() as stage:
        media = [InputMediaPhoto(heavy(9 * MIB)) for _ in range(6)]
        error = await refused(stage.bot.send_media_group(stage.chat.id, media), NetworkError)
        assert "request entity too large" in str(error).lower()
