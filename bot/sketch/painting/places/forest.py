"""Inside a wood: trunks in depths of air, light between them, leaves overhead."""

import math

import numpy as np

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.canvas import Canvas, Points
from bot.sketch.painting.cast import perform
from bot.sketch.painting.landforms import LANDFORMS, view_of
from bot.sketch.painting.materials import ground_colour
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.places.outdoors import floor_of
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.terrain import lay, look, survey

_LEAF = {"spring": "8fbf58", "summer": "4f8a40", "autumn": "d0802f", "winter": "cfdae2", None: "5c9448"}
_LAYERS, _FEW_LAYERS = 6, 4


def paint_forest(canvas: Canvas, setting: Setting) -> None:
    """Paint the wood with its subjects between the nearest trunks."""
    leaf = setting.coloured("forest", rgb(_LEAF[setting.idea.season]))
    glow = mix(mix(setting.light.sky[3], setting.light.sky[2], 0.35), setting.light.on(leaf, 0.9), 0.3)
    deep = setting.light.on(mix(leaf, rgb("16281f"), 0.62), 0.3)
    _air(canvas, setting, glow, deep)
    view = view_of("forest")
    ground = survey(setting, view, LANDFORMS["forest"].shape(setting, setting.rng("land")))
    seen = look(setting, view, ground)
    painted = canvas.colour.copy()
    lay(canvas, seen, ground_colour(setting, ground), setting.horizon)
    _melt(canvas, setting, painted)
    last = (_LAYERS if canvas.short > 100 else _FEW_LAYERS) - 1
    for layer in range(last):
        _depth(canvas, setting, layer, layer / last, leaf, glow)
    _light_on_ground(canvas, setting, glow)
    perform(canvas, setting, floor_of(setting, ground, seen))
    _depth(canvas, setting, last, 1.0, leaf, glow)
    _ferns(canvas, setting, leaf)


def _air(canvas: Canvas, setting: Setting, glow: RGB, deep: RGB) -> None:
    x = (np.arange(canvas.width, dtype=np.float32) / canvas.width - setting.light.sun_at[0] * 0.5 - 0.25)[
        None, :
    ]
    y = (np.arange(canvas.height, dtype=np.float32) / canvas.height - setting.horizon / canvas.height + 0.12)[
        :, None
    ]
    drift = fractal(setting.rng("air"), canvas.width, canvas.height, 3.0, 4) * 0.2
    bright = np.clip(1.12 - np.sqrt((x * 1.5) ** 2 + (y * 1.75) ** 2) * 1.5 + drift, 0.0, 1.0)
    canvas.colour[:] = deep + (glow - deep) * bright[..., None]


def _melt(canvas: Canvas, setting: Setting, air: Plane) -> None:
    """Let the far ground dissolve into the air behind it."""
    rows = np.arange(canvas.height, dtype=np.float32)[:, None, None]
    near = smoothstep(0.0, 1.0, (rows - setting.horizon) / max((canvas.height - setting.horizon) * 0.75, 1.0))
    canvas.colour[:] = air + (canvas.colour - air) * (0.12 + 0.88 * near)
    canvas.lines[:] = 0.0


def _depth(canvas: Canvas, setting: Setting, layer: int, near: float, leaf: RGB, glow: RGB) -> None:
    """One depth of trunks with canopy and undergrowth; ``near`` is 0 for the farthest, 1 for the nearest."""
    rng = setting.rng("trunks", layer)
    below = canvas.height - setting.horizon
    foot = setting.horizon + below * (0.02 + 0.5 * near**1.9) + (below * 0.5 if near == 1.0 else 0.0)
    bark = setting.light.on(mix(rgb("4a382c"), rgb("241f22"), near), 0.28)
    tone = mix(glow, bark, 0.16 + 0.8 * near**0.8)
    spread = max(canvas.width / canvas.short, 0.6)
    count = max(2, int((15 - 11.5 * near) * spread))
    half = canvas.short * (0.006 + 0.034 * near**1.7)
    shapes: list[Points] = []
    for k in range(count):
        x = (k + float(rng.uniform(0.1, 0.9))) / count * canvas.width
        if near > 0.55 and abs(x / canvas.width - 0.5) < 0.16 + 0.2 * near:
            x = x * 0.3 if x < canvas.width / 2 else canvas.width - (canvas.width - x) * 0.3
        shapes += _trunk(
            canvas,
            rng,
            x,
            foot + float(rng.uniform(0, 0.04)) * canvas.short,
            half * float(rng.uniform(0.6, 1.25)),
        )
    canvas.fill(shapes, tone)
    if near > 0.4:
        _lit_flank(canvas, setting, shapes, mix(tone, glow, 0.3), half)
    if setting.idea.season != "winter" or near < 0.5:
        green = mix(
            glow,
            setting.light.on(jitter(mix(leaf, rgb("1c2a1c"), 0.5 * near), rng, 0.02), 0.42),
            0.2 + 0.76 * near,
        )
        _canopy(canvas, setting, layer, near, green)
    _undergrowth(canvas, setting, layer, near, foot, mix(tone, setting.light.on(leaf, 0.35), 0.45))


def _trunk(canvas: Canvas, rng: np.random.Generator, x: float, foot: float, half: float) -> list[Points]:
    lean, curve = float(rng.normal(0, 0.04)) * canvas.height, float(rng.normal(0, 0.5)) * half * 2
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    for step in range(9):
        up = step / 8
        y = foot * (1 - up) - canvas.height * 0.02 * up
        middle = x + lean * up + curve * math.sin(up * 4)
        wide = half * (1.0 - 0.42 * up + 0.9 * math.exp(-up * 16))
        left.append((middle - wide, y))
        right.append((middle + wide, y))
    shapes: list[Points] = [[*left, *reversed(right)]]
    for _ in range(int(rng.integers(1, 4))):
        up = float(rng.uniform(0.3, 0.8))
        side = float(rng.choice((-1.0, 1.0)))
        bx, by = x + lean * up, foot * (1 - up)
        long, thick = half * float(rng.uniform(5, 11)), half * 0.3
        tip = (bx + side * long, by - long * float(rng.uniform(0.4, 0.9)))
        shapes.append(
            [
                (bx, by - thick),
                (bx + side * long * 0.5, by - long * 0.26 - thick * 0.6),
                tip,
                (bx + side * long * 0.5, by - long * 0.2 + thick * 0.3),
                (bx, by + thick),
            ]
        )
    return shapes


def _lit_flank(canvas: Canvas, setting: Setting, shapes: list[Points], tone: RGB, half: float) -> None:
    side = -1 if setting.light.sun_at[0] < 0.5 else 1
    rims: list[Points] = []
    for shape in shapes:
        if len(shape) < 12:
            continue
        points = [(float(x), float(y)) for x, y in shape]
        edge = points[:9] if side < 0 else points[:8:-1]
        rims.append([*edge, *[(x - side * half * 0.4, y) for x, y in reversed(edge)]])
    canvas.fill(rims, tone, outline=False)


def _canopy(canvas: Canvas, setting: Setting, layer: int, near: float, green: RGB) -> None:
    rng = setting.rng("canopy", layer)
    depth = canvas.height * (0.3 - 0.16 * near)
    frame = np.abs(np.linspace(-1, 1, canvas.width, dtype=np.float32)) ** 2.2 * near * 0.22 * canvas.height
    edge = depth + line(rng, canvas.width, 4.0, 4, 0.6) * canvas.height * 0.09 + frame
    high = max(2, min(int(edge.max()) + 2, canvas.height))
    rows = np.arange(high, dtype=np.float32)[:, None]
    ragged = fractal(rng, canvas.width, high, 34.0 - 16.0 * near, 3) * canvas.short * (0.02 + 0.045 * near)
    mask = np.clip((edge[None, :] - rows + ragged) / 1.5, 0.0, 1.0)
    texture = fractal(rng, canvas.width, high, 44.0 - 16 * near, 3)
    canvas.put(mask, green * (1.0 + 0.22 * texture[..., None]))


def _undergrowth(canvas: Canvas, setting: Setting, layer: int, near: float, foot: float, tone: RGB) -> None:
    if near == 1.0 or setting.idea.season == "winter":
        return
    rng = setting.rng("undergrowth", layer)
    tall = canvas.short * (0.02 + 0.05 * near)
    gap = np.clip(np.abs(np.linspace(-1, 1, canvas.width, dtype=np.float32)) * 2.2 - 0.5 * near, 0.1, 1.0)
    crest = foot - tall * (0.3 + 0.7 * np.abs(line(rng, canvas.width, 16.0, 4, 0.65))) * gap
    top = max(int(crest.min()) - 1, 0)
    high = min(int(foot + tall * 0.5) + 1, canvas.height) - top
    if high < 2:
        return
    rows = np.arange(top, top + high, dtype=np.float32)[:, None]
    mask = np.clip(rows - crest[None, :] + 0.5, 0.0, 1.0) * np.clip(
        (foot + tall * 0.45 - rows) / (tall * 0.4 + 1), 0.0, 1.0
    )
    canvas.put(mask.astype(np.float32), tone, 0, top, outline=False)


def _light_on_ground(canvas: Canvas, setting: Setting, glow: RGB) -> None:
    top = int(min(setting.horizon, canvas.height - 2))
    rows = np.arange(top, canvas.height, dtype=np.float32)[:, None]
    depth = (rows - setting.horizon) / max(canvas.height - setting.horizon, 1.0)
    across = np.linspace(-1, 1, canvas.width, dtype=np.float32)[None, :]
    bend = np.sin(depth * 3.0 + float(setting.rng("path").uniform(0, 6))) * 0.16
    path = np.exp(-(((across - bend) / (0.1 + 0.42 * depth)) ** 2) * 1.4)
    dapple = smoothstep(
        -0.1, 0.5, fractal(setting.rng("dapple"), canvas.width, canvas.height - top, 12.0, 3, stretch=3.0)
    )
    box = canvas.colour[top:]
    box += (glow - box) * (path * (0.16 + 0.3 * dapple))[..., None] * (1.0 - 0.5 * setting.light.darkness)


def _ferns(canvas: Canvas, setting: Setting, leaf: RGB) -> None:
    rng = setting.rng("ferns")
    tone = setting.light.on(mix(leaf, rgb("14201a"), 0.72), 0.25)
    shapes: list[Points] = []
    for x, s in rng.random((46, 2)):
        across = x if abs(x - 0.5) > 0.2 else x * 0.35 + (0.65 if x > 0.5 else 0.0)
        foot_x, foot_y = across * canvas.width, canvas.height * 1.01
        high, bend = canvas.short * (0.05 + 0.11 * s * s), canvas.short * float(rng.normal(0, 0.05))
        half = canvas.short * 0.008
        shapes.append(
            [
                (foot_x - half, foot_y),
                (foot_x + bend * 0.3 - half, foot_y - high * 0.6),
                (foot_x + bend, foot_y - high),
                (foot_x + bend * 0.4 + half, foot_y - high * 0.55),
                (foot_x + half, foot_y),
            ]
        )
    canvas.fill(shapes, tone)
