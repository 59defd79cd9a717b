"""Landscapes: sky, ground, what grows on it, water, and the floor they leave for the subjects."""

import numpy as np

from bot.sketch.painting.brief import Mask
from bot.sketch.painting.canvas import Canvas
from bot.sketch.painting.cast import Floor, perform
from bot.sketch.painting.foreground import paint_foreground
from bot.sketch.painting.landforms import LANDFORMS, air_of, view_of
from bot.sketch.painting.materials import ground_colour, ground_tone
from bot.sketch.painting.palette import RGB, mix, named, rgb
from bot.sketch.painting.places.eruption import paint_eruption
from bot.sketch.painting.places.waterfall import paint_fall
from bot.sketch.painting.planting import Crop, scatter
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.sky import paint_sky
from bot.sketch.painting.subjects import buildings, plants
from bot.sketch.painting.terrain import Ground, Seen, haze, lay, look, survey
from bot.sketch.painting.water import flood, wet_pixels

_LEAVES = {
    "spring": ("8ab85a", "a8c86a", "f2b8c8"),
    "summer": ("4f8a40", "5f9a48", "437a3c"),
    "autumn": ("d9852f", "c8552f", "e0b03c"),
    "winter": ("c8d2d8", "b8c4cc"),
    None: ("5a9044", "6fa04c", "4a8040"),
}
_SMALLEST_PLANTED = 80.0
"""Shorter side below which trees would be mere dots."""
_NEEDLES = ("2f5a44", "386a4a", "284e40")
_SNOWY = ("7f98a0", "9ab0b8", "c4d2d8")


def paint_outdoors(canvas: Canvas, setting: Setting) -> None:
    """Paint the whole landscape of the idea's place with its subjects."""
    perform(canvas, setting, paint_landscape(canvas, setting))
    paint_foreground(canvas, setting)


def paint_landscape(canvas: Canvas, setting: Setting) -> Floor:
    """Paint the landscape without subjects; returns where they can stand."""
    place = setting.idea.place if setting.idea.place in LANDFORMS else "lake"
    paint_sky(canvas, setting)
    view = view_of(place)
    ground = survey(setting, view, LANDFORMS[place].shape(setting, setting.rng("land")))
    seen = look(setting, view, ground)
    lay(canvas, seen, ground_colour(setting, ground), setting.horizon)
    if place == "volcano":
        paint_eruption(canvas, setting, seen)
    _plant(canvas, setting, ground, seen)
    if place == "waterfall":
        paint_fall(canvas, setting)
    flood(canvas, setting, view, ground, seen)
    return floor_of(setting, ground, seen)


def floor_of(setting: Setting, ground: Ground, seen: Seen) -> Floor:
    """Where subjects can stand on this ground."""
    wet = wet_pixels(ground, seen) > 0.5
    land = (seen.slice_of > 0) & ~wet
    depth = seen.z[seen.slice_of]
    above = np.concatenate((depth[:1], depth[:-1]))
    ridge = land & (above > depth * 1.25) & (depth > 5.0) & (depth < 75.0)
    if setting.idea.place in ("coast", "island"):
        ridge = land & (depth > 10.0) & (depth < 60.0) & _high(ground, seen, 1.6)
    return Floor(land & (depth < 90.0), wet, setting.horizon, ridge=ridge)


def _high(ground: Ground, seen: Seen, level: float) -> Mask:
    columns = ground.height.shape[1]
    column = (np.arange(seen.slice_of.shape[1]) * columns // seen.slice_of.shape[1])[None, :]
    flat = np.maximum(seen.slice_of - 1, 0) * columns + column
    tall: Mask = ground.height.reshape(-1)[flat] > level
    return tall


def _colours(codes: tuple[str, ...]) -> list[RGB]:
    return [rgb(code) for code in codes]


def _plant(canvas: Canvas, setting: Setting, ground: Ground, seen: Seen) -> None:
    place, season = setting.idea.place, setting.idea.season
    if setting.short < _SMALLEST_PLANTED:
        return
    air = haze(setting, ground, air_of(place))
    leaves = _colours(_LEAVES[season])
    needles = _colours(_SNOWY if season == "winter" else _NEEDLES)
    if place in ("mountains", "lake", "waterfall"):
        scatter(
            canvas, setting, ground, seen, Crop(plants.pine, needles, 2.0, 900, 12, 95, 0.5), air, "pines"
        )
    elif place in ("hills", "village", "field", "river", "garden"):
        woods = Crop(plants.tree, leaves, 2.1, 420, 13, 110, 0.75)
        scatter(canvas, setting, ground, seen, woods, air, "woods")
    elif place == "island":
        scatter(canvas, setting, ground, seen, Crop(plants.palm, leaves[:2], 3.4, 60, 12, 40), air, "palms")
    elif place == "desert":
        scatter(
            canvas,
            setting,
            ground,
            seen,
            Crop(plants.cactus, _colours(("5a8a50",)), 1.0, 14, 9, 60),
            air,
            "cacti",
        )
    elif place == "swamp":
        scatter(
            canvas,
            setting,
            ground,
            seen,
            Crop(plants.tree, _colours(("5a6a4a",)), 3.4, 60, 7, 50),
            air,
            "swamp",
        )
    if place in ("hills", "field", "mountains", "village", "lake", "garden") and season != "winter":
        blade = mix(ground_tone(setting), rgb("3a4a2a"), 0.35)
        tufts = Crop(plants.tuft, [blade, mix(blade, rgb("d8d080"), 0.3)], 0.3, 320, 2.2, 24, line=0.12)
        scatter(canvas, setting, ground, seen, tufts, air, "tufts")
    blooms = next((m for m in setting.idea.motifs if m.name == "flower"), None)
    if blooms is not None and place in ("field", "hills", "mountains", "lake", "village"):
        tones = [named(blooms.colour)] if blooms.colour else _colours(("e0483c", "e8743c", "d8405c"))
        scatter(
            canvas,
            setting,
            ground,
            seen,
            Crop(plants.bloom, tones, 0.42, 620, 2.4, 34, line=0.3),
            air,
            "blooms",
        )
    if place == "village":
        walls = _colours(("b0553c", "a8703c", "8a5a54"))
        houses = Crop(buildings.house, walls, 2.3, 40, 8, 60, 0.0, 0.5)
        scatter(canvas, setting, ground, seen, houses, air, "houses")
    if place == "garden":
        bushes = Crop(plants.bush, leaves, 0.7, 60, 4.5, 24)
        scatter(canvas, setting, ground, seen, bushes, air, "bushes")
        beds = Crop(
            plants.bloom, _colours(("e0567a", "e8a03c", "b06ac8", "f0e0d0", "d8483c")), 0.55, 320, 2.6, 22
        )
        scatter(canvas, setting, ground, seen, beds, air, "beds")
