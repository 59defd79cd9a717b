"""The fair queue: shares servers among users by measured GPU seconds. Pure.

A user is a flow; within a flow jobs go in their order. Every server runs start-time fair queuing of its
own over the flows that have jobs for it (:mod:`bot.domain.fair_clock`), so a server that is slow, busy
or gone changes nobody's turn at another. A dispatch charges an estimate; what was measured replaces it
at the end, whatever the outcome. All times are GPU seconds, all virtual times GPU seconds per weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from bot.domain.fair_accounts import Account, Flow, InService
from bot.domain.fair_clock import Clock, May
from bot.domain.fair_lanes import Waiting
from bot.domain.fair_place import Place, next_jobs, place_on
from bot.domain.fair_view import FlowView, flow_views
from bot.domain.ids import JobId, ServerName, UserId

__all__ = ["FairQueue", "InService", "Place", "Waiting"]


class FairQueue:
    """``affinity_slack``: GPU seconds for which a flow may be passed over, per server, in favour of jobs
    for the loaded model. ``virtual_time`` and ``flows``: what :attr:`virtual_time` and :meth:`lagging`
    said before a restart.
    """

    def __init__(
        self,
        *,
        affinity_slack: float = 0.0,
        virtual_time: float = 0.0,
        flows: Mapping[UserId, float] = MappingProxyType({}),
    ) -> None:
        self._slack = _seconds(affinity_slack)
        self._start = virtual_time
        self._kept = {user: own for user, own in flows.items() if own > virtual_time}
        self._flows: dict[UserId, Flow] = {}
        self._clocks: dict[ServerName, Clock] = {}
        self._waiting: dict[JobId, Waiting] = {}
        self._in_service: dict[JobId, InService] = {}
        self._models: dict[ServerName, str] = {}
        self._backlogged = 0

    def __len__(self) -> int:
        """Jobs that wait."""
        return len(self._waiting)

    def __contains__(self, job: JobId) -> bool:
        """Whether the job waits. One in service does not: see :attr:`in_service`."""
        return job in self._waiting

    @property
    def backlogged(self) -> int:
        """Flows that have jobs waiting."""
        return self._backlogged

    def busy(self) -> Mapping[UserId, float]:
        """The weights of all flows that have jobs, waiting or in service."""
        flows = self._flows.values()
        return {
            flow.user: flow.weight
            for flow in flows
            if flow.lanes or any(account.in_service for account in flow.accounts.values())
        }

    @property
    def in_service(self) -> Mapping[JobId, InService]:
        return MappingProxyType(self._in_service)

    def waiting_of(self, flow: UserId) -> tuple[Waiting, ...]:
        """Jobs of a flow that wait, in their order."""
        known = self._flows.get(flow)
        lanes = known.lanes.values() if known else ()
        return tuple(sorted((item for lane in lanes for item in lane), key=lambda item: item.order))

    def push(self, item: Waiting, *, weight: float) -> None:
        """``item`` waits. ``weight`` is the flow's from now on. ValueError: the job is known already."""
        self._check_new(item, weight)
        flow = self._flow(item.flow, weight)
        self._enter(flow, item)

    def pop(
        self,
        server: ServerName,
        *,
        loaded: str | None = None,
        estimate: Callable[[Waiting], float] | None = None,
        may: May | None = None,
    ) -> Waiting | None:
        """Give the next job to ``server``; None when nothing waits that it can run.

        ``loaded``: the model that it will have loaded by then. ``estimate``: a fresher guess than the one
        the job came with. ``may``: a flow whose head it turns down is left out, this time only; each such
        flow costs O(log n).
        """
        clock = self._clocks.get(server)
        choice = self._choose(clock, loaded, estimate, may) if clock else None
        if clock is None or choice is None:
            return None
        account, item, passed = choice
        seconds = _seconds(estimate(item)) if estimate else item.estimate
        self._serve(account, item, server, seconds, passed)
        del self._waiting[item.job]
        self._unlist(account.flow, item)
        self._close(clock.advance(), server)
        return item

    def head(self, server: ServerName, loaded: str | None = None) -> Waiting | None:
        """What :meth:`pop` would give."""
        clock = self._clocks.get(server)
        choice = self._choose(clock, loaded, None, None) if clock else None
        return choice[1] if choice else None

    def finish(self, job: JobId, seconds: float) -> None:
        """A job in service has ended, however, after ``seconds`` of GPU time. KeyError: it was not."""
        self._leave(self._settle(job, seconds))

    def give_back(self, item: Waiting, seconds: float = 0.0) -> None:
        """The attempt was lost after ``seconds`` of GPU time: the job waits again, at its old place.

        ``item`` may name other servers than before. KeyError: the job was not in service.
        """
        served = self._settle(item.job, seconds)
        self._enter(self._flow(item.flow), item)
        self._leave(served)

    def attach(
        self, item: Waiting, server: ServerName, *, weight: float, estimate: float | None = None
    ) -> None:
        """A job that ``server`` was found to have, after a restart: charged as :meth:`pop` would have."""
        self._check_new(item, weight)
        account = self._awake(self._flow(item.flow, weight), server)
        self._serve(account, item, server, item.estimate if estimate is None else _seconds(estimate))
        self._clocks[server].refresh(account, account.head)

    def remove(self, job: JobId) -> Waiting | None:
        """Take out a waiting job, as if it had never come; None when it does not wait."""
        item = self._waiting.pop(job, None)
        if item is not None:
            self._unlist(self._flows[item.flow], item)
        return item

    def relane(self, job: JobId, servers: frozenset[ServerName]) -> None:
        """Other servers than before can run a waiting job. KeyError: it does not wait."""
        old = self._waiting[job]
        if servers != old.servers:
            flow = self._flows[old.flow]
            self._enter(flow, replace(old, servers=servers))  # first: a flow that stays must not wake anew
            self._unlist(flow, old)

    def move(self, job: JobId, flow: UserId, weight: float) -> None:
        """A job belongs to another flow from now on, whose weight this is. One that waits goes to its place
        by age; one in service takes along what was charged for it. KeyError: it is neither."""
        served = self._in_service.get(job)
        if served is not None:
            self._hand_over(served, flow, weight)
        elif (old := self._waiting[job]).flow != flow:
            self.remove(job)
            self.push(replace(old, flow=flow), weight=weight)

    def level(self, flow: UserId, other: UserId) -> None:
        """``flow`` has had as much of each server as ``other``, if that is more: two became one, or one
        became two, and neither earns anything by it. What is in service is not in it: see :meth:`move`."""
        if other in self._kept:
            self._kept[flow] = max(self._kept[other], self._kept.get(flow, 0.0))
        known = self._flows.get(other)
        for server, account in tuple(known.accounts.items()) if known else ():
            clock, had = self._clocks[server], account.confirmed
            own = self._flow(flow).accounts.get(server)
            if own is None:
                own = clock.open(self._flow(flow), server, had)
            elif own.confirmed >= had:
                continue
            own.confirmed = had
            clock.refresh(own, own.head)
            if not own.active:
                self._close(clock.rest(own), server)

    def reweigh(self, flow: UserId, weight: float) -> None:
        """Change a flow's share from its next dispatch on; one that is not known brings its weight later."""
        known = self._flows.get(flow)
        if known:
            self._weigh(known, _weight(weight))

    def place(self, job: JobId) -> Place:
        """Where a waiting job stands, without what affinity may change. KeyError: it does not wait.

        A matter of microseconds, and of one more for every flow that has changed since the last question.
        """
        item = self._waiting[job]
        swap = item.model != "" and all(self._models.get(each) != item.model for each in item.servers)
        flow = self._flows[item.flow]
        leads = [
            (flow.accounts[server].virtual - self._clocks[server].virtual_time, server)
            for server in item.servers
        ]
        if not leads:
            return Place(0, 0.0, 0, swap)
        _, soonest = min(leads)
        return Place(*place_on(self._clocks[soonest], flow.accounts[soonest], item), swap)

    def upcoming(self, limit: int) -> tuple[Waiting, ...]:
        """The first ``limit`` of the jobs that wait, in the order in which they are expected to go."""
        return next_jobs(self._flows.values(), self._clocks, limit)

    def views(self, *, most_flows: int, most_jobs: int) -> tuple[FlowView, ...]:
        """Who stands where: see :func:`~bot.domain.fair_view.flow_views`."""
        return flow_views(self._flows.values(), self._clocks, most_flows=most_flows, most_jobs=most_jobs)

    @property
    def active_flows(self) -> int:
        """Users of whom a job waits or is at a server."""
        return sum(
            bool(flow.lanes) or any(account.active for account in flow.accounts.values())
            for flow in self._flows.values()
        )

    def virtual_times(self) -> Mapping[ServerName, float]:
        """Of each server that was asked of so far."""
        return {server: clock.virtual_time for server, clock in self._clocks.items()}

    def waits(self, job: JobId) -> bool:
        """Whether it is neither in service nor unknown."""
        return job in self._waiting

    @property
    def virtual_time(self) -> float:
        """Of the server that is furthest; never decreases. To be persisted."""
        return max((clock.virtual_time for clock in self._clocks.values()), default=self._start)

    def lagging(self) -> Mapping[UserId, float]:
        """The flows that have had more than their share, with their virtual time: to be persisted.

        Service certainly received alone is in it: after a restart, jobs still at a server are attached,
        and charged by that. With several servers it is the largest lead at any of them, on top of
        :attr:`virtual_time`.
        """
        base = self.virtual_time
        ahead = dict(self._kept) if not self._clocks else {}
        for clock in self._clocks.values():
            shift = base - clock.virtual_time
            for user, account in clock.accounts.items():
                if account.confirmed > clock.virtual_time:
                    own = account.confirmed + shift if shift else account.confirmed
                    ahead[user] = max(own, ahead.get(user, own))
        return ahead

    def _choose(
        self, clock: Clock, loaded: str | None, estimate: Callable[[Waiting], float] | None, may: May | None
    ) -> tuple[Account, Waiting, Account | None] | None:
        """Who is served, with which job, and who is passed over for the sake of the loaded model."""
        turn = clock.first(may)
        if turn is None or turn.head is None:
            return None
        own = (turn, turn.head, None)
        if not self._slack or not loaded or turn.head.model in ("", loaded):
            return own
        other = clock.first_of(loaded, may)
        if other is None or other.head is None:
            return own
        seconds = _seconds(estimate(other.head)) if estimate else other.head.estimate
        # The second bound keeps one flow from getting far ahead by passing many others, each a little.
        lead = other.virtual + seconds / other.flow.weight - turn.virtual
        if turn.passed + seconds > self._slack or lead > self._slack:
            return own
        return other, other.head, turn

    def _check_new(self, item: Waiting, weight: float) -> None:
        if item.job in self._waiting or item.job in self._in_service:
            raise ValueError(f"job {item.job} is in the queue already")
        _seconds(item.estimate)
        _weight(weight)

    def _flow(self, user: UserId, weight: float | None = None) -> Flow:
        flow = self._flows.get(user)
        if flow is None:
            flow = self._flows[user] = Flow(user)
        if weight is not None and weight != flow.weight:
            self._weigh(flow, weight)
        return flow

    def _weigh(self, flow: Flow, weight: float) -> None:
        flow.weight = weight
        for server, account in flow.accounts.items():
            self._clocks[server].standings.note(account)

    def _clock(self, server: ServerName) -> Clock:
        clock = self._clocks.get(server)
        if clock is None:
            clock = self._clocks[server] = Clock(self._start)
            for user, own in self._kept.items():
                clock.rest(clock.open(self._flow(user), server, own))  # each is ahead: none is closed
        return clock

    def _awake(self, flow: Flow, server: ServerName) -> Account:
        clock = self._clock(server)
        account = flow.accounts.get(server) or clock.open(flow, server)
        if not account.active:
            clock.wake(account)
        return account

    def _enter(self, flow: Flow, item: Waiting) -> None:
        self._waiting[item.job] = item
        self._backlogged += not flow.lanes
        flow.add(item)
        for server in item.servers:
            account = self._awake(flow, server)
            account.waiting += 1
            account.seconds += item.estimate
            self._clocks[server].refresh(account, flow.head(server))

    def _unlist(self, flow: Flow, item: Waiting) -> None:
        flow.discard(item)
        self._backlogged -= not flow.lanes
        self._drop_unused(flow)
        for server in item.servers:
            account = flow.accounts[server]
            account.waiting -= 1
            account.seconds = account.seconds - item.estimate if account.waiting else 0.0
            clock = self._clocks[server]
            clock.refresh(account, flow.head(server))
            if not account.active:
                self._close(clock.rest(account), server)

    def _serve(
        self,
        account: Account,
        item: Waiting,
        server: ServerName,
        seconds: float,
        passed: Account | None = None,
    ) -> None:
        if passed:
            passed.passed += seconds
        charge = self._clocks[server].serve(account, seconds)
        self._in_service[item.job] = InService(
            item, server, seconds, charge, account.flow.weight, account, passed, passed.turn if passed else 0
        )
        if item.model:
            self._models[server] = item.model

    def _hand_over(self, served: InService, flow: UserId, weight: float) -> None:
        before = served.account
        if before.flow.user == flow:
            return
        account = self._awake(self._flow(flow, weight), served.server)
        clock = self._clocks[served.server]
        clock.hand_over(served, account)
        item = replace(served.item, flow=flow)
        self._in_service[item.job] = replace(served, item=item, account=account)
        if not before.active:
            self._close(clock.rest(before), served.server)

    def _settle(self, job: JobId, seconds: float) -> InService:
        seconds = _seconds(seconds)
        served = self._in_service.pop(job)
        account, passed = served.account, served.passed
        clock = self._clocks[served.server]
        clock.settle(served, seconds)
        clock.refresh(account, account.head)
        if passed and passed.turn == served.turn:
            passed.passed += seconds - served.estimate
        return served

    def _leave(self, served: InService) -> None:
        clock = self._clocks[served.server]
        if not served.account.active:
            self._close(clock.rest(served.account), served.server)
        self._close(clock.advance(), served.server)

    def _close(self, accounts: Iterable[Account], server: ServerName) -> None:
        for account in accounts:
            del account.flow.accounts[server]
            self._drop_unused(account.flow)

    def _drop_unused(self, flow: Flow) -> None:
        if not flow.accounts and not flow.lanes:
            del self._flows[flow.user]


def _seconds(value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"not a number of seconds: {value}")
    return value


def _weight(value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"not a weight: {value}")
    return value
