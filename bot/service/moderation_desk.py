"""Where every text of every request is looked at: by the operator's words, the place's, and the operator's
own check. What is refused there is written down, and may be a warning."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import WordsBlocked
from bot.domain.ids import IdentityId, TemplateName, UserId
from bot.domain.strikes import StrikeKind
from bot.domain.text import Text
from bot.service.moderation import HouseRules, key_of
from bot.service.moderation_hook import Judge, Question
from bot.service.moderation_strikes import Refused, Strikes
from bot.service.moderation_texts import with_warning, words_blocked
from bot.service.records import Person

SHELL = "shell"
"""The platform of whoever sits at the machine: they read the config, and nobody blocks them."""
_USER_DIGITS = 24


@dataclass(frozen=True, slots=True)
class Whose:
    """Who asks, and where. ``moderator``: they look after ``place``."""

    person: Person
    identity: IdentityId
    platform: str
    place: str = ""
    moderator: bool = False
    admin: bool = False

    def exempt(self, place: str) -> bool:
        """Whether breaking the rules of ``place`` ("" is the whole bot) never blocks them. Those of the whole
        bot hold for moderators, too: in a group of one's own, everybody is one."""
        return self.admin or self.platform == SHELL or (self.moderator and bool(place))


@dataclass(slots=True)
class Moderation:
    """``secret``: what makes the ids of people in questions tell nothing."""

    house: HouseRules
    judge: Judge
    strikes: Strikes
    secret: bytes = b""

    @property
    def takes_time(self) -> bool:
        """Whether there is a check to be asked, which may take seconds."""
        return self.judge.censor is not None

    async def look(self, texts: Sequence[str], whose: Whose) -> None:
        """Raises WordsBlocked."""
        broken = self.house.broken(texts, whose.place)
        if broken is not None:
            told = await self._refused("word", broken.word, broken.place, texts, whose)
            raise words_blocked(here=bool(broken.place), told=told)

    async def ask(self, texts: Sequence[str], whose: Whose, *, template: TemplateName, command: str) -> None:
        """The operator's own check, which may take seconds. Raises WordsBlocked and CheckUnavailable."""
        verdict = await self.judge.judge(
            Question(
                tuple(texts),
                user=self._opaque(whose.person.user),
                place=key_of(whose.place) if whose.place else "",
                platform=whose.platform,
                template=template,
                command=command,
            )
        )
        if verdict.allow:
            return
        told = await self._refused("hook", "", "", texts, whose)
        said = Text("The operator has texts checked, and yours was refused. Say it in other words.")
        if verdict.reason:
            said = Text("{said} The reason: {reason}", said=said, reason=verdict.reason)
        raise WordsBlocked(said if told is None else with_warning(said, told), cause="moderation hook")

    async def _refused(
        self, kind: StrikeKind, rule: str, place: str, texts: Sequence[str], whose: Whose
    ) -> Text | None:
        return await self.strikes.told(
            Refused(
                kind,
                rule,
                texts,
                whose.identity,
                whose.person,
                place=place,
                asked_in=whose.place,
                exempt=whose.exempt(place),
            )
        )

    def _opaque(self, user: UserId) -> str:
        return hmac.new(self.secret, user.encode(errors="replace"), hashlib.sha256).hexdigest()[:_USER_DIGITS]
