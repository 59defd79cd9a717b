"""What people set for themselves, blocks of places, updates that wait, requests that are deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Denied, NotFound, QuotaUsedUp
from bot.domain.ids import IdentityId, JobId, RequestId, UserId
from bot.domain.quota import Allowance, Window
from bot.service.records import Belongings
from bot.store import open_store
from bot.store.inbox import KEPT_MS
from bot.store.migrations import migrate, packaged
from tests.store_support import DAY, HOUR, NOON, RULES, Clock, Desk, file, opened, rows

ANN, BOB = IdentityId("discord:1"), IdentityId("discord:2")
USER = UserId(ANN)
GUILD, GROUP = "discord:guild:7", "telegram:group:-9"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        for who in (ANN, BOB):
            await desk.store.person(who, name="", at=NOON)
        yield desk


# Defaults


async def test_defaults_are_set_changed_and_taken_away(desk: Desk) -> None:
    assert await desk.store.defaults(USER) == {}
    await desk.store.set_default(USER, "size", "512x512")
    await desk.store.set_default(USER, "size", "768x768")
    await desk.store.set_default(USER, "template", "a \ud83d b")
    assert await desk.store.defaults(USER) == {"size": "768x768", "template": "a ? b"}
    assert await desk.store.defaults(UserId(BOB)) == {}
    await desk.store.set_default(USER, "size", None)
    await desk.store.set_default(USER, "size", None)
    assert await desk.store.defaults(USER) == {"template": "a ? b"}
    with pytest.raises(NotFound):
        await desk.store.set_default(UserId("discord:404"), "size", "1x1")


# Places


async def test_a_place_may_refuse_somebody_for_a_time_or_for_good(desk: Desk) -> None:
    assert await desk.store.blocked_in(GUILD, USER, NOON) is None
    await desk.store.block_in(GUILD, USER, NOON + HOUR, "noise", actor=BOB, at=NOON)
    assert await desk.store.blocked_in(GUILD, USER, NOON) == (NOON + HOUR, "noise")
    assert await desk.store.blocked_in(GUILD, USER, NOON + HOUR) is None
    assert await desk.store.blocked_in(GROUP, USER, NOON) is None
    assert await desk.store.blocked_in(GUILD, UserId(BOB), NOON) is None
    await desk.store.block_in(GUILD, USER, None, "again", actor=BOB, at=NOON)
    assert await desk.store.blocked_in(GUILD, USER, NOON + 1000 * DAY) == (None, "again")
    await desk.store.block_in(GUILD, USER, NOON, "", actor=BOB, at=NOON)
    assert await desk.store.blocked_in(GUILD, USER, NOON) is None
    log = [(each.actor, each.action, each.detail) for each in reversed(await desk.store.audit_log())]
    assert log == [
        (BOB, "block", f"{GUILD} {NOON + HOUR} noise"),
        (BOB, "block", f"{GUILD} for good again"),
        (BOB, "unblock", GUILD),
    ]
    with pytest.raises(NotFound):
        await desk.store.block_in(GUILD, UserId("discord:404"), None, "", actor=BOB, at=NOON)


async def test_linking_and_unlinking_lift_no_block_of_a_place(desk: Desk) -> None:
    await desk.store.block_in(GUILD, UserId(BOB), None, "noise", actor="shell", at=NOON)
    await desk.store.block_in(GUILD, USER, NOON + HOUR, "short", actor="shell", at=NOON)
    await desk.store.link(BOB, USER, at=NOON)
    # The one that lasts longest.
    assert await desk.store.blocked_in(GUILD, USER, NOON) == (None, "noise")
    await desk.store.block_in(GROUP, USER, None, "both", actor="shell", at=NOON)
    await desk.store.unlink(BOB, at=NOON)
    await desk.store.block_in(GUILD, UserId(BOB), NOON + DAY, "noise", actor="shell", at=NOON)
    await desk.store.link(BOB, USER, at=NOON)
    assert await desk.store.blocked_in(GUILD, USER, NOON) == (NOON + DAY, "noise")
    await desk.store.unlink(BOB, at=NOON)
    assert await desk.store.blocked_in(GUILD, UserId(BOB), NOON) == (NOON + DAY, "noise")
    assert await desk.store.blocked_in(GUILD, USER, NOON) == (NOON + HOUR, "short")
    assert await desk.store.blocked_in(GROUP, USER, NOON) is not None
    assert await desk.store.blocked_in(GROUP, UserId(BOB), NOON) is not None


async def test_erasing_oneself_lifts_no_block_of_a_place_and_no_limit(desk: Desk) -> None:
    await desk.store.block_in(GUILD, USER, None, "noise", actor=BOB, at=NOON)
    await desk.store.block_in(GROUP, USER, NOON + 1, "short", actor=BOB, at=NOON)
    await desk.store.set_allowance(UserId(BOB), Allowance(10.0, 3), actor="shell", at=NOON)
    for who in (ANN, BOB):
        await desk.store.erase(UserId(who), actor=who, at=NOON + HOUR)
    assert await desk.store.blocked_in(GUILD, USER, NOON + HOUR) == (None, "noise")
    assert rows(desk.store.path, "SELECT place FROM place_blocks") == [(GUILD,)]
    assert (await desk.store.person(BOB, name="", at=NOON)).allowance == Allowance(10.0, 3)
    # And the moderator is named nowhere any more.
    assert rows(
        desk.store.path, "SELECT a.actor FROM actors AS a JOIN place_blocks AS b ON b.actor = a.key"
    ) == [("erased:2",)]


async def test_who_is_kept_out_of_a_place_is_linked_to_nobody_after_an_erase(desk: Desk) -> None:
    await desk.store.block_in(GUILD, UserId(BOB), None, "noise", actor="shell", at=NOON)
    await desk.store.link(BOB, USER, at=NOON)
    await desk.store.erase(USER, actor=ANN, at=NOON)
    for who in (ANN, BOB):
        person = await desk.store.person(who, name="", at=NOON)
        assert (person.user, person.identities) == (who, (who,))
    assert await desk.store.blocked_in(GUILD, UserId(BOB), NOON) == (None, "noise")
    assert await desk.store.blocked_in(GUILD, USER, NOON) is None


async def test_what_was_on_its_way_at_an_erase_leaves_no_address_behind(desk: Desk) -> None:
    job = await desk.one(ANN)
    request = RequestId(job.partition("-")[0])
    await desk.finish(job)
    (claimed,) = await desk.store.claim_deliveries("test", NOON, 5)
    await desk.store.erase(USER, actor=ANN, at=NOON)
    # Whoever brings it has heard nothing of that.
    await desk.store.set_reply(request, "a channel of hers")
    await desk.store.delivered(claimed.request, "sent", NOON, sent="a message of hers")
    assert "hers" not in str(rows(desk.store.path, "SELECT reply, options FROM requests"))
    assert "hers" not in str(rows(desk.store.path, "SELECT sent FROM deliveries"))
    await desk.store.deliver_later(request, NOON, "again")
    assert await desk.store.claim_deliveries("test", NOON + 1, 5) == ()


@pytest.mark.parametrize("half", ["\ud83d", "a\0b", "%", "x" * 100_000])
async def test_what_somebody_types_as_an_id_is_nothing_that_there_is(desk: Desk, half: str) -> None:
    assert await desk.store.job(JobId(half)) is None
    assert await desk.store.request(RequestId(half)) is None
    assert await desk.store.jobs_of(RequestId(half)) == ()
    assert await desk.store.find_people(half) == ()
    with pytest.raises(NotFound):
        await desk.store.forget(RequestId(half), NOON)


# An erase gives no fresh quota


@pytest.mark.parametrize("window", Window)
async def test_what_was_used_counts_after_an_erase(desk: Desk, window: Window) -> None:
    rules = replace(RULES, allowance=Allowance(20.0, 3), window=window)
    await desk.finish(await desk.one(ANN, rules=rules), seconds=15.0)
    for _ in range(2):
        await desk.store.erase(USER, actor=ANN, at=NOON + 1)
        with pytest.raises(QuotaUsedUp):
            await desk.accept(ANN, rules=rules, at=NOON + 2)
        await desk.store.person(ANN, name="", at=NOON + 2)
        use = (await desk.store.standing(USER, rules, NOON + 2)).use
        assert (use.settled, use.jobs) == (15.0, 1)
        # But nothing leads from one to the other that a person could read.
        assert await desk.store.requests_of(USER) == ()
        assert (await desk.store.export(USER))["ledger"] == []
    assert ANN not in str(rows(desk.store.path, "SELECT * FROM erased_use"))
    # Nor from one nameless identity to another.
    await desk.store.erase(USER, actor=ANN, at=NOON + 1)
    assert rows(desk.store.path, "SELECT DISTINCT now FROM erased_use") == [(None,)]
    await desk.accept(BOB, rules=rules, at=NOON + 2)
    await desk.accept(ANN, rules=rules, at=NOON + DAY + 2)


async def test_after_a_day_nothing_tells_who_was_erased(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(10.0))
    await desk.finish(await desk.one(ANN), seconds=8.0)
    await desk.finish(await desk.one(BOB, rules=rules), seconds=15.0)
    for who in (ANN, BOB):
        await desk.store.erase(UserId(who), actor=who, at=NOON)

    async def remembered(at: int) -> list[tuple[int]]:
        async with open_store(desk.store.path, clock=Clock(at)) as store:
            await store.expire(0, 1)
        return rows(desk.store.path, "SELECT before FROM erased_use ORDER BY before")

    assert await remembered(NOON + 25 * HOUR) == [(1,), (2,)]
    # A debt of five seconds is owed for the whole of the next day, wherever that ends last.
    assert await remembered(NOON + 27 * HOUR) == [(2,)]
    assert await remembered(NOON + 47 * HOUR) == [(2,)]
    assert await remembered(NOON + 48 * HOUR) == []
    assert rows(desk.store.path, "SELECT key FROM state WHERE key = 'erased_use'") == []


async def test_the_debts_of_one_who_was_erased_are_still_owed(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=10.0))
    await desk.finish(await desk.one(ANN, rules=rules), seconds=15.0)
    await desk.store.erase(USER, actor=ANN, at=NOON)
    await desk.store.person(ANN, name="", at=NOON)
    assert (await desk.store.standing(USER, rules, NOON + DAY)).use.carried == 5.0


# One request


async def test_one_request_is_forgotten_and_says_so(desk: Desk) -> None:
    job = await desk.one(ANN, inputs=(file("in"),))
    with pytest.raises(Denied, match="Cancel it first"):
        await desk.store.forget(RequestId(job.partition("-")[0]), NOON)
    await desk.finish(job, name="a")
    other = await desk.one(ANN, inputs=(file("in"),))
    request = RequestId(job.partition("-")[0])
    (record,) = [each for each in await desk.store.requests_of(USER) if each.id == request]
    assert record.gone is None
    # The input is another request's as well.
    assert await desk.store.forget(request, NOON) == (file("a"),)
    assert await desk.store.forget(request, NOON) == ()
    found = await desk.store.request(request)
    assert found is not None
    assert (found.gone, found.values, found.inputs) == ("deleted", {}, ())
    assert await desk.store.results(job) == ((), ())
    await desk.store.expire(NOON + DAY, 10)
    assert (await desk.store.request(request)).gone == "deleted"  # type: ignore[union-attr]
    await desk.store.cancel(other, NOON, by=ANN, settle_seconds=None)
    await desk.store.expire(NOON + DAY, 10)
    assert {each.gone for each in await desk.store.requests_of(USER)} == {"deleted", "expired"}
    await desk.store.erase(USER, actor=ANN, at=NOON)
    assert (await desk.store.request(request)).gone == "erased"  # type: ignore[union-attr]
    with pytest.raises(NotFound):
        await desk.store.forget(RequestId("nothing"), NOON)


async def test_what_is_kept_is_counted(desk: Desk) -> None:
    assert await desk.store.belongings(USER) == Belongings(0, 0, 0, 0)
    job = await desk.one(ANN, inputs=(file("in"),))
    await desk.finish(job)
    gone = await desk.one(ANN)
    await desk.finish(gone)
    await desk.finish(await desk.one(BOB))
    await desk.store.forget(RequestId(gone.partition("-")[0]), NOON)
    assert await desk.store.belongings(USER) == Belongings(1, 1, 1, 2 * 1234)


# Updates


async def test_an_update_is_kept_once_and_its_text_until_it_is_done(desk: Desk) -> None:
    store = desk.store
    assert await store.last_update() is None
    assert await store.keep_updates([(8, "a secret prompt"), (7, "b \ud83d")], NOON) == (
        (8, "a secret prompt"),
        (7, "b ?"),
    )
    assert await store.keep_updates([(7, "b"), (9, "c")], NOON) == ((9, "c"),)
    assert await store.waiting_updates(2) == ((7, "b ?"), (8, "a secret prompt"))
    await store.update_done(8, NOON)
    await store.update_done(8, NOON + 1)
    assert await store.waiting_updates(10) == ((7, "b ?"), (9, "c"))
    assert await store.keep_updates([(8, "a secret prompt")], NOON) == ()
    assert await store.last_update() == 9
    with closing(sqlite3.connect(store.path)) as connection:
        assert "secret" not in "\n".join(connection.iterdump())


async def test_an_update_that_is_done_is_remembered_for_as_long_as_it_can_come_again(desk: Desk) -> None:
    await desk.store.keep_updates([(1, "a"), (2, "b")], NOON)
    await desk.store.update_done(1, NOON)
    await desk.store.keep_updates([(3, "c")], NOON + KEPT_MS - 1)
    assert await desk.store.keep_updates([(1, "a")], NOON + KEPT_MS - 1) == ()
    await desk.store.keep_updates([(4, "d")], NOON + KEPT_MS)
    assert [number for (number,) in rows(desk.store.path, "SELECT update_id FROM telegram_updates")] == [
        2,
        3,
        4,
    ]
    # However old: what nobody has handled is never forgotten.
    assert (await desk.store.waiting_updates(1)) == ((2, "b"),)


async def test_numbers_that_begin_anew_after_a_long_silence_are_followed(tmp_path: Path) -> None:
    clock = Clock()
    async with open_store(tmp_path / "fairbrush.db", clock=clock) as store:
        await store.keep_updates([(900, "a")], NOON)
        await store.update_done(900, NOON)
        clock.now += KEPT_MS
        assert await store.last_update() is None
        await store.keep_updates([(5, "b")], clock.now)
        assert await store.last_update() == 5
        await store.keep_updates([(6, "c"), (7, "d")], clock.now)
        assert await store.last_update() == 7
        clock.now += 1
        await store.keep_updates([(2, "e")], clock.now)
        assert await store.last_update() == 2


# The step that brought these


async def test_an_old_database_learns_why_something_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "fairbrush.db"
    dump = Path(__file__).parent / "data" / "store" / "v1.sql"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
        connection.execute("UPDATE requests SET expired_at = 1 WHERE number IN (1, 2)")
        connection.execute("UPDATE requests SET event = 'erased:' || id WHERE number = 2")
        migrate(connection, packaged()[1:2])
        found = connection.execute("SELECT gone FROM request_records ORDER BY number").fetchall()
    assert found == [("expired",), ("erased",), *[(None,)] * (len(found) - 2)]
    assert len(found) > 2
