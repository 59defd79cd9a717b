"""``fairbrush run`` as a process of its own, with commands beside it: work, stop, start again."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.cli import interruption
from bot.cli.log import one_line
from bot.control import ControlClient
from bot.service.operator import QueueView
from tests.support.cli import SMALL, Running, eventually, posix_only, running
from tests.support.commands import call, empty_folder, refused, unused_port

LINE = ("imagine", "a fox", "--seed", "7", "--size", "256x256", "--steps", "10", "--out", "new")
"""A few seconds at the pace of SLOW."""
SLOW = ("--pace", "4")

here = empty_folder()


@contextmanager
def bot(folder: Path, *args: str) -> Iterator[Running]:
    """A bot that is ready, in ``folder``."""
    with running("run", *args, cwd=folder) as process:
        process.until(lambda p: p.stdout.startswith("ready: ") or p.process.poll() is not None)
        assert process.process.poll() is None, process.stderr
        yield process


def seen(folder: Path) -> QueueView:
    """The queue of the bot that runs in ``folder``."""

    async def look() -> QueueView:
        client = await ControlClient.connect(folder / "data")
        assert client is not None
        return await client.queue()

    return asyncio.run(look())


def paints(folder: Path) -> bool:
    return any(server.running is not None for server in seen(folder).servers)


def is_idle(folder: Path) -> bool:
    return seen(folder).users == 0


def usage() -> tuple[int, int]:
    """Jobs that were accepted, and those that are done."""
    row = json.loads(call("usage", "--json").stdout)
    return row["jobs"], row["done"]


def test_pictures_take_their_turn_and_a_repeat_is_free(here: Path) -> None:
    with bot(here) as process:
        pid = process.process.pid
        assert process.stdout.startswith("ready: sketch http://127.0.0.1:")
        assert process.stdout.endswith(" up, no chat platform is configured\n")
        process.until(lambda p: p.stderr.count("\n") >= 2)  # the two streams are read apart
        assert process.stderr.splitlines() == [
            f"Data directory: {here / 'data'}",
            "No ComfyUI server is configured: the built-in sketch engine paints.",
        ]
        assert f"Another Fairbrush (process {pid}) works in {here / 'data'}." in refused("run")
        first = call("imagine", "a fox", "--seed", "5-6", *SMALL, "--out", "new")
        assert first.stdout.splitlines() == ["new/text-to-image-5.png", "new/text-to-image-6.png"]
        lines = first.stderr.splitlines()
        assert lines[0] == "A bot works in this data directory: the pictures take their turn in its queue."
        assert lines[-1].startswith("2 of 2 painted (")
        assert "sd_xl_base" not in first.stderr, "a sketch is never painted by the model of the template"
        again = call("imagine", "a fox", "--seed", "5", *SMALL, "--out", "new")
        assert again.stdout == "new/text-to-image-5-2.png\n"
        assert again.stderr.splitlines()[-1] == "a fox: from an earlier request, free of charge"
        five, six, copy = (
            (here / "new" / f"text-to-image-{name}.png").read_bytes() for name in ("5", "6", "5-2")
        )
        assert five == copy != six
        assert usage() == (3, 3)
        rows = call("check").stdout
        assert f"runs (process {pid}), 0 jobs waiting." in rows
        assert "fairbrush.db is sound: version " in rows


@posix_only
def test_a_stop_waits_answers_and_hands_over_what_is_being_painted(here: Path) -> None:
    """And tells those whose pictures are left."""
    with bot(here, *SLOW) as process, running(*LINE, "--count", "2", cwd=here) as shell:
        eventually(lambda: paints(here))
        process.interrupt(signal.SIGTERM).until(
            lambda p: "Stopping: 1 picture being painted may end within 30 s." in p.stderr
        )
        why = [str(job.why) for job in seen(here).jobs]
        # Unless the second picture is at the server already.
        assert why in ([], ["The bot is stopping. Your place is kept until it runs again."])
        ended = process.end()
        told = shell.end()
    assert ended.code == 0
    assert ended.stderr.splitlines()[-1] == "Stopped. 1 job left for the next start."
    left = {path.name for path in (here / "data").iterdir()}
    assert left == {"fairbrush.db", "fairbrush.lock", "pictures", "sketch"}
    assert told.code == 1
    assert told.stdout == "new/text-to-image-7.png\n"
    assert told.stderr.endswith(
        "1 of 2 pictures are not here yet. It waits in its queue, to be painted when it runs again. "
        "After that the same request with --seed 8 costs nothing.\n"
    )
    assert usage() == (2, 1)


@posix_only
def test_a_second_press_leaves_at_once_and_loses_nothing(here: Path) -> None:
    with bot(here, "--pace", "60") as process, running(*LINE, cwd=here) as shell:
        eventually(lambda: paints(here))
        process.interrupt().until(lambda p: "Press Ctrl-C again to leave at once" in p.stderr)
        eventually(lambda: process.interrupt().process.poll() is not None)
        ended = process.end()
        assert shell.end().code == 1
    assert ended.code == 130
    assert ended.stderr.endswith("Left at once. What the server was painting may go on.\n")
    (waiting,) = json.loads(call("queue", "--json").stdout)["jobs"]
    with bot(here) as process:
        before = "1 job from before. It was at a server, which is asked first what became of it."
        process.until(lambda p: before in p.stderr)
        eventually(lambda: is_idle(here))
        gone = call("queue", "cancel", waiting["id"])
        assert (gone.exit_code, gone.stderr) == (1, f"Nothing to cancel: {waiting['id']} had ended before.\n")
    assert usage() == (1, 1)


@posix_only
def test_a_server_that_dies_and_comes_back_is_told_of(here: Path) -> None:
    port = str(unused_port())
    url = f"http://127.0.0.1:{port}"
    with running("engine", "--port", port, *SLOW, cwd=here) as server:
        server.until(lambda p: p.stdout)
        with bot(here, "--comfyui", url) as process:
            assert f"ready: comfyui {url} up" in process.stdout
            with running(*LINE, cwd=here) as shell:
                eventually(lambda: paints(here))
                server.interrupt(signal.SIGKILL).process.wait()
                process.until(lambda p: "Server comfyui is silent: The connection to the ComfyUI" in p.stderr)
                shell.until(lambda p: "The connection to the ComfyUI server was lost" in p.stderr)
                with running("engine", "--port", port, cwd=here):
                    process.until(lambda p: "Server comfyui answers again." in p.stderr)
                    told = shell.end()
            ended = process.interrupt().end()
    assert told.code == 0, told.stderr
    assert "The server was restarted, or has forgotten it. It keeps its place." in told.stderr
    assert told.stdout == "new/text-to-image-7.png\n"
    warnings = [line for line in ended.stderr.splitlines() if "Server comfyui" in line]
    assert all(line[10:19:3] == " ::" for line in warnings), "each begins with its time"
    assert "fox" not in ended.stderr, "nothing of what people ask for"


@posix_only
def test_to_be_stopped_is_no_failure_at_any_moment(here: Path) -> None:
    with running("run", cwd=here) as process:
        ended = process.until(lambda p: "Data directory" in p.stderr).interrupt().end()
    assert ended.code == 0
    assert ended.stderr.splitlines()[-1] in ("Stopped before it was ready.", "Stopped.")


def test_a_server_that_is_not_there_is_told_of_and_waited_for(here: Path) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    with bot(here, "--comfyui", url) as process:
        assert f"ready: comfyui {url} down" in process.stdout
        process.until(lambda p: "Server comfyui is out of service: " in p.stderr)


def test_the_pace_is_the_embedded_engines(here: Path) -> None:
    said = refused("run", "--pace", "1", "--comfyui", "http://gpu:8188")
    assert said == (
        "Error: --pace is for the built-in engine, and here http://gpu:8188 paints, at its own. Leave it out."
    )
    assert list(here.iterdir()) == []


async def test_a_body_with_a_bound_of_its_own_is_not_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a bot may take to stop is configured."""
    monkeypatch.setattr(interruption, "STOP_SECONDS", 0.0)

    async def nothing() -> None:
        pass

    async with interruption.interruptible() as stop:
        with stop.handled_by(nothing, bounded=False):
            stop.asked.set()
            await asyncio.sleep(0.05)


def test_a_line_of_the_log_is_one_line_and_quotes_nothing() -> None:
    def record(words: str, level: int = logging.WARNING, name: str = "bot.notices", error: Any = None) -> str:
        return one_line(logging.LogRecord(name, level, "x.py", 1, words, None, error)).split(" ", 2)[2]

    assert record("Server local\n is back.") == "Server local is back."
    assert record("x" * 1000) == "x" * 399 + "…"
    assert record("slow", name="asyncio") == "asyncio: slow"
    with pytest.raises(ValueError, match="fox") as raised:
        int("a fox in the snow")
    said = record("stumbled over job 1", logging.ERROR, error=raised._excinfo)
    assert said.startswith("error: stumbled over job 1 (ValueError in test_cli_run.py, line ")
    assert "fox" not in said
