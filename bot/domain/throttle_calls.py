"""The words between the outgoing scheduler and those who make the calls. Pure; durations in seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bot.domain.throttle_budget import Budget
from bot.domain.throttle_policy import Importance

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Route:
    """What shares a budget: ``kind`` names its rules in the policy, ``name`` is the platform's own."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Send(Generic[K, T]):
    """Make this call now, then tell ``sent`` or ``refused``, whatever happens."""

    key: K
    route: Route
    state: T
    importance: Importance


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again in ``seconds``, or at the next event. None: nothing will be due before one."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """The platform ordered to wait; ``everywhere``: not on this route alone."""

    seconds: float
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Transient:
    """It did not work this time, or nobody knows whether it did: a fault of the platform or the network."""


@dataclass(frozen=True, slots=True)
class Gone:
    """It never will: message or channel deleted, rights taken, bot blocked."""


Rank = tuple[int, float]
Refusal = RetryAfter | Transient | Gone


@dataclass(eq=False, slots=True)
class Message(Generic[K, T]):
    """One message, as the scheduler knows it."""

    key: K
    route: Route
    importance: Importance
    """Of the newest state."""
    pending: T | None = None
    """The newest state, unless it is shown or under way."""
    cost: int = 1
    under_way: Send[K, T] | None = None
    cost_under_way: int = 1
    shown: T | None = None
    """None: nothing yet, or nobody knows."""
    stale_since: float = 0.0
    """When what is shown, or under way, ceased to be the newest."""
    more_since: float = 0.0
    """Likewise, but from when it became as important as it is now."""
    called_at: float = -math.inf
    retry_at: float = -math.inf
    failures: int = 0
    owed: bool = False
    """Somebody still waits for the first words."""
    forgotten: bool = False
    """Nobody wants it any more, but a call is under way."""

    @property
    def ready(self) -> bool:
        return self.pending is not None and self.under_way is None

    def outranked(self, importance: Importance) -> Importance:
        """What a state of ``importance`` counts as: until the first words are there, each newer state is
        the first words."""
        return min(importance, Importance.ANSWER) if self.owed and self.under_way is None else importance

    @property
    def final(self) -> bool:
        """A result is pending or under way."""
        return self.importance is Importance.RESULT and (
            self.pending is not None or self.under_way is not None
        )


@dataclass(eq=False, slots=True)
class Bucket(Generic[K, T]):
    """The messages of one route."""

    budget: Budget
    messages: dict[K, Message[K, T]] = field(default_factory=dict)
    census: Counter[Importance] = field(default_factory=Counter)
    running: dict[K, Message[K, T]] = field(default_factory=dict)
    """Those of that importance."""
    asleep_until: float = math.inf
    """Which entry among the sleepers counts; infinite for none."""
    rank: Rank | None = None
    """Which entry among those awake counts."""

    def rank_of(self, message: Message[K, T], now: float) -> Rank:
        """By importance, then whatever has been out of date for longest. A running card that is about to
        grow too old goes before answers: however many people ask at once, what is at work is seen to go
        on."""
        if message.importance is Importance.RUNNING and now >= self.urgent_at(message):
            return _OVERDUE, message.more_since
        return _RANKS.index(message.importance), message.more_since

    def urgent_at(self, message: Message[K, T], *, calls: int = 1) -> float:
        """When a running card has to go, lest it grows too old, or one that has its turn after it does.
        ``calls``: how many it may still have to wait for."""
        spare = self.budget.rules.spare
        since = sorted(each.more_since for each in self.running.values() if each.ready)
        if not since or message.more_since > since[0]:
            return message.more_since + spare(calls)
        return min(at + spare(calls + turn) for turn, at in enumerate(since))

    @property
    def answers(self) -> bool:
        """Some wait."""
        return any(each.ready and each.importance is Importance.ANSWER for each in self.messages.values())


_OVERDUE = 1
_RANKS = (Importance.RESULT, None, Importance.ANSWER, Importance.RUNNING, Importance.WAITING)
