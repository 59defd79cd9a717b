"""The files around the code agree with it and with each other."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import bot

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MACHINES = [
    {"sys_platform": system, "platform_system": name, "os_name": family, "python_version": version}
    for system, name, family in (
        ("linux", "Linux", "posix"),
        ("win32", "Windows", "nt"),
        ("darwin", "Darwin", "posix"),
    )
    for version in ("3.11", "3.12", "3.13")
]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", line) for line in lines]
    assert all(found), "a line that is no pin, or that names a host, a path or an option"
    named = {canonicalize_name(match[1]): match[2] for match in found if match}
    assert len(named) == len(lines), "a package is pinned twice"
    return named


def requirements() -> Iterator[Requirement]:
    """Everything that any supported machine installs for the project and its tools."""
    project = PROJECT["project"]
    todo = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    seen: set[str] = set()
    while todo:
        requirement = Requirement(todo.pop())
        yield requirement
        for extra in ("", *requirement.extras):
            key = f"{canonicalize_name(requirement.name)}[{extra}]"
            if key in seen:
                continue
            seen.add(key)
            try:
                needed = importlib.metadata.requires(requirement.name) or []
            except importlib.metadata.PackageNotFoundError:
                continue  # only other systems install it
            for line in needed:
                marker = Requirement(line).marker
                if marker is None or any(
                    marker.evaluate({**machine, "extra": extra}) for machine in MACHINES
                ):
                    todo.append(line)


def test_the_version_stands_in_one_place() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "bot/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", bot.__version__)
    assert re.search(rf"(?m)^## \[{re.escape(bot.__version__)}\]", read("CHANGELOG.md"))
    for name in ("Dockerfile", "Makefile", "pyproject.toml"):
        assert not re.search(rf'"{re.escape(bot.__version__)}"', read(name)), name


def test_constraints_pin_everything_that_is_installed_and_nothing_else() -> None:
    pinned = pins()
    needed = list(requirements())
    assert {canonicalize_name(requirement.name) for requirement in needed} == set(pinned)
    for requirement in needed:
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} against {version}"


@pytest.mark.parametrize("name", ["constraints.txt", "Makefile", "Dockerfile", ".ci/run", "pyproject.toml"])
def test_no_file_names_a_host_to_install_from(name: str) -> None:
    assert not re.search(r"https?://|index-url|find-links|trusted-host", read(name))


def instructions() -> dict[str, list[str]]:
    text = re.sub(r"\\\n\s*", "", read("Dockerfile"))
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            found.setdefault(word, []).append(rest)
    return found


def test_the_image_is_made_of_files_that_exist_and_are_sent() -> None:
    ignored = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {source for line in instructions()["COPY"] for source in line.split()[:-1]}
    assert copied == sent
    for source in copied:
        assert (ROOT / source).exists(), source
    packed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", *packed["packages"], *packed["force-include"]}
    needed |= {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert needed <= copied


def test_the_image_runs_commands_that_exist_and_not_as_root() -> None:
    from bot.cli import cli

    found = instructions()
    (script,) = PROJECT["project"]["scripts"]
    assert ast.literal_eval(found["ENTRYPOINT"][0]) == [script]
    words = [script, *ast.literal_eval(found["CMD"][0])]
    command = cli.get_command(cli.make_context(script, [], resilient_parsing=True), words[1])
    assert command is not None, words
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words[2:] if word.startswith("--")} <= options
    order = [line.split()[0] for line in read("Dockerfile").splitlines() if line and line[0].isupper()]
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT")
    assert found["USER"] == ["fairbrush"]
    assert found["VOLUME"] == ["/data"]


def test_the_sdist_lists_what_exists() -> None:
    listed = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert [name for name in listed if not (ROOT / name.removeprefix("/")).exists()] == []


def test_the_layers_name_every_package() -> None:
    layers = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers")["layers"]
    named = set(re.findall(r"bot\.(\w+)", " ".join(layers)))
    modules = {path.stem for path in (ROOT / "bot").iterdir() if path.suffix == ".py"}
    packages = {path.parent.name for path in (ROOT / "bot").glob("*/__init__.py")}
    assert (modules - {"__init__", "__main__"}) | packages <= named


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_files_that_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []
    # Names below workflows/ are examples: that is where an operator's own files go.
    named = re.findall(r"`((?:bot|docs|tests|bench)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_targets_of_make_that_exist(document: Path) -> None:
    targets = set(re.findall(r"(?m)^(\w+):", read("Makefile")))
    assert {"demo", "test", "lint", "format", "bench", "clean"} <= targets
    named = re.findall(r"(?:`|^)make (\w+)", document.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


def test_git_ignores_nothing_that_is_needed() -> None:
    patterns = [line.rstrip("/") for line in read(".gitignore").splitlines() if line]
    for name in ("config.example.toml", "constraints.txt", "workflows", "tests"):
        assert not any(fnmatch(name, pattern) for pattern in patterns), name


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_ci_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, "not executable"
    subprocess.run(["bash", "-n", str(script)], check=True)
    refused = subprocess.run(
        ["bash", str(script)],
        env={"PATH": "/usr/bin:/bin", "FAIRBRUSH_CORPUS": "/absent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "FAIRBRUSH_CORPUS names no folder: /absent" in refused.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs make")
def test_an_old_python_is_refused_clearly(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    (tmp_path / "Makefile").write_text(read("Makefile"))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    made = subprocess.run(
        ["make", "--directory", str(tmp_path), f"PYTHON={old}", "demo"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode != 0
    assert "Fairbrush needs Python 3.11 or newer" in made.stderr
    assert "Python 3.9.1" in made.stderr
    assert not (tmp_path / ".venv").exists()
