"""A local Discord with a crowd in it, for benchmarks: many people who type ``/imagine`` at their times.

It runs in the process of the benchmark; the bot is another one. Measured is from the moment when the gateway
event is handed to the socket until the bot's first response is there, with what the loopback costs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.discord import Channel, DiscordWorld, Person, RateLimits, Reply

CHANNELS = 20
PROMPTS = ("a lighthouse at dusk", "two foxes in the snow, soft light", "an old harbour, oil on canvas")


@dataclass(frozen=True)
class Asked:
    """``due``, ``told``: when it should have been, and was, said to the bot, in seconds of the loop."""

    reply: Reply
    due: float
    told: float

    @property
    def answered(self) -> float | None:
        """Seconds from the event to the first response."""
        at = self.reply.interaction.answered_seen
        return None if at is None else at - self.told


@dataclass
class Crowd:
    """People of one guild, and the places where they ask."""

    world: DiscordWorld
    people: Sequence[Person]
    channels: Sequence[Channel]
    asked: list[Asked] = field(default_factory=list)

    async def ask(self, count: int, seconds: float) -> None:
        """``count`` commands, evenly over ``seconds``, whatever the bot does with them."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(count):
            due = start + number * seconds / count
            await asyncio.sleep(max(0.0, due - loop.time()))
            told = loop.time()
            reply = await self.people[number % len(self.people)].slash(
                self.channels[number % len(self.channels)], "imagine", prompt=PROMPTS[number % len(PROMPTS)]
            )
            self.asked.append(Asked(reply, due, told))

    async def all_answered(self, within: float) -> None:
        """Wait until each has its first response, or nothing can come any more."""
        with suppress(TimeoutError):
            await self.world.until(lambda: all(each.reply.answer for each in self.asked), within=within)

    @property
    def latest(self) -> float:
        """Seconds by which a command at most was said after its time."""
        return max(each.told - each.due for each in self.asked)

    @property
    def latencies(self) -> list[float]:
        return sorted(each.answered for each in self.asked if each.answered is not None)


@asynccontextmanager
async def local_discord(people: int, *, limits: RateLimits | None = None) -> AsyncIterator[Crowd]:
    """With Discord's usual limits, and nothing kept of what is sent."""
    async with DiscordWorld(
        limits=limits or RateLimits.real(), strict=False, recording=False, point=False
    ) as world:
        world.keep_bytes = 0
        guild = world.guild("Painters")
        channels = [guild.channel(f"painting-{number}") for number in range(CHANNELS)]
        yield Crowd(world, [guild.member(f"user{number}") for number in range(people)], channels)


def processor_seconds(pid: int) -> float:
    """What a process has used so far, in the kernel and outside; Linux tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def latency_figures(seconds: Sequence[float]) -> dict[str, float]:
    """``seconds`` in rising order."""
    if not seconds:
        return {"n": 0}
    return {
        "n": len(seconds),
        "median_ms": round(seconds[len(seconds) // 2] * 1000, 1),
        "p99_ms": round(seconds[int(len(seconds) * 0.99)] * 1000, 1),
        "worst_ms": round(seconds[-1] * 1000, 1),
    }
