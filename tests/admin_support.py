"""What tests of operators' commands share: a bot, people, and short ways to say and to press."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.domain.ids import IdentityId
from bot.presentation.actions import OnPage, OnQuestion, decode, encode
from bot.presentation.card_plain import plain
from bot.presentation.cards import Card, CardState
from bot.presentation.flags import SHELL, parse_line
from bot.service.acceptance import Receipt
from bot.service.admin import AdminCommands
from bot.service.gate import Asker, Origin
from bot.service.outcomes import Call, CallValue, Tell
from bot.service.records import AuditEntry
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work

HERE, THERE = "discord:guild:10", "discord:guild:20"
ADA = Asker(IdentityId("discord:1"), "Ada", admin=True)
OLAF = Asker(IdentityId("telegram:2"), "Olaf", admin=True)
MO = Asker(IdentityId("discord:3"), "Mo", place=HERE, moderator=True)
ANN = Asker(IdentityId("discord:4"), "Ann", place=HERE)
BOB = Asker(IdentityId("discord:5"), "Bob", place=THERE)
ADMINS = frozenset({ADA.identity, OLAF.identity})
TIERS = {
    "default": {"gpu_seconds_per_day": 600},
    "patron": {"gpu_seconds_per_day": 6000, "discord_role_ids": [77]},
}


@dataclass(frozen=True)
class Member:
    """Somebody who was mentioned."""

    identity: IdentityId
    name: str
    roles: frozenset[str] = frozenset()


def mention(asker: Asker, *roles: str) -> Member:
    return Member(asker.identity, asker.name, frozenset(roles))


@dataclass
class Office:
    bot: Bot
    admin: AdminCommands
    told: list[str] = field(default_factory=list)

    async def say(self, words: str, asker: Asker = ADA, **options: CallValue) -> Card:
        return (await self.tell(words, asker, **options)).card

    async def tell(self, words: str, asker: Asker = ADA, **options: CallValue) -> Tell:
        return await self.admin.run(Call(("admin", *words.split()), options), asker)

    async def press(self, action: OnQuestion | OnPage, asker: Asker = ADA) -> Card:
        """As it comes back from a platform."""
        read = decode(encode(action))
        assert isinstance(read, OnQuestion | OnPage)
        return await self.admin.press(read, asker)

    async def sure(self, words: str, asker: Asker = ADA, **options: CallValue) -> Card:
        """Say it, and say yes."""
        card = await self.say(words, asker, **options)
        assert card.state is CardState.QUESTION, plain(card)
        return await self.press(answer(card), asker)

    async def ask(self, line: str, asker: Asker = ANN) -> Receipt:
        origin = Origin("test", f"{asker.identity}-{uuid.uuid4()}")
        (receipt,) = await self.bot.service.usecases.imagine(parse_line(line, SHELL), asker, origin)
        return receipt

    async def deeds(self) -> list[tuple[str, str, str, str]]:
        """The audit log, the oldest first: who, what, to what, how and why."""
        entries: Sequence[AuditEntry] = await self.bot.store.audit_log()
        return [(each.actor, each.action, each.subject, each.detail) for each in reversed(entries)]


def answer(card: Card, *, agreed: bool = True) -> OnQuestion:
    found = [button.action for row in card.buttons for button in row]
    actions = [each for each in found if isinstance(each, OnQuestion) and each.agreed is agreed]
    assert len(actions) == 1
    return actions[0]


def late(action: OnQuestion) -> OnQuestion:
    return replace(action, until=0)


@asynccontextmanager
async def office(
    folder: Path, servers: Sequence[FakeServer] | None = None, **sections: Any
) -> AsyncIterator[Office]:
    async with bot_at_work(folder, servers, **{"tiers": TIERS, **sections}) as bot:
        yield Office(bot, AdminCommands(bot.service.operator, admins=ADMINS, timezone="UTC"))
