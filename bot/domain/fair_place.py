"""Where a waiting job stands: an estimate of what will go before it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from bot.domain.fair_accounts import Account, Flow
from bot.domain.fair_clock import Clock
from bot.domain.fair_lanes import Waiting
from bot.domain.fair_standings import AGE, ORDER, SECONDS, VIRTUAL, WAITING, WEIGHT, Table
from bot.domain.ids import ServerName

TINY = 1e-9
"""Seconds: jobs that are believed to take none all start at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is expected to be dispatched before a job. Jobs in service and who comes later are not in it."""

    before: int
    """Jobs."""
    seconds_before: float
    """GPU seconds of these, by their estimates. Several servers share them."""
    flows_before: int
    """Users who have at least one of these jobs."""
    swap: bool
    """Whether none of the servers that can run it had its model last."""


def place_on(clock: Clock, own: Account, item: Waiting) -> tuple[int, float, int]:
    """Jobs, seconds and flows before ``item`` if this server did all of the work.

    A job goes when its flow's virtual time, the flow's earlier jobs included, is the lowest. How many jobs
    of another flow start below that is told from the sum of their estimates, as if they were alike: exact
    enough for a card, and independent of how many jobs wait.
    """
    earlier = [
        each
        for servers, lane in own.flow.lanes.items()
        if not servers.isdisjoint(item.servers)
        for each in lane.before(item.order)
    ]
    ahead = sum(each.estimate for each in earlier)
    rows = clock.standings.rows()
    waiting, seconds = rows[:, WAITING], rows[:, SECONDS]
    room = (own.virtual + ahead / own.flow.weight - rows[:, VIRTUAL]) * rows[:, WEIGHT]
    started = np.ceil(room * waiting / np.maximum(seconds, TINY))
    if not earlier:
        started[(room == 0) & _go_first(rows, own)] = 1
    counts = np.clip(started, 0, waiting)
    counts[own.slot] = 0
    before = float(np.sum(seconds * counts / np.maximum(waiting, 1)))
    flows = int(np.count_nonzero(counts)) + bool(earlier)
    return len(earlier) + int(counts.sum()), ahead + before, flows


def _go_first(rows: Table, own: Account) -> NDArray[np.bool_]:
    """Who goes before ``own`` at the same virtual time."""
    order = own.head.order if own.head else 0
    first: NDArray[np.bool_] = (rows[:, AGE] < own.age) | (
        (rows[:, AGE] == own.age) & (rows[:, ORDER] < order)
    )
    return first


def next_jobs(flows: Iterable[Flow], clocks: Mapping[ServerName, Clock], limit: int) -> tuple[Waiting, ...]:
    """The jobs that are expected to go first: by the virtual time at which each would start.

    That of a flow with several servers is its least lead over virtual time at any of them.
    """
    starts: list[tuple[float, int, int, Flow]] = []
    for flow in flows:
        leads = [
            (account.virtual - clocks[server].virtual_time, account.age)
            for server, account in flow.accounts.items()
            if account.head is not None
        ]
        if leads:
            starts.append((*min(leads), min(lane.head.order for lane in flow.lanes.values()), flow))
    jobs: list[tuple[float, int, int, Waiting]] = []
    for lead, age, _, flow in nsmallest(limit, starts):
        items = nsmallest(limit, chain(*flow.lanes.values()), key=lambda item: item.order)
        begun = accumulate((item.estimate / flow.weight for item in items), initial=lead)
        jobs += [(start, age, item.order, item) for start, item in zip(begun, items, strict=False)]
    return tuple(item for *_, item in nsmallest(limit, jobs))
