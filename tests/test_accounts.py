"""Users as operators see them: who is meant, by which rules, and what is written down of every change."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.errors import Blocked, NotFound, ParameterError
from bot.domain.ids import IdentityId, TierName, UserId
from bot.domain.quota import Allowance, Window, left_seconds
from bot.domain.tiers import Tier, Tiers
from bot.service.accounts import MOST_REASON, Accounts
from bot.service.operator import Desk, Limit, LimitChange
from bot.service.records import EntryKind
from tests.store_support import DAY, HOUR, NOON, Clock, opened
from tests.store_support import Desk as Drafts

PATRON = Tier(
    TierName("patron"),
    weight=3.0,
    max_waiting=50,
    allowance=Allowance(600.0, 20),
    roles=frozenset({"discord:77"}),
    members=frozenset({IdentityId("telegram:9")}),
)
TIERS = Tiers([Tier(TierName("default"), allowance=Allowance(60.0, None)), PATRON])
SHELL = {"actor": "shell:alice", "reason": "she asked"}


@dataclass
class World:
    accounts: Accounts
    drafts: Drafts
    clock: Clock

    async def audit(self) -> list[tuple[str, str, str, str]]:
        entries = reversed(await self.drafts.store.audit_log())
        return [(entry.actor, entry.action, entry.subject, entry.detail) for entry in entries]


@asynccontextmanager
async def world(
    folder: Path, tiers: Tiers = TIERS, window: Window = Window.DAY, timezone: str = "UTC"
) -> AsyncIterator[World]:
    async with opened(folder) as drafts:
        clock = Clock()
        accounts = Accounts(drafts.store, tiers, window=window, timezone=timezone, clock=clock)
        yield World(accounts, drafts, clock)


async def met(here: World, identity: str, name: str) -> None:
    await here.accounts.person(IdentityId(identity), name)


def test_accounts_are_a_desk(tmp_path: Path) -> None:
    def takes(desk: Desk) -> Desk:
        return desk

    assert takes(Accounts.__new__(Accounts))


async def test_a_user_is_found_by_identity_and_by_the_name_last_seen(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Ann")
        await met(here, "discord:2", "Bob")
        await met(here, "discord:1", "Änne")
        for wanted in ("discord:1", " discord:1 ", "änne", "ÄNNE"):
            assert (await here.accounts.find(wanted)).user == "discord:1"
        assert (await here.accounts.find("bob")).user == "discord:2"
        await met(here, "telegram:3", "@cat")
        for wanted in ("@cat", "cat"):
            assert (await here.accounts.find(wanted)).user == "telegram:3"
        assert (await here.accounts.find("@bob")).user == "discord:2"


async def test_a_name_of_several_users_is_refused_with_what_tells_them_apart(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        for number in range(7):
            await met(here, f"discord:{number + 1}", "Sam")
        with pytest.raises(
            NotFound, match=r"7 users are called “sam”: discord:1, discord:2, .* …\. Say which"
        ):
            await here.accounts.find("sam")
        assert (await here.accounts.find("discord:3")).user == "discord:3"


async def test_a_name_that_looks_like_an_identity_does_not_stand_for_it(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Ann")
        await met(here, "telegram:2", "discord:1")
        await here.accounts.grant("discord:1", 5, **SHELL)
        assert (await here.accounts.find("discord:1")).user == "discord:1"
        (entry,) = await here.drafts.store.ledger()
        assert entry.identity == "discord:1"


async def test_a_name_that_looks_like_an_identity_does_not_stand_for_one_that_is_still_to_come(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await met(here, "telegram:2", "discord:1")
        await met(here, "telegram:3", "@discord:1")
        with pytest.raises(NotFound):
            await here.accounts.find("discord:1")
        await here.accounts.set_tier("discord:1", "patron", **SHELL)
        tiers = [(await here.accounts.find(who)).tier for who in ("discord:1", "telegram:2", "telegram:3")]
        assert tiers == ["patron", None, None]


@pytest.mark.parametrize("wanted", ["discord:٣", "discord:", "discord:1 2", "discord:99999999999999999999"])
async def test_what_is_no_account_is_not_prepared(tmp_path: Path, wanted: str) -> None:
    async with world(tmp_path) as here:
        with pytest.raises(NotFound):
            await here.accounts.grant(wanted, 5, **SHELL)
        assert await here.drafts.store.find_people(wanted) == ()


@pytest.mark.parametrize("amount", [1e-9, -4e-7, 0.0])
async def test_what_is_less_than_the_ledger_counts_is_no_grant(tmp_path: Path, amount: float) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Ann")
        with pytest.raises(ParameterError, match="changes nothing"):
            await here.accounts.grant("Ann", amount, **SHELL)
        assert await here.drafts.store.ledger() == ()


async def test_a_reason_is_fit_to_be_shown_in_a_shell(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Ann")
        await here.accounts.block(
            "Ann",
            until=NOON + 1,
            actor="shell",
            reason="a\0b \x1b[31m\u202eevil \n👨\u200d👩 " + "x" * 99_999,
        )
        ((*_, detail),) = await here.audit()
        assert detail.startswith(f"{NOON + 1} ab [31mevil 👨\u200d👩 xxx")
        assert len(detail) < MOST_REASON + 20


async def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Annabel")
        await here.drafts.finish(await here.drafts.one("discord:1"))
        here.clock.now += HOUR
        with pytest.raises(NotFound, match=r"no user “Anabel”\. Did you mean Annabel"):
            await here.accounts.find("Anabel")
        for wanted in ("zzzzzz", "", "discord:x", "discord:", "matrix:5", "\udcff", "discord:" + "9" * 20):
            with pytest.raises(NotFound, match="Name one by platform and id, like discord:123"):
                await here.accounts.account(wanted)


async def test_an_account_that_was_never_seen_is_shown_and_not_made(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        account = await here.accounts.account("telegram:9")
        assert (account.known, account.name, account.tier) == (False, "telegram:9", "patron")
        assert account.standing.allowance == PATRON.allowance
        assert await here.drafts.store.find_people("telegram:9") == ()


async def test_an_account_can_be_prepared_before_its_owner_comes(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        account = await here.accounts.grant("discord:5", 30, **SHELL)
        assert (account.known, account.standing.use.granted) == (True, 30.0)
        person = await here.accounts.person(IdentityId("discord:5"), "Eve")
        assert person.names == ("Eve",)
        assert (await here.accounts.account("eve")).standing.use.granted == 30.0


async def test_tiers_come_from_the_operator_then_members_and_roles_then_the_default(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        accounts = here.accounts
        ann = await accounts.person(IdentityId("discord:1"), "Ann")
        assert accounts.tier_of(ann).name == "default"
        assert accounts.tier_of(ann, frozenset({"discord:77"})).name == "patron"
        member = await accounts.person(IdentityId("telegram:9"), "Ned")
        assert accounts.tier_of(member).name == "patron"
        account = await accounts.set_tier("telegram:9", "default", **SHELL)
        assert (account.tier, accounts.tier_of(account.person, frozenset({"discord:77"})).name) == (
            "default",
            "default",
        )
        assert (await accounts.set_tier("telegram:9", None, **SHELL)).tier == "patron"


async def test_rules_are_the_tiers_unless_the_user_has_their_own(tmp_path: Path) -> None:
    async with world(tmp_path, window=Window.ROLLING, timezone="Europe/Berlin") as here:
        ann = await here.accounts.person(IdentityId("discord:1"), "Ann")
        rules = here.accounts.rules_for(ann, frozenset({"discord:77"}), all_waiting=500)
        assert (rules.allowance, rules.user_waiting, rules.all_waiting) == (PATRON.allowance, 50, 500)
        assert (rules.window, rules.timezone) == (Window.ROLLING, "Europe/Berlin")
        change = LimitChange(gpu_seconds=Limit(5))
        own = (await here.accounts.set_limits("ann", change, **SHELL)).person
        assert (
            here.accounts.rules_for(own, frozenset({"discord:77"}), all_waiting=1).allowance.gpu_seconds == 5
        )


async def test_a_grant_counts_for_today_and_is_written_down_with_who_and_why(tmp_path: Path) -> None:
    async with world(tmp_path, timezone="Asia/Tokyo") as here:
        await met(here, "discord:1", "Ann")
        here.clock.now = NOON + 4 * HOUR  # past midnight in Tokyo
        account = await here.accounts.grant("Ann", 600, **SHELL)
        assert left_seconds(account.standing) == 660.0
        taken = await here.accounts.grant("Ann", -100.5, **SHELL)
        assert left_seconds(taken.standing) == 559.5
        first, second = reversed(await here.drafts.store.ledger())
        assert (first.kind, first.seconds, first.quota_day) == (EntryKind.GRANT, 600.0, "2026-11-19")
        assert (first.actor, first.reason, second.seconds) == ("shell:alice", "she asked", -100.5)
        assert [entry[:3] for entry in await here.audit()] == [("shell:alice", "grant", "discord:1")] * 2
        here.clock.now += DAY
        assert left_seconds((await here.accounts.account("Ann")).standing) == 60.0


@pytest.mark.parametrize("seconds", [0, -0.0, math.nan, math.inf, -math.inf, 1e10, -1e300])
async def test_amounts_that_are_none_change_nothing(tmp_path: Path, seconds: float) -> None:
    async with world(tmp_path) as here:
        with pytest.raises(ParameterError):
            await here.accounts.grant("discord:1", seconds, **SHELL)
        assert await here.drafts.store.find_people("discord:1") == ()
        assert await here.audit() == []


async def test_a_grant_to_somebody_without_a_limit_says_that_it_changes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, Tiers([])) as here:
        account = await here.accounts.grant("discord:1", 5, **SHELL)
        assert [str(note) for note in account.notes] == [
            "Their GPU seconds are not limited, so this changes nothing for now."
        ]


async def test_limits_of_ones_own_are_set_one_by_one_and_taken_away_again(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        limits = here.accounts.set_limits
        await met(here, "telegram:9", "Ned")
        steps = [
            (LimitChange(gpu_seconds=Limit(3600)), Allowance(3600.0, 20)),
            (LimitChange(jobs=Limit(None)), Allowance(3600.0, None)),
            (LimitChange(jobs=Limit(0)), Allowance(3600.0, 0)),
            (LimitChange(Limit(None), Limit(7.0)), Allowance(None, 7)),
            (None, PATRON.allowance),
        ]
        for change, expected in steps:
            assert (await limits("Ned", change, **SHELL)).standing.allowance == expected
        assert (await here.accounts.find("Ned")).allowance is None
        assert [entry[1] for entry in await here.audit()] == ["allowance", "allowance: reason"] * len(steps)


@pytest.mark.parametrize(
    "change",
    [
        LimitChange(gpu_seconds=Limit(-1)),
        LimitChange(gpu_seconds=Limit(math.nan)),
        LimitChange(gpu_seconds=Limit(1e12)),
        LimitChange(jobs=Limit(2.5)),
        LimitChange(jobs=Limit(-3)),
        LimitChange(jobs=Limit(math.inf)),
        LimitChange(jobs=Limit(math.nan)),
    ],
    ids=str,
)
async def test_limits_that_are_none_are_refused(tmp_path: Path, change: LimitChange) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Ann")
        with pytest.raises(ParameterError):
            await here.accounts.set_limits("Ann", change, **SHELL)
        assert (await here.accounts.find("Ann")).allowance is None


async def test_a_reset_gives_the_day_back_and_says_what_it_does_not(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await met(here, "telegram:9", "Ned")
        await here.drafts.finish(await here.drafts.one("telegram:9"), seconds=25.5)
        assert left_seconds((await here.accounts.account("Ned")).standing) == 574.5
        account = await here.accounts.reset("Ned", **SHELL)
        assert left_seconds(account.standing) == 600.0
        assert account.standing.use.jobs == 1
        assert [str(note) for note in account.notes] == [
            "25.5 GPU seconds of today were given back.",
            "The jobs of today still count.",
        ]
        again = await here.accounts.reset("Ned", **SHELL)
        assert left_seconds(again.standing) == 600.0


async def test_an_unknown_tier_is_refused_with_the_nearest(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        with pytest.raises(NotFound, match=r"no tier “patrn”\. Did you mean patron"):
            await here.accounts.set_tier("discord:1", "patrn", **SHELL)
        with pytest.raises(NotFound, match=r"no tier “zz”\. There are: default, patron"):
            await here.accounts.set_tier("discord:1", "zz", **SHELL)
        assert await here.drafts.store.find_people("discord:1") == ()


async def test_a_tier_that_was_taken_out_of_the_configuration_falls_back_and_says_so(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await met(here, "discord:1", "Ann")
        await here.accounts.set_tier("Ann", "patron", **SHELL)
    async with world(tmp_path, Tiers([Tier(TierName("default"), allowance=Allowance(5.0))])) as here:
        account = await here.accounts.account("Ann")
        assert (account.tier, account.standing.allowance) == ("default", Allowance(5.0))
        assert [str(note) for note in account.notes] == [
            "Their tier “patron” is not in the configuration any more; “default” holds instead."
        ]


async def test_a_block_keeps_out_until_it_ends_and_shows(tmp_path: Path) -> None:
    async with world(tmp_path, timezone="Europe/Berlin") as here:
        await met(here, "discord:1", "Ann")
        account = await here.accounts.block("Ann", until=NOON + HOUR, actor="shell", reason="Spam.")
        assert [str(note) for note in account.notes] == [
            "Blocked until 2026-11-18 14:00 Europe/Berlin: Spam."
        ]
        with pytest.raises(Blocked):
            await here.drafts.accept("discord:1")
        assert (await here.accounts.unblock("Ann", **SHELL)).notes == ()
        await here.drafts.accept("discord:1")
        for_ever = await here.accounts.block("Ann", until=2**60, actor="shell", reason="")
        assert [str(note) for note in for_ever.notes] == ["Blocked for good: no reason was given."]
        with pytest.raises(ParameterError, match="has passed"):
            await here.accounts.block("Ann", until=NOON, actor="shell", reason="")
        assert [entry[1] for entry in await here.audit()] == ["block", "unblock", "unblock: reason", "block"]


async def test_reasons_are_one_line_of_text_and_not_too_long(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.accounts.grant("discord:1", 1, actor="shell", reason=" a\n b\t\udcff " + "x" * 1000)
        (entry,) = await here.drafts.store.ledger()
        assert entry.reason.startswith("a b ? x")
        assert len(entry.reason) == MOST_REASON


async def test_usage_is_that_of_the_operators_days(tmp_path: Path) -> None:
    async with world(tmp_path, timezone="Asia/Tokyo") as here:
        await here.drafts.finish(await here.drafts.one("discord:1", at=NOON + 4 * HOUR), at=NOON + 5 * HOUR)
        (row,) = await here.accounts.usage("day", since=NOON, until=NOON + DAY)
        assert (row.key, row.jobs, row.gpu_seconds) == ("2026-11-19", 1, 8.0)
        (row,) = await here.accounts.usage("user", since=0, until=NOON + DAY)
        assert row.key == UserId("discord:1")
