"""Role detection on small graphs: samplers, switches, outputs, and what is broken."""

from __future__ import annotations

import json

import pytest

from bot.templates.roles import Role
from tests.detect_graphs import (
    CATALOGUE,
    TEXT_TO_IMAGE,
    Find,
    Json,
    changed,
    custom_sampling,
    finder,
    node,
    places,
    sampler,
)


@pytest.fixture(params=[CATALOGUE, None], ids=["with catalogue", "offline"])
def find(request: pytest.FixtureRequest) -> Find:
    """Detection both ways: every trap has to be seen with a node catalogue and without."""
    return finder(request.param)


def test_a_plain_graph_has_every_role(find: Find) -> None:
    found = find(TEXT_TO_IMAGE)
    assert {role.value: [str(p) for p in where] for role, where in found.roles.items()} == {
        "prompt_text": ["6.text"],
        "negative_text": ["7.text"],
        "seed": ["3.seed"],
        "steps": ["3.steps"],
        "cfg": ["3.cfg"],
        "width": ["5.width"],
        "height": ["5.height"],
        "batch_size": ["5.batch_size"],
        "sampler": ["3.sampler_name"],
        "scheduler": ["3.scheduler"],
        "denoise": ["3.denoise"],
        "model": ["4.ckpt_name"],
        "output": ["9.images"],
    }
    assert found.outputs == ("9",)


def test_titles_and_ids_decide_nothing(find: Find) -> None:
    renamed = json.dumps(TEXT_TO_IMAGE).replace('["6", 0]', '["x", 0]').replace('"6":', '"x":')
    graph = json.loads(renamed)
    graph["x"]["_meta"]["title"], graph["7"]["_meta"]["title"] = "Negative", "Positive prompt"
    found = find(graph)
    assert places(found, Role.PROMPT_TEXT) == ["x.text"]
    assert places(found, Role.NEGATIVE_TEXT) == ["7.text"]


def test_ids_of_subgraphs(find: Find) -> None:
    text = json.dumps(TEXT_TO_IMAGE)
    for key in TEXT_TO_IMAGE:
        text = text.replace(f'"{key}":', f'"86:1:{key}":').replace(f'["{key}", ', f'["86:1:{key}", ')
    found = find(json.loads(text))
    assert places(found, Role.SEED) == ["86:1:3.seed"]
    assert places(found, Role.PROMPT_TEXT) == ["86:1:6.text"]


class TestSwitches:
    def graph(self, turbo: bool) -> dict[str, Json]:
        return changed(
            n20=node("PrimitiveBoolean", "Turbo?", value=turbo),
            n21=node("PrimitiveInt", value=40),
            n22=node("PrimitiveInt", value=4),
            n23=node("ComfySwitchNode", switch=["20", 0], on_false=["21", 0], on_true=["22", 0]),
            n24=node("LoraLoaderModelOnly", lora_name="turbo", strength_model=1.0, model=["4", 0]),
            n25=node("ComfySwitchNode", switch=["20", 0], on_false=["4", 0], on_true=["24", 0]),
            n26=node("ComfySwitchNode", switch=["20", 0], on_false="a lighthouse", on_true="a tower"),
            n6=node("CLIPTextEncode", text=["26", 0], clip=["4", 1]),
            n3=sampler(steps=["23", 0], model=["25", 0]),
        )

    @pytest.mark.parametrize("turbo", [True, False])
    def test_only_the_chosen_branch_carries_roles(self, find: Find, turbo: bool) -> None:
        found = find(self.graph(turbo))
        assert places(found, Role.STEPS) == (["22.value"] if turbo else ["21.value"])
        assert places(found, Role.LORA) == (["24.lora_name"] if turbo else [])
        assert places(found, Role.PROMPT_TEXT) == (["26.on_true"] if turbo else ["26.on_false"])
        assert places(found, Role.MODEL) == ["4.ckpt_name"]

    def test_a_condition_may_be_computed(self, find: Find) -> None:
        graph = self.graph(turbo=False)
        graph["20"] = node("ComfyMathExpression", expression="a > 2", values__a=["30", 0])
        graph["30"] = node("PrimitiveInt", value=3)
        for switch in ("23", "25", "26"):
            graph[switch]["inputs"]["switch"] = ["20", 2]
        assert places(find(graph), Role.STEPS) == ["22.value"]

    def test_a_condition_that_nobody_can_tell_keeps_both(self, find: Find) -> None:
        graph = self.graph(turbo=False)
        graph["20"] = node("LooksLikeRain", image=["8", 0])
        found = find(graph)
        assert places(found, Role.STEPS) == ["21.value", "22.value"]
        assert places(found, Role.MODEL) == ["4.ckpt_name"]
        assert places(found, Role.LORA) == ["24.lora_name"]

    def test_an_index_switch(self, find: Find) -> None:
        graph = changed(
            n20=node("PrimitiveInt", value=8),
            n21=node("PrimitiveInt", value=30),
            n22=node("ImpactSwitch", select=2, input1=["20", 0], input2=["21", 0]),
            n3=sampler(steps=["22", 0]),
        )
        assert places(find(graph), Role.STEPS) == ["21.value"]

    def test_inputs_of_a_dead_branch_are_no_inputs(self, find: Find) -> None:
        graph = changed(
            n40=node("LoadImage", image="a.png"),
            n41=node("VAEEncode", pixels=["40", 0], vae=["4", 2]),
            n42=node("ComfySwitchNode", switch=False, on_false=["5", 0], on_true=["41", 0]),
            n43=node("LoadImage", image="nobody reads me.png"),
            n3=sampler(latent_image=["42", 0]),
        )
        assert places(find(graph), Role.INPUT_IMAGE) == []


class TestSamplers:
    def test_parts_in_nodes_of_their_own(self, find: Find) -> None:
        found = find(
            custom_sampling(
                g=node("BasicGuider", model=["4", 0], conditioning=["f", 0]),
                nf=node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
            )
        )
        assert places(found, Role.SEED) == ["n.noise_seed"]
        assert places(found, Role.STEPS) == ["s.steps"]
        assert places(found, Role.SCHEDULER) == ["s.scheduler"]
        assert places(found, Role.DENOISE) == ["s.denoise"]
        assert places(found, Role.SAMPLER) == ["k.sampler_name"]
        assert places(found, Role.GUIDANCE) == ["f.guidance"]
        assert places(found, Role.CFG) == []
        assert places(found, Role.PROMPT_TEXT) == ["6.text"]

    def test_a_guider_with_cfg(self, find: Find) -> None:
        found = find(
            custom_sampling(
                g=node("CFGGuider", cfg=4.0, model=["4", 0], positive=["6", 0], negative=["7", 0])
            )
        )
        assert places(found, Role.CFG) == ["g.cfg"]
        assert places(found, Role.NEGATIVE_TEXT) == ["7.text"]

    def test_a_refined_schedule_keeps_the_steps_of_the_first(self, find: Find) -> None:
        graph = custom_sampling(
            g=node("BasicGuider", model=["4", 0], conditioning=["6", 0]),
            nr=node(
                "ExtendIntermediateSigmas",
                steps=2,
                start_at_sigma=-1.0,
                end_at_sigma=12.0,
                spacing="linear",
                sigmas=["p", 0],
            ),
            np=node("SplitSigmas", step=5, sigmas=["s", 0]),
        )
        graph["3"]["inputs"]["sigmas"] = ["r", 0]
        assert places(find(graph), Role.STEPS) == ["s.steps"]

    def test_sigmas_that_are_typed_have_no_steps(self, find: Find) -> None:
        graph = custom_sampling(g=node("BasicGuider", model=["4", 0], conditioning=["6", 0]))
        graph["s"] = node("ManualSigmas", sigmas="1.0, 0.5, 0.0")
        found = find(graph)
        assert places(found, Role.STEPS) == []
        assert places(found, Role.SEED) == ["n.noise_seed"]

    def test_two_stages_are_written_both_but_for_the_dead_seed(self, find: Find) -> None:
        stage = {
            "noise_seed": 5,
            "steps": 20,
            "cfg": 4.0,
            "sampler_name": "euler",
            "scheduler": "simple",
            "start_at_step": 0,
            "end_at_step": 10,
            "positive": ["6", 0],
            "negative": ["7", 0],
        }
        found = find(
            changed(
                "3",
                n44=node("UNETLoader", unet_name="low.safetensors", weight_dtype="default"),
                n3=node(
                    "KSamplerAdvanced",
                    **stage,
                    add_noise="enable",
                    return_with_leftover_noise="enable",
                    model=["4", 0],
                    latent_image=["5", 0],
                ),
                n33=node(
                    "KSamplerAdvanced",
                    **stage,
                    add_noise="disable",
                    return_with_leftover_noise="disable",
                    model=["44", 0],
                    latent_image=["3", 0],
                ),
                n8=node("VAEDecode", samples=["33", 0], vae=["4", 2]),
            )
        )
        assert places(found, Role.SEED) == ["3.noise_seed"]
        assert places(found, Role.STEPS) == ["3.steps", "33.steps"]
        assert sorted(places(found, Role.MODEL)) == ["4.ckpt_name", "44.unet_name"]
        assert places(found, Role.WIDTH) == ["5.width"]

    def test_a_second_pass_has_a_seed_of_its_own(self, find: Find) -> None:
        found = find(
            changed(
                n30=node(
                    "LatentUpscale",
                    upscale_method="nearest-exact",
                    width=2048,
                    height=1536,
                    crop="disabled",
                    samples=["3", 0],
                ),
                n31=sampler(seed=2, denoise=0.5, latent_image=["30", 0]),
                n8=node("VAEDecode", samples=["31", 0], vae=["4", 2]),
            )
        )
        assert places(found, Role.SEED) == ["3.seed", "31.seed"]
        assert places(found, Role.WIDTH) == ["5.width"]

    def test_a_sampler_that_only_draws_a_depth_map_is_left_out(self, find: Find) -> None:
        graph = changed(
            n70=node("UNETLoader", unet_name="depth.safetensors", weight_dtype="default"),
            n71=node("LotusConditioning"),
            n72=node("BasicGuider", model=["70", 0], conditioning=["71", 0]),
            n73=node("DisableNoise"),
            n74=node("KSamplerSelect", sampler_name="euler"),
            n75=node("BasicScheduler", scheduler="normal", steps=1, denoise=1.0, model=["70", 0]),
            n76=node("LoadImage", image="a.png"),
            n77=node("VAEEncode", pixels=["76", 0], vae=["4", 2]),
            n78=node(
                "SamplerCustomAdvanced",
                noise=["73", 0],
                guider=["72", 0],
                sampler=["74", 0],
                sigmas=["75", 0],
                latent_image=["77", 0],
            ),
            n79=node("VAEDecode", samples=["78", 0], vae=["4", 2]),
            n80=node("ControlNetLoader", control_net_name="depth"),
            n81=node(
                "ControlNetApplyAdvanced",
                strength=1.0,
                start_percent=0.0,
                end_percent=1.0,
                positive=["6", 0],
                negative=["7", 0],
                control_net=["80", 0],
                image=["79", 0],
            ),
            n3=sampler(positive=["81", 0], negative=["81", 1]),
        )
        found = find(graph)
        assert places(found, Role.STEPS) == ["3.steps"]
        assert places(found, Role.MODEL) == ["4.ckpt_name"]
        assert places(found, Role.INPUT_IMAGE) == ["76.image"]

    def test_a_sampler_that_nobody_listed(self, find: Find) -> None:
        graph = changed()
        graph["3"]["class_type"] = "SomebodysSampler"
        graph["4"]["class_type"] = "SomebodysLoader"
        graph["5"]["class_type"] = "SomebodysCanvas"
        graph["6"]["class_type"] = "SomebodysEncoder"
        found = find(graph)
        assert places(found, Role.SEED) == ["3.seed"]
        assert places(found, Role.MODEL) == ["4.ckpt_name"]
        assert places(found, Role.WIDTH) == ["5.width"]
        assert places(found, Role.PROMPT_TEXT) == ["6.text"]

    def test_a_pipe_carries_everything(self, find: Find) -> None:
        found = find(
            {
                "1": node(
                    "PipeLoader",
                    ckpt_name="a",
                    positive="a cat",
                    negative="bad",
                    empty_latent_width=512,
                    empty_latent_height=512,
                    batch_size=1,
                    lora_name="None",
                ),
                "2": node(
                    "PipeSampler",
                    seed=1,
                    steps=20,
                    cfg=7.0,
                    sampler_name="euler",
                    scheduler="normal",
                    pipe=["1", 0],
                ),
                "3": node("SaveImage", filename_prefix="x", images=["2", 1]),
            }
        )
        assert places(found, Role.PROMPT_TEXT) == ["1.positive"]
        assert places(found, Role.NEGATIVE_TEXT) == ["1.negative"]
        assert places(found, Role.WIDTH) == ["1.empty_latent_width"]
        assert places(found, Role.LORA) == []

    def test_auxiliary_models_are_not_the_model(self, find: Find) -> None:
        found = find(
            changed(
                n90=node("UpscaleModelLoader", model_name="x4.pth"),
                n91=node("ImageUpscaleWithModel", upscale_model=["90", 0], image=["8", 0]),
                n9=node("SaveImage", filename_prefix="x", images=["91", 0]),
            )
        )
        assert places(found, Role.MODEL) == ["4.ckpt_name"]

    def test_every_lora_on_the_way(self, find: Find) -> None:
        found = find(
            changed(
                n10=node(
                    "LoraLoader",
                    lora_name="a",
                    strength_model=1.0,
                    strength_clip=1.0,
                    model=["4", 0],
                    clip=["4", 1],
                ),
                n11=node("LoraLoaderModelOnly", lora_name="b", strength_model=1.0, model=["10", 0]),
                n12=node("ModelSamplingSD3", shift=3.0, model=["11", 0]),
                n3=sampler(model=["12", 0]),
            )
        )
        assert places(found, Role.LORA) == ["10.lora_name", "11.lora_name"]


class TestOutputs:
    def test_previews_count_only_when_nothing_saves(self, find: Find) -> None:
        preview = node("PreviewImage", images=["8", 0])
        assert find(changed(n10=preview)).outputs == ("9",)
        found = find(changed("9", n10=preview))
        assert found.outputs == ("10",)
        assert places(found, Role.SEED) == ["3.seed"]

    def test_an_output_that_nobody_knows(self, find: Find) -> None:
        found = find(changed("9", n10=node("SendOverThere", pictures=["8", 0])))
        assert found.outputs == ("10",)
        assert places(found, Role.PROMPT_TEXT) == ["6.text"]

    def test_what_no_output_needs_has_no_role(self, find: Find) -> None:
        graph = changed(n60=sampler(seed=99), n61=node("VAEDecode", samples=["60", 0], vae=["4", 2]))
        assert places(find(graph), Role.SEED) == ["3.seed"]


def test_what_a_detector_is_asked_without_a_sampler(find: Find) -> None:
    found = find(
        {
            "1": node("CheckpointLoaderSimple", ckpt_name="sam.safetensors"),
            "2": node("CLIPTextEncode", text="guitar", clip=["1", 1]),
            "3": node("LoadImage", image="a.png"),
            "4": node("SAM3_Detect", threshold=0.5, model=["1", 0], image=["3", 0], conditioning=["2", 0]),
            "5": node("MaskPreview", mask=["4", 0]),
        }
    )
    assert places(found, Role.PROMPT_TEXT) == ["2.text"]
    assert places(found, Role.MODEL) == ["1.ckpt_name"]
    assert places(found, Role.INPUT_MASK) == []
    assert Role.OUTPUT not in found.roles


def test_cycles_end(find: Find) -> None:
    graph = changed(
        n20=node("StringConcatenate", string_a=["21", 0], string_b=["6", 0], delimiter=""),
        n21=node("StringConcatenate", string_a=["20", 0], string_b=["20", 0], delimiter=""),
        n22=node("ComfySwitchNode", switch=["22", 0], on_false=["22", 0], on_true=["22", 0]),
        n23=node("ComfyMathExpression", expression="a", values__a=["23", 0]),
        n24=node("LoraLoaderModelOnly", lora_name="x", model=["24", 0]),
        n25=node("GetImageSize", image=["25", 0]),
        n6=node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["7", 0]),
        n5=node("EmptyLatentImage", width=["23", 1], height=["25", 1], batch_size=["22", 0]),
        n3=sampler(steps=["22", 0], model=["24", 0], cfg=["23", 0], latent_image=["3", 0]),
        n7=node("CLIPTextEncode", text=["20", 0], clip=["4", 1]),
    )
    assert places(find(graph), Role.SEED) == ["3.seed"]


def test_links_to_nodes_that_are_not_there(find: Find) -> None:
    found = find(changed("4", "6", "5"))
    assert places(found, Role.SEED) == ["3.seed"]
    assert Role.MODEL not in found.roles
    assert Role.WIDTH not in found.roles


def test_literals_of_a_wrong_kind_carry_no_role(find: Find) -> None:
    found = find(changed(n3=sampler(seed={"a": 1}, steps=None, cfg=[1, 2, 3], sampler_name=5, denoise=True)))
    for role in (Role.SEED, Role.STEPS, Role.CFG, Role.SAMPLER, Role.DENOISE):
        assert role not in found.roles


def test_outputs_that_a_node_does_not_have(find: Find) -> None:
    graph = changed(n3=sampler(positive=["6", -2], negative=["7", 99], model=["4", 10**9]))
    assert places(find(graph), Role.PROMPT_TEXT) == ["6.text"]
