"""Under water: light from above, a seabed, weed, coral, bubbles."""

import math

import numpy as np

from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.cast import Floor, perform
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.pen import Pen, raster
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.stage import stand
from bot.sketch.painting.subjects import creatures
from bot.sketch.painting.weather import bubbles

_CORALS = ("e8604c", "f0a03c", "d85a98", "9a6ae0", "f0d05c", "4cc0a8")
_WHITE = np.ones(3, dtype=np.float32)


def paint_deep(canvas: Canvas, setting: Setting) -> None:
    """Paint the water, the seabed and what swims."""
    tone = setting.coloured("underwater", setting.coloured("sea", rgb("1a86a8")))
    dim = 1.0 - 0.55 * setting.light.darkness
    surface, middle, abyss = (
        mix(tone, rgb("d8fff4"), 0.62) * dim,
        tone * (0.85 * dim),
        mix(tone, rgb("041428"), 0.78) * dim,
    )
    _water(canvas, setting, surface, middle, abyss)
    _rays(canvas, setting, surface)
    _school(canvas, setting)
    bed = canvas.height * 0.78
    for layer in range(3):
        _seabed(canvas, setting, layer, bed, middle, abyss)
    land = np.zeros((canvas.height, canvas.width), dtype=np.bool_)
    land[int(bed * 1.04) :] = True
    perform(canvas, setting, Floor(land, np.zeros_like(land), bed * 0.95))
    bubbles(canvas, setting, 70)


def _water(canvas: Canvas, setting: Setting, surface: RGB, middle: RGB, abyss: RGB) -> None:
    down = np.linspace(0.0, 1.0, canvas.height, dtype=np.float32)
    stops = np.stack((surface, middle, abyss))
    ramp = np.stack([np.interp(down, (0.0, 0.42, 1.0), stops[:, c]) for c in range(3)], axis=-1).astype(
        np.float32
    )
    canvas.colour[:] = ramp[:, None, :]
    drift = fractal(setting.rng("murk"), canvas.width, canvas.height, 2.0, 4, stretch=1.6)
    canvas.colour *= (1.0 + 0.07 * drift)[..., None]
    net = np.abs(fractal(setting.rng("caustics"), canvas.width, canvas.height, 12.0, 2, stretch=3.0))
    top = np.clip(1.0 - down * 5.0, 0.0, 1.0)[:, None]
    canvas.colour += (_WHITE - canvas.colour) * (smoothstep(0.14, 0.0, net) * top * 0.55)[..., None]


def _rays(canvas: Canvas, setting: Setting, surface: RGB) -> None:
    rng = setting.rng("rays")
    source = setting.light.sun_at[0] * canvas.width
    down = np.arange(canvas.height, dtype=np.float32)[:, None] / canvas.height
    across = np.arange(canvas.width, dtype=np.float32)[None, :]
    spread = (across - source) / canvas.short / (0.75 + 0.8 * down)
    knots = line(rng, 512, 15.0, 3, 0.6)
    at = np.clip((spread + 1.6) / 3.2 * 511, 0, 511)
    shaft = np.interp(at.reshape(-1), np.arange(512), knots).reshape(at.shape).astype(np.float32)
    light = smoothstep(0.08, 0.7, shaft) * np.exp(-down * 2.1) * np.exp(-np.abs(spread) * 0.8) * 0.62
    canvas.colour += (mix(surface, _WHITE, 0.3) - canvas.colour) * light[..., None]


def _seabed(canvas: Canvas, setting: Setting, layer: int, bed: float, middle: RGB, abyss: RGB) -> None:
    rng = setting.rng("seabed", layer)
    near = (layer + 1) / 3
    sand = mix(
        mix(middle, abyss, 0.45), rgb("d8c08a") * (1 - 0.5 * setting.light.darkness), 0.16 + 0.42 * near
    )
    level = bed + canvas.height * (-0.1 + 0.085 * layer)
    crest = level + line(rng, canvas.width, 2.4, 4) * canvas.height * 0.045
    top = max(int(crest.min()) - 1, 0)
    rows = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    ripples = fractal(rng, canvas.width, canvas.height - top, 22.0, 3, stretch=3.4)
    mask = np.clip(rows - crest[None, :] + 0.5, 0.0, 1.0)
    lit = 1.0 + 0.12 * ripples + 0.1 * np.clip(1 - (rows - crest[None, :]) / (canvas.short * 0.05), 0, 1)
    canvas.put(mask, np.clip(sand * lit[..., None], 0, 1), 0, top)
    count = max(2, round((9 - 2 * layer) * canvas.width / canvas.short))
    for k in range(count):
        x = float(rng.uniform(0.0, 1.0))
        if layer == 2 and abs(x - 0.5) < 0.24:
            continue
        column = min(int(x * canvas.width), canvas.width - 1)
        foot = float(crest[column]) + canvas.short * 0.02
        if rng.random() < 0.5:
            _weed(canvas, rng, x * canvas.width, foot, near, mix(middle, rgb("3f8a4a"), 0.25 + 0.6 * near))
        else:
            coral = jitter(rgb(_CORALS[int(rng.integers(len(_CORALS)))]), rng, 0.03) * (
                1 - 0.4 * setting.light.darkness
            )
            _coral(canvas, setting, x * canvas.width, foot, near, mix(middle, coral, 0.22 + 0.7 * near), k)


def _weed(canvas: Canvas, rng: np.random.Generator, x: float, foot: float, near: float, tone: RGB) -> None:
    shapes: list[Points] = []
    for _ in range(int(rng.integers(3, 7))):
        tall = canvas.short * float(rng.uniform(0.07, 0.2)) * (0.5 + 0.6 * near)
        root, phase = x + float(rng.normal(0, 0.012)) * canvas.short, float(rng.uniform(0, 6.28))
        left, right = [], []
        for step in range(10):
            up = step / 9
            sway = math.sin(phase + up * 4.5) * tall * 0.13 * up
            half = canvas.short * 0.007 * (0.4 + near) * (1 - up**2) + 0.3
            left.append((root + sway - half, foot - up * tall))
            right.append((root + sway + half, foot - up * tall))
        shapes.append([*left, *reversed(right)])
    canvas.fill(shapes, tone)


def _coral(
    canvas: Canvas, setting: Setting, x: float, foot: float, near: float, tone: RGB, number: int
) -> None:
    rng = setting.rng("coral", round(near * 3), number)
    pen = Pen(rng, tone)
    kind = int(rng.integers(3))
    if kind == 0:
        for k in range(7):
            angle = math.pi * (0.2 + 0.6 * k / 6)
            reach = float(rng.uniform(0.6, 1.0))
            tip = (math.cos(angle) * reach * 0.7, math.sin(angle) * reach)
            pen.limb([(0, 0), (tip[0] * 0.4, tip[1] * 0.5), tip], 0.16, 0.09, tone)
            pen.disc(tip[0], tip[1], 0.06, mix(tone, _WHITE, 0.35))
    elif kind == 1:
        for k in range(5):
            pen.disc(
                (k - 2) * 0.22,
                0.22 + 0.2 * (2 - abs(k - 2)) * 0.6,
                0.28,
                mix(tone, _WHITE, 0.07 * k),
                tall=0.85,
            )
    else:
        for k in range(5):
            left, tall = (k - 2) * 0.2, float(rng.uniform(0.5, 1.0))
            pen.limb([(left, 0), (left * 1.2, tall)], 0.17, 0.13, tone)
            pen.disc(left * 1.2, tall, 0.065, mix(tone, rgb("2a1a2a"), 0.5), tall=0.5, detail=True)
    size = canvas.short * float(rng.uniform(0.06, 0.12)) * (0.55 + 0.7 * near)
    stand(canvas, setting, raster(pen, size, setting.light), x, foot, focus=0.4 * near)


def _school(canvas: Canvas, setting: Setting) -> None:
    for k in range(2):
        rng = setting.rng("school", k)
        pen = Pen(rng)
        creatures.shoal(pen)
        place = (float(rng.uniform(0.1, 0.9)) * canvas.width, float(rng.uniform(0.25, 0.62)) * canvas.height)
        sprite = raster(pen, canvas.short * 0.17, setting.light, flip=bool(rng.random() < 0.5))
        water = canvas.colour[min(int(place[1]), canvas.height - 1), min(int(place[0]), canvas.width - 1)]
        faded = sprite.colour + (water - sprite.colour) * np.float32(0.55)
        canvas.put(
            sprite.alpha, faded, round(place[0]) + sprite.left, round(place[1]) + sprite.top, outline=False
        )
