"""From what somebody asked for to jobs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import FlagError, ParameterError, TemplateError, TemplateNotFound
from bot.presentation.flags import SHELL, Ask, parse_line
from bot.service.estimate import estimate_seconds
from bot.service.images import InputImage
from bot.service.imagine import Request, choose_template, named_files, plan
from bot.templates.loader import TemplateLibrary
from bot.templates.sizes import Limits
from tests.support.templates import (
    TIER,
    WORKFLOWS,
    catalogue,
    draw_low,
    edited,
    export_of,
    good,
    made,
    shipped,
)

PHOTO = InputImage(b"photo", ".png", 64, 64)
MASK = InputImage(b"mask", ".png", 64, 64)


def asked(line: str) -> Ask:
    return parse_line(line, SHELL)


def planned(line: str, name: str = "text-to-image", limits: Limits = TIER) -> tuple[Request, ...]:
    images = {"photo.png": PHOTO, "mask.png": MASK}
    return plan(asked(line), shipped(name, catalogue()), limits=limits, draw=draw_low, images=images)


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    return TemplateLibrary(WORKFLOWS, catalogue())


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("a fox", "text-to-image"),
        ("a fox --image photo.png", "image-to-image"),
        ("a fox --lora ink:0.8", "text-to-image-lora"),
        ("a fox --template flux", "flux"),
        ("a fox --template FLUX", "flux"),
    ],
)
def test_the_template_that_is_meant(library: TemplateLibrary, line: str, name: str) -> None:
    assert choose_template(library, asked(line)).name == name


def test_a_template_that_is_not_there(library: TemplateLibrary) -> None:
    with pytest.raises(TemplateNotFound, match=r"Did you mean text-to-image\?"):
        choose_template(library, asked("a fox --template text-to-imge"))


def test_a_folder_without_a_template(tmp_path: Path) -> None:
    with pytest.raises(TemplateNotFound, match="There is no template in"):
        choose_template(TemplateLibrary(tmp_path), asked("a fox"))


def test_a_folder_without_one_for_a_picture(tmp_path: Path) -> None:
    for suffix in (".json", ".toml"):
        shutil.copy(WORKFLOWS / f"flux{suffix}", tmp_path)
    with pytest.raises(TemplateNotFound, match=r"for imagine takes a picture.*flux"):
        choose_template(TemplateLibrary(tmp_path), asked("a fox --image photo.png"))


def test_a_server_without_the_models_is_told_from_a_folder_without_templates() -> None:
    poor = TemplateLibrary(WORKFLOWS, catalogue({"ckpt_name": (), "unet_name": ()}))
    with pytest.raises(TemplateError, match=r"No template that can be used .* fairbrush check"):
        choose_template(poor, asked("a fox"))


def test_words_flags_and_seed_become_values() -> None:
    (request,) = planned("a fox --no people --size 512x768 --steps 9 --seed 5 --count 3")
    values = request.values.values
    assert values["prompt_text"] == "a fox"
    assert values["negative_text"] == "people"
    assert (values["width"], values["height"], values["steps"]) == (512, 768, 9)
    jobs = list(request.jobs())
    assert [job.values.seed for job in jobs] == [5, 6, 7]
    assert [job.stem for job in jobs] == ["text-to-image-5", "text-to-image-6", "text-to-image-7"]


def test_an_empty_negative_text_is_an_answer() -> None:
    (request,) = planned('a fox --no ""')
    assert request.values.values["negative_text"] == ""


@pytest.mark.parametrize(
    ("aspect", "wide"), [("3:2", 1.5), ("1920000:1080000", 16 / 9), ("1.85:1", 1.85), ("0.002:0.001", 2)]
)
def test_a_shape_is_handed_on_exactly(aspect: str, wide: float) -> None:
    (request,) = planned(f"a fox --ar {aspect}")
    width, height = request.values.values["width"], request.values.values["height"]
    assert isinstance(width, int)
    assert isinstance(height, int)
    assert width / height == pytest.approx(wide, rel=0.02)


def test_a_range_of_seeds_is_a_request_each() -> None:
    assert [request.values.seed for request in planned("a fox --seed 4-6")] == [4, 5, 6]


def test_a_drawn_seed_is_recorded() -> None:
    (request,) = planned("a fox --seed -1")
    assert isinstance(request.values.seed, int)


def test_tier_and_template_say_how_many() -> None:
    with pytest.raises(ParameterError, match="count 5 is too many: you may ask for at most 4"):
        planned("a fox --count 5")
    planned("a fox --count 5", limits=Limits())


def test_a_picture_that_is_needed() -> None:
    with pytest.raises(FlagError, match=r"needs a picture to start from\. Attach one.*--image FILE"):
        planned("a fox", "image-to-image")


def test_a_picture_that_is_not_taken() -> None:
    with pytest.raises(FlagError, match="Template flux takes no picture"):
        planned("a fox --image photo.png", "flux")


def test_words_that_are_not_taken() -> None:
    with pytest.raises(ParameterError, match="Template upscale takes no text"):
        planned("a fox --image photo.png", "upscale")


@pytest.mark.parametrize(
    "line", ["--image photo.png", "--set image=photo.png", "--set INPUT-image=photo.png"]
)
def test_a_picture_goes_by_what_is_in_it(line: str) -> None:
    (request,) = planned(f"a fox {line}", "image-to-image")
    (reference,) = request.inputs
    assert request.values.values["input_image"] == reference
    assert request.inputs[reference] is PHOTO
    assert list(named_files(asked(f"a fox {line}"))) == ["photo.png"]


def test_a_mask_is_a_picture_by_another_name() -> None:
    template = good(made(_masked(), None, catalogue()))
    assert "input_mask" in template.parameters
    line = "a fox --image photo.png --set input_mask=mask.png"
    (request,) = plan(
        asked(line), template, limits=TIER, draw=draw_low, images={"photo.png": PHOTO, "mask.png": MASK}
    )
    assert {id(image) for image in request.inputs.values()} == {id(PHOTO), id(MASK)}
    values = request.values.values
    assert request.inputs[str(values["input_mask"])] is MASK
    graph = template.bind(request.values, dict.fromkeys(request.inputs, "uploaded.png"))
    assert graph.nodes[_mask_node()].inputs["image"] == "uploaded.png"
    with pytest.raises(FlagError, match=r"as its mask, too\. .*--set input_mask=FILE"):
        plan(
            asked("a fox --image photo.png"),
            template,
            limits=TIER,
            draw=draw_low,
            images={"photo.png": PHOTO},
        )


def _mask_node() -> str:
    return "100"


def _masked() -> dict[str, object]:
    """Image to image with a mask from a file of its own."""
    export = export_of("image-to-image")
    sampler = next(n for n, node in export.items() if node["class_type"] == "KSampler")
    latent = export[sampler]["inputs"]["latent_image"]
    export[_mask_node()] = {
        "class_type": "LoadImageMask",
        "inputs": {"image": "mask.png", "channel": "alpha"},
    }
    export["101"] = {
        "class_type": "SetLatentNoiseMask",
        "inputs": {"samples": latent, "mask": [_mask_node(), 0]},
    }
    return edited(export, {f"{sampler}.latent_image": ["101", 0]})


def test_a_path_in_a_place_for_files_never_reaches_a_graph() -> None:
    """Where no file was handed over (a chat, say), a name of one is no reference to it."""
    with pytest.raises(FlagError, match="needs a picture"):
        plan(
            replace(Ask(prompt_text="a fox"), values={"image": "/etc/passwd"}),
            shipped("image-to-image", catalogue()),
            limits=TIER,
            draw=draw_low,
        )


def test_estimates_grow_with_what_is_asked() -> None:
    def seconds(line: str) -> float | None:
        (request,) = planned(line)
        return estimate_seconds(next(request.jobs()))

    usual = seconds("a fox")
    assert usual == shipped("text-to-image").estimate_seconds
    assert usual is not None
    assert seconds("a fox --steps 50") == pytest.approx(2 * usual)
    assert seconds("a fox --size 512x512") == pytest.approx(usual / 4)
    (request,) = planned("a fox")
    unknown = replace(request, template=replace(request.template, estimate_seconds=None))
    assert estimate_seconds(next(unknown.jobs())) is None


def test_where_all_are_switched_off_it_is_not_said_that_there_are_none() -> None:
    library = TemplateLibrary(WORKFLOWS, catalogue())
    library.switch_off(library.names())
    with pytest.raises(TemplateNotFound, match="All templates are switched off for now") as refused:
        choose_template(library, asked("a fox"))
    assert "/admin templates enable" in str(refused.value.text)
