"""Opaque paint: gouache, oil, pastel, points."""

import numpy as np

from bot.sketch.painting.brief import Picture
from bot.sketch.painting.media.brush import Brush, paint_strokes
from bot.sketch.painting.media.easel import Easel, lightness, paper
from bot.sketch.painting.palette import RGB, rgb
from bot.sketch.painting.pixels import blur_image

_GOUACHE = Brush((0.05, 0.022, 0.011, 0.0055), long=2.4, dry=0.5, jitter=0.014, swirl=0.12, opaque=0.94)
_OIL = Brush(
    (0.055, 0.028, 0.014, 0.007), long=2.6, dry=0.7, jitter=0.026, swirl=0.3, opaque=0.96, refine=0.065
)
_FLOW = Brush(
    (0.055, 0.026, 0.012, 0.0065), long=4.4, dry=0.65, jitter=0.03, swirl=1.0, opaque=0.95, refine=0.075
)
_PASTEL = Brush((0.04, 0.02, 0.01, 0.0055), long=3.4, dry=0.95, jitter=0.03, swirl=0.25, opaque=0.8)
_POINTS = Brush(
    (0.03, 0.0135, 0.0085, 0.0055), long=1.0, dry=0.15, jitter=0.06, swirl=0.3, opaque=0.95, refine=0.03
)


def gouache(easel: Easel) -> list[Picture]:
    """Matte, opaque strokes with clear forms."""
    stages = paint_strokes(easel, _brush_for(easel, _GOUACHE), _ground(easel, rgb("d9c9ae"), 0.35))
    stages[-1] = _finish(easel, stages[-1], crisp=0.85, relief=0.16) * paper(easel, 0.018)[..., None]
    return stages


def oil(easel: Easel) -> list[Picture]:
    """Thick, short strokes that catch light."""
    stages = paint_strokes(easel, _brush_for(easel, _OIL), _ground(easel, rgb("9a6a44"), 0.6))
    stages[-1] = _finish(easel, stages[-1], crisp=0.5, relief=0.5)
    return stages


def flow(easel: Easel) -> list[Picture]:
    """Long strokes in currents that bend around the forms."""
    stages = paint_strokes(easel, _brush_for(easel, _FLOW), _ground(easel, rgb("8a6a54"), 0.6))
    stages[-1] = _finish(easel, stages[-1], crisp=0.55, relief=0.42)
    return stages


def pastel(easel: Easel) -> list[Picture]:
    """Chalk on toned paper that shows through."""
    tone = rgb("8f8478") if easel.darkness < 0.5 else rgb("3a3d52")
    stages = paint_strokes(easel, _brush_for(easel, _PASTEL), _ground(easel, tone, 0.75))
    last = _finish(easel, stages[-1], crisp=0.55, relief=0.1)
    tooth = paper(easel, 0.42)[..., None]
    stages[-1] = last + (tone - last) * np.clip(1 - tooth + 0.02, 0.0, 0.5)
    return stages


def pointillist(easel: Easel) -> list[Picture]:
    """Dots of broken colour."""
    stages = paint_strokes(easel, _brush_for(easel, _POINTS), _ground(easel, rgb("ead9b8"), 0.7))
    stages[-1] = _finish(easel, stages[-1], crisp=0.22, relief=0.18)
    return stages


def _brush_for(easel: Easel, brush: Brush) -> Brush:
    """Fewer sizes while the picture is worked out less."""
    count = max(1, round(len(brush.sizes) * min(1.0, 0.3 + 0.8 * easel.detail)))
    return Brush(
        brush.sizes[:count], brush.long, brush.dry, brush.jitter, brush.swirl, brush.opaque, brush.refine
    )


def _ground(easel: Easel, tone: RGB, share: float) -> Picture:
    soft = blur_image(easel.colour, easel.short * 0.06)
    ground: Picture = soft + (tone - soft) * np.float32(share)
    return ground


def _finish(easel: Easel, painted: Picture, crisp: float, relief: float) -> Picture:
    """Put back fine form where the picture is about something, then let the paint's relief catch light."""
    reach = max(easel.short * 0.006, 0.8 if easel.short > 200 else 1.8)
    fine = easel.colour - blur_image(easel.colour, reach)
    amount = np.float32(crisp * (0.35 + 0.65 * easel.detail)) * (0.45 + 0.55 * easel.focus)
    result: Picture = painted + fine * amount[..., None]
    body = lightness(painted - easel.colour)
    edge = np.zeros_like(body)
    edge[1:, 1:] = body[1:, 1:] - body[:-1, :-1]
    result += np.clip(edge * np.float32(relief * easel.rough), -0.12, 0.12)[..., None]
    return np.clip(result, 0.0, 1.0)
