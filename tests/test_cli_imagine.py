"""``fairbrush imagine`` as people call it: what it prints and leaves."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from PIL import Image

from tests.support.cli import SMALL
from tests.support.commands import (
    call,
    empty_folder,
    engine_of_this_module,
    refused,
    unused_port,
)

engine = engine_of_this_module("--vram-mb", "3500")
here = empty_folder()


def test_pictures_with_their_paths_on_stdout(here: Path, engine: str) -> None:
    result = call(
        "imagine", "a fox", "--seed", "7", "--count=2", *SMALL, "--out", "new/deep", "--comfyui", engine
    )
    assert result.exit_code == 0, result.stderr
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert paths == [Path("new/deep/text-to-image-7.png"), Path("new/deep/text-to-image-8.png")]
    for path in paths:
        with Image.open(here / path) as picture:
            assert picture.size == (64, 64)
    assert "2 pictures, about" in result.stderr
    assert "2 of 2 painted (2 files" in result.stderr


def test_json_for_scripts(engine: str) -> None:
    words = "a 🦊 مرحبا שלום"
    result = call("imagine", words, "—seed", "3", "--json", *SMALL, "--comfyui", engine)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["files"] == [{"path": "text-to-image-3.png", "kind": "image"}]
    assert told["values"]["prompt_text"] == words
    assert Path("text-to-image-3.png").is_file()


def test_a_failure_is_a_json_object_too(here: Path, engine: str) -> None:
    line = ("imagine", "a fox", "--size", "1440x1440", "--steps", "1", "--count", "3", "--json")
    result = call(*line, "--out", "out", "--comfyui", engine)
    assert result.exit_code == 1
    assert [json.loads(line)["error"] for line in result.stdout.splitlines()] == ["out_of_memory"] * 3
    assert result.stderr.count("ran out of memory") == 1
    assert "0 of 3 painted, 3 failed." in result.stderr
    assert not (here / "out").exists()


def test_the_long_dash_of_a_phone_is_good_for_every_flag(here: Path, engine: str) -> None:
    result = call("imagine", "a fox", *SMALL, "—out=pictures", "–comfyui", engine, "——seed=5")
    assert result.exit_code == 0, result.stderr
    assert (here / "pictures" / "text-to-image-5.png").is_file()


def test_presets_styles_and_pictures(here: Path, engine: str) -> None:
    Image.new("RGB", (96, 64), "teal").save(here / "photo.jpg")
    line = 'imagine "in the rain" --image photo.jpg --preset fast --style ink --denoise 0.4 --json'
    result = call(*shlex.split(line), "--comfyui", engine)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["template"] == "image-to-image"
    assert (told["values"]["steps"], told["values"]["denoise"]) == (15, 0.4)
    assert told["values"]["prompt_text"].startswith("in the rain, ink drawing")
    enlarged = call("imagine", "--template", "upscale", "--image", "photo.jpg", "--comfyui", engine)
    assert enlarged.exit_code == 0, enlarged.stderr
    with Image.open(enlarged.stdout.strip()) as picture:
        assert picture.size[0] > 96


def test_requests_from_standard_input(engine: str) -> None:
    lines = "a fox --seed 1\n# not this\n\na boat --seed 2 --no people, fog --style ink\n"
    result = call("imagine", "--file", "-", *SMALL, "--comfyui", engine, "--json", input=lines)
    assert result.exit_code == 0, result.stderr
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["seed"] for one in told] == [1, 2]
    assert told[1]["values"]["negative_text"].startswith("people, fog")


def test_without_a_server_the_engine_paints_and_says_so(here: Path) -> None:
    result = call("imagine", "a fox", *SMALL, "--seed", "1")
    assert result.exit_code == 0, result.stderr
    assert "No ComfyUI server is configured: the built-in sketch engine paints." in result.stderr
    assert result.stdout == "text-to-image-1.png\n"


def test_a_configured_server_is_no_embedded_engine(here: Path, engine: str) -> None:
    """Whatever it is called."""
    (here / "config.toml").write_text(f'[[comfyui]]\nname = "sketch"\nurl = "{engine}"\n')
    result = call("imagine", "a fox", *SMALL)
    assert result.exit_code == 0
    assert "No ComfyUI server is configured" not in result.stderr
    assert "sketch-xl.safetensors is used" in result.stderr


def test_a_configured_server_is_never_replaced(here: Path) -> None:
    port = unused_port()
    (here / "config.toml").write_text(f'[[comfyui]]\nname = "sketch"\nurl = "http://127.0.0.1:{port}"\n')
    assert "cannot be reached" in refused("imagine", "a fox", code=1)
    assert not list(here.glob("*.png"))
