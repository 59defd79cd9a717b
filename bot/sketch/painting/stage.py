"""Putting sprites on a canvas: contact with the ground, mirror images, air."""

import numpy as np

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.palette import LUMA, RGB, mix, rgb
from bot.sketch.painting.pen import Sprite
from bot.sketch.painting.pixels import weighed
from bot.sketch.painting.setting import Setting

_SHADOW = rgb("14121e")
_SEPARATION = 0.16
"""Least difference of lightness between a figure and what is behind it."""


def stand(
    canvas: Canvas,
    setting: Setting,
    sprite: Sprite,
    x: float,
    y: float,
    *,
    air: float = 0.0,
    focus: float = 1.0,
) -> None:
    """Paint the sprite with its foot at (x, y); ``air`` (0..1) is how much haze lies before it."""
    left, top = round(x) + sprite.left, round(y) + sprite.top
    colour = sprite.colour
    if air > 0.0:
        colour = colour + (setting.light.haze - colour) * np.float32(air)
    if focus >= 1.0:
        colour = _set_off(canvas, sprite, colour, left, top)
    canvas.put(sprite.alpha, colour, left, top, outline=False)
    _draw_lines(canvas, sprite, left, top, focus)
    if sprite.glow is not None:
        dark = 0.25 + 0.75 * setting.light.darkness
        canvas.add_glow(sprite.glow * np.float32(dark * 0.6) * sprite.alpha[..., None], left, top)


def _set_off(canvas: Canvas, sprite: Sprite, colour: Picture, left: int, top: int) -> Picture:
    """Push the figure's tone away from a background of the same tone."""
    high, wide = sprite.alpha.shape
    behind = canvas.colour[max(top, 0) : max(top + high, 0), max(left, 0) : max(left + wide, 0)]
    weight = float(sprite.alpha.sum())
    if not behind.size or weight < 1.0:
        return colour
    ours = float((weighed(colour, LUMA.tolist()) * sprite.alpha).sum()) / weight
    theirs = float(weighed(behind, LUMA.tolist()).mean())
    short_of = _SEPARATION - abs(ours - theirs)
    if short_of <= 0.0:
        return colour
    pushed: Picture = np.clip(colour + short_of * (0.8 if ours > theirs else -0.8), 0.0, 1.0)
    return pushed


def _draw_lines(canvas: Canvas, sprite: Sprite, left: int, top: int, focus: float) -> None:
    high, wide = sprite.alpha.shape
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + wide, canvas.width), min(top + high, canvas.height)
    if x0 >= x1 or y0 >= y1:
        return
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    lines = canvas.lines[y0:y1, x0:x1]
    np.maximum(lines, sprite.lines[inner], out=lines)
    seen = canvas.focus[y0:y1, x0:x1]
    np.maximum(seen, sprite.alpha[inner] * np.float32(focus), out=seen)


def cast_shadow(canvas: Canvas, setting: Setting, x: float, y: float, width: float) -> None:
    """A soft contact shadow under something ``width`` pixels wide that stands at (x, y)."""
    lean = (0.5 - setting.light.sun_at[0]) * width * 0.5
    half_x, half_y = max(width * 0.62, 1.5), max(width * 0.13, 1.0)
    wide, high = int(half_x * 2.6) + 2, int(half_y * 2.6) + 2
    u = (np.arange(wide, dtype=np.float32) - wide / 2) / np.float32(half_x)
    v = (np.arange(high, dtype=np.float32) - high / 2) / np.float32(half_y)
    away = u[None, :] ** 2 + v[:, None] ** 2
    strength = 0.5 - 0.2 * setting.light.darkness
    mask = np.clip(1.1 - away, 0.0, 1.0) * np.float32(strength)
    canvas.put(mask, _SHADOW, round(x + lean - wide / 2), round(y - high / 2), outline=False)


def mirror(canvas: Canvas, setting: Setting, sprite: Sprite, x: float, y: float) -> None:
    """The sprite's reflection in rippled water below (x, y)."""
    above = min(-sprite.top, sprite.alpha.shape[0])
    if above < 2:
        return
    alpha, colour = sprite.alpha[:above][::-1], sprite.colour[:above][::-1]
    rows = np.arange(above, dtype=np.float32)
    wave = setting.rng("mirror", round(x)).uniform(0.0, 6.28)
    period = np.float32(max(canvas.short * 0.022, 2.0))
    sway = np.sin(rows / period * (1.0 - 0.3 * rows / above) + np.float32(wave)) * (
        0.4 + rows * np.float32(0.035)
    )
    columns = np.arange(alpha.shape[1])[None, :] + np.round(sway).astype(np.int64)[:, None]
    inside = (columns >= 0) & (columns < alpha.shape[1])
    columns = np.clip(columns, 0, alpha.shape[1] - 1)
    lines = np.arange(above)[:, None]
    fade = np.clip(0.62 - 0.5 * rows / above, 0.0, 1.0)[:, None]
    mask: Plane = alpha[lines, columns] * inside * fade
    base = _water_tone(canvas, x, y)
    tinted = colour[lines, columns]
    tinted = tinted + (base - tinted) * np.float32(0.34)
    canvas.put(mask, tinted, round(x) + sprite.left, round(y), outline=False)


def _water_tone(canvas: Canvas, x: float, y: float) -> RGB:
    row = min(max(round(y) + 2, 0), canvas.height - 1)
    column = min(max(round(x), 0), canvas.width - 1)
    return mix(canvas.colour[row, column], _SHADOW, 0.2)
