"""The commands in this process, with an engine in another; fixtures that test modules make for themselves."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli, tour
from tests.support.cli import running


def engine_of_this_module(*args: str) -> Callable[..., Any]:
    """A fixture: the address of ``fairbrush engine``, in a process of its own."""

    @pytest.fixture(scope="module")
    def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
        with running("engine", "--port", "0", *args, cwd=tmp_path_factory.mktemp("engine")) as process:
            yield process.until(lambda p: p.stdout.endswith("\n")).stdout.strip()

    return engine


def empty_folder() -> Callable[..., Any]:
    """A fixture for all tests of a module: they run in an empty folder, with no configuration."""

    @pytest.fixture(autouse=True)
    def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        for name in [name for name in os.environ if name.startswith("FAIRBRUSH")]:
            monkeypatch.delenv(name)
        return tmp_path

    return here


def small_pictures() -> Callable[..., Any]:
    """A fixture: pictures of the usual shapes, quickly painted."""

    @pytest.fixture
    def small(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tour, "PACE", 0.0)
        monkeypatch.setenv("FAIRBRUSH__TIERS__DEFAULT__MAX_PIXELS", "16384")

    return small


def call(*args: str, **settings: str) -> Result:
    result = CliRunner().invoke(cli, args, prog_name="fairbrush", **settings)
    assert "stumbled" not in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    return result


def refused(*args: str, code: int = 2) -> str:
    """The one message of a command that is refused."""
    result = call(*args)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    return errors[0]


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
