"""The folder of workflows: what is loaded, what is disabled and why, and what a change on disk does."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ConfigError, TemplateError, TemplateNotFound
from bot.templates.build import Broken, read_template
from bot.templates.exports import MAX_BYTES, MAX_DEPTH
from bot.templates.loader import Changes, TemplateLibrary, shipped_folder
from tests.support.templates import FILES, SHIPPED, catalogue, edited, export_of

EXPORT = export_of("text-to-image")


def write(folder: Path, name: str, export: Any = EXPORT, sidecar: str | None = None) -> None:
    data = export if isinstance(export, bytes) else json.dumps(export).encode()
    (folder / f"{name}.json").write_bytes(data)
    if sidecar is not None:
        (folder / f"{name}.toml").write_text(sidecar, encoding="utf-8")


def touch(path: Path) -> None:
    """Make a change visible whatever the clock of the file system does."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def disabled(library: TemplateLibrary) -> dict[str, str]:
    return {broken.name: " ".join(map(str, broken.problems)) for broken in library.disabled()}


def names(library: TemplateLibrary) -> list[str]:
    return [template.name for template in library.enabled()]


def test_the_shipped_workflows_load() -> None:
    library = TemplateLibrary(shipped_folder())
    assert set(SHIPPED) <= set(names(library))
    assert not {broken.name for broken in library.disabled()} & set(SHIPPED)


DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b" \n", "The file is empty."),
    "cut": (b'{"1": {"class_type": "X",\n  "inputs": {', "in line 2, column 14"),
    "latin": ('{"1": "é"}'.encode("latin-1"), "not UTF-8 text (byte 7)"),
    "utf16": ('{"1": "é"}'.encode("utf-16"), "not UTF-8 text"),
    "twice": (b'{"1": {"class_type": "A"}, "1": {"class_type": "B"}}', "the key 1 twice"),
    "nan": (b'{"1": {"class_type": "A", "inputs": {"x": NaN}}}', "holds NaN"),
    "deep": (b'{"1": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "deepish": (b'{"1": ' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}", "nested too deeply"),
    "digits": (b'{"1": ' + b"9" * 5000 + b"}", "too large to be one"),
    "infinite": (b'{"1": {"class_type": "X", "inputs": {"steps": 1e999}}}', "too large to be one"),
    "half": (b'{"1": {"class_type": "\\ud800"}}', "lone surrogate"),
    "list": (b"[1, 2]", "holds no workflow"),
    "text": (b'"hello"', "holds no workflow"),
    "nodeless": (b"{}", "The workflow is empty"),
    "browser": (b'{"nodes": [], "links": []}', "Export (API)"),
    "classless": (b'{"1": {"inputs": {}}}', "has no class_type"),
    "saves-nothing": (b'{"1": {"class_type": "CLIPTextEncode", "inputs": {"text": "x"}}}', "saves nothing"),
    "dangling": (json.dumps(edited(EXPORT, {"6.samples": ["99", 0]})).encode(), "comes from node 99"),
    "circle": (
        json.dumps(edited(EXPORT, {"5.latent_image": ["6", 0]})).encode(),
        "depends on its own result",
    ),
}


def test_each_broken_file_has_its_own_message_and_the_others_load(tmp_path: Path) -> None:
    for name, (data, _) in DAMAGED.items():
        write(tmp_path, name, data)
    write(tmp_path, "fine")
    library = TemplateLibrary(tmp_path)
    assert names(library) == ["fine"]
    found = disabled(library)
    assert found.keys() == DAMAGED.keys()
    for name, (_, part) in DAMAGED.items():
        assert part in found[name], found[name]
        assert found[name].startswith(f"{name}.json: ") or name == "saves-nothing"


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    write(tmp_path, "bom", b"\xef\xbb\xbf" + json.dumps(EXPORT).encode(), "title = 'x'")
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbftitle = 'Marked'")
    assert TemplateLibrary(tmp_path).get("bom").title == "Marked"


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path) -> None:
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert disabled(TemplateLibrary(tmp_path)) == {
        "large": "The file is too large (21 MB; at most 20 MB). It cannot be a workflow export."
    }
    assert isinstance(read_template("large", b" " * (MAX_BYTES + 1)), Broken)


def test_folders_links_hidden_and_other_files_are_no_templates(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    write(inside, "real")
    write(inside, ".hidden")
    write(outside, "secret")
    (inside / "folder.json").mkdir()
    (inside / "notes.txt").write_text("x", encoding="utf-8")
    if sys.platform != "win32":
        (inside / "link.json").symlink_to(outside / "secret.json")
    library = TemplateLibrary(inside)
    assert names(library) == ["real"]
    assert library.disabled() == ()


def test_a_sidecar_alone_is_said(tmp_path: Path) -> None:
    (tmp_path / "lost.toml").write_text("title = 'x'", encoding="utf-8")
    assert disabled(TemplateLibrary(tmp_path)) == {"lost": "lost.toml has no lost.json beside it."}


def test_a_wrong_sidecar_disables_its_template_only(tmp_path: Path) -> None:
    write(tmp_path, "a", sidecar="tilte = 'x'")
    write(tmp_path, "b")
    library = TemplateLibrary(tmp_path)
    assert names(library) == ["b"]
    assert disabled(library) == {"a": "a.toml: tilte is unknown. Did you mean title?"}


def test_names_with_dots_and_capitals_work(tmp_path: Path) -> None:
    write(tmp_path, "Wan2.1 Fun v1.1", sidecar='title = "Fun"')
    library = TemplateLibrary(tmp_path)
    assert library.get("wan2.1 fun V1.1").title == "Fun"


def test_no_folder_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no folder of workflows"):
        TemplateLibrary(tmp_path / "none")


def test_a_template_that_is_not_there_gets_the_nearest_names(tmp_path: Path) -> None:
    write(tmp_path, "portrait")
    write(tmp_path, "broken", b"{")
    empty = tmp_path / "empty"
    empty.mkdir()
    library = TemplateLibrary(tmp_path)
    with pytest.raises(TemplateNotFound, match=r"Did you mean portrait\?"):
        library.get("potrait")
    with pytest.raises(TemplateNotFound, match=r"There are: portrait\."):
        library.get("zzzz")
    with pytest.raises(TemplateError, match=r"broken is disabled: broken\.json: .* not valid JSON"):
        library.get("broken")
    with pytest.raises(TemplateNotFound, match="holds none"):
        TemplateLibrary(empty).get("x")


def test_refreshing_reads_what_has_changed_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")
    library = TemplateLibrary(tmp_path)
    before = library.get("a")
    assert not library.refresh()
    assert library.get("a") is before

    (tmp_path / "b.toml").write_text('title = "Bee"', encoding="utf-8")
    write(tmp_path, "c", b"{")
    assert library.refresh() == Changes(added=("c",), changed=("b",), broken=("c",))
    assert library.get("b").title == "Bee"
    assert library.get("a") is before

    write(tmp_path, "c")
    (tmp_path / "b.toml").unlink()
    (tmp_path / "a.json").unlink()
    assert library.refresh() == Changes(changed=("b", "c"), removed=("a",))
    assert library.get("b").title == "B"
    assert names(library) == ["b", "c"]


def test_a_change_of_the_same_length_is_seen(tmp_path: Path) -> None:
    write(tmp_path, "a", sidecar='title = "One"')
    library = TemplateLibrary(tmp_path)
    (tmp_path / "a.toml").write_text('title = "Two"', encoding="utf-8")
    touch(tmp_path / "a.toml")
    assert library.refresh().changed == ("a",)
    assert library.get("a").title == "Two"


def test_the_hash_names_export_and_sidecar(tmp_path: Path) -> None:
    write(tmp_path, "a", sidecar='title = "One"')
    library = TemplateLibrary(tmp_path)
    first = library.get("a")
    sources = library.sources(first.name)
    again = read_template(first.name, sources.export, sources.sidecar)
    assert not isinstance(again, Broken)
    assert again.content_hash == first.content_hash
    assert again.graph == first.graph
    write(tmp_path, "a", sidecar='title = "Other"')
    library.refresh()
    assert library.get("a").content_hash != first.content_hash


def test_with_a_catalogue_what_the_server_cannot_run_is_disabled(tmp_path: Path) -> None:
    write(tmp_path, "fine")
    glow = {"class_type": "FancyGlow", "inputs": {"image": ["6", 0]}, "_meta": {"title": "Glow"}}
    write(tmp_path, "custom", edited({**EXPORT, "8": glow}, {"7.images": ["8", 0]}))
    library = TemplateLibrary(tmp_path)
    assert names(library) == ["custom", "fine"]
    library.use_catalogue(catalogue())
    assert disabled(library) == {
        "custom": "The server has no node FancyGlow (used by 8 (Glow)). "
        "Install the custom node that brings it, or update ComfyUI."
    }
    library.use_catalogue(catalogue({**FILES, "ckpt_name": ()}))
    assert "It has none at all" in disabled(library)["fine"]
    library.use_catalogue(None)
    assert names(library) == ["custom", "fine"]


def test_a_refresh_keeps_to_the_server(tmp_path: Path) -> None:
    library = TemplateLibrary(tmp_path, catalogue())
    write(tmp_path, "a")
    library.refresh()
    assert library.get("a").parameters["model"].parse("sd_xl_base_1.0") == "sd_xl_base_1.0.safetensors"


def test_very_long_workflows_are_looked_through_in_time(tmp_path: Path) -> None:
    """A look for circles from every node anew took minutes."""
    export = export_of("text-to-image")
    before = "1"
    for number in range(4000):
        export[f"n{number}"] = {
            "class_type": "LoraLoader",
            "inputs": {"model": [before, 0], "clip": [before, 1], "lora_name": f"{number}.safetensors"},
        }
        before = f"n{number}"
    export["5"]["inputs"]["model"] = [before, 0]
    (tmp_path / "long.json").write_text(json.dumps(export))
    export["1"]["inputs"]["circle"] = [before, 0]
    (tmp_path / "round.json").write_text(json.dumps(export))
    began = time.monotonic()
    library = TemplateLibrary(tmp_path)
    assert time.monotonic() - began < 20
    assert [template.name for template in library.enabled()] == ["long"]
    (broken,) = library.disabled()
    assert "depends on its own result" in str(broken.problems[0])
