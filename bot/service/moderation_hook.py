"""The operator's own check of texts: asked within bounds, not asked twice, and done without while it is down.

It is asked outside of every lock. An answer is remembered for a while, so that a repeat of the same is not
asked about again. After some failures in a row nobody waits for it any more: what the operator chose for that
case holds at once, and now and then one text tries whether it is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

from bot.domain.errors import CensorFailed, CheckUnavailable
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.notices import Notices

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Questions that are open at a time."""
FAILURES = 3
"""In a row; then it counts as down."""
TRIED_AFTER = (5.0, 15.0, 60.0)
"""Seconds from the first, second and any further failure of one that is down to the next try."""
REMEMBERED_SECONDS = 600.0
"""How long an answer holds for the same texts of the same person in the same place."""
MOST_REMEMBERED = 4096
_ABOUT = "moderation hook"


@dataclass(frozen=True, slots=True)
class Question:
    """``texts``: all that a person wrote for one request. ``user``: an id that tells nobody who it is, the
    same for the same person. ``place``: as the config names it; "" for a private chat. ``command``: what it
    is asked with."""

    texts: tuple[str, ...]
    user: str
    place: str
    platform: str
    template: str
    command: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason``: plain text, "" for none."""

    allow: bool
    reason: str = ""


class Censor(Protocol):
    async def judge(self, question: Question) -> Verdict:
        """Raises CensorFailed, after a bounded time at the latest."""


class Circuit:
    """Whether a check that may be down is to be asked. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._down_for = 0
        """Failures since it counts as down."""
        self._next_try = 0.0
        self._trying = False

    @property
    def is_down(self) -> bool:
        return self._down_for > 0

    def may_ask(self, now: float) -> bool:
        return not self.is_down or (not self._trying and now >= self._next_try)

    def begin(self) -> bool:
        """Whoever may ask asks now. True: as the one who tries whether it is back; that one says what came of
        it, with :meth:`answered`, :meth:`failed` or :meth:`left`."""
        self._trying = self.is_down
        return self._trying

    def answered(self) -> bool:
        """Whether it was down until now."""
        was_down = self.is_down
        self._failures = self._down_for = 0
        self._trying = False
        return was_down

    def failed(self, now: float, *, trying: bool) -> bool:
        """Whether it counts as down from now on."""
        if self.is_down and not trying:
            return False  # asked before it counted as down: nothing new
        self._trying = False
        self._failures += 1
        if self._failures < FAILURES:
            return False
        self._next_try = now + TRIED_AFTER[min(self._down_for, len(TRIED_AFTER) - 1)]
        self._down_for += 1
        return self._down_for == 1

    def left(self, *, trying: bool) -> None:
        """Nobody waited for the answer: the next one may try."""
        if trying:
            self._trying = False


class _Unasked(CensorFailed):
    """It says nothing about the check."""


@dataclass(slots=True)
class Judge:
    """Asks ``censor``, if there is one. ``down``: what holds while it does not answer. ``patience``: seconds
    to wait for one's turn, besides those that the censor takes itself."""

    censor: Censor | None
    notices: Notices
    clock: Clock
    down: Literal["allow", "refuse"] = "refuse"
    patience: float = 3.0
    circuit: Circuit = field(default_factory=Circuit)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)
    _remembered: dict[bytes, tuple[float, Verdict]] = field(default_factory=dict, init=False)

    async def judge(self, question: Question) -> Verdict:
        """Raises CheckUnavailable while the check is down and that is to mean no."""
        if self.censor is None or not any(map(str.strip, question.texts)):
            return Verdict(allow=True)
        key = _key(question)
        if (known := self._known(key)) is not None:
            return known
        try:
            verdict = await self._ask(self.censor, question)
        except CensorFailed as error:
            if self.down == "allow":
                return Verdict(allow=True)
            raise CheckUnavailable(
                Text(
                    "The operator has texts checked, and the check does not answer right now. Nothing was "
                    "charged; try again in a minute."
                ),
                cause=error.cause or str(error),
            ) from error
        self._remember(key, verdict)
        return verdict

    async def _ask(self, censor: Censor, question: Question) -> Verdict:
        if not self.circuit.may_ask(self.clock.monotonic()):
            raise _Unasked(Text("The check of texts is down."))
        trying, heard = self.circuit.begin(), False
        try:
            async with self._turn(trying=trying):
                verdict = await censor.judge(question)
            heard = True
        except _Unasked:
            raise
        except CensorFailed as error:
            heard = True
            self._failed(error, trying=trying)
            raise
        finally:
            if not heard:
                self.circuit.left(trying=trying)
        if self.circuit.answered():
            self.notices.tell(Text("The moderation hook answers again."), about=_ABOUT)
        return verdict

    @asynccontextmanager
    async def _turn(self, *, trying: bool) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.patience):
                await self._turns.acquire()
        except TimeoutError as error:
            self.notices.tell(Text("The moderation hook is too slow: texts wait for each other."))
            raise _Unasked(Text("Too many texts wait to be checked.")) from error
        try:
            if self.circuit.is_down and not trying:
                raise _Unasked(Text("The check of texts is down."))  # since it began to wait
            yield
        finally:
            self._turns.release()

    def _failed(self, error: CensorFailed, *, trying: bool) -> None:
        log.info("the moderation hook failed: %s", error.cause or error)
        if not self.circuit.failed(self.clock.monotonic(), trying=trying):
            return
        self.notices.tell(
            Text(
                "The moderation hook does not work: {reason} Texts are refused until it does.",
                reason=error.text,
            )
            if self.down == "refuse"
            else Text(
                "The moderation hook does not work: {reason} Texts are taken unchecked until it does.",
                reason=error.text,
            ),
            about=_ABOUT,
        )

    def _known(self, key: bytes) -> Verdict | None:
        found = self._remembered.get(key)
        if found is None or self.clock.monotonic() - found[0] >= REMEMBERED_SECONDS:
            return None
        return found[1]

    def _remember(self, key: bytes, verdict: Verdict) -> None:
        self._remembered.pop(key, None)
        while len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = (self.clock.monotonic(), verdict)


def _key(question: Question) -> bytes:
    """The texts themselves are not kept."""
    return hashlib.sha256(json.dumps(asdict(question), sort_keys=True).encode()).digest()
