"""Usage, the ledger as it is shown, and what outlives the process."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.domain.errors import ServerUnreachable, UserError
from bot.domain.ids import IdentityId, TemplateName, UserId
from bot.domain.text import Text
from bot.service.records import UsageRow
from tests.store_support import HOUR, NOON, Desk, completion, opened, rows

ANN, BOB = UserId("discord:1"), UserId("discord:2")
EVER = {"since": 0, "until": 2 * NOON}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


async def test_usage_by_user_adds_up_what_the_ledger_settled(desk: Desk) -> None:
    await desk.store.person(IdentityId(ANN), name="Ann", at=NOON)
    done, failed, stopped, _ = (job.id for job in (await desk.accept(ANN, jobs=4)).jobs)
    prompt = await desk.stage(done)
    await desk.store.start(prompt, NOON + 4000)
    await desk.store.complete(prompt, completion("a", 8.5, swap=2.0), NOON + 9000)
    error = ServerUnreachable(Text("No answer."))
    await desk.store.fail(failed, error, NOON, reason=error.code)
    prompt = await desk.stage(stopped)
    await desk.store.start(prompt, NOON + 8000)
    await desk.store.cancel(stopped, NOON, by=ANN, settle_seconds=1.25, swap_seconds=0.5)
    await desk.finish(await desk.one(BOB), seconds=100.0)
    rows = await desk.store.usage("user", **EVER, timezone="UTC")
    assert rows == (
        UsageRow(BOB, 1, 1, 0, 0, 100.0, 0.0, 0.0),
        UsageRow("Ann", 4, 1, 1, 1, 9.75, 2.5, 6.0),
    )
    settled = sum(entry.seconds for entry in await desk.store.ledger() if entry.kind == "settle")
    assert sum(row.gpu_seconds for row in rows) == settled


async def test_usage_by_template(desk: Desk) -> None:
    flux = desk.draft(jobs=2)
    work = replace(flux.jobs[0].work, template=TemplateName("flux"))
    await desk.store.accept(replace(flux, jobs=tuple(replace(job, work=work) for job in flux.jobs)))
    await desk.finish(await desk.one(), seconds=3.0)
    rows = await desk.store.usage("template", **EVER, timezone="UTC")
    assert [(row.key, row.jobs, row.gpu_seconds) for row in rows] == [
        ("text-to-image", 1, 3.0),
        ("flux", 2, 0.0),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/New_York"])
async def test_usage_by_day_of_the_operators_calendar(desk: Desk, zone: str) -> None:
    # The night in which New York sets its clocks back, and the days beside it.
    start = int(datetime(2026, 10, 31, 12, tzinfo=ZoneInfo("UTC")).timestamp() * 1000)
    moments = [start + quarter * HOUR // 4 for quarter in range(0, 4 * 48, 3)]
    wanted: dict[str, int] = {}
    for at in moments:
        await desk.accept(at=at)
        day = datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date().isoformat()
        wanted[day] = wanted.get(day, 0) + 1
    rows = await desk.store.usage("day", **EVER, timezone=zone)
    assert {row.key: row.jobs for row in rows} == wanted
    assert [row.key for row in rows] == sorted(wanted)
    some = await desk.store.usage("day", since=moments[3], until=moments[9], timezone=zone)
    assert sum(row.jobs for row in some) == 6


async def test_the_ledger_tells_who_and_why(desk: Desk) -> None:
    job = await desk.one(ANN, at=NOON)
    await desk.store.cancel(job, NOON + HOUR, by="discord:9", settle_seconds=None)
    await desk.accept(BOB, at=NOON + 2 * HOUR)
    first, second = await desk.store.ledger(ANN)
    assert (first.actor, first.reason, first.job, first.at) == ("discord:9", "cancelled", job, NOON + HOUR)
    assert (second.actor, second.identity, second.quota_day) == (ANN, ANN, "2026-11-18")
    assert len(await desk.store.ledger(limit=2)) == 2
    assert [entry.identity for entry in await desk.store.ledger(since=NOON + 2 * HOUR)] == [BOB]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -float("inf"), 1e300])
async def test_amounts_that_cannot_be_counted_are_refused(desk: Desk, seconds: float) -> None:
    await desk.one(ANN)
    with pytest.raises(UserError, match="more than can be counted"):
        await desk.store.grant(ANN, seconds, "2026-11-18", actor="shell", reason="", at=NOON)  # type: ignore[arg-type]
    assert len(await desk.store.ledger()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger SET us = 0",
        "DELETE FROM ledger",
        "INSERT INTO ledger SELECT 99, at, identity, 'release', us, quota_day, 1, actor, '' FROM ledger",
        "INSERT INTO ledger SELECT 99, at, identity, 'reserve', us, quota_day, 1, actor, '' FROM ledger",
        "INSERT INTO ledger SELECT 99, at, identity, 'settle', us, '2026-01-01', 2, actor, '' FROM ledger",
        "UPDATE jobs SET state = 'queued', ended_at = NULL WHERE state = 'done'",
        "DELETE FROM jobs",
    ],
)
async def test_the_database_itself_holds_the_books(desk: Desk, change: str) -> None:
    await desk.finish(await desk.one())
    await desk.one()
    with closing(sqlite3.connect(desk.store.path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(change)
    assert rows(desk.store.path, "SELECT count(*) FROM ledger") == [(3,)]


# What is learned, and small state


async def test_what_is_learned_comes_back_by_kind(desk: Desk) -> None:
    await desk.store.save_learned("estimate", {"a": {"p50": 1.5}, "b": [1, 2]})
    await desk.store.save_learned("estimate", {"b": None})
    await desk.store.save_learned("ceiling", {"a": 7})
    assert await desk.store.learned("estimate") == {"a": {"p50": 1.5}, "b": None}
    assert await desk.store.learned("ceiling") == {"a": 7}
    assert await desk.store.learned("else") == {}


async def test_flows_are_replaced_as_a_whole(desk: Desk) -> None:
    assert await desk.store.flows() == (0.0, {})
    for who in (ANN, BOB):
        await desk.store.person(IdentityId(who), name="", at=NOON)
    await desk.store.save_flows(12.5, {ANN: 13.0, BOB: 14.0})
    assert await desk.store.flows() == (12.5, {ANN: 13.0, BOB: 14.0})
    await desk.store.save_flows(20.25, {BOB: 21.0})
    assert await desk.store.flows() == (20.25, {BOB: 21.0})


async def test_the_flow_of_one_who_was_erased_does_not_come_back(desk: Desk) -> None:
    for who in (ANN, BOB):
        await desk.store.person(IdentityId(who), name="", at=NOON)
    await desk.store.erase(ANN, actor=ANN, at=NOON)
    # The queue in memory has not forgotten them yet.
    await desk.store.save_flows(12.5, {ANN: 13.0, BOB: 14.0})
    assert await desk.store.flows() == (12.5, {BOB: 14.0})


@pytest.mark.parametrize("value", [True, None, "text", 3, 2.5, {"a": ["ü", {}]}])
async def test_small_state_survives(tmp_path: Path, value: object) -> None:
    async with opened(tmp_path) as desk:
        assert await desk.store.get("key") is None
        await desk.store.put("key", 1)
        await desk.store.put("key", value)
    async with opened(tmp_path) as desk:
        assert await desk.store.get("key") == value
