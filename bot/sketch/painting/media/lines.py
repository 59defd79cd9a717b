"""Drawn line: contours from forms and from tones, and hatching."""

import math

import numpy as np
from PIL import Image

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.media.easel import Easel, lightness
from bot.sketch.painting.noise import fractal, smoothstep
from bot.sketch.painting.pixels import pick, resize_plane

_LINE_FIELD = 720
"""Longer side at which tone lines are found; they are enlarged smoothly, so strokes keep their weight."""


def tone_lines(easel: Easel, sharpness: float, level: float) -> Plane:
    """Ink (0..1) along changes of tone and in the deepest shadows.

    Winnemöller's extended difference of Gaussians ("XDoG", 2011) with binomial blurs.
    """
    scale = min(1.0, _LINE_FIELD / max(easel.width, easel.height))
    wide, high = max(round(easel.width * scale), 2), max(round(easel.height * scale), 2)
    light = resize_plane(np.ascontiguousarray(lightness(easel.colour)), wide, high, Image.Resampling.BOX)
    fine = soften(light, 1)
    broad = soften(fine, 3)
    difference = (1 + sharpness) * fine - sharpness * broad
    tone: Plane = np.where(difference > level, 1.0, 1.0 + np.tanh((difference - level) * 9.0))
    return resize_plane((1.0 - tone).astype(np.float32), easel.width, easel.height)


def contours(easel: Easel, weight: float, wobble: float) -> Plane:
    """Ink (0..1) along the forms' outlines, as a hand draws them: uneven and a little off."""
    thick = max(1, round(easel.short * 0.0018 * weight))
    lines = displaced(easel.lines, easel, "contour", wobble)
    for _ in range(thick):
        lines = _spread(lines)
    pressure = 0.72 + 0.4 * fractal(easel.rng("pressure"), easel.width, easel.height, 14.0, 2)
    drawn: Plane = np.clip(soften(lines, 1) * 1.5 * np.clip(pressure, 0.2, 1.0), 0.0, 1.0)
    return drawn


def hatch(easel: Easel, tone: Plane, angle: float, spacing: float) -> Plane:
    """Parallel strokes (0..1), thicker where ``tone`` (0..1) is darker and absent where it is 1.

    ``spacing`` is a share of the shorter side.
    """
    period = max(easel.short * spacing, 3.0)
    x = np.arange(easel.width, dtype=np.float32)[None, :] * math.cos(angle)
    y = np.arange(easel.height, dtype=np.float32)[:, None] * math.sin(angle)
    sway = fractal(easel.rng("hatch", round(angle, 2)), easel.width, easel.height, 9.0, 3)
    wave = np.abs(((x + y) / period + sway * 0.55) % 1.0 - 0.5) * 2.0
    lifted = fractal(easel.rng("lift", round(angle, 2)), easel.width, easel.height, 26.0, 2, stretch=1.5)
    fill = np.clip(1.0 - tone + 0.14 * lifted, 0.0, 1.0)
    soft = 1.6 / period
    strokes: Plane = np.clip((fill - wave) / soft * 0.5 + 0.5, 0.0, 1.0) * smoothstep(0.02, 0.14, fill)
    return strokes


def displaced(picture: Picture | Plane, easel: Easel, name: str, amount: float) -> Picture:
    """``picture`` seen through an uneven hand: every point moved by up to about ``amount`` pixels."""
    if amount < 0.3:
        return picture
    height, width = picture.shape[:2]
    shift = [fractal(easel.rng(name, axis), width, height, 9.0, 3) * amount for axis in range(2)]
    across = np.clip(np.arange(width)[None, :] + shift[0], 0, width - 1).astype(np.int64)
    down = np.clip(np.arange(height)[:, None] + shift[1], 0, height - 1).astype(np.int64)
    index = down * width + across
    return picture.reshape(-1).take(index) if picture.ndim == 2 else pick(picture, index)


def soften(plane: Plane, passes: int) -> Plane:
    """Repeated binomial blur, each pass one pixel wide."""
    for _ in range(passes):
        padded = np.pad(plane, 1, mode="edge")
        rows = padded[:-2] + padded[1:-1] * 2 + padded[2:]
        plane = (rows[:, :-2] + rows[:, 1:-1] * 2 + rows[:, 2:]) * np.float32(1 / 16)
    return plane


def _spread(plane: Plane) -> Plane:
    result = plane.copy()
    np.maximum(result[1:], plane[:-1], out=result[1:])
    np.maximum(result[:, 1:], plane[:, :-1], out=result[:, 1:])
    return result
