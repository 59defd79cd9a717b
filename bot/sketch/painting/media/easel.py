"""What a medium works from."""

from dataclasses import dataclass

import numpy as np

from bot.sketch.painting.brief import Picture, Plane, generator
from bot.sketch.painting.noise import fractal, grain
from bot.sketch.painting.palette import LUMA
from bot.sketch.painting.pixels import blur_plane, weighed


@dataclass(frozen=True, slots=True)
class Easel:
    """The reference picture and what is known about it.

    ``lines`` (0..1) is where a pen would draw, ``focus`` (0..1) what the picture is about; ``detail``
    (0..1) is how far the medium is worked out; ``texture`` seeds its accidents; ``rough`` (about 1) is how
    lively they are.
    """

    colour: Picture
    lines: Plane
    focus: Plane
    seed: int
    texture: str
    detail: float
    rough: float
    darkness: float

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.colour.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.colour.shape[0])

    @property
    def short(self) -> float:
        """The shorter side in pixels."""
        return float(min(self.width, self.height))

    def rng(self, *name: object) -> np.random.Generator:
        """A random stream of the medium's own."""
        return generator("medium", self.seed, self.texture, *name)


def lightness(colour: Picture) -> Plane:
    """Perceived lightness of each pixel."""
    return weighed(colour, LUMA.tolist())


def posterised(colour: Picture, levels: int) -> Picture:
    """A few steps of lightness, hues kept."""
    light = np.clip(lightness(colour), 0.02, 1.0)
    stepped: Picture = colour * (np.round(light * levels) / levels / light)[..., None]
    return np.clip(stepped, 0.0, 1.0)


def paper(easel: Easel, depth: float) -> Plane:
    """A multiplier around 1 with the tooth of paper; ``depth`` is its contrast."""
    rng = easel.rng("paper")
    tooth = grain(rng, easel.width, easel.height)
    cloud = fractal(rng, easel.width, easel.height, 90.0, 2) if easel.short > 96 else 0.0
    soft = blur_plane(tooth * np.float32(0.5) + np.float32(0.5), 0.7) * 2 - 1
    sheet: Plane = 1 + np.float32(depth) * (soft * np.float32(1.2) + cloud * np.float32(0.5))
    return sheet
