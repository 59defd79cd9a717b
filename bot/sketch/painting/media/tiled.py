"""Pictures made of pieces: pixels, tesserae, facets."""

import math

import numpy as np
from PIL import Image, ImageDraw

from bot.sketch.painting.brief import Picture
from bot.sketch.painting.media.easel import Easel, lightness
from bot.sketch.painting.media.lines import contours
from bot.sketch.painting.palette import rgb
from bot.sketch.painting.pixels import blur_image, from_image, pick, to_image

_BAYER = (
    np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], dtype=np.float32) / 16 - 0.47
)


def pixel(easel: Easel) -> list[Picture]:
    """Large square pixels in a small palette, with ordered dithering."""
    side = 72 + round(56 * easel.detail)
    block = max(1, round(easel.short / side))
    wide, high = max(1, -(-easel.width // block)), max(1, -(-easel.height // block))
    small = to_image(easel.colour).resize((wide, high), Image.Resampling.BOX)
    pattern = np.tile(_BAYER, (-(-high // 4), -(-wide // 4)))[:high, :wide, None]
    plain = from_image(small)
    grey = lightness(plain)[..., None]
    dithered = to_image(grey + (plain - grey) * 1.2 + pattern * np.float32(0.055))
    palette = dithered.quantize(40, kmeans=0, dither=Image.Dither.NONE).convert("RGB")
    return [_enlarged(small, block, easel), _enlarged(palette, block, easel)]


def _enlarged(small: Image.Image, block: int, easel: Easel) -> Picture:
    large = small.resize((small.width * block, small.height * block), Image.Resampling.NEAREST)
    return from_image(large)[: easel.height, : easel.width].copy()


def mosaic(easel: Easel) -> list[Picture]:
    """Irregular panes of coloured glass between dark leads."""
    size = max(easel.short * (0.045 - 0.014 * easel.detail), 3.0)
    columns, rows = int(easel.width / size) + 3, int(easel.height / size) + 3
    rng = easel.rng("panes")
    seeds_x = (np.arange(columns)[None, :] - 1 + rng.uniform(0.08, 0.92, (rows, columns))) * size
    seeds_y = (np.arange(rows)[:, None] - 1 + rng.uniform(0.08, 0.92, (rows, columns))) * size
    seeds_x, seeds_y = seeds_x.astype(np.float32), seeds_y.astype(np.float32)
    x = np.arange(easel.width, dtype=np.float32)[None, :]
    y = np.arange(easel.height, dtype=np.float32)[:, None]
    cell_x, cell_y = (x / size).astype(np.int64) + 1, (y / size).astype(np.int64) + 1
    nearest = np.full((easel.height, easel.width), np.inf, dtype=np.float32)
    second = nearest.copy()
    owner = np.zeros(nearest.shape, dtype=np.int64)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            row = np.clip(cell_y + down, 0, rows - 1)
            column = np.clip(cell_x + across, 0, columns - 1)
            away = np.hypot(seeds_x[row, column] - x, seeds_y[row, column] - y)
            closer = away < nearest
            second = np.where(closer, nearest, np.minimum(second, away))
            owner = np.where(closer, row * columns + column, owner)
            nearest = np.minimum(nearest, away)
    soft = blur_image(easel.colour, size * 0.25)
    at_x = np.clip(seeds_x.reshape(-1), 0, easel.width - 1).astype(np.int64)
    at_y = np.clip(seeds_y.reshape(-1), 0, easel.height - 1).astype(np.int64)
    glass = soft[at_y, at_x] * rng.uniform(0.86, 1.16, (len(at_x), 1)).astype(np.float32)
    grey = glass.mean(axis=1, keepdims=True)
    panes = pick(np.clip(grey + (glass - grey) * 1.35 + 0.03, 0.0, 1.0), owner)
    panes = panes * (1.04 - 0.16 * np.clip(nearest / size, 0, 1))[..., None]
    lead = np.clip((size * 0.085 - (second - nearest)) + 0.5, 0.0, 1.0)
    lead = np.maximum(lead, contours(easel, 0.8, 0.0) * (0.25 + 0.75 * easel.focus))[..., None]
    lined = panes + (rgb("1d1a20") - panes) * lead
    return [soft, np.clip(lined, 0.0, 1.0)]


def lowpoly(easel: Easel) -> list[Picture]:
    """Triangular facets, each of one colour, smaller where the picture is about something."""
    size = max(easel.short * (0.05 - 0.018 * easel.detail), 3.0)
    over = 2 if easel.short < 800 else 1
    image = Image.new("RGB", (easel.width * over, easel.height * over))
    _facets(image, easel, size, over, 0.0)
    _facets(image, easel, max(size * 0.42, 2.0), over, 0.2)
    return [blur_image(easel.colour, size * 0.2), from_image(image.reduce(over) if over > 1 else image)]


def _facets(image: Image.Image, easel: Easel, size: float, over: int, focus: float) -> None:
    """Draw one net of triangles, leaving out those whose middle has less than ``focus``."""
    columns, rows = math.ceil(easel.width / size) + 1, math.ceil(easel.height / size) + 1
    rng = easel.rng("facets", round(size, 3))
    jitter = rng.uniform(-0.42, 0.42, (2, rows + 1, columns + 1)) - 0.5
    x = ((np.arange(columns + 1)[None, :] + jitter[0]) * size).astype(np.float32)
    y = ((np.arange(rows + 1)[:, None] + jitter[1]) * size).astype(np.float32)
    corners = np.stack((x, y), axis=-1)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
    falling = (rng.random((rows, columns)) < 0.5)[..., None, None]
    first = np.where(falling, np.stack((a, b, c), axis=2), np.stack((b, c, d), axis=2)).reshape(-1, 3, 2)
    second = np.where(falling, np.stack((a, c, d), axis=2), np.stack((d, a, b), axis=2)).reshape(-1, 3, 2)
    triangles = np.concatenate((first, second))
    middle = triangles.mean(axis=1)
    column = np.clip(middle[:, 0], 0, easel.width - 1).astype(np.int64)
    row = np.clip(middle[:, 1], 0, easel.height - 1).astype(np.int64)
    kept = easel.focus[row, column] >= focus
    soft = blur_image(easel.colour, size * 0.16)
    tones = soft[row, column] + rng.uniform(-0.035, 0.035, (len(row), 1)).astype(np.float32)
    fills = (np.clip(tones, 0.0, 1.0) * 255).astype(np.uint8)[kept].tolist()
    draw = ImageDraw.Draw(image)
    for points, fill in zip((triangles[kept] * over).reshape(-1, 6).tolist(), fills, strict=True):
        draw.polygon(points, fill=tuple(fill))
