"""From a request to a graph: defaults, presets, styles, seeds, LoRAs, limits, and what binding may change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ParameterError
from bot.templates.graph import Graph, as_link
from bot.templates.params import MAX_SEED, SeedParameter
from bot.templates.resolution import NEW_SEEDS
from bot.templates.sizes import Limits
from bot.templates.template import Template
from bot.templates.values import LoraChoice, ResolvedValues
from tests.support.templates import TIER, catalogue, draw_low, edited, export_of, good, made, shipped

CATALOGUE = catalogue()
TEXT_TO_IMAGE = shipped("text-to-image", CATALOGUE)
FLUX = shipped("flux", CATALOGUE)
LORA = shipped("text-to-image-lora", CATALOGUE)


def resolve(template: Template = TEXT_TO_IMAGE, /, **request: Any) -> ResolvedValues:
    options = {key: request.pop(key) for key in ("preset", "style", "loras") if key in request}
    limits = request.pop("limits", TIER)
    return template.resolve({"prompt_text": "a cat", **request}, limits=limits, draw=draw_low, **options)


def refusal(template: Template = TEXT_TO_IMAGE, /, **request: Any) -> tuple[str, str]:
    with pytest.raises(ParameterError) as caught:
        resolve(template, **request)
    return caught.value.parameter, str(caught.value.text)


def bound(values: ResolvedValues, template: Template = TEXT_TO_IMAGE) -> Graph:
    return template.bind(values)


def test_without_wishes_everything_but_text_and_seed_is_as_exported() -> None:
    graph = bound(resolve(seed=5)).to_api()
    assert graph == edited(export_of("text-to-image"), {"2.text": "a cat", "5.seed": 5})


def test_what_is_asked_goes_before_the_preset_and_that_before_the_default() -> None:
    assert resolve().values["steps"] == 25
    assert resolve(preset="quality").values["steps"] == 40
    assert resolve(preset="quality", steps=7).values["steps"] == 7


def test_values_are_complete_and_survive_json() -> None:
    values = resolve(aspect="3:2", style="ink", preset="fast", seed=MAX_SEED)
    assert set(values.values) == set(TEXT_TO_IMAGE.parameters)
    again = ResolvedValues.from_json(json.loads(json.dumps(values.to_json())))
    assert again.values == values.values
    assert bound(again).to_api() == bound(values).to_api()
    assert [str(note) for note in again.notes] == [str(note) for note in values.notes]


def test_every_place_of_a_parameter_is_written() -> None:
    graph = FLUX.bind(resolve(FLUX, size="1280x720"))
    assert [graph.nodes[n].inputs["width"] for n in ("6", "11")] == [1280, 1280]
    assert [graph.nodes[n].inputs["height"] for n in ("6", "11")] == [720, 720]


def test_a_missing_seed_is_drawn_from_a_range_that_can_be_typed_again() -> None:
    asked: list[tuple[int, int]] = []

    def draw(low: int, high: int) -> int:
        asked.append((low, high))
        return 77

    for request in ({}, {"seed": -1}, {"seed": "random"}, {"seed": None}):
        values = TEXT_TO_IMAGE.resolve({"prompt_text": "x", **request}, limits=TIER, draw=draw)
        assert values.seed == 77
    assert asked == [(0, NEW_SEEDS - 1)] * 4


def test_a_given_seed_is_never_drawn() -> None:
    assert resolve(seed=str(MAX_SEED)).seed == MAX_SEED


def test_jobs_count_on_from_the_seed_and_around_its_range() -> None:
    values = resolve(seed=MAX_SEED - 1)
    assert [values.for_index(n).seed for n in range(4)] == [MAX_SEED - 1, MAX_SEED, 0, 1]
    assert values.for_index(3).values["steps"] == values.values["steps"]


def test_the_seeds_range_is_the_narrowest_of_its_places() -> None:
    export = export_of("text-to-image")
    export["5"]["inputs"]["seed"] = ["20", 0]
    export["20"] = {"class_type": "PrimitiveInt", "inputs": {"value": 3}, "_meta": {"title": "Seed"}}
    template = good(made(export, None, CATALOGUE))
    seed = template.parameters["seed"]
    assert [str(place) for place in template.bindings["seed"]] == ["20.value"]
    assert isinstance(seed, SeedParameter)
    assert (seed.minimum, seed.maximum) == (0, 2**63 - 1)


def test_batches_are_always_one() -> None:
    template = good(made(edited(export_of("text-to-image"), {"4.batch_size": 4})))
    assert "batch_size" not in template.parameters
    assert resolve_and_bind(template).nodes["4"].inputs["batch_size"] == 1


def resolve_and_bind(template: Template, **request: Any) -> Graph:
    return template.bind(resolve(template, **request))


def test_a_style_goes_around_the_words_and_the_words_are_kept() -> None:
    values = resolve(prompt_text="a {prompt} {0} %s {{x}}", style="ink")
    assert values.values["prompt_text"] == (
        "a {prompt} {0} %s {{x}}, ink drawing, fine black lines, cross-hatching, white paper"
    )
    assert values.words["prompt_text"] == "a {prompt} {0} %s {{x}}"
    assert values.values["negative_text"] == "blurry, low quality, deformed, watermark, text, photo, color"
    assert resolve(style="ink", negative_text="fog").values["negative_text"] == "fog, photo, color"
    assert resolve(style="ink", negative_text="").values["negative_text"] == "photo, color"


def test_a_style_for_a_template_without_negative_text_only_changes_the_prompt() -> None:
    assert resolve(FLUX, style="ink").values["prompt_text"] == (
        "a cat, ink drawing, fine black lines, cross-hatching, white paper"
    )


def test_loras_fill_the_places_in_order() -> None:
    values = resolve(LORA, loras=(LoraChoice("ink-lines", 0.4),))
    graph = LORA.bind(values)
    assert graph.nodes["2"].inputs["lora_name"] == "styles/ink-lines.safetensors"
    assert graph.nodes["2"].inputs["strength_model"] == graph.nodes["2"].inputs["strength_clip"] == 0.4
    assert resolve(LORA, loras=(LoraChoice("ink-lines"),)).values["lora_strength"] == 0.8


def test_loras_without_a_place_are_refused() -> None:
    assert refusal(loras=(LoraChoice("x"),)) == ("lora", "Template text-to-image has no place for a LoRA.")
    name, text = refusal(LORA, loras=(LoraChoice("ink-lines"), LoraChoice("ink-lines")))
    assert (name, text) == ("lora", "Template text-to-image-lora has room for 1 LoRA at once, not 2.")
    assert "out of range: -2.0 to 2.0" in refusal(LORA, loras=(LoraChoice("ink-lines", 9.0),))[1]


@pytest.mark.parametrize(
    ("request_", "parameter", "part"),
    [
        ({"prompt_text": ""}, "prompt_text", "Say what you want to see"),
        ({"steps": 61}, "steps", "1 to 60"),
        ({"stepz": 3}, "stepz", "Did you mean steps?"),
        ({"zzzz": 3}, "zzzz", "It has: prompt_text, "),
        ({"preset": "fsat"}, "preset", "Did you mean fast?"),
        ({"style": "zzzz"}, "style", "It has: ink, watercolor"),
        ({"size": "99999x1"}, "size", "sides go from 16 to 16384"),
        ({"aspect": "0:1"}, "aspect", "side of zero"),
        ({"size": "512x512", "aspect": "1:1"}, "size", "either a size or an aspect"),
        ({"size": "512x512", "width": 512}, "size", "either a size or an aspect"),
        ({"width": 512, "height": 512, "aspect": "1:1"}, "aspect", "one of them with an aspect"),
        ({"size": "4096x4096"}, "size", "this template allows at most 2097152"),
        ({"sampler": "eulr"}, "sampler", "Did you mean euler?"),
        ({"denoise": 0.5}, "denoise", "has no"),
        ({"batch_size": 4}, "batch_size", "has no"),
    ],
)
def test_refusals(request_: Mapping[str, Any], parameter: str, part: str) -> None:
    name, text = refusal(**request_)
    assert name == parameter
    assert part in text


def test_words_that_a_template_has_no_place_for() -> None:
    assert refusal(FLUX, negative="fog") == ("negative", "Template flux takes no negative text.")
    image = shipped("image-to-image", CATALOGUE)
    assert refusal(image, input_image="x", aspect="3:2") == (
        "aspect",
        "The size of template image-to-image is fixed; it has no aspect.",
    )
    assert refusal(image) == ("input_image", "input image is missing: give a file to work on.")


def test_short_names_are_understood() -> None:
    values = TEXT_TO_IMAGE.resolve(
        {"prompt": "a dog", "negative": "fog", "ar": "1:1", "Steps": 9}, limits=TIER, draw=draw_low
    )
    assert [values.values[name] for name in ("prompt_text", "negative_text", "steps")] == ["a dog", "fog", 9]


def test_one_side_with_an_aspect_gives_the_other() -> None:
    values = resolve(width=1200, aspect="3:2").values
    assert (values["width"], values["height"]) == (1200, 800)
    assert resolve(height=512).values["width"] == 1024


def test_a_moved_size_is_said() -> None:
    values = resolve(size="1001x770")
    assert [str(note) for note in values.notes] == [
        "Painted at 1000x768, the nearest that this model can do."
    ]


def test_both_limits_hold() -> None:
    tier = Limits(max_pixels=600_000, max_steps=30, max_count=2)
    assert "you may use at most 600000" in refusal(size="1024x1024", limits=tier)[1]
    assert refusal(steps=31, limits=tier) == ("steps", "steps 31 is too many: you may use at most 30.")
    assert refusal(steps=61, limits=TIER)[1].endswith("1 to 60.")


def test_defaults_over_a_tiers_limit_are_lowered_and_said() -> None:
    values = resolve(limits=Limits(max_pixels=300_000, max_steps=10), preset="quality")
    assert values.values["steps"] == 10
    assert int(values.values["width"] or 0) * int(values.values["height"] or 0) <= 300_000
    assert len(values.notes) == 2


def test_a_preset_may_set_a_size() -> None:
    sidecar = '[presets.wide]\naspect = "2:1"\n[presets.small]\nwidth = 512\nheight = 512\n'
    template = good(made(export_of("text-to-image"), sidecar))
    assert (resolve(template, preset="small").values["width"]) == 512
    wide = resolve(template, preset="wide").values
    assert (wide["width"], wide["height"]) == (1456, 728)
    small = resolve(template, preset="small", aspect="2:1").values
    assert int(small["width"] or 0) * int(small["height"] or 0) == pytest.approx(512 * 512, rel=0.08)


def test_counts() -> None:
    TEXT_TO_IMAGE.check_count(4, TIER)
    for count, part in ((0, "1 or more"), (5, "you may ask for at most 4")):
        with pytest.raises(ParameterError, match=part):
            TEXT_TO_IMAGE.check_count(count, TIER)
    with pytest.raises(ParameterError, match="this template allows at most 2"):
        good(made(export_of("text-to-image"), "max_count = 2")).check_count(3, TIER)


def test_only_what_the_wanted_outputs_need_is_sent() -> None:
    export = export_of("text-to-image")
    export["30"] = {"class_type": "LoadImage", "inputs": {"image": "gone.png"}, "_meta": {"title": "Unused"}}
    export["31"] = {"class_type": "PreviewImage", "inputs": {"images": ["30", 0]}, "_meta": {"title": "Look"}}
    template = good(made(export, 'outputs = ["Save picture"]'))
    assert set(resolve_and_bind(template).nodes) == {"1", "2", "3", "4", "5", "6", "7"}


def test_uploads_give_the_servers_name() -> None:
    template = shipped("upscale", CATALOGUE)
    values = template.resolve({"image": "sha256"}, limits=TIER, draw=draw_low)
    assert (
        template.bind(values, {"sha256": "fairbrush/a.png"}).nodes["1"].inputs["image"] == "fairbrush/a.png"
    )
    with pytest.raises(KeyError):
        template.bind(values)


def test_values_of_another_template_are_not_bound() -> None:
    with pytest.raises(ValueError, match="values of flux"):
        TEXT_TO_IMAGE.bind(resolve(FLUX))


def test_places_that_hold_different_values_stay_as_they_are_until_asked() -> None:
    export = export_of("text-to-image")
    second = {**export["5"], "inputs": {**export["5"]["inputs"], "denoise": 0.4, "latent_image": ["5", 0]}}
    export["50"], export["6"]["inputs"]["samples"] = second, ["50", 0]
    template = good(made(export, None, CATALOGUE))
    assert len(template.bindings["denoise"]) == 2
    assert resolve(template).values["denoise"] is None
    graph = resolve_and_bind(template)
    assert [graph.nodes[n].inputs["denoise"] for n in ("5", "50")] == [1.0, 0.4]
    graph = resolve_and_bind(template, denoise=0.7)
    assert [graph.nodes[n].inputs["denoise"] for n in ("5", "50")] == [0.7, 0.7]


def test_written_literals_keep_their_json_type() -> None:
    export = edited(export_of("text-to-image"), {"5.cfg": 8, "5.steps": "25", "4.width": 1024.0})
    sidecar = '[parameters.steps]\nbind = "5.steps"\nkind = "int"'
    graph = resolve_and_bind(good(made(export, sidecar)), cfg=7.5, steps=12, width=512)
    inputs = {**graph.nodes["5"].inputs, **graph.nodes["4"].inputs}
    assert (inputs["cfg"], inputs["steps"], inputs["width"]) == (7.5, "12", 512.0)
    assert type(inputs["width"]) is float
    whole = resolve_and_bind(good(made(export)), cfg=7)
    assert type(whole.nodes["5"].inputs["cfg"]) is int


def skeleton(graph: Graph, template: Template) -> object:
    """Everything about a graph that a request must not be able to touch."""
    written = {place for places in template.bindings.values() for place in places}
    return [
        (
            node.id,
            node.class_type,
            node.title,
            [
                (name, value if as_link(value) or (node.id, name) not in written else type(value).__name__)
                for name, value in node.inputs.items()
            ],
        )
        for node in graph
    ]


RAW = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ['["4", 0]', "4", "__value__", '{"class_type": "X"}', "../../x.png", "[input]", "{prompt}"]
    ),
    st.integers(),
    st.floats(),
    st.booleans(),
)


@given(
    prompt=RAW,
    negative=RAW,
    rest=st.dictionaries(
        st.sampled_from(
            [n for n in TEXT_TO_IMAGE.parameters if not n.endswith("_text")] + ["size", "aspect"]
        ),
        RAW,
    ),
    style=st.sampled_from([None, *TEXT_TO_IMAGE.styles]),
    index=st.integers(0, 5),
)
def test_no_request_can_change_more_than_the_bound_literals(
    prompt: str, negative: str, rest: dict[str, Any], style: str | None, index: int
) -> None:
    request = {"prompt_text": prompt, "negative_text": negative, **rest}
    try:
        values = TEXT_TO_IMAGE.resolve(request, limits=TIER, draw=draw_low, style=style)
    except ParameterError:
        values = TEXT_TO_IMAGE.resolve({"prompt_text": "x"}, limits=TIER, draw=draw_low)
    graph = bound(values.for_index(index))
    assert skeleton(graph, TEXT_TO_IMAGE) == skeleton(TEXT_TO_IMAGE.graph, TEXT_TO_IMAGE)
    assert [list(node.links()) for node in graph] == [list(node.links()) for node in TEXT_TO_IMAGE.graph]


@given(st.text(max_size=200).filter(str.strip))
def test_a_text_arrives_verbatim_as_a_text(text: str) -> None:
    try:
        values = resolve(prompt_text=text)
    except ParameterError:
        return
    graph = json.loads(json.dumps(bound(values).to_api()))
    assert graph["2"]["inputs"]["text"] == text
    assert as_link(graph["2"]["inputs"]["text"]) is None


def test_binding_shares_nothing_with_the_template() -> None:
    before = json.dumps(TEXT_TO_IMAGE.graph.to_api())
    api = bound(resolve()).to_api()
    api["5"]["inputs"]["model"][0] = "99"
    api["2"]["inputs"]["text"] = "gone"
    assert json.dumps(TEXT_TO_IMAGE.graph.to_api()) == before


def test_a_template_in_which_nothing_can_be_set_says_so() -> None:
    export = {
        "1": {"class_type": "OddSource", "inputs": {}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    template = good(made(export))
    assert not template.parameters
    with pytest.raises(ParameterError, match="nothing can be set in it"):
        template.resolve({"seed": 3}, limits=TIER, draw=draw_low)
