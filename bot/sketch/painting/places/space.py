"""Space: nebulae, stars, lit planets, and a moon to stand on."""

import math

import numpy as np

from bot.sketch.painting.brief import Mask, Picture, Plane
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.cast import Floor, perform
from bot.sketch.painting.noise import fractal, smoothstep
from bot.sketch.painting.palette import RGB, jitter, mix, named, rgb
from bot.sketch.painting.pixels import toned
from bot.sketch.painting.places.outdoors import floor_of
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.subjects import FIGURES, Stance
from bot.sketch.painting.terrain import HeightOf, Rough, View, blend, haze, lay, look, shade, survey

_NEBULAE = (
    ("0a0a1e", "3a1a6a", "c0408a", "ffb48a"),
    ("060c1c", "12406a", "2a9aa8", "c8f0d8"),
    ("0c0818", "4a1a4a", "d0603c", "ffd88a"),
    ("070a1a", "2a2a7a", "6a6ae0", "d8c8ff"),
)
_WORLDS = ("4a8ac8", "d0905a", "b8a0d0", "6ab09a", "c8604a")
_WHITE = np.ones(3, dtype=np.float32)
_HORIZON = 0.74


def paint_space(canvas: Canvas, setting: Setting) -> None:
    """Paint the void and what is in it."""
    names = {motif.name: motif for motif in setting.idea.motifs}
    grounded = any(
        FIGURES[n].stance in (Stance.GROUND, Stance.RIDGE, Stance.TABLE) for n in names if n in FIGURES
    )
    _nebula(canvas, setting)
    _stars(canvas, setting)
    _worlds(canvas, setting, grounded)
    floor = Floor(_nowhere(canvas), _nowhere(canvas), setting.height * _HORIZON, floating=True)
    if grounded:
        floor = _moonscape(canvas, setting)
    perform(canvas, setting, floor)


def _nowhere(canvas: Canvas) -> Mask:
    return np.zeros((canvas.height, canvas.width), dtype=np.bool_)


def _nebula(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("nebula")
    stops = [rgb(code) for code in _NEBULAE[int(rng.integers(len(_NEBULAE)))]]
    asked = setting.idea.element_colours.get("space")
    if asked is not None:
        stops[1], stops[2] = mix(stops[0], named(asked), 0.55), named(asked)
    width, height = canvas.width, canvas.height
    warp = fractal(rng, width, height, 2.0, 3)
    cloud = fractal(rng, width, height, 2.6, 6, gain=0.56) * 0.8 + warp * 0.5
    dust = smoothstep(0.05, 0.8, fractal(rng, width, height, 4.0, 5, gain=0.55))
    level = np.clip(0.36 + 0.5 * cloud, 0.0, 1.0) * (1.0 - 0.65 * dust)
    at = (0.0, 0.42, 0.74, 1.0)
    canvas.colour[:] = toned(level, at, stops)


def _stars(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("stars")
    count = int(min(canvas.width * canvas.height / 260, 4200))
    x, y = rng.integers(0, canvas.width, count), rng.integers(0, canvas.height, count)
    power = (rng.random(count) ** 4 * 0.95 + 0.06).astype(np.float32)
    tint = np.stack([mix(_WHITE, rgb(c), 0.35) for c in ("ffd8b0", "b0d0ff", "ffffff")])[
        rng.integers(0, 3, count)
    ]
    spots = canvas.colour[y, x]
    canvas.colour[y, x] = spots + (tint - spots) * power[:, None]
    for k in np.argsort(power, kind="stable")[-max(4, count // 90) :]:
        _flare(canvas, int(x[k]), int(y[k]), canvas.short * 0.0036 * float(power[k]) + 0.4)


def _flare(canvas: Canvas, x: int, y: int, radius: float) -> None:
    reach = math.ceil(radius * 7)
    span = np.abs(np.arange(-reach, reach + 1, dtype=np.float32)) / np.float32(radius)
    core = np.exp(-(span[None, :] ** 2 + span[:, None] ** 2) * 0.6)
    rays = np.exp(-span[None, :] * 0.55 - span[:, None] ** 2 * 4) + np.exp(
        -span[:, None] * 0.55 - span[None, :] ** 2 * 4
    )
    canvas.put(np.clip(core + rays * 0.7, 0, 1), _WHITE, x - reach, y - reach, outline=False)


def _worlds(canvas: Canvas, setting: Setting, grounded: bool) -> None:
    rng = setting.rng("worlds")
    large = any(motif.name == "planet" for motif in setting.idea.motifs)
    side = 0.27 if setting.light.sun_at[0] > 0.5 else 0.73
    size = canvas.short * float(rng.uniform(0.17, 0.24))
    if not large:
        tone = jitter(rgb(_WORLDS[int(rng.integers(len(_WORLDS)))]), rng, 0.04)
        y = canvas.height * (0.3 if grounded else float(rng.uniform(0.26, 0.42)))
        sphere(canvas, setting, canvas.width * (1 - side), y, size, tone)
    moon_x, moon_y = (
        canvas.width * (side + float(rng.uniform(-0.1, 0.1))),
        canvas.height * float(rng.uniform(0.12, 0.3)),
    )
    sphere(canvas, setting, moon_x, moon_y, canvas.short * float(rng.uniform(0.03, 0.055)), rgb("b8b0a8"))


def sphere(canvas: Canvas, setting: Setting, x: float, y: float, radius: float, tone: RGB) -> None:
    """A world lit from the sun's side, with bands or seas and a rim of air."""
    rng = setting.rng("sphere", round(radius))
    reach = math.ceil(radius * 1.25)
    span = np.arange(-reach, reach + 1, dtype=np.float32) / np.float32(radius)
    u, v = np.broadcast_arrays(span[None, :], span[:, None])
    away = u * u + v * v
    z = np.sqrt(np.clip(1.0 - away, 0.0, 1.0))
    side = -1.0 if setting.light.sun_at[0] < 0.5 else 1.0
    lit = np.clip(u * 0.66 * side - v * 0.42 + z * 0.5, 0.0, 1.0)
    turbulence = fractal(rng, len(span), len(span), 5.0, 5)
    if rng.random() < 0.5:
        pattern = np.sin(v * 9 + turbulence * 1.6) * 0.5
    else:
        pattern = smoothstep(-0.1, 0.25, turbulence) * 1.2 - 0.6
    second = mix(tone, rgb("f4ead8"), 0.55)
    surface = tone + (second - tone) * np.clip(0.5 + pattern, 0.0, 1.0)[..., None]
    colour = surface * (0.05 + 1.1 * lit)[..., None]
    rim = np.clip((1.0 - z) ** 2.5 * lit * 1.6, 0.0, 1.0)[..., None]
    colour = colour + (mix(tone, _WHITE, 0.6) - colour) * rim
    mask = np.clip((1.0 - np.sqrt(away)) * radius + 0.5, 0.0, 1.0)
    left, top = round(x) - reach, round(y) - reach
    halo = (
        np.exp(-((np.sqrt(away) - 1.0) ** 2) * 90)
        * np.clip(u * 0.6 * side - v * 0.4 + 0.35, 0, 1)
        * 0.5
        * (away > 0.98)
    )
    canvas.put(halo.astype(np.float32), mix(tone, _WHITE, 0.5), left, top, outline=False)
    canvas.put(mask.astype(np.float32), np.clip(colour, 0, 1), left, top)


def _moonscape(canvas: Canvas, setting: Setting) -> Floor:
    view = View(1.6, 120.0)
    frame = Setting(
        setting.idea,
        setting.light,
        setting.seed,
        setting.width,
        setting.height,
        setting.height * _HORIZON,
        setting.detail,
    )
    ground = survey(frame, view, _cratered(setting.rng("moonscape")))
    seen = look(frame, view, ground)
    rough = Rough(setting.rng("regolith"))
    lit = np.clip(
        shade(frame, ground, 1.6) + 0.06 * rough.fractal(ground.x * 2, ground.z[:, None] * 2, 3), 0, 1
    )
    dust = setting.coloured("space", rgb("a89fa0"))
    colour: Picture = (
        mix(dust, rgb("181a2e"), 0.78)
        + (mix(dust, _WHITE, 0.2) - mix(dust, rgb("181a2e"), 0.78)) * lit[..., None]
    )
    far: Plane = np.broadcast_to(haze(frame, ground, 160.0)[:, None], lit.shape)
    lay(canvas, seen, blend(colour, rgb("2a2648"), far), frame.horizon)
    return floor_of(frame, ground, seen)


def _cratered(rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    holes = [
        (float(rng.uniform(-14, 14)), float(rng.uniform(4, 42)), float(rng.uniform(0.8, 3.6)))
        for _ in range(16)
    ]

    def height(x: Plane, z: Plane) -> Plane:
        total = rough.fractal(x / 16, z / 16, 5) * (0.25 + np.minimum(z, 80) * 0.02) + 0.8
        for cx, cz, size in holes:
            away = np.sqrt((x - cx) ** 2 + (z - cz) ** 2) / size
            total = (
                total
                - np.exp(-((away / 0.75) ** 4)) * size * 0.2
                + np.exp(-(((away - 1.0) / 0.22) ** 2)) * size * 0.11
            )
        lifted: Plane = np.maximum(total, 0.02)
        return lifted

    return height
