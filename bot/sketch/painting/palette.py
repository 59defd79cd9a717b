"""Colour arithmetic and the light of each time of day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.sketch.painting.brief import generator
from bot.sketch.painting.idea import Idea
from bot.sketch.painting.lexicon import COLOURS

RGB = NDArray[Any]
"""One colour: shape (3,), values 0..1."""

LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)


def rgb(code: str) -> RGB:
    """The colour of six hexadecimal digits."""
    return np.array([int(code[i : i + 2], 16) / 255.0 for i in (0, 2, 4)], dtype=np.float32)


def named(name: str) -> RGB:
    """The colour of a key of ``COLOURS``."""
    return rgb(COLOURS[name])


def clipped(colour: RGB) -> RGB:
    """``colour`` within 0..1."""
    inside: RGB = np.clip(colour, 0.0, 1.0, dtype=np.float32)
    return inside


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """``first`` with ``share`` (0..1) of ``second``."""
    mixed: RGB = first + (second - first) * np.float32(share)
    return mixed


def luma(colour: RGB) -> float:
    """Perceived lightness 0..1."""
    return float((colour * LUMA).sum())


def saturate(colour: RGB, factor: float) -> RGB:
    """``colour`` moved away from (factor > 1) or towards (< 1) its own grey."""
    grey = np.float32(luma(colour))
    return clipped(grey + (colour - grey) * np.float32(factor))


def jitter(colour: RGB, rng: np.random.Generator, amount: float) -> RGB:
    """``colour`` with a small random shift of lightness and of each channel."""
    shift = rng.normal(0.0, amount) + rng.normal(0.0, amount * 0.5, 3)
    return clipped(colour + shift.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a scene. ``sky`` runs from zenith to horizon; ``sun_at`` is (across, down the sky)."""

    sky: tuple[RGB, ...]
    key: RGB
    ambient: RGB
    haze: RGB
    cloud_lit: RGB
    cloud_shade: RGB
    disc: RGB
    sun_at: tuple[float, float]
    darkness: float
    stars: float
    cover: float

    def on(self, local: RGB, amount: float = 0.6) -> RGB:
        """A surface of colour ``local`` that gets ``amount`` (0 shade .. 1 full sun) of the key light."""
        return clipped(local * (self.ambient + (self.key - self.ambient) * np.float32(amount)))

    def far(self, colour: RGB, distance: float) -> RGB:
        """``colour`` seen through ``distance`` (0..1) of air."""
        return mix(colour, self.haze, distance)


# Per time: sky stops (zenith to horizon), key, ambient, haze, cloud light, cloud shade, disc.
_SKIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dawn": (
            "4a6fa5 a4b3d2 f2c6b4 fee6bd | ffe2ba 8790b8 ecd0c4 ffe6d2 a9a4c4 fff3d0",
            "5f78b4 cfa8c2 f8b9a0 ffe2a8 | ffdcb0 8c86b4 f0c3b4 ffd9c4 b094ba fff0c8",
            "3f7f93 9cc4c0 f1dcb8 ffd9a0 | ffe6c0 7f98a8 e6d8c4 fff0da 9fb0b8 fff6d8",
        ),
        "day": (
            "2a74bd 5fa4dc a6d2ec dff0f2 | fff6e0 93a9cc c6deea ffffff a9bed4 fffbe8",
            "3c8fc9 80c2e4 bfe2ea f0f3e4 | fff4d6 92b0c8 d4e6e6 fffdf4 b4c6d2 fffbe0",
            "2563a8 4f96cf 9acbe0 e8ecd8 | fff2d0 8aa4c8 c9dcdc fffaf0 a4b8cc fff8dc",
        ),
        "goldenhour": (
            "5a88ac b8b9a4 f4cc80 ffe9ae | ffdf9e 8c7f8c f2d3a0 fff0c8 c49a86 fff6cc",
            "4f7aa6 c9a792 f7bc6e ffdf98 | ffd48c 857494 eec08c ffe4b0 b98878 fff0c0",
        ),
        "sunset": (
            "28285c 83397a ee6a5c ffc46e | ffb877 6a5688 d98374 ffae7a 6c4476 fff0b4",
            "1f3a68 6a5a98 f39a70 ffdc96 | ffc48c 6a6898 e0a48c ffc49a 7a6290 fff2c0",
            "3a1f4f a8385f fb7a44 ffd267 | ffb060 6e4a78 dc7e5c ff9c5c 7e3a5e ffefa8",
            "2c4a6e b87a8c f7a58a ffd6a0 | ffc49c 74709c e8ae9c ffc8a8 9a7090 fff0c8",
        ),
        "dusk": (
            "141a40 3a3f7a 8f6a9c f2aa8e | d9a8b4 4a4c80 8f7ba0 d69ab0 4a4478 ffe6c8",
            "10263f 2f5573 7d93a0 efbf98 | d8bca8 466080 84949c d4b4a4 40587a ffe8c0",
            "1a1746 4a3484 a85a9a ff9a86 | e09ac0 544484 9a6a9c ee92a6 50387e ffe0c0",
        ),
        "night": (
            "050a1e 0d1f46 1e3d6a 3f6a90 | b4c8f0 2c3c68 2e4e76 5f7eac 1a2c54 f4f2e0",
            "0b0920 1e1648 3c2e70 6c5294 | bcb4ec 342e66 44386e 7c6cae 281f52 f6eee4",
            "04121c 0a2c3c 165060 3c8080 | a8d8dc 1e4656 24565f 5a94a0 123844 eef6e8",
        ),
    }
)
_STORM = "1c232c 36414b 5c6a70 a3aba4 | b8c0c0 58646e 7e8a8c b4bcb8 3a444e e8e8d8"
_GREY = "73828e 92a0a8 b0babb cdd1cf | dfe0da 8e98a0 c0c8c8 d6dad8 8c98a2 f4f2e6"
_DARKNESS = MappingProxyType(
    {"dawn": 0.15, "day": 0.0, "goldenhour": 0.05, "sunset": 0.3, "dusk": 0.6, "night": 1.0}
)
# How far down the sky the sun (at night the moon) stands: range of fractions of the horizon's height.
_HEIGHTS = MappingProxyType(
    {"dawn": (0.74, 0.9), "day": (0.12, 0.3), "goldenhour": (0.55, 0.75), "sunset": (0.72, 0.92),
     "dusk": (0.9, 1.0), "night": (0.14, 0.36)}
)  # fmt: skip


def sky_of(time: str) -> tuple[RGB, ...]:
    """The sky of a time of day, zenith to horizon, in its first variant."""
    return _read_light(_SKIES[time][0]).sky


def light_for(idea: Idea, seed: int) -> Light:
    """The light of the idea's time and weather; the seed picks among palettes and places the sun."""
    rng = generator("light", seed)
    variants = _SKIES[idea.time]
    light = _read_light(variants[int(rng.integers(len(variants)))])
    low, high = _HEIGHTS[idea.time]
    across = float(rng.choice((rng.uniform(0.16, 0.4), rng.uniform(0.6, 0.84))))
    darkness = _DARKNESS[idea.time]
    light = replace(
        light,
        sun_at=(across, float(rng.uniform(low, high))),
        darkness=darkness,
        stars={"night": 1.0, "dusk": 0.35}.get(idea.time, 0.0),
        cover=float(rng.uniform(0.3, 0.62)),
    )
    light = _weathered(light, idea)
    sky_colour = idea.element_colours.get("sky") or idea.element_colours.get("clouds")
    if sky_colour is not None:
        light = _coloured_sky(light, named(sky_colour))
    return light


def _read_light(row: str) -> Light:
    stops, rest = row.split("|")
    key, ambient, haze, lit, shade, disc = (rgb(code) for code in rest.split())
    sky = tuple(rgb(code) for code in stops.split())
    return Light(sky, key, ambient, haze, lit, shade, disc, (0.5, 0.5), 0.0, 0.0, 0.5)


def _weathered(light: Light, idea: Idea) -> Light:
    dim = 1.0 - 0.62 * light.darkness
    if "storm" in idea.weather:
        light = _blend(light, _read_light(_STORM), 0.8, dim)
        light = replace(light, cover=0.95, stars=0.0, darkness=max(light.darkness, 0.45))
    elif "rain" in idea.weather:
        light = _blend(light, _read_light(_GREY), 0.2 if "cyberpunk" in idea.treatments else 0.62, dim * 0.85)
        light = replace(light, cover=0.85, stars=0.0, darkness=max(light.darkness, 0.2))
    elif "snow" in idea.weather:
        light = _blend(light, _read_light(_GREY), 0.45, dim)
        light = replace(light, cover=0.8)
    if "clouds" in idea.weather:
        light = replace(light, cover=max(light.cover, 0.82))
    if "fog" in idea.weather:
        sky = tuple(mix(stop, light.haze, 0.35 + 0.12 * i) for i, stop in enumerate(light.sky))
        light = replace(light, sky=sky, cover=light.cover * 0.5, stars=light.stars * 0.3)
    if idea.weather & {"clear", "stars", "aurora", "meteors"}:
        light = replace(light, cover=min(light.cover, 0.16))
    return light


def _blend(light: Light, other: Light, share: float, dim: float) -> Light:
    def both(mine: RGB, theirs: RGB) -> RGB:
        return mix(mine, theirs * np.float32(dim), share)

    return replace(
        light,
        sky=tuple(both(a, b) for a, b in zip(light.sky, other.sky, strict=True)),
        key=both(light.key, other.key),
        ambient=both(light.ambient, other.ambient),
        haze=both(light.haze, other.haze),
        cloud_lit=both(light.cloud_lit, other.cloud_lit),
        cloud_shade=both(light.cloud_shade, other.cloud_shade),
    )


def _coloured_sky(light: Light, colour: RGB) -> Light:
    white = np.ones(3, dtype=np.float32)
    dark, pale = colour * np.float32(0.55), mix(colour, white, 0.62)
    targets = (dark, colour, mix(colour, white, 0.3), pale)
    sky = tuple(mix(stop, target, 0.72) for stop, target in zip(light.sky, targets, strict=True))
    return replace(light, sky=sky, haze=mix(light.haze, pale, 0.55))
