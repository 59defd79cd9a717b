"""Role detection on small graphs: whose words are where."""

from __future__ import annotations

from typing import Any

import pytest

from bot.templates.detect import detect
from bot.templates.graph import parse_export
from bot.templates.roles import Role
from tests.detect_graphs import CATALOGUE, Find, Json, changed, custom_sampling, finder, node, places, sampler


@pytest.fixture(params=[CATALOGUE, None], ids=["with catalogue", "offline"])
def find(request: pytest.FixtureRequest) -> Find:
    """Detection both ways: every trap has to be seen with a node catalogue and without."""
    return finder(request.param)


class TestNegative:
    def test_zeroed_out_is_no_negative_text(self, find: Find) -> None:
        found = find(
            changed(
                "7", n50=node("ConditioningZeroOut", conditioning=["6", 0]), n3=sampler(negative=["50", 0])
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["6.text"]
        assert places(found, Role.NEGATIVE_TEXT) == []
        assert any("zeroed" in str(note) for note in found.notes)

    def test_the_positive_text_on_both_sides_stays_positive(self, find: Find) -> None:
        found = find(changed("7", n3=sampler(negative=["6", 0])))
        assert places(found, Role.NEGATIVE_TEXT) == []
        assert found.notes

    def test_the_second_condition_of_a_dual_guider(self, find: Find) -> None:
        graph = custom_sampling(
            g=node(
                "DualCFGGuider",
                cfg_conds=5.0,
                cfg_cond2_negative=2.0,
                style="regular",
                model=["4", 0],
                cond1=["6", 0],
                cond2=["7", 0],
                negative=["6", 0],
            ),
        )
        found = find(graph)
        assert places(found, Role.PROMPT_TEXT) == ["6.text"]
        assert places(found, Role.NEGATIVE_TEXT) == ["7.text"]
        assert places(found, Role.CFG) == ["g.cfg_conds"]

    def test_sides_are_kept_through_nodes_with_a_pair(self, find: Find) -> None:
        graph = changed(
            n60=node("ControlNetLoader", control_net_name="canny"),
            n61=node("LoadImage", image="a.png"),
            n62=node(
                "ControlNetApplyAdvanced",
                strength=1.0,
                start_percent=0.0,
                end_percent=1.0,
                positive=["6", 0],
                negative=["7", 0],
                control_net=["60", 0],
                image=["61", 0],
            ),
            n3=sampler(positive=["62", 0], negative=["62", 1]),
        )
        found = find(graph)
        assert places(found, Role.PROMPT_TEXT) == ["6.text"]
        assert places(found, Role.NEGATIVE_TEXT) == ["7.text"]
        assert places(found, Role.INPUT_IMAGE) == ["61.image"]
        assert places(found, Role.MODEL) == ["4.ckpt_name"]


def test_crossed_outputs_of_a_pair_are_told_by_the_catalogue() -> None:
    graph = changed(
        n62=node("LTXVConditioning", frame_rate=25.0, positive=["6", 0], negative=["7", 0]),
        n3=sampler(positive=["62", 1], negative=["62", 0]),
    )
    found = detect(parse_export(graph), CATALOGUE)
    assert places(found, Role.PROMPT_TEXT) == ["7.text"]


class TestTexts:
    def encoded(self, source: list[Any], **more: Json) -> dict[str, Json]:
        return changed(n6=node("CLIPTextEncode", text=source, clip=["4", 1]), **more)

    def test_a_primitive(self, find: Find) -> None:
        found = find(self.encoded(["20", 0], n20=node("PrimitiveStringMultiline", value="a cat")))
        assert places(found, Role.PROMPT_TEXT) == ["20.value"]

    def test_an_instruction_for_a_language_model_is_the_authors(self, find: Find) -> None:
        found = find(
            self.encoded(
                ["22", 0],
                n20=node(
                    "PrimitiveStringMultiline", "Prompt", value="You are an assistant that writes prompts."
                ),
                n21=node("PrimitiveStringMultiline", "System prompt", value="a cat"),
                n22=node("StringConcatenate", string_a=["21", 0], string_b=["20", 0], delimiter=""),
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["21.value"]

    def test_a_trigger_word_is_the_authors(self, find: Find) -> None:
        found = find(
            self.encoded(
                ["22", 0],
                n21=node("PrimitiveStringMultiline", value="a cat"),
                n22=node("StringConcatenate", string_a="pixel art,", string_b=["21", 0], delimiter=" "),
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["21.value"]

    def test_labels_around_choices_are_the_authors(self, find: Find) -> None:
        found = find(
            self.encoded(
                ["24", 0],
                n21=node("PrimitiveStringMultiline", value="a cat"),
                n22=node("CustomCombo", choice="16:9", index=0, option1="16:9"),
                n23=node("StringConcatenate", string_a="Aspect ratio: ", string_b=["22", 0], delimiter=""),
                n24=node("StringConcatenate", string_a=["21", 0], string_b=["23", 0], delimiter=";"),
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["21.value"]

    def test_a_placeholder_takes_the_words_in(self, find: Find) -> None:
        graph = self.encoded(
            ["26", 0],
            n20=node("PrimitiveStringMultiline", value="a cat"),
            n21=node(
                "StringReplace",
                string="Improve this: {prompt} at {width}",
                find="{prompt}",
                replace=["20", 0],
            ),
            n22=node("PreviewAny", source=1024),
            n23=node("StringReplace", string=["21", 0], find="{width}", replace=["22", 0]),
            n24=node("CLIPLoader", clip_name="llm", type="flux2", device="default"),
            n25=node(
                "TextGenerate",
                prompt=["23", 0],
                max_length=256,
                sampling_mode="on",
                sampling_mode__seed=3,
                clip=["24", 0],
            ),
            n26=node("ComfySwitchNode", switch=True, on_false=["20", 0], on_true=["25", 0]),
        )
        found = find(graph)
        assert places(found, Role.PROMPT_TEXT) == ["20.value"]
        assert places(found, Role.SEED) == ["3.seed"]

    def test_a_piece_of_an_answer_is_followed_a_piece_of_a_table_is_not(self, find: Find) -> None:
        answer = self.encoded(
            ["22", 0],
            n20=node("PrimitiveStringMultiline", value="a cat"),
            n21=node("TextGenerate", prompt=["20", 0], max_length=256, clip=["4", 1]),
            n22=node("JsonExtractString", json_string=["21", 0], key="prompt"),
        )
        table = self.encoded(
            ["22", 0], n22=node("RegexExtract", string="ballet\ntap", regex_pattern="^.*", mode="First Match")
        )
        assert places(find(answer), Role.PROMPT_TEXT) == ["20.value"]
        assert places(find(table), Role.PROMPT_TEXT) == []

    def test_both_texts_of_a_double_encoder(self, find: Find) -> None:
        found = find(
            changed(n6=node("CLIPTextEncodeFlux", clip_l="a cat", t5xxl="a cat", guidance=3.5, clip=["4", 1]))
        )
        assert places(found, Role.PROMPT_TEXT) == ["6.clip_l", "6.t5xxl"]
        assert places(found, Role.GUIDANCE) == ["6.guidance"]

    def test_lyrics_are_not_the_prompt(self, find: Find) -> None:
        found = find(
            changed(
                n6=node(
                    "TextEncodeAceStepAudio", tags="jazz", lyrics="la", lyrics_strength=1.0, clip=["4", 1]
                )
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["6.tags"]

    def test_edit_encoders(self, find: Find) -> None:
        found = find(
            changed(
                n20=node("LoadImage", image="a.png"),
                n6=node(
                    "TextEncodeQwenImageEditPlus",
                    prompt="make it blue",
                    clip=["4", 1],
                    vae=["4", 2],
                    image1=["20", 0],
                ),
                n7=node(
                    "TextEncodeQwenImageEditPlus", prompt="", clip=["4", 1], vae=["4", 2], image1=["20", 0]
                ),
                n21=node("VAEEncode", pixels=["20", 0], vae=["4", 2]),
                n3=sampler(latent_image=["21", 0]),
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["6.prompt"]
        assert places(found, Role.NEGATIVE_TEXT) == ["7.prompt"]
        assert places(found, Role.INPUT_IMAGE) == ["20.image"]
        assert places(found, Role.WIDTH) == []

    def test_an_encoder_with_both_sides(self, find: Find) -> None:
        found = find(
            changed(
                "7",
                n6=node(
                    "TextEncodeBooguEdit", prompt="blue", negative_prompt="ugly", clip=["4", 1], vae=["4", 2]
                ),
                n3=sampler(positive=["6", 0], negative=["6", 1]),
            )
        )
        assert places(found, Role.PROMPT_TEXT) == ["6.prompt"]
        assert places(found, Role.NEGATIVE_TEXT) == ["6.negative_prompt"]


class TestServices:
    def test_everything_in_one_node(self, find: Find) -> None:
        found = find(
            {
                "1": node(
                    "QwenImageEditApi",
                    model="pro",
                    model__prompt="blue",
                    model__negative_prompt="ugly",
                    size="match input",
                    n=1,
                    seed=4,
                    watermark=False,
                    model__images__image_1=["2", 0],
                ),
                "2": node("LoadImage", image="a.png"),
                "3": node("SaveImage", filename_prefix="x", images=["1", 0]),
            }
        )
        assert places(found, Role.PROMPT_TEXT) == ["1.model.prompt"]
        assert places(found, Role.NEGATIVE_TEXT) == ["1.model.negative_prompt"]
        assert places(found, Role.SEED) == ["1.seed"]
        assert places(found, Role.BATCH_SIZE) == ["1.n"]
        assert places(found, Role.INPUT_IMAGE) == ["2.image"]

    @pytest.mark.parametrize(("preset", "sized"), [("2560x1440 (16:9)", False), ("Custom", True)])
    def test_a_chosen_preset_makes_width_and_height_idle(self, find: Find, preset: str, sized: bool) -> None:
        found = find(
            {
                "1": node(
                    "ByteDanceSeedreamNode",
                    model="m",
                    prompt="a cat",
                    size_preset=preset,
                    width=2048,
                    height=2048,
                    max_images=1,
                    seed=1,
                ),
                "3": node("SaveImage", filename_prefix="x", images=["1", 0]),
            }
        )
        assert places(found, Role.WIDTH) == (["1.width"] if sized else [])
        assert places(found, Role.BATCH_SIZE) == ["1.max_images"]

    def test_a_language_model_in_front_is_a_helper(self, find: Find) -> None:
        found = find(
            {
                "1": node("GeminiNode", prompt="describe a cat", model="m", seed=1, system_prompt=""),
                "2": node(
                    "FluxProExpandNode", prompt=["1", 0], guidance=60.0, steps=50, seed=2, image=["4", 0]
                ),
                "3": node("SaveImage", filename_prefix="x", images=["2", 0]),
                "4": node("LoadImage", image="a.png"),
            }
        )
        assert places(found, Role.PROMPT_TEXT) == ["1.prompt"]
        assert places(found, Role.SEED) == ["2.seed"]
        assert places(found, Role.GUIDANCE) == ["2.guidance"]

    def test_tools_beside_a_sampler_are_no_services(self) -> None:
        graph = changed(
            n20=node("GroundingSegment", prompt="face", image=["8", 0]),
            n9=node("SaveImage", filename_prefix="x", images=["20", 0]),
        )
        assert places(detect(parse_export(graph)), Role.PROMPT_TEXT) == ["6.text"]
