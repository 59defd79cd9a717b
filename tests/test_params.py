"""Typed parameters: what is read, what is refused, and with which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ParameterError
from bot.templates.params import (
    MAX_SEED,
    MAX_TEXT,
    BoolParameter,
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    MediaParameter,
    Parameter,
    SeedParameter,
    TextParameter,
)
from bot.templates.reading import shown

STEPS = IntParameter("steps", 20, minimum=1, maximum=50)
CFG = FloatParameter("cfg", 7.0, minimum=0.0, maximum=30.0)
SEED = SeedParameter("seed")
PROMPT = TextParameter("prompt_text", required=True)
MODELS = ChoiceParameter(
    "model",
    choices=(
        "sd_xl_base_1.0.safetensors",
        "SDXL\\juggernautXL_v9.safetensors",
        "flux/flux1-dev.safetensors",
        "flux/dev.gguf",
        "wan/dev.gguf",
    ),
)


def refusal(parameter: Parameter, raw: object) -> str:
    with pytest.raises(ParameterError) as caught:
        parameter.parse(raw)  # type: ignore[arg-type]
    assert caught.value.parameter == parameter.name
    return str(caught.value.text)


def outcome(parameter: Parameter, raw: str | int | float | bool) -> object:
    """What is read; None for a refusal. Any other error is a bug and gets out."""
    try:
        return parameter.parse(raw)
    except ParameterError as error:
        sentence = str(error.text)
    assert parameter.name.replace("_", " ") in sentence
    return None


@pytest.mark.parametrize(
    ("raw", "value"), [(20, 20), ("20", 20), (" 20 ", 20), ("+7", 7), (12.0, 12), ("١٢", 12)]
)
def test_whole_numbers_are_read(raw: str | int | float, value: int) -> None:
    assert STEPS.parse(raw) == value
    assert type(STEPS.parse(raw)) is int


@pytest.mark.parametrize(
    "raw", ["", "abc", "12.5", 12.5, "1_0", "0x10", True, "1e3", "9" * 5000, float("nan"), float("inf")]
)
def test_what_is_no_whole_number_is_refused_by_name(raw: object) -> None:
    assert refusal(STEPS, raw).startswith("steps must be a whole number, not ")


def test_a_number_out_of_range_is_refused_with_the_range() -> None:
    assert refusal(STEPS, 51) == "steps 51 is out of range: 1 to 50."
    assert refusal(IntParameter("length", minimum=1), 0) == "length 0 is out of range: 1 or more."
    assert refusal(FloatParameter("fps", maximum=60.0), "61") == "fps 61.0 is out of range: 60.0 or less."


@pytest.mark.parametrize(
    "raw", ["nan", "inf", "-inf", "1e999", "", "seven", True, "1_0", "NaN", float("nan")]
)
def test_what_is_no_finite_number_is_refused(raw: object) -> None:
    assert refusal(CFG, raw).startswith("cfg must be a number, not ")


def test_numbers_may_be_whole() -> None:
    assert CFG.parse("7") == 7.0
    assert type(CFG.parse(7)) is float


def test_seeds_are_exact_to_the_last_bit() -> None:
    assert SEED.parse(str(MAX_SEED)) == MAX_SEED == 18446744073709551615
    assert SEED.parse("9007199254740993") == 9007199254740993
    assert "0 to 18446744073709551615" in refusal(SEED, MAX_SEED + 1)
    assert "out of range" in refusal(SEED, -2)


@pytest.mark.parametrize("raw", [-1, "-1", "random", " Random "])
def test_a_seed_may_be_left_to_chance(raw: str | int) -> None:
    assert SEED.parse(raw) is None


def test_a_seed_that_is_no_number_names_the_value() -> None:
    assert refusal(SEED, "abc") == "seed must be a whole number, not “abc”."


@pytest.mark.parametrize(
    "text",
    [
        "👩‍🚀 on the moon",
        "قطة تحت المطر",
        "שלום \u202eabc",
        "{prompt} {0} %s {{}}",
        '["4", 0]',
        "a\nb\tc",
        "../../etc",
        "  spaced  ",
    ],
)
def test_text_is_kept_as_typed(text: str) -> None:
    assert PROMPT.parse(text) == text


def test_text_with_a_control_character_says_which_and_where() -> None:
    assert "U+0000" in refusal(PROMPT, "a\x00b")
    assert "position 2" in refusal(PROMPT, "a\x00b")
    assert "U+001B" in refusal(PROMPT, "\x1b[31m")
    assert "U+DC80" in refusal(PROMPT, "half \udc80")


def test_text_that_is_too_long_says_how_long_it_may_be() -> None:
    assert PROMPT.parse("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert refusal(PROMPT, "x" * 10_000) == (
        "prompt text has 10000 characters; at most 6000 are allowed. Shorten it."
    )


@pytest.mark.parametrize("raw", ["", "   ", "\n\t", "\u3000"])
def test_an_empty_prompt_is_refused_and_an_empty_negative_is_not(raw: str) -> None:
    assert refusal(PROMPT, raw) == "prompt text is empty. Say what you want to see."
    assert TextParameter("negative_text").parse(raw) == raw


@pytest.mark.parametrize(
    ("raw", "choice"),
    [
        ("sd_xl_base_1.0.safetensors", "sd_xl_base_1.0.safetensors"),
        ("SD_XL_Base_1.0", "sd_xl_base_1.0.safetensors"),
        ("sdxl/juggernautxl_v9.safetensors", "SDXL\\juggernautXL_v9.safetensors"),
        ("juggernautXL_v9.safetensors", "SDXL\\juggernautXL_v9.safetensors"),
        ("flux1-dev", "flux/flux1-dev.safetensors"),
        ("Flux\\flux1-dev", "flux/flux1-dev.safetensors"),
    ],
)
def test_a_model_is_found_however_its_path_is_written(raw: str, choice: str) -> None:
    assert MODELS.parse(raw) == choice


def test_a_name_that_fits_several_files_is_refused_with_all_of_them() -> None:
    assert refusal(MODELS, "dev.gguf") == (
        "model “dev.gguf” could be any of these: flux/dev.gguf, wan/dev.gguf. Write it in full."
    )


def test_a_choice_that_is_not_there_gets_the_nearest() -> None:
    assert "Did you mean sd_xl_base_1.0.safetensors?" in refusal(MODELS, "sd_xl_bas_1.0")
    sampler = ChoiceParameter("sampler", choices=("euler", "heun", "ddim"))
    assert (
        refusal(sampler, "zzzzqq") == "sampler “zzzzqq” is not available here. Available: euler, heun, ddim."
    )
    assert refusal(ChoiceParameter("lora", choices=()), "x") == (
        "lora “x” is not available here: the server has none."
    )


def test_a_long_list_is_cut_in_messages() -> None:
    many = ChoiceParameter("sampler", choices=tuple(f"s{n}" for n in range(40)))
    assert refusal(many, "zzz").endswith("s7 … (40).")


def test_choices_keep_their_type() -> None:
    assert ChoiceParameter("factor", choices=(1, 2, 4)).parse("2") == 2


@pytest.mark.parametrize(
    "raw", ["../secret", "/etc/passwd", "C:\\x", "a/../../b", "a\x00", "x" * 300, "", " a"]
)
def test_a_name_that_nothing_can_check_yet_must_look_like_one(raw: str) -> None:
    assert "cannot be a name" in refusal(ChoiceParameter("model"), raw)


def test_a_name_that_nothing_can_check_yet_is_taken() -> None:
    assert ChoiceParameter("model").parse("sub/some model.safetensors") == "sub/some model.safetensors"


def test_switches() -> None:
    switch = BoolParameter("tiled")
    assert [switch.parse(raw) for raw in (True, "yes", "ON", 1, "false", 0, "off")] == [True] * 4 + [
        False
    ] * 3
    assert refusal(switch, "maybe") == "tiled is on or off, not “maybe”."


def test_media_need_a_reference() -> None:
    assert MediaParameter("input_image").parse("sha") == "sha"
    assert "needs a file" in refusal(MediaParameter("input_image"), "")


def test_lengths_snap_to_their_phase_and_stay_in_range() -> None:
    length = IntParameter("length", minimum=1, maximum=121, step=4, phase=1)
    assert [length.parse(n) for n in (1, 2, 3, 4, 80, 121)] == [1, 1, 5, 5, 81, 121]


def test_a_message_repeats_a_value_shortly_and_harmlessly() -> None:
    assert shown("x" * 200) == "“" + "x" * 60 + "…”"
    assert "\x1b" not in shown("\x1b[2J\nboo")
    assert "\n" not in shown("a\nb")


@given(st.text())
def test_any_text_is_kept_or_refused(text: str) -> None:
    assert outcome(TextParameter("negative_text"), text) in (text, None)


@given(st.integers(0, MAX_SEED))
def test_every_seed_survives_being_typed(seed: int) -> None:
    assert SEED.parse(str(seed)) == SEED.parse(seed) == seed


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans()))
def test_no_value_escapes_with_another_error(raw: str | int | float | bool) -> None:
    for parameter in (STEPS, CFG, SEED, PROMPT, MODELS, ChoiceParameter("model"), BoolParameter("b")):
        outcome(parameter, raw)


@given(st.integers(0, 20_000), st.sampled_from([1, 4, 8, 16, 64]))
def test_snapping_gives_the_nearest_multiple(value: int, step: int) -> None:
    side = IntParameter("width", step=step)
    snapped = side.snap(value)
    assert snapped % step == 0
    assert abs(snapped - value) * 2 <= step
