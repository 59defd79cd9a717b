"""The mark that says what the picture is: a sketch, not a model's work."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from bot.sketch.painting.brief import FloatImage, Plane

_TEXT = "sketch"
_PAPER = np.array((0.96, 0.94, 0.89), dtype=np.float32)
_INK = np.array((0.22, 0.20, 0.24), dtype=np.float32)
_SMALLEST_FONT = 9
_LETTERED_FROM = 160
# Letters on a 3x5 grid for pictures too small for a font.
_GLYPHS = {
    "s": (".##", "#..", ".#.", "..#", "##."),
    "k": ("#..", "#.#", "##.", "#.#", "#.#"),
    "e": (".#.", "#.#", "###", "#..", ".##"),
    "t": ("###", ".#.", ".#.", ".#.", ".#."),
    "c": (".##", "#..", "#..", "#..", ".##"),
    "h": ("#..", "#..", "##.", "#.#", "#.#"),
}


def stamp(image: FloatImage) -> FloatImage:
    """A copy of ``image`` with an opaque "sketch" label in the lower right corner.

    The label is opaque so that a second stamp changes next to nothing. Pictures too narrow for the word
    get its first letter; those too small for that come back unchanged.
    """
    height, width = image.shape[:2]
    result = np.array(image, dtype=np.float32)
    label = _label(width, height)
    if label is None:
        return result
    ink, cover = label
    high, wide = cover.shape
    margin = max(1, min(width, height) // 64)
    top, left = height - high - margin, width - wide - margin
    if top < 0 or left < 0:
        return result
    box = result[top : top + high, left : left + wide]
    box += (_PAPER + (_INK - _PAPER) * ink[..., None] - box) * cover[..., None]
    return result


def _label(width: int, height: int) -> tuple[Plane, Plane] | None:
    """(ink, cover) planes 0..1 of the label for a picture of this size, or None where none fits."""
    size = round(min(width * 0.026, height * 0.045, (width * height) ** 0.5 * 0.021))
    if min(width, height) >= _LETTERED_FROM:
        size = max(size, _SMALLEST_FONT)
    if size >= _SMALLEST_FONT and features.check("freetype2"):
        return _lettered(size)
    return _dotted(width, height)


def _lettered(size: int) -> tuple[Plane, Plane]:
    font = ImageFont.load_default(size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(_TEXT))
    pad_x, pad_y = max(3, round(size * 0.55)), max(2, round(size * 0.34))
    wide, high = right - left + 2 * pad_x, bottom - top + 2 * pad_y
    ink = Image.new("L", (wide, high), 0)
    ImageDraw.Draw(ink).text((pad_x - left, pad_y - top), _TEXT, font=font, fill=255)
    over = 4
    cover = Image.new("L", (wide * over, high * over), 0)
    ImageDraw.Draw(cover).rounded_rectangle(
        (0, 0, wide * over - 1, high * over - 1), high * over // 3, fill=255
    )
    return _plane(ink), _plane(cover.resize((wide, high), Image.Resampling.BOX))


def _dotted(width: int, height: int) -> tuple[Plane, Plane] | None:
    scale = max(1, min(width, height) // 160)
    word = next(
        (w for w in (_TEXT, _TEXT[0]) if (4 * len(w) + 3) * scale < width and 9 * scale < height), None
    )
    if word is None:
        return None
    rows = [".".join(_GLYPHS[letter][row] for letter in word) for row in range(5)]
    letters = np.array([[dot == "#" for dot in row] for row in rows], dtype=np.float32)
    ink = np.kron(np.pad(letters, 2), np.ones((scale, scale), dtype=np.float32)).astype(np.float32)
    return ink, np.ones_like(ink)


def _plane(image: Image.Image) -> Plane:
    return np.asarray(image, dtype=np.float32) / np.float32(255.0)
