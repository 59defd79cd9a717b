"""A city across the water: towers in depths of haze, lit windows, a quay in front."""

import math

import numpy as np

from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.cast import perform
from bot.sketch.painting.landforms import LANDFORMS, view_of
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.places.outdoors import floor_of
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.sky import paint_sky
from bot.sketch.painting.terrain import blend, lay, look, survey
from bot.sketch.painting.water import flood

_STONE = ("6f7c90", "8a8290", "7a6f78", "93887c", "5f6c80")
_NEON = ("ff3ca8", "2de2e6", "ffb03c", "8a5cff")
_LAYERS = 4


def paint_city(canvas: Canvas, setting: Setting) -> None:
    """Paint the skyline, its mirror image and the subjects on the quay."""
    paint_sky(canvas, setting)
    for layer in range(_LAYERS):
        _skyline(canvas, setting, layer)
    view = view_of("city")
    ground = survey(setting, view, LANDFORMS["city"].shape(setting, setting.rng("land")))
    seen = look(setting, view, ground)
    slabs = np.where((np.floor(ground.z * 3.2)[:, None] + np.floor(ground.x * 2.2)) % 2 > 0, 0.94, 1.03)
    paving = setting.light.on(mix(setting.coloured("city", rgb("7d7a80")), setting.light.sky[2], 0.25), 0.5)
    lay(canvas, seen, blend(paving * 0.0, paving, slabs.astype(np.float32)), setting.horizon)
    flood(canvas, setting, view, ground, seen)
    perform(canvas, setting, floor_of(setting, ground, seen))


def _skyline(canvas: Canvas, setting: Setting, layer: int) -> None:
    rng = setting.rng("skyline", layer)
    near = layer / (_LAYERS - 1)
    base = math.ceil(setting.horizon) + 2.0
    cyber = "cyberpunk" in setting.idea.treatments
    x = -canvas.short * float(rng.uniform(0.0, 0.1))
    lit: dict[bool, list[Points]] = {True: [], False: []}
    while x < canvas.width:
        wide = canvas.short * float(rng.uniform(0.045, 0.1)) * (0.75 + 0.6 * near)
        centre = 1.0 - 0.55 * abs((x + wide / 2) / canvas.width - 0.5) * 2
        tall = (
            min(setting.horizon, canvas.short * 0.95)
            * float(rng.uniform(0.16, 0.66))
            * (1.12 - 0.5 * near)
            * (0.55 + 0.6 * centre)
        )
        local = jitter(rgb(_STONE[int(rng.integers(len(_STONE)))]), rng, 0.025)
        face = mix(
            setting.light.on(mix(local, rgb("1c1c2c"), 0.5 * setting.light.darkness), 0.42),
            setting.light.haze,
            0.68 * (1 - near) ** 1.2,
        )
        _tower(canvas, setting, rng, x, base, wide, tall, face)
        _windows(canvas, setting, rng, x, base, wide, tall, near, lit)
        if cyber and near > 0.3 and rng.random() < 0.45:
            _sign(canvas, rng, x, base, wide, tall)
        x += wide * float(rng.uniform(0.92, 1.5))
    _light_windows(canvas, setting, lit, near)
    _mist(canvas, setting, near)


def _tower(
    canvas: Canvas,
    setting: Setting,
    rng: np.random.Generator,
    x: float,
    base: float,
    wide: float,
    tall: float,
    face: RGB,
) -> None:
    top = base - tall
    roof = int(rng.integers(5))
    shape: Points = [(x, base), (x, top), (x + wide, top), (x + wide, base)]
    extra: list[Points] = []
    if roof == 1:
        extra = [
            [
                (x + wide * 0.2, top),
                (x + wide * 0.2, top - wide * 0.4),
                (x + wide * 0.8, top - wide * 0.4),
                (x + wide * 0.8, top),
            ]
        ]
    elif roof == 2:
        extra = [[(x, top), (x + wide * 0.5, top - wide * 0.9), (x + wide, top)]]
    elif roof == 3:
        extra = [[(x, top), (x + wide, top - wide * 0.5), (x + wide, top)]]
    if roof in (0, 1, 2) and rng.random() < 0.5:
        mast, half = top - wide * float(rng.uniform(0.6, 1.4)), max(canvas.short * 0.0016, 0.4)
        extra.append([(x + wide * 0.5 - half, top), (x + wide * 0.5, mast), (x + wide * 0.5 + half, top)])
    canvas.fill([shape, *extra], face)
    side = 0.0 if setting.light.sun_at[0] > 0.5 else 0.68
    strip: Points = [
        (x + wide * side, base),
        (x + wide * side, top),
        (x + wide * (side + 0.32), top),
        (x + wide * (side + 0.32), base),
    ]
    canvas.fill([strip], mix(face, rgb("14121e"), 0.22), outline=False)


def _windows(
    canvas: Canvas,
    setting: Setting,
    rng: np.random.Generator,
    x: float,
    base: float,
    wide: float,
    tall: float,
    near: float,
    lit: dict[bool, list[Points]],
) -> None:
    cell = max(canvas.short * (0.013 + 0.007 * near), 2.6)
    columns, rows = int(wide / cell) - 1, int(tall / (cell * 1.25)) - 1
    if columns < 1 or rows < 1:
        return
    margin = (wide - columns * cell) / 2
    share = 0.14 + 0.4 * setting.light.darkness
    for row in range(rows):
        for column in range(columns):
            draw = float(rng.random())
            if draw < share + 0.22:
                left, top = x + margin + column * cell + cell * 0.22, base - tall + cell * (0.5 + row * 1.25)
                pane: Points = [
                    (left, top),
                    (left + cell * 0.5, top),
                    (left + cell * 0.5, top + cell * 0.62),
                    (left, top + cell * 0.62),
                ]
                lit[draw < share].append(pane)


def _light_windows(canvas: Canvas, setting: Setting, lit: dict[bool, list[Points]], near: float) -> None:
    dark = setting.light.darkness
    pane = mix(setting.light.sky[1], rgb("1a2030"), 0.5 + 0.3 * dark)
    canvas.light(lit[False], pane, 0.25 + 0.3 * near)
    warm = mix(rgb("ffd88a"), rgb("9ad8ff"), 0.5) if "cyberpunk" in setting.idea.treatments else rgb("ffd88a")
    shown = mix(setting.light.sky[3], warm, 0.3 + 0.7 * dark)
    canvas.light(lit[True], shown, 0.35 + 0.6 * dark, 0.5 * dark * (0.4 + 0.6 * near))


def _sign(canvas: Canvas, rng: np.random.Generator, x: float, base: float, wide: float, tall: float) -> None:
    colour = rgb(_NEON[int(rng.integers(len(_NEON)))])
    left, high = x + wide * float(rng.uniform(0.1, 0.7)), tall * float(rng.uniform(0.2, 0.5))
    top, thick = base - tall * float(rng.uniform(0.75, 0.95)), wide * 0.14
    sign: Points = [(left, top), (left + thick, top), (left + thick, top + high), (left, top + high)]
    canvas.light([sign], mix(colour, rgb("ffffff"), 0.15), 1.0, 1.2)


def _mist(canvas: Canvas, setting: Setting, near: float) -> None:
    rows = np.arange(canvas.height, dtype=np.float32)
    below = np.exp(-(((rows - setting.horizon) / (canvas.short * 0.13)) ** 2)) * (0.5 - 0.38 * near)
    canvas.colour += (mix(setting.light.haze, setting.light.sky[3], 0.5) - canvas.colour) * below[
        :, None, None
    ].astype(np.float32)
