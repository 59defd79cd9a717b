"""The sampler's work: a latent's pictures painted step by step, with progress, previews, pace, masks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.pixels import fit_mask, to_pil
from bot.sketch.nodes.values import Conditioning, Latent, Model, Sigmas
from bot.sketch.painting import Brief, FloatImage, paint
from bot.sketch.vram import sampling_mb


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """What to paint by. ``seed`` None: no noise is added, the picture goes on with what it was begun with."""

    model: Model
    positive: Conditioning
    negative: Conditioning
    cfg: float
    sampler: str
    sigmas: Sigmas
    seed: int | None


def sample(run: NodeRun, plan: SamplingPlan, latent: Latent) -> Latent:
    """Paint every picture of ``latent``; one progress step paints a step of each, as a GPU's batch does.

    Raises Interrupted and Stopped at its steps, and OutOfMemory before the first one.
    """
    batch = len(latent.pictures)
    run.claim(sampling_mb(latent.width, latent.height, batch))
    run.load(plan.model.name)
    total = len(plan.sigmas)
    if total == 0:
        return latent
    painters = [
        paint(
            _brief(plan, latent, index),
            _base(plan, latent, index),
            first_step=plan.sigmas.first,
            last_step=plan.sigmas.last,
        )
        for index in range(batch)
    ]
    pixels = latent.width * latent.height * batch
    pictures: list[FloatImage] = []
    for step in range(1, total + 1):
        pictures = run.paced(pixels, partial(_one_step, run, painters))
        run.progress(step, total, run.preview(to_pil(pictures[0])) if run.previews else None)
    masked = tuple(_masked(latent, index, pictures[index]) for index in range(batch))
    return latent.painted(masked, _seed(plan, latent))


def _one_step(run: NodeRun, painters: Sequence[Iterator[FloatImage]]) -> list[FloatImage]:
    """The next picture of each member. Shutdown is not kept waiting by a large batch: raises Stopped."""
    pictures = []
    for painter in painters:
        run.pause(0)
        pictures.append(next(painter))
    return pictures


def _seed(plan: SamplingPlan, latent: Latent) -> int:
    return plan.seed if plan.seed is not None else latent.noise_seed or 0


def _brief(plan: SamplingPlan, latent: Latent, index: int) -> Brief:
    guidance = plan.positive.guidance
    return Brief(
        positive=plan.positive.text,
        negative=plan.negative.text,
        model=plan.model.name,
        loras=plan.model.loras,
        width=latent.width,
        height=latent.height,
        seed=member_seed(_seed(plan, latent), latent.batch_index[index]),
        steps=plan.sigmas.steps,
        cfg=plan.cfg if guidance is None else guidance,
        sampler=plan.sampler,
        scheduler=plan.sigmas.scheduler,
        denoise=plan.sigmas.denoise,
    )


def member_seed(seed: int, index: int) -> int:
    """The noise of a batch member. The first has the seed itself, so it is the picture made alone."""
    if index == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed} {index}".encode(), digest_size=8).digest(), "big")


def _base(plan: SamplingPlan, latent: Latent, index: int) -> FloatImage | None:
    """What to start from. An empty latent is grey where part of it is to be kept."""
    picture = latent.pictures[index]
    if picture is None and plan.sigmas.denoise < 1.0:
        return np.full((latent.height, latent.width, 3), 0.5, dtype=np.float32)
    return picture


def _masked(latent: Latent, index: int, painted: FloatImage) -> FloatImage:
    """Outside the latent's mask the picture stays what it was."""
    before = latent.pictures[index]
    if latent.mask is None or before is None:
        return painted
    mask = fit_mask(latent.mask, latent.width, latent.height, len(latent.pictures))[index][..., None]
    blended: FloatImage = before + (painted - before) * mask
    return blended
