"""A front-end, as far as showing requests is concerned: the port of :mod:`bot.service.reporter`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.jobs import DeliveryState
from bot.domain.throttle import Refusal, Route
from bot.presentation.card_situation import Offers, Rung
from bot.presentation.cards import Card
from bot.service import courier
from bot.service.records import RequestRecord


@dataclass(frozen=True, slots=True)
class Shown:
    """What a message is to show.

    ``preview``: the newest unfinished picture of the job that ``card.preview`` names, as its server sent it.
    ``deliver``: with its pictures, for good. Then ``card_at`` gives the same card for pictures that had to be
    made smaller, for a limit of so many bytes, and ``card_if`` the one for a result that is kept instead, or
    that may have been shown.
    """

    card: Card
    preview: bytes | None = field(default=None, compare=False)
    deliver: bool = False
    card_at: Callable[[Rung, int], Card] | None = field(default=None, compare=False)
    card_if: Callable[[DeliveryState], Card] | None = field(default=None, compare=False)


class Screen(Protocol):
    """Where the replies of one platform are shown. Its address is in :attr:`RequestRecord.reply`, opaque to
    everybody else."""

    @property
    def platform(self) -> str:
        """As in :attr:`RequestRecord.platform`."""

    def route(self, request: RequestRecord, now: int) -> Route | None:
        """What shares a rate limit with it now (UTC milliseconds); None: it cannot be reached any more. Never
        waits."""

    def cost(self, shown: Shown) -> int:
        """How many calls the platform will count. Never waits."""

    async def show(self, request: RequestRecord, shown: Shown) -> Refusal | None:
        """Make the reply look like that; None when it does. Raises nothing."""

    async def deliver(self, request: RequestRecord, shown: Shown) -> courier.Outcome | Refusal:
        """The same with the pictures, where all that can be tried is tried. Raises nothing."""

    def offers(self, request: RequestRecord) -> Offers:
        """What may be done with the result there. Never waits."""

    def forget(self, request: RequestRecord) -> None:
        """Nothing more follows in this reply for now: what is remembered of it may go. Never waits."""
