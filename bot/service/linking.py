"""One person on two platforms: a code from one, entered in the other."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain import linking as domain
from bot.domain.errors import Denied
from bot.domain.ids import UserId
from bot.domain.linking import CODE_MS, MOST_TRIES, LinkOutcome
from bot.domain.text import Text
from bot.presentation.actions import Danger, OnQuestion, mark
from bot.presentation.card_account import question_card
from bot.presentation.cards import Card, CardState, Code, Command
from bot.service.clock import Clock
from bot.service.defaults_merge import ON, PRIVATE
from bot.service.errands import Errands
from bot.service.gate import Asker
from bot.service.line import Line
from bot.service.store import Store

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without letters and digits that people confuse."""
_LENGTH = 8
"""About 8.5e11 codes, of which each person may try five in ten minutes."""
ASKED_FOR = 5
"""Minutes in which "are you sure?" may be answered."""
_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Linking:
    """``line``: where the jobs of linked people wait. ``errands``: those that are waited for at the end."""

    store: Store
    line: Line
    clock: Clock
    errands: Errands = field(default_factory=Errands)

    async def code(self, asker: Asker) -> Card:
        """A new code; an earlier one is good no longer."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        now = self.clock.now()
        await self.store.person(asker.identity, name=asker.name, at=now)
        await self.store.make_link_code(asker.identity, _hash(code), now + CODE_MS)
        return Card(
            CardState.INFO,
            Text("Be one person on both platforms"),
            lines=(
                Text(
                    "On the other platform, say {command} with the code {code}.",
                    command=Command("link"),
                    code=Code(f"{code[:4]}-{code[4:]}"),
                ),
                Text("From then on you have one quota, one place in line, and one history."),
            ),
            notes=(
                Text.counted(
                    "The code is good once, for {count} minute. Show it to nobody.",
                    "The code is good once, for {count} minutes. Show it to nobody.",
                    CODE_MS // _MINUTE,
                ),
            ),
            private=True,
        )

    async def enter(self, code: str, asker: Asker) -> Card:
        """Raises Denied for a code that is not good, with what to do."""
        now = self.clock.now()
        await self.store.person(asker.identity, name=asker.name, at=now)
        linking = await self.errands.run(self._use(code, asker, now))
        match linking.outcome:
            case LinkOutcome.LINKED:
                return Card(
                    CardState.INFO,
                    Text("You are one person now"),
                    lines=(Text("One quota, one place in line and one history, on both platforms."),),
                    notes=(Text("{command} makes you two again.", command=Command("unlink")),),
                    private=True,
                )
            case LinkOutcome.ALREADY:
                raise Denied(Text("That is your own code. Enter it on the other platform."))
            case LinkOutcome.BLOCKED:
                raise Denied(
                    Text("One of these two accounts is blocked, so they cannot be linked. Ask the operator.")
                )
            case LinkOutcome.TOO_MANY:
                raise Denied(
                    Text.counted(
                        "There were {count} wrong code. Wait ten minutes, then get a new one.",
                        "There were {count} wrong codes. Wait ten minutes, then get a new one.",
                        MOST_TRIES,
                    )
                )
            case LinkOutcome.WRONG:
                raise Denied(
                    Text.counted(
                        "That code is wrong, was used, or is too old. Get a new one on the other platform. "
                        "{count} more try.",
                        "That code is wrong, was used, or is too old. Get a new one on the other platform. "
                        "{count} more tries.",
                        linking.tries_left,
                    )
                )

    async def question(self, asker: Asker) -> Card:
        """Whether they want to be two people again. Raises Denied where nothing is linked."""
        person = await self.store.person(asker.identity, name=asker.name, at=self.clock.now())
        if len(person.identities) < 2:
            raise Denied(
                Text("Nothing is linked to this account. {command} gives a code.", command=Command("link"))
            )
        what = Text(
            "This account becomes a person of its own again. What it used, and its pictures, go with it."
        )
        if person.tier is not None or person.allowance is not None:
            # They belong to the user, and a user keeps the account that it is named after.
            stays = Text("this account") if person.user == UserId(asker.identity) else Text("the other one")
            what = Text(
                "{what} The tier or limits that an operator gave stay with {account}.",
                what=what,
                account=stays,
            )
        return question_card(
            Danger.UNLINK,
            what,
            owner=mark(asker.identity),
            until=self.clock.now() // _MINUTE + ASKED_FOR,
        )

    async def answered(self, answer: OnQuestion, asker: Asker) -> Card:
        """The question of :meth:`question`, answered by whom it was asked."""
        if not answer.agreed:
            return Card(CardState.INFO, Text("Nothing was changed"), private=True)
        if answer.until < self.clock.now() // _MINUTE:
            return await self.question(asker)
        await self.errands.run(self._unlink(asker))
        return Card(CardState.INFO, Text("You are two people again"), private=True)

    # What is linked in the store shall be so in the line, whatever becomes of whoever asked.

    async def _use(self, code: str, asker: Asker, now: int) -> domain.Linking:
        linking = await self.store.use_link_code(_hash(code), asker.identity, now)
        await self.line.regroup(linking.moved)
        await self._keep_private(linking.moved)
        return linking

    async def _keep_private(self, moved: Sequence[domain.Regrouped]) -> None:
        """Defaults are those of the one who stays. But whoever wanted to be answered alone shall not be
        answered before everybody because of a link."""
        for before, after in {(each.before, each.after) for each in moved}:
            if (await self.store.defaults(before)).get(PRIVATE) == ON:
                await self.store.set_default(after, PRIVATE, ON)

    async def _unlink(self, asker: Asker) -> None:
        moved = await self.store.unlink(asker.identity, at=self.clock.now())
        await self.line.regroup(moved)


def _hash(code: str) -> str:
    """However it was typed."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
