"""KSampler and KSampler (Advanced)."""

from __future__ import annotations

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import choice, integer, link, names, node, number, seed
from bot.sketch.nodes.painting_run import SamplingPlan, sample
from bot.sketch.nodes.values import Conditioning, Latent, Model, Sigmas

SAMPLERS = names(
    "euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 exp_heun_2_x0 "
    "exp_heun_2_x0_sde dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive dpmpp_2s_ancestral "
    "dpmpp_2s_ancestral_cfg_pp dpmpp_sde dpmpp_sde_gpu dpmpp_2m dpmpp_2m_cfg_pp dpmpp_2m_sde "
    "dpmpp_2m_sde_gpu dpmpp_2m_sde_heun dpmpp_2m_sde_heun_gpu dpmpp_3m_sde dpmpp_3m_sde_gpu ddpm lcm "
    "ipndm ipndm_v deis res_multistep res_multistep_cfg_pp res_multistep_ancestral "
    "res_multistep_ancestral_cfg_pp gradient_estimation gradient_estimation_cfg_pp er_sde seeds_2 "
    "seeds_3 sa_solver sa_solver_pece ddim uni_pc uni_pc_bh2"
)
SCHEDULERS = names(
    "simple sgm_uniform karras exponential ddim_uniform beta normal linear_quadratic kl_optimal"
)


@node(
    "KSampler",
    "KSampler",
    "model/sampling",
    inputs={
        "model": link("MODEL"),
        "seed": seed(),
        "steps": integer(20, 1, 10000),
        "cfg": number(8.0, 0.0, 100.0, step=0.1, round=0.01),
        "sampler_name": choice(SAMPLERS, bare=False),
        "scheduler": choice(SCHEDULERS, bare=False),
        "positive": link("CONDITIONING"),
        "negative": link("CONDITIONING"),
        "latent_image": link("LATENT"),
        "denoise": number(1.0, 0.0, 1.0, step=0.01),
    },
    outputs=("LATENT",),
)
def ksampler(
    run: NodeRun,
    model: Model,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    denoise: float,
) -> tuple[Latent]:
    sigmas = Sigmas(scheduler, steps, 0, steps if denoise > 0 else 0, denoise)
    return (
        sample(run, SamplingPlan(model, positive, negative, cfg, sampler_name, sigmas, seed), latent_image),
    )


@node(
    "KSamplerAdvanced",
    "KSampler (Advanced)",
    "model/sampling",
    inputs={
        "model": link("MODEL", bare=True),
        "add_noise": choice(("enable", "disable"), advanced=True),
        "noise_seed": seed(),
        "steps": integer(20, 1, 10000),
        "cfg": number(8.0, 0.0, 100.0, step=0.1, round=0.01),
        "sampler_name": choice(SAMPLERS),
        "scheduler": choice(SCHEDULERS),
        "positive": link("CONDITIONING", bare=True),
        "negative": link("CONDITIONING", bare=True),
        "latent_image": link("LATENT", bare=True),
        "start_at_step": integer(0, 0, 10000, advanced=True),
        "end_at_step": integer(10000, 0, 10000, advanced=True),
        "return_with_leftover_noise": choice(("disable", "enable"), advanced=True),
    },
    outputs=("LATENT",),
)
def ksampler_advanced(
    run: NodeRun,
    model: Model,
    add_noise: str,
    noise_seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent_image: Latent,
    start_at_step: int,
    end_at_step: int,
    return_with_leftover_noise: str,
) -> tuple[Latent]:
    """Steps ``start_at_step`` to ``end_at_step`` of a schedule; two such nodes share one picture.

    Without leftover noise the last of these steps finishes the picture. New noise at a late step leaves
    the rest of the input visible, as a lower denoise does.
    """
    last = min(end_at_step, steps)
    if return_with_leftover_noise == "disable":
        steps = max(1, last)
    first = min(start_at_step, last)
    noise = noise_seed if add_noise == "enable" else None
    denoise = 1.0 if noise is None else 1.0 - first / steps
    sigmas = Sigmas(scheduler, steps, first, last, denoise)
    return (
        sample(run, SamplingPlan(model, positive, negative, cfg, sampler_name, sigmas, noise), latent_image),
    )


NODES = (ksampler, ksampler_advanced)
