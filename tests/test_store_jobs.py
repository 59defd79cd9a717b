"""The life of a job in the store: from acceptance to its one outcome."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import OutOfMemory
from bot.domain.ids import PromptId
from bot.domain.jobs import MOVES, AttemptState, JobState
from bot.domain.text import Text
from bot.service.records import EntryKind
from tests.store_support import HOUR, NOON, SNAPSHOT, WORK, Desk, completion, file, opened, rows


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


async def test_what_is_accepted_can_be_read_again(desk: Desk) -> None:
    draft = desk.draft(jobs=3, options={"guild": "7", "spoiler": True}, inputs=(file("input"),))
    accepted = await desk.store.accept(draft)
    assert accepted.fresh
    assert accepted.request == draft.request == await desk.store.request(draft.request.id)
    assert accepted.jobs == await desk.store.jobs_of(draft.request.id)
    assert [job.index for job in accepted.jobs] == [0, 1, 2]
    assert [job.order for job in accepted.jobs] == sorted({job.order for job in accepted.jobs})
    first = accepted.jobs[0]
    assert first == await desk.store.job(first.id)
    assert (first.seed, first.work, first.state) == (2**64 - 1, WORK, JobState.QUEUED)
    assert first.reserved_seconds == 10.0
    assert accepted.standing.use.reserved == 30.0
    assert accepted.standing.use.jobs == 3
    assert await desk.store.snapshot(SNAPSHOT.content_hash) == SNAPSHOT
    assert await desk.store.needs([WORK.needs, "unknown"]) == {WORK.needs: '{"nodes":[]}'}


async def test_a_job_runs_and_is_done(desk: Desk) -> None:
    job = await desk.one(seconds=10.0)
    prompt = await desk.stage(job, at=NOON + 1)
    assert await desk.store.start(prompt, NOON + 2)
    closed = await desk.store.complete(prompt, completion("a", 8.25, swap=1.5), NOON + 3)
    assert closed is not None
    assert closed.request_over
    assert closed.job == await desk.store.job(job)
    assert closed.job.state is JobState.DONE
    assert (closed.job.started_at, closed.job.ended_at, closed.job.attempts) == (NOON + 2, NOON + 3, 1)
    assert (closed.job.measured_seconds, closed.job.swap_seconds) == (8.25, 1.5)
    assert await desk.store.results(job) == (completion("a").files, completion("a").texts)
    kinds = [(entry.kind, entry.seconds) for entry in await desk.store.ledger()]
    assert kinds == [(EntryKind.SETTLE, 8.25), (EntryKind.RESERVE, 10.0)]
    assert await desk.store.open_attempts() == ()
    assert await desk.store.history(job) == (
        (NOON, JobState.QUEUED, "accepted"),
        (NOON + 1, JobState.STAGED, "local"),
        (NOON + 2, JobState.RUNNING, ""),
        (NOON + 3, JobState.DONE, ""),
    )


async def test_a_request_is_over_with_its_last_job(desk: Desk) -> None:
    accepted = await desk.accept(jobs=2)
    first, second = (job.id for job in accepted.jobs)
    closed = await desk.store.complete(await desk.stage(first), completion("a"), NOON)
    assert closed is not None
    assert not closed.request_over
    assert await desk.store.claim_deliveries("test", NOON + HOUR, 10) == ()
    last = await desk.store.cancel(second, NOON + 5, by="discord:1", settle_seconds=None)
    assert last is not None
    assert last.request_over
    (delivery,) = await desk.store.claim_deliveries("test", NOON + HOUR, 10)
    assert (delivery.request, delivery.due_at) == (accepted.request.id, NOON + 5)


async def test_who_comes_second_changes_nothing(desk: Desk) -> None:
    job = await desk.one()
    prompt = await desk.run(job)
    assert not await desk.store.start(prompt, NOON)
    assert await desk.store.complete(prompt, completion("a"), NOON) is not None
    before = rows(desk.store.path, "SELECT count(*), max(number) FROM ledger")
    assert await desk.store.complete(prompt, completion("b"), NOON) is None
    assert await desk.store.cancel(job, NOON, by="x", settle_seconds=1.0) is None
    assert not await desk.store.requeue(prompt, NOON, "late")
    assert not await desk.store.reattach(prompt, NOON)
    assert not await desk.store.start(PromptId("nobody's"), NOON)
    assert rows(desk.store.path, "SELECT count(*), max(number) FROM ledger") == before
    record = await desk.store.job(job)
    assert record is not None
    assert record.state is JobState.DONE


async def test_a_lost_job_goes_back_to_its_old_place(desk: Desk) -> None:
    early, late = await desk.one(), await desk.one()
    prompt = await desk.run(early)
    assert await desk.store.requeue(prompt, NOON + 1, "server_unreachable")
    waiting = [job.id async for chunk in desk.store.waiting() for job in chunk]
    assert waiting == [early, late]
    record = await desk.store.job(early)
    assert record is not None
    assert (record.state, record.started_at, record.attempts) == (JobState.QUEUED, None, 1)
    (attempt,) = await desk.store.open_attempts(early)
    assert (attempt.prompt_id, attempt.state) == (prompt, AttemptState.OPEN)


async def test_an_open_attempt_can_be_followed_again_a_lost_one_cannot(desk: Desk) -> None:
    job = await desk.one()
    first = await desk.run(job)
    assert await desk.store.requeue(first, NOON, "silent")
    assert await desk.store.reattach(first, NOON)
    assert not await desk.store.reattach(first, NOON)
    assert await desk.store.requeue(first, NOON, "silent")
    await desk.store.lose(first, NOON)
    assert not await desk.store.reattach(first, NOON)
    assert await desk.store.open_attempts() == ()


async def test_an_older_attempt_moves_nothing_but_may_bring_the_picture(desk: Desk) -> None:
    job = await desk.one()
    first = await desk.stage(job)
    assert await desk.store.requeue(first, NOON, "silent")
    second = await desk.stage(job)
    assert not await desk.store.start(first, NOON)
    assert not await desk.store.requeue(first, NOON, "silent")
    assert await desk.store.start(second, NOON)
    closed = await desk.store.complete(first, completion("a"), NOON)
    assert closed is not None
    assert closed.job.attempts == 2
    # The other server still works on it, and has to be told.
    assert [attempt.prompt_id for attempt in await desk.store.open_attempts()] == [second]


async def test_a_failure_releases_and_tells_why(desk: Desk) -> None:
    job = await desk.one()
    await desk.run(job)
    error = OutOfMemory(Text("Too big."), node_id="3", class_type="KSampler", message="CUDA")
    closed = await desk.store.fail(job, error, NOON + 1, reason=error.code)
    assert closed is not None
    assert (closed.job.state, closed.job.error_code) == (JobState.FAILED, "out_of_memory")
    assert closed.job.error_text == "Too big."
    assert [entry.kind for entry in await desk.store.ledger()] == [EntryKind.RELEASE, EntryKind.RESERVE]
    assert await desk.store.open_attempts() == ()


@pytest.mark.parametrize("used", [None, 3.0])
async def test_a_cancel_settles_what_was_used(desk: Desk, used: float | None) -> None:
    job = await desk.one()
    prompt = await desk.run(job)
    await desk.store.wish_to_cancel(prompt, "discord:1", NOON)
    (attempt,) = await desk.store.open_attempts(job)
    assert attempt.cancel_by == "discord:1"
    closed = await desk.store.cancel(job, NOON, by="discord:1", settle_seconds=used, swap_seconds=2.0)
    assert closed is not None
    assert closed.job.measured_seconds == used
    assert closed.job.swap_seconds == (None if used is None else 2.0)
    newest, _ = await desk.store.ledger()
    assert (newest.kind, newest.seconds, newest.actor) == (
        (EntryKind.RELEASE, 10.0, "discord:1") if used is None else (EntryKind.SETTLE, 3.0, "discord:1")
    )


async def test_counts_follow_every_move(desk: Desk) -> None:
    await desk.accept(jobs=3)
    await desk.finish(await desk.one())
    await desk.stage(await desk.one())
    counts = await desk.store.counts()
    assert counts == {
        JobState.QUEUED: 3,
        JobState.STAGED: 1,
        JobState.RUNNING: 0,
        JobState.DONE: 1,
        JobState.FAILED: 0,
        JobState.CANCELLED: 0,
    }


@pytest.mark.parametrize("old", JobState)
@pytest.mark.parametrize("new", JobState)
async def test_the_database_knows_the_same_moves(tmp_path: Path, old: JobState, new: JobState) -> None:
    """The trigger in the schema and the table in the domain are one."""
    async with opened(tmp_path) as desk:
        await desk.one()
    connection = sqlite3.connect(tmp_path / "fairbrush.db")
    # Only this trigger is asked.
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'jobs_move'").fetchone()
    connection.execute("CREATE TEMP TABLE moved (state TEXT)")
    connection.execute("INSERT INTO moved VALUES (?)", (old,))
    connection.execute(
        sql.replace("CREATE TRIGGER jobs_move", "CREATE TEMP TRIGGER jobs_move").replace(
            "ON jobs", "ON moved"
        )
    )
    try:
        connection.execute("UPDATE moved SET state = ?", (new,))
        moved = True
    except sqlite3.IntegrityError:
        moved = False
    connection.close()
    assert moved == (new in MOVES[old])
