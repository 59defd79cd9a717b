"""What an operator looks through: requests, people, the audit log, what servers did."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.errors import RunTimedOut
from bot.domain.ids import IdentityId, JobId, ServerName, UserId
from bot.domain.text import Text
from bot.service.records import AuditEntry, Completion
from bot.service.surveys import Wanted, Work
from bot.store import surveys
from bot.store.migrations import migrate, packaged
from tests.store_support import NOON, Desk, opened


async def failed(desk: Desk, job: JobId) -> None:
    assert await desk.store.fail(job, RunTimedOut(Text("no")), NOON, reason="test")


async def test_the_newest_requests_of_all_come_first_a_page_at_a_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.store.person(IdentityId("discord:1"), name="Ann", at=NOON)
        jobs = [await desk.one(who) for who in ("discord:1", "telegram:2", "discord:1")]
        page = await desk.store.survey_requests(limit=2)
        assert [each.jobs[0].job.id for each in page.found] == jobs[:0:-1]
        assert [each.name for each in page.found] == ["Ann", "telegram:2"]
        assert page.older is not None
        last = await desk.store.survey_requests(limit=2, before=page.older)
        assert [each.jobs[0].job.id for each in last.found] == jobs[:1]
        assert last.older is None


async def test_requests_are_chosen_by_state_and_user(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        jobs = [await desk.one(who) for who in ("discord:1", "telegram:2", "discord:1", "discord:1")]
        await failed(desk, jobs[0])
        await failed(desk, jobs[1])

        async def found(**chosen: object) -> list[JobId]:
            page = await desk.store.survey_requests(**chosen)  # type: ignore[arg-type]
            assert page.older is None
            return [each.jobs[0].job.id for each in page.found]

        assert await found(wanted=Wanted.FAILED) == [jobs[1], jobs[0]]
        assert await found(wanted=Wanted.OPEN) == [jobs[3], jobs[2]]
        assert await found(wanted=Wanted.DONE) == []
        assert await found(users=[UserId("discord:1")]) == [jobs[3], jobs[2], jobs[0]]
        assert await found(users=[UserId("discord:1")], wanted=Wanted.FAILED) == [jobs[0]]
        assert await found(users=[]) == []


async def test_a_rare_state_is_looked_for_a_stretch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveys, "REACH", 3)
    async with opened(tmp_path) as desk:
        jobs = [await desk.one() for _ in range(8)]
        await failed(desk, jobs[0])
        before, looks = None, 0
        while True:
            page = await desk.store.survey_requests(wanted=Wanted.FAILED, before=before)
            looks += 1
            if page.found:
                break
            before = page.older
            assert before is not None
        assert looks == 3
        assert page.found[0].jobs[0].job.id == jobs[0]


async def test_people_are_found_by_parts_of_names_and_ids(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        for number, name in enumerate(("Änne", "Bob_50%", "")):
            await desk.store.person(IdentityId(f"discord:{number}7"), name=name, at=NOON + number)

        async def found(search: str) -> list[UserId]:
            return [person.user for person in (await desk.store.survey_people(search)).found]

        assert await found("") == ["discord:27", "discord:17", "discord:07"]
        assert await found("äNN") == ["discord:07"]
        assert await found("50%") == ["discord:17"]
        assert await found("%") == ["discord:17"]
        assert await found("RD:2") == ["discord:27"]
        assert await found("nobody' OR 1") == []
        page = await desk.store.survey_people(offset=1, limit=1)
        assert ([person.user for person in page.found], page.total) == (["discord:17"], 3)


async def test_the_audit_log_is_searched_by_who_and_whom(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        await desk.store.person(IdentityId("web:ab"), name="Olga", at=NOON)
        for number, (actor, subject) in enumerate((("web:ab", "queue"), ("discord:1", "web:ab"))):
            await desk.store.audit(AuditEntry(NOON + number, actor, "pause", subject))

        async def found(**chosen: str) -> list[int]:
            return [entry.at - NOON for entry in (await desk.store.survey_audit(**chosen)).entries]  # type: ignore[arg-type]

        assert await found() == [1, 0]
        assert await found(actor="OLG") == [0]
        assert await found(actor="discord") == [1]
        assert await found(subject="olga") == [1]
        assert await found(subject="queue", actor="discord") == []
        page = await desk.store.survey_audit(limit=1)
        assert page.older is not None
        assert [e.at - NOON for e in (await desk.store.survey_audit(before=page.older)).entries] == [0]


async def test_what_servers_did_is_added_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as desk:
        first, second = await desk.one(), await desk.one()
        prompt = await desk.run(first, at=NOON)
        await desk.store.complete(prompt, Completion((), (), 4.0), NOON + 4000)
        await desk.run(second, at=NOON + 5000)
        work = await desk.store.work_of_servers(since=NOON + 1000, until=NOON + 7000)
        assert work == {ServerName("local"): Work(1, 3000 + 2000)}
        assert await desk.store.work_of_servers(since=NOON + 5000, until=NOON + 7000) == {
            ServerName("local"): Work(0, 2000)
        }
        assert await desk.store.accepted_at([first, JobId("nothing")]) == {first: NOON}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, packaged())
        yield connection


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (surveys.ALL_REQUESTS, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (surveys.REQUESTS_IN_STATE, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (surveys.REQUESTS_OF, "requests_of (identity=? AND rowid<?)"),
        (surveys.REQUESTS_OF_IN_STATE, "requests_of (identity=? AND rowid<?)"),
        (surveys.JOBS_OF, "(request=?)"),
        (surveys.AUDIT, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (surveys.WORK_OF_SERVERS, "jobs_created (created_at>? AND created_at<?)"),
        (surveys.ACCEPTED_AT, "(id=?)"),
        (surveys.NAMES_OF, "identities_of (user=?)"),
    ],
)
def test_no_survey_reads_all_that_the_years_have_left(
    connection: sqlite3.Connection, sql: str, index: str
) -> None:
    names = ("before", "from", "limit", "states", "identity", "actor", "subject", "since", "until")
    values: object = dict.fromkeys((*names, "day_before"), "") if ":" in sql else ("",) * sql.count("?")
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]  # type: ignore[arg-type]
    assert any(index in step for step in steps), steps
    grown = ("SCAN jobs", "SCAN j", "SCAN requests", "SCAN audit", "SCAN attempts", "SCAN a")
    assert not [step for step in steps if step in grown], steps
