"""What commands there are and what they take, from the templates that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.ids import TemplateName
from bot.presentation.spec_painting import file_parameter, option_name
from bot.presentation.specs import (
    IMAGINE,
    Audience,
    Commands,
    CommandSpec,
    OptionKind,
    OptionSpec,
    Source,
    make_commands,
)
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
from bot.templates.template import Template
from bot.templates.values import Style
from tests.support.templates import SHIPPED, TIER, catalogue, shipped

CATALOGUE = catalogue()
ALL = [shipped(name, CATALOGUE) for name in SHIPPED]
TEXT_TO_IMAGE = shipped("text-to-image", CATALOGUE)


def variant(
    name: str, *parameters: Parameter, template: Template = TEXT_TO_IMAGE, **changes: Any
) -> Template:
    """A template with these parameters instead of its own of the same names, or beside them."""
    merged = {**template.parameters, **{parameter.name: parameter for parameter in parameters}}
    return replace(template, name=TemplateName(name), parameters=merged, **changes)


def imagine(*templates: Template, limits: Limits = TIER) -> CommandSpec:
    spec = make_commands(templates, limits).get(IMAGINE)
    assert spec is not None
    return spec


def option(spec: CommandSpec, name: str) -> OptionSpec:
    found = spec.option(name)
    assert found is not None, [each.name for each in spec.options]
    return found


def names(options: Sequence[OptionSpec]) -> list[str]:
    return [each.name for each in options]


def test_every_command_of_the_interface_is_there() -> None:
    commands = make_commands(ALL, TIER, tiers=("default", "patron"))
    assert [spec.name for spec in commands.specs] == [
        *("imagine", "upscale", "queue", "cancel", "quota", "templates", "show", "settings"),
        *("privacy", "help", "link", "unlink", "admin"),
    ]
    assert commands.notes == ()
    admin = commands.get("admin")
    assert admin is not None
    assert admin.audience is Audience.MODERATORS
    words = [
        f"{first.name} {second.name}" if first.subcommands else first.name
        for first in admin.subcommands
        for second in first.subcommands or (first,)
    ]
    assert words == [
        *("quota show", "quota grant", "quota set", "quota reset", "tier", "block", "unblock"),
        *("queue", "pause", "resume", "drain", "cancel", "usage"),
        *("templates reload", "templates enable", "templates disable", "servers", "audit"),
    ]


def test_without_another_platform_there_is_nothing_to_link() -> None:
    commands = make_commands(ALL, linking=False)
    assert commands.get("link") is None
    assert commands.get("unlink") is None


def test_subcommands_are_found_by_their_words() -> None:
    commands = make_commands(ALL, tiers=("default", "patron"))
    grant = commands.get("admin", "quota", "grant")
    assert grant is not None
    assert option(grant, "user").kind is OptionKind.USER
    assert option(grant, "seconds").required
    tier = commands.get("admin", "tier")
    assert tier is not None
    assert [choice.value for choice in option(tier, "tier").choices] == ["default", "patron", "automatic"]
    assert commands.get("admin", "nothing") is None
    assert commands.get("queue", "nothing") is None


def test_imagine_offers_what_its_templates_have_the_prompt_first() -> None:
    assert names(imagine(*ALL).options) == [
        *("prompt", "template", "negative", "aspect", "size", "seed", "steps", "cfg", "count", "preset"),
        *("style", "model", "lora", "sampler", "image", "denoise", "private", "guidance", "scheduler"),
        "options",
    ]


def test_what_no_template_has_is_not_offered() -> None:
    offered = names(imagine(TEXT_TO_IMAGE).options)
    assert not {"template", "lora", "image", "denoise", "guidance"} & set(offered)


def test_a_template_has_a_command_of_its_own() -> None:
    upscale = make_commands(ALL).get("upscale")
    assert upscale is not None
    assert upscale.templates == ("upscale",)
    assert names(upscale.options) == ["image", "private", "options"]
    assert option(upscale, "image").required
    assert option(upscale, "image").kind is OptionKind.IMAGE
    assert str(upscale.description) == shipped("upscale").description


def test_the_default_of_a_command_comes_first() -> None:
    plain, chosen = variant("a"), variant("z", is_default=True)
    assert imagine(replace(plain, is_default=False), chosen).templates == ("z", "a")


def test_the_prompt_is_required_unless_a_template_does_without() -> None:
    assert option(imagine(*ALL), "prompt").required
    wordless = replace(shipped("upscale"), command="imagine")
    assert not option(imagine(*ALL, wordless), "prompt").required
    optional = variant("a", TextParameter("prompt_text", default="a cat", required=False))
    assert not option(imagine(TEXT_TO_IMAGE, optional), "prompt").required
    assert option(imagine(), "prompt").required


def test_required_options_come_first() -> None:
    options = imagine(replace(shipped("image-to-image"), name=TemplateName("only"))).options
    assert names(options)[:2] == ["prompt", "image"]
    needed = [each.required for each in options]
    assert needed == sorted(needed, reverse=True)


def test_bounds_are_those_of_the_template_that_allows_most() -> None:
    low = variant(
        "a", IntParameter("steps", minimum=4, maximum=30), FloatParameter("cfg", minimum=1.0, maximum=5)
    )
    high = variant("b", IntParameter("steps", minimum=1, maximum=20), FloatParameter("cfg", minimum=2.0))
    steps = option(imagine(low, high), "steps")
    assert (steps.kind, steps.minimum, steps.maximum) == (OptionKind.INT, 1, 30)
    cfg = option(imagine(low, high), "cfg")
    assert (cfg.kind, cfg.minimum, cfg.maximum) == (OptionKind.FLOAT, 1.0, None)


def test_the_tier_bounds_steps_and_count() -> None:
    endless = variant("a", IntParameter("steps", minimum=1))
    assert option(imagine(endless, limits=Limits(max_steps=150)), "steps").maximum == 150
    assert option(imagine(endless, limits=Limits(max_count=4)), "count").maximum == 4
    assert imagine(endless, limits=Limits(max_count=1)).option("count") is None


def test_the_template_that_allows_most_pictures_bounds_the_count() -> None:
    few, more = variant("a", limits=Limits(max_count=2)), variant("b", limits=Limits(max_count=3))
    assert option(imagine(few, more, limits=Limits(max_count=9)), "count").maximum == 3


def test_a_seed_is_a_text_since_it_may_be_larger_than_platforms_count() -> None:
    seed = option(imagine(TEXT_TO_IMAGE), "seed")
    assert seed.kind is OptionKind.TEXT
    assert seed.max_length == len(str(2**64 - 1))


def test_whole_numbers_here_and_fractions_there_are_numbers() -> None:
    whole, part = (
        variant("a", IntParameter("zoom", minimum=1)),
        variant("b", FloatParameter("zoom", maximum=2.5)),
    )
    zoom = option(imagine(whole, part), "zoom")
    assert (zoom.kind, zoom.minimum, zoom.maximum) == (OptionKind.FLOAT, None, None)


def test_parameters_of_several_kinds_are_texts() -> None:
    number, text = variant("a", IntParameter("mode")), variant("b", TextParameter("mode", max_length=40))
    assert option(imagine(number, text), "mode").kind is OptionKind.TEXT
    assert option(imagine(text), "mode").max_length == 40


def test_choices_that_all_templates_share_are_fixed() -> None:
    mode = ChoiceParameter("mode", choices=("soft", "hard"))
    fixed = option(imagine(variant("a", mode), variant("b", mode)), "mode")
    assert [choice.value for choice in fixed.choices] == ["soft", "hard"]
    assert not fixed.autocomplete
    other = ChoiceParameter("mode", choices=("soft",))
    suggested = option(imagine(variant("a", mode), variant("b", other)), "mode")
    assert (suggested.choices, suggested.autocomplete) == ((), "mode")


@pytest.mark.parametrize(
    "choices", [tuple(f"m{n}" for n in range(26)), ("x" * 101,), None, (), ("same", "same"), ("", "x")]
)
def test_choices_that_cannot_be_fixed_are_suggested(choices: tuple[str, ...] | None) -> None:
    mode = option(imagine(variant("a", ChoiceParameter("mode", choices=choices))), "mode")
    assert (mode.choices, mode.autocomplete) == ((), "mode")


def test_what_changes_with_a_servers_files_is_suggested_however_little_there_is() -> None:
    one = ChoiceParameter("sampler", choices=("euler",))
    sampler = option(imagine(variant("a", one)), "sampler")
    assert (sampler.choices, sampler.autocomplete) == ((), "sampler")
    assert option(imagine(*ALL), "lora").autocomplete == Source.LORA


def test_presets_and_styles_are_choices_only_if_every_template_has_the_same() -> None:
    assert [choice.value for choice in option(imagine(TEXT_TO_IMAGE), "preset").choices] == [
        *("fast", "balanced", "quality")
    ]
    other = variant("b", styles={"neon": Style("{prompt}, neon")})
    assert option(imagine(TEXT_TO_IMAGE, other), "style").autocomplete == Source.STYLE


def test_switches_masks_and_files_that_nobody_can_give() -> None:
    template = variant(
        "a",
        BoolParameter("tiled", description="Seamless"),
        MediaParameter("input_mask", Kind.MASK),
        MediaParameter("input_image_2", Kind.IMAGE, required=False),
        MediaParameter("input_video", Kind.VIDEO, required=False),
    )
    spec = imagine(template)
    assert option(spec, "tiled").kind is OptionKind.BOOL
    assert str(option(spec, "tiled").description) == "Seamless"
    assert (option(spec, "mask").kind, option(spec, "mask").required) == (OptionKind.IMAGE, True)
    assert not option(spec, "image_2").required
    assert spec.option("video") is None


def test_there_are_at_most_25_options_the_useful_ones_and_flags_for_the_rest() -> None:
    own = [IntParameter(f"knob_{n:02}") for n in range(30)]
    options = imagine(*ALL, variant("knobs", *own)).options
    assert len(options) == 25
    assert names(options)[0] == "prompt"
    assert names(options)[-1] == "options"
    assert {"private", "scheduler", "guidance", "knob_00"} <= set(names(options))
    assert "knob_29" not in names(options)


def test_parameters_of_more_templates_go_before_those_of_fewer() -> None:
    rare = [IntParameter(f"rare_{n:02}") for n in range(30)]
    common = IntParameter("common")
    options = imagine(variant("a", *rare, common), variant("b", common)).options
    assert "common" in names(options)


def test_an_own_parameter_does_not_take_the_name_of_an_option() -> None:
    clash = [
        IntParameter(name) for name in ("options", "count", "private", "template", "job", "image", "mask")
    ]
    spec = imagine(variant("a", *clash))
    assert option(spec, "options").kind is OptionKind.TEXT
    assert option(spec, "private").kind is OptionKind.BOOL
    assert option(spec, "count").maximum == TIER.max_count
    assert not {"template", "job", "image", "mask"} & set(names(spec.options))
    assert len(set(names(spec.options))) == len(spec.options)


def test_every_option_of_a_file_leads_back_to_its_parameter() -> None:
    for parameter in ("input_image", "input_image_2", "input_mask", "pose", "input_pose"):
        assert file_parameter(option_name(parameter)) == parameter


def test_strengths_belong_to_the_lora_and_sides_to_the_size() -> None:
    offered = set(names(imagine(*ALL).options))
    assert not {"lora_strength", "width", "height", "batch_size", "prompt_text", "negative_text"} & offered


def test_a_command_that_is_taken_is_reached_by_imagine_and_the_operator_is_told() -> None:
    taken = variant("mine", command="queue")
    commands = make_commands([TEXT_TO_IMAGE, taken])
    spec = commands.get(IMAGINE)
    assert spec is not None
    assert spec.templates == ("text-to-image", "mine")
    (note,) = commands.notes
    assert "/queue" in str(note)
    assert "mine" in str(note)
    assert not commands.paints("queue")


def test_commands_beyond_what_platforms_take_are_reached_by_imagine() -> None:
    many = [variant(f"t{n:03}", command=f"paint-{n:03}") for n in range(120)]
    commands = make_commands(many, tiers=("default",))
    assert len(commands.specs) == 100
    assert commands.specs[-1].name == "admin"
    spec = commands.get(IMAGINE)
    assert spec is not None
    own = {spec.name for spec in commands.specs if spec.templates} - {IMAGINE}
    assert len(own) + len(spec.templates) == 120
    assert len(commands.notes) == len(spec.templates)


def test_which_commands_paint() -> None:
    commands: Commands = make_commands(ALL)
    assert commands.paints("imagine")
    assert commands.paints("upscale")
    assert not commands.paints("show")
    assert make_commands(()).paints("imagine")
