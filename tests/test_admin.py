"""Operators' commands: who may give them, how they are asked about twice, what is said that nobody knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.durations import MINUTE
from bot.domain.errors import FairbrushError, NotAllowed, NotFound, ParameterError
from bot.domain.ids import IdentityId
from bot.presentation.actions import Danger, Listing, OnPage, OnQuestion, decode, encode, mark
from bot.presentation.card_denied import error_card
from bot.presentation.card_plain import plain
from bot.presentation.cards import CardState
from bot.presentation.spec_types import CommandSpec
from bot.presentation.specs import make_commands
from bot.service.admin_questions import LASTS, MOST_NOTES, Questions, Wish
from bot.service.gate import Asker
from bot.service.outcomes import CallValue
from tests.admin_support import ADA, ANN, BOB, HERE, MO, OLAF, Office, answer, late, mention, office


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path) as found:
        yield found


def admin_commands() -> dict[str, CommandSpec]:
    admin = make_commands(()).get("admin")
    assert admin is not None
    return {
        f"{first.name} {second.name}" if first.subcommands else first.name: second
        for first in admin.subcommands
        for second in first.subcommands or (first,)
    }


VALUES: dict[str, CallValue] = {
    "user": mention(ANN),
    "seconds": "10",
    "jobs": "",
    "default": False,
    "tier": "patron",
    "reason": "because",
    "duration": "2h",
    "job": "nothing",
    "by": "day",
    "days": 3,
    "template": "text-to-image",
}


async def test_every_command_that_is_offered_is_there(here: Office) -> None:
    await here.ask("a fox")
    for words, spec in admin_commands().items():
        options = {option.name: VALUES[option.name] for option in spec.options}
        if words == "cancel":
            options.pop("job")
        card = await here.say(words, **options)
        assert card.private
        assert "{" not in plain(card)


@pytest.mark.parametrize("who", [ANN, replace(MO, place=""), replace(MO, moderator=False)])
async def test_nobody_else_may_anything(here: Office, who: Asker) -> None:
    for words in (*admin_commands(), "", "nothing"):
        with pytest.raises(NotAllowed, match="Only the operators"):
            await here.say(words, who, **VALUES)
    assert await here.deeds() == []


async def test_moderators_may_two_things_alone(here: Office) -> None:
    for words in {*admin_commands()} - {"cancel", "block", "unblock"}:
        with pytest.raises(NotAllowed, match="You can cancel and block, in this place"):
            await here.say(words, MO, **VALUES)
    assert await here.deeds() == []


@pytest.mark.parametrize("danger", [Danger.PAUSE, Danger.DRAIN, Danger.RESET, Danger.DISABLE])
async def test_an_answer_is_judged_like_the_command(here: Office, danger: Danger) -> None:
    for who in (ANN, MO):
        forged = OnQuestion(danger, True, 2**31, mark(who.identity), "")
        with pytest.raises(NotAllowed):
            await here.press(forged, who)
    assert await here.deeds() == []


@pytest.mark.parametrize("listing", [Listing.ADMIN_QUEUE, Listing.AUDIT])
async def test_pages_are_judged_like_the_command(here: Office, listing: Listing) -> None:
    for who in (ANN, MO):
        with pytest.raises(NotAllowed):
            await here.press(OnPage(listing, 0, mark(who.identity)), who)
    assert (await here.press(OnPage(listing, 7, mark(ADA.identity)))).private


async def test_whoever_is_no_operator_any_more_cannot_say_yes_to_what_was_asked_before(here: Office) -> None:
    card = await here.say("pause")
    with pytest.raises(NotAllowed):
        await here.press(answer(card), replace(ADA, admin=False))
    assert not here.bot.service.dispatcher.gates.paused


async def test_a_question_belongs_to_who_was_asked(here: Office) -> None:
    card = await here.say("pause")
    with pytest.raises(NotAllowed, match="Somebody else was asked"):
        await here.press(answer(card), OLAF)
    assert not here.bot.service.dispatcher.gates.paused
    assert plain(await here.press(answer(card, agreed=False))) == "Nothing was changed"
    assert not here.bot.service.dispatcher.gates.paused
    await here.press(answer(card))
    assert here.bot.service.dispatcher.gates.paused


async def test_a_question_lapses_and_is_asked_anew_with_all_that_was_said(here: Office) -> None:
    card = await here.say("pause", reason="new cards")
    here.bot.clock.advance((LASTS + 1) * MINUTE / 1000)
    again = await here.press(answer(card))
    assert again.state is CardState.QUESTION
    assert not here.bot.service.dispatcher.gates.paused
    await here.press(answer(again))
    assert (await here.deeds())[-1] == (ADA.identity, "pause", "queue", "new cards")


async def test_a_question_holds_until_its_last_minute(here: Office) -> None:
    card = await here.say("pause")
    here.bot.clock.advance(LASTS * MINUTE / 1000)
    await here.press(answer(card))
    assert here.bot.service.dispatcher.gates.paused


async def test_a_reason_that_is_lost_is_asked_for_again(here: Office, tmp_path: Path) -> None:
    card = await here.say("block", user=mention(ANN), reason="floods")
    yes = answer(card)
    assert "floods" not in encode(yes)
    restarted = Office(
        here.bot, type(here.admin)(here.bot.service.operator, admins=frozenset(), timezone="UTC")
    )
    with pytest.raises(NotFound, match="Give the command once more"):
        await restarted.press(yes)
    assert plain(await restarted.press(answer(card, agreed=False))) == "Nothing was changed"
    await here.press(yes)
    assert (await here.bot.service.accounts.find(ANN.identity)).blocked_reason == "floods"


async def test_without_a_reason_an_answer_outlives_the_process(here: Office) -> None:
    card = await here.say("block", user=mention(ANN))
    restarted = Office(
        here.bot, type(here.admin)(here.bot.service.operator, admins=frozenset(), timezone="UTC")
    )
    await restarted.press(answer(card))
    assert (await here.bot.service.accounts.find(ANN.identity)).blocked_until


def test_two_questions_of_one_minute_do_not_get_mixed_up() -> None:
    questions = Questions(lambda: 0)
    cards = [
        questions.ask(Wish(Danger.BLOCK, user, reason), _what(), ADA.identity)
        for user, reason in (("discord:4", "floods"), ("discord:4", "spams"), ("discord:5", "floods"))
    ]
    read = [questions.read(answer(card), ADA.identity).wish for card in cards]
    assert [(wish.subject, wish.reason) for wish in read] == [
        ("discord:4", "floods"),
        ("discord:4", "spams"),
        ("discord:5", "floods"),
    ]


def test_a_note_does_not_serve_another_danger() -> None:
    questions = Questions(lambda: 0)
    yes = answer(questions.ask(Wish(Danger.CANCEL, "discord:4", "floods"), _what(), ADA.identity))
    with pytest.raises(NotFound):
        questions.read(replace(yes, danger=Danger.BLOCK), ADA.identity)


def test_notes_are_bounded_the_oldest_goes_first() -> None:
    questions = Questions(lambda: 0)
    cards = [
        questions.ask(Wish(Danger.BLOCK, f"discord:{number}", "floods"), _what(), ADA.identity)
        for number in range(MOST_NOTES + 1)
    ]
    with pytest.raises(NotFound):
        questions.read(answer(cards[0]), ADA.identity)
    for card in cards[1:]:
        assert questions.read(answer(card), ADA.identity).wish.reason == "floods"


@pytest.mark.parametrize(
    "user",
    [
        "discord:1234567890123456789",
        "telegram:1234567890123456789",
        f"shell:{'x' * 80}",
        "shell:Zoë Ü",
        "shell: ",
    ],
)
@pytest.mark.parametrize("danger", [Danger.BLOCK, Danger.CANCEL, Danger.RESET])
@pytest.mark.parametrize("reason", ["", "because"])
def test_whomever_it_is_about_the_button_can_be_made(user: str, danger: Danger, reason: str) -> None:
    questions = Questions(lambda: 1_800_000_000_000)
    yes = answer(questions.ask(Wish(danger, user, reason), _what(), ADA.identity))
    assert decode(encode(yes)) == yes
    wish = questions.read(yes, ADA.identity).wish
    assert (wish.subject, wish.reason) == (user, reason)


def test_no_answer_without_a_question_is_taken() -> None:
    """What comes back may be forged: without an owner, or late."""
    questions = Questions(lambda: 1_800_000_000_000)
    with pytest.raises(NotAllowed):
        questions.read(OnQuestion(Danger.PAUSE, True, 2**31, ""), ADA.identity)
    yes = answer(questions.ask(Wish(Danger.PAUSE), _what(), ADA.identity))
    assert questions.read(late(yes), ADA.identity).lapsed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Say what: audit, block,"),
        ("quota", "Say more: quota grant, quota reset, quota set, quota show."),
        ("templates", "Say more: templates disable, templates enable, templates reload."),
        ("puase", "Did you mean admin pause?"),
        ("quota shwo", "Did you mean admin quota show?"),
    ],
)
async def test_words_that_nobody_knows(here: Office, words: str, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        await here.say(words)
    assert said in str(caught.value)


async def test_refusals_are_polite_and_have_a_card(here: Office) -> None:
    with pytest.raises(FairbrushError) as caught:
        await here.say("pause", BOB)
    card = error_card(caught.value)
    assert str(card.headline) == "That is not for you to do"
    assert card.incident is None


async def test_two_operators_of_different_platforms_see_one_another(here: Office) -> None:
    await here.sure("pause")
    assert "paused already" in plain(await here.say("pause", OLAF))
    assert "goes on" in plain(await here.say("resume", OLAF))
    assert "neither paused nor draining" in plain(await here.say("resume"))
    actions = [(who, action) for who, action, *_ in await here.deeds()]
    assert actions == [(ADA.identity, "pause"), (OLAF.identity, "resume")]


def _what() -> object:
    from bot.domain.text import Text

    return Text("Something happens.")


def test_the_places_of_these_tests_differ() -> None:
    assert HERE == MO.place == ANN.place != BOB.place
    assert IdentityId("discord:1") == ADA.identity
