"""The real bot is killed while twenty users ask it for pictures: nothing that was accepted is lost or charged
twice. ``python -m bench.chaos`` does the same for longer."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.ids import JobId
from bot.domain.text import Text
from bot.service.operator import JobFailed
from tests.support.chaos import Plan, Story, chaos
from tests.support.chaos_check import Audit
from tests.support.chaos_photo import NOTHING, after_kill, photograph

EMBEDDED = Plan(seed=20, kills=3, moments=("starting", "working", "cancelling"), pause=1.5, waiting=3)
APART = Plan(
    seed=26,
    kills=3,
    engines=1,
    moments=("posting", "posted", "fetching"),
    pause=1.5,
    waiting=3,
    engine_dies=False,
)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Mapping[Plan, Story]:
    """Both at once: most of the time goes into starts, of which the one waits while the other works."""
    folders = {plan: tmp_path_factory.mktemp("chaos") for plan in (EMBEDDED, APART)}

    async def both() -> list[Story]:
        return await asyncio.gather(*(chaos(plan, folder) for plan, folder in folders.items()))

    return {story.plan: story for story in asyncio.run(both())}


@pytest.mark.parametrize("plan", [EMBEDDED, APART], ids=["engine embedded", "engine apart"])
def test_a_bot_that_is_killed_again_and_again_loses_nothing_and_charges_nothing_twice(
    stories: Mapping[Plan, Story], plan: Plan
) -> None:
    story = stories[plan]
    assert story.faults == []
    assert story.kills >= plan.kills
    # It was no walk in the park.
    outcomes = story.outcomes()
    assert outcomes["done"] >= 10
    assert outcomes.get("failed", 0) == 0
    assert story.book.counts["answers lost"] >= 1
    assert len(story.book.answers) >= 10


# Whether the check would have seen it: each damage is done to a copy of a healthy folder.

DONE = "(SELECT min(place) FROM jobs WHERE state = 'done' AND attempts > 0)"
RESULT = f"(SELECT file FROM results WHERE job = {DONE})"

DAMAGES: Mapping[str, tuple[str, ...]] = {
    "no outcome": (
        f"UPDATE jobs SET state = 'queued', ended_at = NULL, kept = 0 WHERE place = {DONE}",
        "UPDATE job_counts SET jobs = jobs + 1 WHERE state = 'queued'",
        "UPDATE job_counts SET jobs = jobs - 1 WHERE state = 'done'",
    ),
    "accepted and lost": (
        f"DELETE FROM requests WHERE id = (SELECT request FROM jobs WHERE place = {DONE})",
        f"DELETE FROM jobs WHERE place = {DONE}",
    ),
    "request incomplete": ("UPDATE requests SET count = count + 1 WHERE number = 1",),
    "never asked for": ("UPDATE requests SET event = 'shell:user0:none' WHERE number = 1",),
    "somebody else's": (
        "UPDATE requests SET identity = 1 + (identity = 1) WHERE number = (SELECT max(number) FROM requests)",
    ),
    "no single outcome": (f"INSERT INTO job_states (job, at, state, reason) VALUES ({DONE}, 1, 'done', '')",),
    "illegal move": (f"UPDATE job_states SET state = 'cancelled' WHERE job = {DONE} AND state = 'staged'",),
    "miscounted": ("UPDATE job_counts SET jobs = jobs + 1 WHERE state = 'done'",),
    "failed": (
        f"UPDATE jobs SET state = 'failed', kept = 0, error_code = 'failed' WHERE place = {DONE}",
        f"UPDATE job_states SET state = 'failed' WHERE job = {DONE} AND state = 'done'",
    ),
    "cancelled by nobody": (f"UPDATE jobs SET state = 'cancelled', kept = 0 WHERE place = {DONE}",),
    "attempt left open": (
        f"UPDATE attempts SET state = 'open', ended_at = NULL WHERE job = {DONE} AND state = 'ended'",
    ),
    "attempts miscounted": (f"UPDATE jobs SET attempts = attempts + 1 WHERE place = {DONE}",),
    "done more than once": (
        "CREATE TEMP TABLE twice AS SELECT * FROM attempts",
        "UPDATE twice SET prompt_id = 'twice ' || prompt_id",
        f"INSERT INTO attempts SELECT * FROM twice WHERE job = {DONE} AND state = 'ended'",
    ),
    "reserved 2 times": (f"INSERT INTO ledger {{entry}} WHERE job = {DONE} AND kind = 'reserve'",),
    "reserved 0 times": (f"DELETE FROM ledger WHERE job = {DONE} AND kind = 'reserve'",),
    "closed 2 times": (f"INSERT INTO ledger {{entry}} WHERE job = {DONE} AND kind = 'settle'",),
    "closed 0 times": (f"DELETE FROM ledger WHERE job = {DONE} AND kind = 'settle'",),
    "closed elsewhere": (
        f"UPDATE ledger SET quota_day = '2000-01-01' WHERE job = {DONE} AND kind = 'settle'",
    ),
    "charged otherwise": (f"UPDATE ledger SET us = us + 1 WHERE job = {DONE} AND kind = 'settle'",),
    "reserved otherwise": (f"UPDATE ledger SET us = us + 1 WHERE job = {DONE} AND kind = 'reserve'",),
    "sums differ": ("UPDATE usage_days SET settled_us = settled_us + 1",),
    "reserve left": (f"DELETE FROM ledger WHERE job = {DONE} AND kind = 'settle'",),
    "request open": ("UPDATE requests SET ended_at = NULL WHERE number = 1",),
    "delivery claimed": ("UPDATE deliveries SET state = 'claimed'",),
    "picture of nobody": (f"DELETE FROM results WHERE job = {DONE}",),
    "results": (f"DELETE FROM results WHERE job = {DONE}",),
    "orphan": (f"DELETE FROM files WHERE path = {RESULT}", f"DELETE FROM results WHERE job = {DONE}"),
    "another's picture": (
        f"UPDATE results SET file = (SELECT max(file) FROM results WHERE job <> {DONE}) WHERE job = {DONE}",
    ),
    "another's input": ("UPDATE files SET sha256 = 'x' WHERE path LIKE 'inputs/%'",),
    "kept from nothing": (f"UPDATE jobs SET attempts = 0 WHERE place = {DONE}",),
    "private": ("UPDATE requests SET private = 1 - private",),
    "database damaged": ("INSERT INTO texts (job, number, text) VALUES (123456, 0, '')",),
}
_ENTRY = "SELECT NULL, at, identity, kind, us, quota_day, job, actor, reason FROM ledger"


@pytest.fixture
def copy(stories: Mapping[Plan, Story], tmp_path: Path) -> Story:
    """The data directory of a run, to be damaged, and a book that may be rewritten."""
    story = stories[APART]
    shutil.copytree(story.folder, tmp_path / "data")
    book = replace(
        story.book,
        answers=dict(story.book.answers),
        refusals=dict(story.book.refusals),
        cancelled=set(story.book.cancelled),
        ends=dict(story.book.ends),
        quarrels=[],
    )
    return replace(story, folder=tmp_path / "data", book=book)


def found(story: Story, **changes: Any) -> list[str]:
    """What the check says; ``changes`` replace parts of what it is told."""
    story = replace(story, **changes)
    return Audit(story.folder, story.book, story.server).faults()


def tamper(story: Story, *statements: str) -> None:
    """Change the tables as only somebody can who removes their locks first."""
    with closing(sqlite3.connect(story.folder / "fairbrush.db", isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("DROP INDEX ledger_one_reserve")
        database.execute("DROP INDEX ledger_one_close")
        database.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert database.execute(statement.format(entry=_ENTRY)).rowcount != 0, statement


def test_an_undamaged_copy_is_found_to_be_sound(copy: Story) -> None:
    assert found(copy) == []


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_check_sees_what_is_wrong_in_the_tables(copy: Story, kind: str) -> None:
    tamper(copy, *DAMAGES[kind])
    assert any(fault.startswith(f"{kind}:") for fault in found(copy))


def a_picture(story: Story) -> Path:
    return min((story.folder / "pictures").rglob("*.png"))


def lose(path: Path) -> None:
    path.unlink()


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def overwrite(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def leave_another(path: Path) -> None:
    shutil.copy(path, path.with_name("another.png"))


def leave_a_part(path: Path) -> None:
    (path.parents[1] / ".0123.part").touch()


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lose, "file missing"),
        (shorten, "file damaged"),
        (overwrite, "file damaged"),
        (leave_another, "orphan"),
        (leave_a_part, "orphan"),
    ],
)
def test_the_check_sees_what_is_wrong_with_files(
    copy: Story, harm: Callable[[Path], None], kind: str
) -> None:
    harm(a_picture(copy))
    assert any(fault.startswith(f"{kind}:") for fault in found(copy))


def some_done_job(story: Story) -> JobId:
    with closing(sqlite3.connect(story.folder / "fairbrush.db")) as database:
        return JobId(database.execute(f"SELECT id FROM jobs WHERE place = {DONE}").fetchone()[0])


def test_the_check_sees_what_people_were_told_and_is_not_so(copy: Story) -> None:
    book, job = copy.book, some_done_job(copy)
    event, (request, *others) = next(iter(book.answers.items()))
    book.ends[job] = JobFailed(job, "failed", Text("It did not work."))
    book.cancelled.add(job)
    book.refusals[event] = "quota"
    book.quarrels.append("answered otherwise: a test")
    book.answers[event] = (replace(request, jobs=(*request.jobs, *request.jobs)), *others)
    kinds = {fault.partition(":")[0] for fault in found(copy)}
    assert {
        "ended otherwise",
        "cancelled and alive",
        "answered otherwise",
        "accepted and lost",
        "refused and accepted",
    } <= kinds


def test_the_check_sees_a_seed_that_nobody_was_told(copy: Story) -> None:
    event, (request, *others) = next(iter(copy.book.answers.items()))
    first, *rest = request.jobs
    jobs = (replace(first, seed=(first.seed or 0) + 1), *rest)
    copy.book.answers[event] = (replace(request, jobs=jobs), *others)
    assert any(fault.startswith("accepted and lost:") for fault in found(copy))


def test_the_check_sees_what_a_server_saw_twice_unwritten_or_for_nobody(copy: Story) -> None:
    server = copy.server
    assert server is not None
    one, other = server.posted[:2]
    tamper(copy, f"UPDATE attempts SET job = {DONE}")  # so that all were painted for one job
    seen = replace(server, posted=(one, one, "unwritten"), left=(other,))
    kinds = {fault.partition(":")[0] for fault in found(copy, server=seen)}
    painted = len(server.succeeded)
    assert {
        "posted 2 times",
        "posted before it was written",
        "left at the server",
        f"painted {painted} times",
    } <= kinds


def test_a_kill_may_not_change_what_was_so_before_it(copy: Story) -> None:
    before = photograph(copy.folder)
    tamper(
        copy,
        f"UPDATE jobs SET state = 'cancelled', kept = 0 WHERE place = {DONE}",
        "UPDATE ledger SET us = us + 1 WHERE number = 1",
        "DELETE FROM attempts WHERE prompt_id = (SELECT min(prompt_id) FROM attempts)",
        "UPDATE state SET json = '-1.0' WHERE key = 'virtual_time'",
    )
    lose(a_picture(copy))
    faults = list(after_kill(before, photograph(copy.folder), copy.book, before.attempts, copy.folder))
    kinds = {fault.partition(":")[0] for fault in faults}
    assert {
        "outcome changed",
        "ledger rewritten",
        "attempts forgotten",
        "posted before it was written",
        "time went back",
    } <= kinds
    lost = list(after_kill(NOTHING, before, copy.book, (), copy.folder))
    assert any(fault.startswith("file missing:") for fault in lost)
