"""Nodes that load, make, scale, cut and combine pictures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from bot.sketch.files import Folders, OutsideFolder
from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import MAX_SIDE, V3_FLAGS, Input, choice, combo, integer, link, node, number
from bot.sketch.nodes.pixels import from_pil, scale
from bot.sketch.nodes.values import Images, Mask, UpscaleModel
from bot.sketch.painting import upscale
from bot.sketch.vram import MEGAPIXEL, pixels_mb

_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "lanczos")
_CHANNELS = {"alpha": "A", "red": "R", "green": "G", "blue": "B"}
_NO_MASK = (1, 64, 64)
"""Shape of the empty mask of a picture without transparency."""


def _refuse_missing(folders: Folders, value: Any) -> str | None:
    try:
        known = folders.annotated(str(value)).is_file()
    except OutsideFolder:
        known = False
    return None if known else f"Invalid image file: {value}"


def _content_hash(folders: Folders, inputs: Mapping[str, Any]) -> str:
    """An uploaded file may change under its name: then nodes that read it run again."""
    try:
        return hashlib.sha256(folders.annotated(str(inputs.get("image"))).read_bytes()).hexdigest()
    except (OSError, OutsideFolder):
        return "missing"


_INPUT_IMAGE = Input("COMBO", {"image_upload": True}, Folders.input_images, old_combo=True)
_FROM_FILE: dict[str, Any] = {"validate": {"image": _refuse_missing}, "fingerprint": _content_hash}


@node(
    "LoadImage",
    "Load Image",
    "image",
    inputs={"image": _INPUT_IMAGE},
    outputs=("IMAGE", "MASK"),
    **_FROM_FILE,
)
def load_image(run: NodeRun, image: str) -> tuple[Images, Mask]:
    """All frames of the first one's size, and what is transparent as a mask."""
    pictures, masks = [], []
    with Image.open(run.folders.annotated(image)) as file:
        run.claim(pixels_mb(file.width, file.height, getattr(file, "n_frames", 1)))
        size = ImageOps.exif_transpose(file).size
        for frame in ImageSequence.Iterator(file):
            upright = ImageOps.exif_transpose(frame)
            if upright.size != size:
                continue
            pictures.append(from_pil(upright))
            masks.append(_transparency(upright))
    return np.stack(pictures), np.stack(masks)


def _transparency(picture: Image.Image) -> Mask:
    if "A" in picture.getbands():
        alpha = np.asarray(picture.getchannel("A"), dtype=np.float32)
    elif picture.mode == "P" and "transparency" in picture.info:
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"), dtype=np.float32)
    else:
        return np.zeros(_NO_MASK[1:], dtype=np.float32)
    return np.float32(1.0) - alpha / np.float32(255.0)


@node(
    "LoadImageMask",
    "Load Image (as Mask)",
    "image",
    inputs={"image": _INPUT_IMAGE, "channel": choice(tuple(_CHANNELS))},
    outputs=("MASK",),
    **_FROM_FILE,
)
def load_image_mask(run: NodeRun, image: str, channel: str) -> tuple[Mask]:
    """One channel as a mask; alpha is turned round, so that 1 is transparent."""
    with Image.open(run.folders.annotated(image)) as file:
        run.claim(pixels_mb(file.width, file.height, 1))
        upright = ImageOps.exif_transpose(file)
        if channel == "alpha" and "A" not in upright.getbands():
            return (np.zeros(_NO_MASK, dtype=np.float32),)
        plane = np.asarray(upright.convert("RGBA").getchannel(_CHANNELS[channel]), dtype=np.float32)
    mask = (plane / np.float32(255.0))[None]
    return (1.0 - mask if channel == "alpha" else mask,)


@node(
    "EmptyImage",
    "Empty Image",
    "image",
    inputs={
        "width": integer(512, 1, MAX_SIDE, step=1),
        "height": integer(512, 1, MAX_SIDE, step=1),
        "batch_size": integer(1, 1, 4096),
        "color": integer(0, 0, 0xFFFFFF, step=1, display="color"),
    },
    outputs=("IMAGE",),
)
def empty_image(run: NodeRun, width: int, height: int, batch_size: int, color: int) -> tuple[Images]:
    run.claim(pixels_mb(width, height, batch_size))
    rgb = np.array([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], dtype=np.float32) / np.float32(
        255.0
    )
    return (np.broadcast_to(rgb, (batch_size, height, width, 3)).copy(),)


@node(
    "ImageScale",
    "Upscale Image",
    "image/upscaling",
    inputs={
        "image": link("IMAGE", bare=True),
        "upscale_method": choice(_METHODS),
        "width": integer(512, 0, MAX_SIDE, step=1),
        "height": integer(512, 0, MAX_SIDE, step=1),
        "crop": choice(("disabled", "center")),
    },
    outputs=("IMAGE",),
)
def image_scale(
    run: NodeRun, image: Images, upscale_method: str, width: int, height: int, crop: str
) -> tuple[Images]:
    """A side of 0 follows from the other one; two of 0 change nothing."""
    high, wide = image.shape[1:3]
    if width == 0 and height == 0:
        return (image,)
    if width == 0:
        width = max(1, round(wide * height / high))
    elif height == 0:
        height = max(1, round(high * width / wide))
    return (_scaled(run, image, width, height, upscale_method, crop),)


@node(
    "ImageScaleBy",
    "Upscale Image By",
    "image/upscaling",
    inputs={
        "image": link("IMAGE", bare=True),
        "upscale_method": choice(_METHODS),
        "scale_by": number(1.0, 0.01, 8.0, step=0.01),
    },
    outputs=("IMAGE",),
)
def image_scale_by(run: NodeRun, image: Images, upscale_method: str, scale_by: float) -> tuple[Images]:
    high, wide = image.shape[1:3]
    return (_scaled(run, image, round(wide * scale_by), round(high * scale_by), upscale_method),)


@node(
    "ImageScaleToTotalPixels",
    "Scale Image to Total Pixels",
    "image/upscaling",
    inputs={
        "image": link("IMAGE"),
        "upscale_method": combo(_METHODS),
        "megapixels": number(1.0, 0.01, 16.0, step=0.01),
        "resolution_steps": integer(1, 1, 256, advanced=True),
    },
    outputs=("IMAGE",),
    module="comfy_extras.nodes_post_processing",
    flags=V3_FLAGS,
)
def image_scale_to_total_pixels(
    run: NodeRun, image: Images, upscale_method: str, megapixels: float, resolution_steps: int
) -> tuple[Images]:
    """Both sides become multiples of ``resolution_steps``; a megapixel is 1024 x 1024."""
    high, wide = image.shape[1:3]
    factor = math.sqrt(megapixels * MEGAPIXEL / (wide * high))
    width, height = (round(side * factor / resolution_steps) * resolution_steps for side in (wide, high))
    return (_scaled(run, image, width, height, upscale_method),)


def _scaled(
    run: NodeRun, image: Images, width: int, height: int, method: str, crop: str = "disabled"
) -> Images:
    width, height = max(1, width), max(1, height)
    run.claim(pixels_mb(width, height, len(image)))
    return scale(image, width, height, method, crop)


@node(
    "ImageUpscaleWithModel",
    "Upscale Image (using Model)",
    "image/upscaling",
    inputs={"upscale_model": link("UPSCALE_MODEL"), "image": link("IMAGE")},
    outputs=("IMAGE",),
    module="comfy_extras.nodes_upscale_model",
    flags=V3_FLAGS,
)
def image_upscale_with_model(run: NodeRun, upscale_model: UpscaleModel, image: Images) -> tuple[Images]:
    """One progress step a picture; a picture takes as long as a sampler step over its result."""
    high, wide = (round(side * upscale_model.factor) for side in image.shape[1:3])
    run.claim(pixels_mb(wide, high, len(image)))
    enlarged = []
    for index, picture in enumerate(image, start=1):
        enlarged.append(run.paced(wide * high, partial(upscale, picture, upscale_model.factor)))
        run.progress(index, len(image))
    return (np.stack(enlarged),)


@node(
    "ImageBatch",
    "Batch Images (DEPRECATED)",
    "image/batch",
    inputs={"image1": link("IMAGE", bare=True), "image2": link("IMAGE", bare=True)},
    outputs=("IMAGE",),
    flags={"deprecated": True},
)
def image_batch(run: NodeRun, image1: Images, image2: Images) -> tuple[Images]:
    """The second batch takes the size of the first."""
    high, wide = image1.shape[1:3]
    if image2.shape[1:3] != (high, wide):
        image2 = _scaled(run, image2, wide, high, "bilinear", "center")
    return (np.concatenate((image1, image2)),)


@node(
    "ImageInvert",
    "Invert Image Colors",
    "image/color",
    inputs={"image": link("IMAGE", bare=True)},
    outputs=("IMAGE",),
)
def image_invert(_run: NodeRun, image: Images) -> tuple[Images]:
    return (np.float32(1.0) - image,)


@node(
    "ImageCrop",
    "Crop Image (DEPRECATED)",
    "image/transform",
    inputs={
        "image": link("IMAGE"),
        "width": integer(512, 1, MAX_SIDE, step=1),
        "height": integer(512, 1, MAX_SIDE, step=1),
        "x": integer(0, 0, MAX_SIDE, step=1),
        "y": integer(0, 0, MAX_SIDE, step=1),
    },
    outputs=("IMAGE",),
    module="comfy_extras.nodes_images",
    flags={**V3_FLAGS, "deprecated": True},
)
def image_crop(_run: NodeRun, image: Images, width: int, height: int, x: int, y: int) -> tuple[Images]:
    """A corner outside the picture moves to its last pixel."""
    high, wide = image.shape[1:3]
    x, y = min(x, wide - 1), min(y, high - 1)
    return (image[:, y : y + height, x : x + width],)


@node(
    "GetImageSize",
    "Get Image Size",
    "image",
    inputs={"image": link("IMAGE")},
    outputs=(("INT", "width"), ("INT", "height"), ("INT", "batch_size")),
    hidden={"unique_id": ["UNIQUE_ID"]},
    module="comfy_extras.nodes_images",
    flags=V3_FLAGS,
)
def get_image_size(run: NodeRun, image: Images) -> tuple[int, int, int]:
    batch, high, wide = image.shape[:3]
    run.tell(f"width: {wide}, height: {high}\n batch size: {batch}")
    return wide, high, batch


NODES = (
    load_image,
    load_image_mask,
    empty_image,
    image_scale,
    image_scale_by,
    image_scale_to_total_pixels,
    image_upscale_with_model,
    image_batch,
    image_invert,
    image_crop,
    get_image_size,
)
