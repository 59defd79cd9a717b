"""Bringing results to those who asked: a step of its own, retried, surviving restarts.

A delivery is claimed before it is made. What happens to it is up to the front-end that owns the reply; a
front-end that is not configured now leaves its deliveries pending until it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.errors import StoreUnavailable
from bot.domain.ids import RequestId
from bot.service import story
from bot.service.about import about
from bot.service.clock import Clock
from bot.service.meter import UNCOUNTED, Meter
from bot.service.records import DeliveryRecord
from bot.service.store import Store

log = logging.getLogger(__name__)

IDLE = 5.0
"""Seconds between looks for due deliveries when nobody said that there is one."""
AT_ONCE = 8
FIRST_RETRY, LONGEST_RETRY = 2.0, 900.0
MOST_TRIES = 40
"""About eight hours of trying; then the result is kept, to be shown when asked for."""
CARD_TRIES = 96
"""About a day more, in which whoever waits may still be told so."""


@dataclass(frozen=True, slots=True)
class Sent:
    """It is shown. ``address``: opaque, of what was sent."""

    address: str | None = None


@dataclass(frozen=True, slots=True)
class MaybeSent:
    """The answer was lost, and sending again could show it twice: it is offered instead."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """There is no place to send it any more (left, blocked, deleted): kept."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """It did not work this time. ``after``: seconds that the platform asked to wait."""

    reason: str
    after: float | None = None


Outcome = Sent | MaybeSent | Nowhere | Later


class Deliverer(Protocol):
    """A front-end, as it shows results."""

    async def deliver(self, delivery: DeliveryRecord) -> Outcome:
        """Show the result of a request whose jobs are all over; of one that is :func:`given_up`, only that it
        is kept. Called once at a time for each delivery; raises nothing: every failure is an
        :data:`Outcome`."""


class Courier:
    """Hands due deliveries to the front-ends."""

    def __init__(
        self,
        store: Store,
        deliverers: Mapping[str, Deliverer],
        clock: Clock,
        meter: Meter = UNCOUNTED,
    ) -> None:
        self._store = store
        self._meter = meter
        self._deliverers = dict(deliverers)
        self._clock = clock
        self._due: dict[str, asyncio.Event] = {}

    def register(self, platform: str, deliverer: Deliverer) -> None:
        """A front-end that is ready before :meth:`run`."""
        self._deliverers[platform] = deliverer

    def nudge(self) -> None:
        """A request is over."""
        for due in self._due.values():
            due.set()

    async def run(self) -> None:
        """Until cancelled; what is claimed then is pending again at the next start."""
        async with asyncio.TaskGroup() as tasks:
            for platform, deliverer in self._deliverers.items():
                tasks.create_task(self._serve(platform, deliverer), name=f"deliveries to {platform}")
            await asyncio.Event().wait()  # also with nobody to serve: an end would look like a failure

    async def _serve(self, platform: str, deliverer: Deliverer) -> None:
        """As many at a time as there are places: one that takes long holds up no other."""
        due = self._due[platform] = asyncio.Event()
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                due.clear()
                claimed = await self._claim(platform, AT_ONCE - len(under_way))
                for delivery in claimed:
                    task = tasks.create_task(self._bring(deliverer, delivery), name=f"to {delivery.request}")
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    task.add_done_callback(lambda _: due.set())
                if not claimed or len(under_way) >= AT_ONCE:
                    await _nap(due)

    async def _claim(self, platform: str, most: int) -> Sequence[DeliveryRecord]:
        if most <= 0:
            return ()
        try:
            return await self._store.claim_deliveries(platform, self._clock.now(), most)
        except StoreUnavailable as error:
            log.warning("deliveries wait: %s", error.cause)
            return ()

    async def _bring(self, deliverer: Deliverer, delivery: DeliveryRecord) -> None:
        with about(request=delivery.request, platform=delivery.platform):
            try:
                outcome = await deliverer.deliver(delivery)
            except Exception as error:
                log.exception("stumbled over the delivery of %s", delivery.request)
                outcome = Later(type(error).__name__)
            await self._note(delivery, outcome)
            how = _how(outcome, delivery)
            self._meter.delivered(delivery.platform, how)
            if how != "again":
                story.delivered(delivery.request, delivery.platform, how)

    async def _note(self, delivery: DeliveryRecord, outcome: Outcome) -> None:
        request, now = delivery.request, self._clock.now()
        match outcome:
            case Sent(address=address):
                await self._surely(request, lambda: self._store.delivered(request, "sent", now, sent=address))
            case MaybeSent():
                await self._surely(request, lambda: self._store.delivered(request, "unknown", now))
            case Nowhere(reason=reason):
                log.info("result of %s is kept: %s", request, reason)
                await self._surely(request, lambda: self._store.delivered(request, "kept", now))
            case Later(reason=reason) if not _once_more(delivery):
                log.warning("nobody could be told that the result of %s is kept: %s", request, reason)
                await self._surely(request, lambda: self._store.delivered(request, "kept", now))
            case Later(reason=reason, after=after):
                if delivery.tries == MOST_TRIES:
                    log.warning("result of %s is kept after %s tries: %s", request, delivery.tries, reason)
                due = now + round(1000 * max(after or 0.0, retry_pause(delivery.tries)))
                await self._surely(request, lambda: self._store.deliver_later(request, due, reason))

    async def _surely(self, request: RequestId, write: Callable[[], Awaitable[None]]) -> None:
        """What became of it must be written before anybody shows it again."""
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                log.warning("delivery of %s is not written yet: %s", request, error.cause)
                await self._clock.sleep(FIRST_RETRY)


def given_up(delivery: DeliveryRecord) -> bool:
    """Whether its result has been tried to be shown often enough."""
    return delivery.tries > MOST_TRIES


def _once_more(delivery: DeliveryRecord) -> bool:
    return delivery.tries < MOST_TRIES + CARD_TRIES


def _how(outcome: Outcome, delivery: DeliveryRecord) -> str:
    match outcome:
        case Sent():
            return "sent"
        case MaybeSent():
            return "unknown"
        case Later() if _once_more(delivery):
            return "again"
    return "kept"


async def _nap(due: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(IDLE):
            await due.wait()
    except TimeoutError:
        return


def retry_pause(tries: int) -> float:
    """Seconds before the next try after ``tries`` + 1 failures."""
    return float(min(FIRST_RETRY * 2.0 ** min(tries, 20), LONGEST_RETRY))
