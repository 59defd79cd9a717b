"""What flows along the links between nodes. Immutable: the node cache hands the same value out again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bot.sketch.painting import FloatImage

Images = NDArray[np.float32]
"""IMAGE: shape (batch, height, width, 3), RGB, 0..1."""

Mask = NDArray[np.float32]
"""MASK: shape (batch, height, width), 0..1; 1 is what may be painted."""


@dataclass(frozen=True, slots=True)
class Model:
    """MODEL: the file name decides the style; loras are (name, strength)."""

    name: str
    loras: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """CLIP. ``names``: the text encoder files."""

    names: tuple[str, ...]
    loras: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Vae:
    """VAE."""

    name: str


@dataclass(frozen=True, slots=True)
class UpscaleModel:
    """UPSCALE_MODEL. ``factor``: how many times wider and higher it makes a picture."""

    name: str
    factor: float


@dataclass(frozen=True, slots=True)
class Conditioning:
    """CONDITIONING: the words to paint by, and a guidance scale where the graph sets one."""

    text: str
    guidance: float | None = None


@dataclass(frozen=True, slots=True)
class Latent:
    """LATENT: pictures before decoding. Sizes are of the picture in pixels, multiples of 8.

    ``pictures`` holds one entry a batch member, None for an empty latent. ``batch_index`` chooses each
    member's noise. ``mask`` limits what a sampler may change.
    """

    width: int
    height: int
    pictures: tuple[FloatImage | None, ...]
    batch_index: tuple[int, ...]
    mask: Mask | None = field(default=None)
    noise_seed: int | None = None
    """The seed a sampler painted this by; a second stage that adds no noise goes on with it."""

    @staticmethod
    def empty(width: int, height: int, batch: int) -> Latent:
        return Latent(width // 8 * 8, height // 8 * 8, (None,) * batch, tuple(range(batch)))

    @staticmethod
    def of(images: Images, mask: Mask | None = None) -> Latent:
        batch, height, width = images.shape[:3]
        return Latent(width, height, tuple(images), tuple(range(batch)), mask)

    def painted(self, pictures: tuple[FloatImage | None, ...], noise_seed: int) -> Latent:
        return replace(self, pictures=pictures, noise_seed=noise_seed)


@dataclass(frozen=True, slots=True)
class Sigmas:
    """SIGMAS: steps ``first`` to ``last`` of a schedule of ``steps``; ``denoise`` < 1 starts it late."""

    scheduler: str
    steps: int
    first: int
    last: int
    denoise: float

    def __len__(self) -> int:
        return max(0, self.last - self.first)


@dataclass(frozen=True, slots=True)
class Noise:
    """NOISE. ``seed`` is None where noise is disabled."""

    seed: int | None


@dataclass(frozen=True, slots=True)
class Guider:
    """GUIDER: a model and what it is guided by."""

    model: Model
    positive: Conditioning
    negative: Conditioning
    cfg: float


@dataclass(frozen=True, slots=True)
class Sampler:
    """SAMPLER."""

    name: str
