"""The page as ``fairbrush run`` and ``fairbrush demo`` serve it."""

from __future__ import annotations

import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.cli import playground
from bot.config import load_settings
from bot.templates.loader import shipped_folder
from tests.support.cli import posix_only, running
from tests.support.commands import empty_folder, refused, unused_port

here = empty_folder()


def page(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        return str(answer.read().decode())


@contextmanager
def taken() -> Iterator[int]:
    """A port on which something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_run_serves_it_and_says_where_and_never_the_token(here: Path) -> None:
    port = unused_port()
    (here / "config.toml").write_text(f'[web]\nlisten = "127.0.0.1:{port}"\n')
    with running("run", cwd=here) as bot:
        bot.until(lambda p: p.stdout.startswith("ready: ") or p.process.poll() is not None)
        assert bot.stdout.endswith(f" up, no chat platform is configured, page at http://127.0.0.1:{port}\n")
        file = here / "data" / "web-token"
        token = file.read_text().strip()
        line = f"Operator's page: http://127.0.0.1:{port}/operator The token is in {file}"
        bot.until(lambda p: line in p.stderr.splitlines())
        assert token not in bot.stderr + bot.stdout
        assert "Sign in as the operator" in page(f"http://127.0.0.1:{port}/")


def test_run_says_that_its_port_is_taken(here: Path) -> None:
    with taken() as port:
        (here / "config.toml").write_text(f'[web]\nlisten = "127.0.0.1:{port}"\n')
        said = refused("run")
    assert f"Nothing can listen at web.listen (127.0.0.1:{port}): Address already in use." in said


@posix_only
def test_the_demo_goes_on_as_a_page_until_it_is_stopped(here: Path) -> None:
    # Whatever the configuration names, a first look is the engine's, and on this machine alone.
    (here / "config.toml").write_text(
        '[[comfyui]]\nname = "mine"\nurl = "http://127.0.0.1:9"\n'
        '[discord]\ntoken = "x.y.z"\n[web]\nlisten = "0.0.0.0:1"\n'
    )
    with running("demo", "--no-browser", "--port", "0", "--data-dir", "shown", cwd=here) as demo:
        demo.until(lambda p: "The page is open: " in p.stderr or p.process.poll() is not None)
        (address,) = re.findall(r"The page is open: (http://127\.0\.0\.1:\d+)", demo.stderr)
        assert "What shall the others call you?" in page(address)
        demo.until(lambda p: "Ada" in page(address) or p.process.poll() is not None)
        ended = demo.interrupt().end()
    assert ended.code == 0
    assert "Closed. The page shows all of it again with  --data-dir shown" in ended.stderr


def test_what_guests_hand_in_goes_into_a_folder_of_their_own(here: Path) -> None:
    demo = load_settings(None, environ={"FAIRBRUSH__WORKFLOWS_DIR": str(shipped_folder())}, folder=here)
    demo.data_dir.mkdir()
    own = playground._own_workflows(demo)
    assert own == here / "data" / "workflows"
    assert {file.name for file in own.iterdir()} == {file.name for file in shipped_folder().iterdir()}
    changed = own / "text-to-image.toml"
    changed.write_text('title = "Mine"\n', "utf-8")
    playground._own_workflows(demo)
    assert changed.read_text("utf-8") == 'title = "Mine"\n'
    (here / "workflows").mkdir()
    theirs = load_settings(None, environ={}, folder=here)
    assert playground._own_workflows(theirs) == here / "workflows"


def test_a_port_that_somebody_wants_is_not_replaced(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with taken() as port:
        said = refused("demo", "--no-browser", "--port", str(port))
        assert f"Port {port} on 127.0.0.1 cannot be used: Address already in use." in said
        monkeypatch.setattr(playground, "PORT", port)
        assert playground._port(None) == 0
    assert playground._port(None) == port


def test_a_browser_opens_only_where_somebody_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not playground._has_screen()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert playground._has_screen()
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert not playground._has_screen()
