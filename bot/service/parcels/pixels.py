"""Pictures decoded, flattened, encoded. Blocking; for threads only.

Files come from a ComfyUI server and may be damaged or worse: None is what becomes of such. Encoders are
used such that the interpreter is let go while they work: JPEG's ``optimize`` and ``progressive`` hold it for
as long as a picture takes, a quarter of a second for 4096 x 4096.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from bot.service.images import DECODER_ERRORS
from bot.service.parcels.limits import JPEG, WEBP

FAILURES = (Image.DecompressionBombError, Image.DecompressionBombWarning, *DECODER_ERRORS)
WHITE = (255, 255, 255)
WEBP_SIDE, JPEG_SIDE = 16_383, 65_500
"""Most pixels of a side that the formats allow."""

_READABLE = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
_STORED_WITHOUT_LOSS = ("PNG", "BMP", "TIFF")
_ORDINARY = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}
_LARGEST_PROFILE = 64 * 1024
_STRIP = 1 << 20
"""Pixels that are flattened at a time: it holds the interpreter."""
_FIRST_EFFORT, _SECOND_EFFORT = (0, 0), (2, 20)
"""WebP's method and quality: a third of the time, or a seventh less bytes."""
_NEAR = 1.4
"""What the second effort has any prospect of making up for."""
_MOST_WITHOUT_LOSS = 4096 * 4096
"""Pixels: each takes 24 bytes of memory then, beside its own four."""
_SAMPLED_FROM = 4_000_000
_SAMPLE_SIDE, _SAMPLES = 256, 4


@dataclass(frozen=True, slots=True)
class Decoded:
    """A still picture, RGB or RGBA, upright. ``exact``: all that its file tells of its pixels is here, and
    was stored without loss."""

    image: Image.Image
    exact: bool
    profile: bytes | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    content: bytes
    mime: str
    width: int
    height: int

    @property
    def size(self) -> int:
        return len(self.content)


def quiet() -> None:
    """Pillow warns of what it does not refuse, damage and large sizes; both are looked after here. Not
    undone afterwards: restoring filters would race with threads."""
    warnings.filterwarnings("ignore", module=r"PIL\.")


def dimensions(path: Path) -> tuple[int, int]:
    """By the header; (0, 0) for what is no picture that can be decoded."""
    quiet()
    try:
        with Image.open(path, formats=_READABLE) as image:
            return image.size
    except FAILURES:
        return 0, 0


def decode(path: Path, most_pixels: int) -> Decoded | None:
    """None: it is damaged, animated, of several pages, of an unknown format, or has too many pixels."""
    quiet()
    try:
        with Image.open(path, formats=_READABLE) as image:
            if image.width * image.height > most_pixels or _several(image):
                return None
            # Samples of 16 bits lose half of them in Pillow.
            exact = (
                image.format in _STORED_WITHOUT_LOSS
                and image.mode in _ORDINARY
                and ";16" not in str(getattr(image, "tile", ""))
            )
            profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA", "P"} else None
            ordinary = _ordinary(image)
    except FAILURES:
        return None
    if not isinstance(profile, bytes) or len(profile) > _LARGEST_PROFILE:
        profile = None
    return None if ordinary is None else Decoded(ordinary, exact, profile)


def thumbnail(path: Path, box: tuple[int, int], most_pixels: int) -> Image.Image | None:
    """RGB, within ``box``, never enlarged; of an animation its first picture. None: see :func:`decode`."""
    quiet()
    try:
        with Image.open(path, formats=_READABLE) as image:
            if image.width * image.height > most_pixels:
                return None
            return thumbnail_of(image, box)
    except FAILURES:
        return None


def thumbnail_of(image: Image.Image, box: tuple[int, int]) -> Image.Image | None:
    """The same of an opened file. Raises :data:`FAILURES`."""
    image.draft("RGB", box)
    ordinary = _ordinary(image)
    return None if ordinary is None else flatten(within(ordinary, box))


def within(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """``image`` in a ``box``, its proportions kept, never enlarged."""
    scale = min(1.0, box[0] / image.width, box[1] / image.height)
    return scaled(image, scale)


def scaled(image: Image.Image, scale: float) -> Image.Image:
    """``scale`` <= 1."""
    if scale >= 1.0:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS)


def flatten(image: Image.Image) -> Image.Image:
    """RGB, on white where it is transparent."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, WHITE)
    rows = max(1, _STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        ground.paste(strip, (0, top), strip)
    return ground


def webp(picture: Decoded, most_bytes: int) -> Encoded | None:
    """Without loss; None: it stays above ``most_bytes``, or is too large a picture for it.

    Of large pictures a sample tells first whether there is any prospect: an attempt takes seconds.
    """
    image = picture.image
    if max(image.size) > WEBP_SIDE or image.width * image.height > _MOST_WITHOUT_LOSS:
        return None
    if _hopeless(image, most_bytes):
        return None
    for effort in (_FIRST_EFFORT, _SECOND_EFFORT):
        content = _webp(image, effort, picture.profile)
        if content is None:
            return None
        if len(content) <= most_bytes:
            return Encoded(content, WEBP, *image.size)
        if len(content) > most_bytes * _NEAR and image.width * image.height >= _SAMPLED_FROM:
            return None
    return None


def jpeg(image: Image.Image, quality: int, most_bytes: int, profile: bytes | None = None) -> Encoded | None:
    """None: it stays above ``most_bytes``, or is too long a picture for it. ``image`` is RGB."""
    if max(image.size) > JPEG_SIDE:
        return None
    stream = _Bounded(most_bytes)
    try:
        # Colours at full resolution where quality is the point; 0 is 4:4:4, 2 is 4:2:0.
        sampling = 0 if quality >= 90 else 2
        image.save(stream, "JPEG", quality=quality, subsampling=sampling, icc_profile=profile)
    except (_Full, *FAILURES):
        return None
    return Encoded(stream.getvalue(), JPEG, *image.size)


class _Full(Exception):
    """More was written than is wanted."""


class _Bounded(io.BytesIO):
    """Takes so many bytes and no more: nothing is encoded to the end that would not fit anyway."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, content: object) -> int:
        written = super().write(content)  # type: ignore[arg-type]
        if self.tell() > self._most:
            raise _Full
        return written


def _several(image: Image.Image) -> bool:
    # A photograph with a second one inside (MPO) is shown as the first by everyone.
    return bool(getattr(image, "is_animated", False)) and image.format != "MPO"


def _ordinary(image: Image.Image) -> Image.Image | None:
    """Decoded, upright, RGB or RGBA. Not copied where it is so already: copying holds the interpreter."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"I", "F"}:
        return None  # no telling which value is white
    mode = "RGBA" if image.has_transparency_data else "RGB"
    ordinary = image if image.mode == mode else image.convert(mode)
    # Encoders write down what else was read, comments for one.
    ordinary.info.clear()
    return ordinary


def _webp(image: Image.Image, effort: tuple[int, int], profile: bytes | None) -> bytes | None:
    method, quality = effort
    stream = io.BytesIO()
    try:
        # exact: what lies below full transparency is a part of the picture too.
        image.save(
            stream, "WEBP", lossless=True, exact=True, method=method, quality=quality, icc_profile=profile
        )
    except FAILURES:
        return None
    return stream.getvalue()


def _hopeless(image: Image.Image, most_bytes: int) -> bool:
    """Whether a sample of a large picture, in a grid over all of it, says that it stays far too large."""
    width, height = image.size
    if width * height < _SAMPLED_FROM or min(width, height) < _SAMPLE_SIDE * _SAMPLES:
        return False
    size = 0
    for row in range(_SAMPLES):
        for column in range(_SAMPLES):
            left = (width - _SAMPLE_SIDE) * column // (_SAMPLES - 1)
            top = (height - _SAMPLE_SIDE) * row // (_SAMPLES - 1)
            part = image.crop((left, top, left + _SAMPLE_SIDE, top + _SAMPLE_SIDE))
            size += len(_webp(part, _FIRST_EFFORT, None) or b"")
    sampled = (_SAMPLE_SIDE * _SAMPLES) ** 2
    return size * (width * height / sampled) > most_bytes * _NEAR
