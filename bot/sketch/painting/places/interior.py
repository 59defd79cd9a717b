"""A room: a wall, a window on the day outside, a table in its light."""

import numpy as np

from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.cast import Floor, perform
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.pen import Pen, raster
from bot.sketch.painting.pixels import blur_plane
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.stage import stand
from bot.sketch.painting.subjects import things

_WALLS = ("c9b79a", "a8b5a8", "b59a8c", "93a3b3", "c4a48c")
_WOODS = ("8a5a38", "a8744a", "6d4630")
_CLOTHS = ("c8553c", "4a7a9a", "d0a040", "7a9a6a", "a05a7a")
_BOOKS = ("8a3a3a", "3f5f7a", "b08a3c", "4f6f4a", "6a4a6a")


def paint_interior(canvas: Canvas, setting: Setting) -> None:
    """Paint the room with its subjects on the table."""
    rng = setting.rng("room")
    table = canvas.height * 0.68
    warm = setting.light.darkness
    lamp = mix(setting.light.key, rgb("ffc98a"), 0.4 + 0.5 * warm)
    wall = jitter(setting.coloured("interior", rgb(_WALLS[int(rng.integers(len(_WALLS)))])), rng, 0.02)
    left_side = setting.light.sun_at[0] < 0.5
    _wall(canvas, setting, wall, lamp, left_side)
    wide, high = canvas.short * 0.42, min(table * 0.72, canvas.short * 0.62)
    x = canvas.width * (0.24 if left_side else 0.76) - wide / 2
    y = table - high - canvas.height * 0.1
    _shelf(canvas, setting, canvas.width * (0.78 if left_side else 0.22), table - canvas.height * 0.36)
    _window(canvas, setting, x, y, wide, high)
    _table(canvas, setting, table, lamp, x + wide / 2)
    land = np.zeros((canvas.height, canvas.width), dtype=np.bool_)
    land[int(table) :] = True
    perform(
        canvas, setting, Floor(land, np.zeros_like(land), table, table=table + (canvas.height - table) * 0.16)
    )
    _sunbeam(canvas, setting, x, y, wide, table)


def _wall(canvas: Canvas, setting: Setting, wall: RGB, lamp: RGB, left_side: bool) -> None:
    u = np.linspace(0.0, 1.0, canvas.width, dtype=np.float32)[None, :]
    v = np.linspace(0.0, 1.0, canvas.height, dtype=np.float32)[:, None]
    from_window = np.hypot(u - (0.24 if left_side else 0.76), (v - 0.4) * 0.8)
    lit = np.clip(1.08 - 0.75 * from_window - 0.3 * setting.light.darkness, 0.25, 1.0)
    plaster = fractal(setting.rng("plaster"), canvas.width, canvas.height, 5.0, 5) * 0.05
    shadow = wall * rgb("6a6488")
    canvas.colour[:] = shadow + (wall * lamp - shadow) * np.clip(lit + plaster, 0, 1)[..., None]


def _window(canvas: Canvas, setting: Setting, x: float, y: float, wide: float, high: float) -> None:
    bar = wide * 0.035
    left, top = round(x), round(y)
    span_x, span_y = max(round(wide), 2), max(round(high), 2)
    _view(canvas, setting, left, top, span_x, span_y)
    frame = setting.light.on(rgb("f0e8d8"), 0.25)
    bars = [_bar(x + wide * share - bar / 2, y - bar / 2, bar, high + bar) for share in (0.0, 0.5, 1.0)]
    bars += [_bar(x - bar / 2, y + high * share - bar / 2, wide + bar, bar) for share in (0.0, 0.46, 1.0)]
    canvas.fill(bars, frame)
    canvas.fill([_bar(x - bar * 3, y + high, wide + bar * 6, bar * 2)], mix(frame, rgb("ffffff"), 0.2))
    rng = setting.rng("curtain")
    cloth = rgb(_CLOTHS[int(rng.integers(len(_CLOTHS)))])
    for side in (0, 1):
        _curtain(canvas, setting, x + (wide if side else 0.0), y, wide, high, cloth, bool(side))


def _bar(left: float, top: float, wide: float, high: float) -> Points:
    return [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]


def _view(canvas: Canvas, setting: Setting, left: int, top: int, wide: int, high: int) -> None:
    """A small landscape behind the panes."""
    down = np.linspace(0.0, 1.25, high, dtype=np.float32)
    stops = np.stack(setting.light.sky)
    ramp = np.stack([np.interp(down, (0.0, 0.4, 0.75, 1.0), stops[:, c]) for c in range(3)], axis=-1)
    scene = np.repeat(ramp[:, None, :], wide, axis=1).astype(np.float32)
    cloud = smoothstep(0.1, 0.7, fractal(setting.rng("pane"), wide, high, 2.4, 4, stretch=2.0))
    scene += (setting.light.cloud_lit - scene) * (cloud * 0.75)[..., None]
    rows = np.arange(high, dtype=np.float32)[:, None] / high
    for layer, tone in enumerate((rgb("7a9a8c"), rgb("5f8a54"), rgb("4a7040"))):
        crest = 0.66 + 0.11 * layer + line(setting.rng("view", layer), wide, 2.2, 4) * 0.07
        hill = setting.light.far(setting.light.on(tone, 0.7), 0.6 - 0.28 * layer)
        scene += (hill - scene) * np.clip((rows - crest[None, :]) * high, 0, 1)[..., None]
    canvas.put(np.ones((high, wide), dtype=np.float32), scene, left, top)
    canvas.add_glow(np.clip(scene - 0.25, 0, 1) * np.float32(0.22 * (1 - setting.light.darkness)), left, top)


def _curtain(
    canvas: Canvas, setting: Setting, x: float, y: float, wide: float, high: float, cloth: RGB, right: bool
) -> None:
    sign = 1.0 if right else -1.0
    outer, inner = x + sign * wide * 0.16, x - sign * wide * 0.1
    rod = y - high * 0.06
    folds = 5
    for k in range(folds):
        a, b = k / folds, (k + 1) / folds
        x0, x1 = outer + (inner - outer) * a, outer + (inner - outer) * b
        pinch = (x - sign * wide * -0.06 - (x0 + x1) / 2) * 0.35
        tone = setting.light.on(mix(cloth, rgb("2a2030"), 0.18 * (k % 2)), 0.75 - 0.08 * k)
        middle = rod + high * 0.72
        canvas.fill(
            [
                [
                    (x0, rod),
                    (x1, rod),
                    (x1 + pinch, middle),
                    (x1, y + high * 1.14),
                    (x0, y + high * 1.14),
                    (x0 + pinch, middle),
                ]
            ],
            tone,
        )
    if right:
        canvas.fill(
            [_bar(x - wide * 1.22, rod - wide * 0.02, wide * 1.44, wide * 0.026)],
            setting.light.on(rgb("5a4030"), 0.5),
        )


def _shelf(canvas: Canvas, setting: Setting, x: float, y: float) -> None:
    rng = setting.rng("shelf")
    half, thick = canvas.short * 0.2, canvas.short * 0.018
    wood = setting.light.on(rgb("7a5236"), 0.45)
    cursor = x - half * 0.9
    while cursor < x + half * 0.3:
        wide, tall = (
            canvas.short * float(rng.uniform(0.014, 0.028)),
            canvas.short * float(rng.uniform(0.07, 0.11)),
        )
        tone = jitter(rgb(_BOOKS[int(rng.integers(len(_BOOKS)))]), rng, 0.03)
        canvas.fill([_bar(cursor, y - tall, wide, tall)], setting.light.on(tone, 0.42))
        cursor += wide * 1.06
    canvas.fill([_bar(x - half, y, half * 2, thick)], wood)
    pen = Pen(rng)
    things.vase(pen)
    stand(
        canvas,
        setting,
        raster(pen, canvas.short * 0.13, setting.light),
        x + half * 0.66,
        y,
        air=0.1,
        focus=0.2,
    )


def _table(canvas: Canvas, setting: Setting, table: float, lamp: RGB, window_x: float) -> None:
    rng = setting.rng("table")
    wood = jitter(rgb(_WOODS[int(rng.integers(len(_WOODS)))]), rng, 0.02)
    top = int(table)
    high = canvas.height - top
    if high < 1:
        return
    grain = fractal(rng, canvas.width, high, 3.0, 6, stretch=14.0, gain=0.62)
    rows = np.linspace(0.0, 1.0, high, dtype=np.float32)[:, None]
    across = (np.arange(canvas.width, dtype=np.float32)[None, :] - window_x) / canvas.short
    pool = np.exp(-((across / (0.35 + 0.3 * rows)) ** 2)) * (1 - 0.6 * rows)
    lit = np.clip(0.42 + 0.55 * pool * (1 - 0.6 * setting.light.darkness) + 0.13 * grain, 0.1, 1.0)
    colour = (
        wood * rgb("6a5a70") + (mix(wood, rgb("e8c090"), 0.35) * lamp - wood * rgb("6a5a70")) * lit[..., None]
    )
    canvas.put(
        np.ones((high, canvas.width), dtype=np.float32), np.clip(colour, 0, 1).astype(np.float32), 0, top
    )
    edge = np.clip(1.0 - rows * high / max(canvas.short * 0.008, 1.0), 0.0, 1.0) * 0.35
    box = canvas.colour[top:]
    box += (mix(lamp, rgb("ffffff"), 0.3) - box) * edge[..., None]


def _sunbeam(canvas: Canvas, setting: Setting, x: float, y: float, wide: float, table: float) -> None:
    if setting.light.darkness > 0.7:
        return
    lean = (1.0 if x < canvas.width / 2 else -1.0) * wide * 0.9
    shaft: Points = [
        (x, y),
        (x + wide, y),
        (x + wide + lean, table + canvas.height * 0.1),
        (x + lean, table + canvas.height * 0.1),
    ]
    mask = blur_plane(canvas.mask([shaft], 0, 0, canvas.width, canvas.height), canvas.short * 0.02)
    canvas.colour += (setting.light.disc - canvas.colour) * (
        mask * np.float32(0.13 * (1 - setting.light.darkness))
    )[..., None]
