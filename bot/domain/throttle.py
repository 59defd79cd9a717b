"""Which message is changed next: the policy of the outgoing scheduler, one for each bot. Pure.

Events in, commands out; the time (monotonic seconds) is an argument. Whoever has a card to show says
:meth:`Outbox.show`; whoever makes the calls asks :meth:`Outbox.next` after every event and tells how each
call ended. Of each message only the newest state is held, so that nothing outdated is ever sent, and results
go before progress: the libraries' own limiters queue what is old before what matters.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Generic

from bot.domain.throttle_budget import Budget, Window
from bot.domain.throttle_calls import Bucket, K, Message, Rank, T
from bot.domain.throttle_calls import Gone as Gone
from bot.domain.throttle_calls import Refusal as Refusal
from bot.domain.throttle_calls import RetryAfter as RetryAfter
from bot.domain.throttle_calls import Route as Route
from bot.domain.throttle_calls import Send as Send
from bot.domain.throttle_calls import Transient as Transient
from bot.domain.throttle_calls import Wait as Wait
from bot.domain.throttle_policy import Importance as Importance
from bot.domain.throttle_policy import Policy as Policy
from bot.domain.throttle_policy import Rules as Rules
from bot.domain.throttle_policy import discord_policy as discord_policy
from bot.domain.throttle_policy import telegram_policy as telegram_policy
from bot.domain.throttle_policy import web_policy as web_policy


class Outbox(Generic[K, T]):
    """``K``: how the caller names a message; ``T``: its states, compared by ``==`` and never None."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._all = Window(policy.calls, 1.0)
        self._blocked_until = -math.inf
        self._messages: dict[K, Message[K, T]] = {}
        self._buckets: dict[Route, Bucket[K, T]] = {}
        self._waiting = 0
        # Of each bucket, when it can send at the earliest; of those that can, which is first. Entries that
        # are outdated are recognised when they come up.
        self._asleep: list[tuple[float, int, Route]] = []
        self._awake: list[tuple[Rank, int, Route]] = []
        self._order = count()
        self._empty: deque[Route] = deque()

    def __len__(self) -> int:
        """Messages that are remembered."""
        return len(self._messages)

    # Events

    def show(
        self, key: K, route: Route, state: T, importance: Importance, now: float, *, cost: int = 1
    ) -> None:
        """``state`` is the newest of this message. It replaces what was not sent yet; a result that was not
        sent yet is replaced by a result alone, and an answer that was not is as urgent whatever it says
        now. A route other than before moves the message there. ``cost``: how many calls the platform counts
        (each picture of an album)."""
        message = self._messages.get(key)
        if message is None:
            message = self._messages[key] = Message(key, route, importance)
            self._join(message)
        elif message.forgotten:
            message.forgotten, message.shown = False, None
        elif message.final and importance is not Importance.RESULT:
            return
        message.owed = message.owed or importance is Importance.ANSWER
        importance = message.outranked(importance)
        if message.pending is None:
            message.stale_since = message.more_since = now
        elif importance < message.importance:
            message.more_since = now
        self._move(message, route, importance)
        message.pending, message.cost = state, cost
        self._settle(message)
        self._wake(message, now)

    def sent(self, key: K, now: float) -> None:
        """The call for ``key`` was made: its state is shown now (or was the same already)."""
        message, send = self._ended(key, now)
        message.shown, message.failures, message.owed = send.state, 0, False
        self._settle(message)
        # The state under way may have become a result meanwhile.
        if message.forgotten or (message.importance is Importance.RESULT and message.pending is None):
            self._drop(message)
        self._wake(message, now)
        self._put_to_sleep(send.route, now)

    def refused(self, key: K, refusal: Refusal, now: float) -> None:
        """The call for ``key`` did not do it."""
        message, send = self._ended(key, now)
        match refusal:
            case Gone():
                message.forgotten = True
            case RetryAfter(seconds, everywhere):
                self._buckets[send.route].budget.refused(now, seconds)
                if everywhere:
                    self._blocked_until = max(self._blocked_until, now + seconds)
            case Transient():
                # It may have been done all the same.
                message.shown = None
                pause = self._policy.retry_first * 2.0 ** min(message.failures, 16)
                message.retry_at = now + min(pause, self._policy.retry_longest)
                message.failures += 1
        if message.forgotten:
            self._drop(message)
        elif message.pending is None:
            message.pending, message.cost = send.state, message.cost_under_way
        if not message.forgotten:
            self._move(message, message.route, message.outranked(message.importance))
        self._settle(message)
        self._wake(message, now)
        self._put_to_sleep(send.route, now)

    def forget(self, key: K) -> None:
        """Nothing more is to be shown there. A call under way is still to be told of."""
        message = self._messages.get(key)
        if message is None:
            return
        message.forgotten = True
        message.pending = None
        if message.under_way is None:
            self._drop(message)

    # Commands

    def next(self, now: float) -> Send[K, T] | Wait:
        """What to do now. To be asked again at once after a :class:`Send`: there may be more."""
        self._forget_empty(now)
        self._rouse(now)
        soonest = self._asleep[0][0] if self._asleep else math.inf
        while self._awake:
            rank, _, route = self._awake[0]
            bucket = self._buckets.get(route)
            if bucket is None or bucket.rank != rank:
                heapq.heappop(self._awake)
                continue
            message = self._best(bucket, now)
            if message is not None and (free := self._free_at(message, now)) > now:
                soonest = min(soonest, free)
                break
            heapq.heappop(self._awake)
            bucket.rank = None
            send = None if message is None else self._start(message, now)
            self._put_to_sleep(route, now)
            if send is not None:
                return send
        return Wait(None if soonest == math.inf else max(0.0, soonest - now))

    # Looking

    def shown(self, key: K) -> T | None:
        """What the message shows, as far as is known."""
        message = self._messages.get(key)
        return message.shown if message else None

    def stale(self, now: float) -> Iterator[tuple[K, Importance, float]]:
        """Messages that do not show their newest state, its importance, and for how many seconds."""
        for message in self._messages.values():
            if message.pending is not None or message.under_way is not None:
                yield message.key, message.importance, now - message.stale_since

    # One message

    def _settle(self, message: Message[K, T]) -> None:
        """Drop a pending state that is shown, or on its way."""
        if message.pending is None:
            return
        send = message.under_way
        if send is not None and message.pending == send.state:
            message.pending = None
        elif send is None and message.pending == message.shown:
            message.pending = None
            if message.importance is Importance.RESULT:
                self._drop(message)

    def _start(self, message: Message[K, T], now: float) -> Send[K, T]:
        assert message.pending is not None
        send = Send(message.key, message.route, message.pending, message.importance)
        message.under_way, message.cost_under_way = send, message.cost
        message.pending = None
        self._buckets[message.route].budget.start(now, send.importance, message.cost)
        self._all.start(message.cost)
        return send

    def _ended(self, key: K, now: float) -> tuple[Message[K, T], Send[K, T]]:
        message = self._messages[key]
        send = message.under_way
        if send is None:
            raise KeyError(key)
        message.under_way, message.called_at = None, now
        self._buckets[send.route].budget.end(now, send.importance, message.cost_under_way)
        self._all.end(message.cost_under_way, now)
        return message, send

    def _drop(self, message: Message[K, T]) -> None:
        message.pending = None
        if self._messages.pop(message.key, None) is not None:
            self._leave(message)

    def _allowed_at(self, message: Message[K, T], bucket: Bucket[K, T], now: float) -> float:
        """When its route, its own interval and its failures let it be sent."""
        free = bucket.budget.free_at(now, message.importance, message.cost)
        if message.importance is Importance.RUNNING:
            return max(self._running_at(message, bucket, free, now), message.retry_at)
        return max(free, message.called_at + self._interval(message.importance, bucket), message.retry_at)

    def _running_at(self, message: Message[K, T], bucket: Bucket[K, T], free: float, now: float) -> float:
        """``free``: when the pace lets it. At the last moment it goes ahead of that as answers may, and
        earlier where an answer would."""
        rest = message.called_at + bucket.budget.rules.urgent_beside(len(bucket.running))
        own = message.called_at + self._interval(message.importance, bucket)
        urgent, last = bucket.urgent_at(message), bucket.urgent_at(message, calls=0)
        ahead = bucket.budget.free_at(now, Importance.ANSWER, message.cost)
        return min(
            max(free, min(own, max(rest, urgent))),
            max(ahead, rest, urgent if bucket.answers else last),
        )

    def _interval(self, importance: Importance, bucket: Bucket[K, T]) -> float:
        rules = bucket.budget.rules
        match importance:
            case Importance.WAITING:
                share = self._policy.calls * self._policy.waiting_share
                return max(rules.waiting_every, self._waiting / share)
            case Importance.RUNNING if bucket.census[Importance.WAITING]:
                return rules.running_beside(len(bucket.running))
            case Importance.RUNNING:
                return rules.running_every
            case _:
                return 0.0

    def _free_at(self, message: Message[K, T], now: float) -> float:
        """When the bot as a whole may send it."""
        keep = 0 if message.importance is Importance.RESULT else self._policy.kept
        return max(self._blocked_until, self._all.free_at(now, message.cost, keep))

    # Buckets

    def _bucket(self, route: Route) -> Bucket[K, T]:
        if route not in self._buckets:
            self._buckets[route] = Bucket(Budget(self._policy.routes[route.kind]))
        return self._buckets[route]

    def _move(self, message: Message[K, T], route: Route, importance: Importance) -> None:
        if (message.route, message.importance) != (route, importance):
            self._leave(message)
            message.route, message.importance = route, importance
            self._join(message)

    def _join(self, message: Message[K, T]) -> None:
        bucket = self._bucket(message.route)
        bucket.messages[message.key] = message
        bucket.census[message.importance] += 1
        if message.importance is Importance.RUNNING:
            bucket.running[message.key] = message
        self._waiting += message.importance is Importance.WAITING

    def _leave(self, message: Message[K, T]) -> None:
        bucket = self._buckets[message.route]
        del bucket.messages[message.key]
        bucket.census[message.importance] -= 1
        bucket.running.pop(message.key, None)
        self._waiting -= message.importance is Importance.WAITING
        if not bucket.messages:
            self._empty.append(message.route)

    def _forget_empty(self, now: float) -> None:
        for _ in range(min(2, len(self._empty))):
            route = self._empty.popleft()
            bucket = self._buckets.get(route)
            if bucket is not None and not bucket.messages:
                if bucket.budget.idle(now):
                    del self._buckets[route]
                else:
                    self._empty.append(route)

    def _best(self, bucket: Bucket[K, T], now: float) -> Message[K, T] | None:
        ready = [
            message
            for message in bucket.messages.values()
            if message.ready and self._allowed_at(message, bucket, now) <= now
        ]
        return min(ready, key=lambda message: bucket.rank_of(message, now), default=None)

    def _wake(self, message: Message[K, T], now: float) -> None:
        """It has something new: that may make its bucket the first, or wake it earlier."""
        bucket = self._buckets.get(message.route)
        if bucket is None or not message.ready:
            return
        if message.importance is Importance.RUNNING and len(bucket.running) > 1:
            # One more may make the others more urgent.
            self._put_to_sleep(message.route, now)
            return
        self._enter(message.route, bucket, message, self._allowed_at(message, bucket, now), now)

    def _put_to_sleep(self, route: Route, now: float) -> None:
        """Its budget or a message has changed: see when it can send next."""
        bucket = self._buckets.get(route)
        if bucket is None:
            return
        soonest, first = math.inf, None
        for message in bucket.messages.values():
            if message.ready:
                at = self._allowed_at(message, bucket, now)
                if at <= now:
                    self._enter(route, bucket, message, at, now)
                elif at < soonest:
                    soonest, first = at, message
        if first is not None:
            self._enter(route, bucket, first, soonest, now)

    def _enter(
        self, route: Route, bucket: Bucket[K, T], message: Message[K, T], at: float, now: float
    ) -> None:
        if at <= now:
            rank = bucket.rank_of(message, now)
            if bucket.rank is None or rank < bucket.rank:
                bucket.rank = rank
                heapq.heappush(self._awake, (rank, next(self._order), route))
        elif at < bucket.asleep_until:
            bucket.asleep_until = at
            heapq.heappush(self._asleep, (at, next(self._order), route))

    def _rouse(self, now: float) -> None:
        while self._asleep and self._asleep[0][0] <= now:
            at, _, route = heapq.heappop(self._asleep)
            bucket = self._buckets.get(route)
            if bucket is not None and bucket.asleep_until == at:
                bucket.asleep_until = math.inf
                self._put_to_sleep(route, now)
