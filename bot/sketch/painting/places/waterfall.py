"""A cliff with a waterfall behind a pool."""

import numpy as np

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.setting import Setting

_WHITE = np.ones(3, dtype=np.float32)


def paint_fall(canvas: Canvas, setting: Setting) -> None:
    """Lay the cliff and its fall over the far shore; the pool then mirrors both."""
    rng = setting.rng("fall")
    foot = setting.horizon + canvas.short * 0.034
    tall = min(setting.horizon * 0.86, canvas.short * 0.52)
    middle = 0.64 if setting.light.sun_at[0] < 0.5 else 0.36
    u = (np.arange(canvas.width, dtype=np.float32) / canvas.width - middle) * canvas.width / canvas.short
    shoulder = 1 - smoothstep(0.26, 0.6, np.abs(u) + 0.07 * line(rng, canvas.width, 9.0, 4, 0.6))
    crest = foot - tall * shoulder * (0.94 + 0.07 * line(rng, canvas.width, 14.0, 4, 0.6))
    top, bottom = max(int(crest.min()) - 1, 0), min(int(foot) + 1, canvas.height)
    if bottom - top < 3:
        return
    high = bottom - top
    rows = np.arange(top, bottom, dtype=np.float32)[:, None]
    strata = fractal(rng, canvas.width, high, 7.0, 5, stretch=0.6, gain=0.6)
    ledges = fractal(rng, canvas.width, high, 9.0, 4, stretch=4.0)
    side = -1.0 if setting.light.sun_at[0] < 0.5 else 1.0
    lit = np.clip(0.42 + 0.5 * strata + 0.28 * ledges + side * u[None, :] * 0.5, 0.0, 1.0)
    rock = setting.light.far(setting.light.on(rgb("6f6a66"), 0.2), 0.12)
    bright = setting.light.far(setting.light.on(rgb("b0a698"), 0.9), 0.12)
    moss = setting.light.on(rgb("5f8a48"), 0.6)
    face = rock + (bright - rock) * lit[..., None]
    depth = (rows - crest[None, :]) / canvas.short
    green = np.clip(
        smoothstep(0.1, 0.0, depth + 0.05 * strata) + smoothstep(0.25, 0.6, ledges) * 0.6, 0.0, 1.0
    )
    face = face + (moss - face) * green[..., None]
    mask = np.clip(rows - crest[None, :] + 0.5, 0, 1) * np.clip((foot - rows) * 0.5 + 0.5, 0, 1)
    canvas.put(mask.astype(np.float32), np.clip(face, 0, 1), 0, top)
    _water(canvas, setting, u, crest, top, bottom, foot)


def _water(
    canvas: Canvas, setting: Setting, u: Plane, crest: Plane, top: int, bottom: int, foot: float
) -> None:
    rng = setting.rng("fall water")
    rows = np.arange(top, bottom, dtype=np.float32)[:, None]
    down = np.clip((rows - float(crest.min())) / max(foot - float(crest.min()), 1.0), 0.0, 1.0)
    width = 0.05 + 0.045 * down**0.7
    edge = np.abs(u[None, :] + 0.012 * np.sin(down * 9)) + 0.012 * fractal(
        rng, canvas.width, bottom - top, 16.0, 3, stretch=0.5
    )
    body = smoothstep(1.0, 0.72, edge / width) * np.clip((rows - crest[None, :]) * 0.4, 0, 1)
    threads = fractal(rng, canvas.width, bottom - top, 40.0, 3, stretch=0.12)
    shade = mix(setting.light.sky[1], setting.light.on(rgb("cfe4ea"), 0.7), 0.6)
    light = setting.light.on(_WHITE, 0.95)
    paint = shade + (light - shade) * np.clip(0.55 + 0.6 * threads, 0, 1)[..., None]
    canvas.put(body.astype(np.float32), np.clip(paint, 0, 1), 0, top)
    x = np.flatnonzero(np.abs(u) == np.abs(u).min())[0]
    across = (np.arange(canvas.width, dtype=np.float32)[None, :] - float(x)) / (canvas.short * 0.17)
    up = (np.arange(canvas.height, dtype=np.float32)[:, None] - foot) / (canvas.short * 0.075)
    mist = np.exp(-(across**2 + up**2)) * (0.6 + 0.3 * fractal(rng, canvas.width, canvas.height, 9.0, 3))
    canvas.colour += (light - canvas.colour) * np.clip(mist, 0.0, 0.85)[..., None]
