"""The paint loop: from noise to the finished picture, one yield per step."""

from collections.abc import Iterator

import numpy as np

from bot.sketch.painting.brief import Brief, FloatImage, generator
from bot.sketch.painting.noise import fractal, resize


def paint(
    brief: Brief, base: FloatImage | None = None, *, first_step: int = 0, last_step: int | None = None
) -> Iterator[FloatImage]:
    """Yield a picture after each step from ``first_step`` (exclusive) to ``last_step`` (default: all).

    The picture after step ``brief.steps`` is finished. ``base`` is what to start from: the input of an
    image to image run (``brief.denoise`` < 1) or the first stage of a two-stage run; it is resized where
    its size differs.
    """
    steps = max(1, brief.steps)
    last = steps if last_step is None else min(last_step, steps)
    start = None if base is None else resize(base.astype(np.float32), brief.width, brief.height)
    if start is not None and brief.denoise <= 0.0:
        for _ in range(first_step, last):
            yield start
        return
    final = _picture(brief)
    rng = generator("grain", brief.seed)
    grain = rng.random(final.shape, dtype=np.float32)
    keep = 0.0 if start is None else (1.0 - min(brief.denoise, 1.0)) * 0.8
    if start is not None:
        final = final + np.float32(keep) * (start - final)
    for step in range(first_step + 1, last + 1):
        done = np.float32(step / steps)
        yield grain + (final - grain) * done ** np.float32(0.7)


def _picture(brief: Brief) -> FloatImage:
    words = (brief.positive, brief.negative, brief.model, brief.loras, brief.seed, brief.steps, brief.cfg)
    rng = generator("palette", *words, brief.sampler, brief.scheduler)
    width, height = brief.width, brief.height
    sky, low, ground = rng.random((3, 3), dtype=np.float32) * 0.6 + 0.3
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture: FloatImage = np.broadcast_to(sky + (low - sky) * ramp, (height, width, 3)).copy()
    rows = np.arange(height, dtype=np.float32)[:, None] / height
    for layer in range(4):
        ridge = 0.45 + 0.14 * layer + 0.12 * fractal(rng, width, 1, 3.0, 4)
        shade = low + (ground * 0.5 - low) * np.float32((layer + 1) / 4)
        picture = np.where((rows > ridge)[..., None], shade, picture)
    return np.clip(picture, 0, 1, out=picture)
