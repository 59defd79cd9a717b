"""Water-borne and drawn media on paper: watercolour, pen and wash, pencil."""

import math

import numpy as np

from bot.sketch.painting.brief import Picture, Plane
from bot.sketch.painting.media.easel import Easel, lightness, paper, posterised
from bot.sketch.painting.media.lines import contours, displaced, hatch, tone_lines
from bot.sketch.painting.noise import fractal, smoothstep
from bot.sketch.painting.palette import rgb
from bot.sketch.painting.pixels import blur_image

_WHITE_PAPER = rgb("faf6ec")
_CREAM_PAPER = rgb("f3ead6")


def watercolor(easel: Easel) -> list[Picture]:
    """Transparent washes with dark rims, blooms and an unpainted edge."""
    size = easel.short
    wet = displaced(easel.colour, easel, "bleed", size * 0.007 * easel.rough)
    wash = blur_image(wet, size * 0.0055)
    broad = blur_image(wet, size * 0.018)
    rim = np.clip(lightness(broad) - lightness(wash), 0.0, 0.2)
    fine = easel.colour - blur_image(easel.colour, max(size * 0.006, 0.8))
    wash = wash + fine * (np.float32(0.3 + 0.35 * easel.detail) * (0.3 + 0.7 * easel.focus))[..., None]
    pigment = np.clip(1.0 - wash, 0.0, 1.0) ** 1.04
    bloom = fractal(easel.rng("bloom"), easel.width, easel.height, 4.0, 4)
    pool = np.clip(0.93 + 0.17 * bloom * easel.rough + rim * 2.6, 0.4, 1.5)
    granules = 1.0 + (paper(easel, 0.11) - 1.0) * np.clip(lightness(pigment) * 1.6, 0.0, 1.0)
    pigment = pigment * (pool * granules)[..., None]
    stages = [_on_paper(broad, easel), _on_paper(wash, easel)]
    sheet = _WHITE_PAPER * paper(easel, 0.025)[..., None]
    painted = sheet * np.clip(1.0 - pigment * _unpainted_edge(easel)[..., None], 0.0, 1.0)
    pencil = contours(easel, 0.55, size * 0.003) * np.float32(0.34 * easel.detail) * _unpainted_edge(easel)
    painted += (rgb("5a5560") - painted) * pencil[..., None]
    return [*stages, np.clip(painted, 0.0, 1.0)]


def _on_paper(wash: Picture, easel: Easel) -> Picture:
    painted: Picture = _WHITE_PAPER * (1.0 - (1.0 - wash) * _unpainted_edge(easel)[..., None])
    return painted


def _unpainted_edge(easel: Easel) -> Plane:
    """1 where paint goes; the brush leaves an uneven border of paper."""
    margin = easel.short * 0.035
    x = np.minimum(np.arange(easel.width), easel.width - 1 - np.arange(easel.width)).astype(np.float32)[
        None, :
    ]
    y = np.minimum(np.arange(easel.height), easel.height - 1 - np.arange(easel.height)).astype(np.float32)[
        :, None
    ]
    away = np.minimum(x, y) + fractal(easel.rng("border"), easel.width, easel.height, 7.0, 4) * margin * 0.55
    return smoothstep(margin * 0.62, margin * 0.8, away)


def ink(easel: Easel) -> list[Picture]:
    """Pen, brush and thin colour washes on cream paper."""
    light = lightness(easel.colour)
    light = np.clip((light - 0.5) * 1.1 + 0.55 + 0.12 * easel.darkness, 0.0, 1.0)
    lines = np.maximum(
        contours(easel, 1.0, easel.short * 0.002 * easel.rough), tone_lines(easel, 11.0, 0.2) * 0.92
    )
    strokes = hatch(easel, smoothstep(0.04, 0.52, light), 0.9, 0.0105) * 0.8
    cross = hatch(easel, smoothstep(0.0, 0.3, light), -0.55, 0.0105) * 0.8
    black = np.maximum(lines, np.maximum(strokes, cross) * np.float32(0.35 + 0.5 * easel.detail))
    wash = _thin_wash(easel)
    sheet = wash * paper(easel, 0.03)[..., None]
    pen = rgb("241f2b")
    drawn = sheet + (pen - sheet) * np.clip(black * 0.94, 0.0, 1.0)[..., None]
    first = sheet + (pen - sheet) * (lines * 0.6)[..., None]
    return [wash, first, np.clip(drawn, 0.0, 1.0)]


def _thin_wash(easel: Easel) -> Picture:
    soft = blur_image(displaced(easel.colour, easel, "wash", easel.short * 0.01), easel.short * 0.008)
    grey = lightness(soft)[..., None]
    tint = np.clip(grey + (soft - grey) * 1.15, 0.0, 1.0)
    pool = 0.55 + 0.13 * fractal(easel.rng("pool"), easel.width, easel.height, 5.0, 4)
    wash: Picture = _CREAM_PAPER * (1.0 - np.clip((1.0 - tint) * pool[..., None], 0.0, 0.86))
    return wash


def pencil(easel: Easel) -> list[Picture]:
    """Graphite with a breath of colour."""
    light = _stretched(lightness(easel.colour))
    tooth = paper(easel, 0.3)
    shade = np.zeros_like(light)
    for angle, low, high in ((0.8, 0.2, 0.98), (0.62, 0.1, 0.7), (-0.7, 0.0, 0.42)):
        shade = np.maximum(
            shade,
            hatch(easel, smoothstep(low - 0.15, high, light), angle, 0.0075) * (0.36 + 0.3 * (1 - high)),
        )
    smudge = np.clip(1.0 - light, 0.0, 1.0) ** 1.2 * 0.62
    lines = np.maximum(contours(easel, 0.8, easel.short * 0.0025), tone_lines(easel, 9.0, 0.12) * 0.8)
    graphite = np.clip(
        np.maximum(shade + smudge * 0.8, lines * 0.82) * (0.72 + 0.55 * (1.7 - tooth) * 0.6), 0.0, 0.92
    )
    sheet = _WHITE_PAPER * paper(easel, 0.03)[..., None]
    soft = blur_image(easel.colour, easel.short * 0.012)
    tinted = sheet * (1.0 - (1.0 - soft) * np.float32(0.2))
    drawn = tinted + (rgb("2e2d33") - tinted) * graphite[..., None]
    first = tinted + (rgb("2e2d33") - tinted) * (lines * 0.5)[..., None]
    return [first, np.clip(drawn, 0.0, 1.0)]


def _stretched(light: Plane) -> Plane:
    """Tones spread over the whole range, whatever the time of day."""
    low, high = float(np.quantile(light, 0.02)), float(np.quantile(light, 0.97))
    spread: Plane = np.clip((light - low) / max(high - low, 0.15), 0.0, 1.0)
    return spread


def woodcut(easel: Easel) -> list[Picture]:
    """Carved lines that follow the light, over two flat blocks of colour."""
    light = lightness(blur_image(easel.colour, easel.short * 0.004))
    period = max(easel.short * 0.0125, 3.0)
    y = np.arange(easel.height, dtype=np.float32)[:, None]
    x = np.arange(easel.width, dtype=np.float32)[None, :]
    grainy = fractal(easel.rng("wood"), easel.width, easel.height, 5.0, 3, stretch=3.0)
    phase = (y + 0.16 * x) / period + light * 3.2 + grainy * 0.6
    wave = 0.5 + 0.5 * np.sin(phase * np.float32(2 * math.pi))
    tone = np.clip((light - 0.5) * 1.5 + 0.56 + 0.16 * easel.darkness, 0.0, 1.0)
    carved = np.clip((wave - smoothstep(0.08, 0.86, tone)) * 3.5 + 0.5, 0.0, 1.0)
    lines = np.maximum(contours(easel, 1.4, easel.short * 0.002), tone_lines(easel, 12.0, 0.12))
    black = np.maximum(np.maximum(carved * smoothstep(1.0, 0.85, tone), lines), smoothstep(0.16, 0.06, tone))
    soft = blur_image(easel.colour, easel.short * 0.02)
    levels = posterised(np.clip(soft * 1.15 + 0.12, 0, 1), 5)
    block = _CREAM_PAPER * (0.3 + 0.7 * blur_image(levels, 1.0))
    printed = block + (rgb("1c1a22") - block) * np.clip(black * paper(easel, 0.1), 0.0, 0.97)[..., None]
    return [block, np.clip(printed, 0.0, 1.0)]
