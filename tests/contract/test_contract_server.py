"""What a dispatcher asks of a server beside the runs: who is there, is it well, free it, forget that."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from bot.domain.errors import RunLost, ServerUnreachable
from bot.domain.events import Finished, Interrupted, Queued, Started
from bot.domain.ids import PromptId
from bot.service.ports import Backend, ServerQueue
from tests.contract.conftest import Stranger, Target
from tests.support.clients import connected, error_of, eventually, run, running
from tests.support.graphs import flat, submission


async def test_the_queue_lists_ours_and_others_in_their_order(target: Target, stranger: Stranger) -> None:
    other = await stranger.post(target.long())
    await stranger.until_running(other)
    async with target.connected() as backend, running(backend, submission(flat())) as told:
        await told.until(lambda event: isinstance(event, Queued))
        last = await stranger.post(flat())
        queue = await backend.queue()
        assert queue == ServerQueue((other,), (told.submission.prompt_id, last))
        assert last in queue
        assert uuid.uuid4() not in queue
        await stranger.stop(other)
        assert isinstance(await told.end(), Finished)


async def test_an_idle_server_has_nobody_in_its_queue(target: Target) -> None:
    async with target.connected() as backend:
        await run(backend, submission(flat()))
        while await backend.queue() != ServerQueue((), ()):  # noqa: ASYNC110 - it cleans up first
            await asyncio.sleep(0.01)


async def test_health_is_version_and_memory(target: Target) -> None:
    async with target.connected() as backend:
        health = await backend.health()
    assert health.version[:1].isdigit()
    assert health.devices
    for device in health.devices:
        assert device.name
        assert 0 < device.vram_free <= device.vram_total


async def test_a_waiting_attempt_is_forgotten_and_the_running_one_left(
    target: Target, stranger: Stranger
) -> None:
    other = await stranger.post(target.long())
    await stranger.until_running(other)
    abandoned = await stranger.post(flat())
    async with target.connected() as backend:
        await backend.forget(abandoned)
        assert await backend.queue() == ServerQueue((other,), ())


async def test_a_running_attempt_is_forgotten_and_the_next_one_runs(
    target: Target, stranger: Stranger
) -> None:
    abandoned = await stranger.post(target.long())
    await stranger.until_running(abandoned)
    async with target.connected() as backend, running(backend, submission(flat())) as told:
        await told.until(lambda event: isinstance(event, Queued))
        await backend.forget(abandoned)
        assert isinstance(await told.end(), Finished)
        assert abandoned not in await backend.queue()


async def test_forgetting_what_is_unknown_or_over_harms_nobody(target: Target, stranger: Stranger) -> None:
    async with target.connected() as backend:
        over = submission(flat())
        assert isinstance(await run(backend, over), Finished)
        other = await stranger.post(target.long())
        await stranger.until_running(other)
        await backend.forget(over.prompt_id)
        await backend.forget(PromptId(str(uuid.uuid4())))
        assert await backend.queue() == ServerQueue((other,), ())


async def test_forgetting_a_run_that_is_followed_ends_it_as_a_cancel_does(target: Target) -> None:
    async with target.connected() as backend, running(backend, submission(target.long())) as told:
        await told.until(lambda event: isinstance(event, Started))
        await backend.forget(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)


async def test_a_run_is_heard_live_again_under_the_same_client_id(target: Target) -> None:
    """What a process writes down before it dies serves the one that comes after it."""
    graph = submission(target.sampled(steps=40))
    async with target.connected() as backend:
        await eventually(lambda: backend.connections == 1)
        remembered = backend.client_id
        async with running(backend, graph) as told:
            assert backend.client_id == remembered
            await told.until_step(2)
    async with (
        target.connected(client_id=remembered) as backend,
        running(backend, graph, submitted=True) as told,
    ):
        assert backend.client_id == remembered
        await told.until_step(20)
        assert isinstance(await told.end(), Finished)


async def test_an_attempt_that_was_never_posted_is_lost(target: Target) -> None:
    async with target.connected() as backend:
        assert isinstance(error_of(await run(backend, submission(flat()), submitted=True)), RunLost)


async def test_questions_to_no_server_at_all() -> None:
    async with connected("http://127.0.0.1:9") as backend:
        port: Backend = backend
        assert port.connections == 0
        for question in (port.queue, port.health, port.free, lambda: port.forget(PromptId("x"))):
            with pytest.raises(ServerUnreachable):
                await question()
