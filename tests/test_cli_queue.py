"""``fairbrush queue``: with a running bot, without one, and while one comes or goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli import reach
from bot.cli.reach import shell_actor
from bot.domain.errors import StoreUnavailable
from bot.domain.ids import IdentityId, JobId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.operator import QueueView
from bot.store import locked
from tests.store_support import Desk, opened, rows
from tests.support.bot_process import bot_in_thread, bot_process
from tests.support.cli import (
    COMMAND,
    at_terminal,
    environment,
    eventually,
    fairbrush,
    posix_only,
    running,
    screen,
)
from tests.support.commands import call, empty_folder, refused
from tests.support.fake_operator import JOB, FakeOperator, a_job

here = empty_folder()


def stored(folder: Path, work: Callable[[Desk], Awaitable[object]]) -> None:
    """Let ``work`` fill the database of a bot that does not run."""

    async def fill() -> None:
        (folder / "data").mkdir(exist_ok=True)
        async with opened(folder / "data") as desk:
            await work(desk)

    asyncio.run(fill())


def state_of(folder: Path, job: str) -> str:
    async def look() -> str:
        async with opened(folder / "data", read_only=True) as desk:
            found = await desk.store.job(JobId(job))
            return "" if found is None else found.state

    return asyncio.run(look())


def kept(folder: Path, key: str) -> object:
    async def look() -> object:
        async with opened(folder / "data", read_only=True) as desk:
            return await desk.store.get(key)

    return asyncio.run(look())


def audit(folder: Path) -> list[tuple[object, ...]]:
    return rows(folder / "data" / "fairbrush.db", "SELECT actor, action, subject FROM audit ORDER BY number")


async def three_jobs(desk: Desk) -> None:
    await desk.store.person(IdentityId("discord:1"), name="Ann", at=1)
    await desk.accept("discord:1", jobs=2)
    await desk.accept("discord:2")


# A running bot


def test_the_running_bot_is_asked(here: Path) -> None:
    with bot_in_thread(here) as bot:
        result = call("queue")
    assert bot.asked == [("queue",)]
    assert result.exit_code == 0
    assert result.stdout == (
        "2 jobs waiting; 2 users in all.\n"
        "Paused: nothing begins until  fairbrush queue resume\n"
        "\n"
        "server  state  model             at work\n"
        "local   up     sdxl.safetensors  abcdefghij-1 of ann, 25%, 10 s left; next abcdefghij-2 of ann; "
        "1 prompt of others\n"
        f"big     down                     It does not answer. (since {since()})\n"
        "\n"
        "   job           user  template       waited  done in  why\n"
        "3  abcdefghij-3  ann   text-to-image     3 s     30 s\n"
        "4  abcdefghij-4  bob   text-to-image     4 s     40 s  Its model is loaded next.\n"
        "\n"
        f"{since()} ago: broken is quarantined.\n"
    )


def since() -> str:
    """From 1970, which is when the fake's servers changed."""
    import time

    return f"{time.time() / 3600:.1f} h"


def test_json_is_one_object(here: Path) -> None:
    with bot_in_thread(here):
        (line,) = call("queue", "--json").stdout.splitlines()
    found = json.loads(line)
    assert (found["running"], found["paused"], found["waiting"]) == (True, True, 2)
    assert found["servers"][0]["running"]["fraction"] == 0.25
    assert found["servers"][1]["reason"] == "It does not answer."
    assert found["jobs"][1] == {
        "id": "abcdefghij-4",
        "user": "bob",
        "template": "text-to-image",
        "state": "queued",
        "waited_seconds": 4.0,
        "eta_seconds": 40.0,
        "place": 4,
        "why": "Its model is loaded next.",
        "fraction": None,
    }
    assert found["notices"] == [{"at": 9, "text": "broken is quarantined."}]


@pytest.mark.parametrize(
    ("view", "says"),
    [
        (QueueView(False, False, 0, 0), "Nothing runs, and nobody waits.\n"),
        (QueueView(False, False, 0, 1), "Nothing is waiting; 1 user in all.\n"),
        (QueueView(False, True, 1, 1), "1 job waiting; 1 user in all.\nDraining: nothing is accepted until"),
        (QueueView(False, False, 99, 3, jobs=(a_job(1),)), "and 98 more\n"),
    ],
)
def test_headlines(here: Path, view: QueueView, says: str) -> None:
    with bot_in_thread(here, FakeOperator(view)):
        assert says in call("queue").stdout


def test_the_running_bot_is_steered(here: Path) -> None:
    with bot_in_thread(here) as bot:
        results = [call("queue", what) for what in ("pause", "drain", "resume")]
        cancelled = call("queue", "cancel", JOB)
    assert bot.asked == [(what, shell_actor()) for what in ("pause", "drain", "resume")] + [
        ("cancel", JOB, shell_actor())
    ]
    assert [result.exit_code for result in results] == [0, 0, 0]
    assert results[0].stdout.startswith("Paused: what runs goes on")
    assert results[1].stdout.startswith("Draining: what was accepted is painted")
    assert results[2].stdout == "It was neither paused nor draining.\n"
    assert cancelled.stdout == "abcdefghij-1  cancelled\nabcdefghij-2  stopping: its server was asked\n"
    assert all(result.stderr == "" for result in [*results, cancelled])


def test_errors_of_the_bot_are_the_commands(here: Path) -> None:
    with bot_in_thread(here):
        assert refused("queue", "cancel", "nothing") == "Error: There is no job nothing."
    full = FakeOperator(raises=StoreUnavailable(Text("The disk is full.")))
    with bot_in_thread(here, full):
        assert refused("queue", "pause", code=1) == "Error: The disk is full."


@posix_only
def test_names_can_neither_steer_a_terminal_nor_break_the_table(here: Path) -> None:
    evil = "a\x1b[2Jb\nc\u202ed [red]e[/red] " + "x" * 100
    view = replace(
        FakeOperator().view, jobs=(a_job(1, user=evil, why=Text("{u}", u="[bold]\n\x07")),), servers=()
    )
    with bot_in_thread(here, FakeOperator(view)):
        stdout = call("queue").stdout
        _, written = at_terminal("queue", cwd=here, width=80)
    row = stdout.splitlines()[4]
    assert "a\N{REPLACEMENT CHARACTER}[2Jb cd [red]e[/red] xxx" in row
    assert row.endswith("[bold] \N{REPLACEMENT CHARACTER}")
    assert "\x1b[2J" not in written
    assert "\u202e" not in written


@posix_only
def test_it_fits_a_terminal_of_80_columns(here: Path) -> None:
    why = Text("Another model is loaded first, which takes a while on this server.")
    view = FakeOperator().view
    long = [
        a_job(n, user="somebody with a long name", waited_ms=10**7, eta_seconds=1e5, why=why) for n in (1, 2)
    ]
    with bot_in_thread(here, FakeOperator(replace(view, jobs=tuple(long)))):
        code, written = at_terminal("queue", cwd=here, width=80)
    lines = screen(written, 80)
    assert code == 0
    assert all(len(line) <= 80 for line in lines)
    assert any("abcdefghij-1  somebody with a" in line for line in lines), written
    assert "takes" in written


# No bot


def test_before_the_first_start_there_is_a_friendly_answer_and_nothing_is_made(here: Path) -> None:
    result = call("queue")
    assert (result.exit_code, result.stdout) == (0, "Nothing runs, and nobody waits.\n")
    assert result.stderr == f"No bot has run with this data directory yet: {here / 'data'}\n"
    assert json.loads(call("queue", "--json").stdout)["running"] is False
    assert list(here.iterdir()) == []


def test_without_a_bot_the_database_is_shown_and_left_as_it_is(here: Path) -> None:
    stored(here, three_jobs)
    before = (here / "data" / "fairbrush.db").read_bytes()
    result = call("queue")
    assert result.stderr == "No bot runs with this data directory; this is what its next start finds.\n"
    head, _, header, *jobs = result.stdout.splitlines()
    assert head == "3 jobs waiting; 2 users in all."
    assert header.split() == ["job", "user", "template", "waited"]
    assert [line.split()[:4] for line in jobs] == [
        ["1", "request00000-1", "Ann", "text-to-image"],
        ["2", "request00000-2", "Ann", "text-to-image"],
        ["3", "request00001-1", "discord:2", "text-to-image"],
    ]
    assert (here / "data" / "fairbrush.db").read_bytes() == before
    # SQLite's own, beside a database that somebody looks at; no lock and no channel.
    assert {path.suffix for path in (here / "data").iterdir()} <= {".db", ".db-wal", ".db-shm"}


def test_what_a_server_had_when_the_bot_ended_comes_first(here: Path) -> None:
    async def one_runs(desk: Desk) -> None:
        await three_jobs(desk)
        await desk.run(JobId("request00001-1"))

    stored(here, one_runs)
    found = json.loads(call("queue", "--json").stdout)
    assert (found["waiting"], found["users"]) == (3, 2)
    assert [(job["id"], job["state"]) for job in found["jobs"]] == [
        ("request00001-1", "running"),
        ("request00000-1", "queued"),
        ("request00000-2", "queued"),
    ]
    assert "which the bot asks first when it starts" in found["jobs"][0]["why"]


def test_a_long_queue_is_cut(here: Path) -> None:
    async def many(desk: Desk) -> None:
        for _ in range(6):
            await desk.accept(jobs=10)

    stored(here, many)
    lines = call("queue").stdout.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("60 jobs waiting; 1 user in all.", "and 10 more", 54)


def test_without_a_bot_pause_and_drain_are_kept_for_its_start(here: Path) -> None:
    for what, key, says in (("pause", "paused", "Paused:"), ("drain", "draining", "Draining:")):
        result = call("queue", what)
        assert result.stdout.startswith(says)
        assert result.stderr == "No bot runs; it holds when one starts.\n"
        assert kept(here, key) is True
        assert call("queue", what).stdout.startswith("It was ")
    assert "Paused: nothing begins" in call("queue").stdout
    assert "Draining: nothing is accepted" in call("queue").stdout
    assert call("queue", "resume").stdout == "Resumed.\n"
    assert (kept(here, "paused"), kept(here, "draining")) == (False, False)
    assert call("queue", "resume").stdout == "It was neither paused nor draining.\n"
    assert audit(here) == [(shell_actor(), what, "queue") for what in ("pause", "drain", "resume")]


def test_without_a_bot_waiting_jobs_are_cancelled_and_their_reserve_released(here: Path) -> None:
    stored(here, three_jobs)
    assert call("queue", "cancel", " REQUEST00000 ").stdout == (
        "request00000-1  cancelled\nrequest00000-2  cancelled\n"
    )
    assert state_of(here, "request00000-1") == JobState.CANCELLED
    assert state_of(here, "request00001-1") == JobState.QUEUED
    kinds = rows(here / "data" / "fairbrush.db", "SELECT kind, actor FROM ledger WHERE kind <> 'reserve'")
    actor = rows(here / "data" / "fairbrush.db", "SELECT actor FROM actors")
    assert [kind for kind, _ in kinds] == ["release", "release"]
    assert (shell_actor(),) in actor
    again = call("queue", "cancel", "request00000-1")
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == "Nothing to cancel: request00000-1 had ended before.\n"
    assert "There is no job nothing" in refused("queue", "cancel", "nothing")


def test_without_a_bot_what_a_server_has_is_stopped_by_the_next_start(here: Path) -> None:
    async def one_runs(desk: Desk) -> None:
        await desk.run(await desk.one())

    stored(here, one_runs)
    result = call("queue", "cancel", "request00000-1")
    assert result.stdout == "request00000-1  will be stopped when the bot starts\n"
    assert state_of(here, "request00000-1") == JobState.RUNNING

    async def wish() -> str:
        async with opened(here / "data", read_only=True) as desk:
            (attempt,) = await desk.store.open_attempts()
            return attempt.cancel_by

    assert asyncio.run(wish()) == shell_actor()


# Two at once


def test_a_bot_that_does_not_answer_is_not_written_past(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "PATIENCE_SECONDS", 0.2)
    stored(here, three_jobs)
    with locked(here / "data"):
        said = refused("queue", "pause", code=1)
        looked = call("queue")
        assert looked.exit_code == 0, "looking needs no lock"
        assert f"The bot that works in {here / 'data'} does not answer" in looked.stderr
        assert "No bot runs" not in looked.stderr
    assert "does not answer: it starts, stops or hangs. Nothing was changed." in said
    assert kept(here, "paused") is None


def test_a_command_waits_for_a_bot_that_starts(here: Path) -> None:
    """The lock is taken before the channel is open."""
    (here / "data").mkdir()
    done: list[str] = []
    with locked(here / "data"):
        command = subprocess.Popen(
            [*COMMAND, "queue", "pause"],
            cwd=here,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        reader = threading.Thread(target=lambda: done.extend(command.communicate(timeout=30)))
        reader.start()
        threading.Event().wait(0.5)
        assert command.poll() is None
    reader.join()
    assert done == [
        "Paused: what runs goes on, and nothing new begins until  fairbrush queue resume\n",
        "No bot runs; it holds when one starts.\n",
    ]


@posix_only
def test_processes_of_a_bot_that_is_killed(here: Path) -> None:
    """What it leaves behind misleads nobody: neither its file with the port, nor its lock."""
    with bot_process(here) as bot:
        assert json.loads(fairbrush("queue", "--json", cwd=here).stdout)["running"] is True
        paused = fairbrush("queue", "pause", cwd=here)
        assert (paused.code, paused.stderr) == (0, "")
        bot.send_signal(signal.SIGKILL)
        eventually(lambda: bot.poll() is not None)
        assert (here / "data" / "control.json").exists()
        looked = fairbrush("queue", cwd=here)
        assert (looked.code, looked.stdout) == (0, "Nothing runs, and nobody waits.\n")
        drained = fairbrush("queue", "drain", cwd=here)
        assert (drained.code, drained.stderr) == (0, "No bot runs; it holds when one starts.\n")
    assert kept(here, "draining") is True


def test_the_bot_itself_is_seen_and_steered(here: Path) -> None:
    """``fairbrush run`` with its own engine, and the commands, each a process."""
    with running("run", cwd=here) as bot:
        bot.until(lambda process: process.stdout.startswith("ready"))
        assert fairbrush("queue", "pause", cwd=here).stdout.startswith("Paused: ")
        seen = json.loads(fairbrush("queue", "--json", cwd=here).stdout)
        assert (seen["running"], seen["paused"]) == (True, True)
        assert [(server["name"], server["state"]) for server in seen["servers"]] == [("sketch", "up")]
        granted = fairbrush("quota", "grant", "discord:1", "5", cwd=here)
        assert (granted.code, "No bot runs" in granted.stderr) == (0, False)
        missing = fairbrush("queue", "cancel", "abcdefghij-1", cwd=here)
        assert (missing.code, missing.stderr.startswith("Error: There is no job abcdefghij-1.")) == (2, True)
    assert not (here / "data" / "control.json").exists()
    assert kept(here, "paused") is True
    assert [line[:2] for line in audit(here)] == [(shell_actor(), "pause"), (shell_actor(), "grant")]


@asynccontextmanager
async def many(count: int, folder: Path) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    yield [
        await asyncio.create_subprocess_exec(
            *COMMAND, "quota", "grant", "discord:1", "1", cwd=folder, env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(count)
    ]  # fmt: skip


async def test_commands_at_the_same_time_without_a_bot_all_count(here: Path) -> None:
    async with many(4, here) as commands:
        said = [await command.communicate() for command in commands]
    assert [command.returncode for command in commands] == [0] * 4, said
    async with opened(here / "data", read_only=True) as desk:
        assert sorted(entry.seconds for entry in await desk.store.ledger()) == [1.0] * 4


# Usage


def test_wrong_usage(here: Path) -> None:
    for words in (["queue", "stop"], ["queue", "--json", "pause"], ["queue", "cancel"]):
        result = call(*words)
        assert (result.exit_code, result.stdout) == (2, ""), words
    assert list(here.iterdir()) == []


def test_the_configuration_may_stand_before_or_behind_the_command(here: Path) -> None:
    (here / "other.toml").write_text('data_dir = "elsewhere"\n', encoding="utf-8")
    assert call("queue", "--config", "other.toml", "pause").exit_code == 0
    assert (here / "elsewhere" / "fairbrush.db").exists()
    assert call("queue", "pause", "--config", "other.toml").stdout == "It was paused already.\n"
    assert "absent.toml" in refused("queue", "--config", "absent.toml", "pause")
    assert not (here / "data").exists()


def test_a_broken_database_is_told_and_left_alone(here: Path) -> None:
    (here / "data").mkdir()
    file = here / "data" / "fairbrush.db"
    file.write_bytes(b"this is no database" * 1000)
    for words in (["queue"], ["queue", "pause"], ["usage"], ["quota", "grant", "discord:1", "5"]):
        assert str(file) in refused(*words)
    assert file.read_bytes() == b"this is no database" * 1000


@posix_only
@pytest.mark.skipif(os.name == "posix" and os.getuid() == 0, reason="root may write everywhere")
def test_a_data_directory_that_cannot_be_written(here: Path) -> None:
    (here / "data").mkdir(mode=0o500)
    assert "cannot be used" in refused("queue", "pause", code=1)
