"""The commands as people call them: what they print, their exit codes, what bad input does."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from bot.cli import cli, tour
from bot.cli.interruption import Interruption
from bot.config import load_settings
from bot.sketch import SketchEngine
from bot.sketch.models import SKETCH_MODELS
from bot.templates.loader import shipped_folder
from tests.support.cli import SMALL, environment, running

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``fairbrush engine``."""
    with running(
        "engine", "--port", "0", "--vram-mb", "3500", cwd=tmp_path_factory.mktemp("engine")
    ) as process:
        yield process.until(lambda p: p.stdout.endswith("\n")).stdout.strip()
        process.interrupt(signal.SIGTERM if os.name == "posix" else signal.CTRL_BREAK_EVENT)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the usual shapes, quickly painted."""
    monkeypatch.setattr(tour, "PACE", 0.0)
    monkeypatch.setenv("FAIRBRUSH__TIERS__DEFAULT__MAX_PIXELS", "16384")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FAIRBRUSH")]:
        monkeypatch.delenv(name)
    return tmp_path


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


# --- results ---------------------------------------------------------------------------------------------


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


# --- bad input -------------------------------------------------------------------------------------------


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
        (["fox", "--config", "broken.toml"], "is not valid TOML"),
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
        (["fox", "--template", "image-to-image"], "Give one with --image FILE"),
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


# --- templates, check, engine, demo ----------------------------------------------------------------------


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
    (here / "demo").mkdir()
    (here / "demo" / "contact-sheet.png").write_text("an earlier one")
    result = call("demo", "--data-dir", "demo")
    assert result.exit_code == 0, result.stderr
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert kinds(paths) == ["text-to-image", "flux", "image-to-image", "contact-sheet"]
    shapes = []
    for path in paths:
        with Image.open(path) as picture:
            shapes.append(round(picture.width / picture.height, 1))
    assert shapes[:3] == [1.5, 0.7, 1.5]
    assert (here / "demo" / "contact-sheet.png").read_text() == "an earlier one"
    assert f"are in {here / 'demo'}" in result.stderr
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


# --- help ------------------------------------------------------------------------------------------------

GROUPS: list[list[str]] = [
    [],
    ["imagine"],
    ["demo"],
    ["engine"],
    ["templates"],
    ["templates", "list"],
    ["templates", "inspect"],
    ["templates", "add"],
    ["check"],
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
    lines = examples()
    assert len(lines) >= 11
    for line in lines:
        words = shlex.split(line.replace("http://127.0.0.1:8188", engine))[1:]
        if words[0] == "engine":
            words[words.index("--port") + 1] = "0"
            with running(*words, cwd=here) as process:
                process.until(lambda p: p.stdout.startswith("http://127.0.0.1:"))
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
