"""Sampling taken apart: noise, guider, sampler, schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import V3_FLAGS, boolean, combo, integer, link, node, number, seed
from bot.sketch.nodes.painting_run import SamplingPlan, sample
from bot.sketch.nodes.sampling import SAMPLERS, SCHEDULERS
from bot.sketch.nodes.values import Conditioning, Guider, Latent, Model, Noise, Sampler, Sigmas

_MODULE: dict[str, Any] = {"module": "comfy_extras.nodes_custom_sampler", "flags": V3_FLAGS}
_OUTPUTS = (("LATENT", "output"), ("LATENT", "denoised_output"))


@node(
    "KSamplerSelect",
    None,
    "model/sampling/samplers",
    inputs={"sampler_name": combo(SAMPLERS)},
    outputs=("SAMPLER",),
    **_MODULE,
)
def ksampler_select(_run: NodeRun, sampler_name: str) -> tuple[Sampler]:
    return (Sampler(sampler_name),)


@node(
    "BasicScheduler",
    None,
    "model/sampling/schedulers",
    inputs={
        "model": link("MODEL"),
        "scheduler": combo(SCHEDULERS),
        "steps": integer(20, 1, 10000),
        "denoise": number(1.0, 0.0, 1.0, step=0.01),
    },
    outputs=("SIGMAS",),
    **_MODULE,
)
def basic_scheduler(_run: NodeRun, model: Model, scheduler: str, steps: int, denoise: float) -> tuple[Sigmas]:
    del model
    return (Sigmas(scheduler, steps, 0, steps if denoise > 0 else 0, denoise),)


@node(
    "SplitSigmas",
    None,
    "model/sampling/sigmas",
    inputs={"sigmas": link("SIGMAS"), "step": integer(0, 0, 10000)},
    outputs=(("SIGMAS", "high_sigmas"), ("SIGMAS", "low_sigmas")),
    **_MODULE,
)
def split_sigmas(_run: NodeRun, sigmas: Sigmas, step: int) -> tuple[Sigmas, Sigmas]:
    middle = min(sigmas.first + step, sigmas.last)
    return replace(sigmas, last=middle), replace(sigmas, first=middle)


@node(
    "RandomNoise",
    None,
    "model/sampling/noise",
    inputs={"noise_seed": seed()},
    outputs=("NOISE",),
    **_MODULE,
)
def random_noise(_run: NodeRun, noise_seed: int) -> tuple[Noise]:
    return (Noise(noise_seed),)


@node("DisableNoise", None, "model/sampling/noise", inputs={}, outputs=("NOISE",), **_MODULE)
def disable_noise(_run: NodeRun) -> tuple[Noise]:
    return (Noise(None),)


@node(
    "BasicGuider",
    "Basic Guider",
    "model/sampling/guiders",
    inputs={"model": link("MODEL"), "conditioning": link("CONDITIONING")},
    outputs=("GUIDER",),
    **_MODULE,
)
def basic_guider(_run: NodeRun, model: Model, conditioning: Conditioning) -> tuple[Guider]:
    return (Guider(model, conditioning, Conditioning(""), 1.0),)


@node(
    "CFGGuider",
    "CFG Guider",
    "model/sampling/guiders",
    inputs={
        "model": link("MODEL"),
        "positive": link("CONDITIONING"),
        "negative": link("CONDITIONING"),
        "cfg": number(8.0, 0.0, 100.0, step=0.1, round=0.01),
    },
    outputs=("GUIDER",),
    **_MODULE,
)
def cfg_guider(
    _run: NodeRun, model: Model, positive: Conditioning, negative: Conditioning, cfg: float
) -> tuple[Guider]:
    return (Guider(model, positive, negative, cfg),)


@node(
    "SamplerCustom",
    None,
    "model/sampling/custom",
    inputs={
        "model": link("MODEL"),
        "add_noise": boolean(advanced=True, default=True),
        "noise_seed": seed(),
        "cfg": number(8.0, 0.0, 100.0, step=0.1, round=0.01),
        "positive": link("CONDITIONING"),
        "negative": link("CONDITIONING"),
        "sampler": link("SAMPLER"),
        "sigmas": link("SIGMAS"),
        "latent_image": link("LATENT"),
    },
    outputs=_OUTPUTS,
    **_MODULE,
)
def sampler_custom(
    run: NodeRun,
    model: Model,
    add_noise: bool,
    noise_seed: int,
    cfg: float,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent_image: Latent,
) -> tuple[Latent, Latent]:
    noise = noise_seed if add_noise else None
    painted = sample(
        run, SamplingPlan(model, positive, negative, cfg, sampler.name, sigmas, noise), latent_image
    )
    return painted, painted


@node(
    "SamplerCustomAdvanced",
    None,
    "model/sampling/custom",
    inputs={
        "noise": link("NOISE"),
        "guider": link("GUIDER"),
        "sampler": link("SAMPLER"),
        "sigmas": link("SIGMAS"),
        "latent_image": link("LATENT"),
    },
    outputs=_OUTPUTS,
    **_MODULE,
)
def sampler_custom_advanced(
    run: NodeRun, noise: Noise, guider: Guider, sampler: Sampler, sigmas: Sigmas, latent_image: Latent
) -> tuple[Latent, Latent]:
    plan = SamplingPlan(
        guider.model, guider.positive, guider.negative, guider.cfg, sampler.name, sigmas, noise.seed
    )
    painted = sample(run, plan, latent_image)
    return painted, painted


NODES = (
    ksampler_select,
    basic_scheduler,
    split_sigmas,
    random_noise,
    disable_noise,
    basic_guider,
    cfg_guider,
    sampler_custom,
    sampler_custom_advanced,
)
