"""Loaders. There are no model files: a name is all that a sketch model is."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import V3_FLAGS, choice, link, model_file, names, node, number
from bot.sketch.nodes.values import Clip, Model, UpscaleModel, Vae

_CLIP_TYPES = names(
    "stable_diffusion stable_cascade sd3 stable_audio mochi ltxv pixart cosmos lumina2 wan hidream "
    "chroma ace omnigen2 qwen_image hunyuan_image flux2 ovis longcat_image cogvideox lens pixeldit "
    "ideogram4 boogu krea2 joyimage mage minimax"
)
_DUAL_CLIP_TYPES = names(
    "sdxl sd3 flux hunyuan_video hidream hunyuan_image hunyuan_video_15 kandinsky5 kandinsky5_image "
    "ltxv newbie ace"
)
_STRENGTH = {"default": 1.0, "low": -100.0, "high": 100.0, "step": 0.01}


@node(
    "CheckpointLoaderSimple",
    "Load Checkpoint",
    "model/loaders",
    inputs={"ckpt_name": model_file("checkpoints")},
    outputs=("MODEL", "CLIP", "VAE"),
)
def checkpoint_loader(run: NodeRun, ckpt_name: str) -> tuple[Model, Clip, Vae]:
    run.load(ckpt_name)
    return Model(ckpt_name), Clip((ckpt_name,)), Vae(ckpt_name)


@node(
    "UNETLoader",
    "Load Diffusion Model",
    "model/loaders",
    inputs={
        "unet_name": model_file("diffusion_models", bare=True),
        "weight_dtype": choice(("default", "fp8_e4m3fn", "fp8_e4m3fn_fast", "fp8_e5m2"), advanced=True),
    },
    outputs=("MODEL",),
)
def unet_loader(run: NodeRun, unet_name: str, weight_dtype: str) -> tuple[Model]:
    del weight_dtype
    run.load(unet_name)
    return (Model(unet_name),)


@node(
    "CLIPLoader",
    "Load CLIP",
    "model/loaders",
    inputs={"clip_name": model_file("text_encoders", bare=True), "type": choice(_CLIP_TYPES)},
    optional={"device": choice(("default", "cpu"), advanced=True)},
    outputs=("CLIP",),
)
def clip_loader(_run: NodeRun, clip_name: str, type: str, device: str = "default") -> tuple[Clip]:  # noqa: A002, ARG001
    return (Clip((clip_name,)),)


@node(
    "DualCLIPLoader",
    "Load CLIP (Dual)",
    "model/loaders",
    inputs={
        "clip_name1": model_file("text_encoders", bare=True),
        "clip_name2": model_file("text_encoders", bare=True),
        "type": choice(_DUAL_CLIP_TYPES),
    },
    optional={"device": choice(("default", "cpu"), advanced=True)},
    outputs=("CLIP",),
)
def dual_clip_loader(
    _run: NodeRun,
    clip_name1: str,
    clip_name2: str,
    type: str,  # noqa: A002, ARG001
    device: str = "default",  # noqa: ARG001
) -> tuple[Clip]:
    return (Clip((clip_name1, clip_name2)),)


@node(
    "VAELoader",
    "Load VAE",
    "model/loaders",
    inputs={"vae_name": model_file("vae", bare=True)},
    outputs=("VAE",),
)
def vae_loader(_run: NodeRun, vae_name: str) -> tuple[Vae]:
    return (Vae(vae_name),)


@node(
    "LoraLoader",
    "Load LoRA (Model and CLIP)",
    "model/loaders",
    inputs={
        "model": link("MODEL"),
        "clip": link("CLIP"),
        "lora_name": model_file("loras"),
        "strength_model": number(**_STRENGTH),
        "strength_clip": number(**_STRENGTH),
    },
    outputs=("MODEL", "CLIP"),
)
def lora_loader(
    _run: NodeRun, model: Model, clip: Clip, lora_name: str, strength_model: float, strength_clip: float
) -> tuple[Model, Clip]:
    if strength_clip:
        clip = replace(clip, loras=(*clip.loras, (lora_name, strength_clip)))
    return _with_lora(model, lora_name, strength_model), clip


@node(
    "LoraLoaderModelOnly",
    "Load LoRA",
    "model/loaders",
    inputs={
        "model": link("MODEL", bare=True),
        "lora_name": model_file("loras", bare=True),
        "strength_model": number(**_STRENGTH),
    },
    outputs=("MODEL",),
)
def lora_loader_model_only(
    _run: NodeRun, model: Model, lora_name: str, strength_model: float
) -> tuple[Model]:
    return (_with_lora(model, lora_name, strength_model),)


def _with_lora(model: Model, name: str, strength: float) -> Model:
    return replace(model, loras=(*model.loras, (name, strength))) if strength else model


@node(
    "UpscaleModelLoader",
    "Load Upscale Model",
    "model/loaders",
    inputs={"model_name": model_file("upscale_models", old_combo=False)},
    outputs=("UPSCALE_MODEL",),
    module="comfy_extras.nodes_upscale_model",
    flags=V3_FLAGS,
)
def upscale_model_loader(_run: NodeRun, model_name: str) -> tuple[UpscaleModel]:
    """The factor is in the name (``sketch-4x.pth``, ``4x-UltraSharp.pth``); 4 where it is not."""
    factor = re.search(r"(?<![0-9])([1-8])x|x([1-8])(?![0-9])", model_name, re.IGNORECASE)
    return (UpscaleModel(model_name, float(factor[1] or factor[2]) if factor else 4.0),)


NODES = (
    checkpoint_loader,
    unet_loader,
    clip_loader,
    dual_clip_loader,
    vae_loader,
    lora_loader,
    lora_loader_model_only,
    upscale_model_loader,
)
