"""The file: made, brought up to date, refused, copied, held by one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from bot.domain.errors import AlreadyRunning, ConfigError, DatabaseUnusable, StoreUnavailable, UserError
from bot.domain.jobs import JobState
from bot.store import backup, locked, open_store
from bot.store import connection as store_connection
from bot.store import database as store_database
from bot.store.connection import writer
from bot.store.migrations import APPLICATION_ID, Migration, _statements, migrate, packaged
from tests.store_support import NOON, Clock, opened, rows

DUMPS = Path(__file__).parent / "data" / "store"
VERSIONS = range(1, len(packaged()) + 1)


def schema(path: Path) -> dict[str, str | None]:
    return {
        name: None if sql is None else " ".join(sql.split())
        for name, sql in rows(path, "SELECT name, sql FROM sqlite_schema")
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fairbrush.db"


async def make(path: Path) -> None:
    async with opened(path.parent) as desk:
        await desk.accept()


# Made


async def test_a_new_file_and_its_folder_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b #1" / "fairbrush.db"
    async with open_store(path, clock=Clock()) as store:
        assert sum((await store.counts()).values()) == 0
        assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert rows(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert rows(path, "PRAGMA user_version") == [(len(packaged()),)]
    # Closed in good order, it is one file.
    assert [file.name for file in path.parent.iterdir()] == ["fairbrush.db"]


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions")
async def test_what_people_wrote_is_for_the_bots_user_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = tmp_path / "data"
        with locked(folder):
            async with opened(folder):
                made = [folder, *folder.glob("fairbrush.db*")]
                assert len(made) >= 2
                assert not [path for path in made if path.stat().st_mode & 0o077]
        await backup(folder / "fairbrush.db", tmp_path / "copy.db")
        assert not (tmp_path / "copy.db").stat().st_mode & 0o077
    finally:
        os.umask(before)


@pytest.mark.usefixtures("written_as_shipped")
async def test_what_a_commit_means(path: Path) -> None:
    async with writer(path) as connection:
        await connection.work(partial(store_database.prepare, path, NOON))
        pragmas = {"synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "journal_mode": "wal"}
        for pragma, wanted in pragmas.items():
            (row,) = await connection.execute_fetchall(f"PRAGMA {pragma}")
            assert row[0] == wanted, pragma


async def test_looking_changes_nothing_and_goes_on_beside_a_bot(path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="There is no database at"):
        async with open_store(path, clock=Clock(), read_only=True):
            pass
    assert not path.exists()
    async with opened(path.parent) as desk, open_store(path, clock=Clock(), read_only=True) as looking:
        accepted = await desk.accept()
        assert await looking.request(accepted.request.id) == accepted.request
        with pytest.raises(StoreUnavailable, match="for looking only"):
            await looking.put("paused", True)


# Migrated


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_a_frozen_dump(version: int, path: Path) -> None:
    """What a release has written is in users' files: the step that made it may not change any more."""
    frozen = DUMPS / f"v{version}.sql"
    assert frozen.exists(), "a new migration needs its dump: see docs/database.md"
    _load(frozen, path)
    fresh = path.with_name("fresh.db")
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        migrate(connection, packaged()[:version])
    assert schema(path) == schema(fresh)


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_old_version_becomes_the_same_as_new(version: int, path: Path, tmp_path: Path) -> None:
    _load(DUMPS / f"v{version}.sql", path)
    before = rows(path, "SELECT id, state FROM jobs ORDER BY place")
    async with open_store(path, clock=Clock()) as store:
        jobs = [await store.job(job) for job, _ in before]
        assert [(job.id, job.state) for job in jobs if job] == before
        assert before
    (tmp_path / "new").mkdir()
    await make(tmp_path / "new" / "fairbrush.db")
    assert schema(path) == schema(tmp_path / "new" / "fairbrush.db")
    assert rows(path, "PRAGMA user_version") == [(len(packaged()),)]
    assert rows(path, "PRAGMA foreign_key_check") == []


def _load(dump: Path, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))


ONE_MORE = Migration(
    len(packaged()) + 1,
    "CREATE TABLE added (x INTEGER) STRICT;\nINSERT INTO added SELECT count(*) FROM jobs;\n",
)
BROKEN = Migration(len(packaged()) + 1, "CREATE TABLE added (x INTEGER);\nINSERT INTO nowhere VALUES (1);\n")


async def _prepare(path: Path, *steps: Migration) -> None:
    async with writer(path) as connection:
        prepare = partial(store_database.prepare, path, NOON, steps=(*packaged(), *steps))
        await connection.work(prepare)


async def test_a_backup_is_made_before_a_migration(path: Path) -> None:
    await make(path)
    await _prepare(path, ONE_MORE)
    assert rows(path, "SELECT x FROM added") == [(1,)]
    copy = path.with_name(f"fairbrush-v{len(packaged())}-20261118-120000.db")
    assert rows(copy, "PRAGMA user_version") == [(len(packaged()),)]
    assert rows(copy, "SELECT count(*) FROM jobs") == [(1,)]
    assert sorted(file.name for file in path.parent.iterdir()) == [copy.name, path.name]


async def test_a_migration_that_fails_leaves_all_as_it_was(path: Path) -> None:
    await make(path)
    before = schema(path)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        await _prepare(path, BROKEN)
    assert schema(path) == before
    assert rows(path, "PRAGMA user_version") == [(len(packaged()),)]


async def test_no_migration_without_its_backup(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    await make(path)
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StoreUnavailable, match="No space left on device"):
        await _prepare(path, ONE_MORE)
    assert "added" not in schema(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def _old(path: Path) -> None:
    """A database as the first version left it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((DUMPS / "v1.sql").read_text(encoding="utf-8"))
        connection.execute("VACUUM")


@pytest.mark.parametrize("room", [0, 1, 4])
async def test_a_disk_that_gets_full_while_migrating_leaves_all_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    _old(path)
    before, content = schema(path), rows(path, "SELECT * FROM requests")
    ((pages,),) = rows(path, "PRAGMA page_count")
    limited = (*store_connection._FOR_WRITING, f"PRAGMA max_page_count = {pages + room}")
    monkeypatch.setattr(store_connection, "_FOR_WRITING", limited)
    with pytest.raises(StoreUnavailable, match="is full"):
        async with open_store(path, clock=Clock()):
            pass
    assert (schema(path), rows(path, "SELECT * FROM requests")) == (before, content)
    assert rows(path, "PRAGMA user_version") == [(1,)]
    monkeypatch.undo()
    async with open_store(path, clock=Clock()) as store:
        assert (await store.counts())[JobState.DONE] > 0
    assert rows(path, "PRAGMA user_version") == [(len(packaged()),)]
    assert rows(path.with_name("fairbrush-v1-20261118-120000.db"), "PRAGMA user_version") == [(1,)]


async def test_an_unfinished_backup_of_a_process_that_was_killed_is_cleared_away(path: Path) -> None:
    await make(path)
    for left in ("fairbrush-v1-20260101-000000.db.part", "fairbrush-v1-20260101-000000.db.part-journal"):
        path.with_name(left).write_bytes(b"somebody's words")
    path.with_name("fairbrush-v1-20260101-000000.db").touch()
    await _prepare(path, ONE_MORE)
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "fairbrush-v1-20260101-000000.db",
        f"fairbrush-v{len(packaged())}-20261118-120000.db",
        path.name,
    ]


def test_a_script_is_cut_at_its_statements() -> None:
    script = "-- a; b\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\nSELECT 3;\n"
    assert len(_statements(script)) == 2
    with pytest.raises(AssertionError):
        _statements("SELECT 1")


# Refused


async def _refusal(path: Path) -> str:
    content = path.read_bytes()
    with pytest.raises(DatabaseUnusable) as refusal:
        async with open_store(path, clock=Clock()):
            pass
    # An error of configuration: exit code 2.
    assert isinstance(refusal.value, ConfigError)
    assert path.read_bytes() == content
    assert str(path) in str(refusal.value)
    return str(refusal.value)


async def test_a_newer_database_is_refused(path: Path) -> None:
    await make(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    said = await _refusal(path)
    assert f"newer Fairbrush (database version 99; this one knows {len(packaged())})" in said


async def test_the_database_of_another_program_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    assert "of another program" in await _refusal(path)
    assert rows(path, "PRAGMA journal_mode") == [("delete",)]


@pytest.mark.parametrize("damage", ["text", "header", "middle", "cut"])
async def test_a_damaged_file_is_refused_with_the_newest_backup(path: Path, damage: str) -> None:
    await make(path)
    content = path.read_bytes()
    match damage:
        case "text":
            content = b"hello " * 1000
        case "header":
            content = b"\0" * 100 + content[100:]
        case "middle":
            third = len(content) // 3
            content = content[:third] + b"\xff" * third + content[2 * third :]
        case "cut":
            content = content[: len(content) // 2]
    path.write_bytes(content)
    assert "no backup beside it" in await _refusal(path)
    for name in ("v9-20260101-000000", "v1-20261101-000000", "v1-20261102-120000", "v1-nonsense"):
        path.with_name(f"fairbrush-{name}.db").touch()
    said = await _refusal(path)
    assert "is damaged, or no database. Nothing was changed." in said
    assert "The newest backup beside it is fairbrush-v1-20261102-120000.db" in said


async def test_damage_that_is_met_later_is_told_as_such(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file is not read through at the start."""
    await make(path)
    monkeypatch.setattr(store_database, "QUICK_CHECK_BYTES", 0)
    (page,) = rows(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'jobs'")[0]
    with path.open("rb+") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    async with open_store(path, clock=Clock()) as store:
        with pytest.raises(DatabaseUnusable):
            await anext(store.waiting())
        with pytest.raises(DatabaseUnusable):
            await store.usage("user", since=0, until=2 * NOON, timezone="UTC")
        assert await store.get("paused") is None


async def test_an_old_database_is_not_looked_at_before_it_is_migrated(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(path)
    monkeypatch.setattr(store_database, "packaged", lambda: (*packaged(), ONE_MORE))
    with pytest.raises(DatabaseUnusable, match=r"by an older Fairbrush .* Start the bot once"):
        async with open_store(path, clock=Clock(), read_only=True):
            pass


async def test_an_old_sqlite_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    with pytest.raises(DatabaseUnusable, match=r"needs 3\.37\.0 or newer"):
        async with open_store(path, clock=Clock()):
            pass


async def test_a_file_that_was_begun_and_left_empty_is_used(path: Path) -> None:
    path.touch()
    await make(path)


# Copied


async def test_a_backup_of_a_bot_at_work(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    async with opened(tmp_path) as desk:
        first = await desk.accept()
        await backup(path, target)
        await desk.accept()
    assert rows(target, "SELECT id FROM requests") == [(first.request.id,)]
    with pytest.raises(UserError, match="is there already"):
        await backup(path, target)
    with pytest.raises(StoreUnavailable, match="There is no database at"):
        await backup(tmp_path / "none.db", tmp_path / "copy2.db")
    with pytest.raises(StoreUnavailable):
        await backup(path, tmp_path / "no such folder" / "copy.db")
    path.write_bytes(b"nonsense" * 999)
    with pytest.raises(DatabaseUnusable):
        await backup(path, tmp_path / "copy3.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.db", "fairbrush.db"]


# Held


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the data directory until its input ends."""
    code = (
        "import sys; from pathlib import Path; from bot.store import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait(timeout=10)


def test_one_bot_a_data_directory(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(AlreadyRunning) as refusal, locked(tmp_path):
        pass
    assert str(refusal.value) == (
        f"Another Fairbrush (process {holder.pid}) works in {tmp_path}. Stop it first, or give this one its "
        "own data_dir."
    )
    (tmp_path / "fairbrush.pid").write_text("?")
    with pytest.raises(AlreadyRunning, match=r"^Another Fairbrush works in"), locked(tmp_path):
        pass


def test_a_dead_process_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait(timeout=10)
    with locked(tmp_path):
        assert (tmp_path / "fairbrush.pid").read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / "fairbrush.pid").exists()
    with locked(tmp_path):
        pass


def test_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be used"), locked(tmp_path / "file" / "data"):
        pass


async def test_what_the_body_raises_comes_out_as_it_is(path: Path) -> None:
    with pytest.raises(KeyError):
        async with open_store(path, clock=Clock()):
            raise KeyError("mine")
    task = asyncio.create_task(_hold(path, held := asyncio.Event()))
    await held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _hold(path: Path, held: asyncio.Event) -> None:
    async with open_store(path, clock=Clock()):
        held.set()
        await asyncio.Event().wait()
