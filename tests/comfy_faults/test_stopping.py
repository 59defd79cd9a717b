"""Stopping a run, and telling a server that is stuck from one that works."""

from __future__ import annotations

import asyncio

from bot.domain.errors import (
    RunTimedOut,
    ServerWedged,
)
from bot.domain.events import Finished, Interrupted, Queued, Started
from tests.support import faults
from tests.support.clients import connected, error_of, eventually, file_of, run, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import flat, fresh, slow, submission
from tests.support.scripted import ScriptedServer


async def test_an_interrupt_that_was_not_heard_is_read_from_history(
    server: Engine, proxy: FaultProxy
) -> None:
    proxy.filters.append(faults.lose("execution_interrupted"))
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)


async def test_a_cancel_is_repeated_until_it_works(server: Engine, proxy: FaultProxy) -> None:
    proxy.on("POST", "/interrupt", faults.answer(200), times=2)
    proxy.on("POST", "/queue", faults.SERVER_ERROR, times=2)
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)
    assert proxy.count("POST", "/interrupt") >= 3


async def test_a_cancel_that_the_server_refuses_lets_the_run_end(server: Engine, proxy: FaultProxy) -> None:
    proxy.on("POST", "/interrupt", faults.answer(403))
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await backend.cancel(told.submission.prompt_id)
        await eventually(lambda: proxy.count("POST", "/interrupt") >= 2)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)


async def test_a_cancel_before_the_post_posts_nothing(proxy: FaultProxy) -> None:
    opened = asyncio.Event()
    proxy.on("GET", "/ws", faults.hold(opened), times=1)
    async with connected(proxy.url) as backend, running(backend, submission(flat())) as told:
        await eventually(lambda: proxy.count("GET", "/ws") == 1)
        await backend.cancel(told.submission.prompt_id)
        opened.set()
        assert await told.end() == Interrupted()
    assert proxy.count("POST", "/prompt") == 0


async def test_a_cancel_while_the_answer_to_the_post_is_lost(server: Engine, proxy: FaultProxy) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    proxy.on("POST", "/prompt", faults.lose_answer)
    proxy.on("GET", "/queue", faults.answer(502))
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await eventually(lambda: proxy.count("GET", "/queue") >= 2)
        await backend.cancel(told.submission.prompt_id)
        await eventually(lambda: proxy.count("POST", "/interrupt") > 0)  # at once, uncertain as it is
        proxy.heal()
        assert isinstance(await told.end(), Interrupted)
        assert (await backend.client.queue()).running == ()


async def test_a_server_without_a_sign_of_life_is_interrupted_and_timed_out() -> None:
    async with ScriptedServer() as server, connected(server.url, no_life=0.3, ask_running=0.1) as backend:
        end = await run(backend, submission(flat()))
        error = error_of(end)
        assert isinstance(error, RunTimedOut)
        assert server.interrupts == [{"prompt_id": server.posted[0]["prompt_id"]}]


async def test_a_wedged_server_is_reported() -> None:
    """It runs the prompt for ever, answers everything, and ignores interrupts."""
    async with ScriptedServer(obeys=False) as server:
        patience = {"no_life": 0.2, "interrupt_grace": 0.3, "ask_running": 0.05, "ask_deaf": 0.05}
        async with connected(server.url, **patience) as backend:
            error = error_of(await run(backend, submission(flat())))
            assert isinstance(error, ServerWedged)
            assert len(server.interrupts) > 1
            assert all(body == {"prompt_id": server.posted[0]["prompt_id"]} for body in server.interrupts)


async def test_a_server_whose_worker_died_is_reported() -> None:
    """Prompts wait, none runs, and the server answers everything."""
    async with (
        ScriptedServer(takes="pending") as server,
        connected(server.url, stalled=0.3, ask_waiting=0.05) as backend,
    ):
        error = error_of(await run(backend, submission(flat())))
        assert isinstance(error, ServerWedged)
        assert "pictures wait there" in str(error)
        assert server.pending == [], "nothing is left to be painted for nobody"


async def test_a_cancel_that_is_ignored_for_long_means_wedged() -> None:
    async with (
        ScriptedServer(obeys=False) as server,
        connected(server.url, interrupt_grace=0.3) as backend,
        running(backend, submission(flat())) as told,
    ):
        await told.until(lambda event: isinstance(event, Started))
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(error_of(await told.end()), ServerWedged)


async def test_prompts_that_queue_up_behind_a_dead_worker_are_no_sign_of_life() -> None:
    async with (
        ScriptedServer(takes="pending", running=["somebody-elses"]) as server,
        connected(server.url, no_life=0.4) as backend,
        running(backend, submission(flat())) as told,
    ):
        await told.until(lambda event: event == Queued(1))
        while not told.task or not told.task.done():
            server.pending.append(f"another-{len(server.pending)}")
            await server.tell("status", status={"exec_info": {"queue_remaining": len(server.pending) + 1}})
            await asyncio.sleep(0.02)
        assert isinstance(error_of(await told.end()), RunTimedOut)
        assert told.submission.prompt_id not in server.pending, "it was taken out of the queue"


async def test_a_queue_that_moves_is_a_sign_of_life() -> None:
    ahead = [f"ahead-{n}" for n in range(6)]
    async with (
        ScriptedServer(takes="pending", running=["first"], pending=list(ahead)) as server,
        connected(server.url, no_life=1.0) as backend,
        running(backend, submission(flat())) as told,
    ):
        await told.until(lambda event: event == Queued(7))
        for prompt_id in ahead:
            await asyncio.sleep(0.2)  # six times: longer than the patience in all
            server.pending.remove(prompt_id)
            server.running = [prompt_id]
        server.succeed(told.submission.prompt_id, {"3": {"images": [{"filename": "a.png"}]}})
        assert isinstance(await told.end(), Finished)


async def test_the_history_that_somebody_cleared_does_not_lose_a_picture() -> None:
    async with (
        ScriptedServer() as server,
        connected(server.url) as backend,
        running(backend, submission(flat())) as told,
    ):
        await told.until(lambda event: isinstance(event, Started))
        prompt_id = told.submission.prompt_id
        output = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}
        server.running.clear()
        await server.tell("executed", node="3", display_node="3", output=output, prompt_id=prompt_id)
        await server.tell("execution_success", prompt_id=prompt_id, timestamp=1)
        assert file_of(await told.end()).filename == "a.png"
