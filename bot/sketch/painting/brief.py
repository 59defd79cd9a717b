"""What the painter is asked for, and the seeded randomness every part of it draws from."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
"""A picture: shape (height, width, 3), RGB, values 0..1."""

# float32 as well; typed loosely inside the painter because numpy's stubs widen `plane / 2` to float64.
Picture = NDArray[Any]
"""Colours: shape (height, width, 3)."""

Plane = NDArray[Any]
"""One channel: shape (height, width)."""

Mask = NDArray[np.bool_]
"""Yes or no for each pixel: shape (height, width)."""


@dataclass(frozen=True, slots=True)
class Brief:
    """One picture's request, as the nodes of a graph resolved it.

    ``loras`` are (name, weight) pairs; ``width`` and ``height`` are pixels; ``denoise`` is 0..1, where 0
    keeps the base picture and 1 ignores it.
    """

    positive: str
    negative: str
    model: str
    loras: tuple[tuple[str, float], ...]
    width: int
    height: int
    seed: int
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    denoise: float


def stable_hash(*parts: object) -> int:
    """A 64-bit number that is the same on every platform and in every process, unlike ``hash``."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(str(part).encode("utf-8", "surrogatepass"))
        digest.update(b"\x1f")
    return int.from_bytes(digest.digest(), "little")


def generator(*parts: object) -> np.random.Generator:
    """A random stream of its own for each set of parts, so one element never shifts another's."""
    return np.random.Generator(np.random.PCG64(stable_hash(*parts)))
