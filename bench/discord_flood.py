"""2,000 ``/imagine`` in 10 seconds from 500 people: how soon each is acknowledged, and what becomes of it.

The whole bot is a process of its own, ``fairbrush run`` with the real discord.py; a local Discord and the
crowd are another, an engine that paints at its pace a third, all on this machine. The baseline is a bot that
defers and does nothing else, with the same crowd in the same run: what library, loopback and crowd cost.

Acknowledged is from the moment when the event is handed to the gateway's socket until the response is there;
both are seen by the local Discord, whose own lateness is therefore in it (``crowd_late_worst_ms``).
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.discord_crowd import Asked, Crowd, latency_figures, local_discord, processor_seconds
from bench.restart import peak_mb_of
from bench.support import report, server_process
from tests.support.chaos_actors import until
from tests.support.cli import COMMAND
from tests.support.discord_process import DiscordProcess, configure

COMMANDS, SECONDS, PEOPLE = 2000, 10.0, 500
P99_MS, WORST_MS, RSS_MB = 250.0, 3000.0, 250.0
PACE = 0.5
"""Seconds of the engine a step and megapixel: it is busy all the time, at no cost."""
SETTLED = 45.0
"""Seconds at most until everything has been written down or refused."""
FLOOR = (sys.executable, "-m", "bench.discord_floor")


@dataclass(frozen=True)
class Flood:
    """What came of one. ``ends``: how many got a job, or which words instead; "" for neither."""

    figures: dict[str, Any]
    ends: Counter[str]

    @property
    def in_time(self) -> bool:
        return (
            self.figures["n"] == COMMANDS
            and self.figures["p99_ms"] <= P99_MS
            and self.figures["worst_ms"] <= WORST_MS
            and self.figures["rss_mb"] <= RSS_MB
        )


async def flood(engine: str, *, most: int | None, command: Sequence[str] = COMMAND) -> Flood:
    """``most``: ``queue.max_waiting``; None for a bot that has no queue."""
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
        folder = Path(name)
        async with local_discord(PEOPLE) as crowd:
            world = crowd.world
            configure(
                folder,
                world,
                comfyui=[{"name": "engine", "url": engine}],
                queue={"max_waiting": most or 1, "shutdown_seconds": 1},
            )
            bot = DiscordProcess(folder, command=command)
            try:
                assert await bot.until_it_says("ready: "), bot.complained
                await world.gateway.until_ready()
                return await _measured(crowd, bot, folder, most)
            finally:
                bot.ask_to_stop()
                await bot.ended()


async def _measured(crowd: Crowd, bot: DiscordProcess, folder: Path, most: int | None) -> Flood:
    began, ours, theirs = time.perf_counter(), time.process_time(), processor_seconds(bot.pid)
    await crowd.ask(COMMANDS, SECONDS)
    seconds = time.perf_counter() - began
    ours, theirs = time.process_time() - ours, processor_seconds(bot.pid) - theirs
    await crowd.all_answered(WORST_MS / 1000)
    figures: dict[str, Any] = {
        **latency_figures(crowd.latencies),
        "crowd_late_worst_ms": round(crowd.latest * 1000, 1),
        "cores_of_the_bot": round(theirs / seconds, 2),
        "cores_of_discord_and_crowd": round(ours / seconds, 2),
    }
    ends: Counter[str] = Counter()
    if most is not None:
        with suppress(AssertionError):  # what was answered too late has no end at all
            await until(lambda: "" not in _ends(crowd, folder), "an end of each", SETTLED)
        figures["all_ended_s"] = round(time.perf_counter() - began, 1)
        ends = _ends(crowd, folder)
        figures["ends"] = {key or "nothing": count for key, count in ends.items()}
    return Flood({**figures, "rss_mb": round(peak_mb_of(bot.pid), 1)}, ends)


def _ends(crowd: Crowd, folder: Path) -> Counter[str]:
    with closing(sqlite3.connect(folder / "data" / "fairbrush.db")) as connection:
        rows = connection.execute("SELECT event FROM requests JOIN jobs ON jobs.request = requests.id")
        events = {event for (event,) in rows}
    return Counter(_end(asked, events) for asked in crowd.asked)


def _end(asked: Asked, events: set[str]) -> str:
    """A committed job, or the words that somebody got instead."""
    if f"discord:{asked.reply.interaction.id}" in events:
        return "job"
    message = asked.reply.message
    shown = message is not None and not message.loading
    return f"told: {message.text.splitlines()[0]}" if message is not None and shown else ""


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("bench.discord_flood needs Linux, which tells the memory of another process")
    with server_process("bot", "engine", "--port", "0", "--pace", str(PACE)) as engine:
        floor = asyncio.run(flood(engine, most=None, command=FLOOR))
        all_in = asyncio.run(flood(engine, most=5000))
        full = asyncio.run(flood(engine, most=500))
    report(
        "discord_flood",
        f"{COMMANDS} /imagine in {SECONDS:g} s from {PEOPLE} people: acknowledged with p99 <= {P99_MS:g} ms "
        f"and within {WORST_MS / 1000:g} s, each with a job, RSS <= {RSS_MB:g} MB; in a queue of 500 each "
        "with a job or a refusal",
        all_in.in_time and all_in.ends["job"] == COMMANDS and full.in_time and not full.ends[""],
        p99_of_baseline=round(all_in.figures["p99_ms"] / floor.figures["p99_ms"], 1),
        room_for_all=all_in.figures,
        room_for_500=full.figures,
        baseline_defers_only=floor.figures,
    )


if __name__ == "__main__":
    main()
