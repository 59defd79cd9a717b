"""The model files that the engine says it has. None exists: a name chooses a style of painting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SKETCH_MODELS: Mapping[str, Sequence[str]] = {
    "checkpoints": (
        "sketch-ink.safetensors",
        "sketch-oil.safetensors",
        "sketch-watercolor.safetensors",
        "sketch-xl.safetensors",
    ),
    "configs": (),
    "loras": ("sketch-dusk.safetensors", "sketch-grain.safetensors", "sketch-pastel.safetensors"),
    "vae": ("sketch-flow-vae.safetensors", "sketch-vae.safetensors"),
    "text_encoders": ("sketch-clip.safetensors", "sketch-t5.safetensors"),
    "diffusion_models": ("sketch-flow-fast.safetensors", "sketch-flow.safetensors"),
    "clip_vision": (),
    "style_models": (),
    "embeddings": ("sketch-bad-hands.safetensors",),
    "diffusers": (),
    "vae_approx": (),
    "controlnet": ("sketch-lineart.safetensors",),
    "gligen": (),
    "upscale_models": ("sketch-2x.pth", "sketch-4x.pth"),
    "latent_upscale_models": (),
    "hypernetworks": (),
    "photomaker": (),
    "classifiers": (),
    "model_patches": (),
    "audio_encoders": (),
}
"""Folder → file names, folders in the order of a ComfyUI server's ``/models``."""
