"""What follows from a refused text: a line in the audit log, a warning, and after some of them a block."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.domain.blocking import REFUSED_TEXTS
from bot.domain.durations import HOUR, MINUTE, about
from bot.domain.errors import StoreUnavailable
from bot.domain.ids import IdentityId, UserId
from bot.domain.quota_days import local_time
from bot.domain.strikes import Ladder, Rung, Strike, StrikeKind
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.records import AuditEntry, Person
from bot.service.store import Store

log = logging.getLogger(__name__)

ACTOR = "moderation"
"""In the audit log."""
SAME_SECONDS = 10.0
"""The same text within that time is a double click, or a try that came too soon: it counts once."""
AUDIT_SECONDS = 60.0
"""One line of the audit log a person in that time, and at most :data:`MOST_AUDITED` of all of them."""
MOST_AUDITED = 60
_MOST_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class Refused:
    """A text that was refused. ``rule``: the blocked word as the operator wrote it, "" for their check.
    ``place``: whose own rule it was; "" for one of the whole bot. ``asked_in``: where it was said."""

    kind: StrikeKind
    rule: str
    texts: Sequence[str]
    identity: IdentityId
    person: Person
    place: str = ""
    asked_in: str = ""
    exempt: bool = False
    """Whoever it was is never blocked for that."""


@dataclass(slots=True)
class Strikes:
    """``admins``: the operators of all platforms, who are not blocked by anything but each other."""

    store: Store
    clock: Clock
    ladder: Ladder = field(default_factory=Ladder)
    admins: frozenset[IdentityId] = frozenset()
    timezone: str = "UTC"
    _counted: dict[bytes, float] = field(default_factory=dict, init=False)
    _audited: dict[UserId, float] = field(default_factory=dict, init=False)
    _in_turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    """So that the second half of a double click hears what came of the first."""

    async def told(self, refused: Refused) -> Text | None:
        """What the person is told besides; nothing when nothing follows. That nothing can be written down
        makes no refused text a welcome one: then nothing follows, either."""
        try:
            rung = await self._counted_as(refused)
            await self._audit(refused, rung)
        except StoreUnavailable as error:
            log.warning("a refused text could not be written down: %s", error)
            return None
        return None if rung is None else self._warning(refused, rung)

    async def _counted_as(self, refused: Refused) -> Rung | None:
        if not self.ladder.is_used or self._is_exempt(refused):
            return None
        now = self.clock.now()
        async with self._in_turn:
            if self._is_repeat(refused):
                user, place = refused.person.user, refused.place
                count = await self.store.strikes_of(user, place, self.ladder, now)
                # None is left when that one led to a block, of which the next text will tell.
                return Rung(min(count, self.ladder.warnings), self.ladder.warnings) if count else None
            new = Strike(refused.person.user, refused.identity, now, refused.kind, refused.place)
            return await self.store.strike(new, self.ladder, REFUSED_TEXTS)

    def _is_exempt(self, refused: Refused) -> bool:
        return refused.exempt or bool(self.admins & {refused.identity, *refused.person.identities})

    def _is_repeat(self, refused: Refused) -> bool:
        said = "\0".join((refused.person.user, refused.place, *refused.texts))
        key = hashlib.sha256(said.encode(errors="replace")).digest()
        now = self.clock.monotonic()
        last = self._counted.pop(key, None)
        if last is not None and now - last < SAME_SECONDS:
            self._counted[key] = last
            return True
        _keep(self._counted, key, now)
        return False

    async def _audit(self, refused: Refused, rung: Rung | None) -> None:
        """A flood of texts must fill neither the log nor the disk."""
        user, now = refused.person.user, self.clock.monotonic()
        self._audited = {who: at for who, at in self._audited.items() if now - at < AUDIT_SECONDS}
        if user in self._audited or len(self._audited) >= MOST_AUDITED:
            return
        self._audited[user] = now
        entry = AuditEntry(self.clock.now(), ACTOR, "refused", user, _detail(refused, rung))
        await self.store.audit(entry)

    def _warning(self, refused: Refused, rung: Rung) -> Text:
        if rung.blocked_until is not None:
            return self._blocked(refused, rung.blocked_until)
        length, days = lasting(self.ladder.block_ms), lasting(self.ladder.window_ms)
        if refused.place:
            return Text(
                "This is warning {count} of {most}: after {most} refused texts within {days} you cannot use "
                "this bot here for {length}.",
                count=rung.count,
                most=rung.of,
                days=days,
                length=length,
            )
        return Text(
            "This is warning {count} of {most}: after {most} refused texts within {days} you cannot use this "
            "bot for {length}.",
            count=rung.count,
            most=rung.of,
            days=days,
            length=length,
        )

    def _blocked(self, refused: Refused, until: int) -> Text:
        moment = f"{local_time(until, self.timezone):%Y-%m-%d %H:%M} {self.timezone}"
        if refused.place:
            return Text(
                "That was one too many: you cannot use this bot here until {until}.",
                until=moment,
            )
        return Text("That was one too many: you cannot use this bot until {until}.", until=moment)


def lasting(milliseconds: int) -> Text:
    """A length that somebody chose.

    >>> str(lasting(36 * HOUR)), str(lasting(7 * 24 * HOUR)), str(lasting(90 * MINUTE))
    ('36 hours', '7 days', '90 minutes')
    """
    if milliseconds % HOUR:
        minutes = milliseconds // MINUTE
        if milliseconds % MINUTE or not minutes:
            return about(milliseconds)
        return Text.counted("{count} minute", "{count} minutes", minutes)
    hours = milliseconds // HOUR
    if hours % 24 or hours == 24:
        return Text.counted("{count} hour", "{count} hours", hours)
    return Text.counted("{count} day", "{count} days", hours // 24)


def _detail(refused: Refused, rung: Rung | None) -> str:
    """For operators; the text itself is in no log."""
    what = f"word: {refused.rule}" if refused.kind == "word" else "hook"
    whose = f"rule of {refused.place}" if refused.place else ""
    where = f"in {refused.asked_in}" if refused.asked_in and not refused.place else ""
    warning = "" if rung is None else f"warning {rung.count} of {rung.of}"
    return "; ".join(filter(None, (what, whose, where, warning)))


def _keep(known: dict[bytes, float], key: bytes, now: float) -> None:
    while len(known) >= _MOST_KNOWN:
        del known[next(iter(known))]
    known[key] = now
