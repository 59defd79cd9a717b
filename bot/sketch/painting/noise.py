"""Smooth random fields, built from small random grids that Pillow enlarges."""

import numpy as np
from PIL import Image

from bot.sketch.painting.brief import FloatImage, Plane


def resize_plane(
    plane: Plane, width: int, height: int, method: Image.Resampling = Image.Resampling.BICUBIC
) -> Plane:
    """``plane`` at another size, in float precision."""
    if plane.shape == (height, width):
        return plane
    resized = Image.fromarray(plane, mode=None).resize((width, height), method)
    return np.asarray(resized, dtype=np.float32)


def resize(
    image: FloatImage, width: int, height: int, method: Image.Resampling = Image.Resampling.BICUBIC
) -> FloatImage:
    """``image`` at another size, in float precision, clipped to 0..1."""
    if image.shape[:2] == (height, width):
        return image
    planes = [resize_plane(np.ascontiguousarray(image[..., c]), width, height, method) for c in range(3)]
    result: FloatImage = np.stack(planes, axis=-1)
    return np.clip(result, 0.0, 1.0, out=result)


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
    total = np.zeros((height, width), dtype=np.float32)
    longest = max(width, height)
    amplitude, norm = 1.0, 0.0
    for octave in range(octaves):
        frequency = cells * 2.0**octave
        across = int(np.ceil(frequency * width / longest)) + 3
        down = int(np.ceil(frequency * stretch * height / longest)) + 3
        grid = rng.uniform(-1.0, 1.0, (min(down, 4096), min(across, 4096))).astype(np.float32)
        if across > 2 * width or down > 2 * height:
            break
        total += amplitude * resize_plane(grid, width, height)
        norm += amplitude
        amplitude *= gain
    return total / np.float32(max(norm, 1e-6)) * np.float32(1.5)
