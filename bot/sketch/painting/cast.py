"""Where the subjects stand: composition by thirds, footing found on the scene that was painted."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bot.sketch.painting.brief import Mask
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.idea import Motif
from bot.sketch.painting.palette import named, saturate
from bot.sketch.painting.pen import Pen, Sprite, raster
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.stage import cast_shadow, mirror, stand
from bot.sketch.painting.subjects import FIGURES, Figure, Stance

_GRID = 56
_ELBOW_ROOM = 0.42
"""Distance two neighbours keep, as a share of their heights together."""
# Across the picture, in order of importance; mirrored when the sun stands on the right.
_SEASONAL: Mapping[tuple[str, str | None], str] = {
    ("tree", "autumn"): "rust",
    ("tree", "winter"): "silver",
    ("tree", "spring"): "pink",
}
_PLACES_ACROSS = (0.63, 0.3, 0.84, 0.14, 0.48)


@dataclass(frozen=True, slots=True)
class Floor:
    """What the scene offers to stand on: per pixel, whether there is ground, and whether it is water."""

    land: Mask
    water: Mask
    horizon: float
    table: float | None = None
    floating: bool = False
    ridge: Mask | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One figure with its place: foot point, size in pixels per unit and direction."""

    motif: Motif
    figure: Figure
    number: int
    x: float
    y: float
    size: float
    flip: bool


def perform(canvas: Canvas, setting: Setting, floor: Floor) -> None:
    """Paint every motif of the idea, the farthest first."""
    parts = [
        part for rank, motif in enumerate(_known(setting)) for part in _parts(setting, floor, motif, rank)
    ]
    for part in sorted(
        _parted(setting, parts), key=lambda part: (part.figure.stance is not Stance.AIR, part.y)
    ):
        _play(canvas, setting, floor, part)


def _parted(setting: Setting, parts: list[_Part]) -> list[_Part]:
    """Push neighbours apart that would hide each other, as far as the picture allows."""
    row = sorted(parts, key=lambda part: part.x)
    for _ in range(3):
        for k in range(len(row) - 1):
            left, right = row[k], row[k + 1]
            lack = (left.size + right.size) * _ELBOW_ROOM - (right.x - left.x)
            level = abs(left.y - right.y) < 0.5 * max(left.size, right.size)
            if lack > 0.0 and level:
                row[k] = replace(left, x=max(left.x - lack / 2, left.size * 0.4))
                row[k + 1] = replace(right, x=min(right.x + lack / 2, setting.width - right.size * 0.4))
    return row


def _known(setting: Setting) -> list[Motif]:
    return [motif for motif in setting.idea.motifs if motif.name in FIGURES]


def _parts(setting: Setting, floor: Floor, motif: Motif, rank: int) -> list[_Part]:
    figure = FIGURES[motif.name]
    rng = setting.rng("cast", motif.name)
    crowd = len(_known(setting))
    across = _PLACES_ACROSS[rank] + float(rng.uniform(-0.05, 0.05))
    if crowd == 1 and motif.count == 1:
        across = 0.5 + (across - 0.5) * float(rng.uniform(0.4, 1.1))
    if setting.light.sun_at[0] > 0.5:
        across = 1.0 - across
    share = 1.0 if crowd == 1 else 0.8 if rank == 0 else 0.6
    share *= motif.scale * (0.85 + 0.15 * motif.weight) / motif.count**0.42
    spread = min(0.2 * math.sqrt(motif.count), 0.42)
    parts = []
    for k in range(motif.count):
        own = setting.rng("cast", motif.name, k)
        step = 0.0 if motif.count == 1 else spread * (2 * k / (motif.count - 1) - 1)
        x = min(max(across + step + float(own.normal(0, 0.02)) * (motif.count > 1), 0.06), 0.94)
        size = figure.height * setting.short * share * float(own.uniform(0.92, 1.08))
        spot = _footing(setting, floor, figure, x, own, size)
        if spot is None:
            continue
        depth = min(max((spot[1] - floor.horizon) / max(setting.height - floor.horizon, 1.0), 0.0), 1.0)
        if figure.stance in (Stance.GROUND, Stance.WATER) and floor.table is None:
            size *= 0.62 + 0.5 * depth
        size = min(size, max(spot[1] - 0.03 * setting.height, setting.height * 0.12))
        half = min(size * 0.42, setting.width * 0.45)
        spot = (min(max(spot[0], half), setting.width - half), spot[1])
        flip = spot[0] > setting.width * 0.52 if motif.count == 1 else bool(own.random() < 0.5)
        parts.append(_Part(motif, figure, k, spot[0], spot[1], max(size, 2.0), bool(flip)))
    return parts


def _footing(
    setting: Setting, floor: Floor, figure: Figure, across: float, rng: np.random.Generator, size: float
) -> tuple[float, float] | None:
    """The foot point nearest to where composition wants it, on what the figure can stand on."""
    width, height = setting.width, setting.height
    stance = figure.stance
    if floor.table is not None and stance is not Stance.AIR:
        return across * width, floor.table + float(rng.uniform(0.0, 0.35)) * (height - floor.table) * 0.5
    if stance in (Stance.AIR, Stance.DEEP) or floor.floating:
        middle = 0.4 if stance is Stance.AIR and not floor.floating else 0.5
        middle += float(rng.uniform(-0.1, 0.1))
        y = middle * height + size * 0.5
        return across * width, min(max(y, size * 1.04), height * 0.98)
    below = height - floor.horizon
    if stance is Stance.WATER:
        wanted, allowed = floor.horizon + below * float(rng.uniform(0.26, 0.44)), floor.water
    elif stance is Stance.RIDGE:
        wanted, allowed = floor.horizon + below * float(rng.uniform(0.1, 0.3)), floor.land
        if floor.ridge is not None and floor.ridge.any():
            allowed = floor.ridge
    else:
        wanted, allowed = floor.horizon + below * float(rng.uniform(0.66, 0.84)), floor.land
    if not allowed.any():
        allowed = floor.land if floor.land.any() else floor.water
    if not allowed.any():
        return across * width, wanted
    return _nearest(allowed, across * width, wanted)


def _nearest(allowed: Mask, x: float, y: float) -> tuple[float, float]:
    height, width = allowed.shape
    step = max(1, min(height, width) // _GRID)
    rows, columns = np.nonzero(allowed[::step, ::step])
    if not len(rows):
        step = 1
        rows, columns = np.nonzero(allowed)
    cost = ((columns * step - x) / width) ** 2 + 1.6 * ((rows * step - y) / height) ** 2
    best = int(np.argmin(cost))
    return float(columns[best] * step), float(rows[best] * step)


def _play(canvas: Canvas, setting: Setting, floor: Floor, part: _Part) -> None:
    sprite = _sprite(setting, part)
    stance = part.figure.stance
    if stance in (Stance.AIR, Stance.DEEP) or floor.floating:
        part = _inside(setting, part, sprite)
    below = max(setting.height - floor.horizon, 1.0)
    depth = min(max((part.y - floor.horizon) / below, 0.0), 1.0)
    air = 0.0
    if floor.table is None and stance is not Stance.DEEP:
        air = 0.12 if stance is Stance.AIR else 0.24 * (1.0 - depth) ** 2
        air *= 2.0 if "fog" in setting.idea.weather else 1.0
    row, column = min(max(int(part.y), 0), setting.height - 1), min(max(int(part.x), 0), setting.width - 1)
    on_water = bool(floor.water[row, column])
    if on_water and stance is not Stance.AIR:
        mirror(canvas, setting, sprite, part.x, part.y)
    elif stance in (Stance.GROUND, Stance.RIDGE, Stance.TABLE) and not floor.floating:
        cast_shadow(canvas, setting, part.x, part.y, sprite.alpha.shape[1] * 0.8)
    stand(canvas, setting, sprite, part.x, part.y, air=min(air, 0.45))


def _inside(setting: Setting, part: _Part, sprite: Sprite) -> _Part:
    """A floating figure moved into the picture as far as it fits."""
    high, wide = sprite.alpha.shape
    left = min(max(part.x + sprite.left, 0.0), max(setting.width - wide, 0.0))
    top = min(max(part.y + sprite.top, setting.height * 0.02), max(setting.height * 0.98 - high, 0.0))
    return replace(part, x=left - sprite.left, y=top - sprite.top)


def _sprite(setting: Setting, part: _Part) -> Sprite:
    colour = part.motif.colour or _SEASONAL.get((part.motif.name, setting.idea.season))
    pen = Pen(
        setting.rng("figure", part.motif.name, part.number),
        None if colour is None else saturate(named(colour), 1.05),
    )
    part.figure.draw(pen)
    return raster(pen, part.size, setting.light, flip=part.flip)
