"""The fair queue as plainly as it can be said: lists, no heaps, nothing remembered that can be counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.domain.fairqueue import Waiting
from bot.domain.ids import JobId, ServerName, UserId

Key = tuple[UserId, ServerName]


@dataclass
class Served:
    item: Waiting
    server: ServerName
    expected: float
    charge: float
    weight: float
    passed: tuple[Key, int] | None

    @property
    def key(self) -> Key:
        return self.item.flow, self.server


class Oracle:
    """Every rule once, each as a search through everything."""

    def __init__(
        self, slack: float = 0.0, start: float = 0.0, flows: Mapping[UserId, float] | None = None
    ) -> None:
        self.slack = slack
        self.start = start
        self.kept = dict(flows or {})
        self.waiting: list[Waiting] = []
        self.served: list[Served] = []
        self.weights: dict[UserId, float] = {}
        self.virtual_times: dict[ServerName, float] = {}
        self.confirmed: dict[Key, float] = {}
        self.longest: dict[Key, float] = defaultdict(float)
        self.since: dict[Key, int] = {}
        self.woken: set[Key] = set()
        self.passed: dict[Key, float] = defaultdict(float)
        self.turn: dict[Key, int] = defaultdict(int)
        self.dispatches: dict[ServerName, int] = defaultdict(int)

    # What is the case

    def of(self, key: Key) -> list[Waiting]:
        user, server = key
        return sorted(
            (item for item in self.waiting if item.flow == user and server in item.servers),
            key=lambda item: item.order,
        )

    def active(self, key: Key) -> bool:
        return bool(self.of(key)) or any(served.key == key for served in self.served)

    def virtual(self, key: Key) -> float:
        pending = sum(served.charge / served.weight for served in self.served if served.key == key)
        return self.confirmed[key] + pending

    def rank(self, key: Key) -> tuple[float, int, int]:
        first = 64 * 2**20 if self.newcomer(key) else 0
        return self.virtual(key), self.since[key] - first, self.of(key)[0].order

    def newcomer(self, key: Key) -> bool:
        return key in self.woken and len(self.of(key)) <= 4

    def line(self, server: ServerName, may: Callable[[Waiting], bool]) -> list[Key]:
        keys = {(item.flow, server) for item in self.waiting if server in item.servers}
        return sorted((key for key in keys if may(self.of(key)[0])), key=self.rank)

    # What happens

    def _wake(self, user: UserId, server: ServerName) -> None:
        key = user, server
        now = self.virtual_times.setdefault(server, self.start)
        if not self.active(key):
            self.confirmed[key] = max(self.confirmed.get(key, self.kept.get(user, now)), now)
            self.since[key] = self.dispatches[server]
            self.woken.add(key)
            self.passed[key] = 0.0
            self.turn[key] += 1

    def push(self, item: Waiting, weight: float) -> None:
        self.weights[item.flow] = weight
        for server in item.servers:
            self._wake(item.flow, server)
        self.waiting.append(item)

    def remove(self, job: JobId) -> None:
        self.waiting = [item for item in self.waiting if item.job != job]
        self._forget()

    def relane(self, job: JobId, servers: frozenset[ServerName]) -> None:
        old = next(item for item in self.waiting if item.job == job)
        if servers == old.servers:
            return
        for server in servers:
            self._wake(old.flow, server)
        self.waiting[self.waiting.index(old)] = replace(old, servers=servers)
        self._forget()

    def choose(
        self, server: ServerName, loaded: str, may: Callable[[Waiting], bool]
    ) -> tuple[Key, Key | None] | None:
        line = self.line(server, may)
        if not line:
            return None
        turn = line[0]
        fitting = [key for key in line if self.of(key)[0].model == loaded]
        if not loaded or self.of(turn)[0].model in ("", loaded) or not fitting or not self.slack:
            return turn, None
        other = fitting[0]
        seconds = self.of(other)[0].estimate
        lead = self.virtual(other) + seconds / self.weights[other[0]] - self.virtual(turn)
        if self.passed[turn] + seconds > self.slack or lead > self.slack:
            return turn, None
        return other, turn

    def pop(
        self, server: ServerName, loaded: str = "", may: Callable[[Waiting], bool] = lambda _: True
    ) -> Waiting | None:
        choice = self.choose(server, loaded, may)
        if choice is None:
            return None
        key, turn = choice
        item = self.of(key)[0]
        if turn is not None:
            self.passed[turn] += item.estimate
        self._serve(item, server, item.estimate, (turn, self.turn[turn]) if turn else None)
        self.waiting.remove(item)
        self._advance(server)
        return item

    def attach(self, item: Waiting, server: ServerName, weight: float) -> None:
        self.weights[item.flow] = weight
        self._wake(item.flow, server)
        self._serve(item, server, item.estimate, None)

    def _serve(
        self, item: Waiting, server: ServerName, seconds: float, passed: tuple[Key, int] | None
    ) -> None:
        key = item.flow, server
        charge = min(seconds, self.longest[key]) if self.longest[key] else seconds
        self.served.append(Served(item, server, seconds, charge, self.weights[item.flow], passed))
        self.dispatches[server] += 2**20 if self.newcomer(key) else 1
        self.since[key] = self.dispatches[server] + 1
        self.woken.discard(key)
        self.passed[key] = 0.0
        self.turn[key] += 1

    def finish(self, job: JobId, seconds: float) -> None:
        self._advance(self._settle(job, seconds).server)

    def give_back(self, item: Waiting, seconds: float) -> None:
        served = self._settle(item.job, seconds)
        self.push(item, self.weights[item.flow])
        self._advance(served.server)

    def _settle(self, job: JobId, seconds: float) -> Served:
        served = next(served for served in self.served if served.item.job == job)
        self.served.remove(served)
        self.confirmed[served.key] += seconds / served.weight
        self.longest[served.key] = max(self.longest[served.key], seconds)
        if served.passed and self.turn[served.passed[0]] == served.passed[1]:
            self.passed[served.passed[0]] += seconds - served.expected
        return served

    def _advance(self, server: ServerName) -> None:
        floors = [self.confirmed[key] for key in self.confirmed if key[1] == server and self.active(key)]
        if floors:
            self.virtual_times[server] = max(self.virtual_times[server], min(floors))
        self._forget()

    def _forget(self) -> None:
        """Idle and not ahead: nothing of it can matter, but for what its longest job was."""
        for key in list(self.confirmed):
            if not self.active(key) and self.confirmed[key] <= self.virtual_times[key[1]]:
                self.longest.pop(key, None)
