"""Templates for adults, and people who are not welcome in a place: what the gate makes of both."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import Blocked, NsfwRefused
from bot.domain.ids import IdentityId, UserId
from bot.presentation.card_denied import error_card
from bot.presentation.cards import CardState
from bot.presentation.flags import SHELL, parse_line
from bot.service.gate import Asker, Origin
from bot.service.nsfw import NsfwRule, inherited
from bot.service.records import Person
from tests.support.service import START, Bot, bot_at_work
from tests.support.templates import WORKFLOWS

ALICE = Asker(IdentityId("discord:1"), "alice", place="discord:guild:7")
PERSON = Person(UserId("u1"), (ALICE.identity,))


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """With one more template, which paints for adults."""
    folder = tmp_path / "workflows"
    shutil.copytree(WORKFLOWS, folder)
    shutil.copy(folder / "text-to-image.json", folder / "act.json")
    (folder / "act.toml").write_text('title = "Act"\nnsfw = true\n', encoding="utf-8")
    async with bot_at_work(tmp_path, workflows_dir=str(folder)) as bot:
        yield bot


async def options(bot: Bot, template: str, *, adult: bool = False, **source: bool) -> Mapping[str, Any]:
    """What is kept with a request that passes. ``source``: options of what it is made from."""
    usecases = bot.service.usecases
    person = await usecases.accounts.person(ALICE.identity, ALICE.name)
    (passed,) = await usecases.gate.check(
        parse_line(f"a fox --template {template}", SHELL),
        ALICE,
        person,
        usecases.accounts.tier_of(person),
        Origin("test", "e", adult=adult, options=source),
        {},
    )
    return passed.options


def set_rule(bot: Bot, rule: NsfwRule) -> None:
    moderation = bot.service.usecases.gate.moderation
    moderation.house = replace(moderation.house, nsfw=rule)


@pytest.mark.parametrize(
    ("rule", "adult", "kept"),
    [
        ("allow", False, {"nsfw": True}),
        ("spoiler", False, {"nsfw": True, "spoiler": True}),
        ("spoiler", True, {"nsfw": True, "spoiler": True}),
        ("nsfw-channels", True, {"nsfw": True}),
        ("nsfw-channels", False, None),
        ("block", True, None),
        ("block", False, None),
    ],
)
async def test_the_rule_decides_where_and_how_such_a_template_paints(
    bot: Bot, rule: NsfwRule, adult: bool, kept: Mapping[str, bool] | None
) -> None:
    set_rule(bot, rule)
    assert await options(bot, "text-to-image", adult=adult) == {}, "any other template is free of it"
    if kept is None:
        with pytest.raises(NsfwRefused):
            await options(bot, "act", adult=adult)
        with pytest.raises(NsfwRefused):
            await options(bot, "text-to-image", adult=adult, nsfw=True)
    else:
        assert await options(bot, "act", adult=adult) == kept
        assert await options(bot, "text-to-image", adult=adult, nsfw=True) == kept


async def test_a_refusal_says_where_to_go(bot: Bot) -> None:
    set_rule(bot, "nsfw-channels")
    with pytest.raises(NsfwRefused, match="age-restricted channel") as refused:
        await options(bot, "act")
    card = error_card(refused.value)
    assert card.state is CardState.DENIED
    assert card.private
    assert card.incident is None, "nobody has to repair anything"


async def test_what_is_made_from_such_a_picture_is_ruled_as_its_source_was(bot: Bot) -> None:
    receipt = await bot.ask("a boat", options={"nsfw": True, "spoiler": True, "guild": 7})
    assert inherited(receipt.accepted.request) == {"nsfw": True, "spoiler": True}
    plain = await bot.ask("a boat", options={"guild": 7})
    assert inherited(plain.accepted.request) == {}
    hidden = await bot.ask("a boat", options={"spoiler": True})
    assert inherited(hidden.accepted.request) == {"spoiler": True}


class TestPlaces:
    async def blocked(self, bot: Bot, place: str, until: int | None, reason: str = "") -> Blocked:
        async def blocked_in(asked: str, user: UserId, at: int) -> tuple[int | None, str] | None:
            assert (user, at) == (PERSON.user, START)
            return (until, reason) if asked == place else None

        bot.service.usecases.gate.blocked_in = blocked_in
        with pytest.raises(Blocked) as refused:
            await bot.service.usecases.gate.welcome(ALICE, PERSON)
        return refused.value

    async def test_who_is_blocked_there_hears_until_when_and_why(self, bot: Bot) -> None:
        said = str((await self.blocked(bot, ALICE.place, START + 86_400_000, "*rude*")).text)
        assert "until 2027-01-16 08:00" in said
        assert "*rude*" in said

    async def test_for_good_and_without_a_reason(self, bot: Bot) -> None:
        said = str((await self.blocked(bot, ALICE.place, None)).text)
        assert said.endswith("here.")

    async def test_elsewhere_and_in_private_they_are_welcome(self, bot: Bot) -> None:
        await self.blocked(bot, ALICE.place, None)
        welcome = bot.service.usecases.gate.welcome
        await welcome(Asker(ALICE.identity, "alice", place="discord:guild:8"), PERSON)
        await welcome(Asker(ALICE.identity, "alice"), PERSON)
