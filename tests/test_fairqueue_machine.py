"""The fair queue and its slow obvious model go through the same, and agree at every step."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, ServerName, UserId
from tests.fairness_oracle import Oracle

USERS = [UserId(name) for name in ("ann", "ben", "cleo", "dan", "eve")]
MODELS = ["", "flux", "sdxl"]

# Whole seconds and powers of two: sums are exact, so that both sides may be compared for equality.
seconds = st.integers(0, 24).map(float)
weights = st.sampled_from([0.5, 1.0, 2.0])


class OneServer(RuleBasedStateMachine):
    servers = (ServerName("a"),)

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue()
        self.oracle = Oracle()
        self.slack = 0.0
        self.orders = 0
        self.virtual_time = 0.0

    @initialize(slack=st.sampled_from([0.0, 0.0, 16.0]))
    def begin(self, slack: float) -> None:
        self.slack = slack
        self.queue = FairQueue(affinity_slack=slack)
        self.oracle = Oracle(slack)

    def some(self, data: st.DataObject) -> frozenset[ServerName]:
        return data.draw(st.frozensets(st.sampled_from(self.servers), min_size=1), label="servers")

    def a_job(self, data: st.DataObject, user: UserId, model: str, estimate: float) -> Waiting:
        self.orders += 1
        return Waiting(JobId(f"j{self.orders}"), user, self.orders, model, self.some(data), estimate)

    @rule(
        data=st.data(),
        user=st.sampled_from(USERS),
        model=st.sampled_from(MODELS),
        count=st.sampled_from([1, 1, 2, 6]),
        estimate=seconds,
        weight=weights,
    )
    def push(
        self, data: st.DataObject, user: UserId, model: str, count: int, estimate: float, weight: float
    ) -> None:
        for _ in range(count):
            item = self.a_job(data, user, model, estimate)
            self.queue.push(item, weight=weight)
            self.oracle.push(item, weight)

    @rule(
        data=st.data(), loaded=st.sampled_from(MODELS), barred=st.sampled_from([None, None, None, "", "flux"])
    )
    def pop(self, data: st.DataObject, loaded: str, barred: str | None) -> None:
        server = data.draw(st.sampled_from(self.servers), label="server")
        able = [item for item in self.oracle.waiting if server in item.servers]

        def may(item: Waiting) -> bool:
            return item.model != barred

        item = self.queue.pop(server, loaded=loaded, may=may if barred is not None else None)
        assert item == self.oracle.pop(server, loaded, may)
        if item is None:
            # Work conserving: nothing could have gone, but for jobs behind a head that may not.
            assert all(any(other.flow == each.flow and not may(other) for other in able) for each in able)
        else:
            assert item.order == min(each.order for each in able if each.flow == item.flow)

    @precondition(lambda self: self.oracle.served)
    @rule(data=st.data(), took=seconds)
    def finish(self, data: st.DataObject, took: float) -> None:
        job = data.draw(st.sampled_from([served.item.job for served in self.oracle.served]), label="job")
        self.queue.finish(job, took)
        self.oracle.finish(job, took)

    @precondition(lambda self: self.oracle.served)
    @rule(data=st.data(), took=seconds)
    def give_back(self, data: st.DataObject, took: float) -> None:
        served = data.draw(st.sampled_from(self.oracle.served), label="served")
        item = replace(served.item, servers=self.some(data))
        self.queue.give_back(item, took)
        self.oracle.give_back(item, took)
        ahead = [each for each in self.queue.waiting_of(item.flow) if each.order < item.order]
        assert self.queue.waiting_of(item.flow)[len(ahead)] == item

    @precondition(lambda self: self.oracle.waiting)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.oracle.waiting), label="item")
        assert self.queue.remove(item.job) == item
        assert self.queue.remove(item.job) is None
        self.oracle.remove(item.job)

    @precondition(lambda self: self.oracle.waiting)
    @rule(data=st.data())
    def relane(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.oracle.waiting), label="item")
        servers = self.some(data)
        self.queue.relane(item.job, servers)
        self.oracle.relane(item.job, servers)

    @rule(user=st.sampled_from(USERS), weight=weights)
    def reweigh(self, user: UserId, weight: float) -> None:
        self.queue.reweigh(user, weight)
        self.oracle.weights[user] = weight

    @rule(data=st.data(), user=st.sampled_from(USERS), estimate=seconds, weight=weights)
    def attach(self, data: st.DataObject, user: UserId, estimate: float, weight: float) -> None:
        item = self.a_job(data, user, "", estimate)
        server = data.draw(st.sampled_from(sorted(item.servers)), label="server")
        self.queue.attach(item, server, weight=weight)
        self.oracle.attach(item, server, weight)

    @invariant()
    def counts_agree(self) -> None:
        waiting = self.oracle.waiting
        assert len(self.queue) == len(waiting)
        assert self.queue.backlogged == len({item.flow for item in waiting})
        assert set(self.queue.in_service) == {served.item.job for served in self.oracle.served}
        for user in USERS:
            expected = sorted((item for item in waiting if item.flow == user), key=lambda item: item.order)
            assert list(self.queue.waiting_of(user)) == expected

    @invariant()
    def clocks_agree(self) -> None:
        now = self.queue.virtual_time
        assert now == max(self.oracle.virtual_times.values(), default=self.oracle.start)
        assert now >= self.virtual_time, "virtual time went back"
        self.virtual_time = now
        ahead: dict[UserId, float] = {}
        for (user, server), confirmed in self.oracle.confirmed.items():
            lead = confirmed - self.oracle.virtual_times[server]
            if lead > 0:
                ahead[user] = max(now + lead, ahead.get(user, 0.0))
        assert self.queue.lagging() == ahead

    @invariant()
    def the_next_is_told_beforehand(self) -> None:
        for server in self.servers:
            for loaded in MODELS:
                choice = self.oracle.choose(server, loaded, lambda _: True)
                expected = self.oracle.of(choice[0])[0] if choice else None
                assert self.queue.head(server, loaded) == expected

    def teardown(self) -> None:
        for served in tuple(self.oracle.served):
            self.finish_all(served.item.job)
        while self.oracle.waiting:
            moved = False
            for server in self.servers:
                item = self.queue.pop(server)
                assert item == self.oracle.pop(server)
                if item is not None:
                    moved = True
                    self.finish_all(item.job)
            assert moved, "jobs wait and no server gets one"
        assert not len(self.queue)
        assert not self.queue.backlogged

    def finish_all(self, job: JobId) -> None:
        self.queue.finish(job, 4.0)
        self.oracle.finish(job, 4.0)


class SeveralServers(OneServer):
    servers = (ServerName("a"), ServerName("b"), ServerName("c"))


TestOneServer = OneServer.TestCase
TestOneServer.settings = settings(max_examples=30, stateful_step_count=50, deadline=None)
TestSeveralServers = SeveralServers.TestCase
TestSeveralServers.settings = settings(max_examples=30, stateful_step_count=50, deadline=None)
