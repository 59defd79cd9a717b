"""A graph is posted once, whatever happens to the answer."""

from __future__ import annotations

import asyncio

from bot.comfy.client import ComfyClient
from bot.domain.errors import (
    ProtocolError,
    ServerUnreachable,
)
from bot.domain.events import Finished
from tests.support import faults
from tests.support.clients import connected, error_of, eventually, run, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import flat, submission


async def test_a_lost_answer_to_a_post_does_not_paint_twice(server: Engine, proxy: FaultProxy) -> None:
    proxy.on("POST", "/prompt", faults.lose_answer, times=1)
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
        async with ComfyClient(server.url) as other:
            seen = await other._get_json("history")
    assert proxy.count("POST", "/prompt") == 1
    assert len(seen) == 1


async def test_a_post_that_never_arrived_is_posted_again(server: Engine, proxy: FaultProxy) -> None:
    proxy.on("POST", "/prompt", faults.hang_up, times=1)
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
        async with ComfyClient(server.url) as other:
            assert len(await other._get_json("history")) == 1
    assert proxy.count("POST", "/prompt") == 2


async def test_a_post_that_arrives_late_is_not_repeated(server: Engine, proxy: FaultProxy) -> None:
    """The connection broke while the request was still on its way to the queue."""
    release = asyncio.Event()

    async def late(request: faults.web.Request, forward: faults.Forward) -> faults.web.StreamResponse:
        content = await request.read()
        assert request.transport is not None
        request.transport.abort()
        await release.wait()
        async with (
            ComfyClient(server.url) as direct,
            direct.http.post(f"{server.url}/prompt", data=content) as response,
        ):
            assert response.status == 200
        return faults.web.Response()

    proxy.on("POST", "/prompt", late, times=1)
    async with (
        connected(proxy.url, post_settles=5.0) as backend,
        running(backend, submission(flat())) as told,
    ):
        await eventually(lambda: proxy.count("GET", "/queue") >= 2)
        release.set()
        assert isinstance(await told.end(), Finished)
    assert proxy.count("POST", "/prompt") == 1


async def test_a_500_for_a_prompt_that_was_queued_all_the_same_is_followed(proxy: FaultProxy) -> None:
    async def queue_and_stumble(
        request: faults.web.Request, forward: faults.Forward
    ) -> faults.web.StreamResponse:
        await forward()
        return faults.web.Response(status=500, text="500 Internal Server Error")

    proxy.on("POST", "/prompt", queue_and_stumble)
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
    assert proxy.count("POST", "/prompt") == 1


async def test_a_500_for_a_prompt_that_was_not_taken_is_an_error(proxy: FaultProxy) -> None:
    proxy.on("POST", "/prompt", faults.SERVER_ERROR)
    async with connected(proxy.url) as backend:
        error = error_of(await run(backend, submission(flat())))
    assert isinstance(error, ProtocolError)
    assert "500" in str(error)
    assert proxy.count("POST", "/prompt") == 1


async def test_a_server_that_dies_under_the_post_is_asked_when_it_is_back(proxy: FaultProxy) -> None:
    proxy.on("POST", "/prompt", faults.lose_answer, times=1)
    proxy.on("GET", "/queue", faults.answer(502), times=3)
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
    assert proxy.count("POST", "/prompt") == 1


async def test_a_server_that_never_answers_about_the_post_is_unreachable(proxy: FaultProxy) -> None:
    proxy.on("POST", "/prompt", faults.hang_up)
    proxy.on("GET", "/*", faults.hang_up)
    async with connected(proxy.url, unreachable=0.2) as backend:
        assert isinstance(error_of(await run(backend, submission(flat()))), ServerUnreachable)
    assert proxy.count("POST", "/prompt") == 1
