"""The sketch's upscale model: a resize that keeps edges crisp."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from bot.sketch.painting.brief import FloatImage, Plane
from bot.sketch.painting.pixels import resize_plane

_AMOUNT = np.float32(1.2)


def upscale(image: FloatImage, factor: float) -> FloatImage:
    """``image`` enlarged by ``factor`` (at least one pixel each way), sharper than a plain resize.

    Lanczos enlargement and an unsharp mask whose overshoot is clamped to the range of the source's
    neighbouring pixels, so edges steepen and no halo appears.
    """
    height, width = image.shape[:2]
    return enlarge_to(image, max(1, round(width * factor)), max(1, round(height * factor)))


def enlarge_to(image: FloatImage, wide: int, high: int) -> FloatImage:
    """``image`` at ``wide`` x ``high`` pixels, as ``upscale`` does it."""
    result = np.empty((high, wide, 3), dtype=np.float32)
    for channel in range(3):
        source = np.ascontiguousarray(image[..., channel], dtype=np.float32)
        result[..., channel] = _enlarge_plane(source, wide, high)
    np.clip(result, 0.0, 1.0, out=result)
    return result


def _enlarge_plane(source: Plane, wide: int, high: int) -> Plane:
    large = resize_plane(source, wide, high, Image.Resampling.LANCZOS)
    if wide <= source.shape[1] and high <= source.shape[0]:
        return large
    soft = resize_plane(_soften(source), wide, high, Image.Resampling.BICUBIC)
    low = resize_plane(_extreme(source, np.minimum), wide, high, Image.Resampling.BILINEAR)
    peak = resize_plane(_extreme(source, np.maximum), wide, high, Image.Resampling.BILINEAR)
    crisp: Plane = large + _AMOUNT * (large - soft)
    np.maximum(crisp, low, out=crisp)
    np.minimum(crisp, peak, out=crisp)
    return crisp


def _soften(plane: Plane) -> Plane:
    padded: Plane = np.pad(plane, 1, mode="edge")
    rows: Plane = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) * np.float32(0.25)
    soft: Plane = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) * np.float32(0.25)
    return soft


def _extreme(plane: Plane, pick: Callable[[Plane, Plane], Plane]) -> Plane:
    padded = np.pad(plane, 1, mode="edge")
    rows = pick(pick(padded[:-2], padded[1:-1]), padded[2:])
    return pick(pick(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
