"""The engine's node catalogue against a real server's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.sketch.files import Folders
from bot.sketch.models import SKETCH_MODELS
from bot.sketch.registry import Registry, core_nodes

REAL: dict[str, Any] = json.loads(
    (Path(__file__).parent / "data" / "object_info_core.json").read_text(encoding="utf-8")
)
FILE_CHOICES = {
    "ckpt_name",
    "clip_name",
    "clip_name1",
    "clip_name2",
    "image",
    "lora_name",
    "model_name",
    "unet_name",
    "vae_name",
}
"""Inputs whose choices are the files a server happens to have."""


def without_files(sections: dict[str, Any]) -> dict[str, Any]:
    """The declared inputs, with file lists emptied; everything else must be equal, order included."""
    cleaned: dict[str, Any] = {}
    for section, inputs in sections.items():
        cleaned[section] = {}
        for name, spec in inputs.items():
            if name in FILE_CHOICES and isinstance(spec[0], list):
                spec = [[], *spec[1:]]
            elif name in FILE_CHOICES and spec[0] == "COMBO":
                spec = ["COMBO", {**spec[1], "options": []}]
            cleaned[section][name] = spec
    return cleaned


@pytest.fixture
def registry() -> Registry:
    return Registry(core_nodes())


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path, SKETCH_MODELS)
    made.prepare()
    return made


@pytest.mark.parametrize("name", sorted(REAL))
def test_a_class_is_declared_as_the_real_server_declares_it(
    name: str, registry: Registry, folders: Folders
) -> None:
    ours, real = registry[name].describe(folders), REAL[name]
    assert without_files(ours["input"]) == without_files(real["input"])
    assert {key: ours.get(key) for key in real if key != "input"} == {
        key: value for key, value in real.items() if key != "input"
    }
    assert [list(inputs) for inputs in ours["input"].values()] == [
        list(inputs) for inputs in real["input"].values()
    ]


def test_every_core_class_is_compared(registry: Registry) -> None:
    assert set(registry) == set(REAL)
    assert len(registry) >= 60


def test_file_choices_are_read_anew(registry: Registry, folders: Folders) -> None:
    def choices() -> list[str]:
        listed: list[str] = registry["LoadImage"].describe(folders)["input"]["required"]["image"][0]
        return listed

    assert choices() == []
    (folders.input / "b.png").write_bytes(b"")
    (folders.input / "a.webp").write_bytes(b"")
    (folders.input / "notes.txt").write_bytes(b"")
    (folders.input / "sub").mkdir()
    assert choices() == ["a.webp", "b.png"]
