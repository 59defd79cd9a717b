"""How busy the GPU is kept under a backlog: the whole bot beside all prompts submitted to the server at once.

The bot is a process of its own, the engine another, both on this machine. Busy is what the server itself says
(``execution_start`` to its end, from ``/history``); the rest is the time between the first start and the last
end. The bot has one prompt running there and at most one staged, the flood has all of them in the server's
queue; they take turns on one engine. Jobs without any pace, as fast as this processor paints, show how much
is left of it where staging has little time; for these there is no goal.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import tomlkit

from bench.support import report, server_process
from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.control import ControlClient
from bot.domain.events import Finished
from bot.domain.ids import IdentityId, PromptId
from bot.presentation.flags import SHELL, parse_line
from bot.service.imagine import plan
from bot.service.operator import ShellAsk
from bot.service.ports import Submission
from bot.templates.loader import TemplateLibrary, shipped_folder
from bot.templates.sizes import Limits
from tests.support.chaos_actors import Process, until

JOBS, USERS = 48, 4
SIDE, STEPS = 256, 8
SAMPLING_SECONDS = 0.42
"""With the rest of the graph, a job takes about half a second."""
GOAL = 0.98
RUNS = 2


@dataclass(frozen=True)
class Busy:
    """Seconds by the server's own clock."""

    busy: float
    wall: float
    longest_gap: float

    @property
    def ratio(self) -> float:
        return self.busy / self.wall

    def as_json(self) -> dict[str, float]:
        return {
            "duty": round(self.ratio, 4),
            "job_s": round(self.busy / JOBS, 3),
            "busy_s": round(self.busy, 2),
            "wall_s": round(self.wall, 2),
            "longest_gap_ms": round(self.longest_gap * 1000, 1),
        }


def pace(seconds: float) -> float:
    """The engine's, so that sampling takes this long."""
    return seconds / STEPS / (SIDE * SIDE / 1024**2)


async def history(url: str) -> Mapping[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/history") as answer:
        entries: Mapping[str, Any] = await answer.json()
        return entries


def measured(entries: Mapping[str, Any]) -> Busy:
    spans = sorted(_span(entry) for entry in entries.values())
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    return Busy(sum(end - start for start, end in spans), spans[-1][1] - spans[0][0], max(gaps))


def _span(entry: Mapping[str, Any]) -> tuple[float, float]:
    times = {
        kind: data["timestamp"] / 1000 for kind, data in entry["status"]["messages"] if "timestamp" in data
    }
    return times["execution_start"], times["execution_success"]


async def flood(url: str) -> Busy:
    """All prompts at once, by a client that does nothing but watch them."""
    before = await history(url)
    async with ComfyBackend(ComfyClient(url)) as backend:
        library = TemplateLibrary(shipped_folder(), await backend.catalogue())
        ask = parse_line(line("flood", JOBS), SHELL)
        template = library.get("text-to-image")
        limits = Limits(max_count=JOBS)
        (request,) = plan(ask, template, limits=limits, draw=lambda low, _: low, images={})
        outputs = frozenset(template.outputs)
        submissions = [
            Submission(PromptId(str(uuid.uuid4())), template.bind(job.values), outputs, previews=True)
            for job in request.jobs()
        ]
        ends = await asyncio.gather(*(backend.run(one, lambda _: None) for one in submissions))
        assert all(isinstance(end, Finished) for end in ends)
    return measured({k: v for k, v in (await history(url)).items() if k not in before})


async def whole_bot(url: str, folder: Path) -> Busy:
    before = await history(url)
    async with running_bot(url, folder) as client:
        await client.pause("shell:bench")
        requests = [
            await client.submit(ask) for ask in [_ask(number, folder.name) for number in range(USERS)]
        ]
        await client.resume("shell:bench")
        for (request,) in requests:
            async for _ in client.watch(request.id):
                pass
        entries = await history(url)
    return measured({k: v for k, v in entries.items() if k not in before})


def _ask(number: int, event: str) -> ShellAsk:
    who = f"user{number}"
    return ShellAsk(line(who, JOBS // USERS), IdentityId(f"shell:{who}"), who, f"{event}-{number}")


def line(words: str, count: int) -> str:
    return f"{words} --size {SIDE}x{SIDE} --steps {STEPS} --count {count} --template text-to-image"


@asynccontextmanager
async def running_bot(url: str, folder: Path) -> AsyncIterator[ControlClient]:
    config = {
        "comfyui": [{"name": "engine", "url": url}],
        "tiers": {"default": {"max_waiting": JOBS, "max_count": JOBS}},
    }
    (folder / "config.toml").write_text(tomlkit.dumps(config), encoding="utf-8")
    process = Process(folder, "bot", "run", "--config", "config.toml")
    try:
        assert await process.until_it_says("ready: "), process.complained
        client = await ControlClient.connect(folder / "data")
        assert client is not None
        yield client
    finally:
        process.ask_to_stop()
        await until(lambda: not process.alive, "the end of the bot")


async def compare(seconds: float) -> tuple[list[Busy], list[Busy]]:
    ours: list[Busy] = []
    theirs: list[Busy] = []
    with server_process("bot", "engine", "--port", "0", "--pace", str(pace(seconds))) as url:
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
                ours.append(await whole_bot(url, Path(name)))
            theirs.append(await flood(url))
    return ours, theirs


def main() -> None:
    ours, theirs = asyncio.run(compare(SAMPLING_SECONDS))
    short, short_flood = asyncio.run(compare(0.0))
    ratio = _mean(ours) / _mean(theirs)
    report(
        "duty",
        f"GPU duty cycle under backlog >= {GOAL} of submitting everything at once, jobs of 0.5 s",
        ratio >= GOAL,
        jobs=JOBS,
        ratio=round(ratio, 4),
        throughput_ratio=round(sum(one.wall for one in theirs) / sum(one.wall for one in ours), 4),
        whole_bot=[one.as_json() for one in ours],
        baseline_direct_flood=[one.as_json() for one in theirs],
        without_pace={
            "ratio": round(_mean(short) / _mean(short_flood), 4),
            "whole_bot": [one.as_json() for one in short],
            "baseline_direct_flood": [one.as_json() for one in short_flood],
        },
    )


def _mean(runs: list[Busy]) -> float:
    return sum(one.busy for one in runs) / sum(one.wall for one in runs)


if __name__ == "__main__":
    main()
