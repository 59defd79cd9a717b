"""Bad input: its own message, its exit code, nothing left behind."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from tests.support.commands import (
    call,
    empty_folder,
    engine_of_this_module,
    refused,
    unused_port,
)

engine = engine_of_this_module("--vram-mb", "3500")
here = empty_folder()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([""], "There is no text that says what to paint"),
        (["fox", "--sed", "7"], "There is no flag --sed. Did you mean --seed?"),
        (["fox", "--jsn"], "Did you mean --json?"),
        (["fox", "--seed", "abc"], "--seed needs a whole number"),
        (["fox", "--size", "99999x1"], "each side must be between 16 and 16384"),
        (["fox", "--ar", "0:1"], "neither side may be 0"),
        (["fox", "--ar", "3:2", "--size", "64x64"], "contradict each other"),
        (["fox", "--count", "0"], "must be between 1 and 1000"),
        (["fox", "--seed"], "--seed needs a value"),
        (["fox", "--out"], "requires an argument"),
        (["fox\x01"], "cannot be read (U+0001)"),
        (["fox", "--image", "missing.png"], "There is no file “missing.png”"),
        (["fox", "--image", "."], "is a folder, not an image"),
        (["fox", "--image", "text.png"], "is not an image that can be used"),
        (["fox", "--image", "cut.png"], "is damaged"),
        (["fox", "--file", "missing.txt"], "missing.txt cannot be read"),
        (["fox", "--config", "missing.toml"], "There is no configuration file"),
        (["fox", "--config", "broken.toml"], "line 1, column 6: the file ends inside a list"),
        (["fox", "--config", "unknown.toml"], "comfyu: there is no such key. Did you mean comfyui?"),
        (["fox", "--comfyui", "127.0.0.1:8188"], "must begin with http:// or https://"),
        (["fox", "--comfyui", "htp://127.0.0.1"], "must begin with http:// or https://"),
        (["fox", "--comfyui", "ftp://127.0.0.1"], "must begin with http:// or https://"),
        (["fox", "--comfyui", "http://"], "the host is missing"),
        (["fox", "--comfyui", "http://h:99999"], "host or port cannot be read"),
        (["fox", "--comfyui", "http://me:secret@h"], "holds a user name or a password"),
    ],
)
def test_wrong_usage_needs_no_server(here: Path, args: list[str], words: str) -> None:
    (here / "text.png").write_text("not a picture")
    Image.radial_gradient("L").save(here / "whole.png")
    (here / "cut.png").write_bytes((here / "whole.png").read_bytes()[:300])
    (here / "broken.toml").write_text("a = [")
    (here / "unknown.toml").write_text("comfyu = 3")
    before = sorted(here.iterdir())
    message = refused("imagine", *args) if "--out" in args else refused("imagine", *args, "--out", "new/deep")
    assert words in message
    assert "secret" not in message
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["fox " * 2500], "prompt text has 9999 characters; at most 6000"),
        (["fox", "--template", "nosuch"], "There is no template nosuch. There are: flux"),
        (["fox", "--template", "text_to_image"], "Did you mean text-to-image?"),
        (["fox", "--style", "inky"], "Did you mean ink?"),
        (["fox", "--preset", "turbo"], "It has: fast, balanced, quality"),
        (["fox", "--sampler", "eulr"], "Did you mean euler?"),
        (["fox", "--steps", "9999"], "steps 9999 is out of range: 1 to 60"),
        (["fox", "--size", "9999x9999"], "at most 2097152"),
        (["fox", "--count", "5"], "you may ask for at most 4"),
        (["fox", "--template", "image-to-image"], "in a shell, name its file: --image FILE"),
    ],
)
def test_what_a_template_does_not_allow(here: Path, engine: str, args: list[str], words: str) -> None:
    assert words in refused("imagine", *args, "--out", "new", "--comfyui", engine)
    assert list(here.iterdir()) == []


def test_no_such_command() -> None:
    assert "Did you mean 'imagine'?" in refused("imagin", "a fox")
    assert "Did you mean 'list'?" in refused("templates", "lst")


@pytest.mark.parametrize("args", [[], ["imagine"], ["templates"]])
def test_no_arguments_at_all_show_help(args: list[str]) -> None:
    result = call(*args)
    assert result.exit_code == 2
    assert "Usage: fairbrush" in result.stderr
    assert result.stdout == ""


def test_a_place_that_is_no_folder(here: Path) -> None:
    (here / "file").write_text("mine")
    assert "file is not a folder. Name another folder with --out." in refused(
        "imagine", "fox", "--out", "file", code=1
    )
    assert (here / "file").read_text() == "mine"


def test_a_server_that_is_down_is_told_once(here: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    message = refused("imagine", "fox", "--seed", "1-9", "--out", "new", "--comfyui", url, code=1)
    assert f"The ComfyUI server at {url}/ cannot be reached." in message
    assert list(here.iterdir()) == []


class _Wrong(BaseHTTPRequestHandler):
    status, kind, body = 200, "text/html", b"<html>hello</html>"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_args: object) -> None: ...


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_args: object) -> None:
        """Clients may leave before they have read all."""


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (200, "text/html", b"<html>hello</html>", "does not speak like a ComfyUI server"),
        (200, "application/json", b'{"hello": 1}', "does not speak like a ComfyUI server"),
        (200, "application/json", b"[]", "does not speak like a ComfyUI server"),
        (401, "text/plain", b"no", "wants a login (it answered 401)"),
        (502, "text/html", b"<html>bad gateway", "no ComfyUI server behind it"),
    ],
)
def test_something_else_answers(here: Path, status: int, kind: str, body: bytes, words: str) -> None:
    handler = type("Handler", (_Wrong,), {"status": status, "kind": kind, "body": body})
    with _Server(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            assert words in refused("imagine", "fox", "--out", "new", "--comfyui", url, code=1)
        finally:
            server.shutdown()
            serving.join()
    assert list(here.iterdir()) == []


def test_a_template_that_is_disabled_says_why(here: Path, engine: str) -> None:
    (here / "workflows").mkdir()
    (here / "workflows" / "mine.json").write_text('{"nodes": [], "links": []}')
    message = refused("imagine", "fox", "--template", "mine", "--comfyui", engine, code=1)
    assert "Template mine is disabled" in message
    assert "Workflow → Export (API)" in message
    assert "No template that can be used here" in refused("imagine", "fox", "--comfyui", engine, code=1)
