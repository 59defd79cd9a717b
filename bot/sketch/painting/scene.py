"""From an idea to the reference picture that every medium then renders."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from bot.sketch.painting.canvas import Canvas, blank
from bot.sketch.painting.idea import Idea
from bot.sketch.painting.landforms import LANDFORMS
from bot.sketch.painting.palette import light_for
from bot.sketch.painting.places.abstract import paint_abstract
from bot.sketch.painting.places.city import paint_city
from bot.sketch.painting.places.deep import paint_deep
from bot.sketch.painting.places.forest import paint_forest
from bot.sketch.painting.places.hollow import paint_cave, paint_heights
from bot.sketch.painting.places.interior import paint_interior
from bot.sketch.painting.places.outdoors import paint_outdoors
from bot.sketch.painting.places.space import paint_space
from bot.sketch.painting.setting import Setting
from bot.sketch.painting.weather import paint_weather

_PLACES: Mapping[str, Callable[[Canvas, Setting], None]] = MappingProxyType(
    {
        "abstract": paint_abstract,
        "cave": paint_cave,
        "city": paint_city,
        "forest": paint_forest,
        "interior": paint_interior,
        "sky": paint_heights,
        "space": paint_space,
        "underwater": paint_deep,
    }
)
_HORIZONS = MappingProxyType({"sky": (0.72, 0.8), "cave": (0.5, 0.56)})


def compose(idea: Idea, seed: int, width: int, height: int, detail: float) -> tuple[Canvas, Setting]:
    """Paint the idea's scene; ``detail`` is 0..1."""
    setting = _frame(idea, seed, width, height, detail)
    canvas = blank(width, height)
    _PLACES.get(idea.place, paint_outdoors)(canvas, setting)
    paint_weather(canvas, setting)
    canvas.shine(1.0)
    return canvas, setting


def _frame(idea: Idea, seed: int, width: int, height: int, detail: float) -> Setting:
    setting = Setting(idea, light_for(idea, seed), seed, width, height, 0.0, detail)
    low, high = _HORIZONS.get(idea.place) or LANDFORMS.get(idea.place, LANDFORMS["hills"]).horizon
    share = float(setting.rng("horizon").uniform(low, high))
    return replace(setting, horizon=max(share * height, 1.0))
