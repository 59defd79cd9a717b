"""The sketch engine's painter: the same brief gives the same picture, and everything in a brief shows."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.sketch.painting import Brief, FloatImage, paint, stamp, upscale
from bot.sketch.painting.brief import generator, stable_hash
from bot.sketch.painting.homes import HOMES
from bot.sketch.painting.idea import understand
from bot.sketch.painting.lexicon import LEXICON, Family
from bot.sketch.painting.manner import MEDIA, manner_of, medium_of_name
from bot.sketch.painting.reading import read
from bot.sketch.painting.subjects import FIGURES
from bot.sketch.painting.words import read_words

_PLAIN = Brief(
    positive="a red fox in a field, day",
    negative="",
    model="sketch-xl.safetensors",
    loras=(),
    width=96,
    height=72,
    seed=7,
    steps=4,
    cfg=7.0,
    sampler="euler",
    scheduler="normal",
    denoise=1.0,
)


def _brief(**changes: Any) -> Brief:
    return replace(_PLAIN, **changes)


def _last(brief: Brief, base: FloatImage | None = None, **span: int) -> FloatImage:
    return list(paint(brief, base, **span))[-1]


def _apart(first: FloatImage, second: FloatImage) -> float:
    return float(np.abs(first - second).mean())


@pytest.fixture(scope="module")
def plain() -> FloatImage:
    return _last(_PLAIN)


@pytest.fixture(scope="module")
def sea() -> FloatImage:
    return _last(_brief(positive="a boat on the sea, sunset", model="photo", seed=3, steps=8))


def test_the_same_brief_gives_the_same_bytes(plain: FloatImage) -> None:
    again = _last(_PLAIN)
    assert again.tobytes() == plain.tobytes()


def test_hashes_and_streams_are_fixed_for_ever() -> None:
    """Numbers another process or platform must arrive at too: they decide every picture."""
    assert stable_hash("a", 1) == 15261849538860162654
    assert generator("a", 1).integers(0, 1_000_000) == generator("a", 1).integers(0, 1_000_000)
    assert stable_hash("ab", "c") != stable_hash("a", "bc")


def test_pictures_are_float32_rgb_within_range(plain: FloatImage) -> None:
    assert plain.dtype == np.float32
    assert plain.shape == (72, 96, 3)
    assert plain.flags["C_CONTIGUOUS"]
    assert 0.0 <= plain.min() < 0.35
    assert 0.65 < plain.max() <= 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"positive": "a grey wolf in a field, day"},
        {"positive": "a red fox in a desert, day"},
        {"positive": "a red fox in a field, night"},
        {"positive": "a red fox in a field, day, fog"},
        {"positive": "a blue fox in a field, day"},
        {"positive": "two red foxes in a field, day"},
        {"positive": "a red fox in a field, day, flimbart"},
        {"positive": "a (red fox:1.5) in a field, day"},
        {"negative": "fox"},
        {"negative": "green"},
        {"negative": "flimbart"},
        {"seed": 8},
        {"steps": 5},
        {"width": 104},
        {"height": 80},
        {"model": "sketch-ink.safetensors"},
        {"model": "sketch-oil.safetensors"},
        {"model": "unheard-of.safetensors"},
        {"loras": (("sketch-dusk.safetensors", 0.8),)},
        {"loras": (("sketch-grain.safetensors", 1.0),)},
        {"loras": (("some-character.safetensors", 1.0),)},
        {"cfg": 3.0},
        {"sampler": "dpmpp_2m"},
        {"scheduler": "karras"},
    ],
    ids=str,
)
def test_every_input_changes_the_picture(plain: FloatImage, change: dict[str, Any]) -> None:
    changed = _last(_brief(**change))
    assert changed.shape != plain.shape or _apart(changed, plain) > 1e-4


def test_a_loras_weight_is_how_much_it_changes(plain: FloatImage) -> None:
    distances = [_apart(_last(_brief(loras=(("sketch-dusk", w),))), plain) for w in (0.2, 0.6, 1.2)]
    assert distances == sorted(distances)
    assert distances[0] > 0.0


def test_guidance_makes_colours_stronger() -> None:
    def colourfulness(cfg: float) -> float:
        picture = _last(_brief(cfg=cfg))
        return float(np.abs(picture - picture.mean(axis=2, keepdims=True)).mean())

    assert colourfulness(1.0) < colourfulness(7.0) < colourfulness(16.0)


def test_the_scene_stays_while_the_time_of_day_changes() -> None:
    """Words move what they name; the seed alone moves the rest."""
    day, dusk = (understand(_brief(positive=f"a castle in the hills, {time}")) for time in ("day", "dusk"))
    assert replace(day, time="") == replace(dusk, time="")


@pytest.mark.parametrize(
    "model", ["sketch-xl", "sketch-ink", "sketch-watercolor", "sketch-flow", "photo", "pixel"]
)
def test_pictures_close_in_on_the_final_one(model: str) -> None:
    pictures = list(paint(_brief(steps=10, width=128, height=128, model=model)))
    distances = [float(np.sqrt(((picture - pictures[-1]) ** 2).mean())) for picture in pictures]
    assert len(pictures) == 10
    assert distances[-1] == 0.0
    assert distances[0] > 0.15
    assert distances[-2] < 0.35 * distances[0]
    assert all(after <= before * 1.05 for before, after in pairwise(distances))


def test_more_steps_bring_finer_detail() -> None:
    def fineness(steps: int) -> float:
        picture = _last(_brief(steps=steps, width=160, height=160, positive="a castle in the mountains"))
        return float(np.abs(np.diff(picture, axis=1)).mean())

    assert fineness(1) < fineness(4) < fineness(20)


def test_a_span_of_steps_yields_just_those() -> None:
    whole = list(paint(_brief(steps=6)))
    first = list(paint(_brief(steps=6), last_step=4))
    assert [p.tobytes() for p in first] == [p.tobytes() for p in whole[:4]]
    assert list(paint(_brief(steps=6), first_step=6)) == []
    assert len(list(paint(_brief(steps=6), last_step=99))) == 6


def test_a_second_stage_finishes_what_the_first_began() -> None:
    brief = _brief(steps=8)
    whole = _last(brief)
    half = _last(brief, last_step=5)
    rest = list(paint(brief, half, first_step=5))
    assert len(rest) == 3
    assert rest[-1].tobytes() == whole.tobytes()


def test_a_second_stage_of_another_brief_keeps_what_the_first_laid_down() -> None:
    half = _last(_brief(steps=8, positive="the sea at night"), last_step=6)
    refined = _brief(steps=8, positive="a desert, noon", seed=9)
    assert _apart(_last(refined, half, first_step=6), half) < _apart(_last(refined), half)


def test_the_base_shows_in_proportion(sea: FloatImage) -> None:
    brief = _brief(steps=6)
    distances = [_apart(_last(replace(brief, denoise=d), sea), sea) for d in (0.0, 0.15, 0.3, 0.6, 0.85)]
    assert distances[0] == 0.0
    assert distances == sorted(distances)
    assert distances[2] < 0.3 * distances[4]
    assert _last(replace(brief, denoise=1.0), sea).tobytes() == _last(brief).tobytes()


def test_bases_differ_and_are_fitted(sea: FloatImage, plain: FloatImage) -> None:
    brief = _brief(steps=3, denoise=0.4)
    assert _apart(_last(brief, sea), _last(brief, plain)) > 0.01
    fitted = _last(replace(brief, width=64, height=120), sea)
    assert fitted.shape == (120, 64, 3)
    assert _last(replace(brief, denoise=0.0, width=48), sea).shape == (72, 48, 3)


def test_a_base_is_left_as_it_was(sea: FloatImage) -> None:
    before = sea.tobytes()
    for picture in paint(_brief(denoise=0.5, steps=2), sea):
        picture[:] = 0.0
    for picture in paint(_brief(denoise=0.0, steps=2, width=sea.shape[1], height=sea.shape[0]), sea):
        picture[:] = 0.0
    assert sea.tobytes() == before


@pytest.mark.parametrize(("width", "height"), [(16, 16), (1, 1), (17, 400), (400, 17), (64, 64), (200, 120)])
@pytest.mark.parametrize(
    "text", ["a ship at sea", "a deer in a forest", "a cat in a room", "city", "", "astronaut"]
)
def test_any_size_is_painted(width: int, height: int, text: str) -> None:
    pictures = list(paint(_brief(positive=text, width=width, height=height, steps=2)))
    assert [picture.shape for picture in pictures] == [(height, width, 3)] * 2
    assert all(np.isfinite(picture).all() for picture in pictures)


def test_large_pictures_are_painted_small_and_finished_at_full_size() -> None:
    pictures = list(paint(_brief(width=1800, height=1200, steps=2)))
    assert [picture.shape for picture in pictures] == [(1200, 1800, 3)] * 2
    assert pictures[-1].min() >= 0.0
    assert pictures[-1].max() <= 1.0


def test_the_lexicon_is_large_and_every_subject_can_be_drawn() -> None:
    keys = {family: {e.key for e in LEXICON.values() if e.family is family} for family in Family}
    assert len(LEXICON) > 600
    assert keys[Family.SUBJECT] - {"moon", "sun"} == set(FIGURES)
    assert keys[Family.SUBJECT] == set(HOMES)
    assert keys[Family.MEDIUM] == set(MEDIA)


@pytest.mark.parametrize("family", [Family.TIME, Family.WEATHER, Family.SEASON, Family.PLACE, Family.SUBJECT])
def test_words_of_a_scene_have_an_effect(family: Family) -> None:
    """Not merely through the text's hash: the word changes the idea, and with it the picture."""
    small = _brief(width=40, height=40, steps=2, positive="")
    empty = _last(small)
    for key in sorted({e.key for e in LEXICON.values() if e.family is family} - {"abstract"}):
        brief = replace(small, positive=key)
        assert understand(brief) != understand(small), key
        assert _apart(_last(brief), empty) > 0.02, key


@pytest.mark.parametrize("medium", sorted(MEDIA))
def test_every_medium_looks_its_own_way(medium: str) -> None:
    brief = _brief(positive="a lighthouse on the coast, sunset", width=80, height=80)
    asked = replace(brief, positive=f"{brief.positive}, {medium}")
    assert manner_of(asked, understand(asked)).medium == medium
    assert medium_of_name(f"my-{medium}_v2.safetensors") == medium
    other = replace(brief, positive=f"{brief.positive}, {'ink' if medium != 'ink' else 'oil'}")
    assert _apart(_last(asked), _last(other)) > 0.01


def test_a_negative_word_takes_the_subject_away() -> None:
    motifs = [m.name for m in understand(_brief(positive="a boat and a lighthouse", negative="boats")).motifs]
    assert motifs == ["lighthouse"]
    assert understand(_brief(positive="forest", negative="forest, night")).place != "forest"


def test_a_refused_colour_is_pushed_away() -> None:
    def redness(negative: str) -> float:
        picture = _last(_brief(positive="sunset over the desert", negative=negative, model="photo"))
        return float((picture[..., 0] - picture[..., 1:].mean(axis=2)).clip(0).mean())

    assert redness("red, orange") < 0.8 * redness("")


def test_adjectives_find_their_nouns() -> None:
    idea = understand(_brief(positive="three tiny blue horses by a teal sea, golden"))
    (horse,) = idea.motifs
    assert (horse.name, horse.count, horse.colour) == ("horse", 3, "blue")
    assert horse.scale < 1.0
    assert idea.element_colours == {"sea": "teal"}
    assert idea.tints == (("gold", 1.0),)
    assert idea.place == "coast"


@pytest.mark.parametrize(
    ("text", "key"),
    [("foxes", "fox"), ("wolves", "wolf"), ("foggy", "fog"), ("butterflies", "butterfly"),
     ("snowing", "snow"),
     ("hot air balloon", "balloon"), ("night's", "night"), ("GOLDEN HOUR", "goldenhour"),
     ("ＦＯＸ", "fox")],
)  # fmt: skip
def test_inflections_and_phrases_are_known(text: str, key: str) -> None:
    assert [item.entry.key for item in read(text).known] == [key]


def test_plurals_and_materials() -> None:
    assert understand(_brief(positive="balloons")).motifs[0].count == 3
    assert [m.name for m in understand(_brief(positive="a stone bridge")).motifs] == ["bridge"]
    assert [m.name for m in understand(_brief(positive="a stone, a bridge")).motifs] == ["rock", "bridge"]


def test_prompt_weights_are_read() -> None:
    weights = {
        word.text: word.weight for word in read_words("a (fox:1.3), ((tree)), [sea], (((, :2) <lora:x:1> end")
    }
    assert weights["fox"] == pytest.approx(1.3)
    assert weights["tree"] == pytest.approx(1.21)
    assert weights["sea"] == pytest.approx(0.9)
    assert "lora" not in weights


def test_unlisted_words_change_an_abstract_picture() -> None:
    one, two = (_last(_brief(positive=text)) for text in ("flimbart", "zorgblat"))
    assert _apart(one, two) > 0.02


def test_long_and_strange_texts_stay_fast_and_safe() -> None:
    for text in (
        "word " * 2_000,
        "(" * 10_000,
        "𓂀🦊" * 2_000,
        "ﷺ" * 10_000,
        "a\x00b\ud800",
        "שלום עולם",
        "1" * 10_000,
    ):
        assert _last(_brief(positive=text, negative=text, width=32, height=32, steps=1)).shape == (32, 32, 3)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    positive=st.text(max_size=300),
    negative=st.text(max_size=60),
    model=st.text(max_size=30),
    lora=st.tuples(st.text(max_size=20), st.floats(-3, 3)),
    seed=st.integers(0, 2**64 - 1),
    cfg=st.floats(0, 100),
    size=st.tuples(st.integers(8, 48), st.integers(8, 48)),
)
def test_any_brief_is_painted(
    positive: str,
    negative: str,
    model: str,
    lora: tuple[str, float],
    seed: int,
    cfg: float,
    size: tuple[int, int],
) -> None:
    brief = Brief(positive, negative, model, (lora,), *size, seed, 2, cfg, "euler", "normal", 1.0)
    for picture in paint(brief):
        assert picture.shape == (size[1], size[0], 3)
        assert picture.min() >= 0.0
        assert picture.max() <= 1.0


_KNOWN = st.lists(st.sampled_from(sorted(LEXICON)), min_size=1, max_size=6).map(", ".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=_KNOWN, seed=st.integers(0, 2**32), size=st.tuples(st.integers(8, 96), st.integers(8, 96)))
def test_any_mix_of_known_words_is_painted(text: str, seed: int, size: tuple[int, int]) -> None:
    picture = _last(_brief(positive=text, seed=seed, width=size[0], height=size[1], steps=3))
    assert picture.shape == (size[1], size[0], 3)
    assert np.isfinite(picture).all()


@pytest.mark.parametrize(
    ("factor", "shape"),
    [(2.0, (144, 192, 3)), (4.0, (288, 384, 3)), (0.5, (36, 48, 3)), (1.5, (108, 144, 3))],
)
def test_upscale_has_the_size_asked_for(
    plain: FloatImage, factor: float, shape: tuple[int, int, int]
) -> None:
    large = upscale(plain, factor)
    assert large.shape == shape
    assert large.dtype == np.float32
    assert plain.min() - 1e-6 <= large.min()
    assert large.max() <= plain.max() + 1e-6


def test_upscale_is_crisper_than_a_plain_resize(plain: FloatImage) -> None:
    large = upscale(plain, 4.0)
    image = Image.fromarray((plain * 255).astype(np.uint8)).resize((384, 288), Image.Resampling.BICUBIC)
    smooth = np.asarray(image, dtype=np.float32) / 255

    def steepest(picture: FloatImage) -> float:
        return float(np.quantile(np.abs(np.diff(picture, axis=1)), 0.995))

    assert steepest(large) > 1.15 * steepest(smooth)
    assert _apart(large.reshape(72, 4, 96, 4, 3).mean(axis=(1, 3)).astype(np.float32), plain) < 0.02


@pytest.mark.parametrize("size", [(16, 16), (40, 24), (64, 64), (512, 512), (1024, 768), (8192, 256)])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_the_stamp_shows_in_a_corner_only(size: tuple[int, int], level: float) -> None:
    width, height = size
    bare = np.full((height, width, 3), level, dtype=np.float32)
    stamped = stamp(bare)
    rows, columns = np.nonzero(np.abs(stamped - bare).max(axis=2) > 0.02)
    assert len(rows) >= 8
    assert stamped.max() - stamped.min() > 0.3
    label = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
    assert label < 0.03 * width * height or min(size) < 100
    assert rows.min() > 0.35 * height
    assert columns.min() > 0.35 * width or width < 100
    assert np.all(bare == level)
    assert float(np.abs(stamp(stamped) - stamped).mean()) < 0.001


def test_a_picture_too_small_for_a_stamp_comes_back_unchanged() -> None:
    bare = np.full((6, 6, 3), 0.5, dtype=np.float32)
    assert np.array_equal(stamp(bare), bare)
