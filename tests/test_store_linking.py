"""Accounts that become one person and two again: use, quota and virtual time go with them."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.errors import NotFound, QuotaUsedUp
from bot.domain.ids import IdentityId, PromptId, QuotaDay, ServerName, UserId
from bot.domain.jobs import AttemptState, JobState
from bot.domain.linking import CODE_MS, MOST_TRIES, TRIES_MS, LinkOutcome, Regrouped
from bot.domain.quota import Allowance, Window
from bot.service.records import AttemptRecord
from bot.store import acceptance, jobs, ledger, linking, people, retention
from bot.store.migrations import migrate, packaged
from tests.store_support import DAY, NOON, RULES, Desk, completion, ledger_totals, opened, rows

ANN, TED, ZOE = IdentityId("discord:1"), IdentityId("telegram:5"), IdentityId("telegram:6")
USER, OTHER = UserId(ANN), UserId(TED)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        for who in (ANN, TED, ZOE):
            await desk.store.person(who, name="", at=NOON)
        yield desk


async def owner(desk: Desk, identity: IdentityId) -> UserId:
    return (await desk.store.person(identity, name="", at=NOON)).user


async def code(desk: Desk, identity: IdentityId = ANN, value: str = "right", at: int = NOON) -> None:
    await desk.store.make_link_code(identity, value, at + CODE_MS)


# Codes


async def test_a_code_makes_two_accounts_one_person(desk: Desk) -> None:
    await code(desk)
    linked = await desk.store.use_link_code("right", TED, NOON)
    assert linked.outcome is LinkOutcome.LINKED
    assert linked.moved == (Regrouped(TED, OTHER, USER),)
    assert (await desk.store.person(TED, name="", at=NOON)).identities == (ANN, TED)
    # An operator who names either means both.
    for wanted in (ANN, TED):
        assert [person.user for person in await desk.store.find_people(wanted)] == [USER]


async def test_a_code_is_good_once_and_only_while_it_is_the_newest(desk: Desk) -> None:
    await code(desk, value="first")
    await code(desk, value="second")
    assert (await desk.store.use_link_code("first", TED, NOON)).outcome is LinkOutcome.WRONG
    assert (await desk.store.use_link_code("second", TED, NOON)).outcome is LinkOutcome.LINKED
    assert (await desk.store.use_link_code("second", ZOE, NOON)).outcome is LinkOutcome.WRONG
    assert rows(desk.store.path, "SELECT * FROM link_codes") == []


async def test_a_code_is_too_old_after_ten_minutes(desk: Desk) -> None:
    await code(desk)
    assert (await desk.store.use_link_code("right", TED, NOON + CODE_MS)).outcome is LinkOutcome.WRONG
    assert (await desk.store.use_link_code("right", ZOE, NOON + CODE_MS - 1)).outcome is LinkOutcome.LINKED


async def test_after_five_wrong_codes_the_right_one_is_not_taken_either(desk: Desk) -> None:
    await code(desk)
    left = [(await desk.store.use_link_code(f"guess {n}", TED, NOON + n)).tries_left for n in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert MOST_TRIES == 5
    refused = await desk.store.use_link_code("right", TED, NOON + 9)
    assert (refused.outcome, refused.moved, refused.tries_left) == (LinkOutcome.TOO_MANY, (), 0)
    # It is about who enters: nobody can use up the tries of others, or spoil a code for them.
    assert (await desk.store.use_link_code("right", ZOE, NOON + 9)).outcome is LinkOutcome.LINKED
    await code(desk, value="new", at=NOON + TRIES_MS)
    assert (await desk.store.use_link_code("new", TED, NOON + TRIES_MS - 1)).outcome is LinkOutcome.TOO_MANY
    assert (await desk.store.use_link_code("new", TED, NOON + TRIES_MS)).outcome is LinkOutcome.LINKED
    assert [key for (key,) in rows(desk.store.path, "SELECT identity FROM link_tries")] == []


async def test_wrong_codes_are_forgotten_together(desk: Desk) -> None:
    for number in range(4):
        await desk.store.use_link_code("wrong", TED, NOON + number)
    again = await desk.store.use_link_code("wrong", TED, NOON + TRIES_MS)
    assert (again.outcome, again.tries_left) == (LinkOutcome.WRONG, 4)


async def test_ones_own_code_is_no_try_and_stays_good(desk: Desk) -> None:
    await code(desk)
    own = await desk.store.use_link_code("right", ANN, NOON)
    assert (own.outcome, own.tries_left) == (LinkOutcome.ALREADY, MOST_TRIES)
    assert (await desk.store.use_link_code("right", TED, NOON)).outcome is LinkOutcome.LINKED


async def test_a_code_for_nobody_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await code(desk, IdentityId("discord:404"))


@pytest.mark.parametrize("blocked", [USER, OTHER])
async def test_a_block_is_neither_shed_nor_caught_by_linking(desk: Desk, blocked: UserId) -> None:
    await code(desk)
    await desk.store.block(blocked, until=NOON + DAY, reason="spam", actor="shell", at=NOON)
    assert (await desk.store.use_link_code("right", TED, NOON)).outcome is LinkOutcome.BLOCKED
    assert [await owner(desk, ANN), await owner(desk, TED)] == [USER, OTHER]
    await desk.store.unblock(blocked, actor="shell", at=NOON)
    assert (await desk.store.use_link_code("right", TED, NOON)).outcome is LinkOutcome.LINKED


@pytest.mark.parametrize(
    ("decided", "stays"), [((), USER), ((OTHER,), OTHER), ((USER,), USER), ((USER, OTHER), USER)]
)
async def test_what_operators_decided_is_not_lost_by_the_direction(
    desk: Desk, decided: tuple[UserId, ...], stays: UserId
) -> None:
    for user in decided:
        await desk.store.set_allowance(user, Allowance(10.0), actor="shell", at=NOON)
    await code(desk)
    linked = await desk.store.use_link_code("right", TED, NOON)
    assert {each.after for each in linked.moved} == {stays}
    person = await desk.store.person(TED, name="", at=NOON)
    assert person.user == stays
    assert (person.allowance is not None) == bool(decided)


# What goes along


async def test_use_adds_up_and_is_parted_again(desk: Desk) -> None:
    rules = replace(RULES, allowance=Allowance(30.0, None))
    await desk.finish(await desk.one(ANN, rules=rules), seconds=12.0)
    await desk.finish(await desk.one(TED, rules=rules), seconds=15.0)
    await desk.store.link(TED, USER, at=NOON)
    assert (await desk.store.standing(USER, rules, NOON)).use.settled == 27.0
    with pytest.raises(QuotaUsedUp):
        await desk.accept(TED, rules=rules)
    assert len(await desk.store.requests_of(USER)) == 2
    moved = await desk.store.unlink(TED, at=NOON)
    assert moved == (Regrouped(TED, USER, OTHER),)
    assert (await desk.store.standing(USER, rules, NOON)).use.settled == 12.0
    assert (await desk.store.standing(OTHER, rules, NOON)).use.settled == 15.0
    await desk.accept(TED, rules=rules)


async def test_unlinking_the_first_account_is_the_same(desk: Desk) -> None:
    await desk.store.link(TED, USER, at=NOON)
    await desk.store.link(ZOE, USER, at=NOON)
    # A user keeps the identity that it is named after: the others leave together.
    moved = await desk.store.unlink(ANN, at=NOON)
    assert moved == (Regrouped(TED, USER, OTHER), Regrouped(ZOE, USER, OTHER))
    assert [await owner(desk, each) for each in (ANN, TED, ZOE)] == [USER, OTHER, OTHER]
    assert await desk.store.unlink(ANN, at=NOON) == ()
    assert await desk.store.unlink(IdentityId("discord:404"), at=NOON) == ()


async def test_all_that_is_linked_comes_along(desk: Desk) -> None:
    await desk.store.link(ZOE, OTHER, at=NOON)
    moved = await desk.store.link(TED, USER, at=NOON)
    assert {each.identity for each in moved} == {TED, ZOE}
    assert await desk.store.link(ZOE, USER, at=NOON) == ()
    with pytest.raises(NotFound):
        await desk.store.link(ZOE, UserId("telegram:404"), at=NOON)
    with pytest.raises(NotFound):
        # All its accounts are elsewhere.
        await desk.store.link(ANN, OTHER, at=NOON)


async def test_nobody_gets_ahead_by_linking_or_unlinking(desk: Desk) -> None:
    await desk.store.save_flows(5.0, {USER: 6.0, OTHER: 9.0})
    await desk.store.link(TED, USER, at=NOON)
    assert (await desk.store.flows())[1] == {USER: 9.0}
    await desk.store.unlink(TED, at=NOON)
    assert (await desk.store.flows())[1] == {USER: 9.0, OTHER: 9.0}


async def test_a_block_holds_for_both_after_an_unlinking(desk: Desk) -> None:
    await desk.store.link(TED, USER, at=NOON)
    await desk.store.block(USER, until=NOON + DAY, reason="spam", actor="shell", at=NOON)
    await desk.store.unlink(ANN, at=NOON)
    for who in (ANN, TED):
        person = await desk.store.person(who, name="", at=NOON)
        assert (person.blocked_until, person.blocked_reason) == (NOON + DAY, "spam")


async def test_defaults_are_those_of_the_user_and_come_back(desk: Desk) -> None:
    await desk.store.set_default(USER, "size", "512x512")
    await desk.store.set_default(OTHER, "private", "on")
    assert await desk.store.who_set("private", "on") == {TED}
    await desk.store.link(TED, USER, at=NOON)
    person = await desk.store.person(TED, name="", at=NOON)
    assert await desk.store.defaults(person.user) == {"size": "512x512"}
    assert await desk.store.who_set("private", "on") == frozenset()
    assert await desk.store.who_set("size", "512x512") == {ANN, TED}
    await desk.store.unlink(TED, at=NOON)
    assert await desk.store.defaults(OTHER) == {"private": "on"}


async def test_linking_is_written_down_and_goes_with_an_erase(desk: Desk) -> None:
    await desk.store.link(TED, USER, at=NOON)
    await desk.store.unlink(TED, at=NOON)
    log = [(each.actor, each.action, each.subject) for each in await desk.store.audit_log()]
    assert log == [(TED, "unlink", USER), (TED, "link", USER)]
    await desk.store.erase(OTHER, actor=TED, at=NOON)
    assert TED not in str(await desk.store.audit_log())


# Whatever people do, in whatever order

IDENTITIES = (ANN, TED, ZOE, IdentityId("discord:2"))
who = st.sampled_from(IDENTITIES)


class People(RuleBasedStateMachine):
    """The model: who is one person, and under which keys an identity's use is written."""

    @initialize(window=st.sampled_from(Window))
    def begin(self, window: Window) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        migrate(self.connection, packaged())
        self.numbers = itertools.count()
        self.desk = Desk(store=None)  # type: ignore[arg-type]
        self.rules = replace(RULES, window=window)
        self.groups = [{identity} for identity in IDENTITIES]
        self.keys: dict[IdentityId, list[int]] = {}
        for identity in IDENTITIES:
            self.comes(identity)

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()

    def comes(self, identity: IdentityId) -> None:
        people.remember_person(self.connection, identity, "", NOON)
        key = people.key_of(self.connection, identity)
        assert key is not None
        known = self.keys.setdefault(identity, [])
        if key not in known:
            known.append(key)

    def user(self, identity: IdentityId) -> UserId:
        return people.user_of(self.connection, identity)

    def group(self, identity: IdentityId) -> set[IdentityId]:
        return next(group for group in self.groups if identity in group)

    @rule(who=who, reserve=st.integers(1, 20), measured=st.none() | st.integers(0, 30))
    def paints(self, who: IdentityId, reserve: int, measured: int | None) -> None:
        draft = self.desk.draft(who, seconds=float(reserve), rules=self.rules)
        job = acceptance.accept(self.connection, draft).jobs[0].id
        if measured is None:
            jobs.cancel(self.connection, job, NOON, who, None, 0.0)
            return
        prompt = PromptId(f"p{next(self.numbers)}")
        jobs.stage(
            self.connection,
            AttemptRecord(prompt, job, ServerName("local"), "client", AttemptState.OPEN, NOON),
        )
        closed = jobs.complete(self.connection, prompt, completion(prompt, float(measured)), NOON)
        assert closed is not None
        assert closed.job.state is JobState.DONE

    @rule(who=who, seconds=st.integers(-20, 20))
    def is_given(self, who: IdentityId, seconds: int) -> None:
        ledger.grant(
            self.connection, self.user(who), float(seconds), QuotaDay("2026-11-18"), "shell", "", NOON
        )

    @rule(who=who, other=who)
    def links(self, who: IdentityId, other: IdentityId) -> None:
        moved = linking.link(self.connection, who, self.user(other), NOON)
        mine, theirs = self.group(who), self.group(other)
        assert {each.identity for each in moved} == (set() if mine is theirs else mine)
        if mine is not theirs:
            self.groups.remove(mine)
            theirs |= mine

    @rule(who=who, other=who, guess=st.booleans())
    def enters_a_code(self, who: IdentityId, other: IdentityId, guess: bool) -> None:
        linking.make_link_code(self.connection, other, f"code of {other}", NOON + 1, NOON)
        tried = linking.use_link_code(self.connection, "guess" if guess else f"code of {other}", who, NOON)
        if tried.outcome is LinkOutcome.LINKED:
            mine, theirs = self.group(who), self.group(other)
            assert mine is not theirs
            self.groups.remove(mine)
            theirs |= mine
        else:
            assert tried.moved == ()

    @rule(who=who)
    def unlinks(self, who: IdentityId) -> None:
        group = self.group(who)
        moved = linking.unlink(self.connection, who, NOON)
        assert bool(moved) == (len(group) > 1)
        if moved:
            group.remove(who)
            self.groups.append({who})

    @rule(who=who)
    def erases(self, who: IdentityId) -> None:
        retention.erase(self.connection, self.user(who), who, NOON)
        group = self.group(who)
        self.groups.remove(group)
        self.groups += [{identity} for identity in group]
        for identity in group:
            self.comes(identity)

    @precondition(lambda self: hasattr(self, "connection"))
    @invariant()
    def whoever_is_one_person_is_one_user(self) -> None:
        users = [{self.user(identity) for identity in group} for group in self.groups]
        assert all(len(each) == 1 for each in users)
        assert len(set().union(*users)) == len(self.groups)
        for user in set().union(*users):
            # Named after one of its own: so nobody else ever comes to be part of it by coming.
            assert people.user_of(self.connection, IdentityId(user)) == user

    @precondition(lambda self: hasattr(self, "connection"))
    @invariant()
    def each_user_has_the_use_of_its_identities(self) -> None:
        totals = ledger_totals(self.connection)
        for group in self.groups:
            user = self.user(next(iter(group)))
            keys = [key for identity in group for key in self.keys[identity]]
            sums = [totals.get((key, "2026-11-18"), (0,) * 5) for key in keys]
            settled, reserved, granted, carried, count = (sum(column) for column in zip(*sums, strict=True))
            use = ledger.standing(self.connection, user, self.rules, NOON + 1).use
            assert [round(each * 1e6) for each in (use.settled, use.reserved, use.granted, use.carried)] == [
                settled,
                reserved,
                granted,
                carried,
            ]
            assert use.jobs == count

    @precondition(lambda self: hasattr(self, "connection"))
    @invariant()
    def nothing_refers_to_nothing(self) -> None:
        assert self.connection.execute("PRAGMA foreign_key_check").fetchall() == []


People.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestPeople = People.TestCase
