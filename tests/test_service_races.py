"""Whatever comes between whatever: each step of the event loop is tried as the moment of a cancel, a crash, a
full disk or the end of the bot; and a machine mixes them all."""

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
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.domain.errors import BackendError, NodeFailed, OutOfMemory, ProtocolError, RunLost, ServerWedged
from bot.domain.events import Failed, Interrupted
from bot.domain.ids import IdentityId
from bot.domain.jobs import JobState
from bot.domain.text import Text
from bot.service.gate import Asker
from bot.templates.catalogue import Catalogue
from tests.support.fake_server import unreachable
from tests.support.stepped import Remote, World, stepping
from tests.support.templates import FILES, catalogue

XL, SD15 = FILES["ckpt_name"]
STEPS = 30
"""More steps of the loop than anything below takes when nothing disturbs it."""


def without_sd15() -> Catalogue:
    return catalogue({**FILES, "ckpt_name": (XL,)})


def node_failed() -> NodeFailed:
    return NodeFailed(Text("A node broke."), node_id="5", class_type="KSampler", message="no", cause="test")


def out_of_memory() -> OutOfMemory:
    return OutOfMemory(Text("Too big."), node_id="5", class_type="KSampler", message="no", cause="test")


def lost() -> RunLost:
    return RunLost(Text("It is forgotten."), cause="test")


def stuck() -> ServerWedged:
    return ServerWedged(Text("It is stuck."), cause="test")


def nonsense() -> ProtocolError:
    return ProtocolError(Text("That is no ComfyUI server."), cause="test")


def calm_down(world: World) -> None:
    """Nothing was learned from the failures: the next try begins as the first did."""
    guards = world.bot.service.usecases.gate.guards
    guards.quarantine._rows.clear()
    guards.ceilings._known.clear()


@pytest.fixture
def loop_of_steps() -> Iterator[asyncio.Runner]:
    with stepping() as runner:
        yield runner


Tried = Callable[[World, int], Awaitable[None]]


async def at_each_step(folder: Path, tried: Tried, *, count: int = STEPS, servers: int = 1) -> None:
    """Try something at each step, in one bot; after each all must be as it should."""
    world = World(folder, servers=[Remote(f"gpu{n}") for n in range(servers)])
    await world.begin()
    for step in range(count):
        await tried(world, step)
        await world.settle()
        await world.check()
        await world.finish()
    await world.leave()


async def one_job(world: World, line: str = "a fox") -> Any:
    receipt = await world.bot.ask(line)
    world.asked.append(receipt.accepted.request.id)
    return receipt.accepted.jobs[0].id


async def in_service(world: World, line: str = "a fox") -> Any:
    job = await one_job(world, line)
    await world.settle()
    world.servers[0].start()
    await world.settle()
    assert (await world.bot.job(job)).state is JobState.RUNNING
    return job


async def cancel(world: World, job: Any) -> None:
    owner = Asker(IdentityId("test:alice"), "alice")
    result = await world.bot.service.usecases.cancel(job, owner)
    for name in result.cancelled:
        world.ended[name] = (await world.bot.job(name)).attempts


def test_a_cancel_at_each_step_after_asking(tmp_path: Path, loop_of_steps: asyncio.Runner) -> None:
    async def tried(world: World, step: int) -> None:
        job = await one_job(world)
        await world.steps(step)
        await cancel(world, job)
        await world.settle()
        assert (await world.bot.job(job)).state is JobState.CANCELLED

    loop_of_steps.run(at_each_step(tmp_path, tried))


def test_a_cancel_at_each_step_of_the_start_and_end_of_a_run(
    tmp_path: Path, loop_of_steps: asyncio.Runner
) -> None:
    async def tried(world: World, step: int) -> None:
        job = await one_job(world)
        await world.settle()
        world.behind(cancel_after(world, job, step))
        world.servers[0].start()
        await world.steps(step // 2)
        if world.servers[0].waiting:
            world.servers[0].finish()
        await world.settle()
        assert (await world.bot.job(job)).state in (JobState.DONE, JobState.CANCELLED)

    loop_of_steps.run(at_each_step(tmp_path, tried))


async def cancel_after(world: World, job: Any, steps: int) -> None:
    await world.steps(steps)
    await cancel(world, job)


@pytest.mark.parametrize("error", [lost, unreachable, out_of_memory, stuck], ids=lambda error: error.__name__)
def test_a_cancel_at_each_step_of_a_loss(
    tmp_path: Path, loop_of_steps: asyncio.Runner, error: Callable[[], BackendError]
) -> None:
    """It goes back in line while somebody stops it: it must not be painted after all."""

    async def tried(world: World, step: int) -> None:
        job = await in_service(world)
        attempts = (await world.bot.job(job)).attempts
        server = world.servers[0]
        run = server.waiting[0]
        run.on_event = None
        run.over(Failed(error()))
        await world.steps(step)
        await cancel(world, job)
        await world.settle()
        server.down = None
        found = await world.bot.job(job)
        assert found.state is JobState.CANCELLED
        assert found.attempts <= attempts + 1
        calm_down(world)

    loop_of_steps.run(at_each_step(tmp_path, tried))


def test_a_cancel_at_each_step_of_a_crash_with_another_server_free(
    tmp_path: Path, loop_of_steps: asyncio.Runner
) -> None:
    async def tried(world: World, step: int) -> None:
        job = await in_service(world)
        working = next(server for server in world.servers if server.waiting)
        working.crash()
        await world.steps(step)
        await cancel(world, job)
        await world.settle()
        assert (await world.bot.job(job)).state is JobState.CANCELLED
        working.down = None

    loop_of_steps.run(at_each_step(tmp_path, tried, servers=2))


@pytest.mark.parametrize("what", ["ask", "cancel"])
def test_a_caller_who_goes_away_at_each_step(
    tmp_path: Path, loop_of_steps: asyncio.Runner, what: str
) -> None:
    """No accepted job is missing in the line, and none that left it is still open."""

    async def tried(world: World, step: int) -> None:
        await world.bot.service.operator.pause("test:operator")
        job = await one_job(world)
        caller = world.behind(world.ask("a boat", "bob") if what == "ask" else cancel(world, job))
        await world.steps(step)
        caller.cancel()
        await world.settle()
        await world.check()

    loop_of_steps.run(at_each_step(tmp_path, tried))


@pytest.mark.parametrize("phase", ["asked", "running", "painted", "lost"])
def test_the_end_of_the_bot_at_each_step(tmp_path: Path, loop_of_steps: asyncio.Runner, phase: str) -> None:
    async def tried(world: World, step: int) -> None:
        if phase == "asked":
            world.behind(world.ask("a fox --count 2", "alice"))
        else:
            await in_service(world, "a fox --count 2")
        if phase == "painted":
            world.servers[0].finish()
        elif phase == "lost":
            world.servers[0].restart()
        await world.steps(3 * step)
        await world.leave()
        await world.begin()

    loop_of_steps.run(at_each_step(tmp_path, tried, count=12))


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_full_disk_at_each_write(tmp_path: Path, loop_of_steps: asyncio.Runner, refusals: int) -> None:
    """From the ask to the outcome: nothing is lost, charged twice, or painted without a row."""

    async def tried(world: World, step: int) -> None:
        before = world.disk.writes
        world.behind(world.ask("a fox --count 2", "alice"))
        refused = False
        for _ in range(12):
            for _ in range(6):
                await world.steps(1)
                if not refused and world.disk.writes - before >= step:
                    world.disk.full, refused = refusals, True
            for server in world.servers:
                if server.waiting:
                    server.finish()
            world.clock.advance(2.5)
        world.disk.full = 0

    loop_of_steps.run(at_each_step(tmp_path, tried, count=14))


@pytest.mark.parametrize("error", [node_failed, lost, out_of_memory], ids=lambda error: error.__name__)
def test_a_full_disk_while_a_failure_is_written(
    tmp_path: Path, loop_of_steps: asyncio.Runner, error: Callable[[], BackendError]
) -> None:
    async def tried(world: World, step: int) -> None:
        job = await in_service(world)
        world.servers[0].fail(error(), 1.0)
        await world.steps(step)
        world.disk.full = 2
        await world.settle()
        assert (await world.bot.job(job)).state in (JobState.QUEUED, JobState.STAGED, JobState.FAILED)
        calm_down(world)

    loop_of_steps.run(at_each_step(tmp_path, tried, count=20))


def test_a_model_goes_at_each_step_of_asking(tmp_path: Path, loop_of_steps: asyncio.Runner) -> None:
    """The gate lets it pass, and by the time it is in line no server can paint it: it is refunded."""

    async def tried(world: World, step: int) -> None:
        (server,) = world.servers
        world.behind(world.ask(f"a fox --model {SD15} --count 3", "alice"))
        await world.steps(step)
        server.offers, server._catalogue = without_sd15, None
        world.clock.advance(16)
        await world.settle()
        world.clock.advance(16)
        await world.settle()
        for job in world.bot.service.dispatcher.known_jobs():
            assert not world.bot.service.dispatcher.queue.waits(job.id), "it waits for what will not come"
        server.offers, server._catalogue = catalogue, None
        world.clock.advance(16)
        await world.settle()

    loop_of_steps.run(at_each_step(tmp_path, tried, count=15))


def test_a_template_comes_to_rest_at_each_step_of_asking(
    tmp_path: Path, loop_of_steps: asyncio.Runner
) -> None:
    async def tried(world: World, step: int) -> None:
        world.behind(world.ask("a boat", "bob"))
        await world.steps(step)
        for number in range(3):
            world.behind(world.ask("a fox", f"user{number}"))
        for _ in range(4):
            await world.settle()
            if world.servers[0].waiting:
                world.servers[0].fail(node_failed(), 1.0)
        await world.settle()
        world.clock.advance(3600 * 25)

    loop_of_steps.run(at_each_step(tmp_path, tried, count=15))


class AnythingGoes(RuleBasedStateMachine):
    """People, servers, disks and operators doing what they do, at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="fairbrush-races-")
        self._stepping = stepping()
        self._runner = self._stepping.__enter__()
        self._random = random.Random(0)
        self.world = World(Path(self._folder.name), slowest=2)
        self.calm = True
        self.do(self.world.begin())

    def do(self, work: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await work

        return self._runner.run(done())

    def server(self, number: int) -> Remote:
        return self.world.servers[number]

    servers = st.integers(0, 1)

    @rule(
        who=st.sampled_from("abc"),
        count=st.integers(1, 4),
        model=st.sampled_from((XL, SD15)),
        seed=st.sampled_from(("", " --seed 1")),
        steps=st.integers(0, 40),
    )
    def somebody_asks(self, who: str, count: int, model: str, seed: str, steps: int) -> None:
        async def ask() -> None:
            self.world.behind(self.world.ask(f"a fox --count {count} --model {model}{seed}", who))
            await self.world.steps(steps)

        self.do(ask())

    @rule(number=st.integers(0, 20), steps=st.integers(0, 20))
    def somebody_cancels(self, number: int, steps: int) -> None:
        async def stop() -> None:
            self.world.behind(self.world.cancel(number))
            await self.world.steps(steps)

        self.do(stop())

    @rule()
    def everybody_hangs_up(self) -> None:
        async def hang_up() -> None:
            self.world.hang_up()
            await self.world.steps(1)

        self.do(hang_up())

    @rule(number=servers, steps=st.integers(0, 20), what=st.sampled_from(("start", "finish", "nearly")))
    def a_server_works(self, number: int, steps: int, what: str) -> None:
        async def work() -> None:
            server = self.server(number)
            if server.waiting and server.down is None:
                if what == "start":
                    server.start()
                elif what == "nearly":
                    self.world.progress(server)
                else:
                    server.finish(2.0)
            await self.world.steps(steps)

        self.do(work())

    @rule(
        number=servers,
        steps=st.integers(0, 20),
        error=st.sampled_from((node_failed, out_of_memory, lost, nonsense)),
    )
    def a_run_fails(self, number: int, steps: int, error: Callable[[], BackendError]) -> None:
        async def fail() -> None:
            server = self.server(number)
            if server.waiting and server.down is None:
                server.fail(error(), 1.0)
            await self.world.steps(steps)

        self.do(fail())

    @rule(number=servers, steps=st.integers(0, 20))
    def a_stranger_interrupts(self, number: int, steps: int) -> None:
        async def interrupt() -> None:
            server = self.server(number)
            if server.waiting and server.down is None:
                server.end(Interrupted(1.0))
            await self.world.steps(steps)

        self.do(interrupt())

    @rule(
        number=servers,
        steps=st.integers(0, 20),
        what=st.sampled_from(("restart", "crash", "cut", "nonsense", "wedge", "heal", "heal")),
    )
    def a_server_has_trouble(self, number: int, steps: int, what: str) -> None:
        async def trouble() -> None:
            server = self.server(number)
            match what:
                case "restart":
                    server.restart()
                case "crash":
                    server.crash()
                case "cut":
                    server.cut()
                case "nonsense":
                    server.cut()
                    server.down = nonsense()
                case "wedge" if server.waiting:
                    server.waiting[0].on_event = None
                    server.waiting[0].tell(Failed(stuck()))
                case "heal":
                    server.down = None
            await self.world.steps(steps)

        self.do(trouble())

    @rule(number=servers, has_all=st.booleans())
    def the_offer_changes(self, number: int, has_all: bool) -> None:
        server = self.server(number)
        server.offers, server._catalogue = (catalogue if has_all else without_sd15), None

    @rule(refusals=st.integers(1, 4))
    def the_disk_is_full(self, refusals: int) -> None:
        self.world.disk.full = refusals
        self.calm = False

    @rule(seconds=st.sampled_from((0.5, 3.0, 16.0, 700.0)), steps=st.integers(0, 20))
    def time_passes(self, seconds: float, steps: int) -> None:
        async def wait() -> None:
            self.world.clock.advance(seconds)
            await self.world.steps(steps)

        self.do(wait())

    @rule(back=st.sampled_from((3600, 86_400)))
    def the_clock_is_set_back(self, back: int) -> None:
        self.world.clock.wall -= back * 1000

    @rule(paused=st.booleans())
    def an_operator_pauses_or_resumes(self, paused: bool) -> None:
        operator = self.world.bot.service.operator
        self.do(
            self.world._denied(
                operator.pause("test:operator") if paused else operator.resume("test:operator")
            )
        )

    @rule(steps=st.integers(0, 20))
    def the_bot_is_killed_and_started_again(self, steps: int) -> None:
        async def again() -> None:
            self.world.disk.full = 0
            await self.world.leave()
            await self.world.begin()
            await self.world.steps(steps)

        self.do(again())

    @rule()
    def it_is_quiet_for_a_while(self) -> None:
        self.world.disk.full = 0
        self.do(self.world.settle())
        self.do(self.world.check())
        self.calm = True

    @precondition(lambda self: self.calm)
    @invariant()
    def the_bot_is_alive(self) -> None:
        self.world._check_alive()

    def teardown(self) -> None:
        try:
            for server in self.world.servers:
                server.offers, server._catalogue = catalogue, None
            self.do(self.world.finish())
            self.do(self.world.leave())
        finally:
            self._stepping.__exit__(None, None, None)
            self._folder.cleanup()


def test_whatever_happens_in_whatever_order_every_job_is_in_one_place_and_comes_to_one_end() -> None:
    run_state_machine_as_test(
        AnythingGoes,
        settings=settings(
            max_examples=10,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
