"""Input images: a file is hostile until shown otherwise."""

from __future__ import annotations

import asyncio
import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.domain.errors import ImageRefused
from bot.service import images
from bot.service.images import MAX_IMAGE_BYTES, InputImage, check_image, read_input_image
from tests.support.cli import posix_only

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}


def encoded(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    gradient = Image.radial_gradient("L").resize(size).convert("RGB")
    stream = io.BytesIO()
    gradient.save(stream, kind)
    return stream.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says that it unpacks to this many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


async def refusal(content: bytes) -> str:
    with pytest.raises(ImageRefused) as caught:
        await check_image(content, "photo")
    return str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
async def test_pictures_of_every_kind(tmp_path: Path, kind: str) -> None:
    """The suffix follows from what is in a file, not from what it is called."""
    content = encoded(kind)
    (tmp_path / "photo.exe").write_bytes(content)
    assert await read_input_image(tmp_path / "photo.exe") == InputImage(content, FORMATS[kind], 40, 30)


async def test_a_photograph_with_a_second_picture_is_a_jpeg() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(
        stream, "MPO", save_all=True, append_images=[Image.new("RGB", (40, 30), "red")]
    )
    assert (await check_image(stream.getvalue(), "photo")).suffix == ".jpg"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
async def test_of_an_animation_the_first_picture_is_taken(kind: str) -> None:
    """A server would paint each of its pictures, in one go."""
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "green", "blue")] * 50
    stream = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(stream.getvalue())) as whole:
        assert getattr(whole, "n_frames", 1) > 1
    found = await check_image(stream.getvalue(), "photo")
    assert (found.suffix, found.width, found.height) == (".png", 40, 30)
    with Image.open(io.BytesIO(found.content)) as single:
        assert (single.format, getattr(single, "n_frames", 1)) == ("PNG", 1)
        assert single.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


async def test_what_is_hidden_behind_a_picture_is_no_reason_to_change_it() -> None:
    """What ends a picture ends what a decoder reads; the kind follows from the beginning alone."""
    content = encoded() + b"PK\x05\x06" + bytes(18) + b"<script>"
    assert await check_image(content, "photo.html") == InputImage(content, ".png", 40, 30)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "“photo” is empty"),
        (b"not a picture at all", "is not an image that can be used"),
        (b"%PDF-1.7 whatever", "is not an image that can be used"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not an image that can be used"),
        (encoded()[: len(encoded()) // 2], "is damaged"),
        (encoded("JPEG")[:200], "is damaged"),
        (png_that_claims(8000, 8000), "has 8000 × 8000 pixels; at most 50 megapixels"),
        (png_that_claims(12_000, 9_000), "at most 50 megapixels"),
        (png_that_claims(60_000, 60_000), "unpacks to far too many pixels"),
        (bytes(MAX_IMAGE_BYTES + 1), "has 20.0 MB; at most 20 MB"),
    ],
)
async def test_what_is_no_usable_picture(content: bytes, words: str) -> None:
    assert words in await refusal(content)


async def test_many_at_once() -> None:
    """Also a bomb among them: no warning of one thread's reaches another."""
    bombs = [check_image(png_that_claims(12_000, 9_000), "bomb") for _ in range(8)]
    fine = [check_image(encoded(), "fine") for _ in range(8)]
    results = await asyncio.gather(*bombs, *fine, return_exceptions=True)
    assert [type(result) for result in results] == [ImageRefused] * 8 + [InputImage] * 8


async def test_files_that_are_none(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "missing.png", "There is no file"),
        (tmp_path, "is a folder, not an image"),
        (tmp_path / ("x" * 300), "cannot be read"),
        (Path("a\0b"), "cannot be read"),
    ):
        with pytest.raises(ImageRefused, match=words):
            await read_input_image(path)


async def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(MAX_IMAGE_BYTES + 1)
    monkeypatch.setattr(images, "_check", lambda *_: pytest.fail("read"))
    with pytest.raises(ImageRefused, match="at most 20 MB"):
        await read_input_image(tmp_path / "large")


@posix_only
async def test_devices_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ImageRefused, match="is no ordinary file"):
            await read_input_image(path)


@given(
    st.sampled_from(sorted(FORMATS)).map(encoded),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8),
    st.none() | st.integers(0, 2000),
)
@settings(max_examples=80, deadline=None)
def test_damage_is_refused_or_harmless(
    content: bytes, changes: list[tuple[int, int]], length: int | None
) -> None:
    damaged = bytearray(content[:length])
    for place, value in changes:
        if damaged:
            damaged[place % len(damaged)] = value
    try:
        image = images._check(bytes(damaged), "photo")
    except ImageRefused:
        return
    assert image.width > 0
    assert image.height > 0
