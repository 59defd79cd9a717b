"""A pen for small figures: smooth closed shapes in unit coordinates, rasterised into a lit sprite."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.canvas import edges_of, reduce_mask
from bot.sketch.painting.palette import RGB, Light, mix, rgb
from bot.sketch.painting.pixels import blur_plane

Points = Sequence[tuple[float, float]] | str
"""Corners or knots, as pairs or as text: "x y, x y" in hundredths of the unit."""
_SMOOTHNESS = 7
"""Points a spline puts between two knots."""
_BLACK = np.zeros(3, dtype=np.float32)
_WHITE = np.ones(3, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Shape:
    """One filled outline; ``part`` separates what catches light by itself, ``glow`` is light it gives off."""

    points: NDArray[np.float32]
    colour: RGB
    part: int
    glow: float


@dataclass(slots=True)
class Pen:
    """Collects shapes. Units: the figure is about 1 tall, stands on y = 0, y up, x centred on 0."""

    rng: np.random.Generator
    wanted: RGB | None = None
    shapes: list[Shape] = field(default_factory=list)
    parts: int = 0

    def own(self, default: str) -> RGB:
        """The figure's main colour: what the words asked for, or the default."""
        return rgb(default) if self.wanted is None else self.wanted

    def blob(self, points: Points, colour: RGB | str, *, detail: bool = False, glow: float = 0.0) -> None:
        """A smooth closed shape through the points."""
        self._add(spline(_read(points), closed=True), colour, detail, glow)

    def poly(self, points: Points, colour: RGB | str, *, detail: bool = False, glow: float = 0.0) -> None:
        """A shape with straight edges."""
        self._add(_read(points), colour, detail, glow)

    def box(
        self,
        left: float,
        low: float,
        right: float,
        high: float,
        colour: RGB | str,
        *,
        detail: bool = False,
        glow: float = 0.0,
    ) -> None:
        """An upright rectangle."""
        self.poly([(left, low), (right, low), (right, high), (left, high)], colour, detail=detail, glow=glow)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        colour: RGB | str,
        *,
        tall: float = 1.0,
        turn: float = 0.0,
        detail: bool = False,
        glow: float = 0.0,
    ) -> None:
        """A circle, or an ellipse ``tall`` times as high as wide, turned by ``turn`` radians."""
        angle = np.linspace(0, 2 * math.pi, 29, dtype=np.float32)[:-1]
        across, up = np.cos(angle) * radius, np.sin(angle) * radius * tall
        cos, sin = math.cos(turn), math.sin(turn)
        points = np.stack((x + across * cos - up * sin, y + across * sin + up * cos), axis=-1)
        self._add(points.astype(np.float32), colour, detail, glow)

    def limb(
        self,
        points: Points,
        start: float,
        end: float,
        colour: RGB | str,
        *,
        detail: bool = False,
        glow: float = 0.0,
    ) -> None:
        """A stroke along a smooth line, ``start`` wide at its beginning and ``end`` wide at its tip."""
        path = spline(_read(points), closed=False)
        along = np.gradient(path, axis=0)
        normal = np.stack((-along[:, 1], along[:, 0]), axis=-1)
        normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-6)[:, None]
        half = np.linspace(start / 2, end / 2, len(path), dtype=np.float32)[:, None]
        self._add(np.concatenate((path + normal * half, (path - normal * half)[::-1])), colour, detail, glow)

    def _add(self, points: NDArray[np.float32], colour: RGB | str, detail: bool, glow: float) -> None:
        if not detail or not self.parts:
            self.parts += 1
        self.shapes.append(
            Shape(points, rgb(colour) if isinstance(colour, str) else colour, self.parts, glow)
        )


def _read(points: Points) -> NDArray[np.float32]:
    if isinstance(points, str):
        return np.array(points.replace(",", " ").split(), dtype=np.float32).reshape(-1, 2) / np.float32(100)
    return np.asarray(points, dtype=np.float32)


def dark(colour: RGB, amount: float = 0.3) -> RGB:
    """``colour`` towards a cool shadow."""
    return mix(colour, rgb("201a2c"), amount)


def pale(colour: RGB, amount: float = 0.3) -> RGB:
    """``colour`` towards a warm light."""
    return mix(colour, rgb("fff8ea"), amount)


def spline(knots: NDArray[np.float32], *, closed: bool) -> NDArray[np.float32]:
    """A Catmull-Rom curve through the knots."""
    if len(knots) < 3:
        return knots
    if closed:
        ring = np.concatenate((knots[-1:], knots, knots[:2]))
    else:
        ring = np.concatenate((2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]))
    t = (np.arange(_SMOOTHNESS, dtype=np.float32) / _SMOOTHNESS)[None, :, None]
    a, b, c, d = (ring[k : len(ring) - 3 + k, None, :] for k in range(4))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    points: NDArray[np.float32] = curve.reshape(-1, 2).astype(np.float32)
    return points if closed else np.concatenate((points, knots[-1:]))


@dataclass(frozen=True, slots=True)
class Sprite:
    """A rasterised figure. ``left`` and ``top`` are the corner's offsets in pixels from its foot point."""

    colour: Picture
    alpha: Plane
    lines: Plane
    glow: Picture | None
    left: int
    top: int


def raster(pen: Pen, size: float, light: Light, *, flip: bool = False, form: float = 1.0) -> Sprite:
    """The figure ``size`` pixels per unit, lit; ``form`` is how strongly light models its parts."""
    everything = np.concatenate([shape.points for shape in pen.shapes])
    if flip:
        everything = everything * np.array((-1.0, 1.0), dtype=np.float32)
    scale = 4 if size < 90 else 3 if size < 200 else 2
    low_x, high_x = float(everything[:, 0].min()) * size, float(everything[:, 0].max()) * size
    low_y, high_y = float(everything[:, 1].min()) * size, float(everything[:, 1].max()) * size
    left, top = math.floor(low_x) - 2, math.floor(-high_y) - 2
    wide, high = math.ceil(high_x) + 3 - left, math.ceil(-low_y) + 3 - top
    colour = Image.new("RGB", (wide * scale, high * scale))
    alpha, part, glow = (
        Image.new("L", colour.size),
        Image.new("L", colour.size),
        Image.new("RGB", colour.size),
    )
    brushes = [ImageDraw.Draw(image) for image in (colour, alpha, part, glow)]
    factor = np.array((-size if flip else size, -size), dtype=np.float32) * scale
    corner = np.array((left * scale, top * scale), dtype=np.float32)
    for shape in pen.shapes:
        points = [tuple(p) for p in (shape.points * factor - corner).tolist()]
        brushes[0].polygon(points, fill=_bytes(shape.colour))
        brushes[1].polygon(points, fill=255)
        brushes[2].polygon(points, fill=shape.part % 256)
        brushes[3].polygon(
            points, fill=_bytes(shape.colour * np.float32(shape.glow)) if shape.glow else (0, 0, 0)
        )
    cover = reduce_mask(alpha, scale)
    body = (
        np.asarray(colour.reduce(scale), dtype=np.float32)
        / np.float32(255.0)
        / np.maximum(cover, 1 / 255)[..., None]
    )
    parts = np.asarray(part)[scale // 2 :: scale, scale // 2 :: scale][:high, :wide].astype(np.int16)
    shine = (
        np.asarray(glow.reduce(scale), dtype=np.float32) / np.float32(255.0)
        if any(s.glow for s in pen.shapes)
        else None
    )
    lit = _model(body, parts, shine, size, light, form)
    lines = np.clip(edges_of((parts * 37 % 251).astype(np.float32)), 0.0, 1.0)
    return Sprite(np.clip(lit, 0.0, 1.0), cover, lines, shine, left, top)


def _bytes(colour: RGB) -> tuple[int, int, int]:
    r, g, b = (round(min(max(float(c), 0.0), 1.0) * 255) for c in colour)
    return r, g, b


def _model(
    body: Picture, parts: Plane, shine: Picture | None, size: float, light: Light, form: float
) -> Picture:
    """Light the sprite from the sun's side: every part gets a bright and a dark flank."""
    side = -1 if light.sun_at[0] < 0.5 else 1
    total = np.zeros(parts.shape, dtype=np.float32)
    for reach in (0.012, 0.028, 0.05, 0.08):
        step = max(1, round(reach * size))
        toward, away = _shifted(parts, side * step, -step), _shifted(parts, -side * step, step)
        total += (toward != parts).astype(np.float32) - (away != parts)
    soft = blur_plane(np.clip(0.5 + total * 0.125, 0.0, 1.0), max(0.8, 0.02 * size)) * 2 - 1
    amount = np.clip(0.68 + 0.5 * form * soft, 0.0, 1.15)[..., None]
    lit: Picture = body * (light.ambient + (light.key - light.ambient) * amount)
    lit += (body - lit) * np.float32(0.16 + 0.16 * light.darkness)
    if shine is not None:
        lit = np.maximum(lit, shine)
    return lit


def _shifted(parts: Plane, across: int, down: int) -> Plane:
    high, wide = parts.shape
    rows = np.clip(np.arange(high) + down, 0, high - 1)
    columns = np.clip(np.arange(wide) + across, 0, wide - 1)
    return parts[rows[:, None], columns[None, :]]
