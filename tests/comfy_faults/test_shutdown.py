"""Leaving in the middle of anything leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.events import Finished, Queued
from tests.support import faults
from tests.support.clients import connected, eventually, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import flat, fresh, slow, submission


@pytest.mark.parametrize(
    "phase", ["connecting", "posting", "waiting", "running", "asking", "reconnecting", "stopping"]
)
async def test_shutdown_is_clean_in_every_phase(server: Engine, proxy: FaultProxy, phase: str) -> None:
    """Leaving cancels the watching; nothing is left behind (the fixture looks)."""
    never = asyncio.Event()
    server.gate.limit(seed := fresh(), 1)
    server.gate.limit(other := fresh(), 1)
    if phase == "connecting":
        proxy.on("GET", "/ws", faults.hold(never))
    if phase == "posting":
        proxy.on("POST", "/prompt", faults.hold(never))
    async with connected(proxy.url, ask_running=0.05) as backend:
        if phase == "waiting":
            direct = await backend.client.submit(
                slow(other), submission(flat()).prompt_id, backend.session.client_id
            )
            assert direct.number >= 0
        async with running(backend, submission(slow(seed))) as told:
            match phase:
                case "connecting":
                    await eventually(lambda: proxy.count("GET", "/ws") > 0)
                case "posting":
                    await eventually(lambda: proxy.count("POST", "/prompt") > 0)
                case "waiting":
                    await told.until(lambda event: isinstance(event, Queued))
                case _:
                    await told.until_step(1)
            match phase:
                case "asking":
                    proxy.on("GET", "/history/*", faults.hold(never))
                    before = proxy.count("GET", "/history/*")
                    await eventually(lambda: proxy.count("GET", "/history/*") > before)
                case "reconnecting":
                    proxy.on("GET", "/*", faults.hang_up)
                    proxy.sever()
                    await eventually(lambda: not backend.session.connected)
                case "stopping":
                    proxy.on("POST", "/queue", faults.hold(never))
                    await backend.cancel(told.submission.prompt_id)
                    await eventually(lambda: proxy.count("POST", "/queue") > 0)
    never.set()
    server.gate.limit(seed, None)
    server.gate.limit(other, None)


async def test_an_exception_of_the_caller_comes_out_as_it_was(server: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        async with connected(server.url):
            raise ZeroDivisionError


async def test_an_exception_of_the_listener_comes_out_as_it_was(server: Engine) -> None:
    def broken(event: object) -> None:
        raise ZeroDivisionError

    async with connected(server.url) as backend:
        with pytest.raises(ZeroDivisionError):
            await backend.run(submission(flat()), broken)


async def test_a_prompt_is_followed_once(server: Engine) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(server.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        with pytest.raises(ValueError, match="already"):
            await backend.run(told.submission, told.note)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
