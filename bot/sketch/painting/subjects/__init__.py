"""The figures the painter can draw, by the lexicon's name, and how each stands in a picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from bot.sketch.painting.pen import Pen
from bot.sketch.painting.subjects import (
    birds,
    buildings,
    creatures,
    mammals,
    people,
    plants,
    things,
    vehicles,
)


class Stance(Enum):
    """Where a figure belongs."""

    GROUND = "ground"
    RIDGE = "ridge"
    WATER = "water"
    AIR = "air"
    DEEP = "deep"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Figure:
    """How to draw a figure, its height as a share of the picture's shorter side, and where it belongs."""

    draw: Callable[[Pen], None]
    height: float
    stance: Stance


_G, _R, _W, _A, _D, _T = Stance.GROUND, Stance.RIDGE, Stance.WATER, Stance.AIR, Stance.DEEP, Stance.TABLE

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {
        "fox": Figure(mammals.fox, 0.46, _G),
        "wolf": Figure(mammals.wolf, 0.46, _G),
        "dog": Figure(mammals.dog, 0.42, _G),
        "cat": Figure(mammals.cat, 0.44, _G),
        "rabbit": Figure(mammals.rabbit, 0.4, _G),
        "bear": Figure(mammals.bear, 0.42, _G),
        "deer": Figure(mammals.deer, 0.54, _G),
        "horse": Figure(mammals.horse, 0.46, _G),
        "sheep": Figure(mammals.sheep, 0.36, _G),
        "cow": Figure(mammals.cow, 0.42, _G),
        "elephant": Figure(mammals.elephant, 0.46, _G),
        "owl": Figure(birds.owl, 0.42, _A),
        "bird": Figure(birds.bird, 0.36, _A),
        "gull": Figure(birds.gull, 0.2, _A),
        "swan": Figure(birds.swan, 0.3, _W),
        "heron": Figure(birds.heron, 0.46, _W),
        "penguin": Figure(birds.penguin, 0.38, _G),
        "fish": Figure(creatures.fish, 0.36, _D),
        "whale": Figure(creatures.whale, 0.4, _W),
        "jellyfish": Figure(creatures.jellyfish, 0.5, _D),
        "octopus": Figure(creatures.octopus, 0.46, _D),
        "turtle": Figure(creatures.turtle, 0.36, _D),
        "butterfly": Figure(creatures.butterfly, 0.3, _A),
        "dragon": Figure(creatures.dragon, 0.46, _A),
        "lighthouse": Figure(buildings.lighthouse, 0.56, _R),
        "house": Figure(buildings.house, 0.36, _R),
        "castle": Figure(buildings.castle, 0.52, _R),
        "tower": Figure(buildings.tower, 0.54, _R),
        "church": Figure(buildings.church, 0.46, _R),
        "temple": Figure(buildings.temple, 0.5, _R),
        "windmill": Figure(buildings.windmill, 0.52, _R),
        "bridge": Figure(buildings.bridge, 0.36, _W),
        "pyramid": Figure(buildings.pyramid, 0.36, _R),
        "tent": Figure(buildings.tent, 0.28, _G),
        "boat": Figure(vehicles.boat, 0.42, _W),
        "ship": Figure(vehicles.ship, 0.5, _W),
        "car": Figure(vehicles.car, 0.32, _G),
        "train": Figure(vehicles.train, 0.3, _G),
        "bicycle": Figure(vehicles.bicycle, 0.36, _G),
        "balloon": Figure(vehicles.balloon, 0.5, _A),
        "plane": Figure(vehicles.plane, 0.32, _A),
        "rocket": Figure(vehicles.rocket, 0.56, _A),
        "ufo": Figure(vehicles.ufo, 0.42, _A),
        "person": Figure(people.person, 0.48, _G),
        "knight": Figure(people.knight, 0.54, _G),
        "astronaut": Figure(people.astronaut, 0.52, _G),
        "robot": Figure(people.robot, 0.5, _G),
        "snowman": Figure(people.snowman, 0.46, _G),
        "tree": Figure(plants.tree, 0.66, _G),
        "pine": Figure(plants.pine, 0.66, _G),
        "palm": Figure(plants.palm, 0.62, _G),
        "cactus": Figure(plants.cactus, 0.5, _G),
        "flower": Figure(plants.flower, 0.5, _G),
        "mushroom": Figure(plants.mushroom, 0.44, _G),
        "rock": Figure(plants.rock, 0.42, _G),
        "crystal": Figure(plants.crystal, 0.46, _G),
        "planet": Figure(things.planet, 0.38, _A),
        "teapot": Figure(things.teapot, 0.42, _T),
        "cup": Figure(things.cup, 0.36, _T),
        "book": Figure(things.book, 0.36, _T),
        "lamp": Figure(things.lamp, 0.6, _G),
        "candle": Figure(things.candle, 0.44, _T),
        "fruit": Figure(things.fruit, 0.36, _T),
        "vase": Figure(things.vase, 0.48, _T),
        "heart": Figure(things.heart, 0.46, _A),
        "umbrella": Figure(things.umbrella, 0.42, _G),
        "clock": Figure(things.clock, 0.42, _T),
        "guitar": Figure(things.guitar, 0.54, _T),
        "sword": Figure(things.sword, 0.46, _G),
    }
)
"""Every subject of the lexicon but the sun and the moon, which belong to the sky."""
