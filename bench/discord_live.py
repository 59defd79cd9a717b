"""20 live jobs in one Discord channel: how old their cards get, and how soon results are shown.

A step every quarter of a second, jobs of twelve seconds; the others wait. With interactions of this moment
(each card has the budget of its token) four servers paint. With interactions that were some minutes ago, so
that the bot goes on without their tokens (all cards share the budget of the channel, five edits in five
seconds), one does; two of them are more than that channel can carry, and have no goal. Discord's usual limits
hold, in real time, and the real library obeys.

The baseline does the same with every event queued for its message, one edit after the other: what is simple
to write. The library waits inside its calls, so that nothing is refused, and everything comes late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import discord

from bench.support import report
from bot.chat.discord.address import TOKEN_MARGIN_MS, TOKEN_MS
from bot.domain.events import Progressed
from bot.domain.ids import NodeId
from bot.domain.throttle import Importance
from tests.support.discord import DiscordWorld, RateLimits, Reply
from tests.support.discord_bot import LiveClock, images, in_discord, picture, until
from tests.support.fake_server import FakeRun, FakeServer
from tests.support.service import Bot

JOBS = 20
STEPS, STEP_SECONDS = 48, 0.25
WATCHED = 45.0
"""Seconds of each run, once tokens are not used any more."""
TOKENS_LAST = (TOKEN_MS - TOKEN_MARGIN_MS) / 1000
SETTLING = 5.0
"""Seconds in which everybody gets a first card."""
RESULT_SECONDS, RUNNING_SECONDS, WAITING_SECONDS = 1.0, 4.0, 30.0
PATIENCE = 25.0
"""Seconds that results may be late; what is not shown by then counts as this late."""


@dataclass(frozen=True)
class Setting:
    """``ago``: by how many seconds interactions are older than they are."""

    ago: float
    servers: int


SETTINGS = {
    "token": Setting(0.0, 4),
    "channel": Setting(TOKENS_LAST - SETTLING, 1),
    "channel_crowded": Setting(TOKENS_LAST - SETTLING, 2),
}


class RealClock(LiveClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Course:
    """When jobs began and ended at their servers, and when waiting cards had something new that was shown
    later, in seconds of the loop; and how long they then waited."""

    over: float
    """When it is not watched any more."""
    began: dict[int, float] = field(default_factory=dict)
    ended: dict[int, float] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)


def now() -> float:
    return asyncio.get_running_loop().time()


# The whole bot


async def bot_through(setting: Setting) -> dict[str, Any]:
    servers = [FakeServer(f"server-{number}", picture=picture) for number in range(setting.servers)]
    clock = RealClock()
    async with DiscordWorld(clock=clock.as_clock(), limits=RateLimits.real(), strict=False) as world:
        with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
            async with in_discord(world, Path(name), servers, clock) as bot:
                replies = await asked(world, setting.ago)
                course = Course(now() + WATCHED)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(watching(bot, course))
                    for server in servers:
                        tasks.create_task(painting(server, course))
                await shown(replies, course)
        return figures(replies, course, world)


async def asked(world: DiscordWorld, ago: float) -> list[Reply]:
    guild = world.guild("Painters")
    channel = guild.channel("general")
    people = [guild.member(f"user{number}") for number in range(JOBS)]
    replies = [
        await person.slash(channel, "imagine", prompt=f"job {number} here", sent_ago=ago)
        for number, person in enumerate(people)
    ]
    for reply in replies:
        await reply.acknowledged()
    await asyncio.sleep(SETTLING)
    return replies


async def painting(server: FakeServer, course: Course) -> None:
    """Paint what comes; what is under way at the end is seen through."""
    while now() < course.over - STEPS * STEP_SECONDS:
        if not server.waiting:
            await asyncio.sleep(0.01)
            continue
        run = server.start()
        number = number_of(run)
        course.began[number] = now()
        for step in range(1, STEPS + 1):
            await asyncio.sleep(STEP_SECONDS)
            assert run.on_event is not None
            run.on_event(Progressed(step / (STEPS + 1), NodeId("5"), "Sampler", step, STEPS))
        course.ended[number] = now()
        server.finish()


async def watching(bot: Bot, course: Course) -> None:
    """How long the newest card of whoever waits has not been sent, as the bot's own scheduler has it."""
    outbox = bot.service.courier._deliverers["discord"]._outbox  # type: ignore[attr-defined]
    while now() < course.over:
        stale = outbox.stale(bot.clock.monotonic())
        course.waited += [seconds for _, importance, seconds in stale if importance is Importance.WAITING]
        await asyncio.sleep(0.25)


def number_of(run: FakeRun) -> int:
    values = [str(value) for node in run.submission.graph for value in node.inputs.values()]
    (found,) = {int(match[1]) for value in values if (match := re.search(r"job (\d+) here", value))}
    return found


async def shown(replies: Sequence[Reply], course: Course) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            for number in course.ended:
                await replies[number].until(lambda each: each.message and images(each.shown), within=PATIENCE)


# What is simple to write


class Queueing(discord.AutoShardedClient):
    """Edits each message once for each event, in order."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.0, max_messages=None)
        self.tree = discord.app_commands.CommandTree(self)
        self.tree.command(name="imagine", description="Nothing")(self._imagine())
        self.edits: list[Callable[..., Awaitable[Any]]] = []
        self.late = False

    def _imagine(self) -> Any:
        async def imagine(interaction: discord.Interaction, prompt: str) -> None:  # noqa: ARG001
            answer = await interaction.response.defer(thinking=True)
            assert answer is not None
            assert answer.message_id is not None
            place = self.get_partial_messageable(interaction.channel_id or 0)
            message = place.get_partial_message(answer.message_id)
            self.edits.append(message.edit if self.late else interaction.edit_original_response)

        return imagine

    async def setup_hook(self) -> None:
        await self.tree.sync()


async def queueing_through(setting: Setting) -> dict[str, Any]:
    async with DiscordWorld(limits=RateLimits.real(), strict=False) as world, Queueing() as client:
        client.late = setting.ago > 0
        running = asyncio.create_task(client.start(world.token))
        await world.gateway.until_ready()
        replies = await asked(world, setting.ago)
        await until(lambda: len(client.edits) == JOBS)
        course = Course(now() + WATCHED)
        queues: list[asyncio.Queue[dict[str, Any]]] = [asyncio.Queue() for _ in range(JOBS)]
        workers = [
            asyncio.create_task(editing(edit, queue, course))
            for edit, queue in zip(client.edits, queues, strict=True)
        ]
        jobs = iter(range(JOBS))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(setting.servers):
                tasks.create_task(telling(jobs, queues, course))
        await shown(replies, course)
        for task in (*workers, running):
            task.cancel()
        await asyncio.gather(*workers, running, return_exceptions=True)
        return figures(replies, course, world)


async def editing(
    edit: Callable[..., Awaitable[Any]], queue: asyncio.Queue[dict[str, Any]], course: Course
) -> None:
    while True:
        changes = await queue.get()
        since = changes.pop("waits_since", None)
        await edit(**changes)
        if since is not None:
            course.waited.append(now() - since)


async def telling(jobs: Iterator[int], queues: list[asyncio.Queue[dict[str, Any]]], course: Course) -> None:
    """The events of one server's jobs."""
    while now() < course.over - STEPS * STEP_SECONDS:
        number = next(jobs)
        course.began[number] = now()
        for step in range(STEPS):
            queues[number].put_nowait({"content": f"step {step} of {STEPS}"})
            await asyncio.sleep(STEP_SECONDS)
        course.ended[number] = now()
        for place, queue in enumerate(queues[number + 1 :], 1):
            words = f"place {place}, {number} are ready"
            queue.put_nowait({"content": words, "waits_since": now()})
        file = discord.File(Path(__file__).parent / "__init__.py", filename="fox.png")
        queues[number].put_nowait({"content": "ready", "attachments": [file]})


# Figures


def figures(replies: Sequence[Reply], course: Course, world: DiscordWorld) -> dict[str, Any]:
    """``result_s``: from the file to the message that shows it; ``running_s``, ``waiting_s``: how long a card
    was left as it was although there was something new. Medians, and the worst."""
    results: list[float] = []
    running: list[float] = []
    for number, ended in course.ended.items():
        began, history = course.began[number], replies[number].history
        with_file = [look.seen for look in history if look.attachments]
        results.append(min(with_file, default=ended + PATIENCE) - ended)
        moments = [began, *(look.seen for look in history if began < look.seen < ended), ended]
        running.append(max(after - before for before, after in pairwise(moments)))
    return {
        "jobs_ended": len(results),
        "results_shown": sum(result < PATIENCE for result in results),
        "result_s": spread(results),
        "running_s": spread(running),
        "waiting_s": spread(course.waited),
        "edits": sum(len(reply.history) - 1 for reply in replies),
        "refused_429": sum(world.limiter.refused.values()),
    }


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    return {"median": round(ordered[len(ordered) // 2], 2), "worst": round(ordered[-1], 2)}


PARTS = {"bot": bot_through, "queueing": queueing_through}


def side_by_side() -> dict[str, dict[str, Any]]:
    """All at the same time: each is a process, and none needs much of a processor."""
    started = {
        f"{part}_{name}": subprocess.Popen(
            [sys.executable, "-m", "bench.discord_live", "--part", part, "--setting", name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for part in PARTS
        for name in SETTINGS
    }
    found = {}
    for name, process in started.items():
        out, err = process.communicate(timeout=180)
        if process.returncode:
            raise SystemExit(f"{name}: {err}")
        found[name] = json.loads(out)
    return found


def met(found: dict[str, Any]) -> bool:
    return bool(
        found["results_shown"] == found["jobs_ended"] > 0
        and found["result_s"]["worst"] <= RESULT_SECONDS
        and found["running_s"]["worst"] <= RUNNING_SECONDS
        and found["waiting_s"]["worst"] <= WAITING_SECONDS
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--setting", choices=SETTINGS, default="token")
    chosen = parser.parse_args()
    if chosen.part:
        print(json.dumps(asyncio.run(PARTS[chosen.part](SETTINGS[chosen.setting]))))
        return
    found = side_by_side()
    report(
        "discord_live",
        f"{JOBS} live jobs in one channel, by tokens and after them: results shown <= {RESULT_SECONDS:g} s "
        f"after the file, running cards <= {RUNNING_SECONDS:g} s old, waiting ones <= {WAITING_SECONDS:g} s",
        met(found["bot_token"]) and met(found["bot_channel"]),
        jobs=JOBS,
        **{name: found[f"bot_{name}"] for name in SETTINGS},
        **{f"baseline_queue_{name}": found[f"queueing_{name}"] for name in SETTINGS},
    )


if __name__ == "__main__":
    main()
