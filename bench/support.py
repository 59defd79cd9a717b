"""What the benchmarks share: an engine in a process of its own, figures, peak memory."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def server_process(*arguments: str) -> Iterator[str]:
    """Start ``python -m …``, which prints its address as its first line; that address."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=15)


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median_ms": round(statistics.median(ordered) * 1000, 2),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)] * 1000, 2),
        "n": len(ordered),
    }


def peak_mb() -> float:
    """Highest resident memory of this process so far, in MB (Linux counts it in kB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2


def report(name: str, goal: str, met: bool, **figures: Any) -> None:
    print(json.dumps({"bench": name, "goal": goal, "met": met, **figures}))
