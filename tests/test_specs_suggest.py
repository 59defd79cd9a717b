"""Suggestions while somebody types."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import TemplateName
from bot.presentation.spec_index import make_pool
from bot.presentation.specs import Context, Source, Suggestion, build_index, make_commands, suggest
from bot.templates.params import ChoiceParameter
from bot.templates.template import Template
from bot.templates.values import Style
from tests.support.templates import SHIPPED, catalogue, shipped

ALL = [shipped(name, catalogue()) for name in SHIPPED]
COMMANDS = make_commands(ALL)
INDEX = build_index(ALL, COMMANDS.specs, disabled=("broken-one",))
WORDS = """
    flux sdxl pony dream shaper realistic vision anime ink line detail tweaker juggernaut deliberate absolute
    reality film grain portrait night city lora epic noise offset v1 v2 xl turbo lightning
"""


def having(name: str, *choices: str, of: str = "text-to-image", parameter: str = "model") -> Template:
    base = shipped(of)
    parameters = {**base.parameters, parameter: ChoiceParameter(parameter, choices=choices)}
    return replace(base, name=TemplateName(name), parameters=parameters)


def values(
    source: str,
    typed: object = "",
    *templates: Template,
    command: str = "imagine",
    options: Mapping[str, object] | None = None,
    **more: Any,
) -> list[str]:
    index = build_index(templates, make_commands(templates).specs) if templates else INDEX
    context = Context(index, command, options or {}, **more)
    return [each.value for each in suggest(source, typed, context)]


def test_without_a_word_everything_stands_in_its_natural_order() -> None:
    assert values("preset") == ["fast", "balanced", "quality"]
    assert values("template")[0] in {"text-to-image", "image-to-image"}
    assert set(values("template")) == {"flux", "image-to-image", "text-to-image", "text-to-image-lora"}
    assert values("aspect")[0] == "1:1"


def test_each_command_has_its_own_templates_and_others_have_all() -> None:
    assert values("template", command="upscale") == ["upscale"]
    assert set(values("template", command="settings")) == set(SHIPPED)
    assert values(Source.DISABLED, command="admin") == ["broken-one"]


def test_templates_are_found_by_title_and_description() -> None:
    assert values("template", "lora") == ["text-to-image-lora"]
    assert values("template", "flux")[0] == "flux"
    assert values("template", "follows long sentences") == ["flux"]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("jug", "juggernaut_v9.safetensors"),
        ("JUGGERNAUT_V9.safetensors", "juggernaut_v9.safetensors"),
        ("jugernaut", "juggernaut_v9.safetensors"),
        ("sdxl", "sd_xl_base_1.0.safetensors"),
        ("base xl", "sd_xl_base_1.0.safetensors"),
        ("dev", "flux/dev.safetensors"),
        ("flux dev", "flux/dev.safetensors"),
        ("flux\\dev", "flux/dev.safetensors"),
        ("ＤＥＶ", "flux/dev.safetensors"),
        ("uber", "Über-real.ckpt"),
    ],
)
def test_people_type_names_in_many_ways(typed: str, first: str) -> None:
    model = having(
        "a",
        *("a-device.safetensors", "flux/dev.safetensors", "juggernaut_v9.safetensors"),
        *("my-juggernaut-mix.safetensors", "sd_xl_base_1.0.safetensors", "Über-real.ckpt"),
    )
    assert values("model", typed, model)[0] == first


def test_what_begins_so_goes_before_what_holds_it() -> None:
    model = having("a", "a think.pt", "old ink.pt", "ink.pt", "ink-lines.pt", "inkwell.pt")
    assert values("model", "ink", model) == [
        "ink.pt",
        "ink-lines.pt",
        "inkwell.pt",
        "old ink.pt",
        "a think.pt",
    ]


def test_nothing_alike_is_nothing() -> None:
    assert values("model", "zzzzqqq") == []
    assert values("nobody knows", "x") == []


def test_only_what_the_template_knows_is_suggested() -> None:
    flux, plain = having("flux", "dev.sft", of="flux"), having("plain", "xl.sft")
    plain = replace(plain, is_default=True)
    assert values("model", "", flux, plain) == ["xl.sft"]
    assert values("model", "", flux, plain, options={"template": "flux"}) == ["dev.sft"]
    assert values("model", "", flux, plain, options={"template": "FLUX"}) == ["dev.sft"]
    assert values("model", "", flux, plain, options={"template": "nonsense"}) == ["xl.sft", "dev.sft"]


def test_a_picture_or_a_lora_says_which_template_will_paint() -> None:
    both = [
        replace(having("words", "words.pt"), is_default=True),
        having("picture", "picture.pt", of="image-to-image"),
        having("lora", "lora.pt", of="text-to-image-lora"),
    ]
    assert values("model", "", *both) == ["words.pt"]
    assert values("model", "", *both, options={"image": object()}) == ["picture.pt"]
    assert values("model", "", *both, options={"lora": "ink"}) == ["lora.pt"]


def test_styles_of_the_chosen_template() -> None:
    neon = replace(having("neon", "x.pt"), styles={"neon": Style("{prompt}, neon")})
    plain = replace(having("plain", "x.pt"), is_default=True)
    assert values("style", "", neon, plain, options={"template": "neon"}) == ["neon"]


def test_a_strength_stays_behind_its_lora() -> None:
    assert values("lora", "ink:0.8") == ["styles/ink-lines.safetensors:0.8"]
    assert values("lora", "ink:") == ["styles/ink-lines.safetensors"]
    assert values("lora", "ink:-1") == ["styles/ink-lines.safetensors:-1"]


def test_aspects_that_are_typed_out_are_taken() -> None:
    assert values("aspect", "7:3") == ["7:3"]
    assert values("aspect", "3:2")[0] == "3:2"
    assert values("aspect", "16")[0] == "16:9"
    assert values("aspect", "phone") == ["9:16"]
    assert values("aspect", "0:0") == []


def test_sizes_are_those_that_the_template_paints_well() -> None:
    sizes = [tuple(map(int, each.split("x"))) for each in values("size")]
    assert sizes[0] == (1024, 1024)
    assert (1248, 832) in sizes
    assert all(0.85 < width * height / 1024**2 < 1.15 for width, height in sizes)
    assert values("size", "640x480") == ["640x480"]
    assert values("size", "124")[0].startswith("124")
    assert values("size", "3:2")[0] == "1248x832"
    assert values("size", "1x1") == []


def test_labels_of_aspects_are_translated() -> None:
    context = Context(INDEX, translate=lambda text: {"square": "quadratisch"}.get(text, text))
    assert suggest("aspect", "quad", context)[0] == Suggestion("1:1 · quadratisch", "1:1")


def test_jobs_are_ones_own_the_latest_first() -> None:
    jobs = (Suggestion("a fox · abc-1", "abc-1"), Suggestion("a boat · xyz", "xyz"))
    assert values("job", "", jobs=jobs) == ["abc-1", "xyz"]
    assert values("job", "boat", jobs=jobs) == ["xyz"]
    assert values("job", "ABC", jobs=jobs) == ["abc-1"]


def test_names_too_long_are_shortened_in_the_middle_and_sent_by_their_last_part() -> None:
    long = "folder/" * 20 + "model.safetensors"
    (found,) = suggest(
        "model",
        "",
        Context(build_index([having("a", long)], make_commands([having("a", long)]).specs), "imagine"),
    )
    assert len(found.name) == 100
    assert found.name.startswith("folder/")
    assert found.name.endswith("model.safetensors")
    assert found.value == "model.safetensors"
    assert having("a", long).parameters["model"].parse(found.value) == long


def test_names_that_cannot_be_sent_are_left_out() -> None:
    assert values("model", "", having("a", "x" * 200 + ".pt", " ", "bad\0name", "fine.pt")) == ["fine.pt"]


def test_two_templates_with_the_same_files_list_them_once() -> None:
    one, two = having("a", "x.pt", "y.pt"), having("b", "y.pt", "z.pt")
    assert sorted(values("model", "", one, two, options={"template": "?"})) == ["x.pt", "y.pt", "z.pt"]


def test_at_most_25_and_no_more_than_wanted() -> None:
    model = having("a", *(f"model {n:03}.pt" for n in range(100)))
    assert len(values("model", "", model)) == 25
    assert len(values("model", "model", model)) == 25
    index = build_index([model], make_commands([model]).specs)
    assert len(suggest("model", "", Context(index, "imagine"), 3)) == 3


def fits(found: tuple[Suggestion, ...]) -> bool:
    return (
        len(found) <= 25
        and all(1 <= len(each.name) <= 100 and 1 <= len(each.value) <= 100 for each in found)
        and len({each.name for each in found}) == len(found)
    )


@given(
    st.sampled_from([*Source, "model", "sampler", "scheduler", "nothing", ""]),
    st.one_of(st.text(), st.none(), st.integers(), st.text("a:0.8/\\ -", max_size=200)),
    st.sampled_from(["imagine", "upscale", "", "show"]),
    st.dictionaries(
        st.sampled_from(["template", "image", "lora", "x"]), st.one_of(st.text(), st.none(), st.integers())
    ),
)
def test_whatever_is_typed_suggestions_are_fit_to_be_sent(
    source: str, typed: object, command: str, options: dict[str, object]
) -> None:
    jobs = (Suggestion("a\nfox " * 40, "abc-1"), Suggestion("", "b"))
    assert fits(suggest(source, typed, Context(INDEX, command, options, jobs)))


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "j",
        "juggernaut",
        "jugernaut",
        "sdxl ink",
        "zzzzqqq",
        "a" * 6000,
        "detail tweaker lora film grian nightt",
    ],
)
def test_thousands_of_names_take_a_moment(typed: str) -> None:
    chance = random.Random(1)
    names = [f"sdxl/{'_'.join(chance.choices(WORDS.split(), k=5))}_{n}.safetensors" for n in range(5000)]
    pool = make_pool((name, name, "") for name in names)

    times = 10
    # Of this thread: the machine may be busy with other things.
    start = time.thread_time()
    for _ in range(times):
        pool.search(typed, 25)
    assert (time.thread_time() - start) / times < 0.020
