"""The words the painter knows: each maps to a family and a canonical key within it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from bot.sketch.painting.words import forms


class Family(Enum):
    """What kind of thing a word asks for."""

    TIME = "time"
    WEATHER = "weather"
    SEASON = "season"
    PLACE = "place"
    SUBJECT = "subject"
    COLOUR = "colour"
    MEDIUM = "medium"
    TREATMENT = "treatment"
    NUMBER = "number"
    SIZE = "size"


@dataclass(frozen=True, slots=True)
class Entry:
    """A known word's meaning."""

    family: Family
    key: str


_TIMES = {
    "dawn": "sunrise daybreak morning early",
    "day": "noon midday daylight sunny sunshine sunlit afternoon summerday",
    "goldenhour": "golden_hour late_afternoon warm_light",
    "sunset": "sundown evening_glow",
    "dusk": "twilight evening blue_hour gloaming nightfall",
    "night": "midnight nighttime nocturnal moonlit moonlight starlit dark_sky nocturne",
}

_WEATHERS = {
    "storm": "thunderstorm tempest thunder lightning hurricane stormy gale",
    "rain": "drizzle rainy downpour shower monsoon",
    "snow": "snowfall blizzard snowy snowing",
    "fog": "mist haze foggy hazy smoky",
    "clouds": "cloud cloudy overcast cumulus cloudscape",
    "clear": "cloudless clear_sky",
    "aurora": "northern_lights borealis polar_light",
    "stars": "starry milky_way constellation star stardust galaxy_sky",
    "rainbow": "",
    "wind": "windy breeze breezy",
    "sunbeams": "god_rays sunbeam light_ray ray volumetric sunray crepuscular",
    "fireflies": "firefly glowworm fairy_light spark sparkle glitter",
    "petals": "petal blossom_rain confetti",
    "lanterns": "lantern paper_lantern sky_lantern lampion",
    "fireworks": "firework",
    "meteors": "meteor shooting_star comet falling_star",
    "leaves": "falling_leaf leaf foliage",
    "bubbles": "bubble",
}

_SEASONS = {
    "spring": "springtime blossom bloom cherry_blossom sakura april",
    "summer": "june july august",
    "autumn": "fall october november harvest autumnal",
    "winter": "wintry frozen ice icy frost frosty arctic december january christmas",
}

_PLACES = {
    "sea": "ocean wave open_sea seascape water pacific atlantic marine",
    "coast": "beach shore cliff seaside bay harbor harbour headland fjord coastline port pier",
    "island": "isle archipelago tropical lagoon",
    "lake": "pond reservoir tarn loch",
    "river": "stream creek canal brook riverbank",
    "waterfall": "cascade",
    "forest": "wood woodland jungle grove rainforest taiga",
    "mountains": "mountain alps alpine peak summit himalaya highland valley ridge everest",
    "volcano": "lava eruption magma",
    "desert": "dune sahara sand oasis",
    "canyon": "mesa gorge badlands butte",
    "field": "meadow prairie grassland pasture plain savanna steppe farmland farm lawn wheat countryside"
    " lavender",
    "hills": "hill rolling_hills landscape tuscany moor",
    "garden": "park orchard flowerbed courtyard",
    "city": "skyline metropolis downtown urban street town skyscraper new_york tokyo alley cityscape",
    "village": "hamlet rural cottagecore",
    "space": "cosmos universe galaxy nebula outer_space orbit cosmic interstellar",
    "underwater": "reef coral seabed undersea deep_sea aquarium",
    "interior": "room indoor kitchen table still_life library cafe bedroom window desk shelf",
    "cave": "cavern grotto",
    "swamp": "marsh bog wetland",
    "sky": "heaven airborne above_clouds skies",
    "abstract": "pattern shapes geometric geometry kaleidoscope fractal composition",
}

_SUBJECTS = {
    "lighthouse": "beacon",
    "house": "cottage cabin hut barn home farmhouse chalet shack",
    "castle": "fortress palace citadel fort",
    "tower": "spire belfry campanile",
    "church": "chapel cathedral",
    "temple": "pagoda shrine",
    "windmill": "mill",
    "bridge": "viaduct aqueduct",
    "pyramid": "ziggurat",
    "tent": "camp campfire camping",
    "boat": "sailboat yacht rowboat dinghy sailing_boat regatta",
    "ship": "sailing_ship tall_ship galleon vessel pirate frigate steamer",
    "car": "automobile taxi truck van",
    "train": "locomotive railway tram",
    "bicycle": "bike cyclist",
    "balloon": "hot_air_balloon airship zeppelin",
    "plane": "airplane aircraft aeroplane jet biplane",
    "rocket": "spaceship spacecraft shuttle starship",
    "ufo": "saucer alien",
    "fox": "vixen red_fox",
    "wolf": "coyote husky",
    "dog": "puppy hound corgi retriever",
    "cat": "kitten kitty feline tabby",
    "rabbit": "bunny hare",
    "bear": "panda grizzly",
    "deer": "stag elk moose reindeer doe antelope",
    "horse": "pony stallion mare unicorn zebra",
    "sheep": "lamb goat ram",
    "cow": "bull cattle ox calf",
    "elephant": "mammoth",
    "owl": "",
    "bird": "sparrow robin crow raven finch swallow dove pigeon parrot",
    "gull": "seagull flock",
    "swan": "duck goose",
    "heron": "crane flamingo stork",
    "penguin": "",
    "fish": "goldfish koi salmon shoal clownfish trout tuna shark",
    "whale": "orca dolphin blue_whale",
    "jellyfish": "medusa",
    "octopus": "squid kraken",
    "turtle": "tortoise",
    "butterfly": "moth",
    "dragon": "wyvern drake",
    "person": "man woman girl boy people human child figure traveler wanderer portrait lady hiker wizard"
    " witch men women children",
    "knight": "warrior samurai soldier",
    "astronaut": "cosmonaut spaceman",
    "robot": "android mech droid cyborg automaton",
    "snowman": "",
    "tree": "oak maple willow elm bonsai",
    "pine": "fir conifer spruce evergreen",
    "palm": "coconut",
    "cactus": "saguaro",
    "flower": "rose tulip poppy daisy lily sunflower bouquet lotus peony",
    "mushroom": "toadstool fungus",
    "rock": "stone boulder cairn",
    "moon": "crescent lunar full_moon",
    "sun": "solar",
    "planet": "saturn jupiter mars earth venus",
    "teapot": "kettle tea",
    "cup": "mug coffee",
    "book": "tome novel",
    "lamp": "streetlight lamppost",
    "candle": "",
    "fruit": "apple orange_fruit lemon pear peach cherry",
    "vase": "jar pot",
    "crystal": "gem diamond quartz amethyst",
    "heart": "love valentine",
    "umbrella": "parasol",
    "clock": "watch",
    "guitar": "violin cello",
    "sword": "blade excalibur",
}

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "red": "c8372d", "crimson": "a81c34", "scarlet": "d9301f", "ruby": "a3123f", "maroon": "6e1f2b",
        "vermilion": "e34a2f", "orange": "e8792b", "amber": "f0a52b", "copper": "b5652f", "peach": "f7b890",
        "yellow": "f2cf3f", "gold": "d9a62e", "lemony": "f5e663", "mustard": "c99a2e", "green": "4c9a4a",
        "emerald": "1f8f5f", "lime": "a5cf3a", "olive": "7d8242", "jade": "3fa37c", "mint": "a4dcc0",
        "teal": "1f8a8c", "turquoise": "35b8b5", "cyan": "3cc8dc", "aqua": "62d0d0", "blue": "2f62b8",
        "azure": "3d8fe0", "navy": "1d2d5f", "cobalt": "2448a8", "indigo": "3b3490", "sapphire": "1f4c9c",
        "purple": "7a3f98", "violet": "8a55c2", "lilac": "bfa0d8", "mauve": "b48ab0", "magenta": "c92f8e",
        "pink": "ec8fb0", "rosy": "e58a93", "salmonpink": "f08f7d", "coralred": "f2715a", "brown": "7d5236",
        "chocolate": "4f3222", "beige": "d9c6a3", "tan": "c5a075", "cream": "f3e8cf", "ivory": "f5f0e0",
        "white": "f2f1ee", "black": "1d1c22", "grey": "85898f", "silver": "b9c0c8", "rust": "a54a26",
    }
)  # fmt: skip

_COLOUR_WORDS = {
    "gold": "golden gilded",
    "grey": "gray",
    "silver": "silvery chrome metallic",
    "purple": "plum",
    "yellow": "yellowish",
    "pink": "rose_pink",
}

_MEDIA = {
    "ink": "inkwash sumi line_art lineart pen_and_ink manga calligraphy brush_pen",
    "watercolor": "watercolour aquarelle wash",
    "oil": "oil_painting painting impasto brushstroke painted",
    "flow": "van_gogh expressionist expressionism swirling swirl flowing",
    "gouache": "poster tempera ghibli anime storybook children_book illustration concept_art",
    "pixel": "pixel_art 8bit 16bit 8_bit 16_bit retro_game voxel pixelated sprite",
    "pastel": "chalk soft_pastel crayon",
    "pencil": "drawing graphite charcoal sketch doodle sketched",
    "woodcut": "linocut engraving etching block_print lino ukiyo",
    "blueprint": "schematic technical cyanotype diagram",
    "flat": "minimal minimalist minimalism vector simple art_deco flat_design papercut",
    "neon": "synthwave vaporwave outrun neon_light neon_sign",
    "mosaic": "stained_glass tile",
    "lowpoly": "low_poly polygon origami faceted cubist cubism",
    "comic": "pop_art halftone cartoon graphic_novel comic_book",
    "pointillist": "pointillism impressionist impressionism monet seurat dots",
    "photo": "photograph photorealistic realistic photography cinematic dslr film_still bokeh photographic",
}

_TREATMENTS = {
    "noir": "black_and_white monochrome bw grayscale greyscale film_noir b_w",
    "sepia": "vintage antique old_photo retro nostalgic aged",
    "cyberpunk": "futuristic sci_fi scifi blade_runner dystopian holographic",
    "vivid": "vibrant colorful colourful saturated bright bold psychedelic intense lush hdr",
    "muted": "desaturated pale subdued faded subtle soft gentle delicate",
    "dark": "gloomy moody ominous gothic sinister horror scary shadow grim melancholy brooding haunted",
    "light": "airy ethereal dreamy serene peaceful calm heavenly tranquil whimsical magical",
    "warm": "cozy cosy hot fiery",
    "cool": "cold chilly lonely solitude",
    "contrast": "dramatic epic high_contrast striking majestic",
    "detail": "detailed intricate masterpiece 4k 8k ultra highly_detailed sharp",
    "glow": "glowing luminescent bioluminescent shining radiant luminous",
    "grain": "grainy film_grain noisy noise",
    "blur": "blurry blurred lowres low_quality worst_quality jpeg bad_quality out_of_focus",
}

_NUMBERS = {
    "1": "single lone solitary one",
    "2": "two pair couple twin both",
    "3": "three trio few",
    "4": "four",
    "5": "five several",
    "6": "six group",
    "7": "seven many",
    "8": "eight",
    "9": "nine herd",
    "12": "ten dozen swarm crowd",
}

_SIZES = {
    "small": "tiny little mini miniature distant far faraway",
    "large": "big giant huge enormous colossal towering gigantic massive closeup close_up great tall",
}

_TABLES: tuple[tuple[Family, Mapping[str, str]], ...] = (
    (Family.TREATMENT, _TREATMENTS),
    (Family.SIZE, _SIZES),
    (Family.NUMBER, _NUMBERS),
    (Family.COLOUR, dict.fromkeys(COLOURS, "") | _COLOUR_WORDS),
    (Family.SEASON, _SEASONS),
    (Family.MEDIUM, _MEDIA),
    (Family.WEATHER, _WEATHERS),
    (Family.PLACE, _PLACES),
    (Family.SUBJECT, _SUBJECTS),
    (Family.TIME, _TIMES),
)

LONGEST_PHRASE = 3


def _entries() -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for family, table in _TABLES:
        for key, synonyms in table.items():
            for name in (key, *synonyms.split()):
                found[name.replace("_", " ")] = Entry(family, key)
    return found


LEXICON: Mapping[str, Entry] = MappingProxyType(_entries())
"""Word or phrase -> meaning."""


def look_up(phrase: str) -> Entry | None:
    """The meaning of a word or a phrase of up to three words, in any common inflection; None if unknown."""
    for form in forms(phrase):
        if form in LEXICON:
            return LEXICON[form]
    return None
