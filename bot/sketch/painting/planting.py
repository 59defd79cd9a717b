"""Many small figures scattered over the ground: woods, hamlets, flowers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.canvas import Canvas, edges_of
from bot.sketch.painting.palette import RGB, jitter
from bot.sketch.painting.pen import Pen, raster
from bot.sketch.painting.pixels import from_image, to_image
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.terrain import Ground, Rough, Seen

_BINS = 8
_TEMPLATE = 56.0


@dataclass(frozen=True, slots=True)
class Crop:
    """What to scatter: figure, how tall in the ground's units, how many on a picture of a megapixel."""

    draw: Callable[[Pen], None]
    colours: Sequence[RGB]
    tall: float
    count: int
    nearest: float
    farthest: float
    clump: float = 0.0
    steepest: float = 1.1
    highest: float = 12.0
    line: float = 0.7


def scatter(
    canvas: Canvas, setting: Setting, ground: Ground, seen: Seen, crop: Crop, air: Plane, name: str
) -> None:
    """Plant ``crop`` on dry visible ground, far to near; ``air`` is the haze of each slice."""
    rng = setting.rng("scatter", name)
    spots = _spots(setting, ground, seen, crop, rng)
    if not len(spots[0]):
        return
    x, y, slices = spots
    z: Plane = ground.z[slices]
    size: Plane = (
        np.float32(crop.tall * setting.short) / z * rng.uniform(0.7, 1.25, len(z)).astype(np.float32)
    )
    variety = len(crop.colours) if setting.short > 160 else 1
    kind: Plane = rng.integers(0, variety, len(z))
    kept = (size > 2.2) & (size < setting.short * 0.75)
    order = np.argsort(-z[kept], kind="stable")
    x, y, slices, size, kind = (values[kept][order] for values in (x, y, slices, size, kind))
    if not len(x):
        return
    picture = to_image(canvas.colour)
    cover = Image.new("L", picture.size)
    kinds = [_template(setting, crop, k, name) for k in range(variety)]
    for start, stop in _bins(size):
        share = float(air[slices[start:stop]].mean()) * 0.9
        typical = float(size[start:stop].mean())
        tinted = [_scaled(image, mask, typical, setting.light.haze, share) for image, mask in kinds]
        for k in range(start, stop):
            image, mask, foot = tinted[kind[k]]
            corner = (int(x[k]) - image.width // 2, int(y[k]) - foot)
            picture.paste(image, corner, mask)
            cover.paste(round(255 * (1 - 0.8 * share)), corner, mask)
    canvas.colour[:] = from_image(picture)
    covered = np.asarray(cover, dtype=np.float32) / 255
    canvas.lines *= 1 - np.clip(covered * 3, 0, 1)
    np.maximum(canvas.lines, edges_of(covered) * crop.line, out=canvas.lines)


def _spots(
    setting: Setting, ground: Ground, seen: Seen, crop: Crop, rng: np.random.Generator
) -> tuple[Plane, Plane, Plane]:
    """Pixels (x, y) on suitable ground and their slices."""
    area = setting.width * setting.height / 1_048_576
    wanted = int(crop.count * (0.35 + 0.65 * min(area**0.5, 1.5)) * (0.5 + 0.5 * setting.detail))
    tries = wanted * 5
    # Uniform in depth's logarithm and across: the far slopes must not take every place.
    x = rng.integers(0, setting.width, tries)
    depth = np.exp(rng.uniform(math.log(crop.nearest), math.log(crop.farthest), tries)).astype(np.float32)
    slices = np.clip(len(ground.z) - np.searchsorted(ground.z[::-1], depth), 0, len(ground.z) - 1)
    columns = ground.height.shape[1]
    column = x * columns // setting.width
    top = seen.top[slices, x]
    row = np.clip(np.ceil(top), 0, setting.height - 1).astype(np.int64)
    visible = (top >= 0) & (top < setting.height) & (np.abs(seen.slice_of[row, x] - 1 - slices) <= 1)
    steep = np.hypot(ground.slope_x[slices, column], ground.slope_z[slices, column])
    level = ground.height[slices, column]
    good = (
        visible
        & ~ground.water[slices, column]
        & (level > 0.06)
        & (level < crop.highest)
        & (steep < crop.steepest)
    )
    if crop.clump:
        rough = Rough(rng)
        good &= rough.fractal(ground.x[slices, column] / 9, ground.z[slices] / 9, 2) > crop.clump - 0.6
    picked = np.nonzero(good)[0][:wanted]
    return x[picked], row[picked], slices[picked]


def _bins(size: Plane) -> list[tuple[int, int]]:
    """Runs of figures of about one size; ``size`` grows from far to near only on average."""
    edges = np.linspace(0, len(size), min(_BINS, len(size)) + 1).astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges) if b > a]


def _template(setting: Setting, crop: Crop, kind: int, name: str) -> tuple[Image.Image, Image.Image]:
    rng = setting.rng("crop", name, kind)
    pen = Pen(rng, jitter(crop.colours[kind], rng, 0.03))
    crop.draw(pen)
    sprite = raster(
        pen, _TEMPLATE if setting.short > 160 else _TEMPLATE / 2, setting.light, flip=bool(kind % 2)
    )
    high = -sprite.top
    mask = Image.fromarray((sprite.alpha[:high] * 255).astype(np.uint8))
    return to_image(sprite.colour[:high]), mask


def _scaled(
    image: Image.Image, mask: Image.Image, size: float, haze: RGB, share: float
) -> tuple[Image.Image, Image.Image, int]:
    # The template's height stands for one unit of the figure, near enough.
    factor = size / image.height
    wide, high = max(1, round(image.width * factor)), max(1, round(size))
    small = image.resize((wide, high), Image.Resampling.BILINEAR, reducing_gap=2.0)
    veil = Image.new("RGB", (wide, high), tuple(int(c * 255) for c in haze))
    return (
        Image.blend(small, veil, share),
        mask.resize((wide, high), Image.Resampling.BILINEAR, reducing_gap=2.0),
        high,
    )
