"""The websocket is a hint: it may drop, lag, double, lose, or say nothing at all."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.comfy.client import ComfyClient
from bot.comfy.session import Session
from bot.domain.events import Finished, Previewed, Progressed, Started
from tests.support import faults
from tests.support.clients import Told, connected, eventually, file_of, run, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy, Silence
from tests.support.graphs import flat, fresh, slow, submission


async def steps_are_heard(server: Engine, seed: int, told: Told, after: int) -> None:
    """Let the sampler go on step by step until the client hears of one beyond ``after``."""
    step = after
    while not any(isinstance(event, Progressed) and event.step > after for event in told.events):
        step += 1
        server.gate.limit(seed, step)
        await asyncio.sleep(0.02)


async def test_history_that_comes_late_is_waited_for(proxy: FaultProxy) -> None:
    """A server says that a run is over before it has written its history."""
    proxy.on("GET", "/history/*", faults.answer(200, "{}", "application/json"), times=6)
    proxy.filters.append(faults.lose("executed"))
    async with connected(proxy.url) as backend:
        assert file_of(await run(backend, submission(flat()))).node == "3"
    assert proxy.count("GET", "/history/*") > 6


async def test_a_run_that_was_heard_whole_is_not_asked_about(proxy: FaultProxy) -> None:
    async with connected(proxy.url) as backend:
        assert file_of(await run(backend, submission(flat(), "3"))).node == "3"
    assert proxy.count("GET", "/history/*") == 0


async def test_a_run_with_an_unheard_output_is_asked_about(proxy: FaultProxy) -> None:
    proxy.filters.append(faults.lose("executed"))
    async with connected(proxy.url) as backend:
        assert file_of(await run(backend, submission(flat(), "3"))).node == "3"
    assert proxy.count("GET", "/history/*") > 0


async def test_a_socket_that_drops_in_the_middle_is_opened_again(server: Engine, proxy: FaultProxy) -> None:
    graph = slow(seed := fresh(), steps=4)
    server.gate.limit(seed, 2)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(2)
        proxy.sever()
        await eventually(lambda: backend.session.connections == 2)
        server.gate.limit(seed, None)
        assert file_of(await told.end()).node == "2"
        steps = [event.step for event in told.events if isinstance(event, Progressed) and event.node == "1"]
    assert steps == sorted(steps)
    assert steps[-1] == 4, "the new socket is heard"


@pytest.mark.parametrize("number", range(1, 12))
async def test_a_socket_may_drop_at_any_message(proxy: FaultProxy, number: int) -> None:
    proxy.filters.append(faults.drop_socket_at(number))
    async with connected(proxy.url) as backend:
        assert file_of(await run(backend, submission(flat()))).node == "3"


async def test_the_old_socket_is_closed_before_a_new_one_opens(server: Engine, proxy: FaultProxy) -> None:
    """On a doubled id the server goes deaf when the older socket closes."""
    graph = slow(seed := fresh(), steps=1000)
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        for connections in range(2, 6):
            await asyncio.gather(backend.session.reconnect(), backend.session.reconnect())
            await eventually(lambda: backend.session.connections == connections)  # noqa: B023
        await steps_are_heard(server, seed, told, after=1)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
        client_id = backend.session.client_id
    await eventually(lambda: len(proxy.sockets) == 10)
    assert proxy.sockets == [f"open {client_id}", f"close {client_id}"] * 5


async def test_a_missed_end_is_found_by_asking(proxy: FaultProxy) -> None:
    """The socket stays open and says nothing more."""
    proxy.filters.append(Silence("execution_success"))
    async with connected(proxy.url) as backend:
        assert file_of(await run(backend, submission(flat()))).node == "3"


async def test_a_missed_end_shows_when_the_queue_empties(proxy: FaultProxy) -> None:
    """Long before silence alone would make the client ask."""
    proxy.filters.append(faults.lose("execution_success", "end", "executed"))
    async with connected(proxy.url, ask_running=3600.0) as backend:
        assert file_of(await run(backend, submission(flat()))).node == "3"


async def test_a_silent_socket_hides_nothing_for_long(server: Engine, proxy: FaultProxy) -> None:
    silence = Silence()
    proxy.filters.append(silence)
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        silence.begin()
        server.gate.limit(seed, None)
        assert file_of(await told.end()).node == "2"
        assert backend.session.connections == 1


async def test_a_socket_that_went_deaf_is_replaced(server: Engine, proxy: FaultProxy) -> None:
    silence = Silence()
    proxy.filters.append(silence)
    graph = slow(seed := fresh(), steps=1000)
    server.gate.limit(seed, 1)
    quick = {"ask_running": 0.02, "reconnect_after": 0.05}
    async with connected(proxy.url, **quick) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        silence.begin()
        await eventually(lambda: len(proxy.sockets) >= 3)
        silence.end()
        await steps_are_heard(server, seed, told, after=1)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)


async def test_a_doubled_client_id_that_went_deaf_is_cured(server: Engine) -> None:
    """Another socket with our id takes the messages over, then closes: the server forgets the id."""
    graph = slow(seed := fresh(), steps=1000)
    server.gate.limit(seed, 1)
    quick = {"ask_running": 0.02, "reconnect_after": 0.05}
    async with (
        connected(server.url, client_id="the-same", **quick) as backend,
        running(backend, submission(graph)) as told,
    ):
        await told.until_step(1)
        async with (
            ComfyClient(server.url) as other,
            other.http.ws_connect(f"{server.url}/ws?clientId=the-same") as socket,
        ):
            await socket.receive()
            server.gate.limit(seed, 2)
        await steps_are_heard(server, seed, told, after=2)
        assert backend.session.connections > 1
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)


async def test_without_any_socket_the_run_is_followed_by_asking(server: Engine, proxy: FaultProxy) -> None:
    proxy.on("GET", "/ws", faults.answer(403))
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until(lambda event: isinstance(event, Started))
        server.gate.limit(seed, None)
        assert file_of(await told.end()).node == "2"
        assert backend.session.connections == 0


async def test_what_happened_while_the_socket_was_away_is_asked_for_when_it_is_back(
    server: Engine, proxy: FaultProxy
) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    never = {"ask_running": 3600.0, "ask_deaf": 3600.0, "ask_waiting": 3600.0}
    async with connected(proxy.url, **never) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        back = asyncio.Event()
        proxy.on("GET", "/ws", faults.hold_socket(back), times=1)
        proxy.sever()
        await eventually(lambda: proxy.count("GET", "/ws") == 2)
        server.gate.limit(seed, None)
        async with ComfyClient(server.url) as direct:
            while await direct.history(told.submission.prompt_id) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        back.set()
        assert file_of(await told.end()).node == "2"


async def test_a_socket_that_closes_again_and_again_is_opened_ever_less_often(proxy: FaultProxy) -> None:
    """After the greeting, so that each time it looked like a connection."""
    proxy.filters.append(faults.drop_socket("feature_flags", times=10**6))
    async with connected(proxy.url):
        await eventually(lambda: opened(proxy) > 1)
        await asyncio.sleep(0.4)
    assert opened(proxy) < 20


def opened(proxy: FaultProxy) -> int:
    return sum(event.startswith("open") for event in proxy.sockets)


async def test_the_socket_is_back_as_soon_as_the_server_is(
    server: Engine, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the pauses between tries had become: the run asks, and so knows."""
    monkeypatch.setattr(Session, "_pause", endless_pause)
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await proxy.vanish()
        await eventually(lambda: not backend.session.connected)
        await asyncio.sleep(0.1)
        await proxy.listen()
        await eventually(lambda: backend.session.connections == 2)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)


async def test_a_run_does_not_wait_out_the_pause_between_tries(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "_pause", endless_pause)
    refused = proxy.on("GET", "/ws", faults.answer(502), times=1)
    async with connected(proxy.url) as backend:
        await eventually(lambda: refused.used == 1)
        assert isinstance(await run(backend, submission(flat())), Finished)
        assert backend.session.connected


async def endless_pause(session: Session, seconds: float) -> None:
    """The pause between tries to connect, when nothing cuts it short."""
    await session._hurried.wait()


async def test_a_proxy_that_takes_sockets_and_hangs_up_is_no_connection(proxy: FaultProxy) -> None:
    proxy.filters.append(faults.drop_socket("status", times=10**6))
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
        assert not backend.session.connected


async def test_a_socket_that_does_not_greet_is_closed_and_tried_again(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.comfy.session.CONNECT_SECONDS", 0.05)
    silence = Silence(silent=True)
    proxy.filters.append(silence)
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
        assert not backend.session.connected
        silence.end()
        await eventually(lambda: backend.session.connected)
    assert proxy.sockets[:2] == [proxy.sockets[0], proxy.sockets[0].replace("open", "close")]


async def test_a_run_that_ends_before_the_socket_is_up_is_found(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.comfy.backend.FIRST_TRY_SECONDS", 0.02)
    opened = asyncio.Event()

    async def late(request: faults.web.Request, forward: faults.Forward) -> faults.web.StreamResponse:
        await opened.wait()
        raise faults.HangUp

    proxy.on("GET", "/ws", late, times=1)
    async with connected(proxy.url) as backend:
        assert isinstance(await run(backend, submission(flat())), Finished)
        opened.set()
        await eventually(lambda: backend.session.connected)


async def test_a_fully_cached_run_gives_the_old_files(proxy: FaultProxy) -> None:
    graph = flat()
    for outputs in ((), ("3",)):
        async with connected(proxy.url) as backend:
            first = await run(backend, submission(graph, *outputs))
            again = await run(backend, submission(graph, *outputs))
        assert file_of(again) == file_of(first)
        assert isinstance(again, Finished)
        assert again.cached


@pytest.mark.parametrize("preview", [False, True])
async def test_doubled_messages_change_nothing(proxy: FaultProxy, preview: bool) -> None:
    proxy.filters.append(faults.double())
    async with (
        connected(proxy.url) as backend,
        running(backend, submission(slow(preview=preview), "2")) as told,
    ):
        assert isinstance(await told.end(), Finished)
        assert told.events.count(Started()) == 1


@pytest.mark.parametrize(
    "kind",
    [
        *("status", "execution_start", "execution_cached", "executing", "progress", "progress_state"),
        *("executed", "execution_success", "end"),
    ],
)
async def test_any_kind_of_message_may_be_lost(proxy: FaultProxy, kind: str) -> None:
    proxy.filters.append(faults.lose(kind))
    async with connected(proxy.url) as backend:
        assert file_of(await run(backend, submission(slow(), "2"))).node == "2"


@pytest.mark.parametrize("length", [0, 3, 7, 8, 20, 120])
async def test_truncated_frames_are_counted_and_passed_over(proxy: FaultProxy, length: int) -> None:
    proxy.filters.append(faults.truncate_binary(length))
    async with connected(proxy.url) as backend, running(backend, submission(slow(preview=True))) as told:
        assert isinstance(await told.end(), Finished)
        assert not any(isinstance(event, Previewed) for event in told.events)
        assert sum(backend.session.ignored.values()) > 0


async def test_messages_that_nobody_knows_are_counted(server: Engine, proxy: FaultProxy) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    async with connected(proxy.url) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        for payload in (
            "<html>",
            '{"type":"crystools.monitor","data":{"cpu":1}}',
            b"\xff\xff",
            b"\0\0\0\x09junk",
        ):
            await proxy.inject(payload)
        await proxy.inject(json.dumps({"type": "executing", "data": {"node": None, "prompt_id": "another"}}))
        await eventually(lambda: backend.session.ignored["foreign"] == 1)
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
        assert backend.session.ignored["crystools.monitor"] == 1
        assert backend.session.ignored["not JSON"] == 1
        assert backend.session.ignored["empty frame"] == 1
        assert backend.session.ignored["binary event 9"] == 1
