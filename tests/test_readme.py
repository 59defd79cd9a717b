"""Every command that the README shows is run as it stands there, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner
from PIL import Image

from bot.cli import cli
from bot.config import load_settings
from tests.support.cli import running
from tests.support.templates import WORKFLOWS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def commands() -> list[str]:
    """Lines of shell blocks that call ``fairbrush``, without comments and prompts."""
    lines = [line for _, block in _BLOCK.findall(README) for line in block.splitlines()]
    stripped = [line.removeprefix("$ ").split("     #")[0].strip() for line in lines]
    return [line for line in stripped if line.startswith("fairbrush ")]


def flags() -> list[str]:
    """The flags of the README's table, each cell a set of arguments."""
    rows = re.findall(r"^\| [^|]+ \| (.+) \|$", README, re.MULTILINE)
    return [cell for row in rows for cell in re.findall(r"`(--[^`]+)`", row)]


@pytest.fixture
def beginner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of somebody who has the files that the README speaks of."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(WORKFLOWS, tmp_path / "workflows")
    shutil.copy(WORKFLOWS / "text-to-image.json", tmp_path / "my_workflow.json")
    Image.new("RGB", (96, 64), "teal").save(tmp_path / "photo.jpg")
    (tmp_path / "prompts.txt").write_text("a fox --seed 3\na boat --ar 3:2\n", encoding="utf-8")
    return tmp_path


def run(line: str) -> str:
    result = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="fairbrush")
    assert result.exit_code == 0, f"{line}: {result.output} {result.exception!r}"
    return result.stdout


def test_the_readme_shows_commands() -> None:
    assert len(commands()) >= 6


def test_commands(beginner: Path) -> None:
    """In the order of the page: a template is used after it was added, and the bot works from its line on."""
    with ExitStack() as until_the_end:
        for line in commands():
            if "--comfyui" in line:
                continue  # the same line without it comes before; a server's address is the reader's own
            if line == "fairbrush run":
                bot = until_the_end.enter_context(running("run", cwd=beginner))
                bot.until(lambda p: p.stdout.endswith(" up, no chat platform is configured\n"))
                continue
            # Small and quick is enough to show that the line works.
            small = f"{line} --steps 2" if line.startswith("fairbrush imagine") else line
            stdout = run(small)
            for path in (Path(out) for out in stdout.splitlines() if line.startswith("fairbrush imagine")):
                assert path.is_file(), f"{line}: {path}"
        assert json.loads(run("fairbrush usage --json"))["done"] == 1, "what follows is painted by the bot"
    shown = re.findall(r"^(pictures/\S+)$", README, re.MULTILINE)
    assert shown
    assert all((beginner / path).is_file() for path in shown)


def test_configurations(tmp_path: Path) -> None:
    """Each is a whole one, and all together are one."""
    blocks = [dedent(block) for block in re.findall(r"(?ms)^( *```toml\n.*?)^ *```", README)]
    sections = [block.removeprefix("```toml\n") for block in blocks]
    assert len(sections) >= 4
    for platform in ("discord", "telegram"):
        (tmp_path / f"{platform}-token").write_text(
            "123456789:AAErealistic-enough_0123456789", encoding="utf-8"
        )
    for content in (*sections, "\n".join(sections)):
        (tmp_path / "config.toml").write_text(content, encoding="utf-8")
        settings = load_settings(tmp_path / "config.toml", environ={}, folder=tmp_path)
    assert settings.discord is not None
    assert settings.telegram is not None


@pytest.mark.parametrize("arguments", [f for f in flags() if f.split()[0] not in ("--json",)])
def test_flags(beginner: Path, arguments: str) -> None:
    """Each flag of the table is understood; placeholders in capitals get a real value."""
    real = {
        "--lora NAME:0.8": "--lora sketch-dusk:0.8 --template text-to-image-lora",
        "--model NAME": "--model sketch-ink.safetensors",
        "--set NAME=VALUE": "--set steps=3",
        "--file prompts.txt": "--file prompts.txt",
        "--seed 1-10": "--seed 1-2",
        "--image photo.jpg": "--image photo.jpg --steps 2",
    }.get(arguments, arguments)
    words = "" if arguments.startswith("--file") else '"a quiet harbour"'
    size = "" if "--image" in real or "--ar" in real or "--size" in real else "--size 64x64"
    quick = "" if "--preset" in real or "--steps" in real or "steps=" in real else "--steps 2"
    stdout = run(f"fairbrush imagine {words} {real} {size} {quick} --out flags")
    assert all(Path(line).is_file() for line in stdout.splitlines())
    assert stdout


def test_links_lead_somewhere() -> None:
    missing = [link for link in _LINK.findall(README) if not (ROOT / link).exists()]
    assert not missing
