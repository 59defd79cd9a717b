"""Two accounts become one person: the rules, and what comes of a code. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.ids import IdentityId, UserId

CODE_MS = 10 * 60 * 1000
"""How long a code is good, in milliseconds."""
MOST_TRIES = 5
"""Wrong codes that one identity may enter in :data:`TRIES_MS`; then not even the right one is taken."""
TRIES_MS = CODE_MS
"""After that long since the first of them, wrong codes are forgotten: no code that was guessed at then is
good any more."""


class LinkOutcome(StrEnum):
    """What became of a code that somebody entered."""

    LINKED = "linked"
    WRONG = "wrong"
    """There is no such code: mistyped, used already, or too old."""
    TOO_MANY = "too many"
    """Too many wrong ones; the code was not even looked at."""
    ALREADY = "already"
    """It is the person's own code. It stays good."""
    BLOCKED = "blocked"
    """One of the two is blocked, and a block must neither be shed nor be caught by linking."""


@dataclass(frozen=True, slots=True)
class Regrouped:
    """An identity that belongs to another user now. Use, requests and pictures go with it, and so does what
    is in line or at a server."""

    identity: IdentityId
    before: UserId
    after: UserId


@dataclass(frozen=True, slots=True)
class Linking:
    """``moved`` is empty unless linked. ``tries_left`` after a wrong code."""

    outcome: LinkOutcome
    moved: tuple[Regrouped, ...] = ()
    tries_left: int = MOST_TRIES


def tries_within(tries: int, since: int, at: int) -> int:
    """Of ``tries`` that began at ``since``, those that still count at ``at`` (UTC milliseconds)."""
    return tries if at - since < TRIES_MS else 0
