"""Showing people how their requests stand: cards to messages, at the pace that a platform allows.

One reporter for each front-end. It follows every open request that has a reply, makes a card of each new
situation, and leaves it to :mod:`bot.domain.throttle` which message is changed next. Cards of progress are
best effort; the last card of a request, with its pictures, is a delivery (:mod:`bot.service.courier`) that
goes through the same scheduler, before everything else.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.domain.errors import StoreUnavailable
from bot.domain.ids import RequestId
from bot.domain.jobs import DeliveryState
from bot.domain.throttle import (
    Gone,
    Importance,
    Outbox,
    Policy,
    Refusal,
    RetryAfter,
    Route,
    Send,
    Transient,
    Wait,
)
from bot.presentation.card_denied import one_moment_card
from bot.presentation.card_request import card_of
from bot.presentation.card_situation import Situation
from bot.service import courier
from bot.service.about import about
from bot.service.clock import Clock
from bot.service.dispatcher import Dispatcher
from bot.service.leaving_word import leave_word
from bot.service.on_its_way import OnItsWay, last_card
from bot.service.records import DeliveryRecord, RequestRecord
from bot.service.screens import Screen as Screen
from bot.service.screens import Shown as Shown
from bot.service.store import Store
from bot.service.streams import Streams
from bot.service.watched import Watched

log = logging.getLogger(__name__)

LOOK_EVERY, LONGEST_LOOK = 2.0, 30.0
"""Seconds between two looks at the place and the time of a request that somebody watches."""
LOOKS = 40
"""A second, at requests that wait: more cards than platforms take would be drawn for nobody."""
MOST_CALLS = 32
"""Calls for progress under way at a time."""
PASSING = 0.25
"""Seconds between two looks whether a result has to pass a card that waits to be shown."""
PATIENCE = 20.0
"""Seconds that a delivery is tried again and again before it gives its place to others for a while."""

LONGEST_SAYING = 120.0
"""Seconds that something that is said once may wait for its turn."""

Key = tuple[RequestId, int]
"""A message: the reply of a request (0), or one more that shows its result."""

Say = Callable[[], Awaitable[Refusal | None]]
"""Something that is said once; None when it was."""
SAID = RequestId("-")
"""Stands for what belongs to no request."""
_SAYING = Shown(one_moment_card())


class Reporter:
    """Follows requests of one front-end; also their :class:`~bot.service.courier.Deliverer`."""

    def __init__(
        self,
        screen: Screen,
        policy: Policy,
        *,
        store: Store,
        dispatcher: Dispatcher,
        streams: Streams,
        title_of: Callable[[RequestRecord], str],
        clock: Clock,
    ) -> None:
        self._screen = screen
        self._store = store
        self._dispatcher = dispatcher
        self._streams = streams
        self._title_of = title_of
        self._clock = clock
        self._outbox: Outbox[Key, Shown] = Outbox(policy)
        self._requests: dict[Key, RequestRecord] = {}
        self._deliveries: dict[Key, OnItsWay] = {}
        self._sayings: dict[Key, tuple[Say, asyncio.Event]] = {}
        self._gone: dict[Key, Route] = {}
        """Replies that cannot be changed any more in that way: nobody tries again at every step."""
        self._brought = itertools.count(1)
        self._changed = asyncio.Event()
        self._calls = asyncio.Semaphore(MOST_CALLS)
        self._freed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._waiting: list[RequestRecord] = []

    async def run(self) -> None:
        """Until cancelled. Begins with the open requests of an earlier process."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for request in await self._store.open_requests(self._screen.platform):
                self._begin(request, tasks, fresh=False)
            for request in self._waiting:
                self.follow(request)
            self._waiting.clear()
            try:
                while True:
                    await self._send_what_is_due(tasks)
            finally:
                # What is accepted while everything ends is followed by the next process.
                self._tasks = None

    def follow(self, request: RequestRecord) -> None:
        """Keep the reply of a request up to date until its jobs are over. Twice is once."""
        if self._tasks is None:
            self._waiting.append(request)
        else:
            self._begin(request, self._tasks, fresh=True)

    async def deliver(self, delivery: DeliveryRecord) -> courier.Outcome:
        """Show the last card of a request, with its pictures: see :class:`bot.service.courier.Deliverer`."""
        if courier.given_up(delivery):
            return await self._tell_of_kept(delivery)
        return await self._bring((delivery.request, 0), delivery.reply)

    async def bring(self, request: RequestId, reply: str) -> courier.Outcome:
        """Show a result once more, in another reply; nothing is written down about it."""
        return await self._bring((request, next(self._brought)), reply)

    async def say(self, route: Route, call: Say) -> None:
        """Make a call in its turn among what the route carries, before all progress. ``call`` is tried again
        where the platform asks to wait or is in trouble. Returns once it was made, or will not be."""
        key = (SAID, next(self._brought))
        done = self._sayings[key] = (call, asyncio.Event())
        self._outbox.show(key, route, _SAYING, Importance.ANSWER, self._clock.monotonic())
        self._changed.set()
        try:
            await _within(LONGEST_SAYING, done[1].wait())
        finally:
            del self._sayings[key]
            self._outbox.forget(key)

    # One request

    def _begin(self, request: RequestRecord, tasks: asyncio.TaskGroup, *, fresh: bool) -> None:
        key = (request.id, 0)
        if request.reply is not None and key not in self._requests:
            self._requests[key] = request
            tasks.create_task(self._follow(key, request, fresh=fresh), name=f"following {request.id}")

    async def _follow(self, key: Key, request: RequestRecord, *, fresh: bool) -> None:
        try:
            while not await self._watch(key, request, fresh=fresh):
                await self._clock.sleep(LOOK_EVERY)
        finally:
            if key not in self._deliveries:
                self._forget(key)

    async def _watch(self, key: Key, request: RequestRecord, *, fresh: bool) -> bool:
        """False when the store could not be read: to be tried again."""
        with self._streams.subscribe(request.id) as heard:
            try:
                watched = Watched.of(request, await self._store.jobs_of(request.id))
                importance = Importance.ANSWER if fresh else watched.importance
                while watched.is_open:
                    card = card_of(await self._situation(watched))
                    if self._requests.get(key) is not request or key in self._deliveries:
                        return True  # its result is on its way: nothing older may come after it
                    self._show(key, request, Shown(card, watched.preview(card)), importance)
                    await _within(self._pause(watched), heard.changed())
                    for event in heard.take():
                        watched.note(event, self._clock.monotonic())
                    importance = watched.importance
            except StoreUnavailable as error:
                log.info("the card of %s waits: %s", request.id, error.cause)
                return False
        return True

    def _pause(self, watched: Watched) -> float:
        if watched.at_server:
            return LOOK_EVERY
        return min(max(LOOK_EVERY, len(self._requests) / LOOKS), LONGEST_LOOK)

    async def _situation(self, watched: Watched) -> Situation:
        await watched.read_results(self._store)
        request = watched.request
        return watched.situation(
            self._dispatcher, title=self._title_of(request), offers=self._screen.offers(request)
        )

    # Results

    async def _bring(self, key: Key, reply: str | None) -> courier.Outcome:
        request = await self._store.request(key[0])
        if request is None:
            return courier.Nowhere("the request is not there any more")
        # The reply may have moved since the request was accepted.
        request = replace(request, reply=reply or request.reply)
        if self._screen.route(request, self._clock.now()) is None:
            return courier.Nowhere("there is no way to its reply any more")
        found = await self._situation(Watched.of(request, await self._store.jobs_of(request.id)))
        outcome_of = asyncio.get_running_loop().create_future()
        delivery = OnItsWay(request, last_card(found), self._clock.monotonic(), outcome_of)
        self._requests[key], self._deliveries[key] = request, delivery
        try:
            self._insist(key)
            outcome = await delivery.outcome
        finally:
            self._deliveries.pop(key, None)
            self._forget(key)
        if not isinstance(outcome, courier.Later):
            self._screen.forget(request)
        return outcome

    async def _tell_of_kept(self, delivery: DeliveryRecord) -> courier.Outcome:
        request = await self._store.request(delivery.request)
        if request is None:
            return courier.Nowhere("the request is not there any more")
        request = replace(request, reply=delivery.reply or request.reply)
        found = await self._situation(Watched.of(request, await self._store.jobs_of(request.id)))
        card = card_of(replace(found, delivery=DeliveryState.KEPT))
        return await leave_word(self._screen, request, card, say=self.say, clock=self._clock)

    def _insist(self, key: Key) -> None:
        """A result that waits is shown, whatever became of the card before it."""
        delivery = self._deliveries.get(key)
        if delivery is not None and delivery.waits:
            self._show(key, delivery.request, delivery.shown, Importance.RESULT)

    def _forget(self, key: Key) -> None:
        self._requests.pop(key, None)
        self._gone.pop(key, None)
        self._outbox.forget(key)

    # Sending

    def _show(self, key: Key, request: RequestRecord, shown: Shown, importance: Importance) -> None:
        route = self._screen.route(request, self._clock.now())
        if route is None or (not shown.deliver and self._gone.get(key) == route):
            return
        now = self._clock.monotonic()
        self._outbox.show(key, route, shown, importance, now, cost=self._screen.cost(shown))
        self._changed.set()

    async def _send_what_is_due(self, tasks: asyncio.TaskGroup) -> None:
        self._changed.clear()
        match self._outbox.next(self._clock.monotonic()):
            case Send() as send:
                tasks.create_task(self._call(send), name=f"showing {send.key[0]}")
            case Wait(seconds=seconds):
                await _within(seconds, self._changed.wait())

    async def _call(self, send: Send[Key, Shown]) -> None:
        with about(request=send.key[0], platform=self._screen.platform):
            refusal = await self._in_turn(send)
        now = self._clock.monotonic()
        if refusal is None:
            self._outbox.sent(send.key, now)
        else:
            self._outbox.refused(send.key, refusal, now)
        if isinstance(refusal, Gone) and not send.state.deliver and send.key in self._requests:
            self._gone[send.key] = send.route
            self._insist(send.key)
        self._changed.set()

    async def _in_turn(self, send: Send[Key, Shown]) -> Refusal | None:
        """Cards of progress that hang hold up no result: neither another's, nor, by waiting behind them, the
        one of the same message."""
        if send.state.deliver or send.key in self._sayings:
            return await self._surely_made(send)
        while self._calls.locked():
            if send.key in self._deliveries:
                return None
            await _within(PASSING, self._freed.wait())
        async with self._calls:
            self._freed.clear()
            try:
                return await self._surely_made(send)
            finally:
                self._freed.set()

    async def _surely_made(self, send: Send[Key, Shown]) -> Refusal | None:
        try:
            return await self._made(send)
        except Exception:
            # One card that cannot be drawn must not end the bot; its result is tried again later.
            log.exception("stumbled over the card of %s", send.key[0])
            return self._postponed(send.key, Transient()) if send.state.deliver else Gone()

    async def _made(self, send: Send[Key, Shown]) -> Refusal | None:
        if send.key in self._sayings:
            call, done = self._sayings[send.key]
            refusal = await call()
            if not isinstance(refusal, RetryAfter | Transient):
                done.set()
            return refusal
        request = self._requests.get(send.key)
        if request is None:
            return Gone()
        if not send.state.deliver:
            return await self._screen.show(request, send.state)
        outcome = await self._screen.deliver(request, send.state)
        if isinstance(outcome, RetryAfter | Transient):
            return self._postponed(send.key, outcome)
        delivery = self._deliveries.get(send.key)
        if delivery is not None:
            delivery.ends(courier.Nowhere("gone") if isinstance(outcome, Gone) else outcome)
        return None

    def _postponed(self, key: Key, refusal: RetryAfter | Transient) -> Refusal:
        """The scheduler tries again for a while, then the courier does: a result is never dropped."""
        delivery = self._deliveries.get(key)
        after = refusal.seconds if isinstance(refusal, RetryAfter) else None
        if delivery is not None:
            tried = self._clock.monotonic() - delivery.since
            if tried + (after or 0.0) > PATIENCE:
                delivery.ends(courier.Later(type(refusal).__name__, after))
        return refusal


async def _within(seconds: float | None, event: Awaitable[object]) -> None:
    """Wait for ``event``, at most that long."""
    try:
        async with asyncio.timeout(seconds):
            await event
    except TimeoutError:
        return
