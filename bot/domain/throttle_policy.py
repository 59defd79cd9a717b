"""How often a platform may be called, and what for first: the numbers of the outgoing scheduler. Pure data.

None of the platforms publishes its limits as a promise, so these are starting points; what a platform
answers (``retry_after``) goes before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

_CALL = 0.3
"""Seconds that a call may take."""
_RUNNING_SHARE = 0.8
"""Of the calls for progress, what running cards may use while others wait."""


class Importance(IntEnum):
    """Of what is to be shown; the lowest goes first."""

    RESULT = 0
    """A final state: it skips the intervals, may use the whole budget, and is never dropped."""
    ANSWER = 1
    """The first words to somebody who asked."""
    RUNNING = 2
    WAITING = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """For one kind of route: all calls through one such route share a budget of ``calls`` in any
    ``seconds``. Everything else is in seconds, too."""

    calls: int
    seconds: float
    kept: int = 0
    """Calls of the budget that only results may use."""
    burst: int = 0
    """How many answers may go at once, ahead of the even pace that progress has to keep."""
    running_every: float = 2.0
    """Least time between two calls for one message, likewise below."""
    waiting_every: float = 5.0
    running_age: float = 4.0
    """How old running cards may get, so that some calls are left for waiting ones."""

    result_wait: float = 0.0
    """How long progress may make a result wait for the budget, where that is small and ``kept`` is 0."""

    def __post_init__(self) -> None:
        if self.calls - self.kept - self.burst < 1:
            raise ValueError("nothing of the budget is left for progress")

    @property
    def gap(self) -> float:
        """Between any two calls for progress on one route: evenly spread, they leave the rest free."""
        if self.result_wait:
            # After the last call that fits into the window, the first is about to leave it.
            return (self.seconds - self.result_wait) / (self.calls - 1)
        return self.seconds / (self.calls - self.kept - self.burst)

    def spare(self, calls: int = 1) -> float:
        """How long a running card may be left alone that then still has to wait for so many calls: by the
        last of them it is old enough."""
        # A state may grow old while the one before it is under way, and then until it is there itself.
        return max(0.0, self.running_age - calls * self.gap - 2 * _CALL)

    def running_beside(self, running: int) -> float:
        """Least time between two calls for one of ``running`` messages while others wait: as long as it
        may be without their growing too old, and longer where they would use up (nearly) everything."""
        return max(self.running_every, self.spare(), running * self.gap / _RUNNING_SHARE)

    def urgent_beside(self, running: int) -> float:
        """Likewise for one that is about to grow too old, or holds up one that is: where they are more than
        the route carries, all of them do, and leave something to others."""
        needed = running * self.gap / _RUNNING_SHARE
        return needed if needed > self.running_age else max(self.running_every, self.spare(running))


@dataclass(frozen=True, slots=True)
class Policy:
    """Of one bot. ``routes``: rules by kind of route. All routes together: ``calls`` a second, of which
    ``kept`` are for results."""

    routes: Mapping[str, Rules]
    calls: int
    kept: int
    waiting_share: float = 0.5
    """Of ``calls``, what waiting cards may use: the more wait, the seldomer each is changed."""
    retry_first: float = 1.0
    retry_longest: float = 60.0
    """After a failed call it is tried again later and later."""


def discord_policy(progress_interval: float = 2.0) -> Policy:
    """Kinds of route: ``token`` (one interaction's token), ``channel`` (a channel, with the bot's own
    token) and ``old`` (a channel, for messages older than an hour).

    Tokens have budgets of their own and are not bound to the bot's 50 calls a second; all are held to it,
    because our own machine has limits too.
    """
    interval = max(progress_interval, 1.5)
    return Policy(
        MappingProxyType(
            {
                "token": Rules(5, 5.0, kept=2, running_every=interval),
                "channel": Rules(5, 5.0, result_wait=0.5, running_every=interval),
                "old": Rules(3, 6.0, kept=1, running_every=interval),
            }
        ),
        calls=45,
        kept=10,
    )


def telegram_policy(progress_interval: float = 4.0) -> Policy:
    """Kinds of route: ``private`` (a chat with one person) and ``group``. Channels count as groups."""
    return Policy(
        MappingProxyType(
            {
                "private": Rules(3, 3.0, kept=1, running_every=max(1.5, min(progress_interval, 2.0))),
                "group": Rules(
                    20,
                    60.0,
                    kept=6,
                    burst=1,
                    running_every=max(progress_interval, 4.0),
                    waiting_every=15.0,
                    running_age=14.5,
                ),
            }
        ),
        calls=28,
        kept=3,
    )


def web_policy(edits: float = 4.0) -> Policy:
    """Kind of route: ``page``, our own web page, whose limits are this machine's. ``edits``: of one message
    a second."""
    every = 1.0 / edits
    rules = Rules(120, 1.0, kept=40, burst=20, running_every=every, waiting_every=0.5, running_age=1.0)
    return Policy(MappingProxyType({"page": rules}), calls=120, kept=40)
