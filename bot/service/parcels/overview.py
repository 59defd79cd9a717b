"""Many pictures on one, numbered as the buttons below it number them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from bot.service.parcels.ladder import Ladder
from bot.service.parcels.pixels import Encoded, dimensions, jpeg, scaled, thumbnail, within
from bot.service.threads import in_thread

SIDE = 2048
"""Most pixels of the overview's longer side."""
MOST_BYTES = 2 * 1024**2
MOST_CELLS = 36
"""More would be too small to choose from."""
_GAP = 8
_GROUND, _BADGE, _INK = (43, 45, 49), (0, 0, 0), (255, 255, 255)
_BADGE_SHARE, _SMALLEST_BADGE, _LARGEST_BADGE = 10, 14, 72
"""A badge has a tenth of its cell's shorter side, within bounds."""
_QUALITIES = (88, 80, 70)
_SCALES = (0.75, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class Grid:
    """Of equal cells, in pixels."""

    columns: int
    rows: int
    cell: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        (width, height), columns, rows = self.cell, self.columns, self.rows
        return columns * width + (columns - 1) * _GAP, rows * height + (rows - 1) * _GAP

    def corner(self, position: int) -> tuple[int, int]:
        """Of the cell at ``position`` from 0, line by line."""
        row, column = divmod(position, self.columns)
        return column * (self.cell[0] + _GAP), row * (self.cell[1] + _GAP)


def grid_for(sizes: Sequence[tuple[int, int]]) -> Grid:
    """The grid that shows pictures of these ``sizes`` largest within :data:`SIDE`, of several such the one
    nearest to a square, rather wide than high. No cell is larger than the largest picture."""
    width, height = max(size[0] for size in sizes), max(size[1] for size in sizes)
    best: tuple[tuple[float, int, int], Grid] | None = None
    for columns in range(1, len(sizes) + 1):
        rows = -(-len(sizes) // columns)
        scale = min(
            1.0,
            (SIDE - (columns - 1) * _GAP) / (columns * width),
            (SIDE - (rows - 1) * _GAP) / (rows * height),
        )
        cell = max(1, int(width * scale)), max(1, int(height * scale))
        rank = (round(scale, 6), -abs(columns - rows), columns)
        if best is None or rank > best[0]:
            best = rank, Grid(columns, rows, cell)
    if best is None:
        raise ValueError("an overview of nothing")
    return best[1]


async def overview_of(
    ladder: Ladder, pictures: Sequence[tuple[int, Path]], most_bytes: int = MOST_BYTES
) -> Encoded | None:
    """A JPEG of ``pictures`` (number, file) in their order, each with its number in a corner.

    One that cannot be decoded leaves its cell empty but for the number. None where there is no point: fewer
    than two can be shown, or more than :data:`MOST_CELLS` are there.
    """
    if not 2 <= len(pictures) <= MOST_CELLS:
        return None
    sizes = await in_thread(lambda: [dimensions(path) for _, path in pictures])
    known = [size for size in sizes if 0 < size[0] * size[1] <= ladder.most_pixels]
    if len(known) < 2:
        return None
    grid = grid_for(known + [known[0]] * (len(sizes) - len(known)))
    # The cells, the sheet, and one picture after the other.
    share = 2 * SIDE**2 + max(width * height for width, height in known)
    async with ladder.gate.hold(share):
        cells: list[tuple[int, Image.Image | None]] = []
        for number, path in pictures:
            async with ladder.blocks.kept():
                cells.append((number, await in_thread(thumbnail, path, grid.cell, ladder.most_pixels)))
        if sum(image is not None for _, image in cells) < 2:
            return None
        return await in_thread(_encoded, cells, grid, min(most_bytes, MOST_BYTES))


def _encoded(cells: Sequence[tuple[int, Image.Image | None]], grid: Grid, most_bytes: int) -> Encoded | None:
    sheet = _drawn(cells, grid)
    for quality in _QUALITIES:
        if (made := jpeg(sheet, quality, most_bytes)) is not None:
            return made
    for scale in _SCALES:
        if (made := jpeg(scaled(sheet, scale), _QUALITIES[-1], most_bytes)) is not None:
            return made
    return None


def _drawn(cells: Sequence[tuple[int, Image.Image | None]], grid: Grid) -> Image.Image:
    sheet = Image.new("RGB", grid.size, _GROUND)
    draw = ImageDraw.Draw(sheet, "RGBA")
    for position, (number, image) in enumerate(cells):
        left, top = grid.corner(position)
        if image is not None:
            shown = within(image, grid.cell)
            left += (grid.cell[0] - shown.width) // 2
            top += (grid.cell[1] - shown.height) // 2
            sheet.paste(shown, (left, top))
        _draw_badge(draw, (left, top), str(number), grid)
    return sheet


def _draw_badge(draw: ImageDraw.ImageDraw, corner: tuple[int, int], number: str, grid: Grid) -> None:
    high = min(_LARGEST_BADGE, max(_SMALLEST_BADGE, min(grid.cell) // _BADGE_SHARE))
    margin, letters = high // 4, round(high * 0.75)
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont = (
        ImageFont.load_default(letters) if features.check("freetype2") else ImageFont.load_default()
    )
    left, top, right, bottom = draw.textbbox((0, 0), number, font)
    wide = max(high, round(right - left) + high // 2)
    x, y = corner[0] + margin, corner[1] + margin
    draw.rounded_rectangle((x, y, x + wide - 1, y + high - 1), high // 4, fill=(*_BADGE, 190))
    place = x + (wide - right - left) / 2, y + (high - bottom - top) / 2
    draw.text(place, number, fill=_INK, font=font)
