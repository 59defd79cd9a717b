"""How fair a simulated run was, and the ideal that it is held against."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

from tests.fairness import History, Task, What


@dataclass(frozen=True, slots=True)
class Gap:
    """How far apart two users came, while both had jobs waiting all along, in GPU seconds per weight."""

    users: tuple[str, str]
    at: float
    apart: float
    bound: float

    @property
    def part(self) -> float:
        """Of what is allowed; above 1 the bound is broken."""
        return self.apart / self.bound if self.bound else math.inf * bool(self.apart > 1e-9)


def worst_gap(
    history: History,
    weights: Mapping[str, float],
    *,
    servers: int = 1,
    slack: float = 0.0,
) -> Gap:
    """The worst of all pairs of users, over every moment of every time in which both were backlogged.

    |S_i/w_i - S_j/w_j| <= jobs in flight x (longest_i/w_i + longest_j/w_j) + slack, where S is the GPU time
    received since both have been backlogged, that of the running job included. Where one of them had been
    served before, it may be ahead at that moment and be behind later: then slack counts twice, and a charge
    that was too high (never by more than the flow's longest job) lets the other one have that much more.
    """
    in_flight = 2 * servers
    tasks = history.tasks
    users = sorted({task.user for task in tasks})
    longest = longest_jobs(tasks)
    weight = {user: weights.get(user, 1.0) for user in users}
    received: dict[str, float] = dict.fromkeys(users, 0.0)
    waiting: Counter[str] = Counter()
    running: dict[int, float] = {}
    known: set[str] = set()
    since: dict[tuple[str, str], tuple[float, bool]] = {}
    worst = Gap(("", ""), 0.0, 0.0, 1.0)
    for event in sorted(history.events, key=lambda event: event.at):
        for number, counted in running.items():
            received[tasks[number].user] += event.at - counted
            running[number] = event.at
        for pair, (start, equal) in since.items():
            i, j = pair
            apart = abs(received[i] / weight[i] - received[j] / weight[j] - start)
            virtual = longest[i] / weight[i], longest[j] / weight[j]
            bound = in_flight * sum(virtual) + servers * slack
            if not equal:
                bound += servers * (max(virtual) - min(virtual) + slack)
            gap = Gap(pair, event.at, apart, bound)
            if gap.part > worst.part:
                worst = gap
        user = tasks[event.job].user
        if event.what is What.BEGUN:
            running[event.job] = event.at
        elif event.what is What.ENDED:
            del running[event.job]
        elif event.what is What.PUSHED:
            waiting[user] += 1
        else:
            waiting[user] -= 1
            known.add(user)
        for pair in combinations(users, 2):
            i, j = pair
            if not (waiting[i] and waiting[j]):
                since.pop(pair, None)
            elif pair not in since:
                start = received[i] / weight[i] - received[j] / weight[j]
                since[pair] = start, known.isdisjoint(pair)
    return worst


def longest_jobs(tasks: Sequence[Task]) -> dict[str, float]:
    longest: dict[str, float] = defaultdict(float)
    for task in tasks:
        longest[task.user] = max(longest[task.user], task.seconds)
    return longest


def shares(history: History, until: float) -> dict[str, float]:
    """Each user's part of the GPU time given up to a moment."""
    begun = history.when(What.BEGUN)
    ended = history.when(What.ENDED)
    received: dict[str, float] = defaultdict(float)
    for number, start in begun.items():
        if start < until:
            received[history.tasks[number].user] += min(until, ended.get(number, until)) - start
    total = sum(received.values())
    return {user: seconds / total for user, seconds in received.items()}


def fluid_finishes(tasks: Sequence[Task], weights: Mapping[str, float]) -> list[float]:
    """When each job would end if one GPU could be divided at will (generalised processor sharing).

    At every moment each user with unfinished jobs receives their weight's share, and gives it to the oldest
    of them. Tasks are in order of arrival, as :class:`~tests.fairness.History` has them.
    """
    finishes = [math.inf] * len(tasks)
    lines: dict[str, deque[list[float]]] = defaultdict(deque)
    now, arriving = 0.0, 0
    while arriving < len(tasks) or lines:
        total = sum(weights.get(user, 1.0) for user in lines)
        rates = {user: weights.get(user, 1.0) / total for user in lines}
        ends = {user: now + line[0][1] / rates[user] for user, line in lines.items()}
        soonest = min(ends, key=lambda user: ends[user], default=None)
        arrival = tasks[arriving].at if arriving < len(tasks) else math.inf
        upto = min(arrival, ends[soonest] if soonest is not None else math.inf)
        for user, line in lines.items():
            line[0][1] -= (upto - now) * rates[user]
        now = upto
        if soonest is not None and ends[soonest] <= arrival:
            finishes[int(lines[soonest].popleft()[0])] = now
            if not lines[soonest]:
                del lines[soonest]
        else:
            lines[tasks[arriving].user].append([arriving, tasks[arriving].seconds])
            arriving += 1
    return finishes


def idle_while_waiting(history: History, *, slots: int = 2) -> float | None:
    """When a server had a free slot though a job waited that it could run; None if never."""
    waiting: set[int] = set()
    held: Counter[str] = Counter()
    servers = {server for task in history.tasks for server in task.servers}
    events = sorted(history.events, key=lambda event: event.at)
    for index, event in enumerate(events):
        if event.what is What.PUSHED:
            waiting.add(event.job)
        elif event.what is What.DISPATCHED:
            waiting.discard(event.job)
            held[str(event.server)] += 1
        elif event.what is What.ENDED:
            held[str(event.server)] -= 1
        later = events[index + 1].at if index + 1 < len(events) else math.inf
        if later > event.at:
            for server in servers:
                if held[server] < slots and any(server in history.tasks[job].servers for job in waiting):
                    return event.at
    return None


def own_share_finishes(history: History, weights: Mapping[str, float]) -> list[float]:
    """When each job would end if its user had their share of the GPU for themselves, and no more.

    F(n) = max(arrival, F(n-1)) + seconds x (all weights / own weight), on a clock that stands still while
    the server has nothing to do: what a user has had beforehand is not forgiven by waiting alone.
    """
    tasks = history.tasks
    total = sum(weights.get(user, 1.0) for user in {task.user for task in tasks})
    begun, ended = history.when(What.BEGUN), history.when(What.ENDED)
    runs = sorted((begun[job], ended[job]) for job in ended)
    worked = [0.0, *accumulate(end - start for start, end in runs)]
    starts = [start for start, _ in runs]
    last: dict[str, float] = {}
    finishes = []
    for task in tasks:
        index = bisect_right(starts, task.at)
        now = worked[index] - (max(0.0, runs[index - 1][1] - task.at) if index else 0.0)
        own = max(now, last.get(task.user, 0.0)) + task.seconds * total / weights.get(task.user, 1.0)
        last[task.user] = own
        finishes.append(task.at + own - now)
    return finishes
