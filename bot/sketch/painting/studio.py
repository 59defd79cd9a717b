"""One brief's picture, finished: idea, scene, grading, medium."""

import math
from dataclasses import dataclass

import numpy as np

from bot.sketch.painting.brief import Brief, Picture, Plane, generator
from bot.sketch.painting.grade import grade_print, grade_scene
from bot.sketch.painting.idea import understand
from bot.sketch.painting.manner import manner_of, render
from bot.sketch.painting.media.easel import Easel
from bot.sketch.painting.noise import fractal, ramp, smoothstep
from bot.sketch.painting.pixels import blur_image
from bot.sketch.painting.scene import compose

_STEPS_TO_DETAIL = 7.0


@dataclass(frozen=True, slots=True)
class Work:
    """The picture's stages from its first colour fields to the finished ``final``.

    ``order`` (0..1) says when each pixel is finished, the picture's subject first.
    """

    reference: Picture
    early: Picture
    final: Picture
    order: Plane


def detail_of(steps: int) -> float:
    """How far a number of steps works a picture out, 0..1."""
    return 1.0 - math.exp(-steps / _STEPS_TO_DETAIL)


def produce(brief: Brief, width: int, height: int, base: Picture | None, denoise: float) -> Work:
    """Paint the brief at this size; ``base`` (of the same size) shows through as ``denoise`` falls."""
    idea = understand(brief)
    detail = detail_of(max(brief.steps, 1))
    canvas, setting = compose(idea, brief.seed, width, height, detail)
    reference = grade_scene(canvas.colour, brief, idea)
    lines, focus = canvas.lines, canvas.focus
    order = _order(brief, focus)
    if base is not None:
        kept = _kept(order, denoise)
        carried = _recoloured(base, reference, denoise)
        reference = carried + (reference - carried) * (1.0 - kept)[..., None]
        lines = lines * (1.0 - kept)
    manner = manner_of(brief, idea)
    easel = Easel(
        reference, lines, focus, brief.seed, manner.texture, detail, manner.rough, setting.light.darkness
    )
    rendered = render(manner, easel)
    stages = [grade_print(stage, idea, brief.seed) for stage in (rendered[0], rendered[-1])]
    if base is not None:
        # However it is repainted, a light touch must stay close to the base.
        share = np.float32(min(1.0, denoise * 1.9))
        stages = [base + (stage - base) * share for stage in stages]
    early, final = (np.clip(stage, 0.0, 1.0, dtype=np.float32) for stage in stages)
    return Work(reference, early, final, order)


def _order(brief: Brief, focus: Plane) -> Plane:
    height, width = focus.shape
    drift = fractal(generator("order", brief.seed), width, height, 3.0, 3)
    order = np.clip(0.55 + 0.42 * drift, 0.0, 1.0)
    # A subject comes as a whole, or a light touch would leave half of it.
    first: Plane = order + (0.18 - order) * focus
    return first


def _kept(order: Plane, denoise: float) -> Plane:
    """How much of the base each pixel keeps, 0..1; what is finished first is replaced first."""
    reach = ramp(0.22, 1.0, denoise) * 1.3
    kept: Plane = 1.0 - smoothstep(0.0, 0.3, reach - order)
    return kept


def _recoloured(base: Picture, scene: Picture, denoise: float) -> Picture:
    """The base moved towards the scene's palette, its forms kept."""
    share = 0.75 * denoise
    axes = (0, 1)
    mean_base, mean_scene = base.mean(axis=axes), scene.mean(axis=axes)
    spread = (scene.std(axis=axes) + 0.02) / (base.std(axis=axes) + 0.02)
    scale = np.clip(spread, 0.6, 1.6) ** share
    moved = (base - mean_base) * scale + mean_base + (mean_scene - mean_base) * share
    soft = blur_image(scene, min(base.shape[0], base.shape[1]) * 0.1)
    moved = moved + (soft - moved) * np.float32(0.3 * denoise)
    recoloured: Picture = np.clip(moved, 0.0, 1.0)
    return recoloured
