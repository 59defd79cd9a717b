"""Templates meet a server: ranges, choices, files that are named otherwise or not there, what is refused."""

from __future__ import annotations

import pytest

from bot.domain.errors import ParameterError
from bot.sketch.models import SKETCH_MODELS
from bot.templates.adapt import SKETCH
from bot.templates.catalogue import Catalogue
from bot.templates.check import check
from bot.templates.choices import variant
from bot.templates.params import ChoiceParameter, FloatParameter, IntParameter
from bot.templates.template import Template
from tests.support.templates import (
    FILES,
    TIER,
    catalogue,
    draw_low,
    edited,
    export_of,
    good,
    made,
    object_info,
    shipped,
)


def server(**files: tuple[str, ...]) -> Catalogue:
    return catalogue({**FILES, **files})


def findings(template: Template, known: Catalogue, severity: str) -> list[str]:
    return [str(finding.text) for finding in check(template, known) if finding.severity == severity]


def notes(template: Template) -> list[str]:
    return [str(note) for note in template.notes]


def test_ranges_and_choices_come_from_the_server_and_the_sidecars_stay_where_tighter() -> None:
    template = shipped("text-to-image", catalogue())
    steps, cfg, sampler, width = (template.parameters[n] for n in ("steps", "cfg", "sampler", "width"))
    assert isinstance(steps, IntParameter)
    assert (steps.minimum, steps.maximum, steps.default) == (1, 60, 25)
    assert isinstance(cfg, FloatParameter)
    assert (cfg.minimum, cfg.maximum) == (1.0, 20.0)
    assert isinstance(sampler, ChoiceParameter)
    assert sampler.choices is not None
    assert len(sampler.choices) == 44
    assert isinstance(width, IntParameter)
    assert (width.minimum, width.maximum, width.step) == (16, 16384, 8)


@pytest.mark.parametrize(("class_type", "step"), [("EmptyLatentImage", 8), ("EmptySD3LatentImage", 16)])
def test_the_models_multiple_is_known_with_and_without_a_server(class_type: str, step: int) -> None:
    export = export_of("text-to-image")
    export["4"]["class_type"] = class_type
    for known in (None, catalogue()):
        width = good(made(export, None, known)).parameters["width"]
        assert isinstance(width, IntParameter)
        assert width.step == step


def test_a_shipped_workflow_has_nothing_to_report_on_a_server_with_its_files() -> None:
    for name in ("text-to-image", "text-to-image-lora", "flux", "image-to-image", "upscale"):
        assert check(shipped(name), catalogue()) == ()


def test_a_file_that_is_only_written_otherwise_is_used_silently() -> None:
    known = server(ckpt_name=("SDXL\\SD_XL_base_1.0.safetensors",), vae_name=("flux/ae.safetensors",))
    template = shipped("text-to-image", known)
    assert notes(template) == []
    assert template.parameters["model"].default == "SDXL\\SD_XL_base_1.0.safetensors"
    assert shipped("flux", known).graph.nodes["3"].inputs["vae_name"] == "flux/ae.safetensors"


def test_another_checkpoint_stands_in_and_whoever_did_not_choose_is_told() -> None:
    template = shipped("text-to-image", server(ckpt_name=("dreamshaper_8.safetensors", "other.ckpt")))
    values = template.resolve({"prompt": "x"}, limits=TIER, draw=draw_low)
    assert values.values["model"] == "dreamshaper_8.safetensors"
    said = "model: the server has no sd_xl_base_1.0.safetensors; dreamshaper_8.safetensors is used."
    assert [str(note) for note in values.notes] == [said]
    chosen = template.resolve({"prompt": "x", "model": "other"}, limits=TIER, draw=draw_low)
    assert chosen.notes == ()
    assert template.bind(chosen).nodes["1"].inputs["ckpt_name"] == "other.ckpt"


def test_the_nearest_file_goes_before_the_first() -> None:
    template = shipped("text-to-image", server(ckpt_name=("aaa.ckpt", "sd_xl_base_1.0_0.9vae.safetensors")))
    assert template.parameters["model"].default == "sd_xl_base_1.0_0.9vae.safetensors"


def test_another_variant_of_a_hidden_file_stands_in_and_is_said() -> None:
    known = server(clip_name2=("clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"))
    template = shipped("flux", known)
    assert template.graph.nodes["2"].inputs["clip_name2"] == "t5xxl_fp8_e4m3fn.safetensors"
    assert findings(shipped("flux"), known, "warning") == [
        "Text encoders: the server has no t5xxl_fp16.safetensors; t5xxl_fp8_e4m3fn.safetensors is used."
    ]


def test_variants_differ_in_how_their_numbers_are_stored_and_in_nothing_else() -> None:
    assert variant(
        "flux1-dev.safetensors", ["flux1-schnell.safetensors", "flux/flux1-dev-fp8.safetensors"]
    ) == ("flux/flux1-dev-fp8.safetensors")
    assert variant("clip_l.safetensors", ["clip_g.safetensors"]) is None
    assert variant("ae.safetensors", ["vae-ft-mse.safetensors", "pixel_space"]) is None


def test_a_hidden_file_is_never_replaced_by_something_else() -> None:
    known = server(vae_name=("pixel_space",))
    assert findings(shipped("flux"), known, "problem") == [
        "Node 3 (VAE): the server has no ae.safetensors for vae_name. The nearest is pixel_space."
    ]


def test_a_model_that_needs_another_graph_never_stands_in() -> None:
    known = server(unet_name=("qwen_edit.safetensors",))
    assert "the server has no flux1-dev.safetensors" in findings(shipped("flux"), known, "problem")[0]


def test_on_the_sketch_engine_every_file_has_a_sketch() -> None:
    assert all(
        name.startswith(SKETCH)
        for folder in ("checkpoints", "loras", "vae", "text_encoders", "diffusion_models", "upscale_models")
        for name in SKETCH_MODELS[folder]
    )
    known = server(
        ckpt_name=tuple(SKETCH_MODELS["checkpoints"]),
        unet_name=tuple(SKETCH_MODELS["diffusion_models"]),
        clip_name1=tuple(SKETCH_MODELS["text_encoders"]),
        clip_name2=tuple(SKETCH_MODELS["text_encoders"]),
        vae_name=tuple(SKETCH_MODELS["vae"]),
        lora_name=tuple(SKETCH_MODELS["loras"]),
        model_name=tuple(SKETCH_MODELS["upscale_models"]),
    )
    for name in ("text-to-image", "text-to-image-lora", "flux", "image-to-image", "upscale"):
        assert findings(shipped(name), known, "problem") == []
    encoders = shipped("flux", known).graph.nodes["2"].inputs
    assert (encoders["clip_name1"], encoders["clip_name2"]) == (
        "sketch-clip.safetensors",
        "sketch-t5.safetensors",
    )


def test_problems_are_told_one_by_one() -> None:
    export = edited(
        export_of("text-to-image"),
        {"5.cfg": 900, "5.scheduler": "karra", "4.width": 8, "5.sampler_name": "x"},
    )
    del export["7"]["inputs"]["filename_prefix"]
    template = good(made(export, "[parameters]\n"))
    found = findings(template, catalogue(), "problem")
    assert found == [
        "Node 4 (Canvas): width is 8; the server takes 16 to 16384.",
        "Node 5 (Sampler): cfg is 900; the server takes 0.0 to 100.0.",
        "Node 7 (Save picture) lacks its input filename_prefix.",
    ]
    warned = findings(template, catalogue(), "warning")
    assert "scheduler: the server has no karra; karras is used." in warned
    assert any(text.startswith("sampler: the server has no x; ") for text in warned)


def test_a_default_of_the_sidecar_must_be_possible_too() -> None:
    sidecar = "[parameters.cfg]\ndefault = 150.0\n[parameters.steps]\nmin = 20_000"
    template = good(made(export_of("text-to-image"), sidecar))
    assert findings(template, catalogue(), "problem") == [
        "Parameter steps: at least 20000 is wanted, but at most 10000 is taken.",
        "The default of cfg: cfg 150.0 is out of range: 0.0 to 100.0.",
    ]


def test_a_preset_loses_what_a_server_does_not_take() -> None:
    sidecar = '[presets.fast]\nsampler = "imaginary"\nsteps = 5'
    template = good(made(export_of("text-to-image"), sidecar, catalogue()))
    assert template.presets["fast"] == {"steps": 5}
    assert notes(template)[0].startswith("Preset fast: sampler “imaginary” is not available here.")


def test_fitting_again_changes_nothing() -> None:
    known = server(ckpt_name=("other.ckpt",))
    once = shipped("text-to-image", known)
    assert once.with_catalogue(known) == once
    assert once.content_hash == shipped("text-to-image").content_hash


def test_only_nodes_that_are_sent_are_looked_at() -> None:
    export = export_of("text-to-image")
    export["40"] = {"class_type": "NotInstalled", "inputs": {"image": ["6", 0]}, "_meta": {"title": "Side"}}
    assert check(good(made(export)), catalogue()) == ()


def test_a_workflow_whose_last_node_does_not_save_is_a_problem() -> None:
    export = export_of("text-to-image")
    saver = next(node_id for node_id, node in export.items() if node["class_type"] == "SaveImage")
    decoder = export.pop(saver)["inputs"]["images"][0]
    template = good(made(export, f'outputs = ["{decoder}"]'))
    assert findings(template, server(), "problem") == [
        "The workflow saves nothing. Add a node that does (Save Image) and export it again."
    ]


@pytest.mark.parametrize("odd", [5, None, "mp4", {"key": "a"}, [5, None, {}, {"key": 3}]])
def test_options_in_a_form_that_nobody_knows_are_none(odd: object) -> None:
    raw = {"input": {"required": {"format": ["COMFY_DYNAMICCOMBO_V3", {"options": odd}]}}}
    spec = Catalogue.from_object_info({"SaveVideo": raw}).spec("SaveVideo", "format")
    assert spec is not None
    assert spec.choices == ()


def test_a_seed_that_may_be_no_number_is_refused_and_not_drawn() -> None:
    template = made(export_of("text-to-image"), "[parameters.seed]\nmin = 10", None)
    info = object_info()
    info["KSampler"]["input"]["required"]["seed"][1].update(min=0, max=5)
    known = Catalogue.from_object_info(info)
    said = findings(good(template), known, "problem")
    assert any("at least 10 is wanted, but at most 5 is taken" in text for text in said)
    with pytest.raises(ParameterError, match="seed cannot be any number here"):
        good(template).with_catalogue(known).resolve({"prompt": "x"}, limits=TIER, draw=draw_low)
