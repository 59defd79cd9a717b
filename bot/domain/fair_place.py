"""Where a waiting job stands: an estimate of what will go before it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import accumulate, chain

from bot.domain.fair_clock import Account, Clock, Flow
from bot.domain.fair_lanes import Waiting
from bot.domain.ids import ServerName


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
    before = len(earlier)
    seconds = sum(each.estimate for each in earlier)
    flows = 1 if earlier else 0
    start = own.virtual + seconds / own.flow.weight
    for account in clock.accounts.values():
        waiting = account.waiting
        if not waiting or account is own:
            continue
        room = (start - account.confirmed - account.pending) * account.flow.weight
        if room < 0:
            continue
        if room >= account.seconds:
            count = waiting if room or _goes_first(account, own) else 0
        else:
            count = math.ceil(room * waiting / account.seconds) or int(
                not earlier and _goes_first(account, own)
            )
        if count:
            before += count
            seconds += account.seconds * count / waiting
            flows += 1
    return before, seconds, flows


def _goes_first(account: Account, other: Account) -> bool:
    """Between two whose virtual times are equal."""
    return account.entry is not None and other.entry is not None and account.entry < other.entry


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
