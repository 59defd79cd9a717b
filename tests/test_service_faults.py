"""A real ComfyUI client and engine, and a proxy between them that breaks things: whatever happens there,
a job ends in a picture or in a refund with a reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.app.service import Service, at_work, make_service
from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.comfy.watch import Patience
from bot.domain.ids import ClientId, IdentityId, ServerName
from bot.domain.jobs import OPEN, JobState
from bot.presentation.flags import SHELL, parse_line
from bot.service.acceptance import Receipt
from bot.service.clock import Clock
from bot.service.gate import Asker, Origin
from bot.service.records import EntryKind, JobRecord
from bot.service.servers import Server, ServerState
from bot.store import SqliteStore, open_store
from tests.support import faults
from tests.support.audits import check_books
from tests.support.clients import IMPATIENT, eventually, tidy
from tests.support.engines import Engine, engine
from tests.support.fake_server import unreachable
from tests.support.faults import FaultProxy
from tests.support.graphs import fresh
from tests.support.scripted import ScriptedServer
from tests.support.service import settings_for

DEADLINE = 15.0

LAB: dict[str, Any] = {
    "1": {
        "class_type": "SlowSampler",
        "inputs": {
            "seed": 1,
            "seconds": 1.0,
            "steps": 4,
            "width": 64,
            "height": 64,
            "batch_size": 1,
            "fail": "none",
            "preview": False,
        },
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "lab"}},
    "3": {"class_type": "LabText", "inputs": {"text": "words"}},
}
SIDECAR = """
outputs = ["2"]
default = true
estimate_seconds = 0.1
[parameters.prompt_text]
bind = ["3.text"]
[parameters.seed]
bind = ["1.seed"]
[parameters.steps]
bind = ["1.steps"]
[parameters.fail]
bind = ["1.fail"]
"""
BLOCK: dict[str, Any] = {
    "1": {"class_type": "SlowBlock", "inputs": {"seconds": 1.0, "nonce": 1}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "lab"}},
}
BLOCK_SIDECAR = """
outputs = ["2"]
[parameters.seed]
bind = ["1.nonce"]
"""


async def _short_sleep(seconds: float) -> None:
    """What waits for minutes in a service waits for moments here."""
    await asyncio.sleep(min(seconds, 0.02))


@dataclass
class Shop:
    """A bot whose one server is real."""

    service: Service
    store: SqliteStore
    state: Server
    events: int = 0

    async def ask(self, line: str, who: str = "alice") -> Receipt:
        self.events += 1
        (receipt,) = await self.service.usecases.imagine(
            parse_line(line, SHELL), Asker(IdentityId(f"test:{who}"), who), Origin("test", f"e{self.events}")
        )
        return receipt

    async def cancel(self, receipt: Receipt) -> None:
        who = Asker(receipt.accepted.request.identity, "")
        await self.service.usecases.cancel(receipt.accepted.request.id, who)

    async def jobs(self, receipt: Receipt) -> tuple[JobRecord, ...]:
        return await self.store.jobs_of(receipt.accepted.request.id)

    async def end(self, receipt: Receipt) -> JobRecord:
        """The first job of a request whose jobs are all over."""
        while True:
            jobs = await self.jobs(receipt)
            if not any(job.state in OPEN for job in jobs):
                return jobs[0]
            await asyncio.sleep(0.01)

    async def until(self, receipt: Receipt, *states: JobState) -> JobRecord:
        while True:
            job = (await self.jobs(receipt))[0]
            if job.state in states:
                return job
            await asyncio.sleep(0.01)

    async def kinds(self) -> list[EntryKind]:
        return [entry.kind for entry in reversed(await self.store.ledger())]


@asynccontextmanager
async def shop(folder: Path, url: str, *, shutdown: float = 0.0, **patience: float) -> AsyncIterator[Shop]:
    workflows = folder / "workflows"
    workflows.mkdir(parents=True, exist_ok=True)
    for name, graph, sidecar in (("lab", LAB, SIDECAR), ("block", BLOCK, BLOCK_SIDECAR)):
        (workflows / f"{name}.json").write_text(json.dumps(graph), encoding="utf-8")
        (workflows / f"{name}.toml").write_text(sidecar, encoding="utf-8")
    settings = settings_for(folder, workflows_dir=str(workflows), tiers={"default": {"max_waiting": 100}})
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    clock = Clock(sleep=_short_sleep)
    backend = ComfyBackend(
        ComfyClient(url),
        name="gpu",
        patience=Patience(**{**IMPATIENT, **patience}),
        client_id=ClientId("shop"),
    )
    async with (
        asyncio.timeout(DEADLINE),
        open_store(settings.data_dir / "fairbrush.db", clock=clock.now) as store,
        backend,
    ):
        server = Server(ServerName("gpu"), backend, url)
        service = await make_service(settings, store, [server], clock=clock, deliverers={})
        async with at_work(service, shutdown):
            await server.tried.wait()
            made = Shop(service, store, server)
            yield made
            await check_books(service, store)


@pytest.fixture(autouse=True)
async def tidied() -> AsyncIterator[None]:
    async with tidy():
        yield


@pytest.fixture
async def gpu(tmp_path: Path, tidied: None) -> AsyncIterator[Engine]:
    async with engine(tmp_path / "engine") as made:
        yield made


@pytest.fixture
async def proxy(gpu: Engine) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(gpu.url) as made:
        yield made


def held(gpu: Engine, steps: int = 1) -> int:
    """A seed whose sampler stops after so many steps, until it is let go."""
    gpu.gate.limit(seed := fresh(), steps)
    return seed


async def test_nothing_wrong_at_all(tmp_path: Path, proxy: FaultProxy) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        receipt = await bot.ask("a fox --count 3")
        assert (await bot.end(receipt)).state is JobState.DONE
        assert [job.state for job in await bot.jobs(receipt)] == [JobState.DONE] * 3


async def test_a_server_that_crashes_and_starts_empty_paints_it_again(
    tmp_path: Path, gpu: Engine, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        receipt = await bot.ask(f"a fox --seed {(seed := held(gpu))}")
        await bot.until(receipt, JobState.RUNNING)
        await proxy.vanish()
        await gpu.restart()
        gpu.gate.limit(seed, None)
        await proxy.listen()
        job = await bot.end(receipt)
        assert (job.state, job.attempts) == (JobState.DONE, 2)
        assert await bot.kinds() == [EntryKind.RESERVE, EntryKind.SETTLE]


async def test_a_server_that_stays_away_keeps_its_jobs_waiting_and_is_taken_out(
    tmp_path: Path, gpu: Engine, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url, unreachable=0.3) as bot:
        receipt = await bot.ask(f"a fox --seed {(seed := held(gpu))}")
        await bot.until(receipt, JobState.RUNNING)
        await proxy.vanish()
        await bot.until(receipt, JobState.QUEUED)
        await eventually(lambda: bot.state.state is ServerState.DOWN)
        gpu.gate.limit(seed, None)
        await proxy.listen()
        job = await bot.end(receipt)
        assert (job.state, job.attempts) == (JobState.DONE, 1), "what it had painted meanwhile is taken"


async def test_an_idle_server_that_goes_away_is_taken_out_and_comes_back(
    tmp_path: Path, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        assert bot.state.state is ServerState.UP
        await proxy.vanish()
        await eventually(lambda: bot.state.state is ServerState.DOWN)
        receipt = await bot.ask("a fox")
        await proxy.listen()
        assert (await bot.end(receipt)).state is JobState.DONE


async def test_a_proxy_without_a_server_behind_is_a_server_that_is_away(
    tmp_path: Path, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        for method in ("GET", "POST"):
            proxy.on(method, "/*", faults.answer(502))
        await eventually(lambda: bot.state.state is ServerState.DOWN)
        receipt = await bot.ask("a fox")
        proxy.heal()
        assert (await bot.end(receipt)).state is JobState.DONE


async def test_a_login_that_comes_up_takes_the_server_out_until_it_is_gone(
    tmp_path: Path, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        for method in ("GET", "POST"):
            proxy.on(method, "/*", faults.answer(401))
        await eventually(lambda: bot.state.state is ServerState.DOWN)
        receipt = await bot.ask("a fox")
        proxy.heal()
        assert (await bot.end(receipt)).state is JobState.DONE


async def test_something_else_at_the_address_fails_no_job(tmp_path: Path, proxy: FaultProxy) -> None:
    """A page for everything: whoever waits goes on waiting, and the operator reads why."""
    async with shop(tmp_path, proxy.url) as bot:
        for method in ("GET", "POST"):
            proxy.on(method, "/*", faults.LOGIN_PAGE)
        await eventually(lambda: bot.state.state is ServerState.DOWN)
        receipt = await bot.ask("a fox --count 3")
        assert bot.state.reason is not None
        proxy.heal()
        assert [job.state for job in await bot.jobs(receipt)] == [JobState.QUEUED] * 3
        assert (await bot.end(receipt)).state is JobState.DONE


@pytest.mark.parametrize("number", range(1, 12, 2))
async def test_sockets_that_drop(tmp_path: Path, proxy: FaultProxy, number: int) -> None:
    proxy.filters.append(faults.drop_socket_at(number))
    async with shop(tmp_path, proxy.url) as bot:
        receipt = await bot.ask("a fox --count 2")
        assert (await bot.end(receipt)).state is JobState.DONE
        assert {job.attempts for job in await bot.jobs(receipt)} == {1}


async def test_a_silent_socket(tmp_path: Path, proxy: FaultProxy) -> None:
    proxy.filters.append(faults.lose())
    async with shop(tmp_path, proxy.url) as bot:
        assert (await bot.end(await bot.ask("a fox"))).state is JobState.DONE


async def test_a_run_without_a_sign_of_life_is_stopped_and_refunded(tmp_path: Path, gpu: Engine) -> None:
    async with shop(tmp_path, gpu.url, no_life=0.3) as bot:
        receipt = await bot.ask(f"a fox --seed {held(gpu)}")
        job = await bot.end(receipt)
        assert (job.state, job.error_code) == (JobState.FAILED, "timed_out")
        assert "no sign of work" in job.error_text
        assert await bot.kinds() == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_a_wedged_server_is_left_alone_until_it_is_restarted(
    tmp_path: Path, gpu: Engine, proxy: FaultProxy
) -> None:
    gpu.gate.blocked = True
    async with shop(tmp_path, proxy.url, no_life=0.3, interrupt_grace=0.3) as bot:
        receipt = await bot.ask("--template block")
        await bot.until(receipt, JobState.RUNNING)
        other = await bot.ask("a boat", "bob")
        await eventually(lambda: bot.state.state is ServerState.WEDGED)
        assert bot.state.reason is not None
        assert "stuck" in str(bot.state.reason)
        posts = proxy.count("POST", "/prompt")
        for _ in range(20):
            await bot.store.counts()
        assert proxy.count("POST", "/prompt") == posts, "it is fed no more"
        gpu.gate.blocked = False
        await proxy.vanish()
        await gpu.restart()
        await proxy.listen()
        assert (await bot.end(receipt)).state is JobState.DONE
        assert (await bot.end(other)).state is JobState.DONE


async def test_prompts_wait_and_none_runs(tmp_path: Path) -> None:
    """The worker of the server is dead: it queues for ever. Its operator is told, and nothing is lost."""
    catalogue = {
        "SlowSampler": {"input": {"required": {}}, "output": ["IMAGE"]},
        "SaveImage": {"input": {"required": {}}, "output": [], "output_node": True},
        "LabText": {"input": {"required": {}}, "output": [], "output_node": True},
    }
    async with (
        ScriptedServer(takes="pending", offers=catalogue) as server,
        shop(tmp_path, server.url, stalled=0.2) as bot,
    ):
        receipt = await bot.ask("a fox")
        await eventually(lambda: bot.state.state is ServerState.WEDGED)
        assert (await bot.until(receipt, JobState.QUEUED)).attempts == 1
        for _ in range(10):
            await asyncio.sleep(0.02)
            assert bot.state.state is ServerState.WEDGED
        assert len(server.posted) == 1, "it is fed no more"


async def test_out_of_memory_twice_is_a_refund_with_advice(tmp_path: Path, gpu: Engine) -> None:
    async with shop(tmp_path, gpu.url) as bot:
        receipt = await bot.ask("a fox --set fail=oom")
        job = await bot.end(receipt)
        assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "out_of_memory", 2)
        assert "ran out of memory" in job.error_text
        assert await bot.kinds() == [EntryKind.RESERVE, EntryKind.RELEASE]
        assert (await bot.end(await bot.ask("a boat"))).state is JobState.DONE


async def test_a_node_that_fails_is_a_refund_with_its_words(tmp_path: Path, gpu: Engine) -> None:
    async with shop(tmp_path, gpu.url) as bot:
        job = await bot.end(await bot.ask("a fox --set fail=error"))
        assert (job.state, job.error_code, job.attempts) == (JobState.FAILED, "node_failed", 1)
        assert "asked to fail" in job.error_text


async def test_a_lost_answer_to_a_post_paints_once(tmp_path: Path, proxy: FaultProxy) -> None:
    proxy.on("POST", "/prompt", faults.lose_answer, times=1)
    async with shop(tmp_path, proxy.url) as bot:
        job = await bot.end(await bot.ask("a fox"))
        assert (job.state, job.attempts) == (JobState.DONE, 1)
        assert proxy.count("POST", "/prompt") == 1


async def test_a_server_that_stumbles_over_posts_does_not_lose_the_job(
    tmp_path: Path, proxy: FaultProxy
) -> None:
    proxy.on("POST", "/prompt", faults.hang_up, times=3)
    async with shop(tmp_path, proxy.url) as bot:
        assert (await bot.end(await bot.ask("a fox"))).state is JobState.DONE


async def test_a_picture_that_cannot_be_fetched_is_a_refund(tmp_path: Path, proxy: FaultProxy) -> None:
    proxy.on("GET", "/view", faults.answer(404))
    async with shop(tmp_path, proxy.url) as bot:
        job = await bot.end(await bot.ask("a fox"))
        assert job.state is JobState.FAILED
        assert job.error_text
        assert await bot.kinds() == [EntryKind.RESERVE, EntryKind.RELEASE]


async def test_a_fetch_that_outlives_its_server_is_not_disturbed_when_it_is_back(
    tmp_path: Path, gpu: Engine, proxy: FaultProxy
) -> None:
    """Painted, and gone before it was fetched: the attempt is not a stray of the server that came back."""
    async with shop(tmp_path, proxy.url) as bot:
        seed = held(gpu)
        receipt = await bot.ask(f"a fox --seed {seed}")
        await bot.until(receipt, JobState.RUNNING)
        release = asyncio.Event()
        proxy.on("GET", "/view", faults.hold(release), times=1)
        gpu.gate.limit(seed, None)
        await eventually(lambda: proxy.count("GET", "/view") == 1)
        other = await bot.ask(f"a boat --seed {(second := held(gpu))}", "bob")
        await bot.until(other, JobState.RUNNING)
        await proxy.vanish()
        release.set()
        bot.service.dispatcher.take_out(bot.state, unreachable())
        gpu.gate.limit(second, None)
        await proxy.listen()
        await eventually(lambda: bot.state.state is ServerState.UP)
        assert (await bot.end(receipt)).state is JobState.DONE
        assert (await bot.end(other)).state is JobState.DONE


async def test_a_cancel_while_the_server_is_gone_leaves_nothing_behind(
    tmp_path: Path, gpu: Engine, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url, unreachable_cancelled=0.2) as bot:
        receipt = await bot.ask(f"a fox --seed {(seed := held(gpu))}")
        await bot.until(receipt, JobState.RUNNING)
        await proxy.vanish()
        await bot.cancel(receipt)
        assert (await bot.end(receipt)).state is JobState.CANCELLED
        await proxy.listen()
        await eventually(lambda: bot.state.state is ServerState.UP)
        queue = await bot.state.backend.queue()
        assert (queue.running, queue.pending) == ((), ())
        gpu.gate.limit(seed, None)
        assert (await bot.end(await bot.ask("a boat"))).state is JobState.DONE


async def test_a_killed_bot_finds_its_picture(tmp_path: Path, gpu: Engine, proxy: FaultProxy) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        receipt = await bot.ask(f"a fox --seed {(seed := held(gpu))}")
        await bot.until(receipt, JobState.RUNNING)
    gpu.gate.limit(seed, None)
    async with shop(tmp_path, proxy.url) as bot:
        job = await bot.end(receipt)
        assert (job.state, job.attempts) == (JobState.DONE, 1)
        assert proxy.count("POST", "/prompt") == 1


async def test_a_server_that_was_restarted_while_the_bot_was_away(
    tmp_path: Path, gpu: Engine, proxy: FaultProxy
) -> None:
    async with shop(tmp_path, proxy.url) as bot:
        receipt = await bot.ask(f"a fox --seed {(seed := held(gpu))}")
        await bot.until(receipt, JobState.RUNNING)
    await gpu.restart()
    gpu.gate.limit(seed, None)
    async with shop(tmp_path, proxy.url) as bot:
        job = await bot.end(receipt)
        assert (job.state, job.attempts) == (JobState.DONE, 2)


async def test_a_storm_of_everything_loses_nothing(tmp_path: Path, gpu: Engine, proxy: FaultProxy) -> None:
    """Crashes, restarts, severed sockets and cancels under a load of twenty jobs of five people."""
    async with shop(tmp_path, proxy.url, unreachable=0.5) as bot:
        receipts = [
            await bot.ask(f"picture {n} --count 2 --steps 3", who)
            for n in range(2)
            for who in ("ann", "bob", "cy", "dee", "eve")
        ]
        for number in range(6):
            await asyncio.sleep(0.15)
            match number % 3:
                case 0:
                    proxy.sever()
                case 1:
                    await proxy.vanish()
                    await gpu.restart()
                    await proxy.listen()
                case 2:
                    await bot.cancel(receipts[number])
        for receipt in receipts:
            await bot.end(receipt)
