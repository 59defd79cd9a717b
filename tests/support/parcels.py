"""Pictures to be sent: made, laid into a gallery, and looked at again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bot.domain.ids import JobId
from bot.domain.outputs import MediaKind
from bot.presentation.cards import Picture
from bot.service.gallery import Gallery
from bot.service.parcels.ladder import Ladder
from bot.service.parcels.limits import Limits
from bot.service.parcels.packing import Packed, Packer, ParcelFile

SECRET = "a fox that nobody must hear of"


def painted(width: int, height: int, *, noise: int = 0, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """Smooth colours with as much ``noise`` (0 to 255) as it takes to make a file large."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [
        128 + 90 * np.sin(x / (width / 3) + seed),
        128 + 90 * np.cos(y / (height / 2) - seed),
        (x + y) * 255 / (width + height),
        np.where(x < width / 2, 0.0, 255.0),
    ]
    pixels = np.stack(planes, -1)
    pixels[..., :3] += np.random.default_rng(seed).normal(0, noise, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGBA").convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def opened(file: ParcelFile) -> Image.Image:
    """What arrives, decoded."""
    content = file.content.read_bytes() if isinstance(file.content, Path) else file.content
    assert len(content) == file.size
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    assert image.size == (file.width, file.height)
    return image


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures of whatever size, 0 to 255, at 32 x 32."""
    small = [np.asarray(i.convert("RGB").resize((32, 32), Image.Resampling.BOX), float) for i in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


class Wall:
    """A data directory with results, one picture a job."""

    def __init__(self, folder: Path) -> None:
        self.gallery = Gallery(folder)
        self.folder = folder
        self.pictures: list[Picture] = []

    def hang(
        self,
        content: bytes,
        suffix: str = ".png",
        *,
        kind: MediaKind = MediaKind.IMAGE,
        mime: str = "image/png",
        size: tuple[int, int] | None = None,
        file: int = 0,
        spoiler: bool = False,
    ) -> Picture:
        number = len(self.pictures) + 1
        path = f"pictures/{number:02}{suffix}"
        target = self.folder / path
        target.parent.mkdir(exist_ok=True, parents=True)
        target.write_bytes(content)
        if size is None:
            try:
                with Image.open(io.BytesIO(content)) as image:
                    size = image.size
            except OSError:
                size = (0, 0)
        picture = Picture(
            JobId(f"k3v9x2m7qa-{number}"),
            number,
            file,
            number,
            path,
            mime,
            kind,
            len(content),
            *size,
            alt=f"a fox, the {number}.",
            spoiler=spoiler,
        )
        self.pictures.append(picture)
        return picture

    async def pack(self, limits: Limits, *, ladder: Ladder | None = None, **options: Any) -> Packed:
        packer = Packer(self.gallery, ladder=ladder)
        async with packer.pack(self.pictures, limits, **options) as packed:
            return packed


def files_of(packed: Packed) -> Sequence[ParcelFile]:
    return [file for parcel in packed.parcels for file in parcel.files]
