"""Whatever people do at once with linked accounts: the line has each job where the store says whose it is,
nobody spends more than their limit, and a restart changes nothing."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from bot.domain.errors import RunLost, UserError
from bot.domain.events import Failed
from bot.domain.ids import IdentityId, JobId, UserId
from bot.domain.jobs import OPEN
from bot.domain.linking import CODE_MS
from bot.domain.text import Text
from bot.presentation.actions import Danger, OnQuestion, mark
from bot.service.gate import Asker
from bot.service.linking import Linking, _hash
from tests.store_support import assert_balanced
from tests.support.audits import check_books
from tests.support.fake_server import FakeServer
from tests.support.service import bot_at_work
from tests.support.stepped import Remote, World, stepping

LIMIT = 300.0
TIERS = {"tiers": {"default": {"max_waiting": 1000, "gpu_seconds_per_day": LIMIT}}}
STEPS = 30


def asker(who: str) -> Asker:
    return Asker(IdentityId(f"test:{who}"), who)


def linking(world: World) -> Linking:
    return world.bot.service.reception.plain.linked


async def link(world: World, who: str, other: str) -> None:
    """``who`` enters a code of ``other``'s."""
    code, now = f"{who} to {other}", world.clock.now()
    await world.bot.store.person(asker(other).identity, name="", at=now)
    await world.bot.store.make_link_code(asker(other).identity, _hash(code), now + CODE_MS)
    await linking(world).enter(code, asker(who))


async def unlink(world: World, who: str) -> None:
    until = world.clock.now() // 60_000 + 5
    await linking(world).answered(OnQuestion(Danger.UNLINK, True, until, mark(f"test:{who}")), asker(who))


async def flows(world: World) -> dict[JobId, UserId]:
    """In which flow each job is, waiting or at a server."""
    queue = world.bot.service.dispatcher.queue
    items = [*queue._waiting.values(), *(served.item for served in queue.in_service.values())]
    return {item.job: item.flow for item in items}


async def check_owners(world: World) -> None:
    """In a quiet moment: line, queue and store say the same of whose each open job is."""
    dispatcher = world.bot.service.dispatcher
    theirs = {
        job.id: job.user
        for request in world.disk.requests()
        for job in await world.bot.store.jobs_of(request)
        if job.state in OPEN
    }
    assert {job.id: job.user for job in dispatcher.known_jobs()} == theirs
    assert await flows(world) == theirs
    for job, served in dispatcher.queue.in_service.items():
        assert served.account.flow.user == theirs[job]


async def check_limits(world: World) -> None:
    """What was admitted never passed the limit of all the accounts that it was shared by."""
    store, accounts = world.bot.store, world.bot.service.accounts
    for who in "abcd":
        found = await store.find_people(f"test:{who}")
        if not found:
            continue
        use = (await accounts.standing(found[0])).use
        assert use.reserved <= LIMIT * len(found[0].identities)


@pytest.fixture
def loop_of_steps() -> Iterator[asyncio.Runner]:
    with stepping() as runner:
        yield runner


async def in_service(world: World, who: str) -> JobId:
    receipt = await world.bot.ask("a fox", who)
    world.asked.append(receipt.accepted.request.id)
    await world.settle()
    world.servers[0].start()
    await world.settle()
    return receipt.accepted.jobs[0].id


@pytest.mark.parametrize("lost", [False, True], ids=["ends", "comes back"])
def test_what_runs_goes_along(tmp_path: Path, loop_of_steps: asyncio.Runner, lost: bool) -> None:
    async def tried() -> None:
        world = World(tmp_path, servers=[Remote("gpu")], sections=TIERS)
        await world.begin()
        job = await in_service(world, "b")
        await world.bot.ask("a boat", "b")
        await link(world, "b", "a")
        await check_owners(world)
        if lost:
            run = world.servers[0].waiting[0]
            run.over(Failed(RunLost(Text("It is forgotten."), cause="test")))
            await world.settle()
            await check_owners(world)
        else:
            world.servers[0].finish(4.0)
            await world.settle()
            had = world.bot.service.dispatcher.queue._flows[UserId("test:a")].accounts
            assert [account.confirmed for account in had.values()] == [4.0], "it is charged to both"
        assert job
        await world.finish()
        await world.leave()

    loop_of_steps.run(tried())


def test_a_link_and_an_unlinking_at_each_step_of_each_other(
    tmp_path: Path, loop_of_steps: asyncio.Runner
) -> None:
    async def tried() -> None:
        world = World(tmp_path, servers=[Remote("gpu")], sections=TIERS)
        await world.begin()
        for _ in range(6):
            await world.bot.ask("a fox", "b")
        for step in range(STEPS):
            world.behind(link(world, "b", "a"))
            await world.steps(step)
            world.behind(unlink(world, "b"))
            await world.settle()
            await check_owners(world)
            await world._denied(unlink(world, "b"))
        await world.finish()
        await world.leave()

    loop_of_steps.run(tried())


@pytest.mark.parametrize("what", ["ask", "run", "hang up", "no disk"])
def test_a_link_at_each_step_of_something_else(
    tmp_path: Path, loop_of_steps: asyncio.Runner, what: str
) -> None:
    async def tried() -> None:
        world = World(tmp_path, servers=[Remote("gpu")], sections=TIERS)
        await world.begin()
        for step in range(STEPS):
            await world.bot.ask("a fox", "b")
            match what:
                case "ask":
                    world.behind(world.ask("a boat", "b"))
                    await world.steps(step)
                    world.behind(link(world, "b", "a"))
                case "run":
                    await world.settle()
                    world.behind(link(world, "b", "a"))
                    await world.steps(step // 2)
                    world.servers[0].end(Failed(RunLost(Text("It is forgotten."), cause="test")))
                case "hang up":
                    world.behind(link(world, "b", "a"))
                    await world.steps(step)
                    world.hang_up()
                case "no disk":
                    # A cancel that is refused puts its job back in line.
                    request = world.disk.requests()[-1]
                    world.disk.full = 1
                    world.behind(world.bot.service.usecases.cancel(request, asker("b")))
                    await world.steps(step)
                    world.behind(link(world, "b", "a"))
            await world.settle()
            world.disk.full = 0
            await check_owners(world)
            await world._denied(unlink(world, "b"))
            await world.finish()
        await world.leave()

    loop_of_steps.run(tried())


async def test_everything_at_once(tmp_path: Path) -> None:
    """On a real disk, with threads: what is done fifty times in one moment adds up, and nothing stumbles."""
    chance = random.Random(3)
    async with bot_at_work(tmp_path, [FakeServer("a"), FakeServer("b")], **TIERS) as bot:
        reception, store = bot.service.reception.plain, bot.store
        people = [asker(f"p{number}") for number in range(8)]
        for each in people:
            await store.person(each.identity, name="", at=bot.clock.now())
        asked = [(await bot.ask("a fox", each.name)).accepted.request.id for each in people]

        async def some_link() -> None:
            who, other = chance.sample(people, 2)
            code = f"{who.name} {other.name} {chance.random()}"
            await store.make_link_code(other.identity, _hash(code), bot.clock.now() + CODE_MS)
            await reception.linked.enter(code, who)

        async def some_unlinking() -> None:
            who = chance.choice(people)
            until = bot.clock.now() // 60_000 + 5
            await reception.linked.answered(OnQuestion(Danger.UNLINK, True, until, mark(who.identity)), who)

        async def some_work() -> None:
            for server in bot.servers:
                if server.waiting:
                    server.finish(1.0)

        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "ask": lambda: bot.ask(f"a fox --seed {chance.randint(1, 3)}", chance.choice(people).name),
            "link": some_link,
            "unlink": some_unlinking,
            "cancel": lambda: bot.service.usecases.cancel(chance.choice(asked), chance.choice(people)),
            "erase": lambda: reception.privacy.erase(chance.choice(people)),
            "export": lambda: reception.privacy.export(chance.choice(people)),
            "work": some_work,
        }
        for _ in range(6):
            names = chance.choices([*calls], weights=[10, 10, 6, 8, 4, 2, 4], k=50)
            ended = await asyncio.gather(*(calls[name]() for name in names), return_exceptions=True)
            strange = [each for each in ended if each is not None and isinstance(each, Exception)]
            assert [each for each in strange if not isinstance(each, UserError)] == []
        async with asyncio.timeout(20):
            while bot.service.dispatcher.known_jobs():
                await some_work()
                await asyncio.sleep(0.002)
        await check_books(bot.service, store)
        assert_balanced(store.path)
        for each in people:
            (found,) = await store.find_people((await store.person(each.identity, name="", at=0)).user)
            assert each.identity in found.identities


class Accounts(RuleBasedStateMachine):
    """Four accounts that come together and part, erase themselves and stop each other's jobs, at any moment;
    the bot is killed in between."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="fairbrush-linked-")
        self._stepping = stepping()
        self._runner = self._stepping.__enter__()
        self.world = World(Path(self._folder.name), slowest=2, sections=TIERS)
        self.do(self.world.begin())

    def do(self, work: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await work

        return self._runner.run(done())

    def behind(self, work: Any, steps: int) -> None:
        async def go() -> None:
            self.world.behind(work)
            await self.world.steps(steps)

        self.do(go())

    who, steps = st.sampled_from("abcd"), st.integers(0, 25)

    @rule(who=who, count=st.integers(1, 4), private=st.booleans(), steps=steps)
    def somebody_asks(self, who: str, count: int, private: bool, steps: int) -> None:
        line = f"a fox --count {count} --seed 1{' --private' if private else ''}"
        self.behind(self.world.ask(line, who), steps)

    @rule(who=who, other=who, steps=steps)
    def two_become_one(self, who: str, other: str, steps: int) -> None:
        self.behind(link(self.world, who, other), steps)

    @rule(who=who, steps=steps)
    def one_becomes_two(self, who: str, steps: int) -> None:
        self.behind(unlink(self.world, who), steps)

    @rule(who=who, number=st.integers(0, 20), steps=steps)
    def somebody_cancels_what_is_theirs(self, who: str, number: int, steps: int) -> None:
        if requests := self.world.disk.requests():
            request = requests[number % len(requests)]
            self.behind(self.world.bot.service.usecases.cancel(request, asker(who)), steps)

    @rule(who=who, steps=steps)
    def somebody_erases_themselves(self, who: str, steps: int) -> None:
        self.behind(self.world.bot.service.reception.plain.privacy.erase(asker(who)), steps)

    @rule(number=st.integers(0, 1), steps=steps, what=st.sampled_from(("finish", "lose", "nearly")))
    def a_server_works(self, number: int, steps: int, what: str) -> None:
        async def work() -> None:
            server = self.world.servers[number]
            if server.waiting:
                if what == "nearly":
                    self.world.progress(server)
                elif what == "lose":
                    server.fail(RunLost(Text("It is forgotten."), cause="test"))
                else:
                    server.finish(20.0)
            await self.world.steps(steps)

        self.do(work())

    @rule(refusals=st.integers(1, 3))
    def the_disk_is_full(self, refusals: int) -> None:
        self.world.disk.full = refusals

    @rule()
    def the_bot_is_killed(self) -> None:
        async def again() -> None:
            self.world.disk.full = 0
            await self.world.leave()
            await self.world.begin()

        self.do(again())

    @rule()
    def a_quiet_moment(self) -> None:
        async def quiet() -> None:
            refused = self.world.disk.full
            self.world.disk.full = 0
            await self.world.settle()
            await self.world.check()
            await check_limits(self.world)
            if not refused:
                await check_owners(self.world)

        self.do(quiet())

    @rule()
    def a_restart_finds_the_same(self) -> None:
        async def twice() -> None:
            self.world.disk.full = 0
            await self.world.settle()
            await self.world.leave()
            await self.world.begin()
            await self.world.settle()
            await check_owners(self.world)

        self.do(twice())

    def teardown(self) -> None:
        async def end() -> None:
            await self.world.finish()
            await self.world.leave()

        try:
            self.do(end())
        finally:
            self._stepping.__exit__(None, None, None)
            self._folder.cleanup()


def test_anything_goes_with_linked_accounts() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Accounts,
        settings=settings(
            max_examples=4,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
