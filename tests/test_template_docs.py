"""The operators' manual is true: its examples run, and it leaves no key, kind or role out."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from bot.templates.inspection import inspect_file
from bot.templates.params import MAX_TEXT, Kind
from bot.templates.roles import Role
from bot.templates.sidecar import BindRef, Override, Sidecar
from tests.support.templates import ROOT, TIER, catalogue, draw_low, export_of, good, made

MANUAL = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")
SIDECARS = re.findall(r"<!-- sidecar: ([\w-]+) -->\n```toml\n(.*?)```", MANUAL, re.DOTALL)
SPELLED = {"minimum": "min", "maximum": "max"}


@pytest.mark.parametrize(("workflow", "sidecar"), SIDECARS, ids=range(len(SIDECARS)))
def test_every_example_of_a_sidecar_works(workflow: str, sidecar: str) -> None:
    template = good(made(export_of(workflow), sidecar, catalogue()))
    files = dict.fromkeys(template.media, "ab" * 32)
    for preset in (None, *template.presets):
        for style in (None, *template.styles):
            values = template.resolve(
                {"prompt": "a fox", **files}, limits=TIER, draw=draw_low, preset=preset, style=style
            )
            template.bind(values, {file: file for file in files.values()})


def test_every_block_of_toml_is_run() -> None:
    assert len(SIDECARS) == MANUAL.count("```toml") >= 5


def test_the_example_of_inspect_is_what_it_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    block = re.search(r"<!-- inspect: upscale -->\n```json\n(.*?)```", MANUAL, re.DOTALL)
    assert block is not None
    expected = {**json.loads(block[1]), "file": str(Path("workflows/upscale.json"))}
    assert inspect_file(Path("workflows/upscale.json")) == expected


@pytest.mark.parametrize("kind", [Sidecar, Override])
def test_every_key_has_its_line(kind: type) -> None:
    keys = [SPELLED.get(each.name, each.name) for each in dataclasses.fields(kind)]
    lines = [line for line in MANUAL.splitlines() if line.startswith("| `")]
    assert [key for key in keys if not any(f"`{key}`" in line.split("|")[1] for line in lines)] == []


def test_forms_kinds_roles_and_limits_are_named() -> None:
    keys = {each.name for each in dataclasses.fields(BindRef)} - {"short"}
    named = {*keys, *(kind.value for kind in Kind), *(role.value for role in Role)}
    assert [word for word in sorted(named) if not re.search(rf"`{word}`|{word} = ", MANUAL)] == []
    assert f"{MAX_TEXT} characters" in MANUAL
