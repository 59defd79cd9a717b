"""How long a start takes with 100,000 queued jobs of 10,000 users, and how much memory it needs.

The real command, from its start as a process to "ready", with a paused queue; once painting on a server
apart, once with the embedded engine in the same process. Memory is the peak, after the queue was looked at.
The baseline is the same with an empty database.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from bench.support import report, server_process
from bot.comfy.backend import ComfyBackend
from bot.comfy.client import ComfyClient
from bot.control import ControlClient
from bot.domain.ids import IdentityId, RequestId, TierName, UserId
from bot.domain.jobs import job_id
from bot.domain.quota import Allowance, Window
from bot.domain.work import Work
from bot.presentation.flags import SHELL, parse_line
from bot.service.imagine import plan
from bot.service.operator import PAUSED
from bot.service.records import Draft, NewJob, RequestRecord, Rules, Snapshot
from bot.store import open_store
from bot.templates.loader import TemplateLibrary, shipped_folder
from bot.templates.needs import model_key, needs_of, size_of
from bot.templates.sizes import Limits
from tests.support.chaos_actors import Process

JOBS, USERS = 100_000, 10_000
PER_REQUEST = 4
READY_SECONDS, RSS_MB = 5.0, 300.0
TEMPLATES = ("text-to-image", "text-to-image-lora", "flux")
SIZES = ("512x512", "768x768", "1024x768", "1024x1024")
RULES = Rules(Allowance(1e9, None), Window.DAY, "UTC", user_waiting=JOBS, all_waiting=JOBS)
RUNS = 3


@dataclass(frozen=True)
class Kind:
    """What a request may be: as the gate would have it."""

    work: Work
    needs: str
    values: dict[str, object]
    snapshot: Snapshot


async def kinds(url: str) -> list[Kind]:
    async with ComfyBackend(ComfyClient(url)) as backend:
        catalogue = await backend.catalogue()
    library = TemplateLibrary(shipped_folder(), catalogue)
    found: list[Kind] = []
    for name in TEMPLATES:
        template, sources = library.get(name), library.sources(library.get(name).name)
        for size in SIZES:
            for steps in (12, 25):
                ask = parse_line(f"a lighthouse at dusk --size {size} --steps {steps}", SHELL)
                (request,) = plan(ask, template, limits=Limits(), draw=random.randint)
                graph = template.bind(request.values)
                needs = needs_of(graph, catalogue)
                pixels, steps_there = size_of(template, request.values)
                work = Work(
                    template.name, model_key(template, graph), pixels, steps_there, needs.key, steps / 2.0
                )
                snapshot = Snapshot(template.content_hash, template.name, sources.export, sources.sidecar)
                found.append(Kind(work, needs.to_json(), dict(request.values.to_json()), snapshot))
    return found


def draft(number: int, kind: Kind, dice: random.Random) -> Draft:
    who = f"discord:{dice.randrange(USERS) if number >= USERS else number}"
    request = RequestRecord(
        id=RequestId(f"r{number:09d}"),
        identity=IdentityId(who),
        user=UserId(who),
        event=f"discord:{number}",
        platform="discord",
        template=kind.work.template,
        template_hash=kind.snapshot.content_hash,
        values=kind.values,
        count=PER_REQUEST,
        inputs=(),
        private=False,
        tier=TierName("default"),
        weight=dice.choice((1.0, 1.0, 3.0)),
        reply=f"channel:{number}",
        created_at=time.time_ns() // 1_000_000,
    )
    jobs = tuple(
        NewJob(job_id(request.id, index), index, number + index, kind.work, f"f{number}-{index}", 15.0)
        for index in range(PER_REQUEST)
    )
    return Draft(request, jobs, kind.snapshot, {kind.work.needs: kind.needs}, RULES)


async def fill(data: Path, url: str, jobs: int) -> None:
    """A paused bot's database with so many jobs waiting."""
    dice, choice = random.Random(11), await kinds(url)
    drafts = [draft(number, dice.choice(choice), dice) for number in range(jobs // PER_REQUEST)]
    async with open_store(data / "fairbrush.db", clock=lambda: time.time_ns() // 1_000_000) as store:
        await store.put(PAUSED, True)
        for start in range(0, len(drafts), 1000):
            await asyncio.gather(*(store.accept(one) for one in drafts[start : start + 1000]))


@dataclass(frozen=True)
class Start:
    seconds: float
    rss_mb: float
    waiting: int
    """Jobs that the bot says wait."""


async def start(folder: Path) -> Start:
    began = time.perf_counter()
    process = Process(folder, "bot", "run", "--config", "config.toml")
    try:
        assert await process.until_it_says("ready: "), process.complained
        taken = time.perf_counter() - began
        client = await ControlClient.connect(folder / "data")
        assert client is not None
        waiting = (await client.queue()).waiting
        return Start(taken, peak_mb_of(process.pid), waiting)
    finally:
        process.kill()
        await process.ended()


def peak_mb_of(pid: int) -> float:
    """Highest resident memory of another process so far, in MB; Linux tells it."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmHWM")


async def starts(url: str, jobs: int, *, embedded: bool) -> list[Start]:
    """Several starts on one database, one after the other."""
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
        folder = Path(name)
        server = {} if embedded else {"comfyui": [{"name": "engine", "url": url}]}
        (folder / "config.toml").write_text(tomlkit.dumps({"data_dir": "data", **server}), encoding="utf-8")
        await fill(folder / "data", url, jobs)
        found = [await start(folder) for _ in range(RUNS)]
        assert all(one.waiting == jobs for one in found), found
        return found


def figures(found: Sequence[Start]) -> dict[str, float]:
    """The slowest and the largest count."""
    return {
        "ready_s": round(max(start.seconds for start in found), 2),
        "rss_mb": round(max(start.rss_mb for start in found), 1),
    }


async def measure() -> None:
    results: dict[str, dict[str, float]] = {}
    with server_process("bot", "engine", "--port", "0") as url:
        for name, embedded in (("server_apart", False), ("engine_embedded", True)):
            results[name] = figures(await starts(url, JOBS, embedded=embedded))
            results[f"baseline_empty_{name}"] = figures(await starts(url, 0, embedded=embedded))
    full_ones = [results["server_apart"], results["engine_embedded"]]
    met = all(one["ready_s"] <= READY_SECONDS and one["rss_mb"] <= RSS_MB for one in full_ones)
    report(
        "restart",
        f"with {JOBS} queued jobs of {USERS} users ready <= {READY_SECONDS:g} s, RSS <= {RSS_MB:g} MB",
        met,
        starts=RUNS,
        **results,
    )


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("bench.restart needs Linux, which tells the memory of another process")
    asyncio.run(measure())


if __name__ == "__main__":
    main()
