"""A volcano at work: smoke, a glowing crater, lava on its flanks."""

import math

import numpy as np

from bot.sketch.painting.brief import Mask
from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.noise import fractal, smoothstep
from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.terrain import Seen

_LAVA, _CORE = rgb("ff5a1e"), rgb("ffd070")


def paint_eruption(canvas: Canvas, setting: Setting, seen: Seen) -> None:
    """Let the highest point of the land erupt."""
    land = seen.slice_of > 0
    tops = np.where(land.any(axis=0), land.argmax(axis=0), canvas.height)
    # The summit's rim, not one jagged pixel of it.
    wide = max(round(canvas.short * 0.06), 1)
    smooth = np.convolve(np.pad(tops, wide, mode="edge"), np.ones(2 * wide + 1) / (2 * wide + 1), "valid")
    x = int(np.argmin(smooth))
    y = float(tops[x])
    _smoke(canvas, setting, land, float(x), y)
    _streams(canvas, setting, float(x), y)
    _sparks(canvas, setting, float(x), y)


def _smoke(canvas: Canvas, setting: Setting, land: Mask, x: float, y: float) -> None:
    rng = setting.rng("smoke")
    lean = float(rng.uniform(-0.5, 0.5))
    up = np.clip((y - np.arange(canvas.height, dtype=np.float32)) / canvas.short, -0.02, None)[:, None]
    across = (np.arange(canvas.width, dtype=np.float32)[None, :] - x) / canvas.short - lean * np.clip(
        up, 0, None
    ) ** 1.5
    billows = fractal(rng, canvas.width, canvas.height, 7.0, 5, gain=0.55)
    width = 0.035 + 0.34 * np.clip(up, 0, None) ** 0.8
    body = smoothstep(1.05, 0.55, np.abs(across) / width + 0.45 * billows) * (up > -0.005)
    fade = np.clip(1.15 - up * 1.5, 0.0, 1.0)
    heat = np.exp(-np.clip(up, 0, None) * 9.0)[..., None]
    grey = mix(setting.light.cloud_shade, rgb("2c2830"), 0.55)
    lit = (
        grey
        + (mix(setting.light.cloud_lit, grey, 0.35) - grey) * np.clip(0.45 + 0.6 * billows, 0, 1)[..., None]
    )
    colour = lit + (_LAVA - lit) * heat * 0.75
    cover = np.where(land, 0.0, body * fade * 0.92)
    canvas.colour += (colour - canvas.colour) * cover[..., None]


def _streams(canvas: Canvas, setting: Setting, x: float, y: float) -> None:
    rng = setting.rng("lava")
    size = canvas.short
    crater: Points = [
        (x + size * 0.05 * math.cos(a), y + size * (0.012 + 0.012 * math.sin(a)))
        for a in np.arange(0, 6.28, 0.5)
    ]
    canvas.light([crater], _CORE, 0.95, 1.3)
    for k in range(4):
        down = (k - 1.5) * 0.5 + float(rng.uniform(-0.2, 0.2))
        long = size * float(rng.uniform(0.1, 0.26))
        left: list[tuple[float, float]] = []
        right: list[tuple[float, float]] = []
        for step in range(9):
            share = step / 8
            middle = (
                x + size * 0.03 * (k - 1.5) + down * long * share + math.sin(share * 7 + k) * size * 0.008
            )
            half = size * (0.009 + 0.012 * math.sin(share * 3.0)) * (1 - 0.6 * share) + 0.4
            row = y + size * 0.012 + long * share
            left.append((middle - half, row))
            right.append((middle + half, row))
        canvas.light([[*left, *reversed(right)]], _LAVA, 0.92, 0.9)
        thread = [((a + b) / 2, row) for (a, row), (b, _) in zip(right, left, strict=True)]
        canvas.light([[*left[:6], *reversed(thread[:6])]], _CORE, 0.7)


def _sparks(canvas: Canvas, setting: Setting, x: float, y: float) -> None:
    rng = setting.rng("sparks")
    shapes: list[Points] = []
    for angle, far, size in rng.random((46, 3)):
        turn = (angle - 0.5) * 1.6
        px, py = (
            x + math.sin(turn) * far * canvas.short * 0.24,
            y - math.cos(turn) * far * canvas.short * 0.26,
        )
        r = max(canvas.short * 0.003 * (0.4 + size), 0.45)
        shapes.append([(px - r, py), (px, py - r * 1.6), (px + r, py), (px, py + r)])
    canvas.light(shapes, _CORE, 0.9, 0.8)
