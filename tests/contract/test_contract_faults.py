"""The faults that matter most, between the client and every server of the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.comfy.backend import ComfyBackend
from bot.domain.events import EndEvent, Finished, Interrupted, Previewed, Progressed
from bot.domain.outputs import OutputFile
from tests.contract.conftest import Stranger, Target
from tests.support import faults
from tests.support.clients import connected, eventually, run, running
from tests.support.faults import FaultProxy, Filter, Silence
from tests.support.graphs import flat, submission


@asynccontextmanager
async def through(
    target: Target, *filters: Filter, **settings: float
) -> AsyncIterator[tuple[FaultProxy, ComfyBackend]]:
    """A client that reaches ``target`` through a proxy with these filters."""
    async with (
        FaultProxy(target.url, filters=list(filters)) as proxy,
        connected(proxy.url, deadline=target.deadline, **settings) as backend,
    ):
        yield proxy, backend


def node_of(end: EndEvent) -> str:
    assert isinstance(end, Finished), end
    [file] = end.outputs
    assert isinstance(file, OutputFile)
    return file.node


@pytest.mark.parametrize("number", [1, 3, 6, 10, 13])
async def test_the_socket_drops_at_any_message(target: Target, number: int) -> None:
    async with through(target, faults.drop_socket_at(number)) as (_, backend):
        assert node_of(await run(backend, submission(flat(), "3"))) == "3"


@pytest.mark.parametrize(
    "kinds",
    [("execution_success", "end"), ("executed",), ("status", "executed", "execution_success", "end"), ()],
)
async def test_messages_are_lost(
    target: Target, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.comfy.backend.FIRST_TRY_SECONDS", 0.2)  # with all lost there is no greeting
    async with through(target, faults.lose(*kinds)) as (_, backend):
        assert node_of(await run(backend, submission(flat(), "3"))) == "3"


async def test_every_message_comes_twice(target: Target) -> None:
    async with through(target, faults.double()) as (_, backend):
        assert node_of(await run(backend, submission(target.sampled(steps=3), "9"))) == "9"


async def test_preview_frames_are_cut(target: Target) -> None:
    graph = submission(target.sampled(steps=3), previews=True)
    async with through(target, faults.truncate_binary(60)) as (_, backend), running(backend, graph) as told:
        assert node_of(await told.end()) == "9"
        assert not any(isinstance(event, Previewed) for event in told.events)


async def test_the_answer_to_the_post_is_lost(target: Target, stranger: Stranger) -> None:
    async with through(target, post_settles=1.0) as (proxy, backend):
        proxy.on("POST", "/prompt", faults.lose_answer, times=1)
        posted = submission(flat())
        assert node_of(await run(backend, posted)) == "3"
        assert proxy.count("POST", "/prompt") == 1
        assert await stranger.client.history(posted.prompt_id) is not None


async def test_the_socket_is_replaced_under_a_run_and_hears_the_rest(target: Target) -> None:
    """The old one is closed before the new one opens, or the server would make the id deaf."""
    async with through(target) as (_, backend), running(backend, submission(target.long())) as told:
        await told.until_step(1)
        for connections in (2, 3):
            await backend.session.reconnect()
            await eventually(lambda: backend.session.connections == connections)  # noqa: B023
            reached = max(event.step for event in told.events if isinstance(event, Progressed))
            await told.until_step(reached + 2)
        await backend.cancel(told.submission.prompt_id)
        assert isinstance(await told.end(), Interrupted)


async def test_a_socket_that_goes_silent_hides_nothing(target: Target) -> None:
    silence = Silence()
    async with through(target, silence) as (_, backend):
        await eventually(lambda: backend.session.connected)
        silence.begin()
        assert node_of(await run(backend, submission(flat(), "3"))) == "3"
        assert backend.session.connections == 1


async def test_below_a_path_and_behind_a_header(target: Target) -> None:
    header = ("Authorization", "Bearer secret")
    async with (
        FaultProxy(target.url, prefix="/comfy", required=header) as proxy,
        connected(proxy.url, headers=dict([header]), deadline=target.deadline) as backend,
    ):
        assert node_of(await run(backend, submission(flat()))) == "3"
        await eventually(lambda: backend.session.connections == 1)
