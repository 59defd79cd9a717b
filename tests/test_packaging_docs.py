"""The pages on installing, upgrading, Windows and backups: their commands exist, their settings load."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import bot
from bot.cli import cli
from bot.config import load_settings
from bot.config.model import Queue, Retention
from tests.support.commands import call, empty_folder
from tests.support.templates import ROOT

DOCS = ROOT / "docs"
NAMES = ("install", "upgrading", "windows", "backup")
PAGES = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
SOURCES = [
    *PAGES.values(),
    *(path.read_text(encoding="utf-8") for path in (ROOT / "Dockerfile", ROOT / "compose.yaml")),
]
here = empty_folder()


def lines(language: str) -> Iterator[str]:
    """Commands of blocks in one language, continued lines joined."""
    for page in PAGES.values():
        for block in re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL):
            yield from (line for line in re.sub(r"\\\n\s*", "", block).splitlines() if line.strip())


def own_commands() -> list[list[str]]:
    """The words after the program, wherever it is called; of a page's prose, what stands in ` `."""
    found: set[tuple[str, ...]] = set()
    for page in SOURCES:
        for called in re.findall(r"(?:[\w/.\\:-]*[\\/])?\bfairbrush(?:\.exe)?((?: +[\w./\\:{}-]+)+)", page):
            words = [word for word in called.split() if not word.startswith(("{", "/", "…"))]
            if words and words[0] in cli.list_commands(click.Context(cli)):
                found.add(tuple(words))
    return [list(words) for words in sorted(found)]


def test_every_command_and_every_option_exists() -> None:
    checked = 0
    for first, *rest in own_commands():
        command = cli.get_command(click.Context(cli), first)
        while isinstance(command, click.Group) and rest and rest[0] in command.commands:
            command = command.commands[rest.pop(0)]
        assert command is not None, first
        options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for word in rest:
            if word.startswith("--"):
                assert word in options, f"{first} {word}"
                checked += 1
    assert checked >= 6
    assert {first for first, *_ in own_commands()} >= {"backup", "restore", "run", "check", "queue", "init"}


def test_examples_of_installing_run(here: Path) -> None:
    blocks = re.findall(r"<!-- run -->\n```console\n(.*?)```", PAGES["install"], re.DOTALL)
    (block,) = blocks
    for line in block.splitlines():
        result = call(*shlex.split(line.removeprefix("$ "))[1:])
        assert result.exit_code == 0, f"{line}: {result.stderr}"


def test_settings_load(here: Path) -> None:
    for name, page in PAGES.items():
        for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
            tomllib.loads(block)
            (here / "config.toml").write_text(block, encoding="utf-8")
            load_settings(here / "config.toml", environ={}, folder=here), name


def test_files_that_are_copied_exist() -> None:
    named = set()
    for line in lines("sh"):
        words = shlex.split(line)
        if words[0] in ("cp", "install") and "-d" not in words:
            named |= {word for word in words[1:-1] if "/" in word and not word.startswith(("/", "-"))}
    assert named == {"docker/env.example", "docs/ops/fairbrush.service"}
    for name in named:
        assert (ROOT / name).is_file()


def test_windows_lines_fit_windows() -> None:
    found = list(lines("bat"))
    assert len(found) > 20
    for line in found:
        assert not re.search(r"\.venv/|\$\(|\$PWD|^sudo|\bexport\b", line), line
    task = next(line for line in found if "onlogon" in line)
    assert "cd /d" in task, "the bot finds its configuration by its folder"
    (stop,) = (line for line in found if "AppStopMethodConsole" in line)
    assert int(stop.split()[-1]) / 1000 > Queue().shutdown_seconds


def test_what_the_pages_say_of_numbers_is_so() -> None:
    assert f"pictures_days = {Retention().pictures_days}" in PAGES["upgrading"]
    assert re.search(r'requires-python = ">=3\.11"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "3.11 or newer" in PAGES["install"]
    assert "3.11 or newer" in PAGES["windows"]
    assert bot.__version__ not in "".join(PAGES.values()), "it would be old soon"


def test_links_lead_to_headings() -> None:
    def anchors(page: str) -> set[str]:
        titles = re.findall(r"(?m)^#+ (.+)$", page)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    for name, page in PAGES.items():
        for file, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page):
            target = page if not file else (DOCS / file).read_text(encoding="utf-8")
            assert anchor in anchors(target), f"{name}: {file}#{anchor}"
        for file in re.findall(r"\]\(([^)#\s]+)", page):
            assert (DOCS / file).exists(), f"{name}: {file}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_timer(tmp_path: Path) -> None:
    blocks = dict(
        re.findall(r"`/etc/systemd/system/([\w.-]+)`[^`]*```ini\n(.*?)```", PAGES["backup"], re.DOTALL)
    )
    assert blocks.keys() == {"fairbrush-backup.service", "fairbrush-backup.timer"}
    for name, text in blocks.items():
        plain = text.replace("/opt/fairbrush/bin/fairbrush", sys.executable).replace("User=fairbrush\n", "")
        (tmp_path / name).write_text(plain, encoding="utf-8")
    files = [str(tmp_path / name) for name in blocks]
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "fairbrush-backup" in line]
    assert (done.returncode, said) == (0, [])
    calendar = re.search(r"OnCalendar=(.+)", blocks["fairbrush-backup.timer"])
    assert calendar is not None
    subprocess.run(["systemd-analyze", "calendar", calendar[1]], capture_output=True, check=True)
