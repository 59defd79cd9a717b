"""Downloads and uploads."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from bot.domain.errors import (
    ProtocolError,
    ServerUnreachable,
)
from bot.domain.outputs import OutputFile
from tests.support import faults
from tests.support.clients import connected, eventually, file_of, run
from tests.support.engines import Engine
from tests.support.faults import FaultProxy
from tests.support.graphs import flat, submission


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
    async with connected(proxy.url, timeout_seconds=0.5) as backend:
        file = file_of(await run(backend, submission(flat(size=128))))
        size = await backend.client.download(file, tmp_path / "a.png")
        proxy.on("GET", "/view", faults.trickle(size.size // 8 + 1, lambda: asyncio.sleep(0.08)))
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
