"""Word in a reply that its result is kept, where the result itself could not be shown for hours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.domain.throttle import Refusal, RetryAfter, Route, Transient
from bot.presentation.cards import Card
from bot.service import courier
from bot.service.clock import Clock
from bot.service.records import RequestRecord
from bot.service.screens import Screen, Shown

PATIENCE = 20.0
"""Seconds that it is tried again and again before the courier comes back later."""

Say = Callable[[Route, Callable[[], Awaitable[Refusal | None]]], Awaitable[None]]


async def leave_word(
    screen: Screen, request: RequestRecord, card: Card, *, say: Say, clock: Clock
) -> courier.Outcome:
    """``say`` makes a call in its turn, and again where it is refused for a while."""
    route, since = screen.route(request, clock.now()), clock.monotonic()
    answer: Refusal | None = Transient()

    async def tell() -> Refusal | None:
        nonlocal answer
        answer = await screen.show(request, Shown(card))
        return answer if clock.monotonic() - since < PATIENCE else None

    if route is None:
        return courier.Nowhere("nobody can be told that it is kept")
    await say(route, tell)
    if isinstance(answer, RetryAfter | Transient):
        after = answer.seconds if isinstance(answer, RetryAfter) else None
        return courier.Later("nobody could be told that it is kept", after)
    screen.forget(request)
    return courier.Nowhere("it was tried often enough")
