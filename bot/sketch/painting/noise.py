"""Smooth random fields, blurs and resizes: what Pillow does faster than array code."""

import numpy as np
from PIL import Image, ImageFilter

from bot.sketch.painting.brief import Picture, Plane

BICUBIC = Image.Resampling.BICUBIC
BILINEAR = Image.Resampling.BILINEAR
_FIELD_LIMIT = 384
"""Longer side at which smooth fields are built before one enlargement to their full size."""


def resize_plane(plane: Plane, width: int, height: int, method: Image.Resampling = BICUBIC) -> Plane:
    """``plane`` at another size, in float precision."""
    if plane.shape == (height, width):
        return plane
    return np.asarray(Image.fromarray(plane).resize((width, height), method), dtype=np.float32)


def resize(image: Picture, width: int, height: int, method: Image.Resampling = BICUBIC) -> Picture:
    """``image`` at another size, in float precision, clipped to 0..1."""
    if image.shape[:2] == (height, width):
        return image
    planes = [resize_plane(np.ascontiguousarray(image[..., c]), width, height, method) for c in range(3)]
    result: Picture = np.stack(planes, axis=-1)
    np.clip(result, 0.0, 1.0, out=result)
    return result


def to_image(picture: Picture) -> Image.Image:
    """The picture as Pillow's 8-bit RGB."""
    return Image.fromarray(
        (np.clip(picture, 0.0, 1.0) * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)
    )


def from_image(image: Image.Image) -> Picture:
    """Pillow's 8-bit RGB as a picture."""
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)


def blur_image(picture: Picture, radius: float) -> Picture:
    """A Gaussian blur of ``radius`` pixels in 8-bit precision; wide ones are done at a reduced size."""
    height, width = picture.shape[:2]
    image = to_image(picture)
    reduce = max(1, int(radius / 2.0))
    if reduce > 1:
        image = image.resize((max(1, width // reduce), max(1, height // reduce)), Image.Resampling.BOX)
    image = image.filter(ImageFilter.GaussianBlur(radius / reduce))
    return from_image(image.resize((width, height), BILINEAR) if reduce > 1 else image)


def blur_plane(plane: Plane, radius: float) -> Plane:
    """A Gaussian blur of a plane with values 0..1, in 8-bit precision."""
    height, width = plane.shape
    image = Image.fromarray((np.clip(plane, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8))
    reduce = max(1, int(radius / 2.0))
    if reduce > 1:
        image = image.resize((max(1, width // reduce), max(1, height // reduce)), Image.Resampling.BOX)
    image = image.filter(ImageFilter.GaussianBlur(radius / reduce))
    if reduce > 1:
        image = image.resize((width, height), BILINEAR)
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)


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
        total += np.float32(amplitude) * resize_plane(grid, wide, high)
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
