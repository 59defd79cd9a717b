"""What an operator sees go on: whose turn it is, what waits where, how the servers are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import StoreUnavailable
from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, ServerName, UserId
from bot.domain.text import Text
from bot.service import floor
from bot.service.floor import FloorWatch
from bot.service.ports import DeviceMemory, Health
from tests.support.fake_server import FakeServer, unreachable
from tests.support.service import Bot, bot_at_work

ONE, TWO = ServerName("one"), ServerName("two")
BOTH = frozenset({ONE, TWO})


def waiting(number: int, who: str, servers: frozenset[ServerName] = BOTH, seconds: float = 10.0) -> Waiting:
    return Waiting(JobId(f"{who}-{number}"), UserId(who), number, "", servers, seconds)


def views(queue: FairQueue, flows: int = 10, jobs: int = 10) -> list[tuple[str, float | None, int]]:
    return [(v.user, v.lead, v.waiting) for v in queue.views(most_flows=flows, most_jobs=jobs)]


class TestWhoStandsWhere:
    def test_whoever_is_next_is_first(self) -> None:
        queue = FairQueue()
        for number, who in enumerate(("ann", "ann", "bob", "cyd")):
            queue.push(waiting(number, who), weight=2.0 if who == "ann" else 1.0)
        assert views(queue) == [("ann", 0.0, 2), ("bob", 0.0, 1), ("cyd", 0.0, 1)]
        assert (popped := queue.pop(ONE)) is not None
        assert popped.flow == "ann"
        # At the other server nobody was ahead of anybody. Of whom nothing waits comes last.
        queue.pop(TWO)
        found = queue.views(most_flows=10, most_jobs=10)
        assert [(v.user, v.lead) for v in found] == [("bob", 0.0), ("cyd", 0.0), ("ann", 5.0)]
        assert {v.user: v.weight for v in found} == {"ann": 2.0, "bob": 1.0, "cyd": 1.0}

    def test_a_lead_is_what_somebody_had_more_by_weight(self) -> None:
        queue = FairQueue()
        for number in range(4):
            queue.push(waiting(number, "ann" if number % 2 else "bob", frozenset({ONE})), weight=2.0)
        for seconds in (10.0, 10.0):
            job = queue.pop(ONE)
            assert job is not None
            queue.finish(job.job, seconds)
        assert views(queue) == [("bob", 0.0, 1), ("ann", 0.0, 1)]
        job = queue.pop(ONE)
        assert job is not None
        queue.finish(job.job, 30.0)
        queue.push(waiting(9, "bob", frozenset({ONE})), weight=2.0)
        assert views(queue) == [("ann", 0.0, 1), ("bob", 15.0, 1)]
        assert queue.virtual_times() == {ONE: 5.0}

    def test_the_first_of_them_are_told_and_the_others_counted(self) -> None:
        queue = FairQueue()
        for number in range(60):
            queue.push(waiting(number, f"user{number % 6}", seconds=2.0), weight=1.0)
        found = queue.views(most_flows=4, most_jobs=3)
        assert [len(v.head) for v in found] == [3] * 4
        assert [(v.waiting, v.seconds) for v in found] == [(10, 20.0)] * 4
        assert [item.order for item in found[0].head] == [0, 6, 12]
        assert queue.active_flows == 6

    def test_jobs_of_several_lanes_stand_in_their_order(self) -> None:
        queue = FairQueue()
        for number, servers in enumerate((BOTH, frozenset({ONE}), BOTH, frozenset({TWO}))):
            queue.push(waiting(number, "ann", servers), weight=1.0)
        (found,) = queue.views(most_flows=5, most_jobs=3)
        assert [item.order for item in found.head] == [0, 1, 2]

    def test_whom_no_server_can_serve_is_last_and_has_no_lead(self) -> None:
        queue = FairQueue()
        queue.push(waiting(1, "ann", frozenset()), weight=1.0)
        queue.push(waiting(2, "bob"), weight=1.0)
        assert views(queue) == [("bob", 0.0, 1), ("ann", None, 1)]

    def test_to_look_changes_nothing(self) -> None:
        looked, not_looked = FairQueue(), FairQueue()
        for queue in (looked, not_looked):
            for number in range(30):
                queue.push(waiting(number, f"user{number % 7}", seconds=1.0 + number % 3), weight=1.0)
        order: list[list[JobId]] = []
        for queue in (looked, not_looked):
            served = []
            for _ in range(30):
                if queue is looked:
                    queue.views(most_flows=3, most_jobs=2)
                    queue.virtual_times()
                job = queue.pop(ONE)
                assert job is not None
                served.append(job.job)
                queue.finish(job.job, 2.0)
            order.append(served)
        assert order[0] == order[1]
        assert looked.active_flows == 0


def watch(bot: Bot, day_began: Callable[[int], int] = lambda now: now - 3_600_000) -> FloorWatch:
    return FloorWatch(bot.service.operator, day_began)


class Card(FakeServer):
    async def health(self) -> Health:
        self._answer()
        return Health("1", (DeviceMemory("cuda:0", 24, 9),))


async def test_what_runs_waits_and_was_done_is_seen(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, [Card()]) as bot:
        seen = watch(bot)
        receipt = await bot.ask("a lighthouse", who="alice")
        await bot.server.until_waiting(1)
        bot.server.start()
        bot.clock.advance(36)
        bot.server.finish(36)
        await bot.until_over(receipt.accepted.request.id)
        await bot.ask("a lighthouse --count 2", who="alice")
        await bot.server.until_waiting(1)
        bot.server.start()
        await bot.ask("a harbour", who="bob")
        bot.clock.advance(18)
        await seen.ask_servers()
        found = await seen.look()
        assert (found.waiting, found.running, found.people) == (2, 1, 2)
        assert [(lane.name, [block.state for block in lane.blocks]) for lane in found.lanes] == [
            ("bob", ["waiting"]),
            ("alice", ["running", "waiting"]),
        ]
        assert [block.place for lane in found.lanes for block in lane.blocks] == [1, None, 2]
        (server,) = found.servers
        assert (server.state, server.running_of, server.done_today) == ("up", "alice", 1)
        assert server.duty == round(100 * (36 + 18) / 3600)
        assert server.memory == (("cuda:0", 9, 24),)
        assert await seen.look() == found


async def test_what_changes_little_is_asked_for_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot_at_work(tmp_path, [Card()]) as bot:
        seen, asked = watch(bot), []
        for name in ("accepted_at", "names_of", "work_of_servers"):
            monkeypatch.setattr(bot.store, name, noted(getattr(bot.store, name), name, asked))
        for who in ("alice", "bob"):
            await bot.ask("a lighthouse", who=who)
        await bot.server.until_waiting(1)
        for _ in range(5):
            await seen.ask_servers()
            await seen.look()
            bot.clock.advance(1)
        assert sorted(asked) == ["accepted_at", "names_of", "work_of_servers", "work_of_servers"]
        bot.clock.advance(floor.LOOKS_AT_SERVERS)
        asked.clear()
        await bot.ask("a bridge", who="carol")
        await seen.ask_servers()
        assert [lane.name for lane in (await seen.look()).lanes].count("carol") == 1
        assert sorted(asked) == ["accepted_at", "names_of", "work_of_servers", "work_of_servers"]


def noted(method: Callable[..., Any], name: str, asked: list[str]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        asked.append(name)
        return method(*arguments, **named)

    return call


async def test_a_server_that_is_gone_and_a_paused_queue_are_seen(tmp_path: Path) -> None:
    async with bot_at_work(tmp_path, [Card()]) as bot:
        seen = watch(bot)
        await bot.service.operator.pause("shell:me")
        await bot.ask("a lighthouse", who="alice")
        bot.service.dispatcher.take_out(bot.state(), unreachable())
        found = await seen.look()
        assert found.paused
        assert found.servers[0].state == "down"
        assert "does not answer" in str(found.servers[0].reason)
        (block,) = found.lanes[0].blocks
        assert (block.eta, "paused the queue" in str(block.why)) == (None, True)
        assert "out of service" in str(found.notices[0][1])


async def test_a_database_that_does_not_answer_is_raised_and_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bot_at_work(tmp_path, [Card()]) as bot:
        seen = watch(bot)
        await bot.ask("a lighthouse", who="alice")

        async def unavailable(*_: object) -> None:
            raise StoreUnavailable(Text("no"))

        monkeypatch.setattr(bot.store, "names_of", unavailable)
        with pytest.raises(StoreUnavailable):
            await seen.look()
        monkeypatch.undo()
        assert (await seen.look()).lanes[0].name == "alice"
