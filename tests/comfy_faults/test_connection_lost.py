"""What a person hears when the connection breaks, and how a cancel ends when nobody can be asked."""

from __future__ import annotations

import asyncio
import time

import pytest

from bot.domain.events import (
    Disconnected,
    Finished,
    Interrupted,
    Progressed,
    Reconnected,
    RunEvent,
    Started,
)
from tests.support import faults
from tests.support.clients import Told, connected, error_of, eventually, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import fresh, slow, submission

GONE = {"unreachable_cancelled": 0.3}


def gaps(told: Told) -> list[RunEvent]:
    return [event for event in told.events if isinstance(event, Disconnected | Reconnected)]


async def test_a_lost_connection_is_told_at_once_and_so_is_its_return(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await proxy.vanish()
        lost = await told.until(lambda event: isinstance(event, Disconnected))
        assert isinstance(lost, Disconnected)
        assert "waiting for it to come back" in str(lost.reason)
        assert "http" not in str(lost.reason), "addresses are no business of everybody's"
        await eventually(lambda: told.task and not told.task.done())
        await proxy.listen()
        await told.until(lambda event: isinstance(event, Reconnected))
        await eventually(lambda: backend.connections == 2)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
        assert [type(event) for event in gaps(told)] == [Disconnected, Reconnected]
        after = told.events.index(Reconnected())
        assert any(isinstance(event, Progressed) for event in told.events[after:]), "it is heard live again"


async def test_each_loss_is_told_once_however_long_it_lasts(server: Engine, proxy: FaultProxy) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        for times in (1, 2):
            refused = proxy.on("GET", "/*", faults.answer(502))
            proxy.sever()
            await eventually(lambda: refused.used > 20)  # noqa: B023 - awaited here
            assert len(gaps(told)) == 2 * times - 1
            proxy.heal()
            await eventually(lambda: len(gaps(told)) == 2 * times)  # noqa: B023
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
    assert [type(event) for event in gaps(told)] == [Disconnected, Reconnected] * 2


async def test_a_socket_that_drops_while_the_server_answers_worries_nobody(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        for connections in (2, 3):
            proxy.sever()
            await eventually(lambda: backend.connections == connections)  # noqa: B023
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
    assert gaps(told) == []


async def test_one_lost_answer_worries_nobody_while_the_socket_is_there(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url, ask_running=0.05) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        lost = proxy.on("GET", "/history/*", faults.hang_up, times=1)
        before = proxy.count("GET", "/queue")
        await eventually(lambda: lost.used == 1 and proxy.count("GET", "/queue") > before)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
    assert gaps(told) == []


async def test_a_server_that_is_lost_for_good_was_told_of_before_it_is_given_up(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url, unreachable=0.4) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await proxy.vanish()
        error_of(await told.end())
    assert [type(event) for event in gaps(told)] == [Disconnected]


async def test_a_run_that_is_lost_with_its_server_ends_without_a_return(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await proxy.vanish()
        await told.until(lambda event: isinstance(event, Disconnected))
        await server.restart()
        await proxy.listen()
        error_of(await told.end())
    assert [type(event) for event in gaps(told)] == [Disconnected]


# A cancel


@pytest.mark.parametrize("before", [True, False])
async def test_a_cancel_does_not_wait_for_a_server_that_is_gone(
    server: Engine, proxy: FaultProxy, before: bool
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url, **GONE) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        if before:
            await backend.cancel(told.submission.prompt_id)
        await proxy.vanish()
        if not before:
            await told.until(lambda event: isinstance(event, Disconnected))
            await backend.cancel(told.submission.prompt_id)
        began = time.monotonic()
        assert isinstance(await told.end(), Interrupted)
        assert time.monotonic() - began < 5.0


async def test_a_cancel_does_not_wait_for_a_host_that_swallows_everything(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    never = asyncio.Event()
    async with connected(proxy.url, timeout_seconds=60.0, **GONE) as backend:
        async with running(backend, submission(graph)) as told:
            await told.until_step(1)
            for method in ("GET", "POST"):
                proxy.on(method, "/*", faults.hold(never))
            proxy.sever()
            await eventually(lambda: proxy.count("GET", "/history/*") > 0)
            await backend.cancel(told.submission.prompt_id)
            assert isinstance(await told.end(), Interrupted)
        never.set()


async def test_a_cancel_does_not_wait_for_the_answer_to_a_post(server: Engine, proxy: FaultProxy) -> None:
    """The server has taken the graph and is too busy to say so: it is stopped all the same."""
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    never = asyncio.Event()
    proxy.on("POST", "/prompt", faults.hold(never, before=False))
    async with (
        connected(proxy.url, timeout_seconds=60.0, **GONE) as backend,
        running(backend, submission(graph)) as told,
    ):
        await eventually(lambda: proxy.count("POST", "/prompt") == 1)
        while told.submission.prompt_id not in await backend.queue():  # noqa: ASYNC110 - the server's doing
            await asyncio.sleep(0.01)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)
        while told.submission.prompt_id in await backend.queue():  # noqa: ASYNC110 - it cleans up first
            await asyncio.sleep(0.01)
        never.set()


async def test_what_a_cancel_left_behind_is_forgotten_later(server: Engine, proxy: FaultProxy) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url, **GONE) as backend, running(backend, submission(graph)) as told:
        await told.until(lambda event: isinstance(event, Started))
        await told.until_step(1)
        for method in ("GET", "POST"):
            proxy.on(method, "/*", faults.answer(502))
        proxy.sever()
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)
        proxy.heal()
        assert told.submission.prompt_id in (await backend.queue()).running
        await backend.forget(told.submission.prompt_id)
        assert told.submission.prompt_id not in await backend.queue()
