"""The fair queue with 100,000 jobs of 10,000 users, in real time, beside one of 1,000 jobs."""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter
from typing import Any

from bench.support import report
from bot.domain.fairqueue import FairQueue, Waiting
from bot.domain.ids import JobId, ServerName, UserId

GPU = ServerName("gpu")
SERVERS = frozenset({GPU})
MODELS = ["flux", "sdxl", "qwen", "wan"]
CALLS = 5_000


def items(users: int) -> Iterator[Waiting]:
    for order in count():
        seconds = 3.0 + 7 * (order % 11)
        yield Waiting(
            JobId(f"job-{order}"), UserId(f"user {order % users}"), order, MODELS[order % 4], SERVERS, seconds
        )


def filled(jobs: int, users: int) -> tuple[FairQueue, Iterator[Waiting]]:
    queue, source = FairQueue(affinity_slack=30.0), items(users)
    for _ in range(jobs):
        queue.push(next(source), weight=1.0)
    return queue, source


def microseconds(call: Callable[[], Any], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        begun = perf_counter()
        call()
        taken.append((perf_counter() - begun) * 1e6)
    return sorted(taken)


def figures(taken: list[float]) -> dict[str, float]:
    return {
        "median_us": round(statistics.median(taken), 2),
        "p99_us": round(taken[int(len(taken) * 0.99)], 2),
    }


def measure(jobs: int, users: int) -> dict[str, Any]:
    """Steady state: for each job that goes, one comes."""
    queue, source = filled(jobs, users)
    gc.collect()
    pushes, pops, finishes = [], [], []
    loaded = None
    for _ in range(CALLS):
        coming = next(source)
        begun = perf_counter()
        queue.push(coming, weight=1.0)
        pushed = perf_counter()
        item = queue.pop(GPU, loaded=loaded)
        popped = perf_counter()
        assert item is not None
        queue.finish(item.job, item.estimate * 1.1)
        finished = perf_counter()
        loaded = item.model
        pushes.append((pushed - begun) * 1e6)
        pops.append((popped - pushed) * 1e6)
        finishes.append((finished - popped) * 1e6)
    last = [queue.waiting_of(UserId(f"user {user}"))[-1].job for user in range(0, users, max(1, users // 50))]
    asked = iter(last * 2)
    places = microseconds(lambda: queue.place(next(asked)), len(last))
    removals = iter([queue.waiting_of(UserId(f"user {user}"))[0].job for user in range(users)])
    removed = microseconds(lambda: queue.remove(next(removals)), users // 2)
    return {
        "push": figures(sorted(pushes)),
        "pop": figures(sorted(pops)),
        "finish": figures(sorted(finishes)),
        "remove": figures(removed),
        "place": figures(places),
    }


def main() -> None:
    small, large = measure(1_000, 100), measure(100_000, 10_000)
    growth = {
        name: round(large[name]["median_us"] / small[name]["median_us"], 2)
        for name in ("push", "pop", "finish", "remove")
    }
    tracemalloc.start()
    kept = filled(100_000, 10_000)
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    del kept
    met = (
        max(large["push"]["p99_us"], large["pop"]["p99_us"]) <= 50
        and max(growth["push"], growth["pop"]) <= 2
        and large["place"]["p99_us"] <= 10_000
        and megabytes < 100
    )
    report(
        "queue_scale",
        "100,000 jobs of 10,000 users: push and pop p99 <= 50 us, <= 2 x those with 1,000 jobs; "
        "place <= 10 ms; < 100 MB",
        met,
        jobs_1000=small,
        jobs_100000=large,
        growth_of_median=growth,
        megabytes=round(megabytes, 1),
    )


if __name__ == "__main__":
    main()
