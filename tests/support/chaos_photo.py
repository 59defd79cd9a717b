"""A database as a kill left it, and what must be in it: all that was said before, and all that was so.

Like :mod:`tests.support.chaos_check` it trusts nothing but tables and files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.chaos_crowd import Book

DATABASE = "fairbrush.db"
OVER = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class Photo:
    """A database as a kill left it."""

    requests: Mapping[str, tuple[str, int]]
    """By event: its id, and how many jobs it has."""
    states: Mapping[str, tuple[str, int, int | None]]
    """By job: state, place, and when it ended."""
    seeds: Mapping[str, str | None]
    ledger: tuple[tuple[Any, ...], ...]
    attempts: frozenset[str]
    virtual_time: float
    files: Mapping[str, frozenset[tuple[str, str, int]]]
    """By job that is done: path, sha256 and size of each file."""


NOTHING = Photo({}, {}, {}, (), frozenset(), 0.0, {})


def photograph(folder: Path) -> Photo:
    """Look at a copy: reading the file itself would tidy up what the next start has to cope with."""
    with tempfile.TemporaryDirectory(prefix="fairbrush-") as name:
        for suffix in ("", "-wal"):
            if (source := folder / f"{DATABASE}{suffix}").exists():
                shutil.copyfile(source, Path(name) / source.name)
        with closing(sqlite3.connect(Path(name) / DATABASE)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'jobs'").fetchone():
                return NOTHING  # killed before it had made its tables
            return photo_of(connection)


def photo_of(connection: sqlite3.Connection) -> Photo:
    """Of an open database."""
    jobs = connection.execute("SELECT id, state, place, ended_at, seed FROM jobs").fetchall()
    requests = connection.execute(
        "SELECT event, id, (SELECT count(*) FROM jobs WHERE request = requests.id) FROM requests"
    )
    meter = connection.execute("SELECT json FROM state WHERE key = 'virtual_time'").fetchone()
    files: dict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for job, *file in connection.execute(
        "SELECT j.id, f.path, f.sha256, f.size FROM jobs AS j JOIN results AS r ON r.job = j.place "
        "JOIN files AS f ON f.path = r.file WHERE j.state = 'done'"
    ):
        files[job].add(tuple(file))
    return Photo(
        requests={event: (request, count) for event, request, count in requests},
        states={job: (state, place, ended) for job, state, place, ended, _ in jobs},
        seeds={job: seed for job, *_, seed in jobs},
        ledger=tuple(connection.execute("SELECT * FROM ledger ORDER BY number")),
        attempts=frozenset(one for (one,) in connection.execute("SELECT prompt_id FROM attempts")),
        virtual_time=float(json.loads(meter[0])) if meter else 0.0,
        files={job: frozenset(found) for job, found in files.items()},
    )


def after_kill(before: Photo, now: Photo, book: Book, posted: Iterable[str], folder: Path) -> Iterator[str]:
    """What was said before a kill, and what was so after the last one, is so after this one."""
    for event, answer in book.answers.items():
        for number, request in enumerate(answer):
            row = now.requests.get(event if number == 0 else f"{event}#{number}")
            if row != (request.id, len(request.jobs)):
                yield f"accepted and lost: {event} was answered {request.id}, found {row}"
            for job in request.jobs:
                if now.seeds.get(job.id, "none") != (None if job.seed is None else str(job.seed)):
                    yield f"accepted and lost: {job.id} of {event}"
    for job in book.cancelled:
        if now.states[job][0] != "cancelled":
            yield f"cancelled and alive: {job} is {now.states[job][0]}"
    for job, (state, place, ended) in before.states.items():
        later = now.states.get(job)
        if later is None or later[1] != place or (state in OVER and later != (state, place, ended)):
            yield f"outcome changed: {job} was {(state, place, ended)}, is {later}"
    if now.ledger[: len(before.ledger)] != before.ledger:
        yield "ledger rewritten: older entries are not what they were"
    if not before.attempts <= now.attempts:
        yield f"attempts forgotten: {sorted(before.attempts - now.attempts)}"
    if unwritten := set(posted) - now.attempts:
        yield f"posted before it was written: {sorted(unwritten)}"
    if now.virtual_time < before.virtual_time:
        yield f"time went back: virtual time {now.virtual_time} after {before.virtual_time}"
    for job in now.files.keys() - before.files.keys():
        for path, sha256, size in now.files[job]:
            yield from file_faults(folder, path, sha256, size)


def file_faults(folder: Path, path: str, sha256: str, size: int) -> Iterator[str]:
    try:
        content = (folder / path).read_bytes()
    except OSError:
        yield f"file missing: {path}"
        return
    if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
        yield f"file damaged: {path}"
