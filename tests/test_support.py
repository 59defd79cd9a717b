"""The helpers of the other tests: what they are to notice, they notice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support import faults
from tests.support.clients import tidy
from tests.support.engines import engine
from tests.support.faults import FaultProxy, HangUp


async def leave_a_task() -> None:
    async with tidy():
        LEFT.append(asyncio.create_task(asyncio.sleep(60), name="forgotten"))


async def leave_an_exception() -> None:
    async with tidy():
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0)


async def leave_a_session() -> None:
    async with tidy():
        aiohttp.ClientSession()
        await asyncio.sleep(0)


LEFT: list[asyncio.Task[None]] = []


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (leave_a_task, "forgotten"),
        (leave_an_exception, "ZeroDivisionError"),
        (leave_a_session, "Unclosed client session"),
    ],
)
@pytest.mark.filterwarnings("ignore:Unclosed client session:ResourceWarning")
async def test_what_is_left_behind_is_noticed(leave: Callable[[], Awaitable[None]], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        await leave()
    while LEFT:
        LEFT.pop().cancel()


async def test_the_proxy_breaks_what_it_is_told_to(tmp_path: Path) -> None:
    async with (
        tidy(),
        engine(tmp_path) as server,
        FaultProxy(server.url) as proxy,
        aiohttp.ClientSession(f"{proxy.url}/") as http,
    ):
        async with http.get("queue") as response:
            assert await response.json() == {"queue_running": [], "queue_pending": []}
        proxy.on("GET", "/queue", faults.cut(5), times=1)
        async with http.get("queue") as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        proxy.on("POST", "/q*", faults.hang_up)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.post("queue")
        await proxy.vanish()
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("queue")
        await proxy.listen()
        async with http.get("queue") as response:
            assert response.status == 200
        assert proxy.count("GET", "/queue") == 3
        assert proxy.count("POST", "*") == 1


def test_filters_of_frames() -> None:
    status, progress, picture = '{"type":"status","data":{}}', '{"type":"progress","data":{}}', b"\0\0\0\1abc"
    end = '{"type":"executing","data":{"node":null}}'
    assert [faults.kind_of(payload) for payload in (status, end, picture)] == ["status", "end", "binary"]
    assert list(faults.lose("status")(status)) == []
    assert list(faults.lose("status")(progress)) == [progress]
    assert list(faults.lose()(picture)) == []
    assert list(faults.double("end")(end)) == [end, end]
    assert list(faults.truncate_binary(2)(picture)) == [b"\0\0"]
    drop = faults.drop_socket_at(2)
    assert list(drop(status)) == [status]
    with pytest.raises(HangUp):
        drop(progress)
    assert list(drop(end)) == [end]
    silence = faults.Silence("progress")
    assert [list(silence(payload)) for payload in (status, progress, end)] == [[status], [], []]
