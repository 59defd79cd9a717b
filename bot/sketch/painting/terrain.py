"""A height field seen in perspective: hills, peaks, dunes, shores, each with its own light and air.

The ground is sampled in slices of equal depth, far to near. A slice's sample is seen where it stands
above every nearer one; scanning a column downwards, each pixel belongs to the last seen slice above it.
That fills the picture without a loop over pixels or polygons.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.sketch.painting.brief import Mask, Picture, Plane
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.palette import RGB
from bot.sketch.painting.pixels import BILINEAR, pick, resize_plane, stacked
from bot.sketch.painting.setting import Setting

_FAR_SLICES = 190
_ROWS_PER_SLICE = 1.6
_JUMP = 1.12
"""Ratio of depths between neighbouring pixels from which a pen draws the ridge between them."""


class Rough:
    """Value noise over the whole plane, read from one random lattice."""

    _SIDE = 64

    def __init__(self, rng: np.random.Generator) -> None:
        self._lattice = rng.uniform(-1.0, 1.0, self._SIDE * self._SIDE).astype(np.float32)
        self._offset = rng.uniform(0.0, self._SIDE, 2)

    def at(self, x: Plane, z: Plane) -> Plane:
        """One octave with cells of size 1."""
        x = x + np.float32(self._offset[0])
        z = z + np.float32(self._offset[1])
        x0, z0 = np.floor(x), np.floor(z)
        fx, fz = x - x0, z - z0
        fx, fz = fx * fx * (3 - 2 * fx), fz * fz * (3 - 2 * fz)
        side = self._SIDE
        i, j = x0.astype(np.int32) & (side - 1), (z0.astype(np.int32) & (side - 1)) * side
        i1, j1 = (i + 1) & (side - 1), (j + side) & (side * side - 1)
        lattice = self._lattice
        near = lattice[j + i] * (1 - fx) + lattice[j + i1] * fx
        far = lattice[j1 + i] * (1 - fx) + lattice[j1 + i1] * fx
        result: Plane = near + (far - near) * fz
        return result

    def fractal(self, x: Plane, z: Plane, octaves: int, gain: float = 0.5) -> Plane:
        """Octaves of noise, each turned against the last, about -1..1."""
        total = np.zeros(np.broadcast_shapes(x.shape, z.shape), dtype=np.float32)
        amplitude, norm = 1.0, 0.0
        for _ in range(octaves):
            total += np.float32(amplitude) * self.at(x, z)
            x, z = (x * np.float32(1.6) + z * np.float32(1.2)), (z * np.float32(1.6) - x * np.float32(1.2))
            norm += amplitude
            amplitude *= gain
        return total * np.float32(1.5 / norm)

    def ridged(self, x: Plane, z: Plane, octaves: int, gain: float = 0.5) -> Plane:
        """Sharp crests between smooth hollows, 0..1."""
        total = np.zeros(np.broadcast_shapes(x.shape, z.shape), dtype=np.float32)
        weight: Plane = np.ones_like(total)
        amplitude, norm = 1.0, 0.0
        for _ in range(octaves):
            crest = 1.0 - np.abs(self.at(x, z)) * np.float32(1.5)
            crest = np.clip(crest, 0.0, 1.0) ** 2 * weight
            weight = np.clip(crest * 1.8, 0.0, 1.0)
            total += np.float32(amplitude) * crest
            x, z = (x * np.float32(1.6) + z * np.float32(1.2)), (z * np.float32(1.6) - x * np.float32(1.2))
            norm += amplitude
            amplitude *= gain
        return total / np.float32(norm)


@dataclass(frozen=True, slots=True)
class Ground:
    """Samples of the ground, far to near: world position and height in eye heights, and colour.

    ``x`` and ``height`` have shape (slices, columns), ``z`` (slices,); where ``water`` is set the height
    is 0 and the surface mirrors what stands beyond it.
    """

    x: Plane
    z: Plane
    height: Plane
    water: Mask
    slope_x: Plane
    slope_z: Plane


@dataclass(frozen=True, slots=True)
class Seen:
    """Which slice each pixel shows: ``slice_of`` is 0 for sky, else the slice's number from 1 (farthest)."""

    slice_of: NDArray[np.int32]
    z: Plane
    top: Plane
    """Screen row of each sample, shape (slices, picture width)."""


HeightOf = Callable[[Plane, Plane], Plane]
ColourOf = Callable[[Ground], Picture]


@dataclass(frozen=True, slots=True)
class View:
    """The eye: ``lift`` is its height above water level in world units, ``reach`` the farthest depth."""

    lift: float
    reach: float


def survey(setting: Setting, view: View, height_of: HeightOf) -> Ground:
    """Sample the height field where this view sees it."""
    focal = setting.short
    below = max(setting.height - setting.horizon, 2.0)
    count = max(int(below / _ROWS_PER_SLICE), 6)
    rows = np.linspace(1.5, below * 1.06, count, dtype=np.float32)
    near = (view.lift * focal / rows).astype(np.float32)
    near = near[near < view.reach * 0.25]
    start = float(near[0]) if near.size else view.reach * 0.2
    far = np.geomspace(view.reach, start, _FAR_SLICES if setting.width > 128 else 48, dtype=np.float32)[:-1]
    # Ground higher than the plane reaches the lower edge nearer than the plane would.
    feet = np.geomspace(near[-1] if near.size else start, 0.2 * view.lift, 40, dtype=np.float32)[1:]
    z = np.concatenate((far, near, feet))
    columns = min(setting.width, max(setting.width // 2, 48))
    across = (np.arange(columns, dtype=np.float32) + 0.5) / columns * setting.width - setting.width / 2
    x = across[None, :] / np.float32(focal) * z[:, None]
    height = height_of(x, z[:, None])
    water = height < 0
    height = np.maximum(height, 0.0)
    step = np.float32(setting.width / columns / focal) * z[:, None]
    slope_x = np.gradient(height, axis=1) / step if columns > 1 else np.zeros_like(height)
    slope_z = np.gradient(height, axis=0) / np.gradient(z)[:, None]
    return Ground(x, z, height, water, slope_x.astype(np.float32), slope_z.astype(np.float32))


def look(setting: Setting, view: View, ground: Ground) -> Seen:
    """Project the ground onto the picture."""
    width, height = setting.width, setting.height
    scale = np.float32(setting.short) / ground.z[:, None]
    top = np.float32(setting.horizon) - (ground.height - np.float32(view.lift)) * scale
    top = resize_plane(top.astype(np.float32), width, len(ground.z), BILINEAR)
    nearer = np.minimum.accumulate(top[::-1], axis=0)[::-1]
    seen = np.ones(top.shape, dtype=np.bool_)
    seen[:-1] = top[:-1] < nearer[1:]
    seen &= top < height
    slices, columns = np.nonzero(seen)
    rows = np.clip(np.ceil(top[slices, columns]), 0, height - 1).astype(np.int64)
    slice_of = np.zeros((height, width), dtype=np.int32)
    slice_of[rows, columns] = slices + 1
    np.maximum.accumulate(slice_of, axis=0, out=slice_of)
    return Seen(slice_of, np.concatenate((4.0 * ground.z[:1], ground.z)), top)


def shade(setting: Setting, ground: Ground, relief: float = 1.0) -> Plane:
    """How much key light falls on each sample, 0..1."""
    side = -1.0 if setting.light.sun_at[0] < 0.5 else 1.0
    nx, nz = -ground.slope_x * np.float32(relief), -ground.slope_z * np.float32(relief)
    facing = nx * np.float32(0.72 * side) + np.float32(0.62) + nz * np.float32(-0.3)
    lit: Plane = facing / np.sqrt(1 + nx * nx + nz * nz)
    light: Plane = np.clip(0.12 + 0.95 * lit, 0.0, 1.0)
    return light


def haze(setting: Setting, ground: Ground, distance: float) -> Plane:
    """Share of air in each slice's colour, 0..1; ``distance`` is where about two thirds are lost."""
    thick = 2.6 if "fog" in setting.idea.weather else 1.5 if setting.idea.weather & {"rain", "snow"} else 1.0
    air: Plane = 1.0 - np.exp(-ground.z * np.float32(thick / distance))
    return air


def lay(canvas: Canvas, seen: Seen, colour: Picture, horizon: float) -> None:
    """Paint the seen ground; ``colour`` has shape (slices, columns, 3)."""
    high, width = seen.slice_of.shape
    columns = colour.shape[1]
    column = (np.arange(width) * columns // width)[None, :]
    land = seen.slice_of > 0
    flat = np.maximum(seen.slice_of - 1, 0) * columns + column
    painted = pick(colour, flat)
    first = int(np.argmax(land.any(axis=1))) if land.any() else high
    canvas.colour[first:] = np.where(land[first:, :, None], painted[first:], canvas.colour[first:])
    depth = seen.z[seen.slice_of]
    # Flat ground near the horizon recedes fast from row to row without any ridge.
    below = np.arange(1, high, dtype=np.float32)[:, None] - np.float32(horizon)
    level = np.where(below > 0, 1.0 + 2.2 / np.maximum(below, 0.5), 1.0)
    jump = depth[:-1] > depth[1:] * (np.float32(_JUMP) * level)
    jump = (jump | (land[1:] & ~land[:-1])).astype(np.float32)
    canvas.lines[1:] = np.where(land[1:], 0.0, canvas.lines[1:])
    np.maximum(canvas.lines[1:], jump, out=canvas.lines[1:])
    _soften_ridges(canvas, seen, jump)


def _soften_ridges(canvas: Canvas, seen: Seen, jump: Plane) -> None:
    """Blend the pixel above each ridge with the ridge by the part of it the ridge covers."""
    rows, columns = np.nonzero(jump)
    number = seen.slice_of[rows + 1, columns] - 1
    covered = np.clip(rows + 1 - seen.top[number, columns], 0.0, 1.0).astype(np.float32)[:, None]
    above, ridge = canvas.colour[rows, columns], canvas.colour[rows + 1, columns]
    canvas.colour[rows, columns] = above + (ridge - above) * covered


def blend(first: Picture | RGB, second: Picture | RGB, share: Plane) -> Picture:
    """Mix two colours, or colour fields, sample by sample."""
    return stacked([a + (b - a) * share for a, b in zip(_channels(first), _channels(second), strict=True)])


def _channels(colour: Picture | RGB) -> list[Plane]:
    return [colour[..., c] for c in range(3)]


def place_on(setting: Setting, view: View, x_px: float, y_px: float) -> float:
    """Depth of the point of flat ground seen at a pixel below the horizon."""
    return view.lift * setting.short / max(y_px - setting.horizon, 0.5) if math.isfinite(x_px) else view.reach
