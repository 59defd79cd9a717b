"""Pictures of nothing but colour and form, for words without a scene."""

import math

import numpy as np

from bot.sketch.painting.brief import Plane, generator
from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.cast import Floor, perform
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import RGB, jitter, luma, mix, named, rgb
from bot.sketch.painting.pixels import toned
from bot.sketch.painting.setting import Setting

_SCHEMES = (
    ("f2e8d5", "e4a853", "cf5c36", "2f4858", "88a9a3"),
    ("f6efe6", "f2a7a0", "7a9eb1", "28536b", "e9c46a"),
    ("101a33", "274b7a", "4fa3a5", "f4d58d", "ee6c4d"),
    ("f5ead9", "a3b18a", "588157", "344e41", "d98f5c"),
    ("1d1a31", "4d2a5e", "b0487a", "f2846b", "f9d9a6"),
    ("eef1ef", "8ecae6", "219ebc", "023047", "ffb703"),
    ("f7e7ce", "c9ada7", "9a8c98", "4a4e69", "22223b"),
)


def paint_abstract(canvas: Canvas, setting: Setting) -> None:
    """Choose a composition and a scheme from the words and the seed, and paint it."""
    rng = generator("abstract", setting.seed, *setting.idea.unknown)
    scheme = [jitter(rgb(code), rng, 0.02) for code in _SCHEMES[int(rng.integers(len(_SCHEMES)))]]
    for k, (name, _) in enumerate(setting.idea.tints[:3]):
        scheme[1 + k] = named(name)
    if setting.light.darkness > 0.5 and setting.idea.time in ("night", "dusk") and luma(scheme[0]) > 0.5:
        scheme = [scheme[0] * np.float32(0.14), *scheme[1:]]
    painter = (_ribbons, _hills_of_paper, _orbits, _marble)[
        int(rng.integers(4 if setting.idea.unknown else 2))
    ]
    painter(canvas, rng, scheme)
    nowhere = np.zeros((canvas.height, canvas.width), dtype=np.bool_)
    perform(canvas, setting, Floor(nowhere, nowhere, canvas.height * 0.7, floating=True))


def _ground(canvas: Canvas, rng: np.random.Generator, tone: RGB, second: RGB) -> None:
    slope = np.linspace(0, 1, canvas.height, dtype=np.float32)[:, None] + 0.25 * fractal(
        rng, canvas.width, canvas.height, 1.5, 3
    )
    canvas.colour[:] = tone + (mix(tone, second, 0.3) - tone) * np.clip(slope, 0, 1)[..., None]


def _ribbons(canvas: Canvas, rng: np.random.Generator, scheme: list[RGB]) -> None:
    """Waves of silk, one behind the other."""
    _ground(canvas, rng, scheme[0], scheme[1])
    count = 11
    rows = np.arange(canvas.height, dtype=np.float32)[:, None]
    turn = float(rng.uniform(-0.5, 0.5))
    slant = np.linspace(-0.5, 0.5, canvas.width, dtype=np.float32) * turn * canvas.height
    _disc_of_light(canvas, rng, scheme)
    for k in range(count):
        share = k / (count - 1)
        middle = (
            canvas.height * (0.22 + 0.85 * share)
            + line(rng, canvas.width, 1.6, 3, 0.4) * canvas.height * 0.12
            + slant
        )
        depth = (rows - middle[None, :]) / (canvas.short * 0.17)
        mask = np.clip(depth * canvas.short * 0.17 + 0.5, 0, 1)
        first, second = scheme[1 + k % 4], scheme[1 + (k + 1) % 4]
        along = np.linspace(0, 1, canvas.width, dtype=np.float32)[None, :, None]
        tone = first + (second - first) * along
        sheen = np.exp(-np.clip(depth, 0, None) * 2.4)[..., None]
        colour = tone * (0.72 + 0.2 * share) + (mix(scheme[0], rgb("ffffff"), 0.4) - tone) * sheen * 0.34
        canvas.put(mask, np.clip(colour, 0, 1).astype(np.float32))


def _disc_of_light(canvas: Canvas, rng: np.random.Generator, scheme: list[RGB]) -> None:
    x, y = canvas.width * float(rng.uniform(0.25, 0.75)), canvas.height * float(rng.uniform(0.2, 0.36))
    radius = canvas.short * float(rng.uniform(0.09, 0.16))
    away = _away(canvas, x, y)
    canvas.colour += (scheme[4] - canvas.colour) * (np.exp(-((away / (radius * 2.6)) ** 2)) * 0.5)[..., None]
    canvas.put(np.clip(radius - away + 0.5, 0, 1), mix(scheme[4], rgb("fff6e0"), 0.35))


def _away(canvas: Canvas, x: float, y: float) -> Plane:
    across = np.arange(canvas.width, dtype=np.float32)[None, :] - np.float32(x)
    down = np.arange(canvas.height, dtype=np.float32)[:, None] - np.float32(y)
    away: Plane = np.sqrt(across * across + down * down)
    return away


def _orbits(canvas: Canvas, rng: np.random.Generator, scheme: list[RGB]) -> None:
    """Circles, arcs and lines in balance."""
    _ground(canvas, rng, scheme[0], scheme[1])
    size = canvas.short
    for k in range(7):
        x, y = float(rng.uniform(0.1, 0.9)) * canvas.width, float(rng.uniform(0.1, 0.9)) * canvas.height
        radius = size * float(rng.uniform(0.05, 0.24)) * (1.25 if k == 0 else 0.8)
        away = _away(canvas, x, y)
        tone = scheme[1 + k % 4]
        kind = int(rng.integers(3))
        if kind == 0:
            shade = np.clip(1.05 - 0.3 * ((np.arange(canvas.height)[:, None] - y) / radius), 0.7, 1.25)
            canvas.put(
                np.clip(radius - away + 0.5, 0, 1) * 0.93,
                np.clip(tone * (shade[..., None] * np.ones((1, canvas.width, 1))), 0, 1).astype(np.float32),
            )
        elif kind == 1:
            thick = radius * float(rng.uniform(0.08, 0.3))
            canvas.put(np.clip(thick - np.abs(away - radius) + 0.5, 0, 1) * 0.95, tone)
        else:
            for ring in range(4):
                mask = np.clip(radius * 0.05 - np.abs(away - radius * (1 - 0.22 * ring)) + 0.5, 0, 1)
                canvas.put(mask, scheme[1 + (k + ring) % 4])
    _threads(canvas, rng, scheme)


def _threads(canvas: Canvas, rng: np.random.Generator, scheme: list[RGB]) -> None:
    dark = min(scheme, key=luma) if luma(scheme[0]) > 0.5 else max(scheme, key=luma)
    for _ in range(9):
        x, y = float(rng.random()) * canvas.width, float(rng.random()) * canvas.height
        angle, long = float(rng.uniform(0, math.pi)), canvas.short * float(rng.uniform(0.2, 0.9))
        half = max(canvas.short * 0.0022, 0.5)
        dx, dy = math.cos(angle) * long / 2, math.sin(angle) * long / 2
        nx, ny = -math.sin(angle) * half, math.cos(angle) * half
        thread: Points = [
            (x - dx + nx, y - dy + ny),
            (x + dx + nx, y + dy + ny),
            (x + dx - nx, y + dy - ny),
            (x - dx - nx, y - dy - ny),
        ]
        canvas.fill([thread], dark)
    for _ in range(14):
        x, y, r = (
            float(rng.random()) * canvas.width,
            float(rng.random()) * canvas.height,
            canvas.short * float(rng.uniform(0.006, 0.02)),
        )
        dot: Points = [
            (x + r * math.cos(a * math.pi / 8), y + r * math.sin(a * math.pi / 8)) for a in range(16)
        ]
        canvas.fill([dot], scheme[1 + int(rng.integers(4))])


def _hills_of_paper(canvas: Canvas, rng: np.random.Generator, scheme: list[RGB]) -> None:
    """Cut paper in layers, each with its shadow on the next."""
    canvas.colour[:] = scheme[4]
    x, y = canvas.width * float(rng.uniform(0.35, 0.65)), canvas.height * float(rng.uniform(0.36, 0.6))
    order = [3, 2, 1, 0]
    start = canvas.short * 0.16
    away = _away(canvas, x, y)
    angle = np.arctan2(
        np.arange(canvas.height, dtype=np.float32)[:, None] - y,
        np.arange(canvas.width, dtype=np.float32)[None, :] - x,
    )
    for layer in range(6):
        wave = np.zeros_like(angle)
        for n in range(2, 6):
            wave += np.sin(angle * n + float(rng.uniform(0, 6.28))) * float(rng.uniform(0.2, 1.0)) / n
        edge = away + wave * canvas.short * 0.075 - (start + layer * canvas.short * 0.115)
        shadow = np.exp(-np.clip(-edge, 0, None) / (canvas.short * 0.022)) * (edge < 0) * 0.34
        canvas.colour *= 1.0 - shadow[..., None]
        tone = scheme[order[layer % 4]]
        canvas.put(np.clip(edge + 0.5, 0, 1), mix(tone, rgb("ffffff"), 0.05 * (layer % 3)))


def _marble(canvas: Canvas, rng: np.random.Generator, scheme: list[RGB]) -> None:
    """Poured paint: bands folded through each other."""
    width, height = canvas.width, canvas.height
    warp = fractal(rng, width, height, 1.1, 3, stretch=1.3)
    fold = fractal(rng, width, height, 1.9, 3)
    level = np.abs((warp * 0.95 + 0.3 * np.sin(fold * 2.6 + warp * 1.4) + 0.35) % 2.0 - 1.0)
    at = np.linspace(0, 1, 5)
    colour = toned(level, at.tolist(), scheme)
    slope = np.gradient(fold + 2 * warp, axis=0) if height > 1 else np.zeros_like(fold)
    relief = np.clip(slope * canvas.short * 0.05, -0.24, 0.24)
    canvas.colour[:] = np.clip(colour * (1.0 + relief[..., None]), 0, 1)
    for band in (0.24, 0.5, 0.76):
        vein = smoothstep(0.02, 0.0, np.abs(level - band))
        canvas.colour += (rgb("e8c878") - canvas.colour) * (vein * 0.75)[..., None]
