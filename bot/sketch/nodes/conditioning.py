"""Text encoders and what changes conditioning or a model's schedule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import V3_FLAGS, integer, link, node, number, text
from bot.sketch.nodes.values import Clip, Conditioning, Model

_FLUX: dict[str, Any] = {"module": "comfy_extras.nodes_flux", "flags": V3_FLAGS}
_ADVANCED = "comfy_extras.nodes_model_advanced"


@node(
    "CLIPTextEncode",
    "CLIP Text Encode (Prompt)",
    "model/conditioning",
    inputs={"text": text(multiline=True, dynamicPrompts=True), "clip": link("CLIP")},
    outputs=("CONDITIONING",),
)
def clip_text_encode(_run: NodeRun, text: str, clip: Clip) -> tuple[Conditioning]:
    del clip
    return (Conditioning(text),)


@node(
    "CLIPTextEncodeFlux",
    None,
    "model/conditioning/flux",
    inputs={
        "clip": link("CLIP"),
        "clip_l": text(multiline=True, dynamicPrompts=True),
        "t5xxl": text(multiline=True, dynamicPrompts=True),
        "guidance": number(3.5, 0.0, 100.0, step=0.1),
    },
    outputs=("CONDITIONING",),
    **_FLUX,
)
def clip_text_encode_flux(
    _run: NodeRun, clip: Clip, clip_l: str, t5xxl: str, guidance: float
) -> tuple[Conditioning]:
    """Both texts count; written twice, as is usual, they count once."""
    del clip
    return (Conditioning(_joined(clip_l, "" if t5xxl == clip_l else t5xxl), guidance),)


@node(
    "CLIPSetLastLayer",
    "CLIP Set Last Layer",
    "model/conditioning",
    inputs={
        "clip": link("CLIP", bare=True),
        "stop_at_clip_layer": integer(-1, -24, -1, step=1, advanced=True),
    },
    outputs=("CLIP",),
)
def clip_set_last_layer(_run: NodeRun, clip: Clip, stop_at_clip_layer: int) -> tuple[Clip]:
    """A sketch has no layers: the words count as they are."""
    del stop_at_clip_layer
    return (clip,)


@node(
    "ConditioningZeroOut",
    "Conditioning Zero Out",
    "model/conditioning/transform",
    inputs={"conditioning": link("CONDITIONING", bare=True)},
    outputs=("CONDITIONING",),
)
def conditioning_zero_out(_run: NodeRun, conditioning: Conditioning) -> tuple[Conditioning]:
    return (replace(conditioning, text=""),)


@node(
    "ConditioningCombine",
    "Conditioning (Combine)",
    "model/conditioning/transform",
    inputs={
        "conditioning_1": link("CONDITIONING", bare=True),
        "conditioning_2": link("CONDITIONING", bare=True),
    },
    outputs=("CONDITIONING",),
)
def conditioning_combine(
    _run: NodeRun, conditioning_1: Conditioning, conditioning_2: Conditioning
) -> tuple[Conditioning]:
    return (replace(conditioning_1, text=_joined(conditioning_1.text, conditioning_2.text)),)


@node(
    "ConditioningConcat",
    "Conditioning (Concat)",
    "model/conditioning/transform",
    inputs={
        "conditioning_to": link("CONDITIONING", bare=True),
        "conditioning_from": link("CONDITIONING", bare=True),
    },
    outputs=("CONDITIONING",),
)
def conditioning_concat(
    _run: NodeRun, conditioning_to: Conditioning, conditioning_from: Conditioning
) -> tuple[Conditioning]:
    return (replace(conditioning_to, text=_joined(conditioning_to.text, conditioning_from.text)),)


@node(
    "FluxGuidance",
    None,
    "model/conditioning/flux",
    inputs={"conditioning": link("CONDITIONING"), "guidance": number(3.5, 0.0, 100.0, step=0.1)},
    outputs=("CONDITIONING",),
    **_FLUX,
)
def flux_guidance(_run: NodeRun, conditioning: Conditioning, guidance: float) -> tuple[Conditioning]:
    return (replace(conditioning, guidance=guidance),)


# Sampling shifts move a model's noise schedule. A sketch has none to move: the model passes unchanged.


@node(
    "ModelSamplingFlux",
    "ModelSamplingFlux",
    "model/patch/flux",
    inputs={
        "model": link("MODEL", bare=True),
        "max_shift": number(1.15, 0.0, 100.0, step=0.01, advanced=True),
        "base_shift": number(0.5, 0.0, 100.0, step=0.01, advanced=True),
        "width": integer(1024, 16, 16384, step=8),
        "height": integer(1024, 16, 16384, step=8),
    },
    outputs=("MODEL",),
    module=_ADVANCED,
)
def model_sampling_flux(_run: NodeRun, model: Model, **_shifts: float) -> tuple[Model]:
    return (model,)


@node(
    "ModelSamplingSD3",
    "ModelSamplingSD3",
    "model/patch/stable diffusion",
    inputs={"model": link("MODEL", bare=True), "shift": number(3.0, 0.0, 100.0, step=0.01)},
    outputs=("MODEL",),
    module=_ADVANCED,
)
def model_sampling_sd3(_run: NodeRun, model: Model, **_shifts: float) -> tuple[Model]:
    return (model,)


@node(
    "ModelSamplingAuraFlow",
    "ModelSamplingAuraFlow",
    "model/patch",
    inputs={"model": link("MODEL", bare=True), "shift": number(1.73, 0.0, 100.0, step=0.01)},
    outputs=("MODEL",),
    module=_ADVANCED,
)
def model_sampling_aura_flow(_run: NodeRun, model: Model, **_shifts: float) -> tuple[Model]:
    return (model,)


def _joined(first: str, second: str) -> str:
    return ", ".join(part for part in (first, second) if part)


NODES = (
    clip_text_encode,
    clip_text_encode_flux,
    clip_set_last_layer,
    conditioning_zero_out,
    conditioning_combine,
    conditioning_concat,
    flux_guidance,
    model_sampling_flux,
    model_sampling_sd3,
    model_sampling_aura_flow,
)
