"""What operators and moderators decide about people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.durations import DAY, HOUR, MINUTE
from bot.domain.errors import Blocked, NotAllowed, NotFound, ParameterError
from bot.domain.ids import IdentityId
from bot.domain.quota import Allowance
from bot.presentation.actions import Danger, OnQuestion, mark
from bot.presentation.card_plain import plain
from bot.presentation.cards import CardState
from bot.service.admin_people import FOR_GOOD
from tests.admin_support import ADA, ANN, BOB, HERE, MO, OLAF, THERE, Office, answer, mention, office


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as found:
        for asker in (ADA, OLAF, MO, ANN, BOB):
            await found.bot.service.accounts.person(asker.identity, asker.name)
        yield found


async def allowance(here: Office) -> Allowance | None:
    return (await here.bot.service.accounts.find(ANN.identity)).allowance


# Naming people


@pytest.mark.parametrize("user", [mention(ANN), "discord:4", "Ann", " ann "])
async def test_people_are_named_by_mention_identity_or_name(here: Office, user: object) -> None:
    card = await here.say("quota show", user=user)  # type: ignore[arg-type]
    assert str(card.headline) == "Ann"
    assert "discord:4" in plain(card)


async def test_nobody_is_named_with_what_comes_near(here: Office) -> None:
    await here.ask("a fox", ANN)
    with pytest.raises(NotFound, match="Did you mean Ann"):
        await here.say("quota show", user="Anm")
    with pytest.raises(ParameterError, match="Say whom"):
        await here.say("quota show")


async def test_a_mention_names_who_was_never_seen_and_looking_writes_nothing(here: Office) -> None:
    new = mention(replace(ANN, identity=IdentityId("discord:99"), name="Newt"))
    card = await here.say("quota show", user=new)
    assert "Newt" in str(card.headline)
    assert "Not seen yet" in plain(card)
    assert await here.bot.store.find_people("discord:99") == ()


async def test_roles_of_the_place_count_for_who_was_mentioned(here: Office) -> None:
    assert "Tier: patron" in plain(await here.say("quota show", user=mention(ANN, "discord:77")))
    assert "Tier: default" in plain(await here.say("quota show", user=mention(ANN)))


# Quota


@pytest.mark.parametrize("seconds", [60, 60.0, "60", "6_0", "60.0"])
async def test_a_grant_adds_and_is_written_down(here: Office, seconds: float | str) -> None:
    card = await here.say("quota grant", user="Ann", seconds=seconds, reason="won  the\ncontest")
    assert str(card.headline) == "60 s of GPU time given to Ann, for today"
    assert "660 s left" in plain(card)
    assert "Given on top: 60 s" in plain(card)
    who, action, subject, detail = (await here.deeds())[-1]
    assert (who, action, subject) == (ADA.identity, "grant", ANN.identity)
    assert detail.startswith("60 s on ")
    assert detail.endswith("won the contest")


async def test_a_negative_grant_takes_away(here: Office) -> None:
    card = await here.say("quota grant", user="Ann", seconds="-30")
    assert str(card.headline) == "30 s of GPU time taken from Ann, for today"


@pytest.mark.parametrize("seconds", ["", "much", "nan", "inf", "1e12", 0, "0"])
async def test_what_is_no_amount_is_refused(here: Office, seconds: float | str) -> None:
    with pytest.raises(ParameterError):
        await here.say("quota grant", user="Ann", seconds=seconds)
    assert await here.deeds() == []


async def test_limits_of_ones_own(here: Office) -> None:
    card = await here.say("quota set", user="Ann", seconds="Unlimited", jobs="0", reason="a test")
    assert await allowance(here) == Allowance(None, 0)
    assert "not limited" in plain(card)
    assert "0 left of 0 of their own" in plain(card)
    await here.say("quota set", user="Ann", seconds=120)
    assert await allowance(here) == Allowance(120.0, 0)
    await here.say("quota set", user="Ann", default="true")
    assert await allowance(here) is None
    assert [action for _, action, *_ in await here.deeds()] == [
        *("allowance", "allowance: reason", "allowance", "allowance"),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"default": True, "jobs": "1"},
        {"jobs": "1.5"},
        {"jobs": "-1"},
        {"seconds": "lots"},
        {"default": "perhaps"},
    ],
)
async def test_limits_that_make_no_sense(here: Office, options: dict[str, str]) -> None:
    with pytest.raises(ParameterError):
        await here.say("quota set", user="Ann", **options)
    assert await allowance(here) is None


async def test_limits_that_are_left_open_are_kept_as_the_roles_give_them(here: Office) -> None:
    await here.say("quota set", user=mention(ANN, "discord:77"), jobs="3")
    assert await allowance(here) == Allowance(6000.0, 3)


async def test_a_reset_asks_first_and_gives_back_once(here: Office) -> None:
    receipt = await here.ask("a fox --seed 1")
    await here.bot.server.until_waiting(1)
    here.bot.server.finish(seconds=9.0)
    await here.bot.until_over(receipt.accepted.request.id)
    card = await here.say("quota reset", user="Ann", reason="our fault")
    assert "9 s of GPU time, is given back" in plain(card)
    assert await here.deeds() == []
    yes = answer(card)
    assert "9.0 GPU seconds of today were given back" in plain(await here.press(yes))
    assert "0.0 GPU seconds of today were given back" in plain(await here.press(yes)), "pressed twice"
    assert "our fault" in (await here.deeds())[-1][3]


# Tiers


async def test_a_tier_is_given_and_taken_back(here: Office) -> None:
    card = await here.say("tier", user="Ann", tier="patron", reason="pays")
    assert str(card.headline) == "Ann is in tier patron now"
    assert "That was so already" in plain(await here.say("tier", OLAF, user="Ann", tier="patron"))
    await here.say("tier", user="Ann", tier="automatic")
    assert (await here.bot.service.accounts.find("Ann")).tier is None
    assert [(action, detail) for _, action, _, detail in await here.deeds()] == [
        ("tier", "patron"),
        ("tier: reason", "pays"),
        ("tier", ""),
    ]


async def test_a_tier_that_there_is_not(here: Office) -> None:
    with pytest.raises(NotFound, match="Did you mean patron"):
        await here.say("tier", user="Ann", tier="patrn")
    with pytest.raises(ParameterError, match="Say which tier"):
        await here.say("tier", user="Ann")


# Blocks by operators hold everywhere


async def test_a_block_holds_for_as_long_as_was_said_and_says_why(here: Office) -> None:
    card = await here.say("block", user=mention(ANN), duration="2h", reason="floods the queue")
    assert card.state is CardState.QUESTION
    await here.ask("a fox", ANN)
    done = await here.press(answer(card))
    assert "Ann is blocked until 2027-" in plain(done)
    assert "Reason: floods the queue" in plain(done)
    with pytest.raises(Blocked, match="floods the queue"):
        await here.ask("a fox", ANN)
    assert "Blocked until" in plain(await here.say("quota show", user="Ann"))
    here.bot.clock.advance(2 * HOUR / 1000 + 1)
    await here.ask("a fox", ANN)
    who, action, subject, detail = (await here.deeds())[-1]
    assert (who, action, subject) == (ADA.identity, "block", ANN.identity)
    assert detail.endswith("floods the queue")


async def test_a_block_without_an_end_is_for_good(here: Office) -> None:
    assert "Ann is blocked for good" in plain(await here.sure("block", user="Ann"))
    assert (await here.bot.service.accounts.find("Ann")).blocked_until == FOR_GOOD
    with pytest.raises(Blocked, match="for good"):
        await here.ask("a fox", ANN)


@pytest.mark.parametrize(
    "duration",
    ["3 months", "5mo", "10 moons", "1 dog", "٣d", "0h", "soon", "11y", "-2h", "3651d", "2", "999999w"],
)
async def test_what_is_no_length_of_time(here: Office, duration: str) -> None:
    with pytest.raises(ParameterError, match="no length of time"):
        await here.say("block", user="Ann", duration=duration)


@pytest.mark.parametrize(
    ("duration", "milliseconds"),
    [
        ("5 min", 5 * MINUTE),
        ("1 Minute", MINUTE),
        ("2hrs", 2 * HOUR),
        ("1wk", 7 * DAY),
        ("30m", 30 * MINUTE),
        ("2 hours", 2 * HOUR),
        ("7D", 7 * DAY),
        ("4w", 28 * DAY),
        ("3650d", 3650 * DAY),
    ],
)
async def test_lengths_of_time(here: Office, duration: str, milliseconds: int) -> None:
    now = here.bot.clock.now()
    await here.sure("block", user="Ann", duration=duration)
    assert (await here.bot.service.accounts.find("Ann")).blocked_until == now + milliseconds


async def test_two_operators_block_the_same_person_once(here: Office) -> None:
    first, second = await here.say("block", user="Ann"), await here.say("block", OLAF, user="Ann")
    assert "Ann is blocked for good" in plain(await here.press(answer(first)))
    assert "was blocked for good already" in plain(await here.press(answer(second), OLAF))
    assert "was blocked for good already" in plain(await here.press(answer(first))), "pressed twice"
    assert [action for _, action, *_ in await here.deeds()] == ["block"]
    assert "They are blocked for good already" in plain(await here.say("block", user="Ann", duration="2h"))


async def test_unblocking(here: Office) -> None:
    await here.sure("block", user="Ann")
    card = await here.say("unblock", OLAF, user=mention(ANN), reason="said sorry")
    assert "Ann may ask for pictures again" in plain(card)
    await here.ask("a fox", ANN)
    assert "Ann was not blocked" in plain(await here.say("unblock", user="Ann"))
    assert [(who, action) for who, action, *_ in await here.deeds()] == [
        (ADA.identity, "block"),
        (OLAF.identity, "unblock"),
        (OLAF.identity, "unblock: reason"),
    ]


async def test_nobody_blocks_themselves_and_the_last_operator_stays(here: Office) -> None:
    with pytest.raises(NotAllowed, match="That is you"):
        await here.say("block", user=mention(ADA))
    card = await here.say("block", user=mention(OLAF))
    assert "They are an operator, and keep their commands" in plain(card)
    await here.press(answer(card))
    # Ada is the only one left; Olaf, who is blocked, keeps his commands, but cannot lock her out.
    with pytest.raises(NotAllowed, match="the last operator who is not blocked"):
        await here.say("block", OLAF, user=mention(ADA))


async def test_whether_the_last_operator_stays_is_asked_again_when_it_is_done(here: Office) -> None:
    """Both ask about the other, then both say yes."""
    ada, olaf = await here.say("block", user=mention(OLAF)), await here.say("block", OLAF, user=mention(ADA))
    await here.press(answer(ada))
    with pytest.raises(NotAllowed, match="the last operator"):
        await here.press(answer(olaf), OLAF)


async def test_two_operators_who_block_each_other_at_once_are_not_both_blocked(here: Office) -> None:
    ada, olaf = await here.say("block", user=mention(OLAF)), await here.say("block", OLAF, user=mention(ADA))
    done = await asyncio.gather(
        here.press(answer(ada)), here.press(answer(olaf), OLAF), return_exceptions=True
    )
    assert [type(each) for each in done].count(NotAllowed) == 1
    assert len([deed for deed in await here.deeds() if deed[1] == "block"]) == 1


async def test_two_grants_at_once_are_two_and_both_stand_in_the_log(here: Office) -> None:
    await asyncio.gather(
        here.say("quota grant", user="Ann", seconds=60, reason="for helping"),
        here.say("quota grant", OLAF, user="Ann", seconds=60, reason="for helping"),
    )
    assert "Given on top: 120 s" in plain(await here.say("quota show", user="Ann"))
    granted = {actor for actor, action, *_ in await here.deeds() if action == "grant"}
    assert granted == {ADA.identity, OLAF.identity}


async def test_two_who_set_limits_at_once_leave_those_of_one_of_them(here: Office) -> None:
    await asyncio.gather(
        here.say("quota set", user="Ann", seconds=60, jobs=1),
        here.say("quota set", OLAF, user="Ann", seconds=120, jobs=2),
    )
    assert await allowance(here) in (Allowance(60.0, 1), Allowance(120.0, 2))


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("quota set", {"seconds": "0"}),
        ("quota set", {"jobs": "0"}),
        ("quota grant", {"seconds": "-600"}),
    ],
)
async def test_an_operator_who_takes_everything_from_themselves_is_told(
    here: Office, words: str, options: dict[str, str]
) -> None:
    warned = "That is you: nothing more of yours is painted"
    assert warned in plain(await here.say(words, user=mention(ADA), **options))
    # Their commands are theirs, and take it back.
    again = await here.say("quota set", user=mention(ADA), seconds="6000", jobs="unlimited")
    assert warned not in plain(again)
    assert warned not in plain(await here.say(words, user="Ann", **options))


# Blocks by moderators hold in their place


async def blocked(here: Office, place: str) -> tuple[int | None, str] | None:
    person = await here.bot.service.accounts.find(ANN.identity)
    return await here.bot.store.blocked_in(place, person.user, here.bot.clock.now())


async def test_a_moderator_blocks_in_their_place_alone(here: Office) -> None:
    done = await here.sure("block", MO, user=mention(ANN), reason="spams")
    assert "Ann is blocked in this place for good" in plain(done)
    assert await blocked(here, HERE) == (None, "spams")
    assert await blocked(here, THERE) is None
    assert (await here.bot.service.accounts.find("Ann")).blocked_until is None
    who, action, subject, detail = (await here.deeds())[-1]
    assert (who, action, subject) == (MO.identity, "block", ANN.identity)
    assert detail == f"{HERE} for good spams"
    assert "already" in plain(await here.say("block", MO, user=mention(ANN)))
    seen = plain(await here.say("quota show", replace(ADA, place=HERE), user="Ann"))
    assert "Blocked in this place for good" in seen


async def test_a_moderators_block_ends_as_said(here: Office) -> None:
    await here.sure("block", MO, user=mention(ANN), duration="1h")
    assert await blocked(here, HERE) == (here.bot.clock.now() + HOUR, "")
    here.bot.clock.advance(HOUR / 1000)
    assert await blocked(here, HERE) is None


async def test_a_moderator_unblocks_in_their_place_alone(here: Office) -> None:
    await here.sure("block", MO, user=mention(ANN))
    elsewhere = replace(MO, place=THERE)
    assert "was not blocked" in plain(await here.say("unblock", elsewhere, user=mention(ANN)))
    assert await blocked(here, HERE) is not None
    assert "again" in plain(await here.say("unblock", MO, user=mention(ANN), reason="sorry"))
    assert await blocked(here, HERE) is None
    assert [(action, detail) for _, action, _, detail in await here.deeds()][-2:] == [
        ("unblock", HERE),
        ("unblock: reason", "sorry"),
    ]


async def test_a_moderator_cannot_end_what_an_operator_decided(here: Office) -> None:
    await here.sure("block", user="Ann")
    with pytest.raises(NotAllowed, match="only one can end that"):
        await here.say("unblock", MO, user=mention(ANN))
    with pytest.raises(Blocked):
        await here.ask("a fox", ANN)


async def test_an_operator_ends_both_kinds(here: Office) -> None:
    await here.sure("block", MO, user=mention(ANN))
    await here.sure("block", user="Ann")
    await here.say("unblock", replace(ADA, place=HERE), user="Ann")
    assert await blocked(here, HERE) is None
    assert (await here.bot.service.accounts.find("Ann")).blocked_until is None


async def test_moderators_do_not_block_operators_nor_themselves(here: Office) -> None:
    with pytest.raises(NotAllowed, match="is an operator"):
        await here.say("block", MO, user=mention(ADA))
    with pytest.raises(NotAllowed, match="That is you"):
        await here.say("block", MO, user=mention(MO))


async def test_moderators_learn_no_names_by_guessing(here: Office) -> None:
    await here.ask("a fox", BOB)
    with pytest.raises(NotFound) as caught:
        await here.say("block", MO, user="Bpb")
    assert "Bob" not in str(caught.value)


@pytest.mark.parametrize("words", ["block", "unblock"])
async def test_moderators_learn_no_names_that_are_right_either(here: Office, words: str) -> None:
    await here.bot.service.accounts.person(IdentityId("telegram:77"), "re:zero")
    for user in ("Bob", "Ada", "re:zero"):
        with pytest.raises(NotFound, match="Say whom by mentioning them"):
            await here.say(words, MO, user=user)


@pytest.mark.parametrize("subject", ["Bob", "Bpb", "x:y", "telegram:404", ""])
async def test_a_forged_button_says_nothing_of_names(here: Office, subject: str) -> None:
    forged = OnQuestion(Danger.BLOCK, True, 999_999_999, mark(MO.identity), subject)
    with pytest.raises(NotFound, match="not known any more"):
        await here.press(forged, MO)
    assert await here.deeds() == []


@pytest.mark.parametrize("amount", ["1,000", "-10,000", "1,000,000"])
async def test_a_number_that_may_mean_two_is_asked_for_anew(here: Office, amount: str) -> None:
    for words in ("quota grant", "quota set"):
        with pytest.raises(ParameterError, match=f"Write {amount.replace(',', '')} or "):
            await here.say(words, user="Ann", seconds=amount)


async def test_who_looks_after_nothing_any_more_cannot_say_yes(here: Office) -> None:
    card = await here.say("block", MO, user=mention(ANN))
    with pytest.raises(NotAllowed):
        await here.press(answer(card), replace(MO, moderator=False))
    assert await blocked(here, HERE) is None


async def test_whoever_was_mentioned_for_the_first_time_is_remembered_by_name(here: Office) -> None:
    new = replace(ANN, identity=IdentityId("discord:99"), name="Newt")
    await here.sure("block", user=mention(new))
    assert (await here.bot.service.accounts.find("Newt")).blocked_until == FOR_GOOD
