"""Array work on pictures. They lie in memory plane by plane, behind a (height, width, 3) view.

NumPy runs its inner loop along the densest axis: with the three channels outermost in memory every
operation between a picture and a mask runs over whole rows instead of triples, several times faster.
Functions here make such pictures; all of them accept any layout.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from bot.sketch.painting.brief import Picture, Plane

BICUBIC = Image.Resampling.BICUBIC
BILINEAR = Image.Resampling.BILINEAR
BOX = Image.Resampling.BOX
_TONES = 1024


def empty(height: int, width: int) -> Picture:
    """A black picture."""
    picture: Picture = np.moveaxis(np.zeros((3, height, width), dtype=np.float32), 0, -1)
    return picture


def stacked(planes: Sequence[Plane]) -> Picture:
    """A picture (or any field of colours) of its three planes."""
    picture: Picture = np.moveaxis(np.stack(planes).astype(np.float32, copy=False), 0, -1)
    return picture


def pick(picture: Picture, index: NDArray[np.int64]) -> Picture:
    """The pixels at flat indices, in the index's shape."""
    return stacked([np.ascontiguousarray(picture[..., c]).reshape(-1).take(index) for c in range(3)])


def toned(level: Plane, at: Sequence[float], colours: Sequence[NDArray[np.float32]]) -> Picture:
    """Each level (0..1) in the colour that lies there between the ``colours`` standing at ``at``."""
    ladder = np.linspace(0.0, 1.0, _TONES)
    index = np.clip(level * np.float32(_TONES - 1) + 0.5, 0, _TONES - 1).astype(np.int32)
    tables = [np.interp(ladder, at, [colour[c] for colour in colours]).astype(np.float32) for c in range(3)]
    return stacked([table.take(index) for table in tables])


def weighed(picture: Picture, weights: Sequence[float]) -> Plane:
    """The weighted sum of the channels; written out, for a BLAS sums differently on every machine."""
    first, second, third = (float(weight) for weight in weights)
    plane: Plane = picture[..., 0] * first + picture[..., 1] * second + picture[..., 2] * third
    return plane


def brightest(picture: Picture) -> Plane:
    """The largest of each pixel's channels."""
    plane: Plane = np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])
    return plane


def to_image(picture: Picture) -> Image.Image:
    """The picture as Pillow's 8-bit RGB."""
    bytes_ = np.empty((*picture.shape[:2], 3), dtype=np.uint8)
    for channel in range(3):
        plane = picture[..., channel] * 255.0
        plane += 0.5
        bytes_[..., channel] = np.clip(plane, 0.0, 255.0, out=plane)
    return Image.fromarray(bytes_)


def from_image(image: Image.Image) -> Picture:
    """Pillow's 8-bit RGB as a picture."""
    bytes_ = np.asarray(image)
    picture = empty(*bytes_.shape[:2])
    for channel in range(3):
        np.multiply(bytes_[..., channel], np.float32(1 / 255), out=picture[..., channel])
    return picture


def plane_to_image(plane: Plane) -> Image.Image:
    """A plane of 0..1 as Pillow's 8-bit grey."""
    return Image.fromarray((np.clip(plane, 0.0, 1.0) * 255.0).astype(np.uint8))


def plane_from_image(image: Image.Image) -> Plane:
    """Pillow's 8-bit grey as a plane of 0..1."""
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)


def resize_plane(plane: Plane, width: int, height: int, method: Image.Resampling = BICUBIC) -> Plane:
    """``plane`` at another size, in float precision."""
    if plane.shape == (height, width):
        return plane
    contiguous = np.ascontiguousarray(plane, dtype=np.float32)
    return np.asarray(Image.fromarray(contiguous).resize((width, height), method), dtype=np.float32)


def resize(picture: Picture, width: int, height: int, method: Image.Resampling = BICUBIC) -> Picture:
    """``picture`` at another size, in float precision, clipped to 0..1."""
    if picture.shape[:2] == (height, width):
        return picture
    result = stacked([resize_plane(picture[..., c], width, height, method) for c in range(3)])
    np.clip(result, 0.0, 1.0, out=result)
    return result


def blur_image(picture: Picture, radius: float) -> Picture:
    """A Gaussian blur of ``radius`` pixels in 8-bit precision; wide ones are done at a reduced size."""
    return from_image(_blurred(to_image(picture), radius))


def blur_plane(plane: Plane, radius: float) -> Plane:
    """A Gaussian blur of a plane with values 0..1, in 8-bit precision."""
    return plane_from_image(_blurred(plane_to_image(plane), radius))


def _blurred(image: Image.Image, radius: float) -> Image.Image:
    width, height = image.size
    reduce = max(1, int(radius / 1.6))
    if reduce > 1:
        image = image.resize((max(1, width // reduce), max(1, height // reduce)), BOX)
    image = image.filter(ImageFilter.GaussianBlur(radius / reduce))
    return image.resize((width, height), BILINEAR) if reduce > 1 else image
