"""Users as operators and admission see them: who is meant, in which tier, how they stand, what was decided.

Everything here asks the store; nothing is remembered in between. So the running bot and a command that
works on the database alone go by the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.domain.errors import NotFound, ParameterError
from bot.domain.ids import IdentityId, TierName, UserId
from bot.domain.quota import Allowance, Standing, Window, check_allowance, check_amount, quota_day
from bot.domain.quota_days import local_time
from bot.domain.text import Text
from bot.domain.tiers import Tier, Tiers
from bot.presentation.card_text import one_line
from bot.presentation.nearest import nearest
from bot.service.operator import Account, Limit, LimitChange, UsageBy
from bot.service.records import AuditEntry, Person, Rules, UsageRow
from bot.service.store import Store

NO_ROLES: frozenset[str] = frozenset()
MOST_REASON = 300
"""Characters of a reason in the audit log and the ledger."""
_ACCOUNT = re.compile(r"(discord|telegram):[0-9]{1,19}")
_MOST_NAMED = 5
_FINEST = 6
"""Decimals of a GPU second that the ledger has."""


class Accounts:
    """Implements :class:`bot.service.operator.Desk`. ``clock`` gives UTC milliseconds."""

    def __init__(
        self, store: Store, tiers: Tiers, *, window: Window, timezone: str, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._tiers = tiers
        self._window = window
        self._timezone = timezone
        self._clock = clock

    # For admission

    async def person(self, identity: IdentityId, name: str) -> Person:
        """The user behind an identity, made when seen for the first time."""
        return await self._store.person(identity, name=name, at=self._clock())

    def tier_of(self, person: Person, roles: frozenset[str] = NO_ROLES) -> Tier:
        """``roles`` are those of the place where the request is made (``discord:456``)."""
        return self._tiers.of(person.tier, person.identities, roles)

    def rules_for(self, person: Person, roles: frozenset[str] = NO_ROLES, *, all_waiting: int) -> Rules:
        """What admission checks; limits that an operator gave this user go before those of the tier."""
        tier = self.tier_of(person, roles)
        return Rules(
            allowance=person.allowance or tier.allowance,
            window=self._window,
            timezone=self._timezone,
            user_waiting=tier.max_waiting,
            all_waiting=all_waiting,
        )

    async def standing(self, person: Person, roles: frozenset[str] = NO_ROLES) -> Standing:
        rules = self.rules_for(person, roles, all_waiting=0)
        return await self._store.standing(person.user, rules, self._clock())

    # For operators

    async def find(self, wanted: str) -> Person:
        """The one user that ``wanted`` names: an identity, a user's id, or the name last seen.

        Raises NotFound for nobody, with the nearest name, and for several, with what tells them apart.
        """
        found = await self._store.find_people(_plain(wanted))
        if not found:
            # Some platforms write names with a sign before them.
            plain = _plain(wanted)
            found = await self._store.find_people(plain[1:] if plain.startswith("@") else f"@{plain}")
        # Names are chosen freely: one that looks like another's identity must not stand for it.
        exact = [each for each in found if _plain(wanted) in (each.user, *each.identities)]
        if exact:
            return exact[0]
        if _unseen(wanted) is not None:
            # Nor for one that is still to come.
            found = ()
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(person.identities[0] for person in found[:_MOST_NAMED])
            raise NotFound(
                Text(
                    "{count} users are called “{name}”: {ids}. Say which by that.",
                    count=len(found),
                    name=_plain(wanted),
                    ids=ids if len(found) <= _MOST_NAMED else f"{ids} …",
                )
            )
        raise await self._nobody(_plain(wanted))

    async def account(self, wanted: str, *, roles: frozenset[str] = NO_ROLES) -> Account:
        """Also of an account that the bot has not seen yet; nothing is written for that. ``roles``, here as
        below: those that the user has where it is asked; tiers that come from them count then."""
        try:
            person = await self.find(wanted)
        except NotFound:
            if (identity := _unseen(wanted)) is None:
                raise
            return await self._view(Person(UserId(identity), (identity,)), roles, known=False)
        return await self._view(person, roles)

    async def grant(
        self, wanted: str, seconds: float, *, actor: str, reason: str, roles: frozenset[str] = NO_ROLES
    ) -> Account:
        check_amount(seconds)
        if round(seconds, _FINEST) == 0:
            raise ParameterError("seconds", Text("A grant of 0 GPU seconds changes nothing."))
        person = await self.met(wanted)
        at = self._clock()
        day = quota_day(at, self._timezone)
        await self._store.grant(person.user, seconds, day, actor=actor, reason=plain_reason(reason), at=at)
        notes: tuple[Text, ...] = ()
        if self.rules_for(person, roles, all_waiting=0).allowance.gpu_seconds is None:
            notes = (Text("Their GPU seconds are not limited, so this changes nothing for now."),)
        return await self._view(person, roles, notes)

    async def set_limits(
        self,
        wanted: str,
        change: LimitChange | None,
        *,
        actor: str,
        reason: str,
        roles: frozenset[str] = NO_ROLES,
    ) -> Account:
        """What ``change`` leaves open is kept as it is for this user now, and from then on is theirs."""
        person = await self.met(wanted)
        allowance = None
        if change is not None:
            now = self.rules_for(person, roles, all_waiting=0).allowance
            allowance = Allowance(
                gpu_seconds=now.gpu_seconds if change.gpu_seconds is None else change.gpu_seconds.value,
                jobs=now.jobs if change.jobs is None else _whole(change.jobs),
            )
            check_allowance(allowance)
        at = self._clock()
        await self._store.set_allowance(person.user, allowance, actor=actor, at=at)
        await self._say_why("allowance", person, actor, reason, at)
        return await self._view(await self.find(person.user), roles)

    async def reset(
        self, wanted: str, *, actor: str, reason: str, roles: frozenset[str] = NO_ROLES
    ) -> Account:
        person = await self.met(wanted)
        at = self._clock()
        day = quota_day(at, self._timezone)
        seconds = await self._store.reset(
            person.user, day, self._window, actor=actor, reason=plain_reason(reason), at=at
        )
        notes = [Text("{seconds} GPU seconds of today were given back.", seconds=f"{seconds:.1f}")]
        if self.rules_for(person, roles, all_waiting=0).allowance.jobs is not None:
            notes.append(Text("The jobs of today still count."))
        return await self._view(person, roles, tuple(notes))

    async def set_tier(
        self, wanted: str, tier: str | None, *, actor: str, reason: str, roles: frozenset[str] = NO_ROLES
    ) -> Account:
        """None: as the configuration says. Raises NotFound for a tier that is not in it."""
        name = None if tier is None else TierName(tier.strip())
        if name is not None and self._tiers.get(name) is None:
            raise self._no_tier(name)
        person = await self.met(wanted)
        at = self._clock()
        await self._store.set_tier(person.user, name, actor=actor, at=at)
        await self._say_why("tier", person, actor, reason, at)
        return await self._view(await self.find(person.user), roles)

    async def block(self, wanted: str, *, until: int, actor: str, reason: str) -> Account:
        """``until``: UTC milliseconds. The user is told ``reason``. Raises ParameterError for the past."""
        at = self._clock()
        if until <= at:
            raise ParameterError("until", Text("That time has passed. Give one that is still to come."))
        person = await self.met(wanted)
        await self._store.block(person.user, until=until, reason=plain_reason(reason), actor=actor, at=at)
        return await self._view(await self.find(person.user))

    async def unblock(self, wanted: str, *, actor: str, reason: str) -> Account:
        person = await self.find(wanted)
        at = self._clock()
        await self._store.unblock(person.user, actor=actor, at=at)
        await self._say_why("unblock", person, actor, reason, at)
        return await self._view(await self.find(person.user))

    async def usage(self, by: UsageBy, *, since: int, until: int) -> tuple[UsageRow, ...]:
        return await self._store.usage(by, since=since, until=until, timezone=self._timezone)

    async def met(self, wanted: str) -> Person:
        """Whom :meth:`find` finds. An account of a platform may be prepared before its owner comes for the
        first time."""
        try:
            return await self.find(wanted)
        except NotFound:
            if (identity := _unseen(wanted)) is None:
                raise
            return await self.person(identity, "")

    async def _view(
        self,
        person: Person,
        roles: frozenset[str] = NO_ROLES,
        notes: tuple[Text, ...] = (),
        *,
        known: bool = True,
    ) -> Account:
        tier = self.tier_of(person, roles)
        return Account(
            person=person,
            name=person.names[0] if person.names else str(person.identities[0]),
            tier=tier.name,
            standing=await self.standing(person, roles),
            known=known,
            notes=(*notes, *self._remarks(person, tier)),
        )

    def _remarks(self, person: Person, tier: Tier) -> tuple[Text, ...]:
        remarks = []
        if self._tiers.missing(person.tier):
            remarks.append(
                Text(
                    "Their tier “{missing}” is not in the configuration any more; “{tier}” holds instead.",
                    missing=person.tier,
                    tier=tier.name,
                )
            )
        if person.blocked_until is not None and person.blocked_until > self._clock():
            reason = person.blocked_reason.rstrip(".") or Text("no reason was given")
            until = self.until(person.blocked_until)
            remarks.append(Text("Blocked {until}: {reason}.", until=until, reason=reason))
        return tuple(remarks)

    def until(self, at: int) -> Text:
        """Until a time, UTC milliseconds, on the operator's clock."""
        try:
            moment = local_time(at, self._timezone)
        except (OverflowError, ValueError, OSError):  # past all calendars, as "for ever" is written
            return Text("for good")
        return Text("until {time}", time=f"{moment:%Y-%m-%d %H:%M} {self._timezone}")

    async def _nobody(self, wanted: str) -> NotFound:
        rows = await self._store.usage("user", since=0, until=self._clock() + 1, timezone=self._timezone)
        close = nearest(wanted, (row.key for row in rows)) if wanted else None
        if close is not None:
            return NotFound(
                Text("There is no user “{name}”. Did you mean {nearest}?", name=wanted, nearest=close)
            )
        return NotFound(
            Text(
                "There is no user “{name}”. Name one by platform and id, like discord:123, or by the name "
                "that the bot has seen.",
                name=wanted,
            )
        )

    def _no_tier(self, name: str) -> NotFound:
        names = self._tiers.names()
        close = nearest(name, names)
        if close is not None:
            return NotFound(
                Text("There is no tier “{name}”. Did you mean {nearest}?", name=name, nearest=close)
            )
        return NotFound(
            Text("There is no tier “{name}”. There are: {names}.", name=name, names=", ".join(names))
        )

    async def _say_why(self, action: str, person: Person, actor: str, reason: str, at: int) -> None:
        """Beside the change itself, which the store has written down by then."""
        if why := plain_reason(reason):
            await self._store.audit(AuditEntry(at, actor, f"{action}: reason", person.user, why))


def _plain(wanted: str) -> str:
    """What a shell passes may be no text at all; a database takes nothing else."""
    return wanted.strip().encode("utf-8", "replace").decode("utf-8")


def _unseen(wanted: str) -> IdentityId | None:
    plain = _plain(wanted)
    return IdentityId(plain) if _ACCOUNT.fullmatch(plain) else None


def plain_reason(words: str) -> str:
    """A reason as it is written down: one line, not too long, and fit to be shown anywhere, a shell too."""
    return one_line(_plain(words)[: 4 * MOST_REASON])[:MOST_REASON]


def _whole(limit: Limit) -> int | None:
    if limit.value is None:
        return None
    if not float(limit.value).is_integer():
        raise ParameterError(
            "jobs", Text("“{value}” is no number of jobs: give a whole number.", value=limit.value)
        )
    return int(limit.value)
