"""What is accepted, and what is refused with which words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.errors import Blocked, Denied, NotFound, QueueIsFull, QuotaUsedUp, TooManyWaiting
from bot.domain.ids import IdentityId, JobId, QuotaDay, UserId
from bot.domain.jobs import JobState
from bot.domain.quota import Allowance, Window, quota_day
from bot.service.records import EntryKind
from tests.store_support import (
    DAY,
    HOUR,
    NOON,
    RULES,
    Desk,
    assert_balanced,
    completion,
    file,
    link,
    opened,
    rows,
)

ME, OTHER = UserId("discord:1"), UserId("discord:2")
TODAY = QuotaDay("2026-11-18")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk
    assert_balanced(tmp_path / "fairbrush.db")


def everything(desk: Desk) -> list[tuple[int, ...]]:
    tables = ("requests", "jobs", "ledger", "deliveries", "job_states", "usage_days")
    return [rows(desk.store.path, f"SELECT count(*) FROM {table}")[0] for table in tables]


async def test_the_same_event_makes_one_request(desk: Desk) -> None:
    draft = desk.draft(event="discord:99")
    again = desk.draft(event="discord:99")
    first, second = await asyncio.gather(desk.store.accept(draft), desk.store.accept(again))
    assert (first.fresh, second.fresh) == (True, False)
    assert second.request == first.request
    assert second.jobs == first.jobs
    third = await desk.store.accept(again)
    assert (third.fresh, third.jobs) == (False, first.jobs)
    assert third.standing.use.jobs == 1


async def test_a_hundred_at_once_never_pass_the_limit(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=100.0))
    drafts = [desk.draft(jobs=1 + number % 3, seconds=2.3, rules=rules) for number in range(100)]
    answers = await asyncio.gather(*map(desk.store.accept, drafts), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, QuotaUsedUp)]
    accepted = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(refused) + len(accepted) == 100
    standing = await desk.store.standing(ME, rules, NOON)
    assert standing.use.reserved == pytest.approx(2.3 * sum(len(one.jobs) for one in accepted))
    # Admission left no room that would have been enough for one more.
    assert 100.0 - 2.3 < standing.use.reserved <= 100.0
    assert "of your 100 a day are left" in str(refused[0])


async def test_a_hundred_at_once_never_pass_the_number_of_jobs(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(jobs=7))
    drafts = [desk.draft(rules=rules) for _ in range(100)]
    answers = await asyncio.gather(*map(desk.store.accept, drafts), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 7


async def test_what_is_asked_for_at_once_is_taken_as_a_whole_or_not_at_all(desk: Desk) -> None:
    rules = replace(RULES, user_waiting=5, allowance=Allowance(gpu_seconds=70.0))
    await desk.accept(rules=rules)
    before = everything(desk)
    for drafts, said in (
        (
            [desk.draft(rules=rules) for _ in range(5)],
            "You have one picture waiting or running and may have 5; these would be 5 more",
        ),
        (
            [desk.draft(rules=rules) for _ in range(9)],
            "9 pictures at once are too many: you may have 5 waiting",
        ),
        ([desk.draft(rules=rules, seconds=21.0) for _ in range(3)], "63"),
    ):
        with pytest.raises(Denied, match=said):
            await desk.store.accept_together(drafts)
        assert everything(desk) == before
    drafts = [desk.draft(rules=rules) for _ in range(4)]
    first = await desk.store.accept_together(drafts)
    assert [one.request.id for one in first] == [draft.request.id for draft in drafts]
    assert all(one.fresh for one in first)
    # The same again is the same requests, though there is room for no more.
    again = await desk.store.accept_together(
        [replace(draft, rules=replace(rules, user_waiting=1)) for draft in drafts]
    )
    assert [one.jobs for one in again] == [one.jobs for one in first]
    assert not any(one.fresh for one in again)


async def test_a_refusal_writes_nothing(desk: Desk) -> None:
    await desk.accept(jobs=2)
    before = everything(desk)
    for rules in (
        replace(RULES, allowance=Allowance(gpu_seconds=25.0)),
        replace(RULES, user_waiting=3),
        replace(RULES, all_waiting=3),
    ):
        with pytest.raises(Denied):
            await desk.accept(jobs=2, rules=rules)
    assert everything(desk) == before


async def test_too_many_of_ones_own(desk: Desk) -> None:
    rules = replace(RULES, user_waiting=3)
    await desk.accept(jobs=2, rules=rules)
    await desk.accept("discord:2", jobs=3, rules=rules)
    with pytest.raises(TooManyWaiting) as refusal:
        await desk.accept(jobs=2, rules=rules)
    assert str(refusal.value) == (
        "You have 2 pictures waiting or running and may have 3; these would be 2 more. Wait for one to "
        "finish, or cancel one of them."
    )
    with pytest.raises(TooManyWaiting, match="4 pictures at once are too many: you may have 3 waiting"):
        await desk.accept("discord:3", jobs=4, rules=rules)
    await desk.accept(rules=rules)


async def test_what_runs_counts_as_waiting_and_what_is_over_does_not(desk: Desk) -> None:
    rules = replace(RULES, user_waiting=1)
    job = await desk.one(rules=rules)
    prompt = await desk.run(job)
    with pytest.raises(TooManyWaiting):
        await desk.accept(rules=rules)
    await desk.store.complete(prompt, completion("a"), NOON)
    await desk.accept(rules=rules)


async def test_the_queue_is_full(desk: Desk) -> None:
    rules = replace(RULES, all_waiting=5)
    await desk.accept(jobs=4, rules=rules)
    with pytest.raises(QueueIsFull, match="4 of at most 5 jobs wait or run, and these would be 2 more"):
        await desk.accept("discord:2", jobs=2, rules=rules)
    await desk.accept("discord:2", rules=rules)


async def test_a_blocked_one_is_told_until_when_and_why(desk: Desk) -> None:
    await desk.store.person(IdentityId(ME), name="Ann", at=NOON)
    berlin = replace(RULES, timezone="Europe/Berlin")
    await desk.store.block(ME, until=NOON + HOUR, reason="spam.", actor="shell", at=NOON)
    with pytest.raises(Blocked) as refusal:
        await desk.accept(rules=berlin)
    assert str(refusal.value) == (
        "An operator has blocked you until 2026-11-18 14:00 Europe/Berlin: spam. Ask an operator if you "
        "think that this is a mistake."
    )
    await desk.accept(at=NOON + HOUR)
    await desk.store.block(ME, until=10**18, reason="", actor="shell", at=NOON)
    with pytest.raises(Blocked, match=r"has blocked you for good\. Ask"):
        await desk.accept()
    await desk.store.unblock(ME, actor="shell", at=NOON)
    await desk.accept()
    assert [entry.action for entry in await desk.store.audit_log()] == ["unblock", "block", "block"]


async def test_use_of_all_identities_counts(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=30.0), user_waiting=5)
    await desk.accept("discord:1", jobs=1, rules=rules)
    await desk.accept("telegram:5", jobs=1, rules=rules)
    link(desk.store.path, "telegram:5", "discord:1")
    assert (await desk.store.standing(ME, rules, NOON)).use.reserved == 20.0
    with pytest.raises(QuotaUsedUp):
        await desk.accept("telegram:5", jobs=2, rules=rules)
    assert (await desk.accept("telegram:5", rules=rules)).request.user == "discord:1"
    # Parted again, each takes along what was its own.
    link(desk.store.path, "telegram:5", "telegram:5")
    assert (await desk.store.standing(ME, rules, NOON)).use.reserved == 10.0
    assert (await desk.store.standing(UserId("telegram:5"), rules, NOON)).use.reserved == 20.0


# Days


async def test_a_new_day_gives_a_new_allowance_and_closes_belong_to_the_day_of_the_reserve(
    desk: Desk,
) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=10.0), timezone="Pacific/Auckland")
    job = await desk.one(rules=rules)
    with pytest.raises(QuotaUsedUp):
        await desk.accept(rules=rules)
    await desk.finish(job, seconds=9.0, at=NOON + DAY)
    assert (await desk.store.standing(ME, rules, NOON)).use.settled == 9.0
    tomorrow = await desk.store.standing(ME, rules, NOON + DAY)
    assert (tomorrow.use.settled, tomorrow.use.reserved, tomorrow.use.jobs) == (0.0, 0.0, 0)
    assert {entry.quota_day for entry in await desk.store.ledger()} == {"2026-11-19"}


async def test_the_window_of_24_hours_counts_by_the_reserve(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=20.0), window=Window.ROLLING)
    first = await desk.one(rules=rules, at=NOON)
    await desk.one(rules=rules, at=NOON + 10 * HOUR)
    with pytest.raises(QuotaUsedUp, match="in 24 hours"):
        await desk.accept(rules=rules, at=NOON + 14 * HOUR)
    await desk.finish(first, seconds=6.0, at=NOON + 15 * HOUR)
    standing = await desk.store.standing(ME, rules, NOON + 16 * HOUR)
    assert (standing.use.settled, standing.use.reserved, standing.use.jobs) == (6.0, 10.0, 2)
    assert standing.resets_at == NOON + DAY
    later = await desk.store.standing(ME, rules, NOON + DAY)
    assert (later.use.settled, later.use.reserved, later.use.jobs) == (0.0, 10.0, 1)
    assert later.resets_at == NOON + 34 * HOUR
    await desk.accept(rules=rules, at=NOON + DAY)


async def test_released_use_leaves_the_window_at_once(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=10.0, jobs=1), window=Window.ROLLING)
    job = await desk.one(rules=rules)
    await desk.store.cancel(job, NOON, by=ME, settle_seconds=None)
    standing = await desk.store.standing(ME, rules, NOON + 5)
    assert (standing.use.jobs, standing.use.reserved, standing.resets_at) == (0, 0.0, NOON + 5)
    await desk.accept(rules=rules, at=NOON + 5)


async def test_overshoot_is_owed_by_the_days_to_come(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=20.0))
    job = await desk.one(rules=rules)
    await desk.finish(job, seconds=65.0)
    carried = [
        (e.quota_day, e.seconds, e.job) for e in await desk.store.ledger() if e.kind is EntryKind.CARRY
    ]
    assert sorted(carried) == [
        ("2026-11-19", 20.0, job),
        ("2026-11-20", 20.0, job),
        ("2026-11-21", 5.0, job),
    ]
    with pytest.raises(QuotaUsedUp):
        await desk.accept(rules=rules, at=NOON + 2 * DAY)
    await desk.accept(rules=rules, at=NOON + 3 * DAY)


async def test_two_debts_do_not_lie_on_the_same_day(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=20.0))
    first, second = (job.id for job in (await desk.accept(jobs=2, rules=rules)).jobs)
    await desk.finish(first, seconds=25.0)
    await desk.finish(second, seconds=25.0)
    days = [(e.quota_day, e.seconds) for e in await desk.store.ledger() if e.kind is EntryKind.CARRY]
    assert sorted(days) == [("2026-11-19", 5.0), ("2026-11-19", 15.0), ("2026-11-20", 10.0)]


async def test_grants_and_resets_give_room(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=10.0))
    await desk.finish(await desk.one(rules=rules), seconds=10.0)
    with pytest.raises(QuotaUsedUp):
        await desk.accept(rules=rules)
    await desk.store.grant(ME, 4.5, TODAY, actor="discord:9", reason="a present", at=NOON)
    assert (await desk.store.standing(ME, rules, NOON)).use.granted == 4.5
    await desk.accept(seconds=4.5, rules=rules)
    assert await desk.store.reset(ME, TODAY, Window.DAY, actor="shell", reason="", at=NOON) == 10.0
    assert await desk.store.reset(ME, TODAY, Window.DAY, actor="shell", reason="", at=NOON) == 0.0
    await desk.store.grant(ME, -1.0, TODAY, actor="shell", reason="too much", at=NOON)
    newest = (await desk.store.ledger(ME, limit=1))[0]
    assert (newest.kind, newest.seconds, newest.actor) == (EntryKind.GRANT, -1.0, "shell")
    assert [entry.action for entry in await desk.store.audit_log()] == ["grant", "reset", "reset", "grant"]


async def test_in_a_rolling_window_grants_last_as_long_as_use(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(gpu_seconds=10.0), window=Window.ROLLING)
    late = NOON + 11 * HOUR + 50 * 60_000  # ten minutes before the calendar's day ends
    await desk.finish(await desk.one(rules=rules, at=late), seconds=10.0, at=late)
    assert await desk.store.reset(ME, TODAY, Window.ROLLING, actor="shell", reason="", at=late) == 10.0
    after_midnight = late + HOUR
    standing = await desk.store.standing(ME, rules, after_midnight)
    assert (standing.use.settled, standing.use.granted) == (10.0, 10.0)
    await desk.accept(rules=rules, at=after_midnight)
    tomorrow = quota_day(after_midnight, "UTC")
    assert (
        await desk.store.reset(ME, tomorrow, Window.ROLLING, actor="shell", reason="", at=after_midnight)
        == 0.0
    )
    gone = await desk.store.standing(ME, rules, late + DAY)
    assert (gone.use.settled, gone.use.granted) == (0.0, 0.0)


async def test_a_grant_for_nobody_is_refused(desk: Desk) -> None:
    for change in (
        desk.store.grant(UserId("x:1"), 1.0, TODAY, actor="shell", reason="", at=NOON),
        desk.store.reset(UserId("x:1"), TODAY, Window.DAY, actor="shell", reason="", at=NOON),
    ):
        with pytest.raises(NotFound, match="no user x:1"):
            await change
    assert await desk.store.audit_log() == ()


# Repeats


async def test_a_repeat_is_born_done_and_free(desk: Desk) -> None:
    source = await desk.one(fingerprint="same")
    assert await desk.store.find_kept("same", IdentityId(ME)) is None
    await desk.finish(source, name="picture")
    assert await desk.store.find_kept("same", IdentityId(ME)) == source
    nothing_left = replace(RULES, allowance=Allowance(0.0, 0), user_waiting=0, all_waiting=0)
    accepted = await desk.accept(kept_from=source, fingerprint="same", rules=nothing_left)
    (job,) = accepted.jobs
    assert (job.state, job.reserved_seconds, job.measured_seconds) == (JobState.DONE, 0.0, 0.0)
    assert await desk.store.results(job.id) == await desk.store.results(source)
    due = await desk.store.claim_deliveries("test", NOON, 5)
    assert accepted.request.id in {delivery.request for delivery in due}
    assert len(await desk.store.ledger()) == 2
    # The newest of them: it is kept the longest.
    assert await desk.store.find_kept("same", IdentityId(ME)) == job.id


async def test_a_request_of_repeats_and_new_jobs(desk: Desk) -> None:
    source = await desk.one(fingerprint="same")
    await desk.finish(source)
    draft = desk.draft(jobs=2)
    draft = replace(draft, jobs=(replace(draft.jobs[0], kept_from=source), draft.jobs[1]))
    accepted = await desk.store.accept(draft)
    assert [job.state for job in accepted.jobs] == [JobState.DONE, JobState.QUEUED]
    assert accepted.standing.use.reserved == 10.0
    closed = await desk.store.complete(await desk.run(accepted.jobs[1].id), completion("b"), NOON)
    assert closed is not None
    assert closed.request_over


async def test_private_results_are_repeated_for_oneself_alone(desk: Desk) -> None:
    source = await desk.one(fingerprint="same", private=True)
    await desk.finish(source)
    await desk.store.person(IdentityId(OTHER), name="Bob", at=NOON)
    assert await desk.store.find_kept("same", IdentityId(OTHER)) is None
    assert await desk.store.find_kept("same", IdentityId("new:1")) is None
    with pytest.raises(NotFound):
        await desk.accept(OTHER, kept_from=source)
    await desk.accept("telegram:5")
    link(desk.store.path, "telegram:5", "discord:1")
    assert await desk.store.find_kept("same", IdentityId("telegram:5")) == source


async def test_a_result_that_has_gone_is_not_repeated(desk: Desk) -> None:
    source = await desk.one(fingerprint="same")
    await desk.finish(source)
    await desk.store.expire(NOON + 1, 10)
    assert await desk.store.find_kept("same", IdentityId(ME)) is None
    before = everything(desk)
    with pytest.raises(NotFound, match="just been removed"):
        await desk.accept(kept_from=source)
    with pytest.raises(NotFound):
        await desk.accept(kept_from=JobId("never-1"))
    assert everything(desk) == before


async def test_an_input_is_known_before_and_with_its_request(desk: Desk) -> None:
    await desk.store.add_input(file("sea"), NOON)
    assert await desk.store.known_files() == {"files/sea.png"}
    accepted = await desk.accept(inputs=(file("sea"), file("sky")))
    assert accepted.request.inputs == (file("sea"), file("sky"))
    assert await desk.store.known_files() == {"files/sea.png", "files/sky.png"}
