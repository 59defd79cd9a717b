"""Which medium renders a brief, and how lively its touch is: from words, model, loras and sampler."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.sketch.painting.brief import Brief, Picture, stable_hash
from bot.sketch.painting.idea import Idea
from bot.sketch.painting.lexicon import Family, look_up
from bot.sketch.painting.media import graphic, painted, tiled, washes
from bot.sketch.painting.media.easel import Easel

Medium = Callable[[Easel], list[Picture]]

MEDIA: Mapping[str, Medium] = MappingProxyType(
    {
        "gouache": painted.gouache,
        "oil": painted.oil,
        "flow": painted.flow,
        "pastel": painted.pastel,
        "pointillist": painted.pointillist,
        "watercolor": washes.watercolor,
        "ink": washes.ink,
        "pencil": washes.pencil,
        "woodcut": washes.woodcut,
        "flat": graphic.flat,
        "comic": graphic.comic,
        "blueprint": graphic.blueprint,
        "neon": graphic.neon,
        "photo": graphic.photo,
        "pixel": tiled.pixel,
        "mosaic": tiled.mosaic,
        "lowpoly": tiled.lowpoly,
    }
)

# Names of real model families, for graphs made for a real server.
_HINTS = """
real:photo photo:photo flux:flow flow:flow anime:comic toon:comic refiner:gouache turbo:gouache
lightning:gouache xl:gouache sd15:oil v1-5:oil sd3:gouache pixel:pixel aqua:watercolor water:watercolor
"""
_MODEL_HINTS = tuple(hint.split(":") for hint in _HINTS.split())
_HOUSE_MEDIA = ("gouache", "oil", "watercolor", "gouache")
_LIVELY = ("ancestral", "sde", "_a", "lcm", "heun")
_MIX_FROM, _MIX_TO = 0.12, 0.88


@dataclass(frozen=True, slots=True)
class Manner:
    """The main medium, an optional second one with its share, and the touch."""

    medium: str
    second: str | None
    share: float
    texture: str
    rough: float


def manner_of(brief: Brief, idea: Idea) -> Manner:
    """The words decide first, then the model's name; a lora of a known medium mixes in by its weight."""
    medium = idea.media[0] if idea.media else medium_of_name(brief.model)
    second, share = None, 0.0
    for name, weight in brief.loras:
        hinted = _hinted(name)
        if hinted is not None and hinted != medium and abs(weight) > share:
            second, share = hinted, min(abs(weight), 1.0)
    if share > _MIX_TO and second is not None:
        medium, second, share = second, None, 0.0
    elif share < _MIX_FROM:
        second, share = None, 0.0
    texture = f"{brief.sampler}/{brief.scheduler}"
    rough = 0.92 + 0.16 * (stable_hash("rough", texture) % 1000) / 1000
    if any(part in brief.sampler for part in _LIVELY):
        rough *= 1.3
    return Manner(medium, second, share, texture, rough)


def medium_of_name(name: str) -> str:
    """The medium a model's file name stands for; an unknown name gets one of the house's, always the same."""
    return _hinted(name) or _HOUSE_MEDIA[stable_hash("model", name) % len(_HOUSE_MEDIA)]


def _hinted(name: str) -> str | None:
    lowered = name.casefold()
    for word in re.findall(r"[a-z]{3,}", lowered):
        entry = None if word == "sketch" else look_up(word)
        if entry is not None and entry.family is Family.MEDIUM:
            return entry.key
    return next((medium for hint, medium in _MODEL_HINTS if hint in lowered), None)


def render(manner: Manner, easel: Easel) -> list[Picture]:
    """The picture in this manner, from its first stage to its last."""
    stages = MEDIA[manner.medium](easel)
    if manner.second is not None:
        other = MEDIA[manner.second](easel)[-1]
        stages[-1] = stages[-1] + (other - stages[-1]) * manner.share
    return stages
