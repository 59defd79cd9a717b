"""Where the scene is laid: the place the words name, or the place their subject belongs to."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from bot.sketch.painting.brief import stable_hash
from bot.sketch.painting.lexicon import Family
from bot.sketch.painting.reading import Reading

_GROUNDS = ("sea", "coast", "island", "lake", "river", "waterfall", "swamp", "village", "garden", "field")
_BACKDROPS = ("mountains", "volcano", "canyon", "desert", "city", "forest", "hills", "village")
_ENCLOSED = ("space", "underwater", "interior", "cave", "abstract")
_RESIDENTS = {
    "coast": "lighthouse gull palm penguin umbrella",
    "hills": "house castle tower balloon person knight sword",
    "village": "church snowman",
    "mountains": "temple dragon pine",
    "field": "windmill train bicycle ufo fox dog rabbit horse sheep cow elephant tree",
    "river": "bridge",
    "desert": "pyramid cactus rock",
    "lake": "tent boat swan heron",
    "sea": "ship whale moon sun",
    "city": "car robot lamp",
    "sky": "plane",
    "space": "rocket astronaut planet",
    "forest": "wolf bear deer owl mushroom",
    "interior": "cat teapot cup book candle fruit vase clock guitar",
    "garden": "bird butterfly flower",
    "underwater": "fish jellyfish octopus turtle",
    "cave": "crystal",
    "abstract": "heart",
}
HOMES: Mapping[str, str] = MappingProxyType(
    {name: place for place, names in _RESIDENTS.items() for name in names.split()}
)
"""Subject -> the place it belongs to."""
# Subjects that need ground under them turn the open sea into a coast.
_NEEDS_LAND = """
house castle tower church temple windmill pyramid tent car train bicycle fox wolf dog cat rabbit bear deer
horse sheep cow elephant person knight robot tree pine palm umbrella lamp
"""
_LANDED = frozenset(_NEEDS_LAND.split())
_OPEN = ("hills", "field", "sea", "lake", "desert", "mountains")


def whereabouts(
    reading: Reading, subjects: Sequence[str], banned: Collection[tuple[Family, str]]
) -> tuple[str, str | None]:
    """(place, backdrop): where the viewer stands and what closes the horizon, never a refused place."""
    places = [p for p in reading.keys(Family.PLACE) if (Family.PLACE, p) not in banned]
    weather = reading.keys(Family.WEATHER)
    enclosed = next((p for p in _ENCLOSED if p in places), None)
    if enclosed is not None:
        return enclosed, None
    ground = next((p for p in places if p in _GROUNDS), None)
    backdrop = next((p for p in places if p in _BACKDROPS and p != ground), None)
    if ground == "sea" and any(name in _LANDED for name in subjects):
        ground = "coast"
    if ground is not None:
        return ground, backdrop
    if backdrop is not None:
        return backdrop, next((p for p in places if p in _BACKDROPS and p != backdrop), None)
    homes = [HOMES[name] for name in subjects if (Family.PLACE, HOMES[name]) not in banned]
    if "sky" in places and all(home in ("sky", "hills", "mountains", "space") for home in homes):
        return "sky", None
    if homes:
        return homes[0], None
    timed = reading.keys(Family.TIME) or reading.keys(Family.SEASON)
    if not (weather or places or timed or subjects):
        return "abstract", None
    return _open_country((*weather, *timed), banned), None


def _open_country(words: Sequence[str], banned: Collection[tuple[Family, str]]) -> str:
    """A landscape for words that name none, always the same for the same words."""
    start = stable_hash("scene", *sorted(words)) % len(_OPEN)
    order = (*_OPEN[start:], *_OPEN[:start])
    return next((place for place in order if (Family.PLACE, place) not in banned), "abstract")
