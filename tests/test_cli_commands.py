"""``templates``, ``check``, ``engine`` and ``demo`` as people call them."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path

import pytest
from PIL import Image

from bot.cli import checks, own_folder, tour
from bot.cli.interruption import Interruption
from bot.config import load_settings
from bot.sketch import SketchEngine
from bot.sketch.models import SKETCH_MODELS
from bot.templates.loader import shipped_folder
from tests.support.commands import (
    call,
    empty_folder,
    engine_of_this_module,
    refused,
    small_pictures,
    unused_port,
)

engine = engine_of_this_module("--vram-mb", "3500")
here = empty_folder()

small = small_pictures()


def test_templates_are_listed_without_a_server() -> None:
    result = call("templates", "list")
    assert result.exit_code == 0
    assert "text-to-image  /imagine" in result.stdout
    assert "presets: fast, balanced, quality" in result.stdout
    told = [json.loads(line) for line in call("templates", "list", "--json").stdout.splitlines()]
    assert {"flux", "upscale", "image-to-image"} <= {one["name"] for one in told}
    assert all(one["enabled"] for one in told)


def test_templates_are_listed_as_a_server_runs_them(here: Path, engine: str) -> None:
    shutil.copytree(shipped_folder(), here / "workflows")
    (here / "workflows" / "broken.json").write_text("{")
    result = call("templates", "list", "--comfyui", engine)
    assert result.exit_code == 0
    assert "sketch-xl.safetensors" in result.stdout
    assert "broken  (disabled)" in result.stdout
    told = [json.loads(line) for line in call("templates", "list", "--json").stdout.splitlines()]
    (broken,) = [one for one in told if not one["enabled"]]
    assert "not valid JSON" in broken["problems"][0]


def test_inspecting_files(here: Path, engine: str) -> None:
    good, bad = str(shipped_folder() / "flux.json"), here / "bad.json"
    bad.write_text('{"nodes": [], "links": []}')
    result = call("templates", "inspect", good, str(bad), "missing.json", "--json", "--object-info", engine)
    assert result.exit_code == 1
    first, second, third = map(json.loads, result.stdout.splitlines())
    assert first["roles"]["seed"] == ["8.noise_seed"]
    assert next(p for p in first["parameters"] if p["name"] == "sampler")["choices"]
    assert (second["format"], third["format"]) == ("ui", "unknown")
    shown = call("templates", "inspect", good)
    assert shown.exit_code == 0
    assert "seed            8.noise_seed" in shown.stdout


def test_adding_where_there_is_no_folder_yet_makes_one_with_all_templates(here: Path) -> None:
    """What came with the program is not touched, and nothing of it is lost."""
    shipped = sorted(path.name for path in shipped_folder().iterdir())
    export = str(shipped_folder() / "flux.json")
    result = call("templates", "add", export, "--name", "mine")
    assert result.exit_code == 0, result.stderr
    assert "with copies of the templates that come with Fairbrush" in result.stderr
    assert sorted(path.name for path in (here / "workflows").iterdir()) == sorted(
        [*shipped, "mine.json", "mine.toml"]
    )
    assert sorted(path.name for path in shipped_folder().iterdir()) == shipped
    again = call("templates", "add", export, "--name", "mine")
    assert again.exit_code == 1
    assert "is there already" in again.stderr


def test_adding_in_a_checkout_says_how_to_keep_ones_own_apart(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the folder beside the program and the one that a person sees are the same."""
    shutil.copytree(shipped_folder(), here / "workflows")
    export = str(here / "workflows" / "flux.json")
    assert "also holds the templates" not in call("templates", "add", export, "--name", "one").stderr
    monkeypatch.setattr(own_folder, "shipped_folder", lambda: here / "workflows")
    result = call("templates", "add", export, "--name", "mine")
    assert result.exit_code == 0, result.stderr
    assert (here / "workflows" / "mine.toml").is_file(), "it can be used at once"
    assert "also holds the templates that come with Fairbrush" in result.stderr
    assert "--workflows DIR" in result.stderr


def test_adding_to_a_named_folder(here: Path) -> None:
    export = str(shipped_folder() / "flux.json")
    result = call("templates", "add", export, "--name", "mine", "--workflows", "own")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (here / "own").iterdir()) == ["mine.json", "mine.toml"]
    assert "set workflows_dir in config.toml" in result.stderr
    (here / "config.toml").write_text("workflows_dir = 'own'\n")
    again = call("templates", "add", export, "--name", "other", "--workflows", "own")
    assert again.exit_code == 0
    assert "set workflows_dir" not in again.stderr
    assert "other  /imagine" in call("templates", "list").stdout


@pytest.mark.parametrize(("folder", "words"), [("a/b", "cannot be made"), ("file", "is a file")])
def test_a_named_folder_that_cannot_be(here: Path, folder: str, words: str) -> None:
    (here / "file").touch()
    export = str(shipped_folder() / "flux.json")
    result = call("templates", "add", export, "--workflows", folder)
    assert result.exit_code != 0
    assert words in result.stderr
    assert [path.name for path in here.iterdir()] == ["file"]


def test_a_named_folder_goes_again_when_nothing_was_added(here: Path) -> None:
    (here / "ui.json").write_text('{"nodes": [], "links": []}')
    assert call("templates", "add", "ui.json", "--workflows", "own").exit_code == 1
    assert [path.name for path in here.iterdir()] == ["ui.json"]


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [("../evil", "cannot be a template's name", 2), ("ui", "Workflow → Export (API)", 1)],
)
def test_adding_what_cannot_be_added_leaves_nothing(here: Path, name: str, words: str, code: int) -> None:
    (here / "ui.json").write_text('{"nodes": [], "links": []}')
    source = "ui.json" if name == "ui" else str(shipped_folder() / "flux.json")
    result = call("templates", "add", source, "--name", name)
    assert result.exit_code == code
    assert words in result.stderr
    assert [path.name for path in here.iterdir()] == ["ui.json"]


def test_check_when_all_is_well(here: Path, engine: str) -> None:
    result = call("check", "--comfyui", engine, "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0, result.stdout
    assert {row["status"] for row in rows} <= {"ok", "warning"}
    assert {"configuration", "server comfyui", "template flux", "disk"} <= {row["subject"] for row in rows}
    assert list(here.iterdir()) == []


async def test_check_only_warns_of_shipped_templates_that_nobody_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server without Flux is no broken server; one without what somebody chose is."""
    settings = load_settings(None, environ={}, folder=here)
    models = {**SKETCH_MODELS, "diffusion_models": (), "text_encoders": ()}

    async def rows() -> tuple[int, dict[str, str]]:
        async with SketchEngine(here / "engine", models=models) as server:
            code = await checks.report(True, server.url, config, Interruption())
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, {row["subject"]: f"{row['status']}: {row['message']}" for row in told}

    config = None
    code, told = await rows()
    assert code == 0, told
    assert told["template flux"].startswith("warning: Comes with Fairbrush, not for this server: Node")
    shutil.copytree(settings.workflows_dir, here / "workflows")
    assert (await rows())[0] == 0, "a copy is as good"
    sidecar = here / "workflows" / "flux.toml"
    whole = sidecar.read_text("utf-8")
    for changed in (f"{whole}\n# mine", f"default = true\n{whole}"):
        sidecar.write_text(changed, "utf-8")
        code, told = await rows()
        assert code == 1
        assert told["template flux"].startswith("problem: Node")


def test_check_says_what_to_do(here: Path) -> None:
    (here / "workflows").mkdir()
    (here / "workflows" / "broken.json").write_text("{")
    (here / "data").write_text("a file")
    (here / "config.toml").write_text(
        f'[[comfyui]]\nname = "far"\nurl = "http://127.0.0.1:{unused_port()}"\n[discord]\n'
    )
    # A data_dir that is a file is refused with the configuration.
    assert "is not a folder" in refused("check")
    (here / "data").unlink()
    result = call("check")
    assert result.exit_code == 1
    assert "server far" in result.stdout
    assert "cannot be reached" in result.stdout
    assert "The section [discord] has no token" in result.stdout
    assert "broken.json" in result.stdout
    assert result.stdout.rstrip().endswith("problems.")


def test_the_port_of_the_engine_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 cannot be used" in refused("engine", "--port", str(port), code=1)


def test_the_engine_needs_a_folder(here: Path) -> None:
    (here / "file").touch()
    message = refused("engine", "--port", "0", "--data-dir", "file", code=1)
    assert "Nothing can be written to file" in message
    assert "--data-dir" in message


@pytest.mark.parametrize("command", ["engine", "demo", "check", "imagine fox", "templates list"])
def test_every_command_checks_the_configuration(here: Path, command: str) -> None:
    (here / "config.toml").write_text("languag = 'en'")
    assert "Did you mean language?" in refused(*command.split())


@pytest.mark.usefixtures("small")
def test_the_demo_paints_three_pictures_and_a_sheet(here: Path) -> None:
    (here / "config.toml").write_text('[[comfyui]]\nname = "mine"\nurl = "http://127.0.0.1:9"\n')
    line = call("demo", "--help").stdout.splitlines()[-1]
    assert line.split() == ["fairbrush", "demo", "--data-dir", "demo-pictures"]
    folder = here / "demo-pictures"
    folder.mkdir()
    (folder / "contact-sheet.png").write_text("an earlier one")
    result = call(*line.split()[1:], "--once")
    assert result.exit_code == 0, result.stderr
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert kinds(paths) == ["text-to-image", "flux", "image-to-image", "contact-sheet"]
    shapes = []
    for path in paths:
        with Image.open(path) as picture:
            shapes.append(round(picture.width / picture.height, 1))
    assert shapes[:3] == [1.5, 0.7, 1.5]
    assert (folder / "contact-sheet.png").read_text() == "an earlier one"
    assert f"are in {folder}" in result.stderr
    assert "Try next:" in result.stderr


def kinds(paths: list[Path]) -> list[str]:
    """Names without seeds and numbers."""
    return [re.sub(r"-\d+", "", path.stem) for path in paths]


@pytest.mark.usefixtures("small")
async def test_the_demo_makes_do_with_the_models_of_a_server(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {**SKETCH_MODELS, "diffusion_models": ()}
    settings = load_settings(None, environ=os.environ, folder=here)
    async with SketchEngine(here / "engine", models=models) as server:
        assert await tour.take(settings, here / "demo", server.url, Interruption()) == 0
    captured = capsys.readouterr()
    names = kinds([Path(line) for line in captured.out.splitlines()])
    assert names == ["text-to-image", "text-to-image", "image-to-image", "contact-sheet"]
    assert "Error" not in captured.err
