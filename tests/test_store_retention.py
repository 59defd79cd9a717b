"""What is forgotten, what stays, and what a person may have."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Blocked, Denied, NodeFailed
from bot.domain.ids import IdentityId, JobId, QuotaDay, TierName, UserId
from bot.domain.quota import Allowance
from bot.domain.text import Text
from bot.service.records import Expired
from tests.store_support import (
    DAY,
    HOUR,
    NOON,
    RULES,
    Desk,
    assert_balanced,
    file,
    link,
    opened,
    rows,
)

ANN, BOB = UserId("discord:1"), UserId("discord:2")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk
    assert_balanced(tmp_path / "fairbrush.db")


def everything_written(path: Path) -> str:
    """All text in all tables, to look for what should have gone."""
    tables = [name for (name,) in rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return "\n".join(str(row) for table in tables for row in rows(path, f"SELECT * FROM {table}"))


async def test_old_pictures_and_words_go_and_numbers_stay(desk: Desk) -> None:
    old = await desk.one(inputs=(file("input"),))
    await desk.finish(old, name="old", at=NOON)
    new = await desk.one()
    await desk.finish(new, name="new", at=NOON + DAY)
    waiting = await desk.one()
    before = await desk.store.ledger()
    expired = await desk.store.expire(NOON + HOUR, 10)
    assert expired.requests == 1
    assert {one.path for one in expired.files} == {"files/old.png", "files/input.png"}
    assert await desk.store.results(old) == ((), ())
    record = await desk.store.request(old.rpartition("-")[0])  # type: ignore[arg-type]
    assert record is not None
    assert (record.values, record.inputs) == ({}, ())
    job = await desk.store.job(old)
    assert job is not None
    assert (job.measured_seconds, job.error_text) == (8.0, "")
    assert (await desk.store.results(new))[0] != ()
    assert await desk.store.ledger() == before
    assert await desk.store.known_files() == {"files/new.png"}
    assert await desk.store.expire(NOON + HOUR, 10) == Expired(0, ())
    (kept,) = await desk.store.requests_of(ANN, open_only=True)
    assert kept.id == waiting.rpartition("-")[0]
    assert kept.values != {}


async def test_what_a_server_said_about_a_failure_goes_too(desk: Desk) -> None:
    job = await desk.one()
    said = NodeFailed(Text("“a lighthouse” is no model"), node_id="1", class_type="X", message="")
    await desk.store.fail(job, said, NOON, reason=said.code)
    await desk.store.expire(NOON + 1, 10)
    record = await desk.store.job(job)
    assert record is not None
    assert (record.error_code, record.error_text) == ("node_failed", "")


async def test_retention_goes_in_rounds_the_oldest_first(desk: Desk) -> None:
    for number in range(5):
        await desk.finish(await desk.one(), name=f"n{number}", at=NOON + number)
    assert [one.path for one in (await desk.store.expire(NOON + DAY, 2)).files] == [
        "files/n0.png",
        "files/n1.png",
    ]
    assert (await desk.store.expire(NOON + DAY, 2)).requests == 2
    assert (await desk.store.expire(NOON + DAY, 2)).requests == 1


async def test_a_file_goes_with_the_last_that_refers_to_it(desk: Desk) -> None:
    source = await desk.one(fingerprint="same")
    await desk.finish(source, name="shared", at=NOON)
    repeat = (await desk.accept(BOB, kept_from=source, at=NOON + HOUR)).jobs[0].id
    assert await desk.store.expire(NOON + 1, 10) == Expired(1, ())
    assert (await desk.store.results(repeat))[0][0].file == file("shared")
    assert await desk.store.expire(NOON + 2 * HOUR, 10) == Expired(1, (file("shared"),))


async def test_an_input_that_no_request_took_goes_unless_it_is_wanted_again(desk: Desk) -> None:
    await desk.store.add_input(file("a"), NOON)
    await desk.store.add_input(file("b"), NOON)
    await desk.store.add_input(file("b"), NOON + HOUR)
    assert await desk.store.expire(NOON + 1, 10) == Expired(0, (file("a"),))
    assert await desk.store.known_files() == {"files/b.png"}


# Export


async def test_a_person_gets_all_that_is_known(desk: Desk) -> None:
    await desk.store.person(IdentityId(ANN), name="Ann", at=NOON)
    await desk.store.set_tier(ANN, TierName("patron"), actor="shell", at=NOON)
    done, cancelled = (job.id for job in (await desk.accept(ANN, jobs=2, inputs=(file("in"),))).jobs)
    await desk.finish(done, name="picture")
    await desk.store.cancel(cancelled, NOON, by=ANN, settle_seconds=None)
    await desk.accept(BOB)
    known = await desk.store.export(ANN)
    assert json.loads(json.dumps(known)) == known
    assert known["user"]["tier"] == "patron"
    assert known["identities"][0]["name"] == "Ann"
    (request,) = known["requests"]
    assert request["values"] == {"prompt_text": "a lighthouse, number 0"}
    assert request["inputs"][0]["path"] == "files/in.png"
    assert [job["state"] for job in request["jobs"]] == ["done", "cancelled"]
    assert request["jobs"][0]["files"][0]["path"] == "files/picture.png"
    assert request["jobs"][0]["texts"] == ["text of picture"]
    assert [change["state"] for change in request["jobs"][1]["history"]] == ["queued", "cancelled"]
    assert [entry["kind"] for entry in known["ledger"]] == ["reserve", "reserve", "settle", "release"]
    assert [decision["action"] for decision in known["decisions"]] == ["tier"]
    assert "discord:2" not in json.dumps(known)


# Erase


async def test_erased_means_gone_and_the_ledger_still_adds_up(desk: Desk) -> None:
    await desk.store.person(IdentityId(ANN), name="Ann Smith", at=NOON)
    await desk.store.person(IdentityId("telegram:5"), name="Annie", at=NOON)
    link(desk.store.path, "telegram:5", ANN)
    await desk.store.set_tier(ANN, TierName("patron"), actor="shell", at=NOON)
    await desk.store.grant(ANN, 5.0, QuotaDay("2026-11-18"), actor=ANN, reason="to myself", at=NOON)
    await desk.finish(await desk.one(ANN, inputs=(file("in"),), options={"guild": "7"}), name="a")
    stopped = await desk.one("telegram:5")
    await desk.store.wish_to_cancel(await desk.run(stopped), "telegram:5", NOON)
    await desk.store.cancel(stopped, NOON, by="telegram:5", settle_seconds=2.0)
    await desk.store.person(IdentityId(BOB), name="", at=NOON)
    await desk.store.save_flows(3.0, {ANN: 4.0, BOB: 5.0})
    await desk.finish(await desk.one(BOB), name="b")
    amounts = [(entry.at, entry.kind, entry.seconds) for entry in await desk.store.ledger()]
    files = await desk.store.erase(ANN, actor=ANN, at=NOON + 1)
    assert {one.path for one in files} == {"files/a.png", "files/in.png"}
    left = everything_written(desk.store.path)
    for gone in (
        "discord:1",
        "telegram:5",
        "Ann",
        "guild",
        "message:0",
        "files/a",
        "Smith",
    ):
        assert gone not in left, gone
    assert "lighthouse" in left  # Bob's
    assert await desk.store.find_people(ANN) == ()
    assert await desk.store.requests_of(ANN) == ()
    assert [(entry.at, entry.kind, entry.seconds) for entry in await desk.store.ledger()] == amounts
    assert {entry.identity for entry in await desk.store.ledger()} == {"erased:1", "erased:2", BOB}
    assert (await desk.store.flows())[1] == {BOB: 5.0}
    newest = (await desk.store.audit_log())[0]
    assert (newest.action, newest.actor, newest.subject) == ("erase", "erased:1", "erased:1")
    usage = await desk.store.usage("user", since=0, until=2 * NOON, timezone="UTC")
    assert {row.key: row.gpu_seconds for row in usage} == {"erased:1": 10.0, BOB: 8.0}


async def test_one_who_was_erased_may_come_again(desk: Desk) -> None:
    await desk.finish(await desk.one(ANN), name="a")
    await desk.store.erase(ANN, actor="shell", at=NOON)
    await desk.finish(await desk.one(ANN), name="b")
    assert len(await desk.store.requests_of(ANN)) == 1
    await desk.store.erase(ANN, actor="shell", at=NOON)
    assert await desk.store.requests_of(ANN) == ()
    assert len({entry.identity for entry in await desk.store.ledger()}) == 2


async def test_nobody_is_erased_while_jobs_are_open(desk: Desk) -> None:
    job = await desk.one(ANN)
    with pytest.raises(Denied, match="Cancel them or let them finish"):
        await desk.store.erase(ANN, actor=ANN, at=NOON)
    await desk.store.cancel(job, NOON, by=ANN, settle_seconds=None)
    assert await desk.store.erase(ANN, actor=ANN, at=NOON) == ()
    # Its result is not announced any more either.
    assert await desk.store.claim_deliveries("test", NOON + DAY, 10) == ()


async def test_erasing_oneself_does_not_lift_a_block(desk: Desk) -> None:
    await desk.store.person(IdentityId(ANN), name="Ann", at=NOON)
    await desk.store.block(ANN, until=NOON + DAY, reason="spam", actor="shell", at=NOON)
    await desk.store.erase(ANN, actor=ANN, at=NOON)
    with pytest.raises(Blocked, match="spam"):
        await desk.accept(ANN)
    (person,) = await desk.store.find_people(ANN)
    assert person.names == ()


async def test_a_picture_that_another_got_as_a_repeat_stays_theirs(desk: Desk) -> None:
    source = await desk.one(ANN, fingerprint="same")
    await desk.finish(source, name="shared")
    repeat: JobId = (await desk.accept(BOB, kept_from=source)).jobs[0].id
    assert await desk.store.erase(ANN, actor=ANN, at=NOON) == ()
    assert (await desk.store.results(repeat))[0][0].file == file("shared")


async def test_debts_stay_with_the_anonymous(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=10.0))
    await desk.finish(await desk.one(ANN, rules=rules), seconds=15.0)
    await desk.store.erase(ANN, actor=ANN, at=NOON)
    standing = await desk.store.standing(UserId("erased:1"), rules, NOON + DAY)
    assert standing.use.carried == 5.0
