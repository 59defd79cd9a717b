"""What is counted of the work, as a port: whoever does something says so, and nothing comes back.

One implementation is :mod:`bot.service.meters`. Every method returns at once and raises nothing. None is told
who somebody is or what was asked for; users are named to :meth:`Meter.painted` alone, which sums them up.
"""

from __future__ import annotations

from typing import Protocol

from bot.domain.ids import ServerName, TierName, UserId
from bot.service.records import JobRecord


class Meter(Protocol):
    """All durations in seconds."""

    def accepted(self, platform: str, jobs: int) -> None:
        """A request was accepted, with so many jobs."""

    def refused(self, code: str) -> None:
        """A request was not, for an error with this code."""

    def began(self, tier: TierName, waited: float) -> None:
        """A server began a job for the first time, that long after it was accepted."""

    def painted(self, server: ServerName, user: UserId, seconds: float) -> None:
        """A run has left its server's GPU, whatever came of it."""

    def guessed(self, expected: float, seconds: float) -> None:
        """A job was painted that had been expected to take ``expected``."""

    def again(self, code: str) -> None:
        """An attempt was lost for an error with this code, and its job is in line again."""

    def over(self, job: JobRecord) -> None:
        """A job has its outcome."""

    def delivered(self, platform: str, how: str) -> None:
        """A delivery was tried: ``sent``, ``unknown``, ``kept``, or ``again`` (to be tried once more)."""

    def called(self, platform: str, status: int) -> None:
        """A chat platform answered a call with this HTTP status."""

    def store_refused(self) -> None:
        """Nothing could be read from or written to the database."""


class Uncounted:
    """A meter that nobody reads."""

    def accepted(self, platform: str, jobs: int) -> None: ...

    def refused(self, code: str) -> None: ...

    def began(self, tier: TierName, waited: float) -> None: ...

    def painted(self, server: ServerName, user: UserId, seconds: float) -> None: ...

    def guessed(self, expected: float, seconds: float) -> None: ...

    def again(self, code: str) -> None: ...

    def over(self, job: JobRecord) -> None: ...

    def delivered(self, platform: str, how: str) -> None: ...

    def called(self, platform: str, status: int) -> None: ...

    def store_refused(self) -> None: ...


UNCOUNTED: Meter = Uncounted()
"""Keeps nothing, so one is enough for everybody."""
