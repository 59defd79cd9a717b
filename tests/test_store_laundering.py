"""Nobody gets more than their quota, and nobody loses any: whatever they link, part and erase, under whatever
tier they ask, over midnight and changes of the clock.

The model knows nothing of users and keys: what an account used is the account's, for good.
"""

from __future__ import annotations

import itertools
import sqlite3
from dataclasses import dataclass, replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from bot.domain import quota
from bot.domain.errors import Denied
from bot.domain.ids import IdentityId, JobId, PromptId, QuotaDay, ServerName, UserId
from bot.domain.jobs import AttemptState
from bot.domain.quota import Allowance, Cost, Standing, Use, Window
from bot.service.records import AttemptRecord, Rules
from bot.store import acceptance, jobs, ledger, linking, people, retention
from bot.store.migrations import migrate, packaged
from tests.store_support import HOUR, NOON, RULES, Desk, completion, ledger_totals, usage_totals

ACCOUNTS = tuple(map(IdentityId, ("discord:1", "discord:2", "telegram:5", "telegram:6")))
ALLOWANCES = (Allowance(50.0), Allowance(20.0, 3), Allowance(200.0, 5), Allowance(0.0), Allowance())
"""Of the tiers that somebody may be in, here or there."""
BERLIN_SPRING, BERLIN_AUTUMN = 1_774_738_800_000, 1_792_879_200_000
"""An hour and a half before clocks are changed in Europe, in 2026."""
who = st.sampled_from(ACCOUNTS)


@dataclass
class Paid:
    """One job: what was set aside for it, and what it cost in the end; None while it is open. ``back``: given
    back by an operator since."""

    account: IdentityId
    at: int
    day: QuotaDay
    reserved: float
    rules: Rules
    settled: float | None = None
    over: bool = False
    back: bool = False


@dataclass
class Owed:
    account: IdentityId
    day: QuotaDay
    seconds: float
    back: bool = False


@dataclass(frozen=True)
class Given:
    account: IdentityId
    at: int
    day: QuotaDay
    seconds: float


class Quotas(RuleBasedStateMachine):
    jobs = Bundle("jobs")

    @initialize(
        window=st.sampled_from(Window),
        zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12"]),
        start=st.sampled_from([NOON, BERLIN_SPRING, BERLIN_AUTUMN]),
    )
    def begin(self, window: Window, zone: str, start: int) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        migrate(self.connection, packaged())
        self.now = start
        self.rules = replace(RULES, window=window, timezone=zone)
        self.desk = Desk(store=None)  # type: ignore[arg-type]
        self.names = itertools.count()
        self.paid: dict[JobId, Paid] = {}
        self.given: list[Given] = []
        self.carried: list[Owed] = []
        self.people = [{account} for account in ACCOUNTS]
        self.since: dict[IdentityId, int] = {}
        for account in ACCOUNTS:
            self.comes(account)

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()

    def comes(self, account: IdentityId) -> None:
        people.remember_person(self.connection, account, "", self.now)
        self.since.setdefault(account, next(self.names))

    def group(self, account: IdentityId) -> set[IdentityId]:
        return next(group for group in self.people if account in group)

    def user(self, account: IdentityId) -> UserId:
        return people.user_of(self.connection, account)

    def is_by_day(self) -> bool:
        return self.rules.window is Window.DAY

    def day(self) -> QuotaDay:
        return quota.quota_day(self.now, self.rules.timezone)

    def oldest(self, account: IdentityId) -> IdentityId:
        """Which account of a person what is given to the person goes to."""
        return min(self.group(account), key=lambda each: self.since[each])

    # The model of what counts

    def use(self, account: IdentityId, day: QuotaDay, now: int, rules: Rules) -> Use:
        group = self.group(account)
        since = quota.rolling_since(now)
        if rules.window is Window.DAY:
            paid = [each for each in self.paid.values() if each.account in group and each.day == day]
            given = [each for each in self.given if each.account in group and each.day == day]
        else:
            paid = [each for each in self.paid.values() if each.account in group and each.at > since]
            given = [each for each in self.given if each.account in group and each.at > since]
        owed = [each for each in self.carried if each.account in group and each.day == day]
        back = sum(each.settled or 0.0 for each in paid if each.back)
        return Use(
            settled=sum(each.settled or 0.0 for each in paid),
            reserved=sum(each.reserved for each in paid if not each.over),
            granted=sum(each.seconds for each in given) + back + sum(e.seconds for e in owed if e.back),
            carried=sum(each.seconds for each in owed),
            jobs=sum(not each.over or each.settled is not None for each in paid),
        )

    def settles(self, paid: Paid, measured: float) -> None:
        paid.over, paid.settled = True, measured
        limit = paid.rules.allowance.gpu_seconds
        if limit is None or measured <= paid.reserved:
            return
        after = Standing(paid.rules.allowance, self.use(paid.account, paid.day, self.now, paid.rules), 0)
        over = quota.overshoot(after, measured, paid.reserved)
        first = quota.carry_from(paid.day, self.day())
        group = self.group(paid.account)
        owed: dict[QuotaDay, float] = {}
        for each in self.carried:
            if each.account in group and each.day >= first:
                owed[each.day] = owed.get(each.day, 0.0) + each.seconds
        self.carried += [Owed(paid.account, *part) for part in quota.carry(over, limit, first, carried=owed)]

    # What people do

    @rule(hours=st.sampled_from((0.25, 1, 2, 5, 11, 23, 24, 25, 30)), expire=st.booleans())
    def time_passes(self, hours: float, expire: bool) -> None:
        self.now += int(hours * HOUR)
        if expire:
            retention.expire(self.connection, self.now - 2 * HOUR, 100, self.now)

    @rule(
        target=jobs,
        account=who,
        count=st.integers(1, 3),
        reserve=st.integers(0, 30),
        allowance=st.sampled_from(ALLOWANCES),
    )
    def asks(self, account: IdentityId, count: int, reserve: int, allowance: Allowance) -> object:
        rules = replace(self.rules, allowance=allowance)
        use = self.use(account, self.day(), self.now, rules)
        shortage = quota.admit(Standing(allowance, use, 0), Cost(float(reserve * count), count))
        draft = self.desk.draft(account, jobs=count, seconds=float(reserve), at=self.now, rules=rules)
        try:
            accepted = acceptance.accept(self.connection, draft)
        except Denied:
            assert shortage is not None
            return multiple()
        assert shortage is None, shortage
        for job in accepted.jobs:
            self.paid[job.id] = Paid(account, self.now, self.day(), float(reserve), rules)
        return multiple(*(job.id for job in accepted.jobs))

    @rule(job=jobs, measured=st.integers(0, 90), cancelled=st.booleans())
    def is_painted(self, job: JobId, measured: int, cancelled: bool) -> None:
        paid = self.paid[job]
        if paid.over:
            return
        prompt = PromptId(f"p{next(self.names)}")
        record = AttemptRecord(prompt, job, ServerName("local"), "client", AttemptState.OPEN, self.now)
        assert jobs.stage(self.connection, record)
        if cancelled:
            closed = jobs.cancel(self.connection, job, self.now, paid.account, float(measured), 0.0)
        else:
            closed = jobs.complete(self.connection, prompt, completion(prompt, float(measured)), self.now)
        assert closed is not None
        self.settles(paid, float(measured))

    @rule(job=jobs)
    def is_taken_back(self, job: JobId) -> None:
        paid = self.paid[job]
        if not paid.over:
            jobs.cancel(self.connection, job, self.now, paid.account, None, 0.0)
            paid.over = True

    @rule(account=who, seconds=st.integers(-40, 40))
    def is_given(self, account: IdentityId, seconds: int) -> None:
        ledger.grant(self.connection, self.user(account), float(seconds), self.day(), "shell", "", self.now)
        self.given.append(Given(self.oldest(account), self.now, self.day(), float(seconds)))

    @rule(account=who)
    def begins_anew(self, account: IdentityId) -> None:
        """What was used counts no longer, and nothing else is given: not twice, not for longer than it would
        have counted, and to the account that used it."""
        group, day, since = self.group(account), self.day(), quota.rolling_since(self.now)
        used: list[Paid | Owed] = [
            each
            for each in self.paid.values()
            if each.account in group and (each.day == day if self.is_by_day() else each.at > since)
        ]
        used += [each for each in self.carried if each.account in group and each.day == day]
        wanted = 0.0
        for each in used:
            if not each.back and (isinstance(each, Owed) or each.settled is not None):
                wanted += each.seconds if isinstance(each, Owed) else each.settled or 0.0
                each.back = True
        given = ledger.reset(
            self.connection, self.user(account), day, self.rules.window, "shell", "", self.now
        )
        assert abs(given - wanted) < 1e-3

    @rule(account=who, other=who)
    def links(self, account: IdentityId, other: IdentityId) -> None:
        linking.make_link_code(self.connection, other, f"of {other}", self.now + 1, self.now)
        linking.use_link_code(self.connection, f"of {other}", account, self.now)
        mine, theirs = self.group(account), self.group(other)
        if mine is not theirs:
            self.people.remove(mine)
            theirs |= mine

    @rule(account=who)
    def unlinks(self, account: IdentityId) -> None:
        linking.unlink(self.connection, account, self.now)
        group = self.group(account)
        if len(group) > 1:
            group.remove(account)
            self.people.append({account})

    @rule(account=who)
    def erases(self, account: IdentityId) -> None:
        group = self.group(account)
        try:
            retention.erase(self.connection, self.user(account), account, self.now)
        except Denied:
            assert any(not each.over and each.account in group for each in self.paid.values())
            return
        self.people.remove(group)
        self.people += [{each} for each in group]
        for each in sorted(group):
            del self.since[each]
            self.comes(each)

    @invariant()
    def each_stands_as_the_model_says(self) -> None:
        if not hasattr(self, "connection"):
            return
        for account in ACCOUNTS:
            use = self.use(account, self.day(), self.now, self.rules)
            found = ledger.standing(self.connection, self.user(account), self.rules, self.now).use
            assert found.jobs == use.jobs
            for name in ("settled", "reserved", "granted", "carried"):
                assert abs(getattr(found, name) - getattr(use, name)) < 1e-3, (account, name, found, use)
        assert usage_totals(self.connection) == ledger_totals(self.connection)


Quotas.TestCase.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
TestQuotas = Quotas.TestCase
