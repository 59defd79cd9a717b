"""Several pictures on one sheet, each with a line below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

CELL = 480
"""Longest side of a picture on the sheet, in pixels."""
_MARGIN, _CAPTION = 24, 34
_PAPER, _INK = (246, 243, 236), (60, 56, 50)


def contact_sheet(pictures: Sequence[tuple[Path, str]], target: Path) -> None:
    """Write ``target`` (PNG) with ``pictures`` (file, caption) in one row, at their own proportions."""
    cells: list[tuple[Image.Image, str]] = []
    for path, caption in pictures:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        picture.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
        cells.append((picture, caption))
    width = sum(picture.width for picture, _ in cells) + _MARGIN * (len(cells) + 1)
    height = max(picture.height for picture, _ in cells) + 2 * _MARGIN + _CAPTION
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    left = _MARGIN
    for picture, caption in cells:
        top = height - _MARGIN - _CAPTION - picture.height
        sheet.paste(picture, (left, top))
        draw.text(
            (left, height - _MARGIN - _CAPTION + 10), _fit(draw, caption, font, picture.width), _INK, font
        )
        left += picture.width + _MARGIN
    sheet.save(target, "PNG")


def _fit(
    draw: ImageDraw.ImageDraw, words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    if draw.textlength(words, font) <= width:
        return words
    while words and draw.textlength(f"{words}…", font) > width:
        words = words[:-1]
    return f"{words.rstrip()}…"
