"""Smooth random fields, built from small random grids that Pillow enlarges."""

import numpy as np

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.pixels import BICUBIC, BILINEAR, resize_plane

_FIELD_LIMIT = 288
"""Longer side at which smooth fields are built before one enlargement to their full size."""


def fractal(
    rng: np.random.Generator,
    width: int,
    height: int,
    cells: float,
    octaves: int,
    *,
    stretch: float = 1.0,
    gain: float = 0.5,
) -> Plane:
    """Fractal value noise, about -1..1: ``cells`` waves on the longer side, ``stretch`` > 1 lies flat."""
    longest = max(width, height)
    scale = min(1.0, _FIELD_LIMIT / longest)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    total = np.zeros((high, wide), dtype=np.float32)
    amplitude, norm = 1.0, 0.0
    for octave in range(octaves):
        frequency = cells * 2.0**octave
        across, down = int(frequency * width / longest) + 3, int(frequency * stretch * height / longest) + 3
        if octave and (across > wide or down > high):
            break
        grid = rng.uniform(-1.0, 1.0, (min(down, 1024), min(across, 1024))).astype(np.float32)
        total += np.float32(amplitude) * resize_plane(grid, wide, high, BICUBIC if octave < 2 else BILINEAR)
        norm += amplitude
        amplitude *= gain
    total *= np.float32(1.6 / norm)
    return resize_plane(total, width, height, BILINEAR)


def line(rng: np.random.Generator, length: int, cells: float, octaves: int, gain: float = 0.5) -> Plane:
    """One row of fractal noise, shape (length,), about -1..1."""
    total = np.zeros(length, dtype=np.float32)
    amplitude, norm = 1.0, 0.0
    for octave in range(octaves):
        count = int(cells * 2**octave) + 3
        knots = rng.uniform(-1.0, 1.0, count).astype(np.float32)
        if octave and count > length:
            break
        total += np.float32(amplitude) * resize_plane(knots[None, :], length, 1)[0]
        norm += amplitude
        amplitude *= gain
    return total * np.float32(1.5 / norm)


def smoothstep(low: float, high: float, value: Plane) -> Plane:
    """0 at ``low``, 1 at ``high`` (which may be the smaller), an S-curve between."""
    t: Plane = np.clip((value - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    curve: Plane = t * t * (3.0 - 2.0 * t)
    return curve


def ramp(low: float, high: float, value: float) -> float:
    """``smoothstep`` of one number."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def grain(rng: np.random.Generator, width: int, height: int, tile: int = 256) -> Plane:
    """White noise -1..1 of a repeated tile: fine texture nobody can see repeat."""
    small = rng.uniform(-1.0, 1.0, (min(tile, height), min(tile, width))).astype(np.float32)
    repeats = (-(-height // small.shape[0]), -(-width // small.shape[1]))
    return np.tile(small, repeats)[:height, :width]
