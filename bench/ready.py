"""How soon ``fairbrush run`` is ready, and how much memory it holds when nobody wants anything.

The real command, from its start as a process to "ready", with the embedded engine and an empty data
directory, several times; then with Discord and Telegram (local stand-ins of both) connected; then with all
that a bot can have: a ComfyUI apart (our engine in a process of its own), both platforms, page and metrics.
Idle memory is what is resident some seconds after that. The baselines: a process that imports the largest
libraries and does nothing, and the processor time of the starts.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from bench.support import report, server_process
from tests.support.chaos_actors import Process
from tests.support.commands import unused_port
from tests.support.discord import DiscordWorld
from tests.support.telegram import TelegramWorld

READY_SECONDS, RSS_MB = 1.5, 120.0
RUNS, RUNS_CONNECTED = 7, 3
IDLE_SECONDS = 5.0
LIBRARIES = "import aiohttp, aiosqlite, numpy, PIL.Image, pydantic"
COMMAND = (sys.executable, "-m", "bot")


@dataclass(frozen=True)
class Start:
    """``cpu``: processor seconds up to "ready"; ``rss_mb``: idle."""

    ready: float
    cpu: float
    rss_mb: float


async def start(sections: dict[str, Any], *, says: Sequence[str] = ()) -> Start:
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
        folder = Path(name)
        (folder / "config.toml").write_text(tomlkit.dumps({"data_dir": "data", **sections}), encoding="utf-8")
        began = time.perf_counter()
        process = Process(folder, "bot", "run", "--config", "config.toml", command=COMMAND)
        try:
            assert await process.until_it_says("ready: "), process.complained
            ready, cpu = time.perf_counter() - began, cpu_seconds(process.pid)
            assert all(word in process.said for word in says), process.said
            await asyncio.sleep(IDLE_SECONDS)
            return Start(ready, cpu, rss_mb(process.pid))
        finally:
            process.ask_to_stop()
            await process.ended()


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmRSS")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def libraries() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", LIBRARIES], check=True)
    return time.perf_counter() - began


def figures(found: Sequence[Start]) -> dict[str, float]:
    return {
        "ready_median_s": round(statistics.median(one.ready for one in found), 2),
        "ready_quickest_s": round(min(one.ready for one in found), 2),
        "ready_slowest_s": round(max(one.ready for one in found), 2),
        "cpu_median_s": round(statistics.median(one.cpu for one in found), 2),
        "idle_rss_mb": round(max(one.rss_mb for one in found), 1),
    }


async def connected(**others: Any) -> list[Start]:
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordWorld(point=False))
        discord.guild("Painters")
        telegram = await stack.enter_async_context(TelegramWorld())
        sections = {
            "discord": {
                "token": discord.token,
                "api_base_url": discord.api_url,
                "gateway_url": discord.gateway_url,
            },
            "telegram": {"token": telegram.token, "api_base_url": telegram.api_url},
            **others,
        }
        says = ("Discord as", "Telegram as")
        return [await start(sections, says=says) for _ in range(RUNS_CONNECTED)]


async def with_everything() -> list[Start]:
    with server_process("bot", "engine", "--port", "0") as url:
        return await connected(
            comfyui=[{"url": url}],
            web={"listen": f"127.0.0.1:{unused_port()}"},
            metrics={"listen": f"127.0.0.1:{unused_port()}"},
        )


async def measure() -> None:
    await start({})  # compiles what is not compiled yet
    alone = figures([await start({}) for _ in range(RUNS)])
    both, everything = figures(await connected()), figures(await with_everything())
    largest = max(both["idle_rss_mb"], everything["idle_rss_mb"])
    met = alone["ready_median_s"] <= READY_SECONDS and largest <= RSS_MB
    report(
        "ready",
        f"ready <= {READY_SECONDS:g} s after the start, idle RSS <= {RSS_MB:g} MB with both platforms",
        met,
        starts=RUNS,
        alone=alone,
        both_platforms=both,
        everything=everything,
        baseline_libraries_s=round(statistics.median(libraries() for _ in range(RUNS)), 2),
    )


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("bench.ready needs Linux, which tells the memory of another process")
    asyncio.run(measure())


if __name__ == "__main__":
    main()
