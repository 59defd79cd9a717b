"""What may be called through one route, and when. Pure; times are monotonic seconds.

A call counts from its beginning until ``seconds`` after its end. It reached the platform somewhere in
between, so that no ``seconds`` of the platform's own clock see more than ``calls`` of them, however long
each was under way.
"""

from __future__ import annotations

import math
from collections import deque

from bot.domain.throttle_policy import Importance, Rules


class Window:
    """At most ``calls`` in any ``seconds``."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.calls = calls
        self.seconds = seconds
        self._free_again: deque[float] = deque()
        self._under_way = 0

    def start(self, cost: int) -> None:
        self._under_way += self._most(cost)

    def end(self, cost: int, now: float) -> None:
        cost = self._most(cost)
        self._under_way -= cost
        self._free_again.extend([now + self.seconds] * cost)

    def free_at(self, now: float, cost: int, keep: int) -> float:
        """The first moment when ``cost`` calls may begin and leave ``keep`` free; infinite while that
        depends on calls that are under way."""
        self.forget(now)
        missing = self._under_way + len(self._free_again) + self._most(cost + keep) - self.calls
        if missing <= 0:
            return now
        return self._free_again[missing - 1] if missing <= len(self._free_again) else math.inf

    def forget(self, now: float) -> None:
        while self._free_again and self._free_again[0] <= now:
            self._free_again.popleft()

    def idle(self, now: float) -> bool:
        self.forget(now)
        return not self._under_way and not self._free_again

    def _most(self, cost: int) -> int:
        # What would never fit goes when everything is free.
        return min(cost, self.calls)


class Budget:
    """A route's window, the even pace of its progress, and what the platform ordered."""

    _SLOWER, _FASTER, _SLOWEST = 1.5, 0.9, 8.0

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.blocked_until = -math.inf
        self._window = Window(rules.calls, rules.seconds)
        self._progress = Window(rules.calls - rules.kept, rules.seconds)
        """Likewise of what is no result: what results use of their own share is not taken from it."""
        self._paced_until = -math.inf
        self._slowness = 1.0

    def free_at(self, now: float, importance: Importance, cost: int) -> float:
        """The first moment when such a call may begin; infinite while that depends on calls under way."""
        free = max(self.blocked_until, self._window.free_at(now, cost, 0))
        if importance is not Importance.RESULT:
            free = max(free, self._progress.free_at(now, cost, 0))
        match importance:
            case Importance.RESULT:
                return free
            case Importance.ANSWER:
                return max(free, self._paced_until - self.rules.burst * self._gap)
            case _:
                return max(free, self._paced_until)

    def start(self, now: float, importance: Importance, cost: int) -> None:
        self._window.start(cost)
        if importance is not Importance.RESULT:
            self._progress.start(cost)
        # Where no calls are kept for results, progress makes room for each.
        if importance is not Importance.RESULT or not self.rules.kept:
            self._paced_until = max(self._paced_until, now) + self._gap * cost

    def end(self, now: float, importance: Importance, cost: int) -> None:
        self._window.end(cost, now)
        if importance is not Importance.RESULT:
            self._progress.end(cost, now)
        self._slowness = max(1.0, self._slowness * self._FASTER)

    def refused(self, now: float, seconds: float) -> None:
        """The platform wants ``seconds`` of silence: its limit is lower than ours at the moment."""
        self.blocked_until = max(self.blocked_until, now + seconds)
        self._slowness = min(self._slowness * self._SLOWER, self._SLOWEST)

    def idle(self, now: float) -> bool:
        """Nothing is remembered that could matter."""
        return self.blocked_until <= now and self._paced_until <= now and self._window.idle(now)

    @property
    def _gap(self) -> float:
        return self.rules.gap * self._slowness
