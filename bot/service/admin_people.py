"""What operators decide about people: limits, tiers, blocks. Moderators block in their own place alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.domain.errors import NotAllowed, NotFound, ParameterError
from bot.domain.ids import IdentityId
from bot.domain.quota import left_jobs, left_seconds
from bot.domain.text import Text
from bot.presentation.actions import Danger
from bot.presentation.card_admin import Who, person_card, reason_line, told_card
from bot.presentation.card_admin_pages import name_of
from bot.presentation.card_words import gpu_seconds
from bot.presentation.cards import Card, Command
from bot.presentation.spec_fixed import AUTOMATIC
from bot.service.accounts import Accounts
from bot.service.admin_questions import Questions, Wish
from bot.service.admin_words import Named, Said
from bot.service.gate import Asker
from bot.service.operator import Account, LimitChange
from bot.service.records import AuditEntry, Person
from bot.service.running import RunningBot

FOR_GOOD = 2**60
"""As the end of a block: past all calendars."""


@dataclass(frozen=True, slots=True)
class AdminPeople:
    """``admins``: the operators of all platforms."""

    operator: RunningBot
    questions: Questions
    admins: frozenset[IdentityId]
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, compare=False)
    """Of two operators who block each other at once, one does: the other is looked at afterwards."""

    @property
    def accounts(self) -> Accounts:
        return self.operator.usecases.accounts

    # Quota and tier

    async def show(self, said: Said, asker: Asker) -> Card:
        user = said.user()
        account = await self.accounts.account(user.wanted, roles=user.roles)
        return await self._card(account, user, asker)

    async def grant(self, said: Said, asker: Asker) -> Card:
        user = said.user()
        seconds = said.number("seconds", Text("Say how many GPU seconds; a negative number takes away."))
        account = await self.accounts.grant(
            user.wanted, seconds, actor=asker.identity, reason=said.reason(), roles=user.roles
        )
        amount, name = gpu_seconds(abs(seconds)), _name(account, user)
        headline = (
            Text("{amount} of GPU time given to {name}, for today", amount=amount, name=name)
            if seconds > 0
            else Text("{amount} of GPU time taken from {name}, for today", amount=amount, name=name)
        )
        return await self._card(account, user, asker, headline)

    async def set_limits(self, said: Said, asker: Asker) -> Card:
        user = said.user()
        seconds, jobs, default = said.limit("seconds"), said.limit("jobs"), said.flag("default")
        if default is (seconds is not None or jobs is not None):
            raise ParameterError(
                "seconds",
                Text(
                    "Say a limit for seconds, for jobs or for both; or default alone, for those of the tier."
                ),
            )
        account = await self.accounts.set_limits(
            user.wanted,
            None if default else LimitChange(seconds, jobs),
            actor=asker.identity,
            reason=said.reason(),
            roles=user.roles,
        )
        name = _name(account, user)
        headline = (
            Text("The limits of their tier hold for {name} again", name=name)
            if default
            else Text("{name} has limits of their own now", name=name)
        )
        return await self._card(account, user, asker, headline)

    async def set_tier(self, said: Said, asker: Asker) -> Card:
        user = said.user()
        tier = said.needed("tier", Text("Say which tier, or {word}.", word=AUTOMATIC))
        wanted = None if tier.casefold() == AUTOMATIC else tier
        before = await self.accounts.account(user.wanted, roles=user.roles)
        if before.known and before.person.tier == wanted:
            headline = Text("That was so already")
            return await self._card(before, user, asker, headline)
        account = await self.accounts.set_tier(
            user.wanted, wanted, actor=asker.identity, reason=said.reason(), roles=user.roles
        )
        name = _name(account, user)
        headline = (
            Text("The tier of {name} is what the configuration says again", name=name)
            if wanted is None
            else Text("{name} is in tier {tier} now", name=name, tier=account.tier)
        )
        return await self._card(account, user, asker, headline)

    # Reset

    async def reset(self, said: Said, asker: Asker) -> Card:
        user = said.user()
        person = await self.accounts.met(user.wanted)
        return await self.ask_reset(Wish(Danger.RESET, person.user, said.reason()), asker)

    async def ask_reset(self, wish: Wish, asker: Asker) -> Card:
        account = await self.accounts.account(wish.subject)
        what = Text(
            "What {name} used today, {used} of GPU time, is given back. It cannot be taken back as such.",
            name=name_of(account.name),
            used=gpu_seconds(account.standing.use.settled),
        )
        return self.questions.ask(wish, what, asker.identity)

    async def do_reset(self, wish: Wish, asker: Asker) -> Card:
        account = await self.accounts.reset(wish.subject, actor=asker.identity, reason=wish.reason)
        headline = Text("The day of {name} begins anew", name=name_of(account.name))
        return await self._card(account, Named(wish.subject), asker, headline)

    # Blocks

    async def block(self, said: Said, asker: Asker) -> Card:
        span, now = said.span("duration"), self.operator.clock.now()
        person = await self._meant(said.user(), asker)
        until = None if span is None else now + span
        return await self.ask_block(Wish(Danger.BLOCK, person.user, said.reason(), until), asker)

    async def ask_block(self, wish: Wish, asker: Asker) -> Card:
        person = await self._subject(wish)
        await self._may_be_blocked(person, asker)
        name = _name_of(person)
        until = self.accounts.until(wish.until or FOR_GOOD)
        what = (
            Text("Nothing more is taken of {name} {until}.", name=name, until=until)
            if asker.admin
            else Text("Nothing more is taken of {name} in this place {until}.", name=name, until=until)
        )
        if (before := await self._blocked_until(person, asker)) is not None:
            what = Text(
                "{what} They are blocked {until} already.", what=what, until=self.accounts.until(before)
            )
        if self.admins & set(person.identities):
            what = Text("{what} They are an operator, and keep their commands.", what=what)
        else:
            what = Text("{what} What they have in line is painted.", what=what)
        return self.questions.ask(wish, what, asker.identity)

    async def do_block(self, wish: Wish, asker: Asker) -> Card:
        async with self._deciding:
            return await self._block(wish, asker)

    async def _block(self, wish: Wish, asker: Asker) -> Card:
        person = await self._subject(wish)
        await self._may_be_blocked(person, asker)
        until, name = wish.until or FOR_GOOD, _name_of(person)
        shown = self.accounts.until(until)
        if await self._blocked_until(person, asker) == until:
            return told_card(Text("{name} was blocked {until} already", name=name, until=shown))
        if asker.admin:
            await self.accounts.block(person.user, until=until, actor=asker.identity, reason=wish.reason)
            headline = Text("{name} is blocked {until}", name=name, until=shown)
        else:
            await self._block_here(person, asker, wish.until, wish.reason)
            headline = Text("{name} is blocked in this place {until}", name=name, until=shown)
        notes = (Text("They are told the reason."),) if wish.reason else ()
        return told_card(headline, reason_line(wish.reason), _undo(), notes=notes)

    async def unblock(self, said: Said, asker: Asker) -> Card:
        """An operator ends every block that they can see from here, a moderator that of their place."""
        person = await self._meant(said.user(), asker)
        name, reason, now = _name_of(person), said.reason(), self.operator.clock.now()
        ended = False
        if asker.admin and (person.blocked_until or 0) > now:
            await self.accounts.unblock(person.user, actor=asker.identity, reason=reason)
            ended = True
        if await self._blocked_here(person, asker) is not None:
            await self._block_here(person, asker, now - 1, reason)
            await self._say_why_unblocked(person, asker, reason)
            ended = True
        if not ended:
            if not asker.admin and (person.blocked_until or 0) > now:
                raise NotAllowed(
                    Text("An operator has blocked {name}, and only one can end that.", name=name)
                )
            return told_card(Text("{name} was not blocked", name=name))
        return told_card(Text("{name} may ask for pictures again", name=name))

    async def _subject(self, wish: Wish) -> Person:
        """Of a button, which may be forged: an id, never a name to be guessed. Raises NotFound."""
        found = await self.operator.store.find_people(wish.subject)
        for person in found:
            if wish.subject in (person.user, *person.identities):
                return person
        raise NotFound(Text("That user is not known any more. Give the command once more."))

    async def _meant(self, user: Named, asker: Asker) -> Person:
        # Who else uses the bot, and elsewhere, is not for moderators to learn by guessing names.
        unnamed = NotFound(Text("Say whom by mentioning them, or by platform and id, like discord:123."))
        if not asker.admin and not user.exact:
            raise unnamed
        try:
            person = await self.accounts.met(user.wanted)
        except NotFound:
            if asker.admin:
                raise
            raise unnamed from None
        if not asker.admin and user.wanted not in (person.user, *person.identities):
            raise unnamed
        if user.name and not person.names:
            return await self.accounts.person(IdentityId(user.wanted), user.name)
        return person

    async def _may_be_blocked(self, person: Person, asker: Asker) -> None:
        """Raises NotAllowed."""
        if asker.identity in person.identities:
            raise NotAllowed(Text("That is you. Ask somebody else to block you, if you mean it."))
        theirs = self.admins & set(person.identities)
        if theirs and not asker.admin:
            raise NotAllowed(Text("{name} is an operator of this bot.", name=_name_of(person)))
        if theirs and not await self._others_left(person):
            raise NotAllowed(
                Text(
                    "{name} is the last operator who is not blocked. Unblock another one first.",
                    name=_name_of(person),
                )
            )

    async def _others_left(self, person: Person) -> bool:
        now = self.operator.clock.now()
        for identity in self.admins - set(person.identities):
            other = (await self.accounts.account(identity)).person
            if (other.blocked_until or 0) <= now:
                return True
        return False

    async def _blocked_until(self, person: Person, asker: Asker) -> int | None:
        """Until when they are blocked already, by what ``asker`` may do; None: they are not."""
        if not asker.admin:
            return await self._blocked_here(person, asker)
        until = person.blocked_until
        return until if until is not None and until > self.operator.clock.now() else None

    async def _blocked_here(self, person: Person, asker: Asker) -> int | None:
        if not asker.place:
            return None
        store, now = self.operator.store, self.operator.clock.now()
        found = await store.blocked_in(asker.place, person.user, now)
        return None if found is None else found[0] or FOR_GOOD

    async def _block_here(self, person: Person, asker: Asker, until: int | None, reason: str) -> None:
        await self.operator.store.block_in(
            asker.place, person.user, until, reason, actor=asker.identity, at=self.operator.clock.now()
        )

    async def _say_why_unblocked(self, person: Person, asker: Asker, reason: str) -> None:
        """The end of a block in a place is written down without it."""
        if reason:
            at = self.operator.clock.now()
            await self.operator.store.audit(
                AuditEntry(at, asker.identity, "unblock: reason", person.user, reason)
            )

    async def _card(self, account: Account, user: Named, asker: Asker, headline: Text | None = None) -> Card:
        notes = account.notes
        if (until := await self._blocked_here(account.person, asker)) is not None:
            notes = (*notes, Text("Blocked in this place {until}.", until=self.accounts.until(until)))
        if headline is not None and asker.identity in account.person.identities and _used_up(account):
            notes = (
                *notes,
                Text("That is you: nothing more of yours is painted for now. Your commands stay yours."),
            )
        who = Who(
            name=account.name if account.person.names or not user.name else user.name,
            identities=account.person.identities,
            tier=account.tier,
            standing=account.standing,
            own_limits=account.person.allowance is not None,
            known=account.known,
            notes=notes,
        )
        return person_card(who, now=self.operator.clock.now(), headline=headline)


def _name(account: Account, user: Named) -> str:
    return name_of(account.name if account.person.names or not user.name else user.name)


def _name_of(person: Person) -> str:
    return name_of(person.names[0] if person.names else person.identities[0])


def _used_up(account: Account) -> bool:
    seconds, jobs = left_seconds(account.standing), left_jobs(account.standing)
    return (seconds is not None and seconds <= 0) or (jobs is not None and jobs <= 0)


def _undo() -> Text:
    return Text("{command} takes it back.", command=Command("admin unblock"))
