"""Print and screen: flat shapes, comic, blueprint, neon, photograph."""

import math

import numpy as np

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.media.easel import Easel, lightness, paper, posterised
from bot.sketch.painting.media.lines import contours, soften, tone_lines
from bot.sketch.painting.noise import grain, smoothstep
from bot.sketch.painting.palette import rgb
from bot.sketch.painting.pixels import blur_image, blur_plane, from_image, to_image


def flat(easel: Easel) -> list[Picture]:
    """A few flat colours with clean edges."""
    size = easel.short
    calm = blur_image(easel.colour, size * 0.007)
    focus = easel.focus[..., None]
    calm = calm + (easel.colour - calm) * focus
    colours = 8 + round(8 * easel.detail)
    shapes = from_image(to_image(calm).quantize(colours, kmeans=0).convert("RGB"))
    shapes = blur_image(shapes, max(size * 0.0012, 0.5))
    result = shapes + (easel.colour - shapes) * focus * np.float32(0.75)
    return [blur_image(shapes, size * 0.02), np.clip(result * paper(easel, 0.012)[..., None], 0.0, 1.0)]


def comic(easel: Easel) -> list[Picture]:
    """Strong flat colour, halftone shadows and brush outlines."""
    grey = lightness(easel.colour)[..., None]
    strong = np.clip(grey + (easel.colour - grey) * 1.45, 0.0, 1.0)
    steps = posterised(blur_image(strong, easel.short * 0.004), 7)
    colour = blur_image(np.clip(steps * 0.94 + 0.08, 0.0, 1.0), max(easel.short * 0.0012, 0.5))
    period = max(easel.short * 0.0115, 3.0)
    x = np.arange(easel.width, dtype=np.float32)[None, :]
    y = np.arange(easel.height, dtype=np.float32)[:, None]
    u, v = (x + y) * np.float32(0.7071 / period), (x - y) * np.float32(0.7071 / period)
    dots = 0.5 + 0.25 * (np.cos(2 * math.pi * u) + np.cos(2 * math.pi * v))
    light = lightness(blur_image(easel.colour, easel.short * 0.006))
    size = np.clip(0.72 - light * 1.1 - 0.14 * easel.darkness, 0.0, 0.5)
    screen = np.clip((dots - (1.0 - size)) * period * 0.3 + 0.5, 0.0, 1.0) * (size > 0.02)
    colour = colour * (1.0 - 0.42 * screen[..., None])
    lines = np.maximum(contours(easel, 1.7, 0.0), tone_lines(easel, 13.0, 0.1))
    inked = colour + (rgb("17141c") - colour) * lines[..., None]
    return [colour, np.clip(inked, 0.0, 1.0)]


def blueprint(easel: Easel) -> list[Picture]:
    """White line on blue, with a grid."""
    size = easel.short
    base = rgb("1d4f8f") * (1.0 + 0.07 * (paper(easel, 1.0)[..., None] - 1.0))
    x, y = np.arange(easel.width)[None, :], np.arange(easel.height)[:, None]
    fine, bold = max(round(size / 40), 4), max(round(size / 8), 20)
    grid = np.where((x % fine == 0) | (y % fine == 0), 0.07, 0.0) + np.where(
        (x % bold == 0) | (y % bold == 0), 0.12, 0.0
    )
    light = lightness(easel.colour)
    body = base * (0.86 + 0.3 * light[..., None]) + np.asarray(grid, dtype=np.float32)[..., None]
    lines = np.maximum(contours(easel, 0.9, 0.0), _edges(light) * 0.55)
    frame = np.zeros_like(light)
    inset, thick = round(size * 0.03), max(1, round(size * 0.003))
    frame[inset : easel.height - inset, inset : easel.width - inset] = 1.0
    frame[inset + thick : easel.height - inset - thick, inset + thick : easel.width - inset - thick] = 0.0
    white = np.clip(np.maximum(lines, frame * 0.8), 0.0, 1.0)[..., None]
    drawn = body + (rgb("eaf3fb") - body) * white * np.float32(0.92)
    return [body, np.clip(drawn, 0.0, 1.0)]


def neon(easel: Easel) -> list[Picture]:
    """Glowing contours over a dark scene."""
    light = lightness(easel.colour)
    height = np.linspace(0.0, 1.0, easel.height, dtype=np.float32)[:, None, None]
    shadow = rgb("120a2c") + (rgb("2c0f4a") - rgb("120a2c")) * height
    grey = light[..., None]
    vivid = np.clip(grey + (easel.colour - grey) * 1.8, 0.0, 1.0)
    body = shadow + vivid * np.float32(0.4) * (0.35 + 0.65 * grey)
    lines = np.clip(np.maximum(contours(easel, 1.0, 0.0), _edges(light) * 0.4), 0.0, 1.0)[..., None]
    hue = np.clip(blur_image(vivid, easel.short * 0.02) * 1.3, 0.0, 1.0)
    tube = hue * 0.45 + (rgb("ff3cac") + (rgb("2de2e6") - rgb("ff3cac")) * height) * 0.75
    core = np.clip(tube * lines, 0.0, 1.0)
    glow = blur_image(core, easel.short * 0.008) * 1.2 + blur_image(core, easel.short * 0.03) * 1.5
    lit = body + core * 0.9 + glow * (1.0 - body)
    return [body, np.clip(lit + lines**3 * 0.25, 0.0, 1.0)]


def _edges(light: Plane) -> Plane:
    """Where lightness changes, 0..1."""
    smooth = soften(light, 1)
    dy, dx = np.gradient(smooth)
    return smoothstep(0.03, 0.13, np.hypot(dx, dy).astype(np.float32))


def photo(easel: Easel) -> list[Picture]:
    """A soft lens: depth of field, bloom, film grain, a darkened edge."""
    size = easel.short
    focus = blur_plane(easel.focus, size * 0.02)[..., None]
    rows = np.abs(np.linspace(-0.25, 1.0, easel.height, dtype=np.float32))[:, None, None]
    spread = np.clip((rows * 0.9) * (1.0 - focus), 0.0, 1.0) if focus.max() > 0.2 else np.zeros_like(rows)
    blurred = blur_image(easel.colour, size * 0.006)
    picture = easel.colour + (blurred - easel.colour) * spread
    bright = np.clip(picture - 0.62, 0.0, 1.0)
    bloom = blur_image(np.clip(bright * 2.0, 0, 1), size * 0.03) * np.float32(0.42)
    picture = picture + bloom * (1.0 - picture)
    curve = picture * picture * (3 - 2 * picture)
    picture = picture + (curve - picture) * np.float32(0.35)
    x = np.linspace(-1, 1, easel.width, dtype=np.float32)[None, :, None]
    y = np.linspace(-1, 1, easel.height, dtype=np.float32)[:, None, None]
    picture = picture * (1.0 - 0.2 * np.clip((x * x + y * y) * 0.62 - 0.22, 0.0, 1.0))
    film = grain(easel.rng("film"), easel.width, easel.height)[..., None] * np.float32(0.02 * easel.rough)
    return [blurred, np.clip(picture + film, 0.0, 1.0)]
