"""The line of ``templates inspect --json``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.templates.inspection import inspect_file
from bot.templates.params import MAX_SEED
from bot.templates.roles import Role
from tests.support.templates import WORKFLOWS, catalogue, edited, export_of


def test_a_workflow_is_told_role_by_role() -> None:
    path = WORKFLOWS / "text-to-image.json"
    found = inspect_file(path, catalogue())
    assert found["file"] == str(path)
    assert found["format"] == "api"
    assert list(found["roles"]) == [role.value for role in Role]
    assert found["roles"]["prompt_text"] == ["2.text"]
    assert found["roles"]["negative_text"] == ["3.text"]
    assert found["roles"]["batch_size"] == ["4.batch_size"]
    assert found["roles"]["output"] == ["7.images"]
    assert found["roles"]["lora"] == []
    assert found["outputs"] == ["7"]
    assert found["problems"] == []
    parameters = {parameter["name"]: parameter for parameter in found["parameters"]}
    assert parameters["seed"] == {
        "name": "seed",
        "kind": "seed",
        "default": 20240607,
        "min": 0,
        "max": MAX_SEED,
        "choices": None,
        "bind": ["5.seed"],
    }
    assert (parameters["steps"]["default"], parameters["steps"]["min"], parameters["steps"]["max"]) == (
        25,
        1,
        10000,
    )
    assert parameters["scheduler"]["choices"][2] == "karras"
    assert parameters["prompt_text"]["default"].startswith("a lighthouse")
    assert json.loads(json.dumps(found)) == found


def test_offline_there_are_no_ranges_and_choices() -> None:
    found = inspect_file(WORKFLOWS / "text-to-image.json")
    assert {(p["min"], p["max"], p["choices"]) for p in found["parameters"]} == {(None, None, None)}
    assert found["roles"] == inspect_file(WORKFLOWS / "text-to-image.json", catalogue())["roles"]


def test_places_that_disagree_have_no_default(tmp_path: Path) -> None:
    export = export_of("text-to-image")
    export["50"] = {**export["5"], "inputs": {**export["5"]["inputs"], "seed": 9, "latent_image": ["5", 0]}}
    export["6"]["inputs"]["samples"] = ["50", 0]
    (tmp_path / "two.json").write_text(json.dumps(export), encoding="utf-8")
    seed = next(p for p in inspect_file(tmp_path / "two.json")["parameters"] if p["name"] == "seed")
    assert (seed["default"], seed["bind"]) == (None, ["5.seed", "50.seed"])


@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (b'{"nodes": [], "links": []}', "ui", "Export (API)"),
        (b"{", "unknown", "not valid JSON"),
        (b"\xff\xfe", "unknown", "not UTF-8"),
        (b"[]", "api", "holds no workflow"),
        (
            json.dumps(edited(export_of("upscale"), {"3.image": ["9", 0]})).encode(),
            "api",
            "comes from node 9",
        ),
        (b'{"1": {"class_type": "X", "inputs": {}}}', "api", "saves nothing"),
    ],
)
def test_a_file_that_is_wrong_is_told_and_never_raised(
    tmp_path: Path, data: bytes, kind: str, problem: str
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    found = inspect_file(path)
    assert found["format"] == kind
    assert problem in found["problems"][0]
    assert json.loads(json.dumps(found)) == found


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert "cannot be read" in inspect_file(tmp_path / "none.json")["problems"][0]
    assert "cannot be read" in inspect_file(tmp_path)["problems"][0]
