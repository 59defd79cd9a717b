"""A platform with limits and latency in simulated time, around the outgoing scheduler."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from bot.domain.throttle import Importance, Outbox, Refusal, RetryAfter, Route, Send, Wait


@dataclass
class World:
    """Calls arrive half their latency after they begin. A call that finds its route's window full is
    refused with ``retry_after``, as platforms do."""

    outbox: Outbox[str, object]
    limits: dict[str, tuple[int, float]]
    latency: Callable[[], float] = lambda: 0.15
    fault: Callable[[Send[str, object], float], Refusal | None] = lambda _send, _now: None
    now: float = 0.0
    refused: int = 0
    calls: list[tuple[float, str, Importance]] = field(default_factory=list)
    shown: dict[str, object] = field(default_factory=dict)
    ages: dict[Importance, list[float]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._arrivals: dict[Route, deque[float]] = defaultdict(deque)
        self._newest: dict[str, object] = {}
        self._outdated: dict[str, dict[Importance, float]] = defaultdict(dict)
        self._tick = float("inf")

    def at(self, time: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), do))

    def show(self, key: str, route: Route, state: object, importance: Importance) -> None:
        if self._newest.get(key) != state:
            self._newest[key] = state
            self._outdated[key].setdefault(importance, self.now)
        self.outbox.show(key, route, state, importance, self.now)

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            time, _, do = heapq.heappop(self._events)
            self.now = max(self.now, time)
            if self.now >= self._tick:
                self._tick = float("inf")
            do()
            self._call()
        self.now = until

    def _call(self) -> None:
        while isinstance(command := self.outbox.next(self.now), Send):
            self._begin(command)
        assert isinstance(command, Wait)
        if command.seconds is not None and self.now + command.seconds < self._tick:
            self._tick = self.now + command.seconds
            self.at(self._tick, lambda: None)

    def _begin(self, send: Send[str, object]) -> None:
        latency = self.latency()
        self.calls.append((self.now, send.key, send.importance))
        self.at(self.now + latency / 2, lambda: self._arrive(send, latency / 2))

    def _arrive(self, send: Send[str, object], back: float) -> None:
        refusal = self.fault(send, self.now) or self._limit(send.route)
        if refusal is None:
            self.shown[send.key] = send.state
        self.at(self.now + back, lambda: self._answer(send, refusal))

    def _limit(self, route: Route) -> Refusal | None:
        calls, seconds = self.limits[route.kind]
        arrivals = self._arrivals[route]
        while arrivals and arrivals[0] <= self.now - seconds:
            arrivals.popleft()
        if len(arrivals) >= calls:
            self.refused += 1
            return RetryAfter(arrivals[0] + seconds - self.now)
        arrivals.append(self.now)
        return None

    def _answer(self, send: Send[str, object], refusal: Refusal | None) -> None:
        if refusal is not None:
            self.outbox.refused(send.key, refusal, self.now)
            return
        self.outbox.sent(send.key, self.now)
        since = self._outdated.pop(send.key, {})
        if send.importance in since:
            self.ages[send.importance].append(self.now - since[send.importance])
        self._outdated[send.key].update(
            {i: self.now for i in since if i < send.importance or self._newest[send.key] != send.state}
        )

    def oldest(self, importance: Importance) -> float:
        return max(self.ages[importance], default=0.0)


def jitter(seed: int, low: float = 0.05, high: float = 0.3) -> Callable[[], float]:
    numbers = random.Random(seed)
    return lambda: numbers.uniform(low, high)
