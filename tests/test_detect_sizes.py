"""Role detection on small graphs: sizes, frames, input files."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.ids import NodeId
from bot.templates.graph import Address
from bot.templates.roles import Role
from tests.detect_graphs import CATALOGUE, Find, Json, changed, custom_sampling, finder, node, places, sampler


@pytest.fixture(params=[CATALOGUE, None], ids=["with catalogue", "offline"])
def find(request: pytest.FixtureRequest) -> Find:
    """Detection both ways: every trap has to be seen with a node catalogue and without."""
    return finder(request.param)


class TestSizes:
    def test_a_selector_leaves_no_size_to_set(self, find: Find) -> None:
        found = find(
            changed(
                n20=node("ResolutionSelector", aspect_ratio="1:1 (Square)", megapixels=1.0, multiple=8),
                n5=node("EmptyLatentImage", width=["20", 0], height=["20", 1], batch_size=1),
            )
        )
        assert places(found, Role.WIDTH) == places(found, Role.HEIGHT) == []
        assert places(found, Role.BATCH_SIZE) == ["5.batch_size"]
        assert any("ResolutionSelector" in str(note) for note in found.notes)

    def test_rounding_keeps_the_role(self, find: Find) -> None:
        found = find(
            changed(
                n20=node("PrimitiveInt", value=1000),
                n21=node(
                    "ComfyMathExpression", expression="max(4, (int(a) // 16) * 16)", values__a=["20", 0]
                ),
                n5=node("EmptyLatentImage", width=["21", 1], height=512, batch_size=1),
            )
        )
        assert places(found, Role.WIDTH) == ["20.value"]

    def test_rounding_to_a_multiple_that_is_a_number_of_its_own(self, find: Find) -> None:
        found = find(
            changed(
                n19=node("PrimitiveInt", value=32),
                n20=node("PrimitiveInt", value=1000),
                n21=node(
                    "ComfyMathExpression", expression="a // b * b", values__a=["20", 0], values__b=["19", 0]
                ),
                n5=node("EmptyLatentImage", width=["21", 1], height=512, batch_size=1),
            )
        )
        assert places(found, Role.WIDTH) == ["20.value"]

    def test_the_size_of_a_picture_that_was_made_this_large(self, find: Find) -> None:
        graph = changed(
            n20=node("LoadImage", image="a.png"),
            n21=node(
                "ImageScale", upscale_method="lanczos", width=832, height=480, crop="center", image=["20", 0]
            ),
            n22=node("Canny", low_threshold=0.1, high_threshold=0.2, image=["21", 0]),
            n23=node("GetImageSize", image=["22", 0]),
            n5=node("EmptyLatentImage", width=["23", 0], height=["23", 1], batch_size=1),
        )
        assert places(find(graph), Role.WIDTH) == ["21.width"]
        assert places(find(graph), Role.HEIGHT) == ["21.height"]
        graph["21"] = node("ImageScaleToTotalPixels", upscale_method="area", megapixels=1.0, image=["20", 0])
        assert places(find(graph), Role.WIDTH) == []

    def test_half_the_size_for_a_first_pass(self, find: Find) -> None:
        found = find(
            changed(
                n20=node("EmptyImage", width=1280, height=720, batch_size=1, color=0),
                n21=node("ImageScaleBy", upscale_method="area", scale_by=0.5, image=["20", 0]),
                n22=node("GetImageSize", image=["21", 0]),
                n5=node("EmptyLatentImage", width=["22", 0], height=["22", 1], batch_size=1),
            )
        )
        assert places(found, Role.WIDTH) == ["20.width"]

    def test_the_size_that_a_scheduler_is_told_is_a_companion(self, find: Find) -> None:
        graph = custom_sampling(g=node("BasicGuider", model=["4", 0], conditioning=["6", 0]))
        graph["s"] = node("Flux2Scheduler", steps=20, width=1024, height=768)
        found = find(graph)
        assert places(found, Role.STEPS) == ["s.steps"]
        assert places(found, Role.WIDTH) == ["5.width"]
        assert found.companions[Role.WIDTH] == (Address(NodeId("s"), "width"),)
        assert found.companions[Role.HEIGHT] == (Address(NodeId("s"), "height"),)

    def test_a_checkpoint_in_other_loaders_is_a_companion(self, find: Find) -> None:
        found = find(
            changed(
                n20=node(
                    "LTXAVTextEncoderLoader",
                    text_encoder="gemma",
                    ckpt_name="base.safetensors",
                    device="default",
                ),
                n6=node("CLIPTextEncode", text="a cat", clip=["20", 0]),
            )
        )
        assert places(found, Role.MODEL) == ["4.ckpt_name"]
        assert found.companions[Role.MODEL] == (Address(NodeId("20"), "ckpt_name"),)


class TestVideo:
    def graph(self, length: Any, **more: Json) -> dict[str, Json]:
        video = {
            "n5": node("EmptyLTXVLatentVideo", width=768, height=512, length=length, batch_size=1),
            "n30": node("LTXVConditioning", frame_rate=25.0, positive=["6", 0], negative=["7", 0]),
            "n31": node("CreateVideo", fps=24.0, images=["8", 0]),
            "n32": node("SaveVideo", filename_prefix="x", format="auto", codec="auto", video=["31", 0]),
            "n3": sampler(positive=["30", 0], negative=["30", 1]),
        }
        return changed("9", **(video | more))

    def test_frames_and_rates(self, find: Find) -> None:
        found = find(self.graph(length=97))
        assert places(found, Role.LENGTH) == ["5.length"]
        assert places(found, Role.FPS) == ["30.frame_rate", "31.fps"]
        assert places(found, Role.OUTPUT) == ["32.video"]

    def test_seconds_are_no_length(self, find: Find) -> None:
        seconds = self.graph(
            length=["41", 1],
            n40=node("PrimitiveInt", "Length", value=5),
            n41=node("ComfyMathExpression", expression="a * 16 + 1", values__a=["40", 0]),
        )
        assert places(find(seconds), Role.LENGTH) == []
        seconds["41"] = node(
            "ComfyMathExpression", expression="floor(a * b) + 1", values__a=["40", 0], values__b=24.0
        )
        assert places(find(seconds), Role.LENGTH) == []

    def test_a_node_that_hands_its_size_on(self, find: Find) -> None:
        found = find(
            changed(
                n20=node(
                    "WanCameraEmbedding", camera_pose="Zoom Out", width=512, height=384, length=81, speed=1.0
                ),
                n5=node(
                    "EmptyHunyuanLatentVideo",
                    width=["20", 1],
                    height=["20", 2],
                    length=["20", 3],
                    batch_size=1,
                ),
            )
        )
        assert places(found, Role.WIDTH) == ["20.width"]
        assert places(found, Role.HEIGHT) == ["20.height"]
        assert places(found, Role.LENGTH) == ["20.length"]

    def test_inputs_of_other_media(self, find: Find) -> None:
        found = find(
            self.graph(
                length=97,
                n50=node("LoadVideo", file="a.mp4"),
                n51=node("GetVideoComponents", video=["50", 0]),
                n52=node("LoadAudio", audio="a.mp3"),
                n31=node("CreateVideo", fps=["51", 2], images=["8", 0], audio=["52", 0]),
            )
        )
        assert places(found, Role.INPUT_VIDEO) == ["50.file"]
        assert places(found, Role.INPUT_AUDIO) == ["52.audio"]
        assert places(found, Role.FPS) == ["30.frame_rate"]


class TestMasks:
    def graph(self, *, mask: list[Any]) -> dict[str, Json]:
        return changed(
            n20=node("LoadImage", image="a.png"),
            n21=node("VAEEncode", pixels=["20", 0], vae=["4", 2]),
            n22=node("SetLatentNoiseMask", samples=["21", 0], mask=mask),
            n23=node("GrowMask", expand=4, tapered_corners=True, mask=["20", 1]),
            n24=node("LoadImageMask", image="m.png", channel="red"),
            n3=sampler(latent_image=["22", 0]),
        )

    @pytest.mark.parametrize("mask", [["20", 1], ["23", 0]])
    def test_the_alpha_channel_of_the_input(self, find: Find, mask: list[Any]) -> None:
        found = find(self.graph(mask=mask))
        assert places(found, Role.INPUT_MASK) == places(found, Role.INPUT_IMAGE) == ["20.image"]

    def test_a_mask_of_its_own(self, find: Find) -> None:
        found = find(self.graph(mask=["24", 0]))
        assert places(found, Role.INPUT_MASK) == ["24.image"]
        assert places(found, Role.INPUT_IMAGE) == ["20.image"]

    def test_transparency_is_no_mask(self, find: Find) -> None:
        found = find(
            changed(
                n20=node("LoadImage", image="a.png"),
                n21=node("InvertMask", mask=["20", 1]),
                n22=node("JoinImageWithAlpha", image=["8", 0], alpha=["21", 0]),
                n9=node("SaveImage", filename_prefix="x", images=["22", 0]),
            )
        )
        assert places(found, Role.INPUT_MASK) == []
