"""People as the store knows them, and what reaches them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import NotFound, ServerUnreachable
from bot.domain.ids import IdentityId, QuotaDay, RequestId, TierName, UserId
from bot.domain.jobs import DeliveryState
from bot.domain.quota import Allowance
from bot.domain.text import Text
from bot.service.records import AuditEntry, Completion, Person
from tests.store_support import HOUR, NOON, Desk, link, opened, rows

ANN, BOB = IdentityId("discord:1"), IdentityId("discord:2")
USER = UserId("discord:1")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


async def test_a_person_is_made_when_first_seen_and_the_last_name_is_remembered(desk: Desk) -> None:
    assert await desk.store.person(ANN, name="Ann", at=NOON) == Person(USER, (ANN,), ("Ann",))
    assert await desk.store.person(ANN, name="Anna", at=NOON + 1) == Person(USER, (ANN,), ("Anna",))
    assert (await desk.store.person(ANN, name="", at=NOON + 2)).names == ("Anna",)
    assert await desk.store.find_people("anNA") == (Person(USER, (ANN,), ("Anna",)),)
    assert await desk.store.find_people("Ann") == ()


async def test_one_who_was_here_before_costs_no_write(desk: Desk) -> None:
    await desk.store.person(ANN, name="Ann", at=NOON)
    seen = rows(desk.store.path, "SELECT seen_at FROM names")
    await desk.store.person(ANN, name="Ann", at=NOON + HOUR)
    await desk.store.person(ANN, name="", at=NOON + HOUR)
    assert rows(desk.store.path, "SELECT seen_at FROM names") == seen


async def test_people_are_found_by_identity_user_and_name(desk: Desk) -> None:
    await desk.store.person(ANN, name="STRASSE", at=NOON)
    await desk.store.person(BOB, name="straße", at=NOON)
    found = await desk.store.find_people("Straße")
    assert [person.user for person in found] == [ANN, BOB]
    assert [person.user for person in await desk.store.find_people("discord:2")] == [BOB]
    assert await desk.store.find_people("%") == ()


async def test_what_operators_decide_is_kept_and_written_down(desk: Desk) -> None:
    await desk.store.person(ANN, name="Ann", at=NOON)
    await desk.store.set_tier(USER, TierName("patron"), actor="shell", at=NOON)
    await desk.store.set_allowance(USER, Allowance(120.5, None), actor="shell", at=NOON)
    await desk.store.block(USER, until=NOON + 5, reason="noise", actor="discord:9", at=NOON)
    (person,) = await desk.store.find_people(USER)
    assert (person.tier, person.allowance) == ("patron", Allowance(120.5, None))
    assert (person.blocked_until, person.blocked_reason) == (NOON + 5, "noise")
    await desk.store.set_tier(USER, None, actor="shell", at=NOON)
    await desk.store.set_allowance(USER, None, actor="shell", at=NOON)
    await desk.store.unblock(USER, actor="shell", at=NOON)
    assert await desk.store.find_people(USER) == (Person(USER, (ANN,), ("Ann",)),)
    log = await desk.store.audit_log()
    assert [(entry.action, entry.actor) for entry in reversed(log)] == [
        ("tier", "shell"),
        ("allowance", "shell"),
        ("block", "discord:9"),
        ("tier", "shell"),
        ("allowance", "shell"),
        ("unblock", "shell"),
    ]
    assert {entry.subject for entry in log} == {USER}


@pytest.mark.parametrize(
    "allowance", [Allowance(float("inf"), 10**30), Allowance(0.0, 0), Allowance(None, None)]
)
async def test_allowances_of_any_size_come_back(desk: Desk, allowance: Allowance) -> None:
    await desk.store.person(ANN, name="", at=NOON)
    await desk.store.set_allowance(USER, allowance, actor="shell", at=NOON)
    (person,) = await desk.store.find_people(USER)
    unlimited = allowance.gpu_seconds == float("inf")
    assert person.allowance == (Allowance(None, allowance.jobs) if unlimited else allowance)


async def test_nobody_can_be_decided_about(desk: Desk) -> None:
    nobody = UserId("discord:404")
    for change in (
        desk.store.set_tier(nobody, None, actor="shell", at=NOON),
        desk.store.set_allowance(nobody, None, actor="shell", at=NOON),
        desk.store.block(nobody, until=1, reason="", actor="shell", at=NOON),
        desk.store.unblock(nobody, actor="shell", at=NOON),
        desk.store.erase(nobody, actor="shell", at=NOON),
        desk.store.export(nobody),
    ):
        with pytest.raises(NotFound):
            await change
    assert await desk.store.audit_log() == ()


async def test_the_audit_log_tells_the_newest_first(desk: Desk) -> None:
    entries = [AuditEntry(NOON - number, "shell", f"act {number}", "queue") for number in range(5)]
    for entry in entries:
        await desk.store.audit(entry)
    assert await desk.store.audit_log(3) == tuple(reversed(entries[2:]))


async def test_halves_of_characters_hurt_nobody(desk: Desk) -> None:
    half = "a \ud83d b"
    assert (await desk.store.person(ANN, name=half, at=NOON)).names == ("a ? b",)
    seen = rows(desk.store.path, "SELECT seen_at FROM names")
    await desk.store.person(ANN, name=half, at=NOON + 1)
    assert rows(desk.store.path, "SELECT seen_at FROM names") == seen
    assert len(await desk.store.find_people(half)) == 1
    await desk.store.grant(USER, 1.0, QuotaDay("2026-11-18"), actor="shell", reason=half, at=NOON)
    accepted = await desk.accept(values={"prompt_text": half}, options={"note": half})
    assert accepted.request.values == {"prompt_text": half}
    job = accepted.jobs[0].id
    await desk.store.complete(await desk.run(job), Completion((), (half,), 1.0), NOON)
    assert (await desk.store.results(job))[1] == ("a ? b",)
    error = ServerUnreachable(Text("{half}", half=half))
    closed = await desk.store.fail(await desk.one(), error, NOON, reason="x")
    assert closed is not None
    assert closed.job.error_text == "a ? b"


# Requests and their deliveries


async def test_the_newest_requests_first_over_all_identities(desk: Desk) -> None:
    made = [(await desk.accept(who, at=NOON)).request.id for who in (ANN, "telegram:5", ANN, BOB, ANN)]
    await desk.store.cancel((await desk.store.jobs_of(made[2]))[0].id, NOON, by=ANN, settle_seconds=None)
    link(desk.store.path, "telegram:5", USER)
    assert [one.id for one in await desk.store.requests_of(USER)] == [made[4], made[2], made[1], made[0]]
    assert [one.id for one in await desk.store.requests_of(USER, limit=2)] == [made[4], made[2]]
    opened_only = await desk.store.requests_of(USER, open_only=True)
    assert [one.id for one in opened_only] == [made[4], made[1], made[0]]
    assert await desk.store.requests_of(UserId("nobody")) == ()


async def _over(desk: Desk, at: int = NOON, **changes: object) -> RequestId:
    accepted = await desk.accept(**changes)  # type: ignore[arg-type]
    await desk.store.cancel(accepted.jobs[0].id, at, by="x", settle_seconds=None)
    return accepted.request.id


async def test_a_delivery_is_claimed_once(desk: Desk) -> None:
    late, early = await _over(desk, NOON + 9), await _over(desk, NOON + 3)
    assert await desk.store.claim_deliveries("elsewhere", NOON + HOUR, 10) == ()
    assert await desk.store.claim_deliveries("test", NOON + 2, 10) == ()
    first, second = await desk.store.claim_deliveries("test", NOON + HOUR, 10)
    assert [first.request, second.request] == [early, late]
    assert (first.state, first.tries, first.reply) == (DeliveryState.CLAIMED, 1, "message:1")
    assert await desk.store.claim_deliveries("test", NOON + HOUR, 10) == ()
    await desk.store.delivered(early, "sent", NOON + HOUR, sent="message 7")
    await desk.store.deliver_later(late, NOON + 2 * HOUR, "rate limit")
    assert await desk.store.claim_deliveries("test", NOON + HOUR, 10) == ()
    (again,) = await desk.store.claim_deliveries("test", NOON + 2 * HOUR, 10)
    assert (again.request, again.tries) == (late, 2)


async def test_claims_of_a_dead_process_are_given_back(desk: Desk) -> None:
    request = await _over(desk)
    await desk.store.claim_deliveries("test", NOON, 10)
    assert await desk.store.release_claims() == 1
    assert await desk.store.release_claims() == 0
    (again,) = await desk.store.claim_deliveries("test", NOON, 10)
    assert again.request == request


async def test_what_is_sent_stays_sent(desk: Desk) -> None:
    request = await _over(desk)
    await desk.store.claim_deliveries("test", NOON, 10)
    await desk.store.delivered(request, "unknown", NOON)
    await desk.store.deliver_later(request, NOON, "again")
    assert await desk.store.claim_deliveries("test", NOON, 10) == ()
    assert rows(desk.store.path, "SELECT state FROM deliveries") == [("unknown",)]


@pytest.mark.parametrize("when", ["at first", "before the end", "after the end"])
async def test_with_nobody_waiting_a_result_is_kept(desk: Desk, when: str) -> None:
    accepted = await desk.accept(reply=None if when == "at first" else "message:1")
    if when == "before the end":
        await desk.store.set_reply(accepted.request.id, None)
    await desk.store.cancel(accepted.jobs[0].id, NOON, by="x", settle_seconds=None)
    if when == "after the end":
        await desk.store.set_reply(accepted.request.id, None)
    assert await desk.store.claim_deliveries("test", NOON, 10) == ()
    assert rows(desk.store.path, "SELECT state FROM deliveries") == [("kept",)]


async def test_a_reply_that_comes_later_is_used(desk: Desk) -> None:
    accepted = await desk.accept(reply=None)
    await desk.store.set_reply(accepted.request.id, "message:new")
    await desk.store.cancel(accepted.jobs[0].id, NOON, by="x", settle_seconds=None)
    (delivery,) = await desk.store.claim_deliveries("test", NOON, 10)
    assert delivery.reply == "message:new"
