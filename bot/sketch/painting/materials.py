"""What the ground is made of: colour by place, season, height and slope, then light and air."""

import numpy as np

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.landforms import air_of
from bot.sketch.painting.noise import smoothstep
from bot.sketch.painting.palette import RGB, jitter, mix, rgb
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.terrain import Ground, Rough, blend, haze, shade

_GRASS = {"spring": "93bf58", "summer": "7fa548", "autumn": "bd9a4a", "winter": "e6ecf2", None: "86a850"}
_WOOD = {"spring": "5d9048", "summer": "3f7040", "autumn": "c0702f", "winter": "c4d0da", None: "426f42"}
_ROCK = {"canyon": "c4744c", "desert": "c9935f", "volcano": "54484a", "coast": "8c8078", None: "84828c"}
_SAND = {"desert": "ecbd78", "canyon": "dd9a64", None: "ead7ac"}
_SNOW = rgb("f4f7fc")
_WITH_PATHS = ("hills", "village", "garden", "mountains", "volcano")


def ground_tone(setting: Setting) -> RGB:
    """The colour of what grows on the ground, unlit."""
    return setting.coloured(setting.idea.place, rgb(_GRASS[setting.idea.season]))


def ground_colour(setting: Setting, ground: Ground) -> Picture:
    """Colour of every ground sample, lit and hazed, shape (slices, columns, 3)."""
    rng = setting.rng("materials")
    rough = Rough(rng)
    z = ground.z[:, None]
    patch = rough.fractal(ground.x / 6, z / 6, 3)
    broad = rough.fractal(ground.x / 30, z / 30, 2)
    local = _local(setting, ground, rng, patch, broad)
    lit = np.clip(shade(setting, ground, 0.8) + np.float32(0.07) * patch, 0.0, 1.0)
    light = setting.light
    colour: Picture = local * (light.ambient + (light.key - light.ambient) * lit[..., None])
    air = haze(setting, ground, air_of(setting.idea.place))[:, None]
    veil = mix(light.haze, light.sky[3], 0.3)
    sunward = np.exp(
        -((ground.x / z / np.float32(setting.width / setting.short) + np.float32(0.5 - light.sun_at[0])) ** 2)
        * 9
    )
    veil_here = blend(veil, mix(veil, light.sky[3], 0.7), sunward.astype(np.float32))
    return blend(colour, veil_here, np.broadcast_to(air, patch.shape))


def _local(setting: Setting, ground: Ground, rng: np.random.Generator, patch: Plane, broad: Plane) -> Picture:
    place, season = setting.idea.place, setting.idea.season
    backdrop = setting.idea.backdrop or place
    grass = jitter(ground_tone(setting), rng, 0.03)
    rock = jitter(setting.coloured("mountains", rgb(_ROCK.get(backdrop, _ROCK[None]))), rng, 0.02)
    sand = setting.coloured(place, rgb(_SAND.get(place, _SAND[None])))
    if place in ("desert", "canyon") or (place == "island" and season != "winter"):
        base = blend(sand, mix(sand, rock, 0.35), np.clip(0.4 + 0.6 * broad, 0.0, 1.0))
    else:
        base = _meadow(grass, rgb(_WOOD[season]), patch, broad)
    if place == "forest":
        base = _meadow(rgb("5f6b3c") if season != "winter" else _SNOW, rgb("6b5334"), patch, broad)
    steep = np.sqrt(ground.slope_x**2 + ground.slope_z**2)
    base = blend(base, rock, smoothstep(0.5, 1.05, steep + 0.12 * patch))
    if place in ("coast", "island", "sea", "lake", "river"):
        wet = mix(sand, rgb("6f6250"), 0.0 if place in ("coast", "island") else 0.55)
        low = 0.34 if place in ("coast", "island") else 0.1
        base = blend(base, wet, 1 - smoothstep(low * 0.7, low, ground.height + 0.05 * patch))
    if place == "island":
        base = blend(base, rgb(_WOOD[season]), smoothstep(0.5, 0.8, ground.height + 0.2 * patch))
    if place in ("canyon",):
        bands = 0.5 + 0.5 * np.sin(ground.height * np.float32(2.6))
        base = blend(base, rgb("a24f35"), np.float32(0.55) * bands * smoothstep(0.3, 0.8, steep))
    if place == "field":
        base = _furrows(base, ground, grass, patch)
    if place in _WITH_PATHS:
        base = _path(setting, base, ground, patch)
    return _snowed(setting, ground, base, steep, patch)


def _meadow(grass: RGB, wood: RGB, patch: Plane, broad: Plane) -> Picture:
    pale = mix(grass, rgb("e8dc8c"), 0.3)
    base = blend(grass, pale, np.clip(0.35 + 0.5 * patch, 0.0, 1.0))
    return blend(base, mix(grass, wood, 0.7), smoothstep(0.0, 0.55, broad + 0.3 * patch))


def _furrows(base: Picture, ground: Ground, grass: RGB, patch: Plane) -> Picture:
    near = 1 - smoothstep(10, 46, ground.z[:, None])
    rows = 0.5 + 0.5 * np.sin(ground.x * np.float32(5.5) + patch)
    return blend(base, grass * np.float32(0.72), near * rows * np.float32(0.5))


def _path(setting: Setting, base: Picture, ground: Ground, patch: Plane) -> Picture:
    """A trodden path that winds away from the viewer."""
    rng = setting.rng("path")
    phase, turn, aim = float(rng.uniform(0, 6.28)), float(rng.uniform(7, 13)), float(rng.uniform(-0.12, 0.12))
    z = ground.z[:, None]
    middle = np.sin(z / turn + phase) * (0.5 + 0.06 * z) + aim * z
    width = 0.62 + 0.004 * z
    trodden = 1 - smoothstep(0.55, 1.0, np.abs(ground.x - middle) / width + 0.3 * patch)
    fade = 1 - smoothstep(45, 80, z)
    earth = rgb("cfae7c") if setting.idea.season != "winter" else rgb("c3c6cc")
    return blend(base, earth, trodden * fade * 0.8)


def _snowed(setting: Setting, ground: Ground, base: Picture, steep: Plane, patch: Plane) -> Picture:
    season = setting.idea.season
    if setting.idea.place in ("desert", "canyon", "volcano") and season != "winter":
        return base
    line = 2.0 if season == "winter" else 24.0
    if season == "winter":
        cover = 1 - smoothstep(0.8, 1.5, steep + 0.2 * patch)
    else:
        high = smoothstep(line, line * 1.5, ground.height + 4 * patch)
        cover = high * (1 - smoothstep(1.2, 2.1, steep + 0.3 * patch))
    return blend(base, _SNOW, cover)
