"""Kills of the real bot at random moments while 20 users ask it for pictures: what is lost, charged twice, or
left over afterwards. The goal is nothing.

``--kills`` counts for each of three settings: the embedded engine, which dies with the bot; one in a process
of its own, which outlives it; and two of their own, which are killed now and then, too. Which moments are
hit, and what is wished for, follows from ``--seed``. There is no baseline: tests show that the check sees
damage.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from bench.support import report
from tests.support.chaos import Plan, chaos, summary

ENGINES = {"embedded": (0, False), "apart": (1, False), "mortal": (2, True)}
"""How many engines are processes of their own, and whether they are killed, too."""


def run(engine: str, seed: int, kills: int) -> bool:
    """The folder stays where something is wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"fairbrush-chaos-{engine}-"))
    print(f"{engine}: seed {seed}, {kills} kills, in {folder}", file=sys.stderr, flush=True)
    engines, engine_dies = ENGINES[engine]
    story = asyncio.run(chaos(Plan(seed, kills, engines, engine_dies=engine_dies), folder))
    report(
        "chaos",
        "after every kill nothing is lost, charged twice or left over",
        not story.faults,
        engine=engine,
        seed=seed,
        **summary([story]),
    )
    if not story.faults:
        shutil.rmtree(folder, ignore_errors=True)
    return not story.faults


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--engine", choices=ENGINES, action="append")
    chosen = parser.parse_args()
    met = [run(engine, chosen.seed, chosen.kills) for engine in chosen.engine or ENGINES]
    sys.exit(not all(met))


if __name__ == "__main__":
    main()
