"""Options that were filled in, read by the same readers as flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import FlagError
from bot.presentation.flags import Ask, LoraUse, parse_line
from bot.presentation.specs import (
    CommandSpec,
    Context,
    OptionKind,
    OptionSpec,
    ask_from,
    build_index,
    make_commands,
    suggest,
)
from bot.service.images import InputImage
from bot.service.imagine import named_files, plan
from tests.support.templates import SHIPPED, TIER, catalogue, shipped


@dataclass(frozen=True)
class File:
    key: str


def refusal(**options: Any) -> str:
    with pytest.raises(FlagError) as caught:
        ask_from(options)
    return str(caught.value.text)


def test_options_and_flags_say_the_same() -> None:
    typed = ask_from(
        {
            "prompt": "a fox",
            "negative": "rain, snow",
            "template": "flux",
            "aspect": "3:2",
            "seed": "18446744073709551615",
            "steps": 20,
            "cfg": 7.5,
            "count": 2,
            "preset": "fast",
            "style": "ink",
            "model": "dev.safetensors",
            "lora": "ink lines:0.8",
            "sampler": "euler",
            "denoise": 0.25,
            "private": True,
        }
    )
    line = (
        "a fox --no rain, snow --template flux --ar 3:2 --seed 18446744073709551615 --steps 20 --cfg 7.5 "
        '--count 2 --preset fast --style ink --model dev.safetensors --lora "ink lines:0.8" --sampler euler '
        "--denoise 0.25 --private"
    )
    assert typed == parse_line(line)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, Ask()),
        ({"prompt": "a fox", "steps": None, "private": False}, Ask("a fox")),
        ({"prompt": "a fox", "size": "1024 x 768"}, Ask("a fox", size=(1024, 768))),
        ({"prompt": "a fox", "seed": "random"}, Ask("a fox")),
        ({"prompt": "a fox", "negative": ""}, Ask("a fox", negative_text="")),
        ({"prompt": "a fox", "cfg": 7.0}, Ask("a fox", values={"cfg": "7"})),
        ({"prompt": "a fox", "denoise": 0.00001}, Ask("a fox", values={"denoise": "0.00001"})),
        (
            {"prompt": "a fox", "tiled": True, "mode": "so so"},
            Ask("a fox", values={"tiled": "true", "mode": "so so"}),
        ),
        ({"prompt": "a fox", "length": 81}, Ask("a fox", values={"length": "81"})),
    ],
)
def test_values_become_what_flags_make_of_them(options: dict[str, Any], wanted: Ask) -> None:
    assert ask_from(options) == wanted


def test_flags_in_the_prompt_and_in_the_free_text_count_too() -> None:
    ask = ask_from(
        {
            "prompt": "a fox --ar 3:2 in the snow",
            "steps": 12,
            "options": '--lora ink:0.4 --lora "grain film" --set mode=x --private --no "rain, hail"',
        }
    )
    assert ask == Ask(
        "a fox in the snow",
        "rain, hail",
        aspect=(3.0, 2.0),
        loras=(LoraUse("ink", 0.4), LoraUse("grain film", 1.0)),
        values={"steps": "12", "mode": "x"},
        private=True,
    )


def test_files_are_named_by_their_keys() -> None:
    ask = ask_from(
        {"prompt": "a fox", "image": File("discord:1"), "mask": File("discord:2"), "image_2": File("3")}
    )
    assert ask.image == "discord:1"
    assert ask.values == {"input_mask": "discord:2", "input_image_2": "3"}
    assert ask_from({"pose": File("4")}).values == {"pose": "4"}


def test_values_that_look_like_flags_are_values() -> None:
    ask = ask_from({"prompt": "a fox -- quick", "negative": "--steps 3", "model": "--ar=3:2"})
    assert ask == Ask("a fox -- quick", "--steps 3", values={"model": "--ar=3:2"})


def test_a_prompt_that_is_all_data_is_kept() -> None:
    text = "@everyone `x` ||spoiler|| <@123> \u202e right \u200b\nsecond line"
    assert ask_from({"prompt": text}).prompt_text == text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aspect": "wide"}, "aspect needs width and height as two numbers, like aspect 3:2"),
        ({"size": "1x1"}, "size 1x1: each side"),
        ({"aspect": "3:2", "size": "64x64"}, "aspect and size contradict each other"),
        ({"prompt": "x --size 64x64", "aspect": "3:2"}, "aspect and --size contradict each other"),
        ({"prompt": "x --steps 3", "steps": 4}, "steps is given twice"),
        ({"steps": 4, "options": "--set steps=5"}, "steps is given twice"),
        ({"negative": "a", "options": "--no b"}, "negative is given twice"),
        ({"options": "hello --steps 3"}, "“hello” belongs into the prompt"),
        ({"options": "--stepz 3"}, "Did you mean --steps"),
        ({"options": "--image x.png"}, "Attach the file"),
        ({"options": "--set input_image=x.png"}, "Attach it"),
        ({"input_image": "x.png"}, "Attach it"),
        ({"seed": "1-4"}, "seed takes one seed here"),
        ({"seed": "abc"}, "seed needs a whole number"),
        ({"seed": "18446744073709551616"}, "seed 18446744073709551616 is too large"),
        ({"lora": ":0.8"}, "lora needs the name"),
        ({"cfg": float("inf")}, "cfg needs a number"),
        ({"prompt": "a\0b"}, "U+0000"),
        ({"model": "a\0b"}, "U+0000"),
        ({"model": " "}, "model needs a value"),
        ({"prompt": "x" * 40_000}, "too long"),
    ],
)
def test_refusals_name_options_as_they_were_seen(options: dict[str, Any], words: str) -> None:
    assert words in refusal(**{"prompt": "a fox", **options})


OPTION = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.just(File("k")),
    st.text("-=: \"'a1", max_size=20),
)
NAMES = """
    prompt negative template aspect size seed steps cfg count preset style model lora sampler image denoise
    private mask options mode
"""


@given(st.dictionaries(st.sampled_from(NAMES.split()), OPTION))
def test_whatever_comes_is_read_or_refused(options: dict[str, Any]) -> None:
    try:
        ask = ask_from(options)
    except FlagError as error:
        assert str(error.text)  # noqa: PT017
    else:
        assert isinstance(ask, Ask)


@given(st.text(max_size=200))
def test_a_negative_text_arrives_as_typed(text: str) -> None:
    try:
        ask = ask_from({"prompt": "a fox", "negative": text})
    except FlagError as error:
        assert "cannot be read" in str(error.text)  # noqa: PT017
    else:
        assert ask.negative_text == text.strip()


def filled(spec: CommandSpec, context: Context) -> dict[str, object]:
    """Every option with a value that it offers."""
    options: dict[str, object] = {}
    for option in spec.options:
        match option:
            case OptionSpec(name="prompt"):
                options[option.name] = "a fox"
            # One shape is enough, and the template is said by the test.
            case OptionSpec(name="aspect" | "options" | "template"):
                pass
            case OptionSpec(kind=OptionKind.IMAGE):
                options[option.name] = File(f"key of {option.name}")
            case OptionSpec(kind=OptionKind.BOOL):
                options[option.name] = True
            case OptionSpec(kind=OptionKind.INT | OptionKind.FLOAT):
                options[option.name] = option.maximum if option.maximum is not None else option.minimum
            case OptionSpec(choices=()):
                found = suggest(option.autocomplete, "", context)
                options[option.name] = found[0].value if found else "7"
            case _:
                options[option.name] = option.choices[-1].value
    return options


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_command_offers_its_template_takes(name: str) -> None:
    template = shipped(name, catalogue())
    commands = make_commands([template], TIER)
    spec = commands.get(template.command)
    assert spec is not None
    context = Context(build_index([template], commands.specs), spec.name)
    ask = ask_from(filled(spec, context))
    picture = InputImage(b"not looked at here", ".png", 64, 64)
    images = dict.fromkeys(named_files(ask), picture)
    (request,) = plan(ask, template, limits=TIER, draw=lambda low, _: low, images=images)
    assert request.count == ask.count
    for option, parameter in (
        ("steps", "steps"),
        ("cfg", "cfg"),
        ("guidance", "guidance"),
        ("denoise", "denoise"),
    ):
        if (offered := spec.option(option)) is not None:
            assert request.values.values[parameter] == offered.maximum
