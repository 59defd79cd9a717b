"""The command as a process of its own: signals, pipes, terminals, two at once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import (
    COMMAND,
    SMALL,
    Running,
    at_terminal,
    environment,
    eventually,
    fairbrush,
    posix_only,
    running,
    screen,
)

_COLOUR = re.compile(r"\x1b\[[0-9;]*[34][0-8][;m]")

LONG = ("imagine", "a fox", "--size", "1024x1024", "--steps", "60", "--count", "3", "--out", "pictures")
"""Minutes at the pace of the slow engine."""


@pytest.fixture(scope="module")
def slow_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An engine that takes its time, in a process of its own."""
    with running("engine", "--port", "0", "--pace", "0.3", cwd=tmp_path_factory.mktemp("slow")) as process:
        yield process.until(lambda p: p.stdout.endswith("\n")).stdout.strip()


def queue(url: str) -> tuple[int, int]:
    with urllib.request.urlopen(f"{url}/queue", timeout=10) as answer:
        found = json.load(answer)
    return len(found["queue_running"]), len(found["queue_pending"])


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def is_painting(process: Running) -> bool:
    """Both places at the server are taken."""
    return process.stderr.count("starting") >= 1 and "waiting, 1 before it" in process.stderr


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_cancels_on_the_server(tmp_path: Path, slow_engine: str, number: signal.Signals) -> None:
    with running(*LONG, "--comfyui", slow_engine, cwd=tmp_path) as process:
        process.until(is_painting)
        assert queue(slow_engine) == (1, 1)
        ended = process.interrupt(number).end()
    assert ended.code == 130
    assert "Stopping: asking the server to cancel." in ended.stderr
    assert "Stopped: what was running is cancelled on the server." in ended.stderr
    assert "0 of 3 painted, 2 stopped, 1 not begun." in ended.stderr
    assert "Error" not in ended.stderr
    assert ended.stdout == ""
    assert queue(slow_engine) == (0, 0)
    assert not (tmp_path / "pictures").exists()


@posix_only
def test_other_peoples_work_on_the_server_goes_on(tmp_path: Path, slow_engine: str) -> None:
    with running(*LONG, "--comfyui", slow_engine, cwd=tmp_path) as other:
        other.until(is_painting)
        with running(*LONG, "--comfyui", slow_engine, cwd=tmp_path) as process:
            process.until(lambda p: "waiting, 2 before it" in p.stderr)
            assert process.interrupt().end().code == 130
        assert queue(slow_engine) == (1, 1)
        assert other.interrupt().end().code == 130
    assert queue(slow_engine) == (0, 0)


@posix_only
def test_a_second_press_leaves_at_once(tmp_path: Path, slow_engine: str) -> None:
    """Whatever the server does; nothing half-written stays. A stopped server answers nothing."""
    with running("engine", "--port", "0", "--pace", "0.3", cwd=tmp_path) as engine:
        url = engine.until(lambda p: p.stdout.endswith("\n")).stdout.strip()
        with running(*LONG, "--comfyui", url, cwd=tmp_path) as process:
            process.until(is_painting)
            engine.interrupt(signal.SIGSTOP)
            try:
                process.interrupt().until(lambda p: "Press Ctrl-C again" in p.stderr)
                # The second counts once it is not taken for the first any more.
                eventually(lambda: process.interrupt().process.poll() is not None)
                ended = process.end()
            finally:
                engine.interrupt(signal.SIGCONT)
    assert ended.code == 130
    assert ended.stderr.endswith("Left at once. What the server was painting may go on.\n")
    assert not (tmp_path / "pictures").exists()


@posix_only
def test_the_embedded_engine_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    line = ("imagine", "a fox", "--seed", "1-500", "--size", "256x256", "--steps", "20")
    with running(*line, cwd=tmp_path, TMPDIR=str(tmp_path / "tmp")) as process:
        process.until(lambda p: p.stdout.count("\n") >= 1)
        ended = process.interrupt().end()
    assert ended.code == 130
    assert files(tmp_path / "tmp") == []
    assert [name for name in files(tmp_path) if name != "tmp"] == sorted(ended.stdout.splitlines())
    assert "not begun" in ended.stderr


@posix_only
def test_the_engine_ends_in_good_order(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with running("engine", "--port", "0", cwd=tmp_path, TMPDIR=str(tmp_path / "tmp")) as process:
        process.until(lambda p: p.stdout.endswith("\n"))
        assert files(tmp_path / "tmp") != []
        assert process.interrupt(signal.SIGTERM).end().code == 0
    assert files(tmp_path / "tmp") == []


def test_two_at_once_in_one_folder(tmp_path: Path) -> None:
    line = ("imagine", "a fox", "--seed", "1-5", *SMALL, "--out", "new")
    with running(*line, cwd=tmp_path) as first, running(*line, cwd=tmp_path) as second:
        ends = [first.end(), second.end()]
    assert [end.code for end in ends] == [0, 0]
    paths = [path for end in ends for path in end.stdout.splitlines()]
    assert len(set(paths)) == 10
    assert sorted(Path(path).name for path in paths) == files(tmp_path / "new")


@posix_only
def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """``fairbrush imagine … | head -1``"""
    line = [*COMMAND, "imagine", "a fox", "--seed", "1-300", *SMALL, "--out", "pictures"]
    done = subprocess.run(
        f"{shlex.join(line)} | head -1; exit ${{PIPESTATUS[0]}}",
        shell=True,
        executable=_bash(),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.stdout == "pictures/text-to-image-1.png\n"
    assert done.returncode == 1
    assert "Nobody takes the results any more, so the rest is stopped." in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert 1 <= len(files(tmp_path / "pictures")) < 300
    assert all(name.endswith(".png") for name in files(tmp_path / "pictures"))


def _bash() -> str:
    bash = "/bin/bash"
    if not Path(bash).exists():
        pytest.skip("needs bash for the exit code of a pipe's first part")
    return bash


@posix_only
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", [("imagine", "a fox", *SMALL), ("templates", "list")], ids=" ".join)
def test_results_that_cannot_be_written(tmp_path: Path, args: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *args],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert "Error: The results cannot be written to standard output: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@posix_only
def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "imagine", "a fox", "--seed", "1", *SMALL, "--out", b"c\xff"],
        cwd=tmp_path,
        env=environment(PYTHONIOENCODING="utf-8:strict"),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"c\xff/text-to-image-1.png\n"


@posix_only
def test_at_a_terminal(tmp_path: Path) -> None:
    """Bars stay below, paths scroll above, every line is whole."""
    code, written = at_terminal("imagine", "a fox", "--seed", "1-3", *SMALL, cwd=tmp_path, width=80)
    assert code == 0
    assert screen(written, 80)[:5] == [
        "No ComfyUI server is configured: the built-in sketch engine paints.",
        "3 pictures, about 1 s on the built-in engine.",
        "text-to-image-1.png",
        "text-to-image-2.png",
        "text-to-image-3.png",
    ]
    lines = [line for line in screen(written, 80) if line]
    assert lines[5].startswith("3 of 3 pictures")
    assert [line.split("]")[0] for line in lines[6:9]] == ["[1", "[2", "[3"]
    assert lines[9].startswith("3 of 3 painted (3 files")
    assert _COLOUR.search(written)
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")  # the cursor is back


@posix_only
def test_no_colour_where_none_is_wanted(tmp_path: Path) -> None:
    _, written = at_terminal("imagine", "a fox", *SMALL, cwd=tmp_path, NO_COLOR="1")
    assert not _COLOUR.search(written)


def test_nothing_but_results_on_stdout_of_a_pipe(tmp_path: Path) -> None:
    ended = fairbrush("imagine", "a fox", "--seed", "1", *SMALL, cwd=tmp_path, FORCE_COLOR="1")
    assert ended.code == 0
    assert ended.stdout == "text-to-image-1.png\n"
    assert "\x1b" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("a fox: done in ")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    assert fairbrush("--version", cwd=tmp_path).stdout.startswith("fairbrush, version ")


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o555)
    for out in ("theirs", "theirs/new"):
        ended = fairbrush("imagine", "a fox", *SMALL, "--out", out, cwd=tmp_path)
        assert ended.code == 1
        assert "you lack the permission. Name another folder with --out." in ended.stderr


def stop(process: subprocess.Popen[str]) -> None:
    """Press as often as it takes: a press in the instant before a read begins does not end that read."""
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return
    process.kill()


@posix_only
def test_a_press_before_anything_is_painted(tmp_path: Path) -> None:
    """While requests are typed."""
    keyboard, theirs = os.openpty()
    process = subprocess.Popen(
        [*COMMAND, "imagine", "--file", "-"],
        cwd=tmp_path,
        env=environment(),
        stdin=theirs,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stderr is not None
    with process, process.stderr:
        assert process.stderr.readline().startswith("One request a line")
        stop(process)
        assert process.stderr.read() == "Interrupted.\n"
    os.close(theirs)
    os.close(keyboard)
    assert process.returncode == 130
