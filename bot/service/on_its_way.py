"""A result that is being brought to a reply: its last card, and whoever waits to hear what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from bot.presentation.card_request import card_of
from bot.presentation.card_situation import Situation
from bot.service import courier
from bot.service.records import RequestRecord
from bot.service.screens import Shown


@dataclass(slots=True)
class OnItsWay:
    """``since``: monotonic seconds at which the first try was due."""

    request: RequestRecord
    shown: Shown
    since: float
    outcome: asyncio.Future[courier.Outcome]

    @property
    def waits(self) -> bool:
        return not self.outcome.done()

    def ends(self, outcome: courier.Outcome) -> None:
        """The first word counts."""
        if self.waits:
            self.outcome.set_result(outcome)


def last_card(found: Situation) -> Shown:
    """The last card of a request, and those that may have to stand in for it."""
    return Shown(
        card_of(found),
        deliver=True,
        card_at=lambda rung, limit: card_of(replace(found, rung=rung, limit=limit)),
        card_if=lambda delivery: card_of(replace(found, delivery=delivery)),
    )
