"""What a picture tells besides its pixels, and that it can be kept from telling it."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.domain.outputs import MediaKind
from bot.presentation.card_situation import Rung
from bot.service.parcels.limits import DISCORD, Limits
from bot.service.parcels.metadata import without_metadata
from bot.service.parcels.packing import LeftOut, Why
from tests.support.parcels import SECRET, Wall, encoded, files_of, opened, painted

GRAPH = json.dumps({"6": {"class_type": "CLIPTextEncode", "inputs": {"text": SECRET}}})


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def told_png(*, noise: int = 0) -> bytes:
    """As ComfyUI saves it, with more ways to tell."""
    info = PngInfo()
    info.add_text("prompt", GRAPH)
    info.add_text("workflow", GRAPH, zip=True)
    info.add_itxt("parameters", SECRET, zip=True)
    exif = Image.Exif()
    exif[0x010E] = SECRET
    content = encoded(painted(60, 40, mode="RGBA", noise=noise), "PNG", pnginfo=info, exif=exif)
    end = content.index(b"\x00\x00\x00\x00IEND")
    private = chunk(b"tIME", b"\x07\xea\x0b\x16\x00\x00\x00") + chunk(b"prVt", SECRET.encode())
    return content[:end] + private + content[end:] + SECRET.encode()


def told_apng() -> bytes:
    frames = [painted(60, 40, seed=n) for n in range(3)]
    content = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=80)
    after_header = content.index(b"IDAT") - 4
    comf = chunk(b"comf", b"prompt\x00" + GRAPH.encode("latin-1"))
    return content[:after_header] + comf + content[after_header:]


def told_jpeg(**options: object) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET
    content = encoded(
        painted(60, 40, noise=30),
        "JPEG",
        exif=exif,
        comment=SECRET.encode(),
        xmp=f"<x>{SECRET}</x>".encode(),
        **options,
    )
    return content + SECRET.encode()


def told_webp(*, moving: bool = False, lossless: bool = True, noise: int = 0) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = f"workflow:{GRAPH}"
    more = [painted(60, 40, seed=n) for n in range(1, 4)] if moving else []
    options = {"save_all": True, "append_images": more, "duration": 80} if moving else {}
    image = painted(60, 40, mode="RGBA", noise=noise)
    return encoded(
        image, "WEBP", lossless=lossless, exif=exif, xmp=f"<x>{SECRET}</x>".encode(), exact=True, **options
    )


def told_gif() -> bytes:
    frames = [painted(60, 40, seed=n) for n in range(3)]
    return encoded(
        frames[0],
        "GIF",
        save_all=True,
        append_images=frames[1:],
        comment=SECRET.encode(),
        loop=0,
        duration=80,
    )


TOLD = {
    "png": told_png(),
    "apng": told_apng(),
    "jpeg": told_jpeg(),
    "progressive": told_jpeg(progressive=True),
    "webp": told_webp(),
    "lossy webp": told_webp(lossless=False),
    "moving webp": told_webp(moving=True),
    "gif": told_gif(),
}


def all_that_is_told(content: bytes) -> str:
    """By every way that Pillow knows, and by looking."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        told = [str(image.info), str(dict(image.getexif())), str(getattr(image, "text", ""))]
    return " ".join([*told, content.decode("latin-1")])


def frames(content: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(content)) as image:
        shown = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            shown.append(np.asarray(image.convert("RGBA")))
        return shown


@pytest.mark.parametrize("name", TOLD)
def test_nothing_is_told_and_every_pixel_stays(name: str) -> None:
    content = TOLD[name]
    assert "fox" in all_that_is_told(content)
    stripped = without_metadata(content)
    assert stripped is not None
    told = all_that_is_told(stripped)
    assert "fox" not in told
    assert "CLIPTextEncode" not in told
    before, after = frames(content), frames(stripped)
    assert len(before) == len(after)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert without_metadata(stripped) == stripped
    assert b"tIME" not in stripped
    if "webp" in name and stripped[12:16] == b"VP8X":
        assert stripped[20] & 0x0C == 0, "it announces what is not there any more"


def test_how_it_moves_stays() -> None:
    for name in ("apng", "moving webp", "gif"):
        stripped = without_metadata(TOLD[name])
        assert stripped is not None
        with Image.open(io.BytesIO(TOLD[name])) as before, Image.open(io.BytesIO(stripped)) as after:
            assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1) > 1
            assert after.info.get("duration") == before.info.get("duration")
            assert after.info.get("loop") == before.info.get("loop")


def test_colours_keep_their_profile() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP"):
        stripped = without_metadata(encoded(painted(60, 40), kind, icc_profile=profile))
        assert stripped is not None
        with Image.open(io.BytesIO(stripped)) as image:
            assert image.info["icc_profile"] == profile


def test_a_photograph_that_would_fall_over_is_not_cut() -> None:
    for turn, cut in ((1, True), (6, False)):
        exif = Image.Exif()
        exif[0x0112] = turn
        content = encoded(painted(60, 40), "JPEG", exif=exif)
        assert (without_metadata(content) is not None) is cut


@given(st.binary(max_size=200), st.sampled_from(sorted(TOLD)), st.integers(0, 4000), st.integers(1, 40))
def test_damage_raises_nothing(junk: bytes, name: str, at: int, length: int) -> None:
    content = TOLD[name]
    without_metadata(junk)
    for start in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\x00\x00\x00\x00WEBP", b"GIF89a"):
        without_metadata(start + junk)
    at %= len(content)
    without_metadata(content[:at])
    damaged = without_metadata(content[:at] + junk + content[at + length :])
    assert damaged is None or len(damaged) <= len(content) + len(junk)


# In parcels


async def test_an_original_tells_its_workflow_by_default(tmp_path: Path) -> None:
    wall = Wall(tmp_path)
    wall.hang(TOLD["png"])
    (file,) = files_of(await wall.pack(DISCORD))
    assert isinstance(file.content, Path)
    assert json.loads(opened(file).info["prompt"]) == json.loads(GRAPH)


@pytest.mark.parametrize("name", TOLD)
async def test_on_wish_nothing_tells_it(tmp_path: Path, name: str) -> None:
    wall = Wall(tmp_path)
    kind = MediaKind.ANIMATED if name in {"apng", "moving webp", "gif"} else MediaKind.IMAGE
    wall.hang(TOLD[name], kind=kind)
    wall.hang(TOLD[name], ".bin", kind=MediaKind.OTHER)
    one, other = files_of(await wall.pack(DISCORD, strip_metadata=True))
    for file in (one, other):
        assert isinstance(file.content, bytes)
        assert file.rung is Rung.ORIGINAL
        assert "fox" not in all_that_is_told(file.content)
        assert opened(file).size == (60, 40)


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize(
    "content",
    [told_png(noise=60), told_jpeg(quality=100), told_webp(noise=60, lossless=False)],
    ids=["png", "jpeg", "webp"],
)
async def test_what_is_encoded_again_tells_nothing(tmp_path: Path, content: bytes, strip: bool) -> None:
    wall = Wall(tmp_path)
    wall.hang(content)
    rungs = set()
    for most in (len(content) - 1, len(content) // 2, 900):
        packed = await wall.pack(Limits(most, most), strip_metadata=strip)
        rungs.add(packed.rung)
        for file in files_of(packed):
            assert isinstance(file.content, bytes)
            assert "fox" not in all_that_is_told(file.content)
    assert rungs & {Rung.JPEG, Rung.SMALLER}


async def test_without_its_metadata_a_picture_may_fit(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("workflow", GRAPH * 200)
    content = encoded(painted(60, 40, noise=30), pnginfo=info)
    bare = encoded(painted(60, 40, noise=30))
    wall = Wall(tmp_path)
    wall.hang(content)
    (file,) = files_of(await wall.pack(Limits(len(bare), len(bare)), strip_metadata=True))
    assert (file.rung, file.content) == (Rung.ORIGINAL, bare)


async def test_what_cannot_be_kept_from_telling_is_not_sent(tmp_path: Path) -> None:
    """Unless it can be encoded again."""
    wall = Wall(tmp_path)
    damaged = wall.hang(TOLD["png"][:-200])
    unknown = wall.hang(b"<svg><desc>" + SECRET.encode() + b"</desc></svg>", ".svg", mime="image/svg+xml")
    bitmap = wall.hang(encoded(painted(60, 40), "TIFF", description=SECRET), ".tif", mime="image/tiff")
    packed = await wall.pack(DISCORD, strip_metadata=True, overview=False)
    assert packed.left_out == (LeftOut(damaged, Why.UNSAFE), LeftOut(unknown, Why.UNSAFE))
    (file,) = files_of(packed)
    assert (file.picture, file.rung) == (bitmap, Rung.WEBP)
    assert isinstance(file.content, bytes)
    assert "fox" not in all_that_is_told(file.content)
    assert len(files_of(await wall.pack(DISCORD, overview=False))) == 3
