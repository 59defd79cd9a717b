"""What a bound graph takes: needs, models, fingerprints, size; several servers seen as one."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import TemplateError
from bot.domain.ids import NodeId
from bot.templates.catalogue import Catalogue, merge
from bot.templates.graph import Graph, parse_export
from bot.templates.needs import (
    Needs,
    as_written_by,
    fingerprint,
    missing,
    model_key,
    needs_of,
    restore,
    size_of,
)
from bot.templates.template import Template
from tests.support.templates import (
    FILES,
    SHIPPED,
    TIER,
    WORKFLOWS,
    catalogue,
    draw_low,
    edited,
    export_of,
    object_info,
    refusals,
    shipped,
)

SHA = "ab" * 32


def bound(template: Template, **asked: Any) -> Graph:
    request = {"prompt": "a fox", **dict.fromkeys(template.media, SHA), **asked}
    request = {k: v for k, v in request.items() if k != "prompt" or "prompt_text" in template.parameters}
    values = template.resolve(request, limits=TIER, draw=draw_low)
    return template.bind(values, {SHA: SHA})


def words(needs: Needs, known: Catalogue) -> list[str]:
    return [str(text) for text in missing(needs, known)]


# Needs


@pytest.mark.parametrize("name", SHIPPED)
def test_a_server_that_has_everything_lacks_nothing(name: str) -> None:
    known = catalogue()
    graph = bound(shipped(name, known))
    needs = needs_of(graph, known)
    assert missing(needs, known) == ()
    assert set(needs.classes) == {node.class_type for node in graph}
    assert Needs.from_json(needs.to_json()) == needs


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("inputs", list(FILES))
def test_a_server_without_some_files_lacks_them_just_where_it_would_refuse(name: str, inputs: str) -> None:
    known = catalogue()
    graph = bound(shipped(name, known))
    files = {**FILES, inputs: ()}
    lacking = words(needs_of(graph, known), catalogue(files))
    refused = [r for r in refusals(as_uploaded(graph), object_info(files)) if "not in list" in r]
    assert len(lacking) == len(refused)
    assert all("The server has no " in sentence and inputs in sentence for sentence in lacking)


def as_uploaded(graph: Graph) -> dict[str, Any]:
    """The graph with input files that the server does have."""
    data = graph.to_api()
    for node in data.values():
        if node["class_type"] in ("LoadImage", "LoadImageMask"):
            node["inputs"]["image"] = object_info()["LoadImage"]["input"]["required"]["image"][0][0]
    return data


def test_a_class_that_is_lacking_is_named_and_its_files_are_not_asked_for_twice() -> None:
    known = catalogue()
    needs = needs_of(bound(shipped("flux", known)), known)
    other = Catalogue({name: node for name, node in known.classes.items() if name != "UNETLoader"})
    assert words(needs, other) == ["The server has no node UNETLoader."]


def test_samplers_are_needs_as_files_are_and_texts_numbers_and_uploads_are_not() -> None:
    known = catalogue()
    needs = needs_of(bound(shipped("image-to-image", known)), known)
    assert {name for _, name, _ in needs.choices} >= {"ckpt_name", "sampler_name", "scheduler"}
    assert SHA not in needs.to_json()
    assert "fox" not in needs.to_json()


def test_without_a_catalogue_files_of_models_are_known_by_their_names() -> None:
    graph = bound(shipped("flux"))
    needs = needs_of(graph, None)
    assert set(needs.choices) == {
        ("UNETLoader", "unet_name", "flux1-dev.safetensors"),
        ("DualCLIPLoader", "clip_name1", "clip_l.safetensors"),
        ("DualCLIPLoader", "clip_name2", "t5xxl_fp16.safetensors"),
        ("VAELoader", "vae_name", "ae.safetensors"),
    }
    assert missing(needs, catalogue()) == ()


def test_the_key_is_that_of_what_is_needed_alone() -> None:
    known = catalogue()
    template = shipped("text-to-image", known)
    plain = needs_of(bound(template), known)
    assert needs_of(bound(template, prompt="another", steps=9, seed=7), known).key == plain.key
    other = needs_of(bound(template, model="v1-5-pruned-emaonly-fp16.safetensors"), known)
    assert other.key != plain.key
    assert re.fullmatch("[0-9a-f]{16}", plain.key)
    assert Needs.from_json(plain.to_json()).key == plain.key


def windows() -> Catalogue:
    return catalogue({**FILES, "ckpt_name": ("sdxl\\base.safetensors", "sdxl\\other.safetensors")})


def linux() -> Catalogue:
    return catalogue({**FILES, "ckpt_name": ("sdxl/base.safetensors",)})


def test_servers_with_either_slash_have_the_same_file() -> None:
    both = merge((windows(), linux()))
    graph = bound(shipped("text-to-image", both), model="sdxl/base.safetensors")
    needs = needs_of(graph, both)
    assert missing(needs, windows()) == missing(needs, linux()) == ()
    assert needs.key == needs_of(as_written_by(graph, linux()), linux()).key
    assert as_written_by(graph, windows()).nodes[NodeId("1")].inputs["ckpt_name"] == "sdxl\\base.safetensors"
    assert as_written_by(graph, linux()).nodes[NodeId("1")].inputs["ckpt_name"] == "sdxl/base.safetensors"
    for known in (windows(), linux()):
        info = object_info({**FILES, "ckpt_name": known.choices("CheckpointLoaderSimple", "ckpt_name") or ()})
        assert list(refusals(as_written_by(graph, known).to_api(), info)) == []


def test_what_a_server_lacks_is_left_as_it_is() -> None:
    known = catalogue()
    graph = bound(shipped("text-to-image", known))
    assert as_written_by(graph, catalogue({**FILES, "ckpt_name": ("x.safetensors",)})) is graph


def test_a_choice_that_only_an_option_brings_along_is_found() -> None:
    info = {
        "SaveVideo": {
            "input": {
                "required": {
                    "format": [
                        "COMFY_DYNAMICCOMBO_V3",
                        {
                            "options": [
                                {
                                    "key": "mp4",
                                    "inputs": {"required": {"codec": ["COMBO", {"options": ["h264"]}]}},
                                },
                                {
                                    "key": "webm",
                                    "inputs": {"required": {"codec": ["COMBO", {"options": ["vp9"]}]}},
                                },
                            ]
                        },
                    ]
                }
            },
            "output": [],
            "output_node": True,
        }
    }
    known = Catalogue.from_object_info(info)
    graph = parse_export(
        {"1": {"class_type": "SaveVideo", "inputs": {"format": "webm", "format.codec": "vp9"}}}
    )
    needs = needs_of(graph, known)
    assert ("SaveVideo", "format.codec", "vp9") in needs.choices
    assert missing(needs, known) == ()
    info["SaveVideo"]["input"]["required"]["format"][1]["options"].pop()  # type: ignore[index]
    assert len(missing(needs, Catalogue.from_object_info(info))) == 2


# Several servers as one


def test_one_server_merged_is_itself() -> None:
    known = catalogue()
    assert merge((known,)) == known
    assert merge((known, known)) == known
    assert merge(()) == Catalogue({})


def test_merged_servers_have_what_either_has() -> None:
    info = object_info()
    info["KSampler"]["input"]["required"]["steps"][1].update(min=5, max=50)
    info["KSampler"]["input"]["required"]["cfg"][1].pop("max")
    info["Mine"] = info.pop("UpscaleModelLoader")
    one, two = Catalogue.from_object_info(info), catalogue({**FILES, "ckpt_name": ("a.ckpt",)})
    for both in (merge((one, two)), merge((two, one))):
        assert {"Mine", "UpscaleModelLoader"} <= both.classes.keys()
        assert set(both.choices("CheckpointLoaderSimple", "ckpt_name") or ()) == {
            *FILES["ckpt_name"],
            "a.ckpt",
        }
        steps, cfg = both.spec("KSampler", "steps"), both.spec("KSampler", "cfg")
        assert steps is not None
        assert (steps.minimum, steps.maximum) == (1, 10000)
        assert cfg is not None
        assert cfg.maximum is None


def test_inputs_that_one_server_knows_alone_are_not_required() -> None:
    old, new = object_info(), object_info()
    new["KSampler"]["input"]["required"]["eta"] = ["FLOAT", {"default": 1.0}]
    for both in (
        merge((Catalogue.from_object_info(old), Catalogue.from_object_info(new))),
        merge((Catalogue.from_object_info(new), Catalogue.from_object_info(old))),
    ):
        eta, steps = both.spec("KSampler", "eta"), both.spec("KSampler", "steps")
        assert eta is not None
        assert not eta.required
        assert steps is not None
        assert steps.required


FILE_LISTS = st.lists(
    st.sampled_from(["a.ckpt", "x/a.ckpt", "x\\a.ckpt", "b.ckpt", "y\\b.ckpt"]), unique=True
)


@given(FILE_LISTS, FILE_LISTS)
def test_what_is_chosen_from_a_merged_list_runs_on_one_of_the_servers(one: list[str], two: list[str]) -> None:
    servers = [catalogue({**FILES, "ckpt_name": tuple(files)}) for files in (one, two)]
    both = merge(servers)
    offered = both.choices("CheckpointLoaderSimple", "ckpt_name") or ()
    assert len({str(name).replace("\\", "/") for name in offered}) == len(
        {name.replace("\\", "/") for name in (*one, *two)}
    )
    for name in offered:
        needs = Needs(
            ("CheckpointLoaderSimple",), (("CheckpointLoaderSimple", "ckpt_name", name.replace("\\", "/")),)
        )
        assert any(missing(needs, server) == () for server in servers)


# Models


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("text-to-image", "sd_xl_base_1.0.safetensors"),
        ("text-to-image-lora", "sd_xl_base_1.0.safetensors"),
        ("image-to-image", "sd_xl_base_1.0.safetensors"),
        ("flux", "flux1-dev.safetensors + clip_l.safetensors + t5xxl_fp16.safetensors"),
        ("upscale", ""),
    ],
)
def test_the_model_of_the_shipped_workflows(name: str, key: str) -> None:
    template = shipped(name)
    assert model_key(template, bound(template)) == key


def test_the_model_follows_the_choice_and_not_the_lora() -> None:
    template = shipped("text-to-image-lora", catalogue())
    plain = model_key(template, bound(template))
    assert model_key(template, bound(template, lora="styles/ink-lines.safetensors")) == plain
    other = bound(template, model="v1-5-pruned-emaonly-fp16.safetensors")
    assert model_key(template, other) == "v1-5-pruned-emaonly-fp16.safetensors"


def test_a_model_that_nobody_may_choose_counts_too() -> None:
    whole = shipped("text-to-image")
    template = replace(
        whole,
        parameters={name: p for name, p in whole.parameters.items() if name != "model"},
        bindings={name: places for name, places in whole.bindings.items() if name != "model"},
    )
    assert model_key(template, bound(template)) == "sd_xl_base_1.0.safetensors"


def test_the_model_is_the_same_in_either_spelling() -> None:
    both = merge((windows(), linux()))
    template = shipped("text-to-image", both)
    graph = bound(template, model="sdxl/base.safetensors")
    assert model_key(template, as_written_by(graph, windows())) == "sdxl/base.safetensors"
    assert model_key(template, as_written_by(graph, linux())) == "sdxl/base.safetensors"


# Fingerprints


def test_the_same_picture_has_the_same_fingerprint_and_another_seed_another() -> None:
    template = shipped("image-to-image", catalogue())
    graph = bound(template, seed=5)
    assert fingerprint(graph) == fingerprint(bound(template, seed=5))
    assert len(fingerprint(graph)) == 64
    others = [
        bound(template, seed=6),
        bound(template, seed=5, steps=11),
        bound(template, seed=5, prompt="an owl"),
        with_input(graph, "5" * 64),
    ]
    assert len({fingerprint(other) for other in (graph, *others)}) == 5


def with_input(graph: Graph, reference: str) -> Graph:
    data = graph.to_api()
    for node in data.values():
        if node["inputs"].get("image") == SHA:
            node["inputs"]["image"] = reference
    return parse_export(data)


def test_names_and_titles_do_not_count_nor_does_the_order_of_the_file() -> None:
    data = shipped("text-to-image").graph.to_api()
    plain = fingerprint(parse_export(data))
    shuffled = {node: {**data[node], "_meta": {"title": "other"}} for node in reversed(data)}
    for node in shuffled.values():
        node["inputs"] = dict(reversed(node["inputs"].items()))
        if "filename_prefix" in node["inputs"]:
            node["inputs"]["filename_prefix"] = "somewhere/else"
    assert shuffled != data
    assert fingerprint(parse_export(shuffled)) == plain


@pytest.mark.parametrize(
    "change",
    [
        {"5.steps": 26},
        {"5.cfg": 7.25},
        {"5.denoise": 0.5},
        {"2.text": "an owl"},
        {"4.width": 512},
    ],
)
def test_whatever_is_computed_counts(change: dict[str, Any]) -> None:
    export = export_of("text-to-image")
    assert fingerprint(parse_export(edited(export, change))) != fingerprint(parse_export(export))
    moved = {("99" if node == "4" else node): raw for node, raw in export.items()}
    assert fingerprint(parse_export(moved)) != fingerprint(parse_export(export))


def test_texts_of_any_kind_and_great_seeds_have_one() -> None:
    graph = parse_export({"1": {"class_type": "X", "inputs": {"t": "🦊\u2028é\ud800", "seed": 2**64 - 1}}})
    assert fingerprint(graph) == fingerprint(parse_export(graph.to_api()))


# Size


def test_size_and_steps_are_those_of_the_values() -> None:
    template = shipped("text-to-image", catalogue())
    values = template.resolve(
        {"prompt": "x", "width": 640, "height": 512, "steps": 12}, limits=TIER, draw=draw_low
    )
    assert size_of(template, values) == (640 * 512, 12)
    exported = template.resolve({"prompt": "x"}, limits=TIER, draw=draw_low)
    assert size_of(template, exported) == (1024 * 1024, 25)


@pytest.mark.parametrize(("name", "steps"), [("image-to-image", True), ("upscale", False)])
def test_the_size_of_an_input_is_not_known(name: str, steps: bool) -> None:
    template = shipped(name, catalogue())
    request = {**dict.fromkeys(template.media, SHA), **({"prompt": "x"} if steps else {})}
    pixels, count = size_of(template, template.resolve(request, limits=TIER, draw=draw_low))
    assert pixels == 0
    assert bool(count) is steps


def test_all_frames_of_a_video_count() -> None:
    template = shipped("text-to-image", catalogue())
    values = template.resolve({"prompt": "x"}, limits=TIER, draw=draw_low)
    video = replace(values, values={**values.values, "length": 81, "width": 100, "height": 10, "steps": 4})
    assert size_of(template, video) == (81_000, 4)


# Snapshots


@pytest.mark.parametrize("name", SHIPPED)
def test_a_snapshot_gives_the_same_template_and_so_the_same_picture(name: str) -> None:
    known = catalogue()
    template = shipped(name, known)
    export, sidecar = ((WORKFLOWS / f"{name}.{end}").read_bytes() for end in ("json", "toml"))
    again = restore(template.name, export, sidecar, known)
    assert again == template
    assert fingerprint(bound(again, seed=1) if "seed" in again.parameters else bound(again)) == fingerprint(
        bound(template, seed=1) if "seed" in template.parameters else bound(template)
    )


def test_a_snapshot_that_cannot_be_read_any_more_says_why() -> None:
    with pytest.raises(TemplateError, match=r"Template mine cannot be used any more: mine.json: The file is"):
        restore("mine", b"{", None, None)  # type: ignore[arg-type]
    broken = json.dumps(export_of("text-to-image")).encode()
    with pytest.raises(TemplateError, match=r"mine\.toml"):
        restore("mine", broken, b"nonsense = 1", None)  # type: ignore[arg-type]
