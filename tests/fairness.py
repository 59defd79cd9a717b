"""A queue put to work without a clock: servers with a running and a staged job, in simulated time.

Shared by the tests and the benchmarks. What one run of :func:`simulate` did is a list of events, from which
:mod:`tests.fairness_measures` tells how fair it was.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Protocol

from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, ServerName, UserId

GPU = ServerName("gpu")


@dataclass(frozen=True, slots=True)
class Task:
    """A job before it is pushed. ``seconds`` is what it will take, ``guess`` what is believed of it."""

    at: float
    user: str
    seconds: float
    guess: float | None = None
    model: str = ""
    servers: frozenset[ServerName] = frozenset({GPU})


class What(Enum):
    PUSHED = "pushed"
    DISPATCHED = "dispatched"
    BEGUN = "begun"
    """After the swap of the model, which is charged to nobody."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    at: float
    what: What
    job: int
    server: ServerName | None = None


@dataclass(slots=True)
class History:
    tasks: Sequence[Task]
    """By number of job."""
    events: list[Event] = field(default_factory=list)
    swaps: int = 0

    def when(self, what: What) -> dict[int, float]:
        return {event.job: event.at for event in self.events if event.what is what}

    @property
    def makespan(self) -> float:
        return self.events[-1].at


class Policy(Protocol):
    """What the simulation needs of a queue."""

    def push(self, item: Waiting, *, weight: float) -> None: ...

    def pop(
        self,
        server: ServerName,
        *,
        loaded: str | None = None,
        estimate: Callable[[Waiting], float] | None = None,
    ) -> Waiting | None: ...

    def finish(self, job: JobId, seconds: float) -> None: ...


class Fifo:
    """One line for all."""

    def __init__(self) -> None:
        self._line: deque[Waiting] = deque()

    def push(self, item: Waiting, **_: object) -> None:
        self._line.append(item)

    def pop(self, server: ServerName, **_: object) -> Waiting | None:
        return _take(self._line, server)

    def finish(self, *_: object) -> None:
        pass


class RoundRobin:
    """A job of each user in turn, however long it is."""

    def __init__(self) -> None:
        self._lines: dict[UserId, deque[Waiting]] = {}

    def push(self, item: Waiting, **_: object) -> None:
        self._lines.setdefault(item.flow, deque()).append(item)

    def pop(self, server: ServerName, **_: object) -> Waiting | None:
        for user, line in tuple(self._lines.items()):
            if item := _take(line, server):
                del self._lines[user]
                if line:
                    self._lines[user] = line
                return item
        return None

    def finish(self, *_: object) -> None:
        pass


def _take(line: deque[Waiting], server: ServerName) -> Waiting | None:
    item = next((item for item in line if server in item.servers), None)
    if item is not None:
        line.remove(item)
    return item


class Uncorrected(FairQueue):
    """The fair queue if it believed its estimates."""

    def finish(self, job: JobId, *_: object) -> None:
        super().finish(job, self.in_service[job].estimate)


@dataclass(slots=True)
class _Server:
    name: ServerName
    running: int | None = None
    ends: float = math.inf
    nearly: float = math.inf
    """When the next one is to be staged; never, once that moment has come."""
    staged: deque[int] = field(default_factory=deque)
    loaded: str = ""
    """Of what runs."""
    will_load: str = ""
    """Of what was dispatched last."""


class Guesses:
    """What a job is believed to take: its own guess, then the mean of what its user's last jobs took."""

    def __init__(self, *, learning: bool) -> None:
        self._learning = learning
        self._seen: dict[str, deque[float]] = {}

    def of(self, task: Task) -> float:
        seen = self._seen.get(task.user)
        if seen:
            return sum(seen) / len(seen)
        return task.seconds if task.guess is None else task.guess

    def learn(self, task: Task) -> None:
        if self._learning:
            self._seen.setdefault(task.user, deque(maxlen=8)).append(task.seconds)


def simulate(
    queue: Policy,
    tasks: Iterable[Task],
    *,
    weights: Mapping[str, float] | None = None,
    swap: float = 0.0,
    slots: int = 2,
    ahead: float = math.inf,
    learning: bool = False,
    until: Callable[[Event], bool] | None = None,
) -> History:
    """Let the servers work until all is done, or ``until`` says so. Tasks of one moment come together.

    A server runs one job and has up to ``slots - 1`` staged, which are not recalled. They are staged when
    the running one is believed to end within ``ahead`` seconds: by default at once, the worst for fairness.
    """
    ordered = sorted(tasks, key=lambda task: task.at)
    run = _Run(
        queue, History(ordered), dict(weights or {}), swap, slots, ahead, Guesses(learning=learning), until
    )
    run.servers = [_Server(name) for name in sorted({name for task in ordered for name in task.servers})]
    run.all()
    return run.history


@dataclass(slots=True)
class _Run:
    queue: Policy
    history: History
    weights: dict[str, float]
    swap: float
    slots: int
    ahead: float
    guesses: Guesses
    until: Callable[[Event], bool] | None
    servers: list[_Server] = field(default_factory=list)
    expected: dict[int, float] = field(default_factory=dict)
    stopped: bool = False

    def all(self) -> None:
        tasks = self.history.tasks
        arrivals = count()
        arriving = next(arrivals)
        while not self.stopped:
            busy = min(self.servers, key=lambda server: min(server.ends, server.nearly))
            then = min(busy.ends, busy.nearly)
            if arriving < len(tasks) and tasks[arriving].at < then:
                now = tasks[arriving].at
                while arriving < len(tasks) and tasks[arriving].at == now:
                    self._push(arriving)
                    arriving = next(arrivals)
                self._feed(now)
            elif then == math.inf:
                return
            elif busy.ends <= busy.nearly:
                self._end(busy)
            else:
                busy.nearly, now = math.inf, busy.nearly
                self._feed(now)

    def _log(self, at: float, what: What, job: int, server: ServerName | None = None) -> None:
        event = Event(at, what, job, server)
        self.history.events.append(event)
        if self.until and self.until(event):
            self.stopped = True

    def _push(self, number: int) -> None:
        task = self.history.tasks[number]
        item = Waiting(
            JobId(str(number)),
            UserId(task.user),
            number,
            task.model,
            task.servers,
            self.guesses.of(task),
        )
        self.queue.push(item, weight=self.weights.get(task.user, 1.0))
        self._log(task.at, What.PUSHED, number)

    def _end(self, server: _Server) -> None:
        number, at = server.running, server.ends
        assert number is not None
        task = self.history.tasks[number]
        server.running, server.ends, server.nearly = None, math.inf, math.inf
        self.queue.finish(JobId(str(number)), task.seconds)
        self.guesses.learn(task)
        self._log(at, What.ENDED, number, server.name)
        if server.staged:
            self._begin(server, at)
        self._feed(at)

    def _feed(self, at: float) -> None:
        for server in self.servers:
            while self._wants_more(server):
                item = self.queue.pop(server.name, loaded=server.will_load, estimate=self._guess)
                if item is None:
                    break
                server.staged.append(int(item.job))
                self.expected[int(item.job)] = self._guess(item)
                server.will_load = item.model or server.will_load
                self._log(at, What.DISPATCHED, int(item.job), server.name)
                if server.running is None:
                    self._begin(server, at)

    def _wants_more(self, server: _Server) -> bool:
        if server.running is None:
            return True
        return server.nearly == math.inf and len(server.staged) < self.slots - 1

    def _guess(self, item: Waiting) -> float:
        return self.guesses.of(self.history.tasks[int(item.job)])

    def _begin(self, server: _Server, at: float) -> None:
        number = server.staged.popleft()
        task = self.history.tasks[number]
        server.running = number
        begun = at
        if task.model and task.model != server.loaded:
            server.loaded = task.model
            begun += self.swap
            self.history.swaps += 1
        server.ends = begun + task.seconds
        server.nearly = begun + self.expected.pop(number) - self.ahead
        if server.nearly <= at:
            server.nearly = math.inf
        self._log(begun, What.BEGUN, number, server.name)
