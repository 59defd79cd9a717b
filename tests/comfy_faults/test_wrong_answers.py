"""What answers is no ComfyUI server, or one behind a login, a path, a slow line."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

from bot.comfy.client import ComfyClient
from bot.domain.errors import (
    AuthenticationFailed,
    GraphRejected,
    ProtocolError,
    ServerUnreachable,
    UserError,
)
from bot.domain.events import Finished
from tests.support import faults
from tests.support.clients import connected, error_of, eventually, file_of, run, running
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import flat, fresh, slow, submission


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


async def drip(request: web.Request, forward: faults.Forward) -> web.StreamResponse:
    """No silence is long, and there is no end."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)
    return response


async def test_an_answer_that_drips_in_for_ever_times_out(proxy: FaultProxy) -> None:
    for method in ("GET", "POST"):
        proxy.on(method, "/*", drip)
    async with asyncio.timeout(15), ComfyClient(proxy.url, timeout_seconds=0.1) as client:
        for ask in (client.queue, client.system_stats, client.object_info):
            with pytest.raises(ServerUnreachable, match="did not answer in time"):
                await ask()


BOMB = gzip.compress(b"[" + b"0," * 50_000_000 + b"0]")


async def test_a_small_answer_that_unpacks_to_a_giant_is_refused(proxy: FaultProxy) -> None:
    assert len(BOMB) < 200_000
    headers = {"Content-Encoding": "gzip"}
    for path in ("/queue", "/object_info"):
        proxy.on("GET", path, faults.answer(200, BOMB, "application/json", **headers))
    async with ComfyClient(proxy.url) as client:
        for ask in (client.queue, client.object_info):
            with pytest.raises(ProtocolError, match="too large to be ComfyUI's"):
                await ask()


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
    quick = {"timeout_seconds": 0.2, "ask_running": 0.05}
    async with connected(server.url, **quick) as backend, running(backend, submission(graph)) as told:
        await told.until_step(1)
        await asyncio.sleep(0.5)  # more than twice the timeout, without a frame
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
