"""The surface scenery is laid on, back to front: colour, outlines, focus and glow."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.palette import RGB
from bot.sketch.painting.pixels import blur_image, blur_plane, empty

Points = Sequence[tuple[float, float]] | NDArray[np.float32]


@dataclass(slots=True)
class Canvas:
    """A picture being built. Coordinates are pixels, y down.

    ``lines`` (0..1) is where a pen would draw; ``focus`` (0..1) is where a painter would look closest;
    ``glow`` is light that the picture's lamps give off.
    """

    width: int
    height: int
    colour: Picture
    lines: Plane
    focus: Plane
    glow: Picture
    glows: bool = False

    @property
    def short(self) -> float:
        """The shorter side, the unit most sizes hang on."""
        return float(min(self.width, self.height))

    @property
    def supersampling(self) -> int:
        """How much larger than the picture masks are drawn before they are reduced."""
        area = self.width * self.height
        return 2 if area > 400_000 else 3

    def put(
        self, mask: Plane, colour: RGB | Picture, left: int = 0, top: int = 0, *, outline: bool = True
    ) -> None:
        """Lay ``colour`` (one, or one per mask pixel) through ``mask`` with its corner at (left, top)."""
        high, wide = mask.shape
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide, self.width), min(top + high, self.height)
        if x0 >= x1 or y0 >= y1:
            return
        inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        outer = (slice(y0, y1), slice(x0, x1))
        cover = mask[inner][..., None]
        paint = colour if colour.ndim == 1 else colour[inner]
        box = self.colour[outer]
        box += (paint - box) * cover
        lines = self.lines[outer]
        lines *= 1.0 - mask[inner]
        if outline:
            np.maximum(lines, edges_of(mask[inner]), out=lines)

    def add_glow(self, light: Picture, left: int = 0, top: int = 0) -> None:
        """Add emitted light, which ``shine`` later spreads over its surroundings."""
        high, wide = light.shape[:2]
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide, self.width), min(top + high, self.height)
        if x0 < x1 and y0 < y1:
            self.glow[y0:y1, x0:x1] += light[y0 - top : y1 - top, x0 - left : x1 - left]
            self.glows = True

    def shine(self, strength: float) -> None:
        """Spread the collected glow over the picture, as a lens and damp air do."""
        if not self.glows:
            return
        near = blur_image(self.glow, self.short * 0.012)
        wide = blur_image(self.glow, self.short * 0.05)
        light = np.clip((near * np.float32(0.6) + wide * np.float32(1.5)) * np.float32(strength), 0.0, 1.0)
        self.colour += (1.0 - self.colour) * light

    def mask(self, shapes: Iterable[Points], left: int, top: int, wide: int, high: int) -> Plane:
        """Anti-aliased coverage (high, wide) of filled polygons given in picture coordinates."""
        scale = self.supersampling
        image = Image.new("L", (max(wide, 1) * scale, max(high, 1) * scale), 0)
        draw = ImageDraw.Draw(image)
        for shape in shapes:
            draw.polygon([((x - left) * scale, (y - top) * scale) for x, y in shape], fill=255)
        return reduce_mask(image, scale)

    def fill(self, shapes: Sequence[Points], colour: RGB, *, outline: bool = True) -> None:
        """Fill polygons given in picture coordinates with one colour."""
        box = self._box(shapes)
        if box is not None:
            self.put(self.mask(shapes, *box), colour, box[0], box[1], outline=outline)

    def light(
        self, shapes: Sequence[Points], colour: RGB, share: float, glow: float = 0.0, soften: float = 0.0
    ) -> None:
        """Blend polygons in by ``share``, without an outline; they may be softened and give off ``glow``."""
        box = self._box(shapes, math.ceil(soften * 2))
        if box is None:
            return
        mask = self.mask(shapes, *box)
        if soften > 0.6:
            mask = blur_plane(mask, soften)
        left, top, wide, high = box
        region = self.colour[top : top + high, left : left + wide]
        region += (colour - region) * (mask * np.float32(share))[..., None]
        if glow > 0.0:
            self.glow[top : top + high, left : left + wide] += mask[..., None] * (colour * np.float32(glow))
            self.glows = True

    def _box(self, shapes: Sequence[Points], margin: int = 0) -> tuple[int, int, int, int] | None:
        """(left, top, width, height) of the part of the canvas the shapes touch, or None."""
        if not shapes:
            return None
        corners = np.concatenate([np.asarray(shape, dtype=np.float32) for shape in shapes])
        low, high = corners.min(axis=0), corners.max(axis=0)
        left, top = max(math.floor(low[0]) - margin, 0), max(math.floor(low[1]) - margin, 0)
        wide = min(math.ceil(high[0]) + 1 + margin, self.width) - left
        tall = min(math.ceil(high[1]) + 1 + margin, self.height) - top
        return (left, top, wide, tall) if wide > 0 and tall > 0 else None


def blank(width: int, height: int) -> Canvas:
    """An empty canvas."""
    return Canvas(
        width,
        height,
        empty(height, width),
        np.zeros((height, width), dtype=np.float32),
        np.zeros((height, width), dtype=np.float32),
        empty(height, width),
    )


def reduce_mask(image: Image.Image, scale: int) -> Plane:
    """A supersampled mask at picture size, 0..1."""
    small = image.reduce(scale) if scale > 1 else image
    return np.asarray(small, dtype=np.float32) * np.float32(1 / 255)


def edges_of(plane: Plane) -> Plane:
    """How sharply a plane of 0..1 changes at each pixel, 0..1."""
    result = np.zeros_like(plane)
    across = np.abs(plane[:, 1:] - plane[:, :-1])
    down = np.abs(plane[1:] - plane[:-1])
    result[:, 1:] = across
    np.maximum(result[1:], down, out=result[1:])
    return result
