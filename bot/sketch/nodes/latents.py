"""Latents: empty ones, between pictures and latents, scaled, repeated, masked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bot.sketch.noderun import NodeRun
from bot.sketch.nodes.declare import MAX_SIDE, V3_FLAGS, choice, integer, link, node, number
from bot.sketch.nodes.pixels import fit_mask, grow_mask, multiple_of_8, scale
from bot.sketch.nodes.values import Images, Latent, Mask, Vae
from bot.sketch.painting import FloatImage
from bot.sketch.vram import pixels_mb

_METHODS = ("nearest-exact", "bilinear", "area", "bicubic", "bislerp")
_GREY = np.float32(0.5)


@node(
    "EmptyLatentImage",
    "Empty Latent Image",
    "model/latent",
    inputs={
        "width": integer(512, 16, MAX_SIDE, step=8),
        "height": integer(512, 16, MAX_SIDE, step=8),
        "batch_size": integer(1, 1, 4096),
    },
    outputs=("LATENT",),
)
def empty_latent_image(_run: NodeRun, width: int, height: int, batch_size: int) -> tuple[Latent]:
    return (Latent.empty(width, height, batch_size),)


_EMPTY_16 = {
    "width": integer(1024, 16, MAX_SIDE, step=16),
    "height": integer(1024, 16, MAX_SIDE, step=16),
    "batch_size": integer(1, 1, 4096),
}


@node(
    "EmptySD3LatentImage",
    None,
    "model/latent/stable diffusion",
    inputs=_EMPTY_16,
    outputs=("LATENT",),
    module="comfy_extras.nodes_sd3",
    flags=V3_FLAGS,
)
def empty_sd3_latent_image(_run: NodeRun, width: int, height: int, batch_size: int) -> tuple[Latent]:
    return (Latent.empty(width, height, batch_size),)


@node(
    "EmptyFlux2LatentImage",
    "Empty Flux 2 Latent",
    "model/latent/flux",
    inputs=_EMPTY_16,
    outputs=("LATENT",),
    module="comfy_extras.nodes_flux",
    flags=V3_FLAGS,
)
def empty_flux2_latent_image(_run: NodeRun, width: int, height: int, batch_size: int) -> tuple[Latent]:
    """Latents of this model are coarser: sizes are multiples of 16."""
    return (Latent.empty(width // 16 * 16, height // 16 * 16, batch_size),)


@node(
    "VAEDecode",
    "VAE Decode",
    "model/latent",
    inputs={"samples": link("LATENT"), "vae": link("VAE")},
    outputs=("IMAGE",),
)
def vae_decode(run: NodeRun, samples: Latent, vae: Vae) -> tuple[Images]:
    del vae
    return (_decoded(run, samples),)


@node(
    "VAEDecodeTiled",
    "VAE Decode (Tiled)",
    "model/latent",
    inputs={
        "samples": link("LATENT", bare=True),
        "vae": link("VAE", bare=True),
        "tile_size": integer(512, 64, 4096, step=32, advanced=True),
        "overlap": integer(64, 0, 4096, step=32, advanced=True),
        "temporal_size": integer(64, 8, 4096, step=4, advanced=True),
        "temporal_overlap": integer(8, 4, 4096, step=4, advanced=True),
    },
    outputs=("IMAGE",),
)
def vae_decode_tiled(run: NodeRun, samples: Latent, vae: Vae, **_tiles: int) -> tuple[Images]:
    del vae
    return (_decoded(run, samples),)


def _decoded(run: NodeRun, latent: Latent) -> Images:
    run.claim(pixels_mb(latent.width, latent.height, len(latent.pictures)))
    return np.stack([_grey(latent) if picture is None else picture for picture in latent.pictures])


def _grey(latent: Latent) -> FloatImage:
    return np.full((latent.height, latent.width, 3), _GREY, dtype=np.float32)


@node(
    "VAEEncode",
    "VAE Encode",
    "model/latent",
    inputs={"pixels": link("IMAGE", bare=True), "vae": link("VAE", bare=True)},
    outputs=("LATENT",),
)
def vae_encode(_run: NodeRun, pixels: Images, vae: Vae) -> tuple[Latent]:
    del vae
    return (Latent.of(multiple_of_8(pixels)),)


@node(
    "VAEEncodeForInpaint",
    "VAE Encode (for Inpainting)",
    "model/latent",
    inputs={
        "pixels": link("IMAGE", bare=True),
        "vae": link("VAE", bare=True),
        "mask": link("MASK", bare=True),
        "grow_mask_by": integer(6, 0, 64, step=1),
    },
    outputs=("LATENT",),
)
def vae_encode_for_inpaint(
    _run: NodeRun, pixels: Images, vae: Vae, mask: Mask, grow_mask_by: int
) -> tuple[Latent]:
    """What the mask covers is greyed before encoding; the grown mask is what may be painted."""
    del vae
    batch, high, wide = pixels.shape[:3]
    fitted = fit_mask(mask, wide, high, batch)
    grown = multiple_of_8(grow_mask(fitted, grow_mask_by)[..., None])[..., 0]
    keep = 1.0 - multiple_of_8(fitted.round()[..., None])
    greyed = (multiple_of_8(pixels) - _GREY) * keep + _GREY
    return (Latent.of(greyed.astype(np.float32), grown),)


@node(
    "SetLatentNoiseMask",
    "Set Latent Noise Mask",
    "model/latent",
    inputs={"samples": link("LATENT", bare=True), "mask": link("MASK", bare=True)},
    outputs=("LATENT",),
)
def set_latent_noise_mask(_run: NodeRun, samples: Latent, mask: Mask) -> tuple[Latent]:
    return (replace(samples, mask=mask),)


@node(
    "LatentUpscale",
    "Upscale Latent",
    "model/latent",
    inputs={
        "samples": link("LATENT", bare=True),
        "upscale_method": choice(_METHODS),
        "width": integer(512, 0, MAX_SIDE, step=8),
        "height": integer(512, 0, MAX_SIDE, step=8),
        "crop": choice(("disabled", "center")),
    },
    outputs=("LATENT",),
)
def latent_upscale(
    run: NodeRun, samples: Latent, upscale_method: str, width: int, height: int, crop: str
) -> tuple[Latent]:
    """A side of 0 follows from the other one; two of 0 change nothing. No side gets below 64."""
    if width == 0 and height == 0:
        return (samples,)
    if width == 0:
        width = round(samples.width * height / samples.height)
    elif height == 0:
        height = round(samples.height * width / samples.width)
    return (_scaled(run, samples, max(64, width), max(64, height), upscale_method, crop),)


@node(
    "LatentUpscaleBy",
    "Upscale Latent By",
    "model/latent",
    inputs={
        "samples": link("LATENT", bare=True),
        "upscale_method": choice(_METHODS),
        "scale_by": number(1.5, 0.01, 8.0, step=0.01),
    },
    outputs=("LATENT",),
)
def latent_upscale_by(run: NodeRun, samples: Latent, upscale_method: str, scale_by: float) -> tuple[Latent]:
    width, height = (max(1, round(side / 8 * scale_by)) * 8 for side in (samples.width, samples.height))
    return (_scaled(run, samples, width, height, upscale_method, "disabled"),)


def _scaled(run: NodeRun, latent: Latent, width: int, height: int, method: str, crop: str) -> Latent:
    width, height = width // 8 * 8, height // 8 * 8
    run.claim(pixels_mb(width, height, len(latent.pictures)))
    pictures = tuple(
        None if picture is None else scale(picture[None], width, height, method, crop)[0]
        for picture in latent.pictures
    )
    return replace(latent, width=width, height=height, pictures=pictures)


@node(
    "RepeatLatentBatch",
    "Repeat Latent Batch",
    "model/latent/batch",
    inputs={"samples": link("LATENT", bare=True), "amount": integer(1, 1, 64)},
    outputs=("LATENT",),
)
def repeat_latent_batch(_run: NodeRun, samples: Latent, amount: int) -> tuple[Latent]:
    """Copies get noise of their own, so that they turn out different."""
    span = max(samples.batch_index) + 1
    indices = tuple(index + span * turn for turn in range(amount) for index in samples.batch_index)
    return (replace(samples, pictures=samples.pictures * amount, batch_index=indices),)


NODES = (
    empty_latent_image,
    empty_sd3_latent_image,
    empty_flux2_latent_image,
    vae_decode,
    vae_decode_tiled,
    vae_encode,
    vae_encode_for_inpaint,
    set_latent_noise_mask,
    latent_upscale,
    latent_upscale_by,
    repeat_latent_batch,
)
