"""Water: a moving mirror of what stands beyond it."""

import numpy as np

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.noise import smoothstep
from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pixels import pick, resize_plane
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.terrain import Ground, Rough, Seen, View

_OCTAVES = (0.55, 0.8, 0.75, 0.6)
_ROUGHNESS = {
    "sea": 1.0,
    "coast": 0.9,
    "island": 0.7,
    "river": 0.45,
    "lake": 0.3,
    "waterfall": 0.5,
    "swamp": 0.12,
}


def flood(canvas: Canvas, setting: Setting, view: View, ground: Ground, seen: Seen) -> None:
    """Turn the seen samples that lie under water into water, mirroring the picture painted so far."""
    wet = wet_pixels(ground, seen)
    rows = np.nonzero(wet.any(axis=1))[0]
    if not rows.size:
        return
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    wet = wet[top:bottom]
    crest = _ripples(setting, view, top, bottom)
    mirrored = _mirror(canvas, seen, wet, crest, top, bottom, setting.horizon)
    light = setting.light
    depth_share = np.clip(
        (np.arange(top, bottom, dtype=np.float32) - setting.horizon) / setting.short * 1.5, 0, 1
    )[:, None]
    base = setting.coloured(
        setting.idea.place, setting.coloured("sea", mix(rgb("2f6f84"), light.sky[1], 0.45))
    )
    deep = light.on(base, 0.55)
    clear = np.float32(0.34) + np.float32(0.34) * depth_share + np.float32(0.22) * crest
    if setting.idea.place in setting.idea.element_colours:
        clear = clear + np.float32(0.2)
    colour = mirrored + (deep - mirrored) * np.clip(clear, 0.0, 1.0)[..., None]
    bright = np.clip(crest, 0.0, 1.0)[..., None] * np.float32(0.16 + 0.1 * _roughness(setting))
    colour += (light.sky[2] - colour) * bright
    _glitter(canvas, setting, colour, crest, top, bottom)
    _foam(setting, colour, crest, wet)
    box = canvas.colour[top:bottom]
    box += (np.clip(colour, 0.0, 1.0) - box) * wet[..., None]


def wet_pixels(ground: Ground, seen: Seen) -> Plane:
    """1 where a pixel shows water, else 0."""
    columns = ground.water.shape[1]
    column = (np.arange(seen.slice_of.shape[1]) * columns // seen.slice_of.shape[1])[None, :]
    flat = np.maximum(seen.slice_of - 1, 0) * columns + column
    wet = ground.water.reshape(-1)[flat] & (seen.slice_of > 0)
    shown: Plane = wet.astype(np.float32)
    return shown


def _roughness(setting: Setting) -> float:
    base = _ROUGHNESS.get(setting.idea.place, 0.5)
    return base * (1.8 if "storm" in setting.idea.weather else 1.3 if "wind" in setting.idea.weather else 1.0)


def _ripples(setting: Setting, view: View, top: int, bottom: int) -> Plane:
    """Height of the surface at each pixel from row ``top`` on, about -1..1 in a rough sea."""
    half = 2 if setting.width > 256 else 1
    wide, high = max(setting.width // half, 1), max((bottom - top) // half, 1)
    rows = np.linspace(top + 0.5, bottom, high, dtype=np.float32) - np.float32(setting.horizon)
    z = np.float32(view.lift * setting.short) / np.maximum(rows, 0.6)
    x = (np.linspace(0, setting.width, wide, dtype=np.float32) - setting.width / 2)[None, :] / np.float32(
        setting.short
    )
    x = x * z[:, None]
    rough = Rough(setting.rng("ripples"))
    total = np.zeros((high, wide), dtype=np.float32)
    for octave, (across, along) in enumerate(((0.35, 1.1), (1.1, 3.4), (2.9, 9.0), (7.0, 22.0))):
        spacing = z * z / np.float32(view.lift * setting.short) * np.float32(half)
        fade = 1 / (1 + (spacing * np.float32(along)) ** 2)
        total += rough.at(x * np.float32(across) + 17 * octave, z[:, None] * np.float32(along)) * (
            fade[:, None] * np.float32(_OCTAVES[octave])
        )
    total *= np.float32(_roughness(setting))
    return resize_plane(total, setting.width, bottom - top)


def _mirror(
    canvas: Canvas, seen: Seen, wet: Plane, crest: Plane, top: int, bottom: int, horizon: float
) -> Picture:
    """The picture turned over, shaken by the ripples: land at its shore, sky at the horizon."""
    width = canvas.width
    rows = np.arange(top, bottom)[:, None]
    dry = np.where(wet > 0, top - 1, np.broadcast_to(rows, wet.shape))
    shore = np.maximum.accumulate(dry, axis=0)
    below = (rows - shore).astype(np.float32)
    shake = crest * np.minimum(below * np.float32(0.5), canvas.short * 0.06)
    side = np.arange(width)[None, :] + crest * np.minimum(below * np.float32(0.1), canvas.short * 0.018)
    column = np.clip(side, 0, width - 1).astype(np.int64)
    land = np.clip(shore - below + shake, 0, canvas.height - 1).astype(np.int64) * width + column
    sky = (
        np.clip(2 * np.float32(horizon) - rows + shake, 0, canvas.height - 1).astype(np.int64) * width
        + column
    )
    source = np.where(seen.slice_of.reshape(-1)[land] > 0, land, sky)
    return pick(canvas.colour, source)


def _glitter(canvas: Canvas, setting: Setting, colour: Picture, crest: Plane, top: int, bottom: int) -> None:
    light = setting.light
    if setting.idea.weather & {"storm", "rain", "fog"}:
        return
    x, _ = setting.sun
    rows = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(setting.horizon)
    spread = np.float32(setting.short * 0.035) + rows * np.float32(0.2)
    column = np.exp(-(((np.arange(canvas.width, dtype=np.float32)[None, :] - np.float32(x)) / spread) ** 2))
    sparkle = smoothstep(0.12, 0.5, crest) * column
    low = 1.0 if light.sun_at[1] > 0.5 else 0.55
    strength = np.clip(sparkle * np.float32(0.95) + column * np.float32(0.22), 0.0, 1.0) * np.float32(low)
    colour += (light.disc - colour) * strength[..., None]


def _foam(setting: Setting, colour: Picture, crest: Plane, wet: Plane) -> None:
    if setting.idea.place not in ("sea", "coast", "island"):
        return
    level = 0.5 if "storm" in setting.idea.weather else 0.78
    caps = smoothstep(level, level + 0.16, crest) * np.float32(0.75)
    shore = np.zeros_like(wet)
    reach = max(2, int(setting.short * 0.012))
    for step in range(1, reach):
        shore[:-step] = np.maximum(shore[:-step], (1 - wet[step:]) * np.float32(1 - step / reach))
    caps = np.maximum(caps, smoothstep(0.25, 0.75, shore + 0.25 * crest) * np.float32(0.85))
    colour += (setting.light.on(rgb("fdfdfb"), 0.85) - colour) * caps[..., None]
