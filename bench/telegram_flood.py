"""1,000 ``/imagine`` in 10 seconds from 300 chats, four private ones to each group: how soon each is written
down, when it is answered, and what becomes of it.

The whole bot is a process of its own, ``fairbrush run`` with the real python-telegram-bot; a local Telegram
with its usual limits (thirty messages a second in all, one a second to a chat, twenty a minute to a group)
and the crowd are another, an engine that paints at its pace a third, all on this machine. Once Discord is
connected at the same time, and people ask there, too.

Written down is from the moment when an update is laid out until the bot asks for later ones, which makes
Telegram forget it: the bot does so once it has been committed. The baseline is what is simple to write with
the library: each command is answered at once, every event edited into its message.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.discord_crowd import Crowd as DiscordCrowd
from bench.discord_crowd import local_discord, processor_seconds
from bench.restart import peak_mb_of
from bench.support import report, server_process
from bench.telegram_crowd import Asked, Crowd, local_telegram
from tests.support.chaos_actors import until
from tests.support.cli import COMMAND
from tests.support.telegram_process import TelegramProcess, configure

COMMANDS, SECONDS, CHATS = 1000, 10.0, 300
COMMIT_SECONDS, ANSWER_SECONDS, RSS_MB = 1.0, 60.0, 250.0
DISCORD_COMMANDS, DISCORD_PEOPLE = 200, 50
WATCHED = 90.0
"""Seconds after the flood in which answers still count as answers."""
SETTLED = 45.0
"""Seconds at most until everything has been written down or refused."""
PACE = 0.5
"""Seconds of the engine a step and megapixel: it is busy all the time, at no cost."""
FLOOR = (sys.executable, "-m", "bench.telegram_floor")


@dataclass(frozen=True)
class Flood:
    """What came of one. ``ends``: how many got a job, or which words instead; "" for neither."""

    figures: dict[str, Any]
    ends: Counter[str] = field(default_factory=Counter)

    @property
    def in_time(self) -> bool:
        commits, private = self.figures["written_down"], self.figures["private_answers"]
        return bool(
            commits["n"] == COMMANDS
            and commits["worst_s"] <= COMMIT_SECONDS
            and private["n"] == private["of"]
            and private["worst_s"] <= ANSWER_SECONDS
            and self.figures["rss_mb"] <= RSS_MB
            and not self.ends[""]
        )


async def flood(
    engine: str, *, most: int | None, both: bool = False, command: Sequence[str] = COMMAND
) -> Flood:
    """``most``: ``queue.max_waiting``; None for a bot that has no queue. ``both``: Discord, too."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fairbrush-")))
        crowd = await stack.enter_async_context(local_telegram(CHATS))
        beside = await stack.enter_async_context(local_discord(DISCORD_PEOPLE)) if both else None
        configure(
            folder,
            crowd.world,
            comfyui=[{"name": "engine", "url": engine}],
            queue={"max_waiting": most or 1, "shutdown_seconds": 1},
            **(_discord(beside) if beside is not None else {}),
        )
        bot = TelegramProcess(folder, command=command)
        try:
            assert await bot.until_it_says("ready: "), bot.complained
            await crowd.world.until(lambda: crowd.world.updates.polling, within=20)
            if beside is not None:
                await beside.world.gateway.until_ready()
            return await _measured(crowd, beside, bot, folder, most)
        finally:
            bot.ask_to_stop()
            await bot.ended()


def _discord(crowd: DiscordCrowd) -> Mapping[str, Any]:
    world = crowd.world
    return {
        "discord": {"token": world.token, "api_base_url": world.api_url, "gateway_url": world.gateway_url}
    }


async def _measured(
    crowd: Crowd, beside: DiscordCrowd | None, bot: TelegramProcess, folder: Path, most: int | None
) -> Flood:
    began, ours, theirs = time.perf_counter(), time.process_time(), processor_seconds(bot.pid)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.ask(COMMANDS, SECONDS))
        if beside is not None:
            tasks.create_task(beside.ask(DISCORD_COMMANDS, SECONDS))
    seconds = time.perf_counter() - began
    flooded = processor_seconds(bot.pid)
    ours, theirs = time.process_time() - ours, flooded - theirs
    in_store = await _all_ended(crowd, folder, began) if most is not None else {}
    await crowd.all_answered(WATCHED)
    watched = time.perf_counter() - began - seconds
    figures: dict[str, Any] = {
        "written_down": spread(crowd.commits, COMMANDS),
        **{name: _answers(crowd, private=private) for name, private in KINDS.items()},
        **in_store,
        "refused_429": dict(crowd.world.flood.refused),
        "crowd_late_worst_s": round(crowd.latest, 2),
        "cores_of_the_bot": round(theirs / seconds, 2),
        "cores_of_the_bot_after": round((processor_seconds(bot.pid) - flooded) / watched, 2),
        "cores_of_telegram_and_crowd": round(ours / seconds, 2),
        "load_of_the_machine": round(os.getloadavg()[0], 1),
        "rss_mb": round(peak_mb_of(bot.pid), 1),
    }
    if beside is not None:
        figures["discord_acknowledged"] = spread(beside.latencies, DISCORD_COMMANDS)
    if most is None:
        return Flood(figures)
    ends = _ends(crowd, folder)
    return Flood({**figures, "ends": {key or "nothing": count for key, count in ends.items()}}, ends)


KINDS = {"private_answers": True, "group_answers": False}


async def _all_ended(crowd: Crowd, folder: Path, began: float) -> dict[str, float]:
    with suppress(AssertionError):
        await until(lambda: "" not in _ends(crowd, folder), "an end of each", SETTLED)
    return {"all_ended_s": round(time.perf_counter() - began, 1)}


def _answers(crowd: Crowd, *, private: bool) -> dict[str, float]:
    asked = sum(each.place.private is private for each in crowd.asked)
    return spread(crowd.answers(private=private), asked)


def _ends(crowd: Crowd, folder: Path) -> Counter[str]:
    with closing(sqlite3.connect(folder / "data" / "fairbrush.db")) as connection:
        rows = connection.execute("SELECT event FROM requests JOIN jobs ON jobs.request = requests.id")
        events = {event for (event,) in rows}
    return Counter(_end(asked, events) for asked in crowd.asked)


def _end(asked: Asked, events: set[str]) -> str:
    """A committed job, or the words that somebody got instead."""
    if f"telegram:{asked.place.chat.id}:{asked.message.id}" in events:
        return "job"
    answer = asked.answer
    return f"told: {answer.content.words.text.splitlines()[0]}" if answer is not None else ""


def spread(seconds: Sequence[float], asked: int) -> dict[str, float]:
    """``seconds`` in rising order."""
    if not seconds:
        return {"n": 0, "of": asked, "worst_s": float("inf")}
    return {
        "n": len(seconds),
        "of": asked,
        "median_s": round(seconds[len(seconds) // 2], 3),
        "p99_s": round(seconds[int(len(seconds) * 0.99)], 3),
        "worst_s": round(seconds[-1], 3),
    }


RUNS: Mapping[str, Mapping[str, Any]] = {
    "room_for_all": {"most": 5000},
    "room_for_500": {"most": 500},
    "beside_discord": {"most": 5000, "both": True},
    "baseline_lets_go": {"most": None, "command": FLOOR},
    "baseline_patient": {"most": None, "command": (*FLOOR, "--patient")},
}


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("bench.telegram_flood needs Linux, which tells the memory of another process")
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=RUNS, action="append")
    chosen = parser.parse_args().only or list(RUNS)
    with server_process("bot", "engine", "--port", "0", "--pace", str(PACE)) as engine:
        found = {name: asyncio.run(flood(engine, **RUNS[name])) for name in chosen}
    ours = [each for name, each in found.items() if not name.startswith("baseline")]
    report(
        "telegram_flood",
        f"{COMMANDS} /imagine in {SECONDS:g} s from {CHATS} chats: written down within {COMMIT_SECONDS:g} s, "
        f"private ones answered within {ANSWER_SECONDS:g} s, each with a job or a refusal, "
        f"RSS <= {RSS_MB:g} MB",
        all(each.in_time for each in ours),
        **{name: each.figures for name, each in found.items()},
    )


if __name__ == "__main__":
    main()
