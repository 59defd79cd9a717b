"""From a size or an aspect ratio to numbers that the model can paint and the limits allow. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from bot.domain.errors import ParameterError
from bot.domain.text import Text
from bot.templates.params import IntParameter
from bot.templates.reading import shown, whole_number

MIN_SIDE, MAX_SIDE = 16, 16384
"""Pixels of a side where no server has said its own bounds; those of ComfyUI's empty latents."""

MAX_RATIO = 10
"""Longest side over shortest. No image model paints anything sensible past it."""

MULTIPLES = {
    "EmptyLatentImage": 8,
    "EmptySD3LatentImage": 16,
    "EmptyFlux2LatentImage": 16,
    "EmptyHunyuanLatentVideo": 16,
    "EmptyLTXVLatentVideo": 32,
    "EmptyCosmosLatentVideo": 16,
    "EmptyMochiLatentVideo": 16,
    "WanImageToVideo": 16,
}
"""Multiples of known latent classes, for when no catalogue is at hand (it says the same, as ``step``)."""

DEFAULT_MULTIPLE = 8
"""One latent pixel of an image VAE is 8 pixels."""

_SIZE = re.compile(r"\s*(\d{1,9})\s*[xX×*]\s*(\d{1,9})\s*")
_ASPECT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*[:/xX×]\s*(\d{1,9}(?:\.\d{1,6})?)\s*")


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one owner (a template, a tier); None: not limited by it."""

    max_pixels: int | None = None
    max_steps: int | None = None
    max_count: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(raw: object) -> Size:
    """Read ``1024x768`` (also ``×``, ``*``) or a pair of numbers. Raises :class:`ParameterError`."""
    if isinstance(raw, tuple | list) and len(raw) == 2:
        return Size(whole_number("size", raw[0]), whole_number("size", raw[1]))
    match = _SIZE.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise ParameterError("size", Text("size must look like 1024x768, not {value}.", value=shown(raw)))
    return Size(int(match[1]), int(match[2]))


def parse_aspect(raw: object) -> float:
    """Read ``3:2`` (also ``3/2``, ``1.85:1``) or a pair of numbers into width over height.

    Raises :class:`ParameterError`: not of this form, a zero, or stretched past 10:1.
    """
    if isinstance(raw, tuple | list) and len(raw) == 2:
        raw = f"{raw[0]}:{raw[1]}"
    match = _ASPECT.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise ParameterError("aspect", Text("aspect must look like 3:2, not {value}.", value=shown(raw)))
    across, down = float(match[1]), float(match[2])
    if across == 0 or down == 0:
        raise ParameterError(
            "aspect",
            Text("aspect {value} has a side of zero. Use numbers above 0, like 3:2.", value=shown(raw)),
        )
    if not 1 / MAX_RATIO <= across / down <= MAX_RATIO:
        raise ParameterError(
            "aspect",
            Text(
                "aspect {value} is too stretched: one side may be at most {most} times the other.",
                value=shown(raw),
                most=MAX_RATIO,
            ),
        )
    return across / down


@dataclass(frozen=True, slots=True)
class Canvas:
    """What a template can paint: its two parameters, the size it paints when nobody asks, its limit."""

    width: IntParameter
    height: IntParameter
    default: Size
    max_pixels: int | None = None

    def fixed(self, size: Size, tier: Limits) -> Size:
        """A size that somebody asked for, moved to the model's multiples.

        Raises :class:`ParameterError` when a side is out of bounds, the shape absurd, or a limit exceeded.
        """
        self._check_sides(size)
        if size.pixels > _most(self.max_pixels, tier.max_pixels):
            raise ParameterError("size", self._too_large(size, tier))
        return self._snapped(size, _most(self.max_pixels, tier.max_pixels))

    def shaped(self, aspect: float, tier: Limits, *, pixels: int | None = None) -> Size:
        """The size of this shape with about the default number of pixels, within all limits."""
        wanted = min(pixels or self.default.pixels, _most(self.max_pixels, tier.max_pixels))
        return self._near(aspect, wanted, _most(self.max_pixels, tier.max_pixels))

    def unasked(self, tier: Limits) -> tuple[Size, Text | None]:
        """The default size; where a limit forbids that, the largest of its shape, and a note that says so."""
        most = _most(self.max_pixels, tier.max_pixels)
        if self.default.pixels <= most:
            return self.default, None
        size = self._near(self.default.width / self.default.height, most, most)
        note = Text("Painted at {size}: the usual {usual} is over the limit.", size=size, usual=self.default)
        return size, note

    def _check_sides(self, size: Size) -> None:
        low = max(_low(self.width), _low(self.height))
        high = min(_high(self.width), _high(self.height))
        for parameter, side in ((self.width, size.width), (self.height, size.height)):
            if not _low(parameter) <= side <= _high(parameter):
                raise ParameterError(
                    "size",
                    Text(
                        "A picture of {size} cannot be painted: sides go from {low} to {high} pixels.",
                        size=size,
                        low=low,
                        high=high,
                    ),
                )
        if max(size.width, size.height) > MAX_RATIO * min(size.width, size.height):
            raise ParameterError(
                "size",
                Text(
                    "{size} is too stretched: one side may be at most {most} times the other.",
                    size=size,
                    most=MAX_RATIO,
                ),
            )

    def _too_large(self, size: Size, tier: Limits) -> Text:
        most = _most(self.max_pixels, tier.max_pixels)
        owner = (
            Text("this template allows")
            if self.max_pixels is not None and self.max_pixels == most
            else Text("you may use")
        )
        return Text(
            "{size} has {pixels} pixels; {owner} at most {most}. {fits} of this shape would fit.",
            size=size,
            pixels=size.pixels,
            owner=owner,
            most=int(most),
            fits=self._near(size.width / size.height, int(most), most),
        )

    def _snapped(self, size: Size, most: float) -> Size:
        snapped = Size(self.width.snap(size.width), self.height.snap(size.height))
        while snapped.pixels > most:
            wide = snapped.width >= snapped.height
            side = self.width if wide else self.height
            smaller = (snapped.width if wide else snapped.height) - (side.step or 1)
            if smaller < _low(side):
                break
            snapped = replace(snapped, width=smaller) if wide else replace(snapped, height=smaller)
        return snapped

    def _near(self, aspect: float, pixels: int | float, most: float) -> Size:
        """Among sizes in the model's multiples within 8 % of the wanted ones: shape counts four times as
        much as the number of pixels (3:2 becomes 1248x832 exactly, not 1256x840)."""

        def cost(size: Size) -> float:
            shape = abs(math.log(size.width / size.height / aspect))
            amount = abs(math.log(size.pixels / pixels))
            return 4 * shape + amount + (1000 + amount if size.pixels > most else 0)

        ideal = math.sqrt(pixels * aspect)
        candidates = [
            Size(width, height)
            for width in _around(self.width, ideal, 0.08)
            for height in _around(self.height, width / aspect, 0.0)
        ]
        return min(candidates, key=cost)


def canvas(width: object, height: object, default: Size | None, max_pixels: int | None) -> Canvas | None:
    """The canvas of a template that has a settable width and height; None for any other."""
    if isinstance(width, IntParameter) and isinstance(height, IntParameter) and default is not None:
        return Canvas(_stepped(width), _stepped(height), default, max_pixels)
    return None


def _stepped(side: IntParameter) -> IntParameter:
    return replace(side, step=side.step or DEFAULT_MULTIPLE)


def known_multiple(classes: set[str]) -> int | None:
    """The least common multiple of what those of these node classes need that are in the table."""
    known = [MULTIPLES[c] for c in classes if c in MULTIPLES]
    return math.lcm(*known) if known else None


def _around(side: IntParameter, ideal: float, spread: float) -> range:
    """Usable values of a side: from the one below ``ideal * (1 - spread)`` to the one above the upper end."""
    step = side.step or 1
    low, high = math.ceil(_low(side) / step) * step, math.floor(_high(side) / step) * step
    first = min(max(math.floor(ideal * (1 - spread) / step) * step, low), high)
    last = max(min(math.ceil(ideal * (1 + spread) / step) * step, high), first)
    return range(first, last + 1, step)


def _low(side: IntParameter) -> int:
    return max(side.minimum or 0, MIN_SIDE)


def _high(side: IntParameter) -> int:
    return MAX_SIDE if side.maximum is None else side.maximum


def _most(*limits: int | None) -> float:
    return min((limit for limit in limits if limit is not None), default=math.inf)
