"""The paint loop: from noise to the finished picture, one yield per step."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from bot.sketch.painting.brief import Brief, FloatImage, Picture, generator
from bot.sketch.painting.enlarge import enlarge_to
from bot.sketch.painting.noise import grain
from bot.sketch.painting.pixels import BILINEAR, blur_image, from_image, resize, to_image
from bot.sketch.painting.studio import Work, produce

_WORK_AREA = 1_180_000
"""Pixels up to which a picture is painted at its own size; larger ones are enlarged from there."""
_LEAST_SIDE = 12
"""Side below which a picture is painted larger and reduced."""
_PREVIEW_SIDE = 288
_SHAPES_FROM, _STROKES_FROM = 0.34, 0.62
# How the schedulers spread the work over the steps: the power of progress.
_PACES = {"karras": 0.86, "exponential": 0.8, "sgm_uniform": 1.08, "simple": 1.04, "beta": 0.95}
_LIGHT_TOUCH = 0.5
"""Denoise below which strokes grow over the base itself, not over a first lay-in."""
_CONTINUES = 0.06
"""Mean difference up to which a base counts as this picture's own unfinished state."""


def paint(
    brief: Brief, base: FloatImage | None = None, *, first_step: int = 0, last_step: int | None = None
) -> Iterator[FloatImage]:
    """Yield a picture after each step from ``first_step`` (exclusive) to ``last_step`` (default: all).

    The picture after step ``brief.steps`` is finished. ``base`` is what to start from: the input of an
    image to image run (``brief.denoise`` < 1) or the first stage of a two-stage run; it is resized where
    its size differs. A base that is this brief's own picture after ``first_step`` is simply carried on.
    """
    steps = max(1, brief.steps)
    first, last = max(0, first_step), steps if last_step is None else min(last_step, steps)
    if first >= last:
        return
    start = None if base is None else resize(np.asarray(base, dtype=np.float32), brief.width, brief.height)
    if start is not None and brief.denoise <= 0.0:
        for _ in range(first, last):
            yield start.copy()
        return
    width, height = _work_size(brief)
    small = None if start is None else resize(start, width, height, Image.Resampling.BOX)
    work, span = _begin(brief, width, height, small, first, steps)
    pace = _PACES.get(brief.scheduler, 1.0)
    under = small if span is not None and span < _LIGHT_TOUCH else None
    for step in range(first + 1, last + 1):
        progress = (step / steps) ** pace
        if span is not None:
            progress = 1.0 - span * (1.0 - (step - first) / (steps - first)) ** pace
        yield _at_full_size(_state(brief, work, under, progress, step == steps), brief, step == steps)


def _work_size(brief: Brief) -> tuple[int, int]:
    scale = min(1.0, (_WORK_AREA / (brief.width * brief.height)) ** 0.5)
    return max(_LEAST_SIDE, round(brief.width * scale)), max(_LEAST_SIDE, round(brief.height * scale))


def _begin(
    brief: Brief, width: int, height: int, base: Picture | None, first: int, steps: int
) -> tuple[Work, float | None]:
    """The work, and what share of the way from noise it has to go from the base (None: all of it)."""
    if base is None:
        return produce(brief, width, height, None, 1.0), None
    if first == 0:
        if brief.denoise >= 1.0:
            return produce(brief, width, height, None, 1.0), None
        return produce(brief, width, height, base, brief.denoise), brief.denoise
    fresh = produce(brief, width, height, None, 1.0)
    pace = _PACES.get(brief.scheduler, 1.0)
    own = _state(brief, fresh, None, (first / steps) ** pace, False)
    if float(np.abs(own - base).mean()) < _CONTINUES:
        return fresh, None
    left = min(brief.denoise, 1.0) * (1.0 - first / steps) ** 0.5
    calm = _calmed(base)
    return produce(brief, width, height, calm, left), left


def _calmed(base: Picture) -> Picture:
    """A base without the noise an unfinished first stage leaves in it."""
    rough = float(np.abs(np.diff(base, axis=1)).mean()) if base.shape[1] > 1 else 0.0
    if rough < 0.05:
        return base
    return blur_image(base, min(base.shape[:2]) * min(0.25 * rough, 0.03))


def _state(brief: Brief, work: Work, base: Picture | None, progress: float, finished: bool) -> Picture:
    """The picture at ``progress`` (0..1)."""
    if finished:
        return work.final
    noise = np.float32(max(0.0, 1.0 - progress) ** 1.35)
    if progress < _STROKES_FROM:
        return _rough_state(brief, work, progress, float(noise))
    reveal = (progress - _STROKES_FROM) / (1.0 - _STROKES_FROM) * 1.25
    done = np.clip((np.float32(reveal) - work.order) * 4.0 + 0.1, 0.0, 1.0)[..., None]
    under = work.early if base is None else base
    state: Picture = under + (work.final - under) * done
    height, width = state.shape[:2]
    state += (
        grain(generator("grain", brief.seed, round(progress, 4)), width, height)[..., None]
        * noise
        * np.float32(0.5)
    )
    np.clip(state, 0.0, 1.0, out=state)
    return state


def _rough_state(brief: Brief, work: Work, progress: float, noise: float) -> Picture:
    """Noise, colour fields and first shapes; nothing here needs the full size."""
    height, width = work.final.shape[:2]
    scale = min(1.0, _PREVIEW_SIDE / max(width, height))
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    small = from_image(to_image(work.early).resize((wide, high), Image.Resampling.BOX))
    short = min(wide, high)
    if progress < _SHAPES_FROM:
        radius = short * (0.16 - 0.12 * progress / _SHAPES_FROM)
    else:
        radius = short * 0.04 * (1.0 - (progress - _SHAPES_FROM) / (_STROKES_FROM - _SHAPES_FROM))
    fields = blur_image(small, radius) if radius > 0.4 else small
    rng = generator("noise", brief.seed)
    cells = rng.random((max(1, -(-high // 3)), max(1, -(-wide // 3)), 3), dtype=np.float32)
    static = (
        resize(cells, wide, high, Image.Resampling.NEAREST) * 0.7
        + rng.random((high, wide, 3), dtype=np.float32) * 0.3
    )
    state = fields + (static - fields) * np.float32(min(noise * 0.9, 1.0))
    return from_image(to_image(state).resize((width, height), BILINEAR))


def _at_full_size(state: Picture, brief: Brief, finished: bool) -> FloatImage:
    if state.shape[:2] == (brief.height, brief.width):
        return _interleaved(state)
    if not finished:
        enlarged = to_image(state).resize((brief.width, brief.height), BILINEAR)
        return np.asarray(enlarged, dtype=np.float32) * np.float32(1 / 255)
    large = enlarge_to(state, brief.width, brief.height)
    tooth = grain(generator("tooth", brief.seed), brief.width, brief.height)
    large += tooth[..., None] * np.float32(0.012)
    np.clip(large, 0.0, 1.0, out=large)
    return large


def _interleaved(state: Picture) -> FloatImage:
    """The picture in the memory order the world expects, a copy of its own."""
    copy = np.empty(state.shape, dtype=np.float32)
    for channel in range(3):
        copy[..., channel] = state[..., channel]
    return copy
