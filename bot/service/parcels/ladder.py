"""One picture down the ladder: without loss, then of high quality, then smaller, until it fits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.domain.outputs import MediaKind
from bot.presentation.card_situation import Rung
from bot.service.parcels.gate import Gate
from bot.service.parcels.limits import JPEG, WEBP, Form, Limits
from bot.service.parcels.memory import Blocks
from bot.service.parcels.pixels import Decoded, Encoded, decode, dimensions, flatten, jpeg, scaled, webp
from bot.service.threads import in_thread

QUALITIES = (92, 88, 84, 80)
"""Of JPEG, as libjpeg counts: below, anybody sees it."""
SCALES = tuple(2 ** (-step / 4) for step in range(1, 25))
"""Of both sides: four steps to a half, the last a 64th."""
MOST_PIXELS = 100_000_000
"""That are decoded at a time, by all together: 400 MB. A larger picture is sent as it is or not at all."""
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Fitted:
    """``encoded`` as it fits; ``form``: as what."""

    encoded: Encoded
    rung: Rung
    form: Form


class Ladder:
    """Bounds how many pictures are worked at, and how many pixels they have together."""

    def __init__(self, *, at_once: int = AT_ONCE, most_pixels: int = MOST_PIXELS) -> None:
        self.most_pixels = most_pixels
        self.gate = Gate(most_pixels, at_once=at_once)
        # Six times the memory that anything else takes.
        self._without_loss = asyncio.Lock()
        self.blocks = Blocks()

    async def descend(self, path: Path, limits: Limits) -> Fitted | None:
        """The first rung below the original that fits. None: none does, or the file cannot be decoded.

        Every step is a thread's of its own, so that a cancelled caller waits for no more than one.
        """
        async with self.blocks.kept():
            return await self._descend(path, limits)

    async def _descend(self, path: Path, limits: Limits) -> Fitted | None:
        width, height = await in_thread(dimensions, path)
        if not 0 < width * height <= self.most_pixels:
            return None
        async with self.gate.hold(width * height):
            picture = await in_thread(decode, path, self.most_pixels)
            if picture is None:
                return None
            if picture.exact and WEBP in limits.formats:
                async with self._without_loss:
                    fitted = _fitted(await in_thread(webp, picture, limits.most_bytes), Rung.WEBP, limits)
                if fitted is not None:
                    return fitted
            if JPEG not in limits.formats:
                return None
            flat, profile = await in_thread(flatten, picture.image), picture.profile
            del picture
            return await _with_loss(flat, profile, limits)


async def _with_loss(image: Image.Image, profile: bytes | None, limits: Limits) -> Fitted | None:
    for quality in QUALITIES:
        made = await in_thread(jpeg, image, quality, limits.most_bytes, profile)
        if (fitted := _fitted(made, Rung.JPEG, limits)) is not None:
            return fitted
    for scale in SCALES:
        made = await in_thread(
            _smaller, Decoded(image, exact=False, profile=profile), scale, limits.most_bytes
        )
        if (fitted := _fitted(made, Rung.SMALLER, limits)) is not None:
            return fitted
    return None


def _smaller(picture: Decoded, scale: float, most_bytes: int) -> Encoded | None:
    return jpeg(scaled(picture.image, scale), QUALITIES[1], most_bytes, picture.profile)


def _fitted(made: Encoded | None, rung: Rung, limits: Limits) -> Fitted | None:
    if made is None:
        return None
    form = limits.form(MediaKind.IMAGE, made.mime, made.size, made.width, made.height)
    return None if form is None else Fitted(made, rung, form)
