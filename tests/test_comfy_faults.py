"""The client against everything that a server, a proxy or a network does wrong.

The embedded engine does the right thing behind a proxy that does the wrong one; a gate holds its slow
sampler at a step, so that faults strike exactly where the test says. States that no healthy server gets
into come from a scripted one.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.comfy.client import ComfyClient
from bot.comfy.session import Session
from bot.domain.errors import (
    AuthenticationFailed,
    GraphRejected,
    OutOfMemory,
    ProtocolError,
    RunLost,
    RunTimedOut,
    ServerUnreachable,
    ServerWedged,
    UserError,
)
from bot.domain.events import EndEvent, Failed, Finished, Interrupted, Previewed, Progressed, Queued, Started
from bot.domain.outputs import OutputFile
from bot.templates.graph import parse_export
from tests.support import faults
from tests.support.clients import Told, connected, eventually, run, running, tidy
from tests.support.engines import CHECKPOINT, Engine, engine
from tests.support.faults import FaultProxy, Silence
from tests.support.graphs import extended, flat, fresh, sampled, slow, submission
from tests.support.scripted import ScriptedServer

pytestmark = pytest.mark.usefixtures("tidied")


@pytest.fixture
async def tidied() -> AsyncIterator[None]:
    async with tidy():
        yield


@pytest.fixture
async def server(tmp_path: Path, tidied: None) -> AsyncIterator[Engine]:
    async with engine(tmp_path / "engine") as made:
        yield made


@pytest.fixture
async def proxy(server: Engine) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(server.url) as made:
        yield made


def error_of(end: EndEvent) -> Exception:
    assert isinstance(end, Failed), end
    return end.error


def file_of(end: EndEvent) -> OutputFile:
    assert isinstance(end, Finished), end
    file = end.outputs[0]
    assert isinstance(file, OutputFile)
    return file


# The socket is a hint


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
        await asyncio.sleep(0.6)
    opened = sum(event.startswith("open") for event in proxy.sockets)
    assert 1 < opened < 20


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


# The server goes


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


# Posting


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


# Something else answers


@pytest.mark.parametrize(
    ("action", "kind", "words"),
    [
        (faults.LOGIN_PAGE, ProtocolError, "does not speak like a ComfyUI server"),
        (faults.answer(200, ""), ProtocolError, "does not speak like a ComfyUI server"),
        (faults.answer(200, "[]", "application/json"), ProtocolError, "does not speak like"),
        (faults.answer(200, "{}", "application/json"), ProtocolError, "does not speak like"),
        (faults.answer(200, b"\xff\xfe\x00", "application/json"), ProtocolError, "does not speak like"),
        (faults.answer(400, "{}", "application/json"), ProtocolError, "does not speak like"),
        (faults.answer(404, "not found"), ProtocolError, "does not speak like"),
        (faults.answer(405), ProtocolError, "does not speak like"),
        (faults.answer(413, "too large"), ProtocolError, "larger than"),
        (faults.answer(401), AuthenticationFailed, "wants a login (it answered 401)"),
        (faults.answer(403), AuthenticationFailed, "wants a login (it answered 403)"),
        (faults.redirect("/login?next=/prompt"), AuthenticationFailed, "sends visitors on to /login"),
        (
            faults.answer(502, "<html>bad gateway", "text/html"),
            ServerUnreachable,
            "no ComfyUI server behind it",
        ),
        (faults.answer(503), ServerUnreachable, "no ComfyUI server behind it"),
    ],
)
async def test_what_is_no_comfyui_server_is_named(
    proxy: FaultProxy, action: faults.Action, kind: type[Exception], words: str
) -> None:
    for method in ("GET", "POST"):
        proxy.on(method, "/*", action)
    async with connected(proxy.url, unreachable=0.1) as backend:
        error = error_of(await run(backend, submission(flat())))
        assert isinstance(error, kind), error
        assert words in str(error)
        assert proxy.url in str(error) or kind is ProtocolError
        with pytest.raises(kind):
            await backend.catalogue()


async def test_a_server_that_stops_answering_times_out(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.comfy.backend.FIRST_TRY_SECONDS", 0.02)
    never = asyncio.Event()
    for method in ("GET", "POST"):
        proxy.on(method, "/*", faults.hold(never))
    async with connected(proxy.url, timeout_seconds=0.1, unreachable=0.2) as backend:
        error = error_of(await run(backend, submission(flat())))
        assert isinstance(error, ServerUnreachable)
        assert "did not answer in time" in str(error)
        never.set()


async def test_an_answer_that_breaks_off_is_no_answer(proxy: FaultProxy) -> None:
    proxy.on("GET", "/object_info", faults.cut(1000), times=1)
    async with connected(proxy.url) as backend:
        with pytest.raises(ServerUnreachable, match="broke off"):
            await backend.catalogue()
        assert len((await backend.catalogue()).classes) > 20


async def test_the_catalogue_is_read_again_after_a_restart(server: Engine) -> None:
    async with connected(server.url) as backend:
        await eventually(lambda: backend.session.connected)
        before = await backend.catalogue()
        assert await backend.catalogue() is before
        await server.restart()
        await eventually(lambda: backend.session.connections == 2)
        assert await backend.catalogue() is not before


async def test_the_catalogue_is_read_again_after_a_refusal(server: Engine) -> None:
    async with connected(server.url) as backend:
        await eventually(lambda: backend.session.connected)
        before = await backend.catalogue()
        assert isinstance(error_of(await run(backend, submission(flat(size=-1)))), GraphRejected)
        assert await backend.catalogue() is not before


async def test_the_timeout_of_requests_does_not_close_a_silent_socket(server: Engine) -> None:
    graph = slow(seed := fresh())
    server.gate.limit(seed, 1)
    quick = {"timeout_seconds": 0.05, "ask_running": 0.05}
    async with connected(server.url, **quick) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await asyncio.sleep(0.3)  # six times the timeout, without a frame
        assert backend.session.connections == 1
        server.gate.limit(seed, None)
        assert isinstance(await told.end(), Finished)
        assert backend.session.connections == 1


async def test_below_a_path_with_a_header(server: Engine, tmp_path: Path) -> None:
    header = ("Authorization", "Bearer secret")
    async with FaultProxy(server.url, prefix="/comfy/one", required=header) as proxy:
        for url in (proxy.url, f"{proxy.url}/", f"{proxy.url}/?token=x#top"):
            async with connected(url, headers=dict([header])) as backend:
                end = await run(backend, submission(flat()))
                assert await backend.fetch(file_of(end), tmp_path / "a.png") == "image/png"
                assert await backend.upload_image(b"bytes", ".png")
                assert backend.session.connections == 1
        async with connected(proxy.url) as backend:
            error = error_of(await run(backend, submission(flat())))
            assert isinstance(error, AuthenticationFailed)
            assert "secret" not in f"{error}{error.cause}"
        async with connected(proxy.url.removesuffix("/one"), headers=dict([header])) as backend:
            assert isinstance(error_of(await run(backend, submission(flat()))), ProtocolError)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8188", "ftp://host", "http://", "http://me:pw@host", "http://host:port"]
)
def test_addresses_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(UserError):
        ComfyClient(url)


@pytest.mark.parametrize(
    "headers", [{"bad name": "x"}, {"": "x"}, {"X-Token": "secret\nX-Other: y"}, {"X": "a\0"}]
)
def test_headers_that_cannot_be_are_refused_without_their_value(headers: dict[str, str]) -> None:
    with pytest.raises(UserError) as caught:
        ComfyClient("http://host", headers=headers)
    assert "secret" not in str(caught.value)


# Graphs


def one_good_one_bad() -> dict[str, dict[str, object]]:
    return {
        "n20": {"class_type": "SaveImage", "inputs": {"images": ["21", 0], "filename_prefix": "x"}},
        "n21": {
            "class_type": "EmptyImage",
            "inputs": {"width": -5, "height": 64, "batch_size": 1, "color": 0},
        },
    }


async def test_a_200_with_a_dropped_output_is_a_refusal_and_nothing_is_painted(server: Engine) -> None:
    graph = extended(slow(seed := fresh()), **one_good_one_bad())
    server.gate.limit(seed, 0)
    async with connected(server.url) as backend:
        for outputs in ((), ("2", "20"), ("20",)):
            async with running(backend, submission(graph, *outputs)) as told:
                error = error_of(await told.end())
            assert isinstance(error, GraphRejected)
            assert "width = -5 is out of range" in str(error)
            assert told.events == []
            assert backend.client is not None
            queue = await backend.client.queue()
            assert queue.running == queue.pending == (), "it was stopped on the server too"


async def test_a_200_with_a_dropped_output_that_nobody_wants_is_fine(server: Engine) -> None:
    async with connected(server.url) as backend:
        end = await run(backend, submission(extended(slow(), **one_good_one_bad()), "2"))
    assert file_of(end).node == "2"


async def test_a_refusal_knows_the_choices_that_the_server_left_out(server: Engine) -> None:
    graph = sampled(CHECKPOINT).to_api()
    graph["3"]["inputs"]["sampler_name"] = "eulr"
    async with connected(server.url) as backend:
        error = error_of(await run(backend, submission(parse_export(graph))))
    assert isinstance(error, GraphRejected)
    assert error.problems[0].nearest == "euler"
    assert "Nearest: euler" in str(error)


@pytest.mark.parametrize("fail", ["oom", "cuda_oom"])
async def test_out_of_memory(server: Engine, fail: str) -> None:
    async with connected(server.url) as backend:
        error = error_of(await run(backend, submission(slow(fail=fail))))
    assert isinstance(error, OutOfMemory)
    assert "“Slow painter”" in str(error)


async def test_a_failure_that_was_not_heard_is_read_from_history(proxy: FaultProxy) -> None:
    proxy.filters.append(faults.lose("execution_error"))
    async with connected(proxy.url) as backend:
        assert isinstance(error_of(await run(backend, submission(slow(fail="oom")))), OutOfMemory)


# Stopping


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
    ahead = [f"ahead-{n}" for n in range(8)]
    async with (
        ScriptedServer(takes="pending", running=["first"], pending=list(ahead)) as server,
        connected(server.url, no_life=0.6) as backend,
        running(backend, submission(flat())) as told,
    ):
        await told.until(lambda event: event == Queued(9))
        for prompt_id in ahead:
            await asyncio.sleep(0.12)  # eight times: longer than the patience in all
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


# Files


async def test_a_download_that_breaks_off_is_tried_again(proxy: FaultProxy, tmp_path: Path) -> None:
    async with connected(proxy.url) as backend:
        file = file_of(await run(backend, submission(flat(size=256))))
        await backend.fetch(file, tmp_path / "whole.png")
        whole = (tmp_path / "whole.png").read_bytes()
        for broken, times in (
            (faults.cut(0), 1),
            (faults.cut(100), 2),
            (faults.hang_up, 1),
            (faults.answer(502), 4),
        ):
            rule = proxy.on("GET", "/view", broken, times=times)
            assert await backend.fetch(file, tmp_path / "again.png") == "image/png"
            assert (tmp_path / "again.png").read_bytes() == whole
            assert rule.used == times


async def test_a_download_that_always_breaks_off_ends_in_an_error(proxy: FaultProxy, tmp_path: Path) -> None:
    async with connected(proxy.url) as backend:
        file = file_of(await run(backend, submission(flat())))
        rule = proxy.on("GET", "/view", faults.cut(50))
        with pytest.raises(ServerUnreachable):
            await backend.fetch(file, tmp_path / "a.png")
        assert rule.used == 4


async def test_a_download_waits_for_a_server_that_starts_again(proxy: FaultProxy, tmp_path: Path) -> None:
    """The picture is painted, and on the server's disk."""
    async with connected(proxy.url) as backend:
        file = file_of(await run(backend, submission(flat())))
        await proxy.vanish()
        fetching = asyncio.create_task(backend.fetch(file, tmp_path / "a.png"))
        await asyncio.sleep(0.3)
        assert not fetching.done()
        await proxy.listen()
        assert await fetching == "image/png"


async def test_a_download_from_a_server_that_is_gone_is_given_up(proxy: FaultProxy, tmp_path: Path) -> None:
    async with connected(proxy.url, unreachable=0.2) as backend:
        file = file_of(await run(backend, submission(flat())))
        await proxy.vanish()
        with pytest.raises(ServerUnreachable, match="cannot be reached"):
            await backend.fetch(file, tmp_path / "a.png")


async def test_a_cancelled_download_writes_nothing_more(
    server: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, release = threading.Event(), threading.Event()

    def slow_disk(target: Path, mode: str, content: bytes) -> None:
        entered.set()
        release.wait(5)
        target.write_bytes(content)

    monkeypatch.setattr("bot.comfy.client._write", slow_disk)
    async with connected(server.url) as backend:
        file = file_of(await run(backend, submission(flat())))
        fetching = asyncio.create_task(backend.fetch(file, tmp_path / "a.png"))
        await eventually(entered.is_set)
        fetching.cancel()
        await asyncio.sleep(0)
        release.set()
        await asyncio.wait({fetching})
        assert fetching.cancelled()
        (tmp_path / "a.png").unlink()
        await asyncio.sleep(0.05)
        assert not (tmp_path / "a.png").exists()


async def test_an_upload_that_breaks_off_is_tried_again(proxy: FaultProxy) -> None:
    proxy.on("POST", "/upload/image", faults.hang_up, times=1)
    proxy.on("POST", "/upload/image", faults.lose_answer, times=1)
    async with connected(proxy.url) as backend:
        assert (await backend.upload_image(bytes(3_000_000), ".png")).endswith(".png")
    assert proxy.count("POST", "/upload/image") == 3


async def test_an_upload_to_no_server_is_refused_at_once() -> None:
    async with connected("http://127.0.0.1:9") as backend:
        with pytest.raises(ServerUnreachable):
            await backend.upload_image(b"bytes", ".png")


async def test_a_slow_download_is_not_cut_short(proxy: FaultProxy, tmp_path: Path) -> None:
    """Slower in all than the timeout for a single silence."""
    async with connected(proxy.url, timeout_seconds=0.2) as backend:
        file = file_of(await run(backend, submission(flat(size=128))))
        size = await backend.client.download(file, tmp_path / "a.png")
        proxy.on("GET", "/view", faults.trickle(size.size // 8 + 1, lambda: asyncio.sleep(0.05)))
        again = await backend.client.download(file, tmp_path / "b.png")
        assert again.size == size.size


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (faults.answer(404), "the finished file is gone"),
        (faults.LOGIN_PAGE, "does not speak like"),
        (faults.answer(400), "does not speak like"),
        (faults.SERVER_ERROR, "answer 500"),
    ],
)
async def test_a_file_that_is_not_there(
    proxy: FaultProxy, tmp_path: Path, action: faults.Action, words: str
) -> None:
    async with connected(proxy.url) as backend:
        rule = proxy.on("GET", "/view", action)
        with pytest.raises(ProtocolError, match=words):
            await backend.fetch(OutputFile(node="3", filename="a.png"), tmp_path / "a.png")  # type: ignore[arg-type]
        assert rule.used == 1, "asking again would not help"


async def test_a_name_that_is_no_text_is_an_error_of_ours(server: Engine, tmp_path: Path) -> None:
    async with connected(server.url) as backend:
        with pytest.raises(ProtocolError, match="cannot be asked for"):
            await backend.fetch(OutputFile(node="3", filename="\udc80.png"), tmp_path / "a.png")  # type: ignore[arg-type]


async def test_a_disk_that_refuses_is_told_as_it_is(proxy: FaultProxy, tmp_path: Path) -> None:
    async with connected(proxy.url) as backend:
        file = file_of(await run(backend, submission(flat())))
        with pytest.raises(OSError, match="No such file"):
            await backend.fetch(file, tmp_path / "absent" / "a.png")
    assert proxy.count("GET", "/view") == 1


# Shutdown


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
