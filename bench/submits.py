"""How long a submit takes until its row survives a kill: 2,000 requests of 1 to 4 jobs in 5 seconds.

They come at their times, whatever the store does (so a slow one cannot slow them down); measured is from then
to the answer. The baseline is the same on the same disk with one transaction and one commit a submit. A
burst, all of them in one moment, tells more where the disk is quick to commit.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.support import report
from bot.domain.ids import IdentityId, RequestId, TemplateName, TierName, UserId
from bot.domain.jobs import job_id
from bot.domain.quota import Allowance, Window
from bot.domain.work import Work
from bot.service.records import Draft, NewJob, RequestRecord, Rules, Snapshot
from bot.store import acceptance, open_store

SUBMITS = 2000
SECONDS = 5.0
USERS = 300
RULES = Rules(Allowance(1e6, 100_000), Window.DAY, "Europe/Berlin", user_waiting=10_000, all_waiting=100_000)
WORK = Work(TemplateName("text-to-image"), "sd_xl_base_1.0.safetensors", 1024 * 1024, 30, "needs", 12.0)
SNAPSHOT = Snapshot("hash", TemplateName("text-to-image"), b"{}" * 2000, b"title = 'x'")
START = 1_795_003_200_000


def drafts() -> list[Draft]:
    dice = random.Random(7)
    return [_draft(number, dice) for number in range(SUBMITS)]


def _draft(number: int, dice: random.Random) -> Draft:
    who = f"discord:{dice.randrange(USERS)}"
    request = RequestRecord(
        id=RequestId(f"r{number:09d}"),
        identity=IdentityId(who),
        user=UserId(who),
        event=f"discord:{number}",
        platform="discord",
        template=SNAPSHOT.name,
        template_hash=SNAPSHOT.content_hash,
        values={"prompt_text": "a lighthouse at dusk, " * 10, "steps": 30, "seed": number},
        count=dice.randint(1, 4),
        inputs=(),
        private=False,
        tier=TierName("default"),
        weight=1.0,
        reply=f"channel:{number}",
        created_at=START + number,
    )
    jobs = tuple(
        NewJob(job_id(request.id, index), index, number + index, WORK, f"f{number}-{index}", 15.0)
        for index in range(request.count)
    )
    return Draft(request, jobs, SNAPSHOT, {WORK.needs: "{}"}, RULES)


async def submit_all(accept: Callable[[Draft], Awaitable[object]], seconds: float) -> list[float]:
    """Seconds from each submit's time to its answer."""
    taken: list[float] = []
    start = time.perf_counter()

    async def submit(number: int, draft: Draft) -> None:
        due = start + number * seconds / SUBMITS
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await accept(draft)
        taken.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as tasks:
        for number, draft in enumerate(drafts()):
            tasks.create_task(submit(number, draft))
    return taken


async def grouped(path: Path, seconds: float) -> list[float]:
    async with open_store(path, clock=lambda: START) as store:
        taken = await submit_all(store.accept, seconds)
    _all_there(path)
    return taken


async def one_by_one(path: Path, seconds: float) -> list[float]:
    async with open_store(path, clock=lambda: START):
        pass  # the schema
    lock = asyncio.Lock()

    def commit(draft: Draft) -> None:
        connection.execute("BEGIN IMMEDIATE")
        acceptance.accept(connection, draft)
        connection.execute("COMMIT")

    async def accept(draft: Draft) -> None:
        async with lock:
            await asyncio.to_thread(commit, draft)

    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = FULL")
    try:
        taken = await submit_all(accept, seconds)
    finally:
        connection.close()
    _all_there(path)
    return taken


def _all_there(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM requests").fetchone() == (SUBMITS,)
    connection.close()


def figures(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "median_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 1),
        "worst_ms": round(ordered[-1] * 1000, 1),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = figures(asyncio.run(grouped(folder / "grouped.db", SECONDS)))
        theirs = figures(asyncio.run(one_by_one(folder / "single.db", SECONDS)))
        our_burst = figures(asyncio.run(grouped(folder / "grouped-burst.db", 0.0)))
        their_burst = figures(asyncio.run(one_by_one(folder / "single-burst.db", 0.0)))
    report(
        "submits",
        "2,000 in 5 s, p99 <= 200 ms to a row that survives kill -9",
        ours["p99_ms"] <= 200,
        submits=SUBMITS,
        seconds=SECONDS,
        group_commit=ours,
        baseline_commit_each=theirs,
        burst_group_commit=our_burst,
        burst_baseline_commit_each=their_burst,
    )


if __name__ == "__main__":
    main()
