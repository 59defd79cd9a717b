"""Colour grading: guidance, tints, moods, what the negative text pushes away, and words nobody listed."""

import math

import numpy as np

from bot.sketch.painting.brief import Brief, Picture, generator
from bot.sketch.painting.idea import Idea
from bot.sketch.painting.lexicon import Family
from bot.sketch.painting.media.easel import lightness
from bot.sketch.painting.noise import grain
from bot.sketch.painting.palette import LUMA, RGB, mix, named, rgb, sky_of
from bot.sketch.painting.pixels import stacked, toned, weighed
from bot.sketch.painting.reading import read

# treatment -> (saturation, contrast, brightness, warmth) at weight 1.
_TREATMENTS = {
    "vivid": (1.35, 1.06, 0.0, 0.0),
    "muted": (0.6, 0.92, 0.02, 0.0),
    "dark": (0.86, 1.08, -0.1, -0.01),
    "light": (0.95, 0.92, 0.07, 0.0),
    "warm": (1.05, 1.0, 0.01, 0.05),
    "cool": (0.95, 1.0, 0.0, -0.05),
    "contrast": (1.08, 1.22, 0.0, 0.0),
    "detail": (1.03, 1.04, 0.0, 0.0),
    "glow": (1.12, 1.04, 0.0, 0.0),
    "cyberpunk": (1.3, 1.16, -0.04, -0.02),
}
_CFG = ((0.0, 1.0, 3.5, 7.0, 12.0, 20.0, 30.0), (0.62, 0.8, 0.92, 1.0, 1.18, 1.42, 1.6))
_CFG_CONTRAST = ((0.0, 1.0, 3.5, 7.0, 12.0, 20.0, 30.0), (0.84, 0.93, 0.98, 1.0, 1.09, 1.24, 1.36))
_WHITE = np.ones(3, dtype=np.float32)


def grade_scene(colour: Picture, brief: Brief, idea: Idea) -> Picture:
    """Grade the reference picture before a medium takes it up."""
    colour = _stretched(colour)
    saturation = float(np.interp(brief.cfg, *_CFG))
    contrast = float(np.interp(brief.cfg, *_CFG_CONTRAST))
    brightness = warmth = 0.0
    for name, weight in idea.treatments.items():
        own = _TREATMENTS.get(name)
        if own is not None:
            saturation *= own[0] ** weight
            contrast *= own[1] ** weight
            brightness, warmth = brightness + own[2] * weight, warmth + own[3] * weight
    turn, drift_saturation, drift_warmth = _drift(brief, idea)
    graded = _linear(colour, saturation * drift_saturation, contrast, brightness, warmth + drift_warmth, turn)
    tints = [(named(key), weight) for key, weight in idea.tints]
    tints += _lora_tints(brief)
    if "cyberpunk" in idea.treatments:
        tints += [(rgb("2a1a6a"), 0.6), (rgb("ff3ca8"), 0.6), (rgb("2de2e6"), 0.4)]
    if tints:
        graded = _tinted(graded, tints)
    for key in idea.avoided_colours:
        graded = _without(graded, named(key))
    return np.clip(graded, 0.0, 1.0)


def grade_print(picture: Picture, idea: Idea, seed: int) -> Picture:
    """What is done to the finished picture: black and white, sepia, film grain."""
    if "noir" in idea.treatments:
        light = lightness(picture)
        curve = light * light * (3 - 2 * light)
        picture = (light + (curve - light) * 0.75)[..., None] * np.array(
            (1.0, 0.995, 0.985), dtype=np.float32
        )
    if "sepia" in idea.treatments:
        light = lightness(picture)[..., None]
        brown = rgb("2e2014") + (rgb("f3e3c4") - rgb("2e2014")) * light
        picture = picture + (brown - picture) * np.float32(0.82)
    film = idea.treatments.get("grain", 0.0)
    if film > 0.0:
        height, width = picture.shape[:2]
        picture = picture + (grain(generator("film", seed), width, height) * 0.07 * min(film, 2.0))[..., None]
    return np.clip(picture, 0.0, 1.0)


def _stretched(colour: Picture) -> Picture:
    """Part of the way to the full range of tones: haze must not leave all grey, nor night turn to day."""
    sample = lightness(colour[::4, ::4])
    low, high = float(np.quantile(sample, 0.01)), float(np.quantile(sample, 0.99))
    bottom, top = low * 0.5, min(high + (1.0 - high) * 0.4, 1.0)
    gain = (top - bottom) / max(high - low, 0.2)
    gain = min(max(gain, 1.0), 1.45)
    stretched: Picture = (colour - low) * gain + bottom
    return stretched


def _drift(brief: Brief, idea: Idea) -> tuple[float, float, float]:
    """(hue turn in radians, saturation, warmth) that words outside the lexicon and unknown names cause."""
    turn, saturation, warmth = 0.0, 1.0, 0.0
    for word in idea.unknown[:24]:
        rng = generator("word", word)
        turn += float(rng.normal(0.0, 0.055))
        saturation *= float(rng.uniform(0.95, 1.06))
        warmth += float(rng.normal(0.0, 0.008))
    rng = generator("text", brief.positive, brief.negative)
    turn += float(rng.normal(0.0, 0.012))
    warmth += float(rng.normal(0.0, 0.004))
    warmth += float(generator("model", brief.model).normal(0.0, 0.008))
    for name, weight in brief.loras:
        rng = generator("lora", name)
        turn += float(rng.normal(0.0, 0.2)) * weight
        saturation *= float(rng.uniform(0.85, 1.25)) ** weight
        warmth += float(rng.normal(0.0, 0.025)) * weight
    return min(max(turn, -0.6), 0.6), min(max(saturation, 0.6), 1.5), min(max(warmth, -0.08), 0.08)


def _linear(
    colour: Picture, saturation: float, contrast: float, brightness: float, warmth: float, turn: float
) -> Picture:
    """Saturation, hue, contrast, brightness and warmth in one matrix."""
    cos, sin = math.cos(turn) * saturation, math.sin(turn) * saturation
    # Rotation about the grey axis (Rodrigues), scaled off the axis by the saturation.
    third, root = 1 / 3, math.sqrt(1 / 3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=np.float32) * root * sin
    turned = np.eye(3, dtype=np.float32) * cos + (1 - cos) * third + across
    if abs(turn) < 1e-3:
        turned = np.eye(3, dtype=np.float32) * saturation + (1 - saturation) * np.tile(LUMA, (3, 1))
    matrix = (turned * contrast).astype(np.float32)
    shift = np.array((warmth, warmth * 0.15, -warmth), dtype=np.float32) + brightness + 0.47 * (1 - contrast)
    return stacked([weighed(colour, matrix[c].tolist()) + float(shift[c]) for c in range(3)])


def _lora_tints(brief: Brief) -> list[tuple[RGB, float]]:
    """Tints of the colours and times of day in the loras' names, for loras that add (weight above 0)."""
    tints: list[tuple[RGB, float]] = []
    for name, weight in brief.loras:
        for item in read(name.replace("-", " ").replace("_", " ").replace(".", " ")).known:
            if weight <= 0.0:
                continue
            if item.entry.family is Family.COLOUR:
                tints.append((named(item.entry.key), min(weight, 1.5)))
            elif item.entry.family is Family.TIME:
                tints += [(tone, min(weight, 1.5)) for tone in sky_of(item.entry.key)[1:]]
    return tints


def _tinted(colour: Picture, tints: list[tuple[RGB, float]]) -> Picture:
    """Draw the picture's tones towards the tints: the first takes the shadows, the last the lights."""
    light = np.clip(lightness(colour), 0.0, 1.0)
    strength = min(0.26 + 0.2 * max(weight for _, weight in tints), 0.62)
    first, last = tints[0][0], tints[-1][0]
    stops = [
        mix(first * np.float32(0.22), rgb("141420"), 0.2),
        *(tint for tint, _ in tints),
        mix(last, _WHITE, 0.82),
    ]
    at = np.linspace(0.0, 1.0, len(stops))
    tinted: Picture = colour + (toned(light, at.tolist(), stops) - colour) * strength
    return tinted


def _without(colour: Picture, refused: RGB) -> Picture:
    """Take most of a refused hue out; a refused black, white or grey moves the tones instead."""
    chroma = refused - refused.mean()
    size = float(np.linalg.norm(chroma))
    if size < 0.08:
        level = float(refused.mean())
        shifted: Picture = colour + np.float32(0.1 if level < 0.5 else -0.1)
        return shifted
    axis = (chroma / np.float32(size)).astype(np.float32)
    own = colour - weighed(colour, (1 / 3, 1 / 3, 1 / 3))[..., None]
    along = np.clip(weighed(own, axis.tolist()), 0.0, None)
    purity = along / np.maximum(np.sqrt(weighed(own * own, (1.0, 1.0, 1.0))), 1e-4)
    cut = along * np.clip((purity - 0.35) * 2.2, 0.0, 1.0) * np.float32(1.15)
    cleaned: Picture = colour - cut[..., None] * axis
    return cleaned
