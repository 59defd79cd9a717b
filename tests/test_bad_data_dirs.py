"""Data directories that no bot can work in: every command says so in its own words, and changes nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.errors import AlreadyRunning
from bot.store import locked
from tests.store_support import opened
from tests.support.cli import COMMAND, DEADLINE_SECONDS, environment, posix_only
from tests.support.commands import call, empty_folder, refused

here = empty_folder()

NAME = "fairbrush.db"
LOOKS = (("queue",), ("usage",), ("quota", "show", "ann"))
CHANGES = (("run",), ("queue", "pause"), ("quota", "reset", "ann"))
is_root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")


def made(folder: Path) -> bytes:
    """The content of a database that a bot has left."""

    async def work() -> None:
        folder.mkdir()
        async with opened(folder) as desk:
            for _ in range(40):
                await desk.accept("discord:1", jobs=4)

    asyncio.run(work())
    return (folder / NAME).read_bytes()


def garbage(file: Path) -> None:
    file.write_bytes(b"this was a database once" * 100)


def truncated(file: Path) -> None:
    file.write_bytes(made(file.parent / "good")[:60_000])


def torn(file: Path) -> None:
    """Whole at both ends, and not in between."""
    content = bytearray(made(file.parent / "good"))
    for place in range(8192, len(content) - 4096, 4096):
        content[place : place + 64] = b"\xff" * 64
    file.write_bytes(content)


def newer(file: Path) -> None:
    file.write_bytes(made(file.parent / "good"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.execute("PRAGMA journal_mode = DELETE")


def other(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (garbage, "is damaged, or no database. Nothing was changed. There is no backup beside it."),
        (truncated, "is damaged, or no database. Nothing was changed. There is no backup beside it."),
        (torn, "is damaged, or no database. Nothing was changed. There is no backup beside it."),
        (newer, "was written by a newer Fairbrush (database version 999; this one knows "),
        (other, "is a database of another program. Nothing was changed. Set another data_dir"),
    ],
)
def test_a_database_that_is_none_of_ours_is_left_alone(
    here: Path, make: Callable[[Path], None], said: str
) -> None:
    (here / "data").mkdir()
    file = here / "data" / NAME
    make(file)
    before = file.read_bytes()
    for command in (*LOOKS, *CHANGES):
        message = refused(*command)
        assert message.startswith(f"Error: {file} {said}"), command
    rows = call("check")
    assert rows.exit_code == 1
    (row,) = [line for line in rows.stdout.splitlines() if "  database " in line]
    assert row.split()[0] == "problem"
    assert said in row
    assert file.read_bytes() == before


def test_the_newest_backup_is_named(here: Path) -> None:
    (here / "data").mkdir()
    garbage(here / "data" / NAME)
    for name in ("fairbrush-v1-20260102-030405.db", "fairbrush-v2-20261122-101112.db"):
        (here / "data" / name).write_bytes(b"")
    assert "The newest backup beside it is fairbrush-v2-20261122-101112.db. Move the damaged" in refused(
        "run"
    )


def test_a_folder_in_the_databases_place(here: Path) -> None:
    (here / "data" / NAME).mkdir(parents=True)
    for command in (*LOOKS, *CHANGES):
        assert f"{NAME} is a folder, and the database should be a file there." in refused(*command), command


def test_an_empty_file_is_a_database_that_was_not_begun(here: Path) -> None:
    """What a crash in the very first moment leaves."""
    (here / "data").mkdir()
    (here / "data" / NAME).write_bytes(b"")
    assert call("queue", "pause").exit_code == 0
    assert "Paused" in call("queue").stdout


@pytest.mark.parametrize("command", CHANGES)
def test_a_file_where_the_data_directory_should_be(
    here: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("FAIRBRUSH__DATA_DIR", "file")
    assert f"FAIRBRUSH__DATA_DIR: {here / 'file'} is not a folder." in refused(*command)
    monkeypatch.setenv("FAIRBRUSH__DATA_DIR", "file/below")
    said = refused(*command, code=1)
    assert f"The data directory {here / 'file' / 'below'} cannot be used: " in said
    assert said.endswith("Change its permissions, or set another data_dir.")


def test_looking_makes_nothing(here: Path) -> None:
    for command in (*LOOKS[:2], ("check",)):
        assert call(*command).exit_code == 0
    refused(*LOOKS[2])
    assert list(here.iterdir()) == []


@is_root
@posix_only
@pytest.mark.parametrize("command", CHANGES)
def test_a_folder_that_may_not_be_written(here: Path, command: tuple[str, ...]) -> None:
    (here / "data").mkdir(mode=0o500)
    assert "cannot be used: Permission denied. Change its permissions" in refused(*command, code=1)


@pytest.mark.parametrize("command", CHANGES)
def test_a_refused_folder(here: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for whoever may write everywhere."""

    def refuse(_path: Path, *_args: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    said = refused(*command, code=1)
    assert f"The data directory {here / 'data'} cannot be used: Permission denied." in said


@posix_only
@pytest.mark.parametrize("command", [("run",), ("queue", "pause")], ids=" ".join)
def test_a_disk_without_room(here: Path, command: tuple[str, ...]) -> None:
    import resource  # there is none on Windows

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    done = subprocess.run(
        [*COMMAND, *command],
        cwd=here,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        preexec_fn=little_room,
        check=False,
    )
    assert done.returncode == 1
    assert f"The disk with {here / 'data' / NAME} " in done.stderr
    assert "nothing of this was written" in done.stderr
    assert "Traceback" not in done.stderr
    assert call("queue").exit_code == 0, "and it can be begun as soon as there is room"
    assert call("queue", "pause").exit_code == 0


def test_a_bot_that_works_there_is_named_and_left_alone(here: Path) -> None:
    with locked(here / "data"):
        said = refused("run")
    assert said == (
        f"Error: Another Fairbrush (process {os.getpid()}) works in {here / 'data'}. Stop it first, or give "
        "this one its own data_dir."
    )


def test_a_command_that_holds_the_folder_for_a_moment_is_waited_for(here: Path) -> None:
    over = threading.Event()

    def hold() -> None:
        with locked(here / "data"):
            held.set()
            over.wait(0.1)

    held = threading.Event()
    command = threading.Thread(target=hold)
    command.start()
    assert held.wait(DEADLINE_SECONDS)
    with locked(here / "data", patience=DEADLINE_SECONDS):
        command.join(DEADLINE_SECONDS)
    with locked(here / "data"), pytest.raises(AlreadyRunning), locked(here / "data", patience=0.05):
        pass
