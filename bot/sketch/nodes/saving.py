"""Output nodes: files in the output or temp folder, pictures over the websocket, text."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bot.sketch.noderun import NodeRun, Preview
from bot.sketch.nodes.declare import V3_FLAGS, Input, Shown, boolean, combo, integer, link, node, number, text
from bot.sketch.nodes.pixels import to_pil
from bot.sketch.nodes.values import Images
from bot.sketch.painting import FloatImage, stamp

_HIDDEN = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
_HIDDEN_V3 = {"prompt": ["PROMPT"], "extra_pnginfo": ["EXTRA_PNGINFO"]}
_MODULE: dict[str, Any] = {"module": "comfy_extras.nodes_images", "flags": V3_FLAGS, "hidden": _HIDDEN_V3}
_WEBP_METHODS = {"default": 4, "fastest": 0, "slowest": 6}
_TEMP_PREFIX = "ComfyUI_temp_sktch"


@node(
    "SaveImage",
    "Save Image",
    "image",
    inputs={"images": link("IMAGE"), "filename_prefix": text(default="ComfyUI")},
    outputs=(("IMAGE", "images"),),
    is_output=True,
    hidden=_HIDDEN,
)
def save_image(run: NodeRun, images: Images, filename_prefix: str) -> Shown:
    return Shown({"images": _save_pngs(run, images, "output", filename_prefix, 4)}, (images,))


@node(
    "PreviewImage",
    "Preview Image",
    "image",
    inputs={"images": link("IMAGE", bare=True)},
    outputs=(("IMAGE", "images"),),
    is_output=True,
    hidden=_HIDDEN,
)
def preview_image(run: NodeRun, images: Images) -> Shown:
    return Shown({"images": _save_pngs(run, images, "temp", _TEMP_PREFIX, 1)}, (images,))


def _save_pngs(run: NodeRun, images: Images, kind: str, prefix: str, level: int) -> list[dict[str, str]]:
    place = run.save_place(kind, prefix, images.shape[2], images.shape[1])
    saved = []
    for index, picture in enumerate(images):
        name = place.name(index, ".png")
        marked(picture).save(place.folder / name, pnginfo=_png_info(run), compress_level=level)
        saved.append({"filename": name, "subfolder": place.subfolder, "type": kind})
    return saved


def marked(picture: FloatImage) -> Image.Image:
    """The picture with its "sketch" mark: nothing leaves the engine without it."""
    return to_pil(stamp(picture))


def _metadata(run: NodeRun) -> Mapping[str, str]:
    """What ComfyUI writes into pictures: the graph, and whatever the client sent along."""
    return {
        "prompt": json.dumps(run.graph),
        **{key: json.dumps(value) for key, value in run.extra_pnginfo.items()},
    }


def _png_info(run: NodeRun) -> PngInfo:
    info = PngInfo()
    for key, value in _metadata(run).items():
        info.add_text(key, value)
    return info


@node(
    "SaveAnimatedWEBP",
    "Save Animated WEBP",
    "image",
    inputs={
        "images": link("IMAGE"),
        "filename_prefix": text(default="ComfyUI", multiline=False),
        "fps": number(6.0, 0.01, 1000.0, step=0.01),
        "lossless": boolean(default=True),
        "quality": integer(80, 0, 100),
        "method": combo(tuple(_WEBP_METHODS)),
    },
    outputs=(("IMAGE", "images"),),
    is_output=True,
    **_MODULE,
)
def save_animated_webp(
    run: NodeRun, images: Images, filename_prefix: str, fps: float, lossless: bool, quality: int, method: str
) -> Shown:
    """The graph goes into the EXIF tags that ComfyUI uses: camera model, then downwards from make."""
    place = run.save_place("output", filename_prefix, images.shape[2], images.shape[1])
    name = place.name(0, ".webp")
    frames = [marked(picture) for picture in images]
    exif = frames[0].getexif()
    for tag, (key, value) in zip(range(0x0110, 0, -1), _metadata(run).items(), strict=False):
        exif[tag] = f"{key}:{value}"
    frames[0].save(
        place.folder / name,
        save_all=True,
        append_images=frames[1:],
        duration=int(1000.0 / fps),
        lossless=lossless,
        quality=quality,
        method=_WEBP_METHODS[method],
        exif=exif,
    )
    return _animation(place.subfolder, name, images)


@node(
    "SaveAnimatedPNG",
    "Save Animated PNG",
    "image",
    inputs={
        "images": link("IMAGE"),
        "filename_prefix": text(default="ComfyUI", multiline=False),
        "fps": number(6.0, 0.01, 1000.0, step=0.01),
        "compress_level": integer(4, 0, 9, advanced=True),
    },
    outputs=(("IMAGE", "images"),),
    is_output=True,
    **_MODULE,
)
def save_animated_png(
    run: NodeRun, images: Images, filename_prefix: str, fps: float, compress_level: int
) -> Shown:
    place = run.save_place("output", filename_prefix, images.shape[2], images.shape[1])
    name = place.name(0, ".png")
    frames = [marked(picture) for picture in images]
    frames[0].save(
        place.folder / name,
        save_all=True,
        append_images=frames[1:],
        duration=int(1000.0 / fps),
        pnginfo=_png_info(run),
        compress_level=compress_level,
    )
    return _animation(place.subfolder, name, images)


def _animation(subfolder: str, name: str, images: Images) -> Shown:
    entry = {"filename": name, "subfolder": subfolder, "type": "output"}
    return Shown({"images": [entry], "animated": [True]}, (images,))


@node(
    "SaveImageWebsocket",
    "Save Image (Websocket)",
    "image",
    inputs={"images": link("IMAGE", bare=True)},
    is_output=True,
    module="custom_nodes.websocket_image_save",
)
def save_image_websocket(run: NodeRun, images: Images) -> Shown:
    """Sends each picture as a preview frame, PNG and full size; nothing is written."""
    for index, picture in enumerate(images):
        buffer = io.BytesIO()
        marked(picture).save(buffer, "PNG")
        run.progress(index, len(images), Preview("PNG", buffer.getvalue()))
    return Shown({})


@node(
    "PreviewAny",
    "Preview as Text",
    "utilities",
    inputs={"source": Input("*", {})},
    outputs=("STRING",),
    is_output=True,
    module="comfy_extras.nodes_preview_any",
)
def preview_any(_run: NodeRun, source: Any = None) -> Shown:
    if source is None or isinstance(source, str | int | float | bool):
        shown = str(source)
    else:
        try:
            shown = json.dumps(source, indent=4)
        except TypeError:
            shown = str(source)
    return Shown({"text": [shown]}, (shown,))


NODES = (
    save_image,
    preview_image,
    save_animated_webp,
    save_animated_png,
    save_image_websocket,
    preview_any,
)
