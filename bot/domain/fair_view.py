"""How the flows stand towards each other, for somebody who looks on. Pure; nothing is changed by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge, nsmallest
from itertools import islice

from bot.domain.fair_accounts import Flow
from bot.domain.fair_clock import Clock
from bot.domain.fair_lanes import Waiting
from bot.domain.ids import ServerName, UserId

_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class FlowView:
    """A user whose jobs wait or are at a server.

    ``lead``: GPU seconds per weight that it is ahead of virtual time, at the server where that is least; the
    lowest goes next. None while no server can run what waits.
    """

    user: UserId
    weight: float
    lead: float | None
    waiting: int
    seconds: float
    """GPU seconds of all that waits, by its estimates."""
    head: tuple[Waiting, ...]
    """The first of what waits."""


def flow_views(
    flows: Iterable[Flow], clocks: Mapping[ServerName, Clock], *, most_flows: int, most_jobs: int
) -> tuple[FlowView, ...]:
    """The first ``most_flows`` flows by whose turn it is, each with its first ``most_jobs`` jobs.

    Those of which nothing waits, but something runs, come last.
    """
    order: list[tuple[bool, float, int, str, Flow]] = []
    for flow in flows:
        leads = [
            (account.virtual - clocks[server].virtual_time, account.age)
            for server, account in flow.accounts.items()
            if account.active
        ]
        if flow.lanes or leads:
            lead, age = min(leads, default=(_NEVER, 0))
            order.append((not flow.lanes, lead, age, flow.user, flow))
    return tuple(
        _view(flow, lead, most_jobs) for _, lead, _, _, flow in nsmallest(most_flows, order, key=_before)
    )


def _before(entry: tuple[bool, float, int, str, Flow]) -> tuple[bool, float, int, str]:
    return entry[:4]


def _view(flow: Flow, lead: float, most_jobs: int) -> FlowView:
    lanes = flow.lanes.values()
    return FlowView(
        flow.user,
        flow.weight,
        None if lead == _NEVER else lead,
        sum(len(lane) for lane in lanes),
        sum(item.estimate for lane in lanes for item in lane),
        tuple(islice(merge(*lanes, key=lambda item: item.order), most_jobs)),
    )
