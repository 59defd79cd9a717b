"""The shape of the ground in each place: height over a plane, in the eye's units."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bot.sketch.painting.brief import Plane
from bot.sketch.painting.noise import smoothstep
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.terrain import HeightOf, Rough, View


@dataclass(frozen=True, slots=True)
class Landform:
    """A kind of ground: where the horizon lies (fraction from the top), the view, and how hazy it is."""

    horizon: tuple[float, float]
    lift: float
    reach: float
    air: float
    shape: Callable[[Setting, np.random.Generator], HeightOf]


def _hills(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)

    def height(x: Plane, z: Plane) -> Plane:
        swell = rough.fractal(x / 34, z / 34, 3) * (1.6 + np.minimum(z, 160) * 0.055)
        detail = rough.fractal(x / 5, z / 5, 3) * 0.16
        dip = np.exp(-((z / 14) ** 2)) * 1.2
        lifted: Plane = np.maximum(swell + detail + 1.2 - dip, 0.02) + smoothstep(90, 240, z) * 9
        return lifted

    return height


def _mountains(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough, peaks = Rough(rng), Rough(rng)
    lean = float(rng.uniform(-0.45, 0.45))

    def height(x: Plane, z: Plane) -> Plane:
        foot = rough.fractal(x / 26, z / 26, 4) * np.minimum(z, 80) * 0.042 + 0.5
        crest = peaks.ridged(x / 72, z / 72, 6, 0.52)
        valley = 0.42 + 0.58 * smoothstep(0.02, 0.55, np.abs(x / z - lean))
        rise = smoothstep(34, 130, z) * valley
        lifted: Plane = np.maximum(foot, 0.05) + crest * rise * 66 + rise * 6
        return lifted

    return height


def _lake(setting: Setting, rng: np.random.Generator) -> HeightOf:
    beyond = (
        _mountains(setting, rng) if setting.idea.backdrop in (None, "mountains") else _backdrop(setting, rng)
    )
    rough = Rough(rng)
    side = float(rng.choice((-1.0, 1.0)))
    far_shore = float(rng.uniform(26, 44))

    def height(x: Plane, z: Plane) -> Plane:
        wave = rough.fractal(x / 12, z / 12, 4)
        shore = far_shore + wave * 9 + side * x * 0.35
        land = beyond(x, z) * smoothstep(0.0, 40, z - shore) + (z - shore) * 0.05 + wave * 0.25
        bank = 2.6 + wave * 0.9 + side * x * 0.55 - z
        lifted: Plane = np.maximum(np.where(z > shore - 3, land, -1.0), np.minimum(bank * 0.22, 0.5))
        return lifted

    return height


def _sea(setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    side = float(rng.choice((-1.0, 1.0)))
    far = _backdrop(setting, rng) if setting.idea.backdrop else None

    def height(x: Plane, z: Plane) -> Plane:
        if far is not None:
            return np.where(z > 60, far(x, z) - 1.0, -1.0)
        isle = smoothstep(0.22, 0.7, side * x / z) * smoothstep(150, 260, z)
        rise: Plane = isle * (10 + 12 * rough.fractal(x / 60, z / 60, 4)) - 0.4
        return rise

    return height


def _coast(setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough, crag = Rough(rng), Rough(rng)
    side = -1.0 if setting.light.sun_at[0] > 0.5 else 1.0
    reach = float(rng.uniform(0.1, 0.2))

    def height(x: Plane, z: Plane) -> Plane:
        edge = rough.fractal(x / 9, z / 9, 4)
        inland = side * x - reach * z * smoothstep(4, 22, z) - 0.4 + edge * (0.5 + 0.1 * z)
        tall = (
            smoothstep(5, 26, z) * (1 - smoothstep(52, 66, z)) * (3.6 + 1.4 * crag.fractal(x / 8, z / 8, 3))
        )
        cliff = tall * smoothstep(0.0, 2.6, inland)
        beach = np.minimum(inland * 0.1 + (3.4 - z) * 0.07, 0.3)
        far = (
            smoothstep(0.2, 0.7, -side * x / z)
            * smoothstep(130, 220, z)
            * (7 + 8 * rough.fractal(x / 50, z / 50, 3))
        )
        lifted: Plane = np.maximum(np.maximum(beach, cliff - 0.15), far - 0.4)
        return lifted

    return height


def _island(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    centre = float(rng.uniform(-5, 5))

    def height(x: Plane, z: Plane) -> Plane:
        away = np.sqrt(((x - centre) / 11) ** 2 + ((z - 24) / 9) ** 2) + 0.22 * rough.fractal(x / 6, z / 6, 4)
        rise: Plane = 3.4 * (1 - smoothstep(0.1, 1.0, away)) - 0.12
        return rise

    return height


def _river(setting: Setting, rng: np.random.Generator) -> HeightOf:
    beyond = _backdrop(setting, rng)
    rough = Rough(rng)
    phase, turn = float(rng.uniform(0, 6.28)), float(rng.uniform(9, 14))

    def height(x: Plane, z: Plane) -> Plane:
        middle = np.sin(z / np.float32(turn) + np.float32(phase)) * (0.8 + z * 0.16) - 0.3 * math.sin(phase)
        across = np.abs(x - middle) - 1.5 - z * 0.018 + 0.35 * rough.fractal(x / 3, z / 3, 3)
        bank = np.minimum(across * 0.3, 0.32) + 0.05 * rough.fractal(x / 2, z / 2, 3)
        land: Plane = bank + smoothstep(1.0, 26.0, across) * np.maximum(beyond(x, z), 0.0)
        past: Plane = smoothstep(70, 95, z)
        lifted: Plane = land * (1 - past) + (beyond(x, z) + 0.5) * past
        return lifted

    return height


def _desert(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    turn = float(rng.uniform(-0.5, 0.5))

    def height(x: Plane, z: Plane) -> Plane:
        bend = rough.fractal(x / 26, z / 26, 3) * 7
        across = (x * math.cos(turn) + z * math.sin(turn) + bend) / 17
        phase = across - np.floor(across)
        crest = np.where(phase < 0.7, phase / 0.7, (1 - phase) / 0.3)
        along = 0.55 + 0.45 * rough.at(x / 31, z / 31)
        lifted: Plane = crest**1.35 * along * (0.7 + np.minimum(z, 120) * 0.05) + smoothstep(120, 220, z) * 5
        return lifted

    return height


def _canyon(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    centre = float(rng.uniform(-0.2, 0.2))

    def height(x: Plane, z: Plane) -> Plane:
        field = (
            rough.fractal(x / 30, z / 30, 4) * 0.75 + smoothstep(0.12, 0.75, np.abs(x / z - centre)) * 1.05
        )
        field = field * smoothstep(10, 40, z) * 5.2
        step = np.floor(field)
        terrace = step + smoothstep(0.62, 0.95, field - step)
        lifted: Plane = np.maximum(terrace * 3.4, 0.0) + 0.12 * rough.fractal(x / 3, z / 3, 3) + 0.2
        return lifted

    return height


def _field(setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    beyond = _backdrop(setting, rng)

    def height(x: Plane, z: Plane) -> Plane:
        gentle = rough.fractal(x / 22, z / 22, 3) * 0.22 + rough.fractal(x / 2.5, z / 2.5, 2) * 0.02 + 0.3
        lifted: Plane = gentle + smoothstep(45, 130, z) * beyond(x, z)
        return lifted

    return height


def _volcano(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)
    centre = float(rng.uniform(-16, 16))

    def height(x: Plane, z: Plane) -> Plane:
        away = np.sqrt((x - centre) ** 2 + (z - 105) ** 2) + 5 * rough.fractal(x / 18, z / 18, 4)
        cone = 47 * np.exp(-((np.maximum(away, 0) / 36) ** 1.15))
        crater = np.where(away < 9, np.minimum(cone, 35 + away * 0.2), cone)
        lifted: Plane = crater + 0.25 + rough.fractal(x / 16, z / 16, 4) * smoothstep(6, 40, z) * 1.1
        return lifted

    return height


def _quay(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    edge = float(rng.uniform(4.2, 5.0))

    def height(x: Plane, z: Plane) -> Plane:
        return np.where(z + 0 * x < edge, 0.05, -1.0).astype(np.float32)

    return height


def _floor(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)

    def height(x: Plane, z: Plane) -> Plane:
        lifted: Plane = rough.fractal(x / 7, z / 7, 3) * 0.07 + 0.1
        return lifted

    return height


def _swamp(_setting: Setting, rng: np.random.Generator) -> HeightOf:
    rough = Rough(rng)

    def height(x: Plane, z: Plane) -> Plane:
        tussock = rough.fractal(x / 7, z / 5, 4) * 0.34 - 0.1
        lifted: Plane = tussock + smoothstep(40, 60, z) * 1.2
        return lifted

    return height


def _backdrop(setting: Setting, rng: np.random.Generator) -> HeightOf:
    name = setting.idea.backdrop
    makers = {"mountains": _mountains, "volcano": _volcano, "canyon": _canyon, "desert": _desert}
    return makers.get(name or "", _hills)(setting, rng)


LANDFORMS: Mapping[str, Landform] = MappingProxyType(
    {
        "hills": Landform((0.42, 0.5), 2.6, 260, 120, _hills),
        "mountains": Landform((0.52, 0.6), 2.4, 240, 130, _mountains),
        "volcano": Landform((0.6, 0.66), 2.4, 220, 130, _volcano),
        "lake": Landform((0.5, 0.56), 1.0, 230, 120, _lake),
        "waterfall": Landform((0.5, 0.56), 1.0, 230, 120, _lake),
        "sea": Landform((0.46, 0.56), 1.0, 300, 210, _sea),
        "coast": Landform((0.5, 0.56), 1.0, 260, 150, _coast),
        "island": Landform((0.5, 0.56), 1.2, 260, 170, _island),
        "river": Landform((0.42, 0.48), 1.7, 240, 120, _river),
        "desert": Landform((0.46, 0.54), 2.2, 240, 150, _desert),
        "canyon": Landform((0.5, 0.56), 3.4, 240, 130, _canyon),
        "field": Landform((0.5, 0.58), 1.0, 240, 110, _field),
        "garden": Landform((0.5, 0.56), 1.0, 240, 110, _field),
        "village": Landform((0.46, 0.52), 1.9, 240, 120, _field),
        "city": Landform((0.62, 0.68), 1.0, 120, 80, _quay),
        "forest": Landform((0.56, 0.62), 1.0, 90, 26, _floor),
        "swamp": Landform((0.5, 0.56), 1.0, 90, 34, _swamp),
    }
)


def air_of(place: str) -> float:
    """Depth at which about two thirds of a colour are lost to haze, for a place."""
    return LANDFORMS[place].air if place in LANDFORMS else LANDFORMS["lake"].air


def view_of(place: str) -> View:
    """The eye for a place."""
    form = LANDFORMS[place]
    return View(form.lift, form.reach)
