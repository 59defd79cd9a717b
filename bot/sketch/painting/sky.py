"""The sky: gradient, sun or moon, stars, clouds, aurora."""

import math

import numpy as np

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.noise import fractal, line, smoothstep
from bot.sketch.painting.palette import mix, rgb
from bot.sketch.painting.pixels import blur_plane, resize_plane, toned
from bot.sketch.painting.setting import Setting

_STOPS = (0.0, 0.42, 0.8, 1.0)
_CLOUD_FIELD = 320
_WHITE = np.ones(3, dtype=np.float32)


def paint_sky(canvas: Canvas, setting: Setting) -> None:
    """Fill the canvas with the sky and all that hangs in it."""
    _gradient(canvas, setting)
    if setting.light.stars > 0.0:
        _stars(canvas, setting)
    if "aurora" in setting.idea.weather:
        _aurora(canvas, setting)
    if not setting.idea.weather & {"storm", "rain", "snow"} or setting.light.cover < 0.7:
        _glow_and_disc(canvas, setting)
    if setting.light.cover > 0.05:
        _clouds(canvas, setting)
    if "rainbow" in setting.idea.weather:
        _rainbow(canvas, setting)


def _gradient(canvas: Canvas, setting: Setting) -> None:
    down = np.arange(canvas.height, dtype=np.float32) / np.float32(max(setting.horizon, 1.0))
    stops = np.stack(setting.light.sky)
    ramp = np.stack([np.interp(down, _STOPS, stops[:, c]) for c in range(3)], axis=-1).astype(np.float32)
    canvas.colour[:] = ramp[:, None, :]
    sway = fractal(setting.rng("sky"), canvas.width, canvas.height, 1.2, 2, stretch=2.0)
    canvas.colour *= (1.0 + np.float32(0.05) * sway)[..., None]


def _distance(canvas: Canvas, at: tuple[float, float]) -> Plane:
    across = np.arange(canvas.width, dtype=np.float32) - np.float32(at[0])
    down = np.arange(canvas.height, dtype=np.float32) - np.float32(at[1])
    return np.sqrt(across[None, :] ** 2 + down[:, None] ** 2)


def _glow_and_disc(canvas: Canvas, setting: Setting) -> None:
    light = setting.light
    night = light.darkness > 0.8
    away = _distance(canvas, setting.sun) / np.float32(setting.short)
    halo = np.float32(0.5) * np.exp(-(away * np.float32(3.2)))
    halo += np.float32(0.4) * np.exp(-((away * np.float32(9.0)) ** 2))
    halo *= np.float32(0.5 if night else 1.0)
    glow = mix(light.disc, light.sky[3], 0.35)
    canvas.colour += (glow - canvas.colour) * np.clip(halo, 0.0, 1.0)[..., None]
    if light.darkness > 0.5 and not night:
        return
    names = {motif.name: motif for motif in setting.idea.motifs}
    body = names.get("moon") if night else names.get("sun")
    radius = (0.055 if body is None else 0.105 * body.scale**0.7) * (1.0 if night else 0.9)
    mask = np.clip((np.float32(radius) - away) * np.float32(setting.short) + 0.5, 0.0, 1.0)
    if night:
        _moon(canvas, setting, mask, radius * setting.short)
    else:
        canvas.put(mask, mix(light.disc, _WHITE, 0.3))


def _moon(canvas: Canvas, setting: Setting, mask: Plane, radius: float) -> None:
    rng = setting.rng("moon")
    seas = smoothstep(0.05, 0.55, fractal(rng, canvas.width, canvas.height, 0.42 * canvas.short / radius, 3))
    pale = setting.light.disc
    face = pale + (pale * np.float32(0.78) - pale) * seas[..., None]
    x, y = setting.sun
    phase = float(rng.uniform(-1.0, 1.0))
    crescent = any(m.name == "moon" and m.scale < 1.0 for m in setting.idea.motifs) or abs(phase) < 0.25
    if crescent:
        shadow = _distance(canvas, (x + math.copysign(radius * 0.55, phase), y - radius * 0.2))
        mask = mask * np.clip(shadow - np.float32(radius * 0.92) + 0.5, 0.0, 1.0)
    canvas.put(mask, face)
    reach = mask[..., None] * pale * np.float32(0.55)
    canvas.add_glow(reach)


def _stars(canvas: Canvas, setting: Setting) -> None:
    rng = setting.rng("stars")
    asked = "stars" in setting.idea.weather
    light = setting.light
    if asked or light.darkness > 0.9:
        _milky_way(canvas, setting, 1.0 if asked else 0.4)
    area = canvas.width * min(canvas.height, setting.horizon)
    count = int(min(area / (350 if asked else 700), 3000) * light.stars)
    across = rng.integers(0, canvas.width, count)
    down = (rng.random(count) ** 1.3 * min(setting.horizon, canvas.height - 1)).astype(np.int64)
    power = (rng.random(count) ** 3 * 0.9 + 0.1).astype(np.float32) * np.float32(light.stars)
    tint = mix(_WHITE, light.key, 0.4)
    spots = canvas.colour[down, across]
    canvas.colour[down, across] = spots + (tint - spots) * power[:, None]
    for k in np.argsort(power, kind="stable")[-max(3, count // 60) :]:
        _glint(canvas, int(across[k]), int(down[k]), canvas.short * 0.004 * float(power[k]) + 0.5)


def _glint(canvas: Canvas, x: int, y: int, radius: float) -> None:
    reach = math.ceil(radius * 3)
    span = np.arange(-reach, reach + 1, dtype=np.float32)
    away = span[None, :] ** 2 + span[:, None] ** 2
    mask = np.exp(-away / np.float32(2 * radius * radius)) * np.float32(0.95)
    canvas.put(mask.astype(np.float32), _WHITE, x - reach, y - reach, outline=False)


def _milky_way(canvas: Canvas, setting: Setting, strength: float) -> None:
    rng = setting.rng("milky way")
    width, height = canvas.width, canvas.height
    slope = math.tan(rng.uniform(0.5, 1.1)) * float(rng.choice((-1.0, 1.0)))
    across = np.arange(width, dtype=np.float32) / width - np.float32(rng.uniform(0.3, 0.7))
    down = np.arange(height, dtype=np.float32) / height - np.float32(0.3)
    off = (across[None, :] * np.float32(slope) + down[:, None]) * np.float32(1.0 / math.hypot(slope, 1.0))
    cloud = fractal(rng, width, height, 5.0, 5)
    band = np.exp(-((off + cloud * np.float32(0.05)) ** 2) * np.float32(55.0))
    dust = smoothstep(-0.1, 0.6, fractal(rng, width, height, 7.0, 4)) * np.exp(-(off**2) * np.float32(300.0))
    shine = band * (0.55 + 0.45 * cloud) * (1 - 0.7 * dust) * np.float32(0.55 * strength)
    tint = mix(setting.light.sky[3], mix(setting.light.key, _WHITE, 0.5), 0.55)
    canvas.colour += (tint - canvas.colour) * np.clip(shine, 0.0, 1.0)[..., None]


def _clouds(canvas: Canvas, setting: Setting) -> None:
    light, width, height = setting.light, canvas.width, canvas.height
    scale = min(1.0, _CLOUD_FIELD / max(width, height))
    wide, high = max(2, round(width * scale)), max(2, round(height * scale))
    s = np.minimum(np.arange(high, dtype=np.float32) / np.float32(max(setting.horizon * scale, 1.0)), 1.0)
    field = _cloud_field(setting, wide, high, s)
    threshold = 0.62 - 1.2 * light.cover
    density = smoothstep(threshold, threshold + 0.5, field)
    lit = (
        np.float32(0.5)
        + np.float32(1.3) * _slope(field, light.sun_at[0] < 0.5)
        + np.float32(0.25) * (1 - density)
    )
    away = np.hypot(
        (np.arange(wide, dtype=np.float32) / np.float32(scale) - np.float32(setting.sun[0]))[None, :],
        (np.arange(high, dtype=np.float32) / np.float32(scale) - np.float32(setting.sun[1]))[:, None],
    ) / np.float32(setting.short)
    lit += np.float32(0.35) * np.exp(-(away * np.float32(3.0)))
    fade = (1 - smoothstep(0.92, 1.0, s)) if light.cover < 0.9 else np.ones_like(s)
    cover = resize_plane(density * fade[:, None] * np.float32(0.93), width, height)
    lit = resize_plane(np.clip(lit, 0.0, 1.0), width, height)
    colour = setting.coloured("clouds", light.cloud_shade)
    paint = colour + (light.cloud_lit - colour) * lit[..., None]
    low = np.clip(np.arange(height, dtype=np.float32) / np.float32(max(setting.horizon, 1.0)), 0, 1) ** 3
    paint += (light.sky[3] - paint) * (np.float32(0.45) * low)[:, None, None]
    canvas.colour += (paint - canvas.colour) * np.clip(cover, 0.0, 1.0)[..., None]


def _cloud_field(setting: Setting, wide: int, high: int, s: Plane) -> Plane:
    """Billows that flatten towards the horizon; ``s`` is each row's way down the sky, 0..1."""
    rng = setting.rng("clouds")
    cells = float(rng.uniform(1.8, 3.2))
    soft = fractal(rng, wide, high, cells, 4, stretch=2.4)
    puffs = np.abs(fractal(rng, wide, high, cells * 2.6, 4, stretch=2.0, gain=0.6)) * np.float32(
        2.2
    ) - np.float32(0.62)
    field = np.float32(0.85) * soft + np.float32(0.34) * puffs
    bend_x = fractal(rng, wide, high, 6.0, 3, stretch=1.6) * np.float32(0.022 * wide)
    bend_y = fractal(rng, wide, high, 6.0, 3, stretch=1.6) * np.float32(0.016 * high)
    rows = (np.float32(0.62) * s + np.float32(0.38) * (1.0 / (1.2 - s) - 0.8333) / 4.1667) * (high - 1)
    down = np.clip(rows[:, None] + bend_y, 0, high - 1).astype(np.int64)
    across = np.clip(np.arange(wide, dtype=np.float32)[None, :] + bend_x, 0, wide - 1).astype(np.int64)
    bent: Plane = field[down, across]
    return bent


def _slope(field: Plane, sun_left: bool) -> Plane:
    """How much each point of the field stands above its neighbour away from the sun."""
    high, wide = field.shape
    reach = max(1, round(0.014 * max(wide, high)))
    down = np.minimum(np.arange(high) + reach, high - 1)
    across = np.clip(np.arange(wide) + (reach if sun_left else -reach), 0, wide - 1)
    shade: Plane = field - field[down][:, across]
    return shade


def _aurora(canvas: Canvas, setting: Setting) -> None:
    width, height = canvas.width, canvas.height
    rows = np.arange(height, dtype=np.float32)[:, None] / np.float32(setting.horizon)
    asked = setting.coloured("aurora", rgb("3cf0a0"))
    for band in range(3):
        rng = setting.rng("aurora", band)
        foot = 0.42 + 0.16 * band + 0.16 * line(rng, width, 1.6, 3)
        rays = 0.5 + 0.5 * line(rng, width, 26.0, 3)
        tall = np.float32(0.22) + np.float32(0.4) * rays * (0.6 + 0.4 * line(rng, width, 3.0, 2))
        above = (foot[None, :] - rows) / np.maximum(tall, 0.05)[None, :]
        glow = np.where(above > 0, np.exp(-above * np.float32(1.5)), np.exp(above * np.float32(14.0)))
        power = (0.45 + 0.55 * rays) * np.clip(0.7 + 0.9 * line(rng, width, 2.2, 2), 0.12, 1.0)
        glow = np.clip(glow * power[None, :] * np.float32(1.0 - 0.16 * band), 0.0, 1.0)
        high = np.clip(above * np.float32(0.55), 0.0, 1.0)[..., None]
        tint = asked + (rgb("9a4cf0") - asked) * high
        canvas.colour += (tint - canvas.colour * np.float32(0.4)) * (glow * 0.85)[..., None]
    np.clip(canvas.colour, 0.0, 1.0, out=canvas.colour)


def _rainbow(canvas: Canvas, setting: Setting) -> None:
    centre = (canvas.width * (1 - setting.light.sun_at[0]), setting.horizon * 1.05)
    radius = min(setting.horizon * 0.85, canvas.width * 0.62)
    across = (_distance(canvas, centre) - np.float32(radius)) / np.float32(canvas.short * 0.06)
    hues = [rgb(c) for c in ("8a4cc0", "3c6ce0", "30b070", "f0e050", "f09030", "e04030")]
    stops = np.linspace(0.05, 0.95, len(hues))
    strength = blur_plane((np.abs(across) < 1).astype(np.float32), canvas.short * 0.006) * np.float32(0.42)
    rows = np.arange(canvas.height, dtype=np.float32)[:, None]
    strength *= np.clip((np.float32(setting.horizon) - rows) / np.float32(canvas.short * 0.2) + 0.3, 0.0, 1.0)
    paint = toned(across * 0.5 + 0.5, stops.tolist(), hues)
    canvas.colour += (paint - canvas.colour) * strength[..., None]
