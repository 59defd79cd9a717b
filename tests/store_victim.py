"""A process that accepts requests as fast as it can and says so, until it is killed.

``python -m tests.store_victim FOLDER ROUND``: prints the id of each request when its acceptance has returned.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from bot.domain.ids import RequestId
from bot.domain.jobs import job_id
from bot.service.records import Draft
from tests.store_support import RULES, Desk, opened

ENDLESS = replace(RULES, user_waiting=10**9, all_waiting=10**9)


def renamed(draft: Draft, name: RequestId) -> Draft:
    """Ids that no other round has drawn."""
    jobs = tuple(replace(job, id=job_id(name, job.index)) for job in draft.jobs)
    return replace(draft, request=replace(draft.request, id=name, event=f"event:{name}"), jobs=jobs)


async def one_user(desk: Desk, prefix: str) -> None:
    for count in range(10**9):
        draft = desk.draft(prefix, jobs=1 + count % 3, rules=ENDLESS)
        accepted = await desk.store.accept(renamed(draft, RequestId(f"{prefix}x{count}")))
        sys.stdout.write(f"{accepted.request.id}\n")
        sys.stdout.flush()


async def main(folder: Path, round_number: str) -> None:
    async with opened(folder) as desk, asyncio.TaskGroup() as tasks:
        for user in range(10):
            tasks.create_task(one_user(desk, f"r{round_number}u{user}"))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
