"""Unfinished pictures for progress cards, small enough to be sent every few seconds."""

from __future__ import annotations

import io

from PIL import Image

from bot.service.parcels.pixels import FAILURES, jpeg, quiet, scaled, thumbnail_of
from bot.service.threads import in_thread

SIDE = 512
MOST_BYTES = 100_000
_MOST_BYTES_IN, _MOST_PIXELS_IN = 16 * 1024**2, 16_777_216
_QUALITIES = (80, 65, 50)
_SCALES = (0.7, 0.5, 0.35)


async def preview_jpeg(image: bytes) -> bytes | None:
    """A JPEG of at most :data:`SIDE` pixels a side and :data:`MOST_BYTES`, without metadata.

    ``image`` is what a server sent as a preview. None: it is no PNG, JPEG or WebP, is damaged or too large.
    """
    return await in_thread(_preview, image)


def _preview(content: bytes) -> bytes | None:
    if len(content) > _MOST_BYTES_IN:
        return None
    quiet()
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > _MOST_PIXELS_IN:
                return None
            flat = thumbnail_of(image, (SIDE, SIDE))
    except FAILURES:
        return None
    if flat is None:
        return None
    for quality in _QUALITIES:
        if (made := jpeg(flat, quality, MOST_BYTES)) is not None:
            return made.content
    for scale in _SCALES:
        if (made := jpeg(scaled(flat, scale), _QUALITIES[-1], MOST_BYTES)) is not None:
            return made.content
    return None
