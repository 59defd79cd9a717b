"""Arithmetic on pictures that several nodes share: scaling, cropping, masks, bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bot.sketch.nodes.values import Images, Mask
from bot.sketch.painting import FloatImage

FILTERS = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bislerp": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Pillow's filters by ComfyUI's names. Pillow smooths when it shrinks; torch's bilinear does not."""


def resize_plane(plane: NDArray[np.float32], width: int, height: int, method: str) -> NDArray[np.float32]:
    """One channel, shape (height, width), in another size."""
    if plane.shape == (height, width):
        return plane
    source = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32), "F")
    return np.asarray(source.resize((width, height), FILTERS[method]), dtype=np.float32)


def resize_picture(picture: FloatImage, width: int, height: int, method: str) -> FloatImage:
    """One picture in another size, values kept within 0..1."""
    if picture.shape[:2] == (height, width):
        return picture
    planes = [resize_plane(picture[..., channel], width, height, method) for channel in range(3)]
    return np.clip(np.stack(planes, axis=-1), 0.0, 1.0).astype(np.float32)


def scale(images: Images, width: int, height: int, method: str, crop: str = "disabled") -> Images:
    """Every picture in another size; ``crop="center"`` first cuts what would be distorted."""
    if crop == "center":
        images = crop_to_ratio(images, width, height)
    return np.stack([resize_picture(picture, width, height, method) for picture in images])


def crop_to_ratio(images: Images, width: int, height: int) -> Images:
    """The largest central part with the ratio of ``width`` to ``height``."""
    high, wide = images.shape[1:3]
    x = y = 0
    if wide * height > width * high:
        x = round((wide - wide * (width / height) / (wide / high)) / 2)
    else:
        y = round((high - high * (wide / high) / (width / height)) / 2)
    return images[:, y : high - y, x : wide - x]


def multiple_of_8(images: Images) -> Images:
    """The central part whose sides are multiples of 8, as VAE encoders cut it."""
    high, wide = images.shape[1:3]
    y, x = high % 8 // 2, wide % 8 // 2
    return images[:, y : y + high // 8 * 8, x : x + wide // 8 * 8]


def fit_mask(mask: Mask, width: int, height: int, batch: int) -> Mask:
    """A mask for ``batch`` pictures of that size; shorter batches of masks are repeated."""
    planes = [resize_plane(mask[index % len(mask)], width, height, "bilinear") for index in range(batch)]
    return np.clip(np.stack(planes), 0.0, 1.0).astype(np.float32)


def grow_mask(mask: Mask, by: int) -> Mask:
    """A mask of 0 and 1 whose areas reach about ``by`` / 2 pixels further each way."""
    solid = (mask.round() > 0).astype(np.float32)
    if by < 2:
        return solid
    reach = by // 2
    padded = np.pad(solid, ((0, 0), (reach, reach), (reach, reach)))
    for axis in (1, 2):
        shifted = [np.roll(padded, offset, axis) for offset in range(-reach, reach + 1)]
        padded = np.maximum.reduce(shifted)
    return padded[:, reach:-reach, reach:-reach]


def to_pil(picture: FloatImage) -> Image.Image:
    """8-bit RGB, cut off (not rounded) as ComfyUI does."""
    return Image.fromarray((np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8), "RGB")


def from_pil(picture: Image.Image) -> FloatImage:
    return np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255.0)
