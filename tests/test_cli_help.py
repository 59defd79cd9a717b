"""Help: at once, complete, and with examples that run."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image

from bot.cli import cli
from bot.templates.loader import shipped_folder
from tests.support.cli import environment, running
from tests.support.commands import (
    call,
    empty_folder,
    engine_of_this_module,
    small_pictures,
)

engine = engine_of_this_module("--vram-mb", "3500")
here = empty_folder()

small = small_pictures()

GROUPS: list[list[str]] = [
    [],
    ["run"],
    ["imagine"],
    ["demo"],
    ["engine"],
    ["templates"],
    ["templates", "list"],
    ["templates", "inspect"],
    ["templates", "add"],
    ["init"],
    ["check"],
    ["queue"],
    ["queue", "pause"],
    ["queue", "resume"],
    ["queue", "drain"],
    ["queue", "cancel"],
    ["usage"],
    ["quota"],
    ["quota", "show"],
    ["quota", "grant"],
    ["quota", "set"],
    ["quota", "reset"],
    ["backup"],
    ["restore"],
]


def examples() -> list[str]:
    lines = [line for words in GROUPS for line in call(*words, "--help").stdout.splitlines()]
    return list(dict.fromkeys(line.strip() for line in lines if line.startswith("    fairbrush ")))


def test_every_command_is_known_to_these_tests() -> None:
    found: list[list[str]] = [[]]

    def walk(group: click.Group, names: list[str]) -> None:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            found.append([*names, name])
            if isinstance(command, click.Group):
                walk(command, [*names, name])

    walk(cli, [])
    assert found == GROUPS


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_help_has_an_example(words: list[str]) -> None:
    result = call(*words, "--help")
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 102
    assert words == [] or words[-1] == "templates" or "--config" in result.stdout
    assert "..." not in result.stdout.replace("[ARGS]...", "")  # no line of a list is cut


@pytest.mark.usefixtures("small")
def test_examples_of_help_run(here: Path, engine: str) -> None:
    shutil.copy(shipped_folder() / "text-to-image.json", here / "my_workflow.json")
    Image.new("RGB", (96, 64), "teal").save(here / "photo.jpg")
    (here / "prompts.txt").write_text("a boat --ar 16:9 --no people\n")
    (here / "config.toml").touch()
    (here / "backups").mkdir()
    lines = [line.replace("/var/backups/fairbrush", "backups") for line in examples()]
    assert len(lines) >= 11
    for line in lines:
        words = shlex.split(line.replace("http://127.0.0.1:8188", engine))[1:]
        if words[0] == "demo":
            continue  # test_cli_commands.py runs this very line
        if words[0] == "engine":
            words[words.index("--port") + 1] = "0"
            with running(*words, cwd=here) as process:
                process.until(lambda p: p.stdout.startswith("http://127.0.0.1:"))
            continue
        if words[0] == "run":
            with running(*words, cwd=here) as process:
                process.until(lambda p: p.stdout.startswith("ready"))
            continue
        if words[0] == "init":
            words += ["--config", f"made-{len(words)}.toml"]
        if words[:2] == ["queue", "cancel"]:
            assert "no job" in call(*words).stderr  # its id is an example
            continue
        if words[0] == "imagine":
            words += ["--comfyui", engine]
        result = call(*words)
        assert result.exit_code == 0, f"{line}: {result.output}"


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["imagine", "--help"], ["demo", "--help"]])
def test_help_loads_nothing_heavy(args: list[str]) -> None:
    """It answers at once: what takes time to load is loaded by what needs it."""
    heavy = ["aiohttp", "asyncio", "pydantic", "numpy", "PIL", "rich", "rapidfuzz", "discord", "telegram"]
    code = (
        "import sys\nfrom bot.cli import cli\n"
        f"cli.main({args!r}, standalone_mode=False)\n"
        f"print('LOADED', sorted(set({heavy!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment(), check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED []", done.stdout
