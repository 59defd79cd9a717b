"""Commands as Discord takes them, held against the stand-in, which keeps Discord's limits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.discord.commands import (
    MANAGE_GUILD,
    MOST_LETTERS,
    Payload,
    Registration,
    is_name,
    letters,
    register,
)
from bot.domain.ids import TemplateName
from bot.domain.text import Text
from bot.presentation.specs import Choice, CommandSpec, OptionKind, OptionSpec, make_commands
from bot.templates.params import (
    BoolParameter,
    ChoiceParameter,
    FloatParameter,
    IntParameter,
    Kind,
    MediaParameter,
    Parameter,
    TextParameter,
)
from bot.templates.sizes import Limits
from tests.support.discord import check_commands
from tests.support.discord.failures import ApiError
from tests.support.discord.forms import Form
from tests.support.templates import SHIPPED, TIER, catalogue, shipped

ALL = [shipped(name, catalogue()) for name in SHIPPED]
SPECS = make_commands(ALL, TIER, tiers=("default", "patron")).specs
GERMAN = {"imagine": "Malen", "seed": "keim", "Paint a picture from your words": "Ein Bild aus Worten malen"}


def german(text: str) -> str:
    return GERMAN.get(text, text)


def taken(registration: Registration) -> Registration:
    """Fails with Discord's own complaint if it would not take them."""
    form = Form()
    for index, payload in enumerate(registration.payloads):
        check_commands.check_command(form, (index,), payload)
    try:
        form.raise_if_any()
    except ApiError as error:
        pytest.fail(str(error.extra))
    for payload in registration.payloads:
        assert letters(payload) == check_commands.letters(payload)
    kinds = [payload["type"] for payload in registration.payloads]
    assert all(kinds.count(kind) <= most for kind, most in check_commands.LIMITS.items())
    return registration


def payload_of(name: str, registration: Registration | None = None) -> Payload:
    found = registration or register(SPECS)
    return next(payload for payload in found.payloads if payload["name"] == name)


def option_of(payload: Mapping[str, Any], name: str) -> Payload:
    options: Sequence[Payload] = payload["options"]
    return next(option for option in options if option["name"] == name)


def command(*options: OptionSpec, name: str = "paint", description: str = "Paints") -> CommandSpec:
    return CommandSpec(name, Text("{it}", it=description), options)


def text_option(name: str, description: str = "A text", **more: Any) -> OptionSpec:
    return OptionSpec(name, OptionKind.TEXT, Text("{it}", it=description), **more)


def test_everything_is_taken() -> None:
    registration = taken(register(SPECS))
    assert registration.notes == ()
    assert [payload["name"] for payload in registration.payloads if payload["type"] == 3] == [
        *("Imagine again", "Edit this picture", "Show settings")
    ]


def test_commands_are_for_every_place_and_both_kinds_of_installation() -> None:
    imagine = payload_of("imagine")
    assert imagine["contexts"] == [0, 1, 2]
    assert imagine["integration_types"] == [0, 1]
    assert imagine["nsfw"] is False
    assert imagine["default_member_permissions"] is None
    menu = payload_of("Imagine again")
    assert (menu["contexts"], menu["integration_types"]) == ([0, 1, 2], [0, 1])


def test_the_operators_command_is_hidden_from_others() -> None:
    admin = payload_of("admin")
    assert admin["default_member_permissions"] == MANAGE_GUILD
    assert 2 not in admin["contexts"]
    assert admin["integration_types"] == [0]
    quota = option_of(admin, "quota")
    assert quota["type"] == 2
    assert option_of(option_of(quota, "grant"), "user")["type"] == 6
    assert option_of(admin, "servers") == {
        "type": 1,
        "name": "servers",
        "description": "The ComfyUI servers and how they are",
    }


def test_options_have_their_types_and_bounds() -> None:
    imagine = payload_of("imagine")
    assert option_of(imagine, "prompt") == {
        "type": 3,
        "name": "prompt",
        "description": "What you want to see",
        "required": True,
        "max_length": 6000,
    }
    steps = option_of(imagine, "steps")
    assert (steps["type"], steps["min_value"], steps["max_value"]) == (4, 1, 60)
    assert option_of(imagine, "cfg")["type"] == 10
    assert option_of(imagine, "image")["type"] == 11
    assert option_of(imagine, "private")["type"] == 5
    assert option_of(imagine, "model")["autocomplete"] is True
    assert [choice["value"] for choice in option_of(imagine, "preset")["choices"]] == [
        "fast",
        "balanced",
        "quality",
    ]


def test_bounds_beyond_discords_numbers_are_left_to_the_template() -> None:
    base = shipped("text-to-image")
    huge = replace(
        base, parameters={**base.parameters, "steps": IntParameter("steps", minimum=-(2**63), maximum=2**63)}
    )
    registration = taken(register(make_commands([huge]).specs))
    assert not {"min_value", "max_value"} & option_of(payload_of("imagine", registration), "steps").keys()


def test_a_template_that_needs_more_than_anybody_may_does_not_spoil_the_command() -> None:
    base = shipped("text-to-image")
    many = replace(
        base, parameters={**base.parameters, "steps": IntParameter("steps", minimum=200, maximum=300)}
    )
    registration = taken(register(make_commands([many], Limits(max_steps=150)).specs))
    assert "min_value" not in option_of(payload_of("imagine", registration), "steps")


def test_long_texts_are_shortened_and_blank_ones_replaced() -> None:
    long = command(
        text_option("mode", "word " * 60), text_option("other", " \n "), description="line\nline " * 30
    )
    payload = payload_of("paint", taken(register([long])))
    assert payload["description"].endswith("…")
    assert "\n" not in payload["description"]
    assert option_of(payload, "other")["description"] == "other"


def test_names_that_discord_does_not_take_are_left_out() -> None:
    odd = command(text_option("Mode"), text_option("a b"), text_option("x" * 33), text_option("fine"))
    assert [option["name"] for option in payload_of("paint", taken(register([odd])))["options"]] == ["fine"]


@pytest.mark.parametrize(
    "name", ["imagine", "tür", "画像", "a-b_c", "l'image", "x" * 32, "模式2", "शैली", "สไตล์"]
)
def test_names_of_any_script(name: str) -> None:
    assert is_name(name)
    assert check_commands.is_name(name)


@given(st.text(max_size=40))
def test_what_is_taken_for_a_name_discord_takes_too(name: str) -> None:
    if is_name(name):
        assert 1 <= len(name) <= 32
        assert check_commands.is_name(name)


def test_languages_stand_beside_english() -> None:
    registration = taken(register(SPECS, locales={"de": german}))
    imagine = payload_of("imagine", registration)
    assert imagine["name_localizations"] == {"de": "malen"}
    assert imagine["description_localizations"] == {"de": "Ein Bild aus Worten malen"}
    assert option_of(imagine, "seed")["name_localizations"] == {"de": "keim"}
    assert "name_localizations" not in option_of(imagine, "steps")
    menus = register(SPECS, locales={"de": lambda text: text.replace("Imagine again", "Noch einmal malen")})
    assert payload_of("Imagine again", menus)["name_localizations"] == {"de": "Noch einmal malen"}


def test_translations_that_would_break_a_command_are_left_out() -> None:
    def clumsy(text: str) -> str:
        return {"steps": "cfg", "seed": "zwei wörter", "model": "gleich", "style": "gleich"}.get(text, text)

    imagine = payload_of("imagine", taken(register(SPECS, locales={"de": clumsy})))
    assert "name_localizations" not in option_of(imagine, "steps")
    assert "name_localizations" not in option_of(imagine, "seed")
    found = [option_of(imagine, name).get("name_localizations") for name in ("style", "model")]
    assert found == [{"de": "gleich"}, None]


def test_choices_are_translated() -> None:
    choice = Choice(Text("by user"), "user")
    payload = payload_of(
        "paint",
        register(
            [command(text_option("by", choices=(choice,)))],
            locales={"de": lambda text: text.replace("by", "nach")},
        ),
    )
    assert option_of(payload, "by")["choices"] == [
        {"name": "by user", "value": "user", "name_localizations": {"de": "nach user"}}
    ]


def test_a_command_that_is_too_long_loses_translations_first() -> None:
    options = [text_option(f"option-{n:02}", "d" * 100) for n in range(24)]
    long = command(*options, text_option("options", "o" * 100))
    registration = taken(register([long], locales={"de": lambda text: f"{text} {'ß' * 400}"}))
    assert len(payload_of("paint", registration)["options"]) == 25
    assert registration.notes == ()


def test_a_command_that_is_too_long_loses_its_last_options_and_the_operator_is_told() -> None:
    choices = tuple(Choice(Text("{n}", n=f"{n:02}" + "c" * 98), f"{n:02}" + "v" * 98) for n in range(25))
    options = [text_option(f"option-{n}", choices=choices) for n in range(3)]
    long = command(text_option("prompt", required=True), *options, text_option("options"))
    registration = taken(register([long]))
    payload = payload_of("paint", registration)
    assert letters(payload) <= MOST_LETTERS
    assert [option["name"] for option in payload["options"]] == ["prompt", "option-0", "options"]
    (note,) = registration.notes
    assert "/paint" in str(note)
    assert "option-2, option-1" in str(note)


def test_choices_that_look_the_same_are_offered_once() -> None:
    choices = (Choice(Text("a b"), "1"), Choice(Text("a  b"), "2"), Choice(Text("c"), "3"))
    payload = register([command(text_option("by", choices=choices))]).payloads[0]
    assert [choice["value"] for choice in option_of(payload, "by")["choices"]] == ["1", "3"]


TEXTS = st.text(max_size=150) | st.text("ab \n{}", max_size=12)
BOUNDS = st.none() | st.integers(-(2**65), 2**65)
PARTS = st.none() | st.floats()
NAMES = st.sampled_from(
    ["steps", "cfg", "mode", "sampler", "input_mask", "template", "options", "x" * 32, "count"]
)
PARAMETERS: st.SearchStrategy[Parameter] = NAMES.flatmap(
    lambda name: st.one_of(
        st.builds(TextParameter, st.just(name), st.none(), TEXTS, st.booleans(), st.integers(1, 10**7)),
        st.builds(IntParameter, st.just(name), st.none(), TEXTS, BOUNDS, BOUNDS),
        st.builds(FloatParameter, st.just(name), st.none(), TEXTS, PARTS, PARTS),
        st.builds(BoolParameter, st.just(name), st.none(), TEXTS),
        st.builds(
            MediaParameter, st.just(name), st.sampled_from([Kind.IMAGE, Kind.AUDIO]), TEXTS, st.booleans()
        ),
        st.builds(
            ChoiceParameter,
            st.just(name),
            st.none(),
            TEXTS,
            st.none() | st.lists(st.one_of(TEXTS, st.integers(), st.booleans()), max_size=30).map(tuple),
        ),
    )
)


@given(
    st.lists(
        st.tuples(st.lists(PARAMETERS, max_size=8), TEXTS, st.sampled_from(["imagine", "own", "queue"])),
        max_size=4,
    ),
    st.sampled_from([Limits(), TIER]),
)
@settings(max_examples=30, deadline=None)
def test_whatever_templates_there_are_discord_takes_their_commands(
    made: list[tuple[list[Parameter], str, str]], limits: Limits
) -> None:
    base = shipped("text-to-image")
    templates = [
        replace(
            base,
            name=TemplateName(f"t{number}"),
            title=words,
            description=words,
            command=own,
            parameters={**base.parameters, **{each.name: each for each in parameters}},
        )
        for number, (parameters, words, own) in enumerate(made)
    ]
    registration = taken(register(make_commands(templates, limits, tiers=("default",)).specs))
    json.dumps(registration.payloads, allow_nan=False, ensure_ascii=False).encode()


def test_more_commands_than_discord_takes_are_named() -> None:
    many = [command(name=f"paint-{n}") for n in range(103)]
    registration = taken(register(many))
    assert sum(payload["type"] == 1 for payload in registration.payloads) == 100
    (note,) = registration.notes
    assert "/paint-102" in str(note)


def test_a_hundred_templates_with_fifty_parameters_each_are_taken() -> None:
    base = shipped("text-to-image", catalogue())
    knobs = {f"knob_{n}": IntParameter(f"knob_{n}", description="x" * 300) for n in range(25)}
    modes = {f"mode_{n}": ChoiceParameter(f"mode_{n}", choices=tuple("abcde")) for n in range(25)}
    templates = [
        replace(
            base,
            name=TemplateName(f"t{n}"),
            command=f"c{n % 60}",
            parameters={**base.parameters, **knobs, **modes},
        )
        for n in range(100)
    ]
    taken(register(make_commands([*ALL, *templates], TIER, tiers=("default",)).specs))
