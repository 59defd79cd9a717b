"""What a brief asks for: place, time, weather, subjects, colours and manner, read from its words."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.sketch.painting.brief import Brief, stable_hash
from bot.sketch.painting.homes import whereabouts
from bot.sketch.painting.lexicon import Family
from bot.sketch.painting.reading import Known, Reading, read

MAX_MOTIFS = 5
MAX_COUNT = 12
_PLURAL_COUNT = 3
_NIGHTLY = frozenset({"aurora", "stars", "fireflies", "lanterns", "fireworks", "meteors"})
_OPPOSITES = {
    "dark": "light", "light": "dark", "vivid": "muted", "muted": "vivid", "warm": "cool", "cool": "warm",
    "blur": "detail", "detail": "blur", "noir": "vivid", "contrast": "muted",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Motif:
    """One subject: how many, its colour (a key of COLOURS or None), how large, how strongly asked for."""

    name: str
    count: int
    colour: str | None
    scale: float
    weight: float


@dataclass(frozen=True, slots=True)
class Idea:
    """A brief, understood. ``place`` is where the viewer stands, ``backdrop`` what closes the horizon."""

    place: str
    backdrop: str | None
    time: str
    weather: frozenset[str]
    season: str | None
    motifs: tuple[Motif, ...]
    element_colours: dict[str, str]
    tints: tuple[tuple[str, float], ...]
    avoided_colours: tuple[str, ...]
    media: tuple[str, ...]
    treatments: dict[str, float]
    unknown: tuple[str, ...]


def understand(brief: Brief) -> Idea:
    """Read the brief's positive and negative text; total: any text has some reading."""
    wanted, refused = read(brief.positive), read(brief.negative)
    banned = frozenset((item.entry.family, item.entry.key) for item in refused.known)
    kept = tuple(item for item in wanted.known if (item.entry.family, item.entry.key) not in banned)
    reading = Reading(kept, wanted.unknown)
    motifs, colours, tints = _bind(kept)
    weather = frozenset(reading.keys(Family.WEATHER))
    place, backdrop = whereabouts(reading, [motif.name for motif in motifs], banned)
    treatments = {i.entry.key: i.word.weight for i in kept if i.entry.family is Family.TREATMENT}
    for key, weight in _lora_treatments(brief):
        treatments[key] = treatments.get(key, 0.0) + weight
    for key in (key for key in refused.keys(Family.TREATMENT) if key in _OPPOSITES):
        treatments.setdefault(_OPPOSITES[key], 0.7)
    return Idea(
        place=place,
        backdrop=backdrop,
        time=_time(reading, motifs, place, brief.seed, banned),
        weather=weather,
        season=next(iter(reading.keys(Family.SEASON)), "winter" if "snow" in weather else None),
        motifs=motifs,
        element_colours=colours,
        tints=tints,
        avoided_colours=refused.keys(Family.COLOUR),
        media=reading.keys(Family.MEDIUM),
        treatments=treatments,
        unknown=wanted.unknown,
    )


def _lora_treatments(brief: Brief) -> list[tuple[str, float]]:
    """Treatments that a lora's name stands for, with its weight."""
    found = []
    for name, weight in brief.loras:
        known = read(name.replace("-", " ").replace("_", " ").replace(".", " ")).known
        found += [(i.entry.key, weight) for i in known if i.entry.family is Family.TREATMENT]
    return found


@dataclass(slots=True)
class _Pending:
    """Adjectives of the current clause that still look for their noun."""

    clause: int
    colours: list[tuple[str, float]]
    count: int | None = None
    scale: float = 1.0


def _bind(
    known: Sequence[Known],
) -> tuple[tuple[Motif, ...], dict[str, str], tuple[tuple[str, float], ...]]:
    """Give each colour, number and size to the noun after it; what finds no noun tints the whole picture."""
    motifs: dict[str, Motif] = {}
    elements: dict[str, str] = {}
    tints: list[tuple[str, float]] = []
    pending = _Pending(0, [])
    for item in known:
        word, family, key = item.word, item.entry.family, item.entry.key
        if word.clause != pending.clause:
            tints += pending.colours
            pending = _Pending(word.clause, [])
        if family is Family.COLOUR:
            pending.colours.append((key, word.weight))
        elif family is Family.NUMBER:
            pending.count = int(key)
        elif family is Family.SIZE:
            pending.scale = 1.4 if key == "large" else 0.6
        elif family is Family.SUBJECT:
            colour = pending.colours.pop(0)[0] if pending.colours else None
            count = pending.count or (_PLURAL_COUNT if item.plural else 1)
            if key not in motifs and len(motifs) < MAX_MOTIFS:
                motifs[key] = Motif(key, min(count, MAX_COUNT), colour, pending.scale, word.weight)
            pending.count, pending.scale = None, 1.0
        elif family in (Family.PLACE, Family.WEATHER, Family.SEASON) and pending.colours:
            elements.setdefault(key, pending.colours.pop(0)[0])
    tints += pending.colours
    return tuple(motifs.values()), elements, tuple(tints[:4])


def _time(
    reading: Reading,
    motifs: Sequence[Motif],
    place: str,
    seed: int,
    banned: Collection[tuple[Family, str]],
) -> str:
    asked = reading.keys(Family.TIME)
    if asked:
        return asked[0]
    weather = reading.keys(Family.WEATHER)
    if (_NIGHTLY & set(weather) or any(m.name in ("moon", "owl") for m in motifs)) and (
        (Family.TIME, "night") not in banned
    ):
        return "night"
    if "cyberpunk" in reading.keys(Family.TREATMENT) or (place == "city" and "rain" in weather):
        return "dusk"
    allowed = [time for time in ("day", "goldenhour", "sunset", "dawn") if (Family.TIME, time) not in banned]
    return allowed[stable_hash("time", seed) % len(allowed)] if allowed else "dusk"
