"""Results within a platform's limits: what arrives is decoded and looked at."""

from __future__ import annotations

import asyncio
import io
import struct
import threading
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from bot.domain.outputs import MediaKind
from bot.presentation.card_situation import Rung
from bot.service.parcels import pixels
from bot.service.parcels.ladder import QUALITIES, Ladder
from bot.service.parcels.limits import DISCORD, JPEG, TELEGRAM, WEBP, Form, Limits
from bot.service.parcels.packing import LeftOut, Packer, ParcelFile, Why
from tests.support.parcels import Wall, distance, encoded, files_of, opened, painted
from tests.test_service_images import png_that_claims

KB = 1000


def limits(file_bytes: int, **others: int) -> Limits:
    return Limits(file_bytes=file_bytes, request_bytes=others.pop("request_bytes", 10 * file_bytes), **others)


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    return Wall(tmp_path)


async def only(wall: Wall, within: Limits, **options: bool) -> ParcelFile:
    packed = await wall.pack(within, **options)
    (file,) = files_of(packed)
    assert packed.rung is file.rung
    assert not packed.left_out
    return file


async def test_what_fits_is_sent_as_it_lies_there(wall: Wall) -> None:
    content = encoded(painted(60, 40))
    picture = wall.hang(content, spoiler=True)
    file = await only(wall, DISCORD)
    assert file.content == wall.folder / picture.path
    assert file == ParcelFile(
        name="k3v9x2m7qa-1.png",
        content=wall.folder / picture.path,
        size=len(content),
        mime="image/png",
        form=Form.FILE,
        rung=Rung.ORIGINAL,
        width=60,
        height=40,
        alt="a fox, the 1.",
        spoiler=True,
        picture=picture,
    )


async def test_a_limit_is_what_may_be_reached(wall: Wall) -> None:
    content = encoded(painted(60, 40, noise=20))
    wall.hang(content)
    assert (await only(wall, limits(len(content)))).rung is Rung.ORIGINAL
    assert (await only(wall, limits(len(content) - 1))).rung is not Rung.ORIGINAL


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
async def test_without_loss_first(wall: Wall, mode: str) -> None:
    """To the last pixel, those under full transparency as well."""
    image = painted(300, 200, noise=6, mode="RGBA" if mode in {"RGBA", "LA"} else "RGB").convert(mode)
    content = encoded(image, "PNG", compress_level=0)
    wall.hang(content)
    file = await only(wall, limits(len(content) - 1))
    assert (file.rung, file.mime, file.name) == (Rung.WEBP, WEBP, "k3v9x2m7qa-1.webp")
    arrived = opened(file)
    assert arrived.format == "WEBP"
    with Image.open(io.BytesIO(content)) as original:
        wanted = original.convert("RGBA" if original.has_transparency_data else "RGB")
    assert np.array_equal(np.asarray(arrived.convert(wanted.mode)), np.asarray(wanted))


async def test_then_jpeg_of_the_highest_quality_that_fits(wall: Wall) -> None:
    image = painted(400, 300, noise=12)
    wall.hang(encoded(image))
    sizes = []
    for quality in QUALITIES:
        made = pixels.jpeg(image, quality, 1 << 30)
        assert made is not None
        sizes.append(made.size)
    assert sizes == sorted(sizes, reverse=True)
    for size in sizes:
        file = await only(wall, limits(size))
        assert (file.rung, file.mime, file.name) == (Rung.JPEG, JPEG, "k3v9x2m7qa-1.jpg")
        assert file.size == size
        assert opened(file).size == image.size
        assert distance(opened(file), image) < 1.5


async def test_then_smaller(wall: Wall) -> None:
    image = painted(800, 600, noise=40)
    wall.hang(encoded(image))
    widths = []
    for most in (100 * KB, 30 * KB, 8 * KB, 2 * KB):
        file = await only(wall, limits(most))
        assert (file.rung, file.mime) == (Rung.SMALLER, JPEG)
        assert file.size <= most
        arrived = opened(file)
        assert arrived.width / arrived.height == pytest.approx(4 / 3, rel=0.05)
        assert distance(arrived, image) < 8
        widths.append(arrived.width)
    assert widths == sorted(set(widths), reverse=True)
    assert widths[0] < 800


async def test_what_fits_nowhere_is_told(wall: Wall) -> None:
    picture = wall.hang(encoded(painted(800, 600, noise=40)))
    packed = await wall.pack(limits(100))
    assert packed.parcels == ()
    assert packed.left_out == (LeftOut(picture, Why.TOO_LARGE),)
    assert packed.rung is Rung.TOO_LARGE


async def test_transparency_becomes_white_in_a_jpeg_alone(wall: Wall) -> None:
    image = painted(400, 300, noise=30, mode="RGBA")
    assert image.getpixel((50, 50))[3] == 0  # type: ignore[index]
    content = encoded(image)
    wall.hang(content)
    file = await only(wall, limits(len(content) // 4))
    assert file.mime == JPEG
    arrived = opened(file).convert("RGB")
    left = np.asarray(arrived.crop((8, 8, 180, 290)), float)
    assert left.min() > 240
    right = image.convert("RGB").crop((220, 8, 392, 290))
    assert distance(arrived.crop((220, 8, 392, 290)), right) < 8


async def test_only_formats_that_the_platform_takes_are_made(wall: Wall) -> None:
    content = encoded(painted(300, 200, noise=6), compress_level=0)
    wall.hang(content)
    smaller = limits(len(content) - 1)
    assert (await only(wall, replace(smaller, formats=frozenset({JPEG})))).rung is Rung.JPEG
    assert (await only(wall, replace(smaller, formats=frozenset({WEBP})))).rung is Rung.WEBP
    packed = await wall.pack(replace(smaller, formats=frozenset()))
    assert packed.rung is Rung.TOO_LARGE


async def test_a_jpeg_is_not_blown_up_without_loss(wall: Wall) -> None:
    content = encoded(painted(300, 200, noise=40), "JPEG", quality=100, subsampling=0)
    wall.hang(content, ".jpg", mime=JPEG)
    file = await only(wall, limits(len(content) - 1))
    assert (file.rung, file.mime) == (Rung.JPEG, JPEG)


async def test_a_photograph_stays_upright(wall: Wall) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = painted(300, 200, noise=40)
    content = encoded(image, "JPEG", quality=100, exif=exif)
    wall.hang(content, ".jpg", mime=JPEG)
    file = await only(wall, limits(len(content) - 1))
    assert (file.width, file.height) == (200, 300)
    assert distance(opened(file), image.transpose(Image.Transpose.ROTATE_270)) < 4


async def test_colours_keep_their_profile(wall: Wall) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(painted(300, 200, noise=6), icc_profile=profile, compress_level=0)
    wall.hang(content)
    for formats in (WEBP, JPEG):
        file = await only(wall, replace(limits(len(content) - 1), formats=frozenset({formats})))
        assert opened(file).info["icc_profile"] == profile


def sixteen_bit_png(levels: np.ndarray) -> bytes:
    """RGB, which Pillow reads and does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = levels.shape
    rows = np.repeat(levels[..., None], 3, axis=-1).astype(">u2").tobytes()
    lines = b"".join(b"\x00" + rows[n * width * 6 : (n + 1) * width * 6] for n in range(height))
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize("colour", [False, True])
async def test_sixteen_bits_are_not_called_without_loss(wall: Wall, colour: bool) -> None:
    levels = np.random.default_rng(0).integers(0, 65536, (200, 300), dtype=np.uint16)
    levels[:, :150] //= 16
    content = sixteen_bit_png(levels) if colour else encoded(Image.fromarray(levels))
    wall.hang(content)
    file = await only(wall, limits(len(content) - 1))
    assert file.rung is Rung.JPEG
    arrived = np.asarray(opened(file).convert("L"), float)
    assert arrived[:, :140].mean() == pytest.approx(8, abs=3)
    assert arrived[:, 160:].mean() == pytest.approx(127, abs=3)


@pytest.mark.parametrize(
    ("kind", "suffix", "options"),
    [("GIF", ".gif", {}), ("WEBP", ".webp", {"lossless": True}), ("PNG", ".png", {})],
)
@pytest.mark.parametrize("called", [MediaKind.ANIMATED, MediaKind.IMAGE])
async def test_what_moves_is_not_encoded_again(
    wall: Wall, kind: str, suffix: str, options: dict[str, bool], called: MediaKind
) -> None:
    """Also when the server did not say that it moves."""
    frames = [painted(60, 40, noise=40, seed=n) for n in range(4)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    picture = wall.hang(content, suffix, kind=called)
    assert (await only(wall, limits(len(content)))).rung is Rung.ORIGINAL
    assert (await wall.pack(limits(len(content) - 1))).left_out == (LeftOut(picture, Why.TOO_LARGE),)


@pytest.mark.parametrize("kind", [MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.MODEL_3D, MediaKind.OTHER])
async def test_what_is_no_picture_is_sent_as_it_is_or_not(wall: Wall, kind: MediaKind) -> None:
    picture = wall.hang(bytes(range(256)) * 4, ".mp4", kind=kind, mime="video/mp4; codecs=h264")
    file = await only(wall, limits(1024))
    assert (file.rung, file.mime, file.name) == (Rung.ORIGINAL, "video/mp4", "k3v9x2m7qa-1.mp4")
    assert (await wall.pack(limits(1023))).left_out == (LeftOut(picture, Why.TOO_LARGE),)


# Damaged, hostile, gone


def hostile() -> dict[str, bytes]:
    png = encoded(painted(120, 90, noise=40))
    return {
        "junk": bytes(range(256)) * 60,
        "truncated": png[: len(png) // 2],
        "claims": png_that_claims(60_000, 60_000) + bytes(20_000),
        "claims less": png_that_claims(9_000, 9_000) + bytes(20_000),
        "head alone": png[:40] + bytes(20_000),
        "no side": png_that_claims(0, 100) + bytes(20_000),
        "page": b"<html><script>alert(1)</script>" * 600,
        "webp": b"RIFF\xff\xff\xff\x7fWEBPVP8L" + bytes(20_000),
        "gif": b"GIF89a\xff\xff\xff\xff\xf7\x00\x00" + b"\x21\xff" * 9_000,
        "jpeg": b"\xff\xd8\xff\xe1\xff\xff" + bytes(20_000),
        "tiff": b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(20_000),
    }


@pytest.mark.parametrize("name", hostile())
@pytest.mark.parametrize("claimed", [(0, 0), (120, 90)])
async def test_a_bad_file_goes_as_it_is_or_stays(wall: Wall, name: str, claimed: tuple[int, int]) -> None:
    content = hostile()[name]
    picture = wall.hang(content, size=claimed)
    file = await only(wall, limits(len(content)))
    assert (file.rung, file.content) == (Rung.ORIGINAL, wall.folder / picture.path)
    packed = await wall.pack(limits(len(content) - 1))
    assert packed.left_out == (LeftOut(picture, Why.TOO_LARGE),)


async def test_junk_is_not_called_a_picture(wall: Wall) -> None:
    wall.hang(b"MZ" + bytes(1000), ".png")
    wall.hang(encoded(painted(30, 20), "JPEG"), ".exe", mime="text/html\r\nx: y")
    wall.hang(b"key: value", ".yaml", kind=MediaKind.OTHER, mime="no mime at all")
    files = files_of(await wall.pack(DISCORD, overview=False))
    assert [file.mime for file in files] == ["application/octet-stream", JPEG, files[2].mime]
    assert files[1].name == "k3v9x2m7qa-2.jpg"
    assert files[2].mime in {"application/octet-stream", "application/yaml", "text/yaml"}


async def test_too_many_pixels_are_not_decoded(wall: Wall) -> None:
    content = encoded(painted(400, 300, noise=12))
    picture = wall.hang(content)
    within = limits(len(content) - 1)
    assert (await wall.pack(within, ladder=Ladder(most_pixels=120_000))).rung is not Rung.TOO_LARGE
    packed = await wall.pack(within, ladder=Ladder(most_pixels=119_999))
    assert packed.left_out == (LeftOut(picture, Why.TOO_LARGE),)


async def test_what_is_gone_is_told_and_the_rest_is_sent(wall: Wall) -> None:
    first, gone, empty, last = (wall.hang(encoded(painted(30 + n, 20))) for n in range(4))
    (wall.folder / gone.path).unlink()
    (wall.folder / empty.path).write_bytes(b"")
    packed = await wall.pack(DISCORD, overview=False)
    assert [file.picture for file in files_of(packed)] == [first, last]
    assert packed.left_out == (LeftOut(gone, Why.GONE), LeftOut(empty, Why.GONE))
    assert packed.rung is Rung.ORIGINAL


# Messages


async def test_the_lowest_rung_of_all_is_told(wall: Wall) -> None:
    large = encoded(painted(400, 300, noise=12))
    for content in (encoded(painted(60, 40)), large, encoded(painted(60, 40))):
        wall.hang(content)
    packed = await wall.pack(limits(len(large) // 3))
    lowest = files_of(packed)[2].rung
    assert lowest in {Rung.JPEG, Rung.SMALLER}
    assert [file.rung for file in files_of(packed)] == [Rung.ORIGINAL, Rung.ORIGINAL, lowest, Rung.ORIGINAL]
    assert packed.rung is lowest


async def test_messages_hold_as_many_as_they_may(wall: Wall) -> None:
    pictures = [wall.hang(encoded(painted(30, 20, seed=n))) for n in range(23)]
    packed = await wall.pack(DISCORD, overview=False)
    assert [len(parcel.files) for parcel in packed.parcels] == [10, 10, 3]
    assert [file.picture for file in files_of(packed)] == pictures


async def test_messages_hold_as_many_bytes_as_they_may(wall: Wall) -> None:
    content = [encoded(painted(90, 60, noise=20, seed=n)) for n in range(4)]
    for one in content:
        wall.hang(one)
    two = len(content[0]) + len(content[1])
    packed = await wall.pack(limits(max(map(len, content)), request_bytes=two), overview=False)
    assert len(packed.parcels[0].files) == 2
    assert all(parcel.size <= two for parcel in packed.parcels)
    alone = await wall.pack(limits(max(map(len, content)), request_bytes=1), overview=False)
    assert [len(parcel.files) for parcel in alone.parcels] == [1, 1, 1, 1]


async def test_several_files_of_a_job_have_names_of_their_own(wall: Wall) -> None:
    wall.hang(encoded(painted(30, 20)))
    wall.pictures.append(replace(wall.pictures[0], file=1))
    wall.pictures.append(replace(wall.pictures[0], file=2))
    names = [file.name for file in files_of(await wall.pack(DISCORD, overview=False))]
    assert names == ["k3v9x2m7qa-1.png", "k3v9x2m7qa-1_2.png", "k3v9x2m7qa-1_3.png"]


# Telegram


async def test_a_picture_within_the_limits_of_photos_is_one(wall: Wall) -> None:
    wall.hang(encoded(painted(60, 40)))
    assert (await only(wall, TELEGRAM)).form is Form.PHOTO
    assert (await only(wall, replace(TELEGRAM, photo=None))).form is Form.FILE


@pytest.mark.parametrize(
    ("size", "form"),
    [
        ((9_990, 500), Form.FILE),
        ((9_500, 500), Form.PHOTO),
        ((2_000, 100), Form.PHOTO),
        ((2_001, 100), Form.FILE),
    ],
)
async def test_a_long_picture_is_a_document(wall: Wall, size: tuple[int, int], form: Form) -> None:
    wall.hang(encoded(Image.new("RGB", size, "navy")))
    file = await only(wall, TELEGRAM)
    assert (file.form, file.rung) == (form, Rung.ORIGINAL)


async def test_a_picture_too_large_for_a_photo_is_a_document_and_then_a_photo_again(wall: Wall) -> None:
    assert TELEGRAM.photo is not None
    content = encoded(painted(400, 300, noise=30))
    wall.hang(content)
    photo = replace(TELEGRAM.photo, file_bytes=len(content) // 3)
    original = await only(wall, replace(TELEGRAM, photo=photo, file_bytes=len(content)))
    assert (original.form, original.rung) == (Form.FILE, Rung.ORIGINAL)
    lower = await only(wall, replace(TELEGRAM, photo=photo, file_bytes=len(content) // 4))
    assert lower.form is Form.PHOTO
    assert lower.size <= photo.file_bytes
    assert opened(lower).format == "JPEG"


async def test_an_album_holds_what_may_stand_together(wall: Wall) -> None:
    picture = encoded(painted(30, 20))
    frames = encoded(painted(30, 20), "GIF", save_all=True, append_images=[painted(30, 20, seed=2)])
    wall.hang(picture)
    wall.hang(b"\x00\x00\x00\x18ftypmp42", ".mp4", kind=MediaKind.VIDEO, mime="video/mp4")
    wall.hang(frames, ".gif", kind=MediaKind.ANIMATED, mime="image/gif")
    wall.hang(frames, ".gif", kind=MediaKind.ANIMATED, mime="image/gif")
    wall.hang(b"ID3\x04" + bytes(99), ".mp3", kind=MediaKind.AUDIO, mime="audio/mpeg")
    wall.hang(b"fLaC" + bytes(99), ".flac", kind=MediaKind.AUDIO, mime="audio/flac")
    wall.hang(b"{}", ".json", kind=MediaKind.TEXT, mime="application/json")
    wall.hang(picture)
    packed = await wall.pack(TELEGRAM, overview=False)
    assert [[file.form.value for file in parcel.files] for parcel in packed.parcels] == [
        ["photo", "video"],
        ["animation"],
        ["animation"],
        ["audio"],
        ["file", "file"],
        ["photo"],
    ]
    assert [file.picture for file in files_of(packed)] == wall.pictures
    assert len((await wall.pack(DISCORD, overview=False)).parcels) == 1


# Bounds


async def test_no_more_are_worked_at_than_agreed(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(painted(200, 150, noise=12))
    wall.hang(content)
    now, most, guard = 0, 0, threading.Lock()
    decode = pixels.decode

    def slow(path: Path, pixels_at_most: int) -> object:
        nonlocal now, most
        with guard:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.02)
        try:
            return decode(path, pixels_at_most)
        finally:
            with guard:
                now -= 1

    monkeypatch.setattr("bot.service.parcels.ladder.decode", slow)

    async def many(ladder: Ladder) -> int:
        nonlocal most
        most = 0
        packer = Packer(wall.gallery, ladder=ladder)

        async def one() -> None:
            async with packer.pack(wall.pictures, limits(len(content) - 1)) as packed:
                assert len(packed.parcels) == 1

        await asyncio.gather(*(one() for _ in range(8)))
        return most

    assert await many(Ladder(at_once=2)) == 2
    assert await many(Ladder(at_once=8, most_pixels=3 * 200 * 150)) <= 3
    assert await many(Ladder(at_once=8, most_pixels=200 * 150)) == 1


async def test_memory_is_let_go_and_originals_wait_for_nobody(wall: Wall) -> None:
    content = encoded(painted(200, 150, noise=12))
    wall.hang(content)
    packer = Packer(wall.gallery, most_held=len(content))
    within = limits(len(content) - 1)
    entered: list[str] = []
    begun, release = asyncio.Event(), asyncio.Event()

    async def heavy(name: str) -> None:
        async with packer.pack(wall.pictures, within):
            entered.append(name)
            begun.set()
            await release.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(heavy("first"))
        await begun.wait()
        second = tasks.create_task(heavy("second"))
        cancelled = tasks.create_task(heavy("cancelled"))
        for _ in range(50):
            await asyncio.sleep(0.001)
        async with asyncio.timeout(10), packer.pack(wall.pictures, DISCORD) as packed:
            assert packed.rung is Rung.ORIGINAL
        assert entered == ["first"]
        cancelled.cancel()
        release.set()
        await second
    assert entered == ["first", "second"]


async def test_a_cancel_leaves_nothing_held(wall: Wall) -> None:
    content = encoded(painted(600, 500, noise=30))
    wall.hang(content)
    ladder = Ladder()
    packer = Packer(wall.gallery, ladder=ladder)

    async def pack() -> None:
        async with packer.pack(wall.pictures, limits(len(content) // 2)):
            await asyncio.Event().wait()

    for turns in (0, 1, 2, 3, 5, 8, 13):
        task = asyncio.create_task(pack())
        for _ in range(turns):
            await asyncio.sleep(0.002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (ladder.gate.held, packer.held) == (0, 0)


async def test_the_loop_goes_on_meanwhile(wall: Wall) -> None:
    content = encoded(painted(900, 700, noise=12))
    for _ in range(3):
        wall.hang(content)
    gaps: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    began = time.perf_counter()
    packed = await wall.pack(limits(len(content) // 4))
    took = time.perf_counter() - began
    ticking.cancel()
    assert len(files_of(packed)) == 4
    assert len(gaps) > 5
    assert max(gaps) < max(0.1, took / 4)
