"""What falls, floats or flies between the viewer and the scene."""

import math

import numpy as np
from PIL import Image, ImageDraw

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.canvas import Canvas, Points, reduce_mask
from bot.sketch.painting.noise import fractal, smoothstep
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.pen import Pen, raster
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.stage import stand

_WHITE = np.ones(3, dtype=np.float32)


def paint_weather(canvas: Canvas, setting: Setting) -> None:
    """Lay the idea's weather over the finished scene."""
    weather = setting.idea.weather
    if "sunbeams" in weather:
        _sunbeams(canvas, setting)
    if "fog" in weather:
        _fog(canvas, setting)
    if "storm" in weather:
        _lightning(canvas, setting)
    if "rain" in weather or "storm" in weather:
        _rain(canvas, setting)
    if "meteors" in weather:
        _meteors(canvas, setting)
    if "fireworks" in weather:
        _fireworks(canvas, setting)
    if "lanterns" in weather:
        _lanterns(canvas, setting)
    if "fireflies" in weather or "glow" in setting.idea.treatments:
        _motes(canvas, setting, "fireflies", setting.coloured("fireflies", rgb("ffe68a")), 0.0042)
    if "snow" in weather:
        _snow(canvas, setting)
    if "petals" in weather:
        _flakes(canvas, setting, "petals", setting.coloured("petals", rgb("f7b7c8")))
    if "leaves" in weather:
        _flakes(canvas, setting, "leaves", setting.coloured("leaves", rgb("d9792f")))
    if "bubbles" in weather and setting.idea.place != "underwater":
        bubbles(canvas, setting, 40)


def _rain(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("rain")
    slant = float(rng.uniform(-0.32, 0.32))
    for size, count, strength in ((0.045, 260, 0.26), (0.085, 120, 0.34)):
        shapes: list[Points] = []
        for x, y, s in rng.random((count, 3)):
            long = canvas.short * size * (0.6 + 0.8 * s)
            left, top = (x * 1.3 - 0.15) * canvas.width, (y * 1.15 - 0.1) * canvas.height
            thick = max(canvas.short * 0.0011, 0.34)
            shapes.append(
                [
                    (left, top),
                    (left + thick, top),
                    (left + slant * long + thick, top + long),
                    (left + slant * long, top + long),
                ]
            )
        canvas.light(shapes, mix(setting.light.sky[3], _WHITE, 0.45), strength)
    veil = fractal(setting.rng("rain veil"), canvas.width, canvas.height, 3.0, 3, stretch=0.4)
    canvas.colour += (setting.light.haze - canvas.colour) * (np.clip(0.1 + 0.08 * veil, 0, 1))[..., None]


def _snow(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("snow")
    for size, count, strength, soft in (
        (0.0022, 420, 0.75, 0.0),
        (0.0045, 120, 0.85, 0.6),
        (0.011, 26, 0.7, 3.2),
    ):
        shapes: list[Points] = [
            _ring(x * canvas.width, y * canvas.height, max(canvas.short * size * (0.6 + 0.8 * s), 0.5))
            for x, y, s in rng.random((count, 3))
        ]
        flake = setting.light.on(rgb("ffffff"), 0.9) * 0.4 + _WHITE * 0.6
        canvas.light(shapes, flake, strength, soften=soft * canvas.short / 512)


def _ring(x: float, y: float, radius: float, tall: float = 1.0, turn: float = 0.0, knots: int = 9) -> Points:
    cos, sin = math.cos(turn), math.sin(turn)
    points = []
    for k in range(knots):
        across, up = (
            radius * math.cos(k * 2 * math.pi / knots),
            radius * tall * math.sin(k * 2 * math.pi / knots),
        )
        points.append((x + across * cos - up * sin, y + across * sin + up * cos))
    return points


def _flakes(canvas: Canvas, setting: Setting, name: str, colour: RGB) -> None:
    rng = setting.rng(name)
    for tone in range(3):
        shapes = [
            _ring(
                x * canvas.width, y * canvas.height, canvas.short * (0.005 + 0.009 * s * s), 0.5, turn * 6.28
            )
            for x, y, s, turn in rng.random((34, 4))
        ]
        canvas.fill(shapes, setting.light.on(jitter(colour, rng, 0.05), 0.5 + 0.25 * tone))


def _motes(canvas: Canvas, setting: Setting, name: str, colour: RGB, size: float) -> None:
    rng = setting.rng(name)
    reach = max(round(canvas.short * 0.016), 1)
    span = np.arange(-reach, reach + 1, dtype=np.float32)
    away = np.sqrt(span[None, :] ** 2 + span[:, None] ** 2)
    for x, y, s in rng.random((54, 3)):
        radius = max(canvas.short * size * (0.45 + s), 0.5)
        core = np.clip(radius - away + 0.5, 0.0, 1.0)
        left, top = round(x * canvas.width) - reach, round((0.28 + 0.7 * y) * canvas.height) - reach
        canvas.put(core, mix(colour, _WHITE, 0.45), left, top, outline=False)
        canvas.add_glow(core[..., None] * colour * np.float32(0.9), left, top)


def _fog(canvas: Canvas, setting: Setting) -> None:
    rows = np.arange(canvas.height, dtype=np.float32)[:, None] / np.float32(canvas.height)
    level = setting.horizon / canvas.height
    drift = fractal(setting.rng("fog"), canvas.width, canvas.height, 2.2, 4, stretch=3.0)
    band = np.exp(-(((rows - level - 0.06) / 0.26) ** 2))
    cover = np.clip(band * (0.52 + 0.42 * drift), 0.0, 0.85)
    canvas.colour += (mix(setting.light.haze, setting.light.sky[3], 0.4) - canvas.colour) * cover[..., None]


def _sunbeams(canvas: Canvas, setting: Setting) -> None:
    x, y = setting.sun
    across = np.arange(canvas.width, dtype=np.float32)[None, :] - np.float32(x)
    down = np.arange(canvas.height, dtype=np.float32)[:, None] - np.float32(y - canvas.short * 0.1)
    angle = np.arctan2(across, down) / np.float32(2 * math.pi) + np.float32(0.5)
    rng = setting.rng("beams")
    ring = np.convolve(np.tile(rng.random(72), 3), np.ones(3) / 3, "same")[72:144].astype(np.float32)
    beam = np.interp(angle.reshape(-1), np.arange(73) / 72, np.append(ring, ring[0])).reshape(angle.shape)
    away = np.hypot(across, down) / np.float32(canvas.short)
    light = smoothstep(0.42, 0.8, beam.astype(np.float32)) * np.exp(-away * np.float32(0.9)) * np.float32(0.5)
    canvas.colour += (mix(setting.light.disc, setting.light.key, 0.3) - canvas.colour) * light[..., None]


def _lightning(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("lightning")
    x, y = float(rng.uniform(0.2, 0.8)) * canvas.width, 0.02 * canvas.height
    path = [(x, y)]
    while y < setting.horizon * 0.96:
        x += float(rng.normal(0, 0.028)) * canvas.short
        y += float(rng.uniform(0.02, 0.06)) * canvas.short
        path.append((x, min(y, setting.horizon)))
    branches = [path]
    for k in range(2, len(path) - 2, 3):
        bx, by = path[k]
        side = float(rng.choice((-1.0, 1.0)))
        twig = [(bx, by)]
        for _ in range(int(rng.integers(2, 5))):
            bx += side * float(rng.uniform(0.01, 0.04)) * canvas.short
            by += float(rng.uniform(0.01, 0.035)) * canvas.short
            twig.append((bx, by))
        branches.append(twig)
    scale = canvas.supersampling
    image = Image.new("L", (canvas.width * scale, canvas.height * scale))
    draw = ImageDraw.Draw(image)
    for n, branch in enumerate(branches):
        thick = max(1, round(canvas.short * scale * (0.0055 if n == 0 else 0.0025)))
        draw.line([(px * scale, py * scale) for px, py in branch], fill=255, width=thick, joint="curve")
    bolt = reduce_mask(image, scale)[..., None]
    canvas.colour += (rgb("f4f2ff") - canvas.colour) * bolt
    canvas.add_glow(bolt * rgb("a8b0f0") * np.float32(1.6))


def _meteors(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("meteors")
    lean = float(rng.choice((-1.0, 1.0)))
    for _ in range(5):
        x, y = float(rng.uniform(0.1, 0.9)) * canvas.width, float(rng.uniform(0.05, 0.7)) * setting.horizon
        long, thick = canvas.short * float(rng.uniform(0.1, 0.26)), max(canvas.short * 0.003, 0.5)
        dx, dy = lean * long * 0.86, -long * 0.5
        trail: Points = [(x, y - thick), (x + dx, y + dy), (x, y + thick)]
        canvas.light([trail], mix(setting.light.key, _WHITE, 0.7), 0.85)
        canvas.light([_ring(x, y, thick * 1.4)], _WHITE, 1.0)


def _fireworks(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("fireworks")
    for colour in ("ff7a6a", "ffd86a", "7ad8ff", "c89aff"):
        x, y = float(rng.uniform(0.12, 0.88)) * canvas.width, float(rng.uniform(0.12, 0.6)) * setting.horizon
        reach = canvas.short * float(rng.uniform(0.09, 0.2))
        shapes: list[Points] = []
        for k in range(30):
            angle, far = (
                k * 2 * math.pi / 30 + float(rng.normal(0, 0.05)),
                reach * float(rng.uniform(0.75, 1.0)),
            )
            cos, sin, thick = math.cos(angle), math.sin(angle), max(canvas.short * 0.002, 0.4)
            tip = (x + cos * far, y + sin * far + far * 0.06)
            shapes.append(
                [
                    (x + cos * far * 0.25, y + sin * far * 0.25),
                    (tip[0] - sin * thick, tip[1] + cos * thick),
                    (tip[0] + sin * thick, tip[1] - cos * thick),
                ]
            )
            shapes.append(_ring(tip[0], tip[1], thick * 1.5))
        tint = rgb(colour)
        canvas.light(shapes, mix(tint, _WHITE, 0.3), 1.0, 1.0)


def _lanterns(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("lanterns")
    for k, (x, y, s) in enumerate(sorted(rng.random((22, 3)).tolist(), key=lambda spot: spot[2])):
        pen = Pen(setting.rng("lantern", k))
        paper = setting.coloured("lanterns", rgb("f7a645"))
        pen.blob("-22 10, -30 50, -26 92, 0 100, 26 92, 30 50, 22 10, 0 4", paper, glow=0.85)
        pen.blob("-14 10, -16 40, 0 56, 16 40, 14 10, 0 6", mix(paper, _WHITE, 0.6), detail=True, glow=1.0)
        size = canvas.short * (0.025 + 0.075 * s * s)
        place = (x * canvas.width, (0.06 + 0.66 * y) * canvas.height)
        stand(canvas, setting, raster(pen, size, setting.light), *place, air=0.25 * (1 - s), focus=0.6)


def bubbles(canvas: Canvas, setting: Setting, count: int) -> None:
    """Rising bubbles with a bright rim."""
    rng = setting.rng("bubbles")
    for x, y, s in rng.random((count, 3)):
        radius = max(canvas.short * (0.004 + 0.016 * s**3), 0.8)
        reach = math.ceil(radius) + 1
        span = np.arange(-reach, reach + 1, dtype=np.float32)
        away: Plane = np.sqrt(span[None, :] ** 2 + span[:, None] ** 2) / np.float32(radius)
        rim = np.clip((1.0 - away) * radius + 0.5, 0, 1) * (0.12 + 0.6 * np.clip(away, 0, 1) ** 4)
        spark = (
            np.exp(-((span[None, :] / radius + 0.4) ** 2 + (span[:, None] / radius + 0.4) ** 2) * 22) * 0.8
        )
        left, top = round(x * canvas.width) - reach, round(y * canvas.height) - reach
        canvas.put(np.maximum(rim, spark).astype(np.float32), _WHITE, left, top, outline=False)
