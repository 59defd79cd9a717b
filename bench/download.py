"""Peak memory while a 100 MB video is fetched, beside reading it whole."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp

from bench.support import peak_mb, report, server_process
from bench.talker import FILE_MB
from bot.comfy.client import ComfyClient
from bot.domain.ids import NodeId
from bot.domain.outputs import MediaKind, OutputFile

VIDEO = OutputFile(NodeId("9"), "video.mp4", kind=MediaKind.VIDEO)


async def streamed(url: str, folder: Path) -> tuple[float, float]:
    async with ComfyClient(url) as client:
        await client.http.get(client.base / "nothing")  # connection and modules are there before measuring
        before, start = peak_mb(), time.perf_counter()
        download = await client.download(VIDEO, folder / "video.mp4")
        assert download.size == FILE_MB * 1024**2
        return peak_mb() - before, time.perf_counter() - start


async def whole(url: str, folder: Path) -> tuple[float, float]:
    async with aiohttp.ClientSession() as http:
        before, start = peak_mb(), time.perf_counter()
        async with http.get(f"{url}/view") as response:
            (folder / "whole.mp4").write_bytes(await response.read())
        return peak_mb() - before, time.perf_counter() - start


def main() -> None:
    with server_process("bench.talker") as url, tempfile.TemporaryDirectory() as name:
        growth, seconds = asyncio.run(streamed(url, Path(name)))
        # Second, because a peak never falls: what it adds is on top of the first.
        whole_growth, whole_seconds = asyncio.run(whole(url, Path(name)))
    report(
        "download",
        "a 100 MB output adds < 10 MB to peak memory",
        growth < 10,
        peak_memory_growth_mb=round(growth, 1),
        seconds=round(seconds, 2),
        baseline_read_whole_growth_mb=round(whole_growth, 1),
        baseline_read_whole_seconds=round(whole_seconds, 2),
    )


if __name__ == "__main__":
    main()
