"""The shipped workflows would pass a real server's validation, whatever is asked of them."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from bot.sketch.engine import SketchEngine
from bot.templates.catalogue import Catalogue
from bot.templates.loader import TemplateLibrary
from bot.templates.template import Template
from tests.support.templates import (
    ROOT,
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

NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
INFO = object_info()
CATALOGUE = catalogue()


def request(template: Template) -> dict[str, str]:
    wanted = dict.fromkeys(template.media, "sha256")
    return wanted | ({"prompt_text": "a cat"} if "prompt_text" in template.parameters else {})


def refused(template: Template, **asked: object) -> list[str]:
    options = {key: asked.pop(key) for key in ("preset", "style") if key in asked}
    values = template.resolve({**request(template), **asked}, limits=TIER, draw=draw_low, **options)  # type: ignore[arg-type]
    graph = template.bind(values, {"sha256": "example.png"}).to_api()
    return list(refusals(graph, INFO))


def test_every_workflow_has_a_sidecar_and_a_human_title() -> None:
    assert len(NAMES) == 5
    for name in NAMES:
        template = shipped(name)
        assert template.title
        assert template.description
        assert template.estimate_seconds


@pytest.mark.parametrize("name", NAMES)
def test_the_export_itself_is_valid(name: str) -> None:
    assert list(refusals(export_of(name), INFO)) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_submitted_is_valid(name: str) -> None:
    template = shipped(name, CATALOGUE)
    assert refused(template) == []
    for preset in template.presets:
        assert refused(template, preset=preset) == []
    for style in template.styles:
        assert refused(template, style=style) == []
    if template.canvas is not None:
        assert refused(template, size="1337x999") == []
        assert refused(template, aspect="10:1") == []


def test_the_validation_of_these_tests_can_fail() -> None:
    export = export_of("text-to-image")
    for change, message in (
        ({"5.steps": 0}, "5.steps: 0 out of range"),
        ({"5.steps": "x"}, "5.steps: 'x' is no INT"),
        ({"5.sampler_name": "nope"}, "5.sampler_name: 'nope' not in list"),
        ({"5.model": ["1", 1]}, "5.model: link of the wrong type"),
        ({"5.model": ["99", 0]}, "5.model: bad link ['99', 0]"),
        ({"5.model": "x"}, "5.model: a MODEL must be connected"),
        ({"2.text": 3}, "2.text: 3 is no text"),
    ):
        assert message in list(refusals(edited(export, change), INFO))


async def test_each_workflow_runs_on_the_sketch_engine(tmp_path: Path) -> None:
    async with SketchEngine(tmp_path) as engine, aiohttp.ClientSession(engine.url) as session:
        Image.new("RGB", (64, 48), "teal").save(tmp_path / "input" / "in.png")
        async with session.get("/object_info") as answer:
            library = TemplateLibrary(WORKFLOWS, Catalogue.from_object_info(await answer.json()))
        assert [template.name for template in library.enabled()] == NAMES
        for template in library.enabled():
            asked = {"size": "128x96"} if template.canvas else {}
            steps = {"steps": 1} if "steps" in template.parameters else {}
            values = template.resolve({**request(template), **asked, **steps}, limits=TIER, draw=draw_low)
            graph = template.bind(values, {"sha256": "in.png"}).to_api()
            async with session.ws_connect("/ws", params={"clientId": "test"}) as socket:
                async with session.post("/prompt", json={"prompt": graph, "client_id": "test"}) as answer:
                    assert (await answer.json())["node_errors"] == {}
                async for message in socket:
                    told = message.json() if message.type is aiohttp.WSMsgType.TEXT else {}
                    assert told.get("type") != "execution_error", told
                    if told.get("type") == "execution_success":
                        break
    assert len(list((tmp_path / "output").glob("fairbrush_*.png"))) == len(NAMES)


def test_presets_and_styles_are_the_same_words_everywhere() -> None:
    for name in NAMES:
        template = shipped(name)
        assert tuple(template.presets) in (("fast", "balanced", "quality"), ())
        assert tuple(template.styles) in (("ink", "watercolor", "oil", "photo", "pixel"), ())


def test_each_command_has_one_default_without_and_at_most_one_with_an_input() -> None:
    templates = [shipped(name) for name in NAMES]
    for command in {template.command for template in templates}:
        mine = [template for template in templates if template.command == command and template.is_default]
        assert sum(not template.media for template in mine) <= 1
        assert sum(bool(template.media) for template in mine) <= 1
        assert mine


def test_the_manual_names_every_shipped_workflow() -> None:
    manual = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in manual] == []
