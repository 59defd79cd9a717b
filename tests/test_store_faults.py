"""A full disk, a locked or read-only file, callers that go away, a process that is killed."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.domain.errors import DatabaseUnusable, FairbrushError, StoreUnavailable
from bot.service.records import Completion
from bot.store.connection import Connection, reader, writer
from bot.store.troubles import explained
from bot.store.writer import MOST_IN_ONE_COMMIT, Writer
from tests.store_support import NOON, Desk, assert_balanced, opened, rows

ROOT = Path(__file__).parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fairbrush.db"


# The writer


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[tuple[Writer, Connection, list[str]]]:
    """A writer on a small table; the statements it runs."""
    said: list[str] = []
    async with writer(path) as connection:
        await connection.execute("CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT")
        await connection.set_trace_callback(said.append)
        worker = Writer(connection, path)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            try:
                yield worker, connection, said
            finally:
                worker.close()


def put(connection: sqlite3.Connection, *numbers: int) -> int:
    for number in numbers:
        connection.execute("INSERT INTO t VALUES (?)", (number,))
    return sum(numbers)


def content(path: Path) -> set[int]:
    return {x for (x,) in rows(path, "SELECT x FROM t")}


async def test_what_waits_together_is_committed_together(path: Path) -> None:
    async with writing(path) as (worker, _, said):
        answers = await asyncio.gather(
            *(worker.do(lambda connection, x=x: put(connection, x)) for x in range(200))
        )
        assert answers == list(range(200))
        # Another connection sees it: the answer came after the commit.
        assert content(path) == set(range(200))
        assert said.count("COMMIT") == 1
        many = (worker.do(lambda connection, x=x: put(connection, 1000 + x)) for x in range(600))
        await asyncio.gather(*many)
        assert said.count("COMMIT") == 1 + -(-600 // MOST_IN_ONE_COMMIT)


async def test_one_that_fails_does_not_hurt_the_others(path: Path) -> None:
    def half(connection: sqlite3.Connection) -> None:
        put(connection, 100, 101)
        raise KeyError("a bug")

    async with writing(path) as (worker, _, said):
        answers = await asyncio.gather(
            worker.do(lambda connection: put(connection, 1)),
            worker.do(half),
            worker.do(lambda connection: put(connection, 2, 1)),
            worker.do(lambda connection: put(connection, 3)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [int, KeyError, sqlite3.IntegrityError, int]
        assert content(path) == {1, 3}
        assert said.count("COMMIT") == 1


async def test_a_caller_who_goes_away_takes_back_what_has_not_begun(path: Path) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        put(connection, 1)
        started.set()
        go.wait(10)
        put(connection, 2)

    async with writing(path) as (worker, _, _):
        begun = asyncio.create_task(worker.do(slow))
        assert await asyncio.to_thread(started.wait, 10)
        waiting = asyncio.create_task(worker.do(lambda connection: put(connection, 3)))
        last = asyncio.create_task(worker.do(lambda connection: put(connection, 4)))
        await asyncio.sleep(0)
        begun.cancel()
        waiting.cancel()
        go.set()
        assert await last == 4
        assert begun.cancelled()
        assert waiting.cancelled()
        # What had begun is whole; what had not has left no trace.
        assert content(path) == {1, 2, 4}


async def test_what_was_asked_before_the_end_is_written(path: Path) -> None:
    async with writing(path) as (worker, _, _):
        asked = [asyncio.create_task(worker.do(lambda connection, x=x: put(connection, x))) for x in range(9)]
        await asyncio.sleep(0)
    assert [await each for each in asked] == list(range(9))
    with pytest.raises(StoreUnavailable, match="shutting down"):
        await worker.do(lambda connection: put(connection, 10))
    assert content(path) == set(range(9))


async def test_a_transaction_that_sqlite_undid_is_done_again_one_by_one(path: Path) -> None:
    def spoil(connection: sqlite3.Connection) -> None:
        put(connection, 100)
        # As SQLite may do by itself when the disk is full.
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    async with writing(path) as (worker, _, said):
        answers = await asyncio.gather(
            worker.do(lambda connection: put(connection, 1)),
            worker.do(spoil),
            worker.do(lambda connection: put(connection, 2)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [int, sqlite3.OperationalError, int]
        assert content(path) == {1, 2}
        assert said.count("COMMIT") == 2


async def test_a_connection_for_reading_cannot_write(path: Path) -> None:
    async with writing(path), reader(path) as connection:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await connection.execute("INSERT INTO t VALUES (1)")


# The disk


async def _pragma(desk: Desk, pragma: str) -> None:
    """On the writing connection, which is the store's own."""
    assert desk.store._writes is not None
    await desk.store._writes._connection.execute_fetchall(f"PRAGMA {pragma}")


def assert_whole(path: Path) -> None:
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert_balanced(path)
    counted = dict(rows(path, "SELECT state, jobs FROM job_counts WHERE jobs > 0"))
    assert counted == dict(rows(path, "SELECT state, count(*) FROM jobs GROUP BY state"))
    missing = "SELECT id FROM requests WHERE id NOT IN (SELECT request FROM {})"
    for table in ("jobs", "deliveries"):
        assert rows(path, missing.format(table)) == []
    assert rows(path, "SELECT id FROM jobs WHERE place NOT IN (SELECT job FROM ledger)") == []


async def test_a_full_disk_takes_nothing_and_half_of_nothing(path: Path) -> None:
    async with opened(path.parent) as desk:
        await desk.accept()
        await _pragma(desk, f"max_page_count = {rows(path, 'PRAGMA page_count')[0][0] + 4}")
        answers = await asyncio.gather(
            *(desk.accept(f"user:{number}", jobs=3) for number in range(100)), return_exceptions=True
        )
        written = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert {type(answer) for answer in refused} == {StoreUnavailable}
        assert str(refused[0]) == (
            f"The disk with {path} is full. Make room there; nothing of this was written, and it works again "
            "as soon as there is space."
        )
        assert len(rows(path, "SELECT id FROM requests")) == 1 + len(written)
        assert_whole(path)
        # Looking still works, and so does writing when there is room again.
        assert sum((await desk.store.counts()).values()) == 1 + 3 * len(written)
        await _pragma(desk, "max_page_count = 1000000")
        assert (await desk.accept("user:1", jobs=3)).fresh
        assert_whole(path)


async def test_no_room_for_a_result_leaves_the_job_as_it_was(path: Path) -> None:
    async with opened(path.parent) as desk:
        job = await desk.one()
        prompt = await desk.run(job)
        before = await desk.store.job(job)
        large = Completion((), ("a long text " * 100_000,), 3.0)
        await _pragma(desk, f"max_page_count = {rows(path, 'PRAGMA page_count')[0][0]}")
        with pytest.raises(StoreUnavailable, match="is full"):
            await desk.store.complete(prompt, large, NOON)
        assert await desk.store.job(job) == before
        assert_whole(path)
        await _pragma(desk, "max_page_count = 1000000")
        assert await desk.store.complete(prompt, large, NOON) is not None
        assert_whole(path)


async def test_a_database_that_somebody_else_locks(path: Path) -> None:
    async with opened(path.parent, busy_seconds=0.05) as desk:
        await desk.accept()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answers = await asyncio.gather(*(desk.accept() for _ in range(20)), return_exceptions=True)
            assert {type(answer) for answer in answers} == {StoreUnavailable}
            assert "Another program keeps" in str(answers[0])
            # Readers do not wait for writers.
            assert sum((await desk.store.counts()).values()) == 1
            other.execute("ROLLBACK")
        await desk.accept()
        assert_whole(path)


async def test_a_database_that_may_not_be_written(path: Path) -> None:
    async with opened(path.parent) as desk:
        await desk.accept()
        await _pragma(desk, "query_only = ON")
        with pytest.raises(StoreUnavailable, match="the file or its folder is read-only"):
            await desk.accept()
        await _pragma(desk, "query_only = OFF")
        await desk.accept()
        assert_whole(path)


def test_each_trouble_has_its_own_words(path: Path) -> None:
    def met(name: str) -> FairbrushError | None:
        error = sqlite3.OperationalError("in SQLite's words")
        error.sqlite_errorcode = getattr(sqlite3, name)  # type: ignore[misc]
        return explained(error, path)

    troubles = ("FULL", "BUSY", "READONLY", "CANTOPEN", "IOERR")
    found = [met(f"SQLITE_{name}") for name in troubles]
    assert {type(error) for error in found} == {StoreUnavailable}
    assert len({str(error) for error in found}) == len(troubles)
    assert all(str(path) in str(error) and "SQLite's words" not in str(error) for error in found)
    # What is more exactly known is the same to a person.
    assert str(met("SQLITE_IOERR_FSYNC")) == str(met("SQLITE_IOERR"))
    assert str(met("SQLITE_LOCKED")) == str(met("SQLITE_BUSY"))
    assert isinstance(met("SQLITE_CORRUPT_INDEX"), DatabaseUnusable)
    # A bug is a bug.
    assert met("SQLITE_CONSTRAINT_UNIQUE") is None
    assert explained(sqlite3.ProgrammingError("no"), path) is None


# The end


def test_what_was_accepted_survives_a_kill(path: Path) -> None:
    dice = random.Random(11)
    told: set[str] = set()
    for round_number in range(4):
        victim = subprocess.Popen(
            [sys.executable, "-m", "tests.store_victim", str(path.parent), str(round_number)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert victim.stdout is not None
        for _ in range(dice.randrange(1, 400)):
            told.add(victim.stdout.readline().strip())
        victim.kill()
        # A line may be cut in the middle by the end; only whole ones were said.
        told |= {line.strip() for line in victim.stdout if line.endswith("\n")}
        victim.stdout.close()
        victim.wait(timeout=10)
        found = {request for (request,) in rows(path, "SELECT id FROM requests")}
        assert told
        assert told <= found
        assert_whole(path)
