"""The image, compose.yaml and the systemd unit say what is so, and fit each other and the program."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.cli import cli
from bot.config import Settings, load_settings
from bot.config.model import Queue
from bot.sketch import EngineSettings
from tests.support.plain_yaml import NotPlain, read_yaml
from tests.support.templates import ROOT

COMPOSE = ROOT / "compose.yaml"
UNIT = ROOT / "docs" / "ops" / "fairbrush.service"
SHUTDOWN = Queue().shutdown_seconds
MARGIN = 10.0
"""Seconds that a bot needs beside what it lets end."""


def instructions(path: str) -> dict[str, list[str]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / path).read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            found.setdefault(word, []).append(rest.strip())
    return found


def words(value: str) -> list[str]:
    """The JSON form of an instruction."""
    found: list[str] = ast.literal_eval(value)
    return found


def image_environment() -> dict[str, str]:
    return dict(each.split("=", 1) for line in instructions("Dockerfile")["ENV"] for each in line.split())


def seconds(duration: str) -> float:
    """``45s``, ``5m``, ``10min``, ``60``"""
    number, unit = re.fullmatch(r"(\d+)\s*(s|m|min|h)?", duration).groups()  # type: ignore[union-attr]
    return float(number) * {"s": 1, "m": 60, "min": 60, "h": 3600, None: 1}[unit]


# The images


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that says so to everything: its port, and what it was asked."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("file", "port", "path"),
    [("Dockerfile", 9464, "/healthz"), ("docker/comfyui.Dockerfile", 8188, "/system_stats")],
)
def test_health_checks_tell_the_truth(file: str, port: int, path: str) -> None:
    found = instructions(file)
    options, _, command = found["HEALTHCHECK"][0].partition("CMD ")
    python, flag, code = words(command)
    assert (python, flag) == ("python", "-c")
    assert f"'127.0.0.1', {port}," in code
    assert str(port) in found["EXPOSE"][0].split()

    def healthy(there: int) -> bool:
        line = [sys.executable, "-c", code.replace(str(port), str(there))]
        return subprocess.run(line, capture_output=True, check=False).returncode == 0

    with answering(200) as (there, asked):
        assert healthy(there)
    assert asked == [path]
    assert not healthy(there), "nobody answers"
    with answering(503) as (there, _):
        assert not healthy(there)
    patience = re.search(r"timeout=(\d+)", code)
    limit = re.search(r"--timeout=(\S+)", options)
    assert patience is not None
    assert limit is not None
    assert float(patience[1]) < seconds(limit[1])


def test_the_image_listens_where_its_health_is_asked(tmp_path: Path) -> None:
    environ = {name: value for name, value in image_environment().items() if name.startswith("FAIRBRUSH")}
    settings = load_settings(None, environ=environ, folder=tmp_path)
    assert settings.metrics.listen is not None
    assert (settings.metrics.listen.host, settings.metrics.listen.port) == ("0.0.0.0", 9464)


@pytest.mark.parametrize("file", ["Dockerfile", "docker/comfyui.Dockerfile"])
def test_images_run_as_somebody_who_owns_what_is_written(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    found = instructions(file)
    (user,) = found["USER"]
    assert re.search(rf"useradd --uid 10001 --user-group --create-home {user}\b", text)
    assert text.index("\nRUN") < text.index("\nUSER") < text.index("\nENTRYPOINT")
    assert not re.search(r"(?i)sudo|:latest|curl .*\|", text)


def test_labels_name_no_host() -> None:
    labels = " ".join(instructions("Dockerfile")["LABEL"])
    assert "org.opencontainers.image.title" in labels
    assert "//" not in labels


def test_comfyui_is_of_the_version_whose_protocol_is_spoken() -> None:
    arguments = dict(each.split("=", 1) for each in instructions("docker/comfyui.Dockerfile")["ARG"])
    assert arguments["COMFYUI_TAG"] == f"v{EngineSettings().version}"


# compose.yaml


@pytest.fixture(scope="module")
def compose() -> Any:
    return read_yaml(COMPOSE.read_text(encoding="utf-8"))


def test_what_may_be_read_in_two_ways_is_refused() -> None:
    for text in (
        "a: yes",
        "a: 1:30",
        "a: 012",
        "a:\n\tb: 1",
        "a: 1\na: 2",
        "a: {b: 1}",
        "- a\nb: 1",
        "a: |\n  x",
    ):
        with pytest.raises((NotPlain, ValueError)):
            read_yaml(text)
    assert read_yaml('a: &x\n  - "b: c"\n  - d: 1\n    e: true\nf: *x # g\n') == {
        "a": ["b: c", {"d": 1, "e": True}],
        "f": ["b: c", {"d": 1, "e": True}],
    }


def test_another_reader_of_yaml_reads_the_same(compose: Any) -> None:
    yaml = pytest.importorskip("yaml", reason="no other reader of YAML is installed")
    assert yaml.safe_load(COMPOSE.read_text(encoding="utf-8")) == compose


def test_compose_itself_takes_the_file() -> None:
    docker = shutil.which("docker")
    known = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    if not docker or not known or known.returncode:
        pytest.skip("Docker Compose is not installed")
    line = [docker, "compose", "--file", str(COMPOSE), "--profile", "*", "config", "--format", "json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert services.keys() == {"fairbrush", "comfyui", "comfyui-cpu"}


def variables(text: str) -> set[str]:
    return set(re.findall(r"\$\{(\w+)", text))


def filled_in(value: str, given: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: given.get(match[1]) or match[2], value)


def settings_of(compose: Any, folder: Path, **given: str) -> Settings:
    environ = {
        name: filled_in(value, given)
        for name, value in compose["services"]["fairbrush"]["environment"].items()
    }
    return load_settings(None, environ=image_environment() | environ, folder=folder)


def test_its_environment_makes_settings(compose: Any, tmp_path: Path) -> None:
    bare = settings_of(compose, tmp_path)
    assert (bare.discord, bare.telegram, bare.web.listen) == (None, None, None)
    assert bare.comfyui[0].url == "http://comfyui:8188"
    (tmp_path / "token").write_text("123456789:AAabcdefghijklmnopqrstuvwxyz012345_")
    full = settings_of(
        compose,
        tmp_path,
        DISCORD_TOKEN="MTIzNDU2Nzg5MDEyMzQ1Njc4.Gabcde.abcdefghijklmnopqrstuvwxyz0123456789AB",
        DISCORD_ADMIN_IDS="1,2",
        TELEGRAM_TOKEN_FILE=str(tmp_path / "token"),
        WEB_LISTEN="0.0.0.0:8765",
        TIMEZONE="Europe/Berlin",
        COMFYUI_URL="http://gpu:8188",
    )
    assert full.discord is not None
    assert full.discord.admin_ids == (1, 2)
    assert full.telegram is not None
    assert full.telegram.token.get_secret_value().startswith("123456789:")
    assert full.web.listen is not None
    assert full.comfyui[0].url == "http://gpu:8188"


def test_its_variables_are_those_of_the_example() -> None:
    example = (ROOT / "docker" / "env.example").read_text(encoding="utf-8")
    given = set(re.findall(r"(?m)^(\w+)=", example))
    assert given - {"COMPOSE_PROFILES"} == variables(COMPOSE.read_text(encoding="utf-8"))
    assert not re.search(r"(?m)^\w*(TOKEN|SECRET)\w*=.", example), "no token is given away"


def test_the_bot_is_given_the_time_to_stop(compose: Any) -> None:
    bot = compose["services"]["fairbrush"]
    assert seconds(bot["stop_grace_period"]) >= SHUTDOWN + MARGIN
    assert bot["restart"] == "unless-stopped"


def test_it_waits_for_whichever_comfyui_is_chosen(compose: Any) -> None:
    services = compose["services"]
    waits = services["fairbrush"]["depends_on"]
    assert waits.keys() == services.keys() - {"fairbrush"}
    for name, wait in waits.items():
        assert wait == {"condition": "service_healthy", "required": False}
        assert services[name]["profiles"], "none is started unless it is chosen"
        file = services[name]["build"]["dockerfile"]
        assert "HEALTHCHECK" in instructions(file)
    assert {each["profiles"][0] for name, each in services.items() if name != "fairbrush"} == {
        "nvidia",
        "cpu",
    }
    assert services["comfyui-cpu"]["command"] == ["--cpu"]
    assert "comfyui" in services["comfyui-cpu"]["networks"]["servers"]["aliases"]


def test_the_card_is_reserved(compose: Any) -> None:
    (device,) = compose["services"]["comfyui"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert "deploy" not in compose["services"]["comfyui-cpu"]


def test_nobody_elsewhere_reaches_anything(compose: Any) -> None:
    assert compose["networks"]["servers"]["internal"] is True
    for service in compose["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        assert "privileged" not in service
        assert service.get("network_mode") is None
    for name in ("comfyui", "comfyui-cpu"):
        assert "ports" not in compose["services"][name]
        assert set(compose["services"][name]["networks"]) == {"servers"}
    published = {port.rsplit(":", 1)[1] for port in compose["services"]["fairbrush"]["ports"]}
    assert published == set(instructions("Dockerfile")["EXPOSE"][0].split())


def test_what_is_kept_lies_in_volumes_that_are_declared(compose: Any) -> None:
    named = set()
    for service in compose["services"].values():
        for volume in service["volumes"]:
            if isinstance(volume, str):
                source, target = volume.rsplit(":", 1)
                assert target.startswith("/")
                if "/" not in source:
                    named.add(source)
    assert named == compose["volumes"].keys()
    comfyui = [each for each in compose["services"]["comfyui"]["volumes"] if isinstance(each, str)]
    kept = {each.rsplit("/", 1)[1] for each in comfyui}
    assert kept == {"models", "custom_nodes", "input", "output", "user"}
    made = " ".join(instructions("docker/comfyui.Dockerfile")["RUN"])
    assert all(f" {name}" in made for name in kept)
    assert "fairbrush:/data" in compose["services"]["fairbrush"]["volumes"]
    assert instructions("Dockerfile")["VOLUME"] == ["/data"]


def test_what_it_builds_from_exists(compose: Any) -> None:
    for service in compose["services"].values():
        assert (ROOT / service["build"].get("dockerfile", "Dockerfile")).is_file()


# systemd


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_starts_watches_and_stops_the_bot() -> None:
    found = unit()
    (start,) = found["ExecStart"]
    program, command = start.split()
    assert Path(program).name == "fairbrush"
    assert cli.get_command(cli.make_context("fairbrush", [], resilient_parsing=True), command) is not None
    assert found["Type"] == ["notify"]
    assert seconds(found["WatchdogSec"][0]) >= 30
    assert seconds(found["TimeoutStopSec"][0]) >= SHUTDOWN + MARGIN
    assert found["Restart"] == ["on-failure"]
    assert found["RestartPreventExitStatus"] == ["2"]
    tries = seconds(found["RestartSec"][0]) * int(found["StartLimitBurst"][0])
    assert tries <= seconds(found["StartLimitIntervalSec"][0]), "it would never be left alone"
    assert found["StateDirectory"] == ["fairbrush"]
    assert found["WorkingDirectory"] == ["/var/lib/fairbrush"]
    assert found["User"] != ["root"]
    families = set(found["RestrictAddressFamilies"][0].split())
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} == families


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("/opt/fairbrush/bin/fairbrush", sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^(User|Group)=.*\n", "", text), encoding="utf-8")
    line = ["systemd-analyze", "verify", str(copy)]
    done = subprocess.run(
        line, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    said = [each for each in done.stderr.splitlines() if UNIT.name in each]
    assert (done.returncode, said) == (0, [])
