"""``templates add``: an untouched copy, a sidecar that works as written, nothing overwritten or half done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.domain.errors import FairbrushError, OutputError, ParameterError, TemplateError
from bot.templates import files as on_disk
from bot.templates.add import add_template
from bot.templates.loader import TemplateLibrary
from tests.support.templates import WORKFLOWS, catalogue, edited, export_of, good, made, reasons


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "workflows"
    folder.mkdir()
    return folder


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["text-to-image", "text-to-image-lora", "flux", "image-to-image", "upscale"])
def test_what_is_added_works_as_it_is_written(folder: Path, name: str) -> None:
    added = add_template(WORKFLOWS / f"{name}.json", folder, catalogue=catalogue())
    assert (added.name, added.export, added.sidecar) == (
        name,
        folder / f"{name}.json",
        folder / f"{name}.toml",
    )
    assert added.export.read_bytes() == (WORKFLOWS / f"{name}.json").read_bytes()
    detected = good(made(export_of(name)))
    template = TemplateLibrary(folder).get(name)
    assert template.parameters == detected.parameters
    assert template.bindings == detected.bindings
    assert template.outputs == detected.outputs


def test_the_sidecar_names_node_input_and_class_and_comments_the_rest(folder: Path) -> None:
    text = add_template(WORKFLOWS / "text-to-image.json", folder, "mine", catalogue()).sidecar.read_text(
        "utf-8"
    )
    assert '[parameters.steps]\nbind = [{node = "5", input = "steps", class_type = "KSampler"}]\n' in text
    assert "# in ComfyUI: Sampler\n# takes 1 to 10000\n# default = 25\n" in text
    assert "batch_size" not in text


def test_a_re_export_that_moved_ids_is_noticed(folder: Path) -> None:
    sidecar = add_template(WORKFLOWS / "text-to-image.json", folder, "mine").sidecar.read_text("utf-8")
    export = export_of("text-to-image")
    export["5"], export["6"] = export["6"], export["5"]
    moved = json.loads(
        json.dumps(export)
        .replace('["5", 0]', '["x", 0]')
        .replace('["6", 0]', '["5", 0]')
        .replace('["x", 0]', '["6", 0]')
    )
    assert any("the export has changed" in reason for reason in reasons(made(moved, sidecar)))


def test_odd_texts_in_an_export_cannot_break_out_of_comments(folder: Path) -> None:
    export = edited(export_of("text-to-image"), {"3.text": 'a\nnsfw = true\n"""\r# \x00\u2028 é'})
    export["5"]["_meta"]["title"] = "x\n[presets.evil]\nsteps = 1"
    (folder.parent / "odd.json").write_text(json.dumps(export), encoding="utf-8")
    add_template(folder.parent / "odd.json", folder)
    template = TemplateLibrary(folder).get("odd")
    assert not template.nsfw
    assert template.presets == {}
    assert template.parameters["negative_text"].default == export["3"]["inputs"]["text"]


@pytest.mark.parametrize("there", ["mine.json", "mine.toml"])
def test_nothing_is_overwritten(folder: Path, there: str) -> None:
    (folder / there).write_text("precious", encoding="utf-8")
    with pytest.raises(OutputError, match="is there already"):
        add_template(WORKFLOWS / "upscale.json", folder, "mine")
    assert files(folder) == [there]
    assert (folder / there).read_text("utf-8") == "precious"


def test_a_file_that_lies_there_already_gets_its_sidecar(folder: Path) -> None:
    export = folder / "mine.json"
    export.write_bytes((WORKFLOWS / "upscale.json").read_bytes())
    assert add_template(export, folder).sidecar == folder / "mine.toml"
    assert files(folder) == ["mine.json", "mine.toml"]


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "a/b", "..", "../x", "a\\b", "C:x", "x\n", "a" * 101, ".hidden", "a?", "\x00", "\udc80"),
        *("CON", "nul", "Com1", "aux.x", "LPT9.flux", "-rf", "--help"),
    ],
)
def test_names_that_are_no_file_names_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="cannot be a template's name"):
        add_template(WORKFLOWS / "upscale.json", folder, name)
    assert files(folder) == []


@pytest.mark.parametrize(
    "data", [b"{", b'{"nodes": [], "links": []}', b'{"1": {"class_type": "X", "inputs": {}}}']
)
def test_what_is_no_usable_export_is_refused(folder: Path, data: bytes) -> None:
    (folder.parent / "bad.json").write_bytes(data)
    with pytest.raises(TemplateError):
        add_template(folder.parent / "bad.json", folder)
    assert files(folder) == []


def test_missing_files_and_folders_are_told(folder: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read"):
        add_template(folder / "none.json", folder)
    with pytest.raises(OutputError, match="cannot be written"):
        add_template(WORKFLOWS / "upscale.json", folder / "none")


def test_when_the_second_file_fails_the_first_goes_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = on_disk._rename_new

    def full(temporary: Path, path: Path) -> None:
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        rename(temporary, path)

    monkeypatch.setattr(on_disk, "_rename_new", full)
    with pytest.raises(OutputError, match="No space left"):
        add_template(WORKFLOWS / "upscale.json", folder)
    assert files(folder) == []


def test_two_at_once_cannot_both_win(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(temporary: Path, path: Path) -> None:
        path.write_text("somebody else's", encoding="utf-8")
        add_original(temporary, path)

    add_original = on_disk._rename_new
    monkeypatch.setattr(on_disk, "_rename_new", taken)
    with pytest.raises(FairbrushError):
        add_template(WORKFLOWS / "upscale.json", folder)
    assert (folder / "upscale.toml").read_text("utf-8") == "somebody else's"
