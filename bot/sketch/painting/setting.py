"""What every part of a scene shares: the idea, its light, the seed and where the horizon lies."""

from dataclasses import dataclass

import numpy as np

from bot.sketch.painting.brief import generator
from bot.sketch.painting.idea import Idea
from bot.sketch.painting.palette import RGB, Light, named


@dataclass(frozen=True, slots=True)
class Setting:
    """A scene's frame. ``horizon`` is in pixels from the top; ``detail`` (0..1) is how far to elaborate."""

    idea: Idea
    light: Light
    seed: int
    width: int
    height: int
    horizon: float
    detail: float

    @property
    def short(self) -> float:
        """The shorter side in pixels."""
        return float(min(self.width, self.height))

    def rng(self, *name: object) -> np.random.Generator:
        """A random stream for one element; other elements' streams do not depend on it."""
        return generator(self.seed, *name)

    def coloured(self, element: str, default: RGB) -> RGB:
        """The colour the words gave to a place or weather, or the default."""
        name = self.idea.element_colours.get(element)
        return default if name is None else named(name)

    @property
    def sun(self) -> tuple[float, float]:
        """Where the sun or moon stands, in pixels."""
        across, down = self.light.sun_at
        return across * self.width, down * self.horizon
