"""Input images, checked before anything is uploaded: a file is hostile until shown otherwise."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import ImageRefused
from bot.domain.text import Text
from bot.service.threads import in_thread

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_IMAGE_BYTES = 20 * 1024 * 1024
"""What Telegram lets a bot download; Discord's default upload is half of it."""
MAX_IMAGE_PIXELS = 50_000_000
"""Decoded size: 50 megapixels are 150 MB as RGB, more than any sampler takes as input."""
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}
_READ_AS = {"MPO": "JPEG"}
"""What Pillow calls some files of a format: photographs of several cameras are JPEG with a second picture."""
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    MemoryError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    struct.error,
    zlib.error,
)
"""What decoders raise on damaged files."""


@dataclass(frozen=True, slots=True)
class InputImage:
    """A file that has been opened and decoded once. ``suffix`` follows from its content, not its name. Of
    an animation it is the first picture alone, as PNG; anything else is as it came."""

    content: bytes
    suffix: str
    width: int
    height: int


async def read_input_image(path: Path) -> InputImage:
    """Read and check a file of the user's.

    Raises :class:`ImageRefused` with its own message for a file that is missing, empty, too large, no
    image, damaged, or unpacks to too many pixels.
    """
    return await in_thread(_read, path)


async def check_image(content: bytes, name: str) -> InputImage:
    """The same for bytes that came by network; ``name`` is for messages only."""
    return await in_thread(_check, content, name)


def _read(path: Path) -> InputImage:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ImageRefused(Text("“{name}” is a folder, not an image.", name=path))
        if not stat.S_ISREG(found.st_mode):
            # A device or a pipe may never end, or never begin.
            raise ImageRefused(Text("“{name}” is no ordinary file. Save the image in one.", name=path))
        if found.st_size > MAX_IMAGE_BYTES:
            raise too_large(str(path), found.st_size)
        with path.open("rb") as stream:
            content = stream.read(MAX_IMAGE_BYTES + 1)
    except FileNotFoundError as error:
        raise ImageRefused(Text("There is no file “{name}”.", name=path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageRefused(Text("“{name}” cannot be read: {reason}.", name=path, reason=reason)) from error
    return _check(content, str(path))


def _check(content: bytes, name: str) -> InputImage:
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise ImageRefused(Text("“{name}” is empty.", name=name))
    if len(content) > MAX_IMAGE_BYTES:
        raise too_large(name, len(content))
    # Pillow warns of what it does not refuse: damage, and bombs below its own limit. Ours is lower, and
    # the person hears of damage from us. Not undone afterwards: restoring filters would race with threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with Image.open(io.BytesIO(content), formats=tuple(_SUFFIXES)) as image:
            width, height = image.size
            if width * height > MAX_IMAGE_PIXELS:
                raise _too_many_pixels(name, width, height)
            image.load()
            kind = image.format or "PNG"
            if kind not in _READ_AS and getattr(image, "is_animated", False):
                # A server would paint every one of its pictures, hundreds maybe, as one batch.
                content, kind = _as_png(image), "PNG"
                if len(content) > MAX_IMAGE_BYTES:
                    raise too_large(name, len(content))
            return InputImage(content, _SUFFIXES[_READ_AS.get(kind, kind)], width, height)
    except Image.DecompressionBombError as error:
        raise ImageRefused(
            Text("“{name}” unpacks to far too many pixels. Send a smaller picture.", name=name)
        ) from error
    except UnidentifiedImageError as error:
        raise ImageRefused(
            Text("“{name}” is not an image that can be used. Send PNG, JPEG or WebP.", name=name)
        ) from error
    except DECODER_ERRORS as error:
        raise ImageRefused(
            Text("“{name}” is damaged: it cannot be decoded to the end.", name=name), cause=repr(error)
        ) from error


def _as_png(image: Image) -> bytes:
    """The picture that is loaded."""
    stream = io.BytesIO()
    image.convert("RGBA" if image.has_transparency_data else "RGB").save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def too_large(name: str, size: int) -> ImageRefused:
    """For a file of so many bytes."""
    return ImageRefused(
        Text(
            "“{name}” has {size} MB; at most {limit} MB are taken.",
            name=name,
            size=round(size / 1024**2, 1),
            limit=MAX_IMAGE_BYTES // 1024**2,
        )
    )


def _too_many_pixels(name: str, width: int, height: int) -> ImageRefused:
    return ImageRefused(
        Text(
            "“{name}” has {width} × {height} pixels; at most {limit} megapixels are taken.",
            name=name,
            width=width,
            height=height,
            limit=MAX_IMAGE_PIXELS // 1_000_000,
        )
    )
