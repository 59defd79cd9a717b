"""What must hold for a service at any moment, and what must hold once its jobs are over."""

from __future__ import annotations

from collections import Counter

from bot.app.service import Service
from bot.domain.jobs import OPEN, JobState
from bot.service.records import EntryKind
from bot.store import SqliteStore
from tests.support.service import Bot

CLOSES = (EntryKind.SETTLE, EntryKind.RELEASE)


async def check_books(service: Service, store: SqliteStore) -> None:
    """Each job has one reserve; an open one no close, one that is over exactly one; what is done has its
    files, and no file is without a row."""
    entries = await store.ledger(limit=100_000)
    reserves = Counter(entry.job for entry in entries if entry.kind is EntryKind.RESERVE)
    closes = Counter(entry.job for entry in entries if entry.kind in CLOSES)
    assert set(reserves.values()) <= {1}
    assert set(closes) <= set(reserves)
    for name in reserves:
        assert name is not None
        job = await store.job(name)
        assert job is not None
        assert closes[name] == (0 if job.state in OPEN else 1), f"{name} is {job.state}"
        files, texts = await store.results(name)
        record = await store.request(job.request)
        is_kept = job.state is JobState.DONE and record is not None and record.gone is None
        assert bool(files or texts) == is_kept, f"{name} is {job.state}"
        if record is not None and record.gone is None:
            assert (job.state is JobState.FAILED) == bool(job.error_code and job.error_text), name
        for kept in files:
            assert service.usecases.gallery.path(kept.file).is_file()
    folder = service.usecases.gallery.folder
    found = {
        path.relative_to(folder).as_posix()
        for kind in ("pictures", "inputs")
        for path in (folder / kind).rglob("*")
        if path.is_file()
    }
    assert found == await store.known_files()


async def check_places(bot: Bot) -> None:
    """Once nothing is under way: each open job waits in line, and nothing else is remembered anywhere."""
    dispatcher = bot.service.dispatcher
    counts = await bot.store.counts()
    waiting = {job.id async for chunk in bot.store.waiting() for job in chunk}
    assert {item.job for item in dispatcher.queue.upcoming(100_000)} == waiting
    assert {job.id for job in dispatcher.known_jobs()} == waiting
    assert not dispatcher.queue.in_service
    assert all(not server.active and not server.keeping for server in dispatcher.servers.values())
    assert not counts.get(JobState.STAGED, 0)
    assert not counts.get(JobState.RUNNING, 0)
