"""What tests about templates share: a core catalogue, the shipped workflows, a server's validation."""

from __future__ import annotations

import atexit
import copy
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.domain.ids import TemplateName
from bot.templates import loader
from bot.templates.build import Broken, read_template
from bot.templates.catalogue import Catalogue
from bot.templates.loader import Sources, _Entry, _entry, _Files
from bot.templates.sizes import Limits
from bot.templates.template import Template

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SHIPPED = ("flux", "image-to-image", "text-to-image", "text-to-image-lora", "upscale")
"""The workflows of this repository. Its folder may hold a developer's own beside them."""


def _shipped_alone() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fairbrush-workflows-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in SHIPPED:
        for suffix in (".json", ".toml"):
            shutil.copy(ROOT / "workflows" / f"{name}{suffix}", folder)
    return folder


WORKFLOWS = _shipped_alone()
TIER = Limits(max_pixels=2_097_152, max_steps=150, max_count=4)

FILES: Mapping[str, tuple[str, ...]] = {
    "ckpt_name": ("sd_xl_base_1.0.safetensors", "v1-5-pruned-emaonly-fp16.safetensors"),
    "unet_name": ("flux1-dev.safetensors",),
    "clip_name": ("clip_l.safetensors", "t5xxl_fp16.safetensors"),
    "clip_name1": ("clip_l.safetensors", "t5xxl_fp16.safetensors"),
    "clip_name2": ("clip_l.safetensors", "t5xxl_fp16.safetensors"),
    "vae_name": ("ae.safetensors",),
    "model_name": ("RealESRGAN_x4plus.safetensors",),
    "lora_name": ("detail-tweaker-xl.safetensors", "styles/ink-lines.safetensors"),
}
"""Model files of a server that has everything the shipped workflows name."""


def object_info(files: Mapping[str, tuple[str, ...]] = FILES) -> dict[str, Any]:
    """A real server's core classes, with these model files installed."""
    info: dict[str, Any] = json.loads((DATA / "templates" / "object_info.json").read_text(encoding="utf-8"))
    for node in info.values():
        for section in node["input"].values():
            for name, raw in section.items():
                if name not in files or not isinstance(raw, list):
                    continue
                if isinstance(raw[0], list):
                    raw[0] = list(files[name])
                elif raw[0] == "COMBO":
                    raw[1]["options"] = list(files[name])
    return info


@cache
def _with_every_file() -> Catalogue:
    return Catalogue.from_object_info(object_info())


def catalogue(files: Mapping[str, tuple[str, ...]] = FILES) -> Catalogue:
    return _with_every_file() if files is FILES else Catalogue.from_object_info(object_info(files))


_READ: dict[object, tuple[Catalogue | None, _Entry]] = {}


def _entry_once(
    name: TemplateName, files: _Files, sources: Sources | Broken, known: Catalogue | None
) -> _Entry:
    if isinstance(sources, Broken):
        return _entry(name, files, sources, known)
    same = None if known is None else tuple(map(id, known.classes.values()))
    key = (name, sources, same)
    kept = _READ.get(key)
    if kept is None:
        kept = known, _entry(name, files, sources, known)
        if len(_READ) > 100:
            _READ.clear()
        _READ[key] = kept  # with the catalogue, so that no other has its ids
    return replace(kept[1], files=files)


@contextmanager
def read_once() -> Iterator[None]:
    """Libraries of templates do not work out again what they did before: each bot of a test has one."""
    with patch.object(loader, "_entry", _entry_once):
        yield


def good(template: Template | Broken) -> Template:
    assert isinstance(template, Template), [str(problem) for problem in template.problems]
    return template


def reasons(template: Template | Broken) -> list[str]:
    assert isinstance(template, Broken)
    return [str(problem) for problem in template.problems]


def shipped(name: str, known: Catalogue | None = None) -> Template:
    """A shipped workflow with its sidecar."""
    export, sidecar = WORKFLOWS / f"{name}.json", WORKFLOWS / f"{name}.toml"
    return good(read_template(name, export.read_bytes(), sidecar.read_bytes(), known))


def export_of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.json").read_text(encoding="utf-8"))
    return data


def made(
    export: Mapping[str, Any], sidecar: str | None = None, known: Catalogue | None = None
) -> Template | Broken:
    """A template from an export's JSON and a sidecar's text."""
    said = None if sidecar is None else sidecar.encode()
    return read_template("mine", json.dumps(export).encode(), said, known)


def edited(export: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an export with inputs changed: ``{"5.steps": 3}``."""
    data = copy.deepcopy(dict(export))
    for place, value in changes.items():
        node, _, name = place.partition(".")
        data[node]["inputs"][name] = value
    return data


def draw_low(low: int, high: int) -> int:
    assert low <= high
    return low


def refusals(graph: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[str]:
    """What a ComfyUI server would say against a graph: unknown classes, missing or wrong inputs, links of
    the wrong type, choices that are not in the list, numbers out of range, no output."""
    if not any(info.get(node["class_type"], {}).get("output_node") for node in graph.values()):
        yield "prompt has no outputs"
    for node_id, node in graph.items():
        if node["class_type"] not in info:
            yield f"{node_id}: no class {node['class_type']}"
            continue
        declared = info[node["class_type"]]["input"]
        for name, raw in {**declared.get("optional", {}), **declared.get("required", {})}.items():
            if name not in node["inputs"]:
                if name in declared.get("required", {}):
                    yield f"{node_id}.{name}: required input missing"
                continue
            yield from _refused_input(f"{node_id}.{name}", raw, node["inputs"][name], graph, info)


def _refused_input(
    place: str, raw: list[Any], value: Any, graph: Mapping[str, Any], info: Mapping[str, Any]
) -> Iterator[str]:
    kind, extra = raw[0], raw[1] if len(raw) > 1 else {}
    if isinstance(value, list):
        if len(value) != 2 or value[0] not in graph:
            yield f"{place}: bad link {value}"
        elif info[graph[value[0]]["class_type"]]["output"][value[1]] != kind:
            yield f"{place}: link of the wrong type"
        return
    choices = kind if isinstance(kind, list) else extra.get("options") if kind == "COMBO" else None
    if choices is not None:
        if value not in choices:
            yield f"{place}: {value!r} not in list"
    elif kind in ("INT", "FLOAT"):
        if isinstance(value, bool) or not isinstance(value, int if kind == "INT" else int | float):
            yield f"{place}: {value!r} is no {kind}"
        elif not extra.get("min", value) <= value <= extra.get("max", value):
            yield f"{place}: {value!r} out of range"
    elif kind == "STRING":
        if not isinstance(value, str):
            yield f"{place}: {value!r} is no text"
    else:
        yield f"{place}: a {kind} must be connected"
