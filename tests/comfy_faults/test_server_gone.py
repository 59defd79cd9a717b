"""The server goes, for a while or for good."""

from __future__ import annotations

import pytest

from bot.domain.errors import (
    AuthenticationFailed,
    RunLost,
    ServerUnreachable,
)
from bot.domain.events import Finished, Queued
from tests.support import faults
from tests.support.clients import connected, error_of, eventually, run, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import flat, fresh, slow, submission


async def test_a_server_that_died_and_came_back_empty_has_lost_the_run(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await proxy.vanish()
        await server.restart()
        await proxy.listen()
        assert isinstance(error_of(await told.end()), RunLost)
        server.gate.limit(seed, None)
        assert isinstance(await run(backend, submission(flat())), Finished), "and it works again"


async def test_a_waiting_run_is_lost_with_its_server_too(server: Engine) -> None:
    server.gate.limit(seed := fresh(), 1)
    async with (
        connected(server.url) as backend,
        running(backend, submission(slow(seed))) as first,
        running(backend, submission(slow())) as second,
    ):
        await first.until_step(1)
        await second.until(lambda event: event == Queued(1))
        await server.restart()
        assert isinstance(error_of(await second.end()), RunLost)
        assert isinstance(error_of(await first.end()), RunLost)


async def test_a_server_that_is_gone_for_good_is_given_up(server: Engine, proxy: FaultProxy) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url, unreachable=0.3) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await proxy.vanish()
        error = error_of(await told.end())
    assert isinstance(error, ServerUnreachable)
    assert "went away" in str(error)


async def test_a_server_that_starts_again_slowly_is_waited_for(server: Engine, proxy: FaultProxy) -> None:
    """A reverse proxy answers 502 and then a page while ComfyUI starts."""
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        bad = proxy.on("GET", "/history/*", faults.answer(502), times=3)
        page = proxy.on("GET", "/history/*", faults.LOGIN_PAGE, times=3)
        proxy.sever()
        await eventually(lambda: bad.used == 3 and page.used == 3)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)


async def test_a_login_that_comes_up_in_the_middle_is_named_in_the_end(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url, unreachable=0.3) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        proxy.on("GET", "/*", faults.answer(401))
        proxy.sever()
        assert isinstance(error_of(await told.end()), AuthenticationFailed)


async def test_no_server_at_all_is_said_at_once() -> None:
    async with connected("http://127.0.0.1:9") as backend:
        error = error_of(await run(backend, submission(flat())))
        assert isinstance(error, ServerUnreachable)
        assert "http://127.0.0.1:9/" in str(error)
        with pytest.raises(ServerUnreachable):
            await backend.catalogue()
