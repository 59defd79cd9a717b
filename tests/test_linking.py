"""Linking through the whole service: one quota, one flow, one history; and apart again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain.errors import Denied
from bot.domain.ids import IdentityId, TierName, UserId
from bot.presentation.actions import Danger, OnQuestion, mark
from bot.presentation.card_plain import plain
from bot.service.gate import Asker
from bot.service.linking import Linking
from bot.service.operator import Limit, LimitChange
from bot.service.outcomes import Call
from tests.support.service import Bot, bot_at_work

ANN, ALT = Asker(IdentityId("test:ann"), "ann"), Asker(IdentityId("test:alt"), "alt")


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    async with bot_at_work(tmp_path, tiers={"default": {"gpu_seconds_per_day": 100.0}}) as found:
        yield found


def linking(bot: Bot) -> Linking:
    return bot.service.reception.plain.linked


async def code_for(bot: Bot, asker: Asker) -> str:
    found = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", plain(await linking(bot).code(asker)))
    assert found is not None
    return found.group()


async def test_a_code_makes_two_accounts_one_flow_one_quota_and_one_history(bot: Bot) -> None:
    await bot.service.operator.pause("shell:root")
    await bot.ask("a fox", "ann")
    late = await bot.ask("a boat", "alt")
    code = await code_for(bot, ANN)
    await linking(bot).enter(code.lower().replace("-", " "), ALT)
    usecases, queue = bot.service.usecases, bot.service.dispatcher.queue
    ann, alt = await usecases.standing(ANN), await usecases.standing(ALT)
    assert ann.use == alt.use
    assert ann.use.jobs == 2
    assert len(queue.waiting_of(UserId("test:ann"))) == 2
    assert queue.backlogged == 1
    assert {each.job.request for each in await usecases.my_jobs(ANN)} >= {late.accepted.request.id}
    await usecases.cancel(late.accepted.request.id, ANN)
    answer = OnQuestion(Danger.UNLINK, True, bot.clock.now() // 60_000 + 5, mark(ALT.identity))
    await linking(bot).answered(answer, ALT)
    assert (await usecases.standing(ALT)).use.jobs == 0
    assert (await usecases.standing(ANN)).use.jobs == 1


async def test_what_waits_is_parted_again(bot: Bot) -> None:
    await bot.service.operator.pause("shell:root")
    await linking(bot).enter(await code_for(bot, ANN), ALT)
    await bot.ask("a fox", "ann")
    mine = await bot.ask("a boat", "alt")
    answer = OnQuestion(Danger.UNLINK, True, bot.clock.now() // 60_000 + 5, mark(ALT.identity))
    await linking(bot).answered(answer, ALT)
    queue = bot.service.dispatcher.queue
    assert queue.backlogged == 2
    assert [each.job for each in queue.waiting_of(UserId("test:alt"))] == [mine.accepted.jobs[0].id]


@pytest.mark.parametrize("newest", ["ann", "alt"])
async def test_the_share_of_linked_accounts_is_that_of_the_newest_job(tmp_path: Path, newest: str) -> None:
    """As a restart would have it, whichever joins the other."""
    tiers = {"default": {"weight": 1.0}, "patron": {"weight": 3.0}}
    async with bot_at_work(tmp_path, tiers=tiers) as bot:
        await bot.service.operator.pause("shell:root")
        await bot.service.accounts.person(ALT.identity, "alt")
        await bot.store.set_tier(UserId("test:alt"), TierName("patron"), actor="shell", at=0)
        await bot.store.person(ANN.identity, name="ann", at=0)
        for who in sorted(("ann", "alt"), key=lambda who: who == newest):
            await bot.ask("a fox", who)
        flows = bot.service.dispatcher.queue._flows
        moved = await bot.store.link(ALT.identity, UserId("test:ann"), at=0)
        await bot.service.dispatcher.line.regroup(moved)
        assert flows[UserId("test:ann")].weight == (3.0 if newest == "alt" else 1.0)
        await bot.service.dispatcher.line.regroup(await bot.store.unlink(ALT.identity, at=0))
        assert (flows[UserId("test:ann")].weight, flows[UserId("test:alt")].weight) == (1.0, 3.0)


async def test_codes_are_good_once_for_ten_minutes_and_five_tries(bot: Bot) -> None:
    code = await code_for(bot, ANN)
    with pytest.raises(Denied, match="own code"):
        await linking(bot).enter(code, ANN)
    bot.clock.advance(601)
    with pytest.raises(Denied, match="4 more tries"):
        await linking(bot).enter(code, ALT)
    for _ in range(4):
        with pytest.raises(Denied, match="wrong"):
            await linking(bot).enter("AAAA-AAAA", ALT)
    good = await code_for(bot, ANN)
    with pytest.raises(Denied, match="Wait ten minutes"):
        await linking(bot).enter(good, ALT)
    bot.clock.advance(601)
    good = await code_for(bot, ANN)
    await linking(bot).enter(good, ALT)
    with pytest.raises(Denied):
        await linking(bot).enter(good, Asker(IdentityId("test:cat"), "cat"))


@pytest.mark.parametrize("who", ["ann", "alt", "nobody"])
async def test_who_wanted_to_be_answered_alone_still_is(bot: Bot, who: str) -> None:
    reception = bot.service.reception
    for asker in (ANN, ALT):
        await bot.store.person(asker.identity, name="", at=0)
    await bot.store.set_default(UserId("test:ann"), "size", "512x512")
    if who != "nobody":
        await reception.defaults.set(UserId(f"test:{who}"), "private", True)
    code = (await code_for(bot, ANN)).lower()
    await reception.command(Call(("link",), {"code": code}), ALT)
    assert {reception.is_private_press(asker) for asker in (ANN, ALT)} == {who != "nobody"}
    assert (await reception.defaults.of(UserId("test:ann")))["size"] == "512x512"


async def test_where_nothing_is_linked_there_is_nothing_to_part(bot: Bot) -> None:
    with pytest.raises(Denied, match="Nothing is linked"):
        await linking(bot).question(ANN)


@pytest.mark.parametrize("given", ["tier", "limits"])
async def test_the_question_says_with_whom_an_operators_gifts_stay(bot: Bot, given: str) -> None:
    await linking(bot).enter(await code_for(bot, ANN), ALT)
    assert "stay with" not in plain(await linking(bot).question(ALT))
    if given == "tier":
        await bot.service.accounts.set_tier(ALT.identity, "default", actor="shell:root", reason="")
    else:
        change = LimitChange(Limit(5.0))
        await bot.service.accounts.set_limits(ALT.identity, change, actor="shell:root", reason="")
    assert "an operator gave stay with the other one" in plain(await linking(bot).question(ALT))
    assert "an operator gave stay with this account" in plain(await linking(bot).question(ANN))
    answer = OnQuestion(Danger.UNLINK, True, bot.clock.now() // 60_000 + 5, mark(ALT.identity))
    await linking(bot).answered(answer, ALT)
    kept, gone = [await bot.service.accounts.find(each.identity) for each in (ANN, ALT)]
    assert (kept.tier or kept.allowance) is not None
    assert (gone.tier or gone.allowance) is None


async def test_a_late_yes_is_asked_again(bot: Bot) -> None:
    await linking(bot).enter(await code_for(bot, ANN), ALT)
    late = OnQuestion(Danger.UNLINK, True, bot.clock.now() // 60_000 - 1, mark(ALT.identity))
    card = await linking(bot).answered(late, ALT)
    assert card.buttons
    assert len((await bot.service.accounts.find("test:ann")).identities) == 2
