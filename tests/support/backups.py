"""Data directories that are worth a backup."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from bot.domain.ids import JobId, RequestId
from bot.domain.outputs import MediaKind
from bot.service.records import Completion, ResultFile, StoredFile
from tests.store_support import NOON, Desk, opened

QUIET = (
    "SELECT count(*) FROM ledger",
    "SELECT sum(us) FROM ledger",
    "SELECT sum(settled_us) FROM usage_days",
)


@dataclass(frozen=True)
class Kept:
    request: RequestId
    file: StoredFile


def picture(folder: Path, content: bytes) -> StoredFile:
    """A file as the gallery would keep it."""
    digest = hashlib.sha256(content).hexdigest()
    path = f"pictures/{digest[:2]}/{digest[:32]}-{digest[-12:]}.png"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content)
    return StoredFile(digest, path, "image/png", len(content))


async def paint(desk: Desk, folder: Path, content: bytes, *, who: str = "discord:1", at: int = NOON) -> Kept:
    """A request that is over, with one picture."""
    accepted = await desk.accept(who, at=at)
    file = picture(folder, content)
    prompt = await desk.run(JobId(accepted.jobs[0].id), at=at)
    completion = Completion((ResultFile(file, MediaKind.IMAGE, "9", 8, 8),), (), 8.0, 0.0)
    assert await desk.store.complete(prompt, completion, at) is not None
    return Kept(accepted.request.id, file)


async def filled(folder: Path, *contents: bytes) -> list[Kept]:
    """A data directory of a bot that was stopped in good order, with one job that waits."""
    folder.mkdir(parents=True, exist_ok=True)
    async with opened(folder) as desk:
        kept = [await paint(desk, folder, content) for content in contents]
        await desk.accept("discord:2")
        return kept


@asynccontextmanager
async def reopened(folder: Path) -> AsyncIterator[Desk]:
    """Later: what it accepts is new."""
    async with opened(folder) as desk:
        desk.numbers = itertools.count(1000)
        yield desk


def state(folder: Path) -> dict[str, object]:
    """What has to be the same after a restore: every table but the log of operators, and every file."""
    with closing(sqlite3.connect(f"file:{folder / 'fairbrush.db'}?mode=ro", uri=True)) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if name != "audit"
        ]
        rows: dict[str, object] = {
            name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in sorted(tables)
        }
        paths = [path for (path,) in connection.execute("SELECT path FROM files")]
    return rows | {path: (folder / path).read_bytes() for path in paths}


def sums(path: Path) -> Sequence[object]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [connection.execute(sql).fetchone()[0] for sql in QUIET]
