"""What the tests of the store share: drafts of requests, jobs on their way, a look at the rows."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.domain.ids import IdentityId, JobId, PromptId, RequestId, ServerName, TemplateName, TierName, UserId
from bot.domain.jobs import AttemptState, job_id
from bot.domain.outputs import MediaKind
from bot.domain.quota import Allowance, Window
from bot.domain.work import Work
from bot.service.records import (
    Accepted,
    AttemptRecord,
    Completion,
    Draft,
    NewJob,
    RequestRecord,
    ResultFile,
    Rules,
    Snapshot,
    StoredFile,
)
from bot.store import SqliteStore, open_store

NOON = 1_795_003_200_000
"""2026-11-18 12:00 UTC."""
HOUR = 3_600_000
DAY = 24 * HOUR

RULES = Rules(Allowance(), Window.DAY, "UTC", user_waiting=1000, all_waiting=1_000_000)
WORK = Work(TemplateName("text-to-image"), "sd15", 512 * 512, 20, "needs-1", 3.5)
SNAPSHOT = Snapshot("snap-1", TemplateName("text-to-image"), b'{"1": {}}', b'title = "Text to image"')


@dataclass
class Clock:
    now: int = NOON

    def __call__(self) -> int:
        return self.now


@dataclass
class Desk:
    """Drafts with fresh ids, and the usual ways of a job."""

    store: SqliteStore
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def draft(
        self,
        who: str = "discord:1",
        *,
        jobs: int = 1,
        seconds: float = 10.0,
        at: int = NOON,
        rules: Rules = RULES,
        kept_from: JobId | None = None,
        fingerprint: str = "",
        **changes: Any,
    ) -> Draft:
        number = next(self.numbers)
        request_id = RequestId(f"request{number:05d}")
        identity = IdentityId(who)
        request = RequestRecord(
            id=request_id,
            identity=identity,
            user=UserId(who),
            event=f"test:{number}",
            platform="test",
            template=SNAPSHOT.name,
            template_hash=SNAPSHOT.content_hash,
            values={"prompt_text": f"a lighthouse, number {number}"},
            count=jobs,
            inputs=(),
            private=False,
            tier=TierName("default"),
            weight=1.0,
            reply=f"message:{number}",
            created_at=at,
        )
        new = tuple(
            NewJob(
                job_id(request_id, index),
                index,
                2**64 - 1 - index,
                WORK,
                fingerprint or f"fingerprint-{number}-{index}",
                0.0 if kept_from else seconds,
                kept_from,
            )
            for index in range(jobs)
        )
        return Draft(replace(request, **changes), new, SNAPSHOT, {WORK.needs: '{"nodes":[]}'}, rules)

    async def accept(self, who: str = "discord:1", **changes: Any) -> Accepted:
        return await self.store.accept(self.draft(who, **changes))

    async def one(self, who: str = "discord:1", **changes: Any) -> JobId:
        """An accepted request of one job."""
        return (await self.accept(who, **changes)).jobs[0].id

    async def stage(self, job: JobId, *, at: int = NOON, server: str = "local") -> PromptId:
        prompt = PromptId(f"prompt-{next(self.numbers)}")
        record = AttemptRecord(prompt, job, ServerName(server), "client", AttemptState.OPEN, at)
        assert await self.store.stage(record)
        return prompt

    async def run(self, job: JobId, *, at: int = NOON) -> PromptId:
        prompt = await self.stage(job, at=at)
        assert await self.store.start(prompt, at)
        return prompt

    async def finish(self, job: JobId, *, seconds: float = 8.0, at: int = NOON, name: str = "") -> None:
        closed = await self.store.complete(await self.run(job, at=at), completion(name or job, seconds), at)
        assert closed is not None


def file(name: str) -> StoredFile:
    return StoredFile(f"sha-{name}", f"files/{name}.png", "image/png", 1234)


def completion(name: str, seconds: float = 8.0, *, swap: float = 0.0) -> Completion:
    result = ResultFile(file(name), MediaKind.IMAGE, "9", 512, 512)
    return Completion((result,), (f"text of {name}",), seconds, swap)


@asynccontextmanager
async def opened(folder: Path, **options: Any) -> AsyncIterator[Desk]:
    async with open_store(folder / "fairbrush.db", clock=Clock(), **options) as store:
        yield Desk(store)


def rows(path: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """A look at the file behind the store's back."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, parameters).fetchall()


def link(path: Path, identity: str, user: str) -> None:
    """Give an identity to a user, as linking will."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE identities SET user = ? WHERE identity = ?", (user, identity))


Totals = Mapping[tuple[int, str], tuple[int, ...]]
"""By identity and quota day: settled, reserved, granted, carried (in microseconds), jobs."""


def ledger_totals(connection: sqlite3.Connection) -> Totals:
    """``usage_days`` as it must be, from the ledger alone."""
    reserves: dict[int, int] = {}
    totals: dict[tuple[int, str], list[int]] = {}
    for identity, kind, us, day, job in connection.execute(
        "SELECT identity, kind, us, quota_day, job FROM ledger ORDER BY number"
    ):
        sums = totals.setdefault((identity, day), [0, 0, 0, 0, 0])
        if kind == "reserve":
            reserves[job] = us
            sums[1] += us
            sums[4] += 1
        elif kind in ("settle", "release"):
            sums[1] -= reserves.pop(job)
            sums[0] += us if kind == "settle" else 0
            sums[4] -= kind == "release"
        else:
            sums[2 if kind == "grant" else 3] += us
    return {key: tuple(sums) for key, sums in totals.items()}


def usage_totals(connection: sqlite3.Connection) -> Totals:
    """``usage_days`` as it is."""
    sql = "SELECT identity, quota_day, settled_us, reserved_us, granted_us, carried_us, jobs FROM usage_days"
    return {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(sql)}


def assert_balanced(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert usage_totals(connection) == ledger_totals(connection)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
