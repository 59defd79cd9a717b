"""Painting with brush strokes: large to small, along the forms, only where the picture still differs.

The order and the rule of refining where canvas and reference disagree follow Hertzmann's "Painterly
rendering with curved brush strokes of multiple sizes" (SIGGRAPH 1998); strokes here are straight and are
stamped from a bank of turned bristle masks.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.media.easel import Easel, lightness
from bot.sketch.painting.noise import fractal
from bot.sketch.painting.pixels import BILINEAR, blur_image, brightest, from_image, resize_plane, to_image

_TURNS = 16
_SMALLEST = 1.5
"""Stroke half width in pixels below which strokes are no longer worth painting."""


@dataclass(frozen=True, slots=True)
class Brush:
    """A way of handling paint. ``sizes`` are stroke half widths as shares of the shorter side."""

    sizes: tuple[float, ...]
    long: float
    dry: float
    jitter: float
    swirl: float
    opaque: float
    refine: float = 0.045


def paint_strokes(easel: Easel, brush: Brush, ground: Picture) -> list[Picture]:
    """Paint over ``ground``; the canvas after each brush size, the last finished."""
    canvas = to_image(ground)
    angles = _directions(easel, brush.swirl)
    stages = []
    reference = easel.colour
    for layer, share in enumerate(brush.sizes):
        radius = share * easel.short
        if layer and radius < _SMALLEST:
            break
        radius = max(radius, 1.2)
        rng = easel.rng("strokes", layer)
        soft = blur_image(reference, radius * 0.5) if radius > 1.6 else reference
        current = None if layer == 0 else from_image(canvas)
        x, y = _positions(easel, soft, current, radius, brush.refine * (1.0 - 0.35 * easel.detail), rng)
        if len(x):
            _stamp(canvas, easel, brush, soft, angles, x, y, radius, rng)
        stages.append(from_image(canvas))
    return stages


def _positions(
    easel: Easel,
    soft: Picture,
    current: Picture | None,
    radius: float,
    threshold: float,
    rng: np.random.Generator,
) -> tuple[Plane, Plane]:
    """Jittered grid points, without those where the canvas already matches."""
    spacing = radius * 1.05
    columns, rows = max(int(easel.width / spacing), 1) + 1, max(int(easel.height / spacing), 1) + 1
    grid_x, grid_y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    x = ((grid_x + rng.random(grid_x.shape, dtype=np.float32)) * np.float32(spacing)).reshape(-1)
    y = ((grid_y + rng.random(grid_y.shape, dtype=np.float32)) * np.float32(spacing)).reshape(-1)
    kept = (x < easel.width) & (y < easel.height)
    x, y = x[kept], y[kept]
    if current is not None:
        difference = brightest(np.abs(current - soft))
        cells = resize_plane(difference, columns, rows, Image.Resampling.BOX)
        column = np.minimum((x / spacing).astype(np.int64), columns - 1)
        row = np.minimum((y / spacing).astype(np.int64), rows - 1)
        near = easel.focus[y.astype(np.int64), x.astype(np.int64)]
        wanted = cells[row, column] > threshold * (1.0 - 0.55 * near)
        x, y = x[wanted], y[wanted]
    order = rng.permutation(len(x))
    return x[order], y[order]


def _stamp(
    canvas: Image.Image,
    easel: Easel,
    brush: Brush,
    soft: Picture,
    angles: Plane,
    x: Plane,
    y: Plane,
    radius: float,
    rng: np.random.Generator,
) -> None:
    bank = _bank(brush, radius, rng)
    column, row = x.astype(np.int64), y.astype(np.int64)
    amount = brush.jitter * easel.rough
    shift = rng.normal(0.0, amount, (len(x), 1)) + rng.normal(0.0, amount * 0.6, (len(x), 3))
    colours = np.clip((soft[row, column] + shift) * 255.0 + 0.5, 0, 255).astype(np.uint8).tolist()
    high, wide = angles.shape
    angle = angles[row * high // easel.height, column * wide // easel.width]
    angle = angle + rng.normal(0.0, 0.16 * easel.rough, len(x))
    turns, variants = _bank_shape(radius)
    turn = np.round(angle / math.pi * turns).astype(np.int64) % turns * variants + rng.integers(
        0, variants, len(x)
    )
    # ImageDraw.bitmap does what Image.paste does for one colour, at a third of its cost per call.
    draw = ImageDraw.Draw(canvas).bitmap
    for colour, number, cx, cy in zip(colours, turn.tolist(), column.tolist(), row.tolist(), strict=True):
        mask, half_x, half_y = bank[number]
        draw((cx - half_x, cy - half_y), mask, tuple(colour))


def _bank_shape(radius: float) -> tuple[int, int]:
    """(directions, variants of each): small strokes need fewer."""
    return (_TURNS, 2) if radius > 5.0 else (_TURNS // 2, 1)


def _bank(brush: Brush, radius: float, rng: np.random.Generator) -> list[tuple[Image.Image, int, int]]:
    """Stroke masks for each of the directions, with the offsets of their middles."""
    turns, variants = _bank_shape(radius)
    plain = [_bristles(brush, radius, rng) for _ in range(variants)]
    bank = []
    for number in range(turns):
        for mask in plain:
            turned = mask.rotate(-number * 180.0 / turns, Image.Resampling.BILINEAR, expand=True)
            bank.append((turned, turned.width // 2, turned.height // 2))
    return bank


def _bristles(brush: Brush, radius: float, rng: np.random.Generator) -> Image.Image:
    long, half = max(round(radius * brush.long), 2), max(round(radius), 1)
    along = np.linspace(-1.0, 1.0, 2 * long + 1, dtype=np.float32)[None, :]
    across = np.linspace(-1.0, 1.0, 2 * half + 1, dtype=np.float32)[:, None]
    hairs = rng.uniform(0.0, 1.0, (2 * half + 1, 1)).astype(np.float32)
    ragged = 1.0 - np.float32(0.35) * hairs
    ends = np.clip((ragged - np.abs(along)) * np.float32(max(long * 0.35, 1.5)), 0.0, 1.0)
    sides = np.clip((1.08 - np.abs(across)) * np.float32(max(half * 0.8, 1.0)), 0.0, 1.0)
    streak = 1.0 - np.float32(brush.dry) * hairs * (0.45 + 0.55 * (along + 1) / 2)
    alpha = ends * sides * np.clip(streak, 0.0, 1.0) * np.float32(brush.opaque)
    return Image.fromarray((alpha * 255).astype(np.uint8))


def _directions(easel: Easel, swirl: float) -> Plane:
    """Stroke direction in radians on a coarse grid: along edges where there are any, else a slow flow."""
    scale = min(1.0, 160.0 / max(easel.width, easel.height))
    wide, high = max(2, round(easel.width * scale)), max(2, round(easel.height * scale))
    light = resize_plane(np.ascontiguousarray(lightness(easel.colour)), wide, high, Image.Resampling.BOX)
    dy, dx = np.gradient(light)
    parts = [_smooth(part.astype(np.float32)) for part in (dx * dx, dx * dy, dy * dy)]
    edge = 0.5 * np.arctan2(2 * parts[1], parts[0] - parts[2]) + np.float32(math.pi / 2)
    strength = np.clip(np.hypot(parts[0] - parts[2], 2 * parts[1]) * 900.0, 0.0, 1.0)
    flow = fractal(easel.rng("flow"), wide, high, 2.0 + 2.0 * swirl, 2) * np.float32(0.35 + 1.5 * swirl)
    # Directions are axes, not arrows: blend them doubled.
    cos = strength * np.cos(2 * edge) + (1 - strength) * np.cos(2 * flow)
    sin = strength * np.sin(2 * edge) + (1 - strength) * np.sin(2 * flow)
    angle: Plane = 0.5 * np.arctan2(sin, cos)
    return angle


def _smooth(plane: Plane) -> Plane:
    high, wide = plane.shape
    small = resize_plane(plane, max(wide // 4, 1), max(high // 4, 1), Image.Resampling.BOX)
    return resize_plane(small, wide, high, BILINEAR)
