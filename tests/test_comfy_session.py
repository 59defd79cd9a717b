"""The websocket's reader and the mailboxes it fills: floods, conflation, identities."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.comfy import protocol as wire
from bot.comfy.client import ComfyClient
from bot.comfy.run import Phase, Run
from bot.comfy.session import MOST_REASONS, Session
from bot.comfy.subscription import MOST_NODES_WAITING, Subscription
from bot.domain.events import NodeStarted, Previewed, Progressed, Queued, Started
from bot.domain.ids import ClientId, PromptId
from bot.templates.graph import parse_export
from tests.support.clients import connected, eventually, running, tidy
from tests.support.graphs import flat, submission
from tests.support.scripted import ScriptedServer

P = PromptId("0f1f4a2e-0000-4000-8000-000000000001")
GRAPH = parse_export({str(n): {"class_type": "KSampler", "inputs": {}} for n in range(1, 4)})


@pytest.fixture(autouse=True)
async def tidied() -> AsyncIterator[None]:
    async with tidy():
        yield


def text(kind: str, **data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


def message(kind: str, **data: Any) -> wire.Message:
    return wire.parse_text(text(kind, prompt_id=P, **data))


def mailbox() -> Subscription:
    subscription = Subscription(Run(P, GRAPH))
    subscription.feed(message("execution_start"))
    return subscription


class Endless:
    """A socket whose frames are all here already: reading one never waits."""

    def __init__(self, payloads: list[str], times: int) -> None:
        self._frames = [aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, payload, None) for payload in payloads]
        self._left = times

    def __aiter__(self) -> Endless:
        return self

    async def __anext__(self) -> aiohttp.WSMessage:
        if self._left == 0:
            raise StopAsyncIteration
        self._left -= 1
        return self._frames[self._left % len(self._frames)]


def session() -> Session:
    return Session(ComfyClient("http://127.0.0.1:9"))


async def test_a_flood_leaves_turns_for_other_tasks() -> None:
    listening = session()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    payloads = [text("progress", prompt_id=P, node="1", value=n, max=1000) for n in range(1000)]
    with listening.subscribe(Run(P, GRAPH)):
        began = asyncio.get_running_loop().time()
        await listening._read(Endless(payloads, 20_000))  # type: ignore[arg-type]
        seconds = asyncio.get_running_loop().time() - began
    task.cancel()
    await asyncio.wait({task})
    assert turns >= seconds / 0.1, f"{turns} turns in {seconds:.2f} s"


async def test_a_flood_that_nobody_takes_needs_no_memory() -> None:
    """The driver may wait for an answer all this time."""
    listening = session()
    picture = "x" * 1000
    payloads = [
        payload
        for n in range(1, 1000)
        for payload in (
            text("executing", prompt_id=P, node=str(n % 3 + 1)),
            text("progress", prompt_id=P, node=str(n % 3 + 1), value=n, max=1000),
            text("executing", prompt_id=f"stranger {n}", node=picture),
            text(f"unknown {n}", picture=picture),
        )
    ]
    with listening.subscribe(Run(P, GRAPH)) as subscription:
        await listening._read(Endless(payloads, 8_000))  # type: ignore[arg-type]
        tracemalloc.start()
        await listening._read(Endless(payloads, 20_000))  # type: ignore[arg-type]
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        waiting = list(subscription.take())
    assert grown < 300_000
    assert waiting[0] == Started()
    assert len(waiting) <= MOST_NODES_WAITING + 2
    assert len(listening.ignored) <= MOST_REASONS + 1
    assert listening.ignored["foreign"] == 7_000
    assert listening.ignored["other"] > 0


async def test_events_that_a_newer_one_replaces_are_dropped() -> None:
    subscription = mailbox()
    subscription.feed(message("executing", node="1"))
    for step in range(1, 6):
        subscription.feed(message("progress", node="1", value=step, max=10))
        subscription.feed(wire.PreviewFrame(bytes([step]), "image/png", P))
    subscription.feed(message("executing", node="2"))
    subscription.feed(message("progress", node="2", value=3, max=10))
    taken = list(subscription.take())
    assert [type(event) for event in taken] == [Started, NodeStarted, Previewed, NodeStarted, Progressed]
    assert taken[2] == Previewed(b"\x05", "image/png")
    assert isinstance(taken[-1], Progressed)
    assert (taken[-1].node, taken[-1].step) == ("2", 3)
    assert list(subscription.take()) == []


async def test_ends_and_starts_are_never_dropped() -> None:
    subscription = mailbox()
    for n in range(1000):
        subscription.feed(message("executing", node=str(n % 2 + 1)))
    subscription.feed(message("execution_interrupted", node_id="1"))
    taken = list(subscription.take())
    assert taken[0] == Started()
    assert type(taken[-1]).__name__ == "Interrupted"
    assert len(taken) == MOST_NODES_WAITING + 2


@pytest.mark.parametrize(
    ("phase", "remaining", "hinted"),
    [
        (Phase.WAITING, 3, True),
        (Phase.WAITING, 0, True),
        (Phase.RUNNING, 3, False),
        (Phase.RUNNING, 0, True),
        (Phase.SUBMITTED, 0, True),
        (Phase.SUBMITTED, 1, False),
        (Phase.SUBMITTED, 2, True),
        (Phase.ENDED, 0, False),
    ],
)
async def test_what_the_length_of_the_queue_hints_at(phase: Phase, remaining: int, hinted: bool) -> None:
    subscription = Subscription(Run(P, GRAPH))
    subscription.run.phase = phase
    subscription.feed(wire.Status(remaining))
    assert subscription.hinted is hinted
    assert not subscription.ask


async def test_a_message_of_the_runs_own_is_better_than_a_hint() -> None:
    subscription = Subscription(Run(P, GRAPH))
    subscription.feed(wire.Status(2))
    subscription.feed(message("execution_start"))
    assert not subscription.hinted


async def test_the_end_mark_asks_at_once() -> None:
    subscription = mailbox()
    subscription.feed(message("executing", node=None))
    assert subscription.ask
    assert subscription.run.phase is Phase.ENDED


async def test_waiting_ends_with_news_or_with_time() -> None:
    subscription = mailbox()
    await subscription.changed(60)
    list(subscription.take())
    await subscription.changed(0.001)
    subscription.push([Queued(1)])
    await subscription.changed(60)


async def test_a_fresh_id_for_each_connection_but_never_under_a_run() -> None:
    async with ScriptedServer() as server, connected(server.url) as backend:
        await eventually(lambda: backend.session.connected)
        first = backend.session.client_id
        await backend.session.reconnect()
        await eventually(lambda: backend.session.connections == 2)
        second = backend.session.client_id
        assert second != first
        async with running(backend, submission(flat())) as told:
            await told.until(lambda event: isinstance(event, Started))
            await backend.session.reconnect()
            await eventually(lambda: backend.session.connections == 3)
            assert backend.session.client_id == second
            assert server.posted[0]["client_id"] == second


async def test_a_given_id_is_kept() -> None:
    async with ScriptedServer() as server, connected(server.url, client_id="the-bot") as backend:
        for connections in (1, 2):
            await eventually(lambda: backend.session.connections == connections)  # noqa: B023
            assert backend.session.client_id == ClientId("the-bot")
            assert list(server.clients) == ["the-bot"]
            await backend.session.reconnect()


async def test_messages_that_come_after_the_end_are_late_not_foreign() -> None:
    async with ScriptedServer() as server, connected(server.url) as backend:
        async with running(backend, submission(flat())) as told:
            prompt_id = told.submission.prompt_id
            await told.until(lambda event: isinstance(event, Started))
            await server.tell("execution_interrupted", prompt_id=prompt_id, node_id="1")
            await told.end()
        await server.tell("executing", prompt_id=prompt_id, node=None)
        await server.tell("executing", prompt_id="a-strangers", node=None)
        await eventually(lambda: backend.session.ignored["foreign"] == 1)
        assert backend.session.ignored["late"] == 1


async def test_many_status_messages_cause_few_questions() -> None:
    async with (
        ScriptedServer(takes="pending", running=["another"]) as server,
        connected(server.url, ask_waiting=60.0, ask_hinted=0.2) as backend,
        running(backend, submission(flat())) as told,
    ):
        await eventually(lambda: backend.session.connected and server.posted)
        began = asyncio.get_running_loop().time()
        for remaining in range(300):
            await server.tell("status", status={"exec_info": {"queue_remaining": 2 + remaining % 2}})
            await asyncio.sleep(0.001)
        seconds = asyncio.get_running_loop().time() - began
        assert len(server.looked) <= 2 + seconds / 0.2
        server.succeed(told.submission.prompt_id, {"3": {"images": [{"filename": "a.png"}]}})
        await server.tell("status", status={"exec_info": {"queue_remaining": 1}})
        await told.end()


async def test_a_flood_over_a_real_socket_is_kept_up_with() -> None:
    """Twenty thousand steps, then the end: it comes after them, and nothing is left behind."""
    async with (
        ScriptedServer() as server,
        connected(server.url) as backend,
        running(backend, submission(flat(), "3")) as told,
    ):
        prompt_id = told.submission.prompt_id
        await told.until(lambda event: isinstance(event, Started))
        for step in range(20_000):
            await server.tell("progress", prompt_id=prompt_id, node="1", value=step, max=20_000)
        output = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}
        await server.tell("executed", prompt_id=prompt_id, node="3", output=output)
        await server.tell("execution_success", prompt_id=prompt_id)
        assert type(await told.end()).__name__ == "Finished"
        last = [event for event in told.events if isinstance(event, Progressed)][-1]
        assert last.step == 19_999
