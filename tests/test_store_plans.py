"""How SQLite looks things up: no hot query may read a table that grows with the years."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.jobs import JobState
from bot.store import (
    acceptance,
    adult,
    defaults,
    deliveries,
    erased,
    inbox,
    jobs,
    ledger,
    linking,
    people,
    places,
    portrait,
    reading,
    reports,
    resets,
    retention,
    strikes,
)
from bot.store.connection import reader
from bot.store.migrations import migrate, packaged
from bot.store.reading import CHUNK
from tests.store_support import opened

MANY = 20_000


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, packaged())
        yield connection


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    names = dict.fromkeys(("fingerprint", "identity", "job", "user", "since", "until", "quarter"), "")
    names |= dict.fromkeys(("wanted", "folded", "prompt", "at", "why", "sources", "code", "text"), "")
    names |= dict.fromkeys(("measured", "swap", "kept", "place"), "")
    parameters: object = names if ":" in sql.replace("'erased:'", "") else ("",) * sql.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]  # type: ignore[arg-type]


HOT = {
    "waiting": (reading.WAITING, "jobs_waiting"),
    "what waits, by tier": (reading.LINEUP, "jobs_waiting"),
    "job": (reading.JOB, "(id=?)"),
    "jobs of a request": (reading.JOBS_OF, "(request=?)"),
    "request": (reading.REQUEST, "(id=?)"),
    "requests of a user": (reading.REQUESTS_OF, "requests_of"),
    "open requests of a user": (reading.OPEN_REQUESTS_OF, "requests_open"),
    "request of an event": (reading.REQUEST_OF_EVENT, "(event=?)"),
    "open requests of a platform": (reading.OPEN_REQUESTS_ON, "requests_open"),
    "open attempts": (reading.OPEN_ATTEMPTS, "attempts_open"),
    "open attempts of a job": (reading.OPEN_ATTEMPTS_OF, "attempts_of"),
    "history": (reading.HISTORY, "job_states_of"),
    "the same event": (acceptance.BY_EVENT, "(event=?)"),
    "open jobs of a user": (acceptance.OPEN_OF_USER, "jobs_open_of"),
    "open jobs of all": (acceptance.OPEN_OF_ALL, "job_counts"),
    "kept": (acceptance.FIND_KEPT, "jobs_kept"),
    "kept job": (acceptance.KEPT_JOB, "(id=?)"),
    "block": (acceptance.BLOCK_OF, "(id=?)"),
    "use of a day": (ledger.USE_OF_DAY, "(identity=? AND quota_day=?)"),
    "use of 24 hours": (ledger.USE_SINCE, "ledger_of (identity=? AND at>?)"),
    "reserve of a job": (ledger.RESERVE_OF, "ledger_one_reserve"),
    "what was given back": (resets.LAST_RESETS, "ledger_of (identity=? AND at>?)"),
    "settled in 24 hours": (resets.SETTLED_SINCE, "ledger_of (identity=? AND at>?)"),
    "debts of a day": (resets.CARRIED_ON, "ledger_of (identity=?)"),
    "ledger": (ledger.ENTRIES, "ledger_at"),
    "ledger of a user": (ledger.ENTRIES_OF_USER, "ledger_of (identity=? AND at>?)"),
    "due deliveries": (deliveries.DUE, "deliveries_due"),
    "claims of a dead process": (deliveries.RELEASE, "deliveries_claimed"),
    "to expire": (retention.TO_EXPIRE, "requests_to_expire"),
    "files to forget": (retention.FORGET_FILES, "files_added"),
    "usage by user": (reports.BY_USER, "jobs_created"),
    "usage by template": (reports.BY_TEMPLATE, "jobs_created"),
    "usage by day": (reports.BY_QUARTER, "jobs_created"),
    "users by day": (reports.USERS_BY_QUARTER, "jobs_created"),
    "templates by day": (reports.TEMPLATES_BY_QUARTER, "jobs_created"),
    "settled of a job": (reports.USERS_BY_QUARTER, "ledger_one_close"),
    "waits": (reports.WAITS, "jobs_created"),
    "find people": (people.FIND, "names_folded"),
    "stage": (jobs.STAGE, "(id=?)"),
    "start": (jobs.START, "INTEGER PRIMARY KEY (rowid=?)"),
    "requeue": (jobs.REQUEUE, "INTEGER PRIMARY KEY (rowid=?)"),
    "done": (jobs.DONE, "INTEGER PRIMARY KEY (rowid=?)"),
    "defaults": (defaults.DEFAULTS_OF, "(user=?)"),
    "blocked in a place": (places.BLOCKED_IN, "(place=? AND identity=?)"),
    "a code": (linking.OWNER_OF_CODE, "(code_hash=?)"),
    "updates that wait": (inbox.WAITING_UPDATES, "telegram_updates_waiting"),
    "last update": (inbox.LAST_UPDATE, "telegram_updates_received"),
    "updates to forget": (inbox.FORGET_UPDATES, "telegram_updates_received"),
    "marks to forget": (erased.FORGET_MARKS, "erased_use_until"),
    "refused texts": (strikes.STRIKES_OF, "strikes_of (identity=? AND place=?)"),
    "refused texts to forget": (strikes.FORGET_STRIKES, "strikes_until"),
    "the last refused text": (erased.LAST_STRIKE, "strikes_of (identity=?)"),
    "pictures for adults": (adult.KEPT_FOR_ADULTS, "files_content"),
    "requests kept": (portrait.REQUESTS_KEPT, "requests_of"),
    "pictures kept": (portrait.PICTURES_KEPT, "requests_of"),
    "inputs kept": (portrait.INPUTS_KEPT, "requests_of"),
    "request over": (jobs.REQUEST_OVER, "(id=?)"),
}
SMALL = ("job_counts", "json_each", "(subquery-")
"""Six rows; the values of one parameter; what an inner query has found."""


@pytest.mark.parametrize("what", HOT)
def test_hot_queries_read_by_index(connection: sqlite3.Connection, what: str) -> None:
    sql, index = HOT[what]
    steps = plan(connection, sql)
    scans = [step for step in steps if step.startswith("SCAN") and not step.startswith(_small())]
    # The index of what is waiting, due or claimed holds nothing else: to read all of it is the purpose.
    assert [step for step in scans if index not in step] == []
    assert any(index in step for step in steps), steps


def _small() -> tuple[str, ...]:
    return tuple(f"SCAN {name}" for name in SMALL)


@pytest.mark.parametrize("what", ["waiting", "requests of a user", "open requests of a user", "to expire"])
def test_what_comes_in_order_is_not_sorted(connection: sqlite3.Connection, what: str) -> None:
    assert not any("TEMP B-TREE" in step for step in plan(connection, HOT[what][0]))


def test_a_query_without_its_index_is_noticed(connection: sqlite3.Connection) -> None:
    """The check above can fail."""
    steps = plan(connection, "SELECT count(*) FROM jobs WHERE model = ?")
    assert [step for step in steps if step.startswith("SCAN") and not step.startswith(_small())] != []


# A row each for what the tables need, then jobs as fast as SQLite makes them.
_MANY_JOBS = f"""
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})
INSERT INTO jobs (id, request, number, identity, seed, template, model, pixels, steps, needs, first_guess,
  weight, fingerprint, state, reserved_us, created_at, changed_at)
SELECT 'many-' || n, request, n, identity, seed, template, model, pixels, steps, needs, first_guess, weight,
  'f' || n, 'queued', 0, created_at, changed_at
FROM jobs, numbers WHERE place = 1
"""


async def test_a_long_queue_comes_in_chunks_of_shared_values(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        first = await desk.one()
        with closing(sqlite3.connect(desk.store.path)) as connection, connection:
            connection.execute(_MANY_JOBS)
        chunks = [list(chunk) async for chunk in desk.store.waiting()]
        assert [len(chunk) for chunk in chunks] == [CHUNK] * (MANY // CHUNK) + [1]
        waiting = [job for chunk in chunks for job in chunk]
        assert waiting[0].id == first
        assert [job.order for job in waiting] == list(range(1, MANY + 2))
        assert len({id(job.work) for job in waiting}) == 1
        assert len({id(job.user) for job in waiting}) == 1
        assert (await desk.store.counts())[JobState.QUEUED] == MANY + 1


async def test_the_queue_is_read_as_it_was_at_one_moment(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.one()
        with closing(sqlite3.connect(desk.store.path)) as connection, connection:
            connection.execute(_MANY_JOBS)
        seen = 0
        async for chunk in desk.store.waiting():
            # Neither does the reading hold up those who write.
            if not seen:
                await desk.run(chunk[-1].id)
                await desk.accept("discord:2")
            seen += len(chunk)
        assert seen == MANY + 1


async def test_a_reading_that_is_left_early_leaves_nothing_open(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.one()
        waiting = desk.store.waiting()
        assert len(await anext(waiting)) == 1
        await waiting.aclose()  # type: ignore[attr-defined]
        async with reader(desk.store.path) as connection:
            assert await connection.execute_fetchall("SELECT 1")
    assert not (tmp_path / "fairbrush.db-wal").exists()
