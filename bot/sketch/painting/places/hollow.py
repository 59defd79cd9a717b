"""Caves and the open sky: a world seen through rock, and a world of clouds."""

import math

import numpy as np

from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.cast import Floor, perform
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import RGB, mix, rgb
from bot.sketch.painting.pen import Pen, dark, pale, raster
from bot.sketch.painting.places.outdoors import paint_landscape
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.sky import paint_sky
from bot.sketch.painting.stage import stand
from bot.sketch.painting.subjects import FIGURES, Stance, plants

_GEMS = ("8a6ae0", "3cc0c8", "e06aa8", "6ae0a0")


def paint_cave(canvas: Canvas, setting: Setting) -> None:
    """A lake seen from inside a cave, crystals at its mouth."""
    floor = paint_landscape(canvas, setting)
    rock = setting.coloured("cave", rgb("4a4350"))
    for layer in range(3):
        _mouth(canvas, setting, layer, rock)
    _crystals(canvas, setting)
    level = canvas.height * 0.8
    land = np.zeros_like(floor.land)
    land[int(level) :] = True
    perform(canvas, setting, Floor(land, np.zeros_like(land), level - canvas.height * 0.1))


def _mouth(canvas: Canvas, setting: Setting, layer: int, rock: RGB) -> None:
    """One shell of rock around the opening; nearer shells are darker and narrower."""
    rng = setting.rng("mouth", layer)
    near = layer / 2
    u = np.linspace(-1, 1, canvas.width, dtype=np.float32)[None, :] - float(rng.uniform(-0.12, 0.12))
    v = np.linspace(-1, 1, canvas.height, dtype=np.float32)[:, None] + 0.06
    rough = fractal(rng, canvas.width, canvas.height, 5.0, 5, gain=0.55)
    teeth = np.clip(-v, 0, 1) * np.abs(line(rng, canvas.width, 12.0, 3, 0.6))[None, :] * 0.34
    away = np.sqrt((u / (0.66 + 0.2 * near)) ** 2 + (v / (0.58 + 0.17 * near)) ** 2) + rough * 0.16 + teeth
    mask = smoothstep(0.98, 1.01 + 3.0 / canvas.short, away)
    facets = fractal(rng, canvas.width, canvas.height, 9.0, 5, gain=0.6)
    rim = np.clip(1.0 - (away - 1.0) * 4.5, 0.0, 1.0) * 0.5
    tone = setting.light.on(mix(rock, rgb("0e0c16"), 0.25 + 0.28 * near), 0.35)
    light = mix(setting.light.haze, setting.light.on(rock, 1.0), 0.55)
    colour = (
        tone * (1.0 + 0.34 * facets[..., None])
        + (light - tone) * (rim * (1.0 - 0.55 * near) * (0.6 + 0.4 * facets))[..., None]
    )
    canvas.put(mask, np.clip(colour, 0, 1))


def _crystals(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("crystals")
    for k in range(6):
        pen = Pen(setting.rng("crystal", k), rgb(_GEMS[int(rng.integers(len(_GEMS)))]))
        plants.crystal(pen)
        side = -1.0 if k % 2 else 1.0
        x = 0.5 + side * float(rng.uniform(0.27, 0.5))
        size = canvas.short * float(rng.uniform(0.07, 0.17))
        stand(
            canvas,
            setting,
            raster(pen, size, setting.light),
            x * canvas.width,
            canvas.height * float(rng.uniform(0.86, 1.0)),
            focus=0.4,
        )


def paint_heights(canvas: Canvas, setting: Setting) -> None:
    """High above a sea of clouds, with a floating island for whoever needs ground."""
    paint_sky(canvas, setting)
    names = [motif.name for motif in setting.idea.motifs if motif.name in FIGURES]
    needs_ground = [n for n in names if FIGURES[n].stance not in (Stance.AIR, Stance.DEEP)]
    for layer in range(3):
        _bank(canvas, setting, layer)
    _small_islands(canvas, setting)
    land = np.zeros((canvas.height, canvas.width), dtype=np.bool_)
    floor = Floor(land, np.zeros_like(land), canvas.height * 0.6, floating=True)
    if needs_ground:
        x, y, size = canvas.width * 0.5, canvas.height * 0.66, canvas.short * 0.86
        _island(canvas, setting, x, y, size, "large")
        reach = max(int(size * 0.08), 1)
        row = min(int(y - size * 0.03), canvas.height - 1)
        land[row : row + 2, max(int(x) - reach, 0) : int(x) + reach] = True
        floor = Floor(land, np.zeros_like(land), canvas.height * 0.4)
    perform(canvas, setting, floor)
    for layer in range(3, 5):
        _bank(canvas, setting, layer)


def _bank(canvas: Canvas, setting: Setting, layer: int) -> None:
    """A bank of cumulus across the picture."""
    rng = setting.rng("bank", layer)
    near = layer / 4
    level = canvas.height * (0.66 + 0.3 * near)
    heap = np.zeros(canvas.width, dtype=np.float32)
    x = np.arange(canvas.width, dtype=np.float32)
    for _ in range(int(10 + 16 * canvas.width / canvas.short)):
        centre, radius = (
            float(rng.uniform(-0.05, 1.05)) * canvas.width,
            canvas.short * float(rng.uniform(0.03, 0.1)) * (0.55 + 0.7 * near),
        )
        heap = np.maximum(heap, np.sqrt(np.clip(radius**2 - (x - centre) ** 2, 0, None)))
    crest = level - heap - line(rng, canvas.width, 2.0, 2) * canvas.height * 0.03
    top = max(int(crest.min()) - 1, 0)
    if top >= canvas.height - 1:
        return
    rows = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    puffs = fractal(rng, canvas.width, canvas.height - top, 9.0 - 3 * near, 5, stretch=1.4)
    depth = (rows - crest[None, :]) / (canvas.short * 0.16)
    lit = np.clip(0.95 - 0.62 * depth + 0.34 * puffs, 0.0, 1.0)
    colour = (
        setting.light.cloud_shade + (setting.light.cloud_lit - setting.light.cloud_shade) * lit[..., None]
    )
    colour = colour + (setting.light.sky[3] - colour) * np.float32(0.5 * (1 - near) ** 1.5)
    ragged = rows - crest[None, :] + puffs * canvas.short * 0.012
    mask = np.clip(ragged * 0.6 + 0.5, 0.0, 1.0)
    canvas.put(mask, np.clip(colour, 0, 1), 0, top)


def _small_islands(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("islands")
    for k in range(int(rng.integers(1, 4))):
        side = 0.14 if k % 2 else 0.86
        x, y = (
            (side + float(rng.uniform(-0.06, 0.06))) * canvas.width,
            canvas.height * float(rng.uniform(0.3, 0.6)),
        )
        _island(canvas, setting, x, y, canvas.short * float(rng.uniform(0.12, 0.24)), k)


def _island(canvas: Canvas, setting: Setting, x: float, y: float, size: float, name: object) -> None:
    """A floating rock with grass, and trees where it is small."""
    rng = setting.rng("island", name)
    pen = Pen(rng)
    rock, grass = rgb("8a7466"), rgb("7fae54")
    underside = [
        (-0.5, 0.0),
        (-0.42, -0.14),
        (-0.26, -0.22),
        (-0.16, -0.42),
        (-0.02, -0.56),
        (0.1, -0.36),
        (0.22, -0.26),
        (0.4, -0.16),
        (0.5, 0.0),
    ]
    pen.poly(
        [(px * 1.0, py + float(rng.uniform(-0.03, 0.03)) * (abs(px) < 0.45)) for px, py in underside], rock
    )
    for _ in range(9):
        cx, cy = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.26, -0.05))
        crack: Points = [(cx, cy), (cx + 0.05, cy - 0.1), (cx + 0.02, cy - 0.13), (cx - 0.03, cy - 0.05)]
        pen.poly(list(crack), dark(rock, float(rng.uniform(0.1, 0.35))), detail=True)
    pen.blob(
        [
            (-0.53, 0.0),
            (-0.4, 0.05),
            (0.0, 0.065),
            (0.4, 0.05),
            (0.53, 0.0),
            (0.36, -0.06),
            (0.2, -0.04),
            (0.04, -0.08),
            (-0.16, -0.04),
            (-0.36, -0.07),
        ],
        grass,
    )
    pen.blob([(-0.4, 0.04), (0.0, 0.058), (0.36, 0.04), (0.0, 0.02)], pale(grass, 0.25), detail=True)
    stand(canvas, setting, raster(pen, size, setting.light), x, y, air=0.1, focus=0.4)
    if name == "large":
        return
    for k in range(3):
        tree = Pen(setting.rng("island tree", name, k))
        plants.tree(tree)
        place = (x + size * float(rng.uniform(-0.3, 0.3)), y - size * 0.03)
        stand(
            canvas,
            setting,
            raster(tree, size * 0.36 * math.sqrt(k + 1) * 0.8, setting.light),
            *place,
            air=0.12,
            focus=0.3,
        )
