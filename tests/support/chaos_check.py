"""What must hold of a data directory whatever was killed when: read from the file and the folders alone.

Nothing of the program is used, so that it cannot vouch for itself: tables by their names, legal moves and
sums written down here once more. Every complaint begins with a few words of its kind.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.service.operator import JobCancelled, JobDone, JobEvent, JobFailed
from tests.support.chaos_crowd import Book, Wish
from tests.support.chaos_photo import DATABASE, NOTHING, OVER, after_kill, file_faults, photo_of

MOVES: Mapping[str, frozenset[str]] = {
    "": frozenset({"queued", "done"}),
    "queued": frozenset({"staged", "failed", "cancelled"}),
    "staged": frozenset({"running", "queued"}) | OVER,
    "running": frozenset({"queued"}) | OVER,
    "done": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
_CLOSES = ("settle", "release")


@dataclass(frozen=True)
class Server:
    """What stood between the bot and a server saw and what that server remembers."""

    posted: tuple[str, ...]
    """Prompt ids, one for each POST that reached the server."""
    succeeded: tuple[str, ...] = ()
    """Prompt ids in its history; meaningful only if it has lived all the time."""
    left: tuple[str, ...] = ()
    """Prompt ids in its queue."""
    lived: bool = True


class Audit:
    """All that is wrong with a data directory in which every job should be over and nobody works."""

    def __init__(
        self, folder: Path, book: Book, server: Server | None = None, may_fail: Iterable[str] = ()
    ) -> None:
        """``may_fail``: the error codes with which jobs may end, for what was done to their servers."""
        self._folder = folder
        self._book = book
        self._server = server
        self._may_fail = frozenset(may_fail)

    def faults(self) -> list[str]:
        with closing(sqlite3.connect(f"{(self._folder / DATABASE).as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return list(self._book.quarrels) + [
                fault
                for check in (
                    self._file_is_sound,
                    self._said_is_so,
                    self._refused_is_not,
                    self._jobs,
                    self._histories,
                    self._cancels,
                    self._attempts,
                    self._ledger,
                    self._sums,
                    self._requests,
                    self._files,
                    self._pictures,
                    self._kept,
                    self._posts,
                )
                for fault in check(database)
            ]

    def _file_is_sound(self, db: sqlite3.Connection) -> Iterator[str]:
        for (verdict,) in db.execute("PRAGMA integrity_check"):
            if verdict != "ok":
                yield f"database damaged: {verdict}"
        for row in db.execute("PRAGMA foreign_key_check"):
            yield f"database damaged: {row[0]} row {row[1]} refers to nothing in {row[2]}"

    # What people were told

    def _said_is_so(self, db: sqlite3.Connection) -> Iterator[str]:
        with closing(sqlite3.connect(self._folder / DATABASE)) as plain:
            photo = photo_of(plain)
        yield from after_kill(NOTHING, photo, self._book, (), self._folder)
        owners = dict(
            db.execute(
                "SELECT r.event, i.identity FROM requests AS r JOIN identities AS i ON i.key = r.identity"
            )
        )
        for event in photo.requests:
            wish = self._book.wishes.get(event.partition("#")[0])
            if wish is None:
                yield f"never asked for: {event}"
            elif owners[event] != f"shell:{wish.user}":
                yield f"somebody else's: {event} belongs to {owners[event]}"
        for job, event in self._book.ends.items():
            if photo.states.get(job, ("lost",))[0] != _state_of(event):
                yield f"ended otherwise: {job} was told {_state_of(event)}, is {photo.states.get(job)}"
            if isinstance(event, JobDone):
                # Only the end of each path counts: the folder may be a copy of the one that was told of.
                told = {"/".join(Path(file.path).parts[-3:]) for file in event.files}
                if told != {path for path, *_ in photo.files.get(job, ())}:
                    yield f"ended otherwise: {job} was told {sorted(told)}"

    def _refused_is_not(self, db: sqlite3.Connection) -> Iterator[str]:
        written = {event for (event,) in db.execute("SELECT event FROM requests")}
        for event in self._book.refusals:
            # The first of a range of seeds may have been accepted before the second was refused.
            if self._book.wishes[event].requests == 1 and event in written:
                yield f"refused and accepted: {event} ({self._book.refusals[event]})"

    # Jobs

    def _jobs(self, db: sqlite3.Connection) -> Iterator[str]:
        for job in db.execute("SELECT * FROM jobs"):
            if job["state"] not in OVER:
                yield f"no outcome: {job['id']} is {job['state']}"
            if job["state"] == "failed" and job["error_code"] not in self._may_fail:
                yield f"failed: {job['id']} with {job['error_code']} ({job['error_text']})"
            if job["state"] == "failed" and not job["error_text"]:
                yield f"failed: {job['id']} without a reason"
        counted = Counter(state for (state,) in db.execute("SELECT state FROM jobs"))
        for state, count in db.execute("SELECT state, jobs FROM job_counts"):
            if counted[state] != count:
                yield f"miscounted: {count} jobs {state}, there are {counted[state]}"

    def _histories(self, db: sqlite3.Connection) -> Iterator[str]:
        histories: dict[str, list[str]] = defaultdict(list)
        for job, state in db.execute(
            "SELECT j.id, s.state FROM job_states AS s JOIN jobs AS j ON j.place = s.job ORDER BY s.number"
        ):
            histories[job].append(state)
        for job, state in db.execute("SELECT id, state FROM jobs"):
            history = histories[job]
            for old, new in zip(["", *history], history, strict=False):
                if new not in MOVES[old]:
                    yield f"illegal move: {job} from {old or 'nothing'} to {new}"
            if not history or history[-1] != state or sum(each in OVER for each in history) != 1:
                yield f"no single outcome: {job} is {state} after {history}"

    def _cancels(self, db: sqlite3.Connection) -> Iterator[str]:
        for (job,) in db.execute("SELECT id FROM jobs WHERE state = 'cancelled'"):
            if job not in self._book.unwanted:
                yield f"cancelled by nobody: {job}"

    def _attempts(self, db: sqlite3.Connection) -> Iterator[str]:
        states: dict[str, Counter[str]] = defaultdict(Counter)
        for job, state in db.execute(
            "SELECT j.id, a.state FROM attempts AS a JOIN jobs AS j ON j.place = a.job"
        ):
            states[job][state] += 1
        for job in db.execute("SELECT id, state, attempts, attempt, changed_why FROM jobs"):
            found = states[job["id"]]
            if found.total() != job["attempts"]:
                yield f"attempts miscounted: {job['id']} counts {job['attempts']}, has {dict(found)}"
            if found["open"] or (job["state"] in OVER and job["attempt"] is not None):
                yield f"attempt left open: {job['id']}, which is {job['state']}"
            if job["state"] == "done" and found.total() and found["ended"] != 1:
                yield f"done more than once: {job['id']} by {dict(found)}"

    # The ledger

    def _ledger(self, db: sqlite3.Connection) -> Iterator[str]:
        entries: dict[int, list[sqlite3.Row]] = defaultdict(list)
        for entry in db.execute("SELECT * FROM ledger WHERE job IS NOT NULL AND kind <> 'carry'"):
            entries[entry["job"]].append(entry)
        for job in db.execute("SELECT * FROM jobs"):
            found = entries[job["place"]]
            reserves = [entry for entry in found if entry["kind"] == "reserve"]
            closes = [entry for entry in found if entry["kind"] in _CLOSES]
            wanted = 0 if job["state"] == "done" and not job["attempts"] else 1
            if len(reserves) != wanted:
                yield f"reserved {len(reserves)} times: {job['id']}"
            if len(closes) != wanted:
                yield f"closed {len(closes)} times: {job['id']}, which is {job['state']}"
            if len(reserves) == len(closes) == 1:
                yield from _close_faults(job, reserves[0], closes[0])

    def _sums(self, db: sqlite3.Connection) -> Iterator[str]:
        sums: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        reserved: dict[int, int] = {}
        for entry in db.execute("SELECT * FROM ledger ORDER BY number"):
            into, kind = sums[entry["identity"], entry["quota_day"]], entry["kind"]
            if kind == "reserve":
                reserved[entry["job"]] = entry["us"]
                into.update(reserved=entry["us"], jobs=1)
            elif kind in _CLOSES:
                into.update({"reserved": -reserved.get(entry["job"], 0)})
                into.update({"settled": entry["us"]} if kind == "settle" else {"jobs": -1})
            else:
                into.update({f"{kind}ed" if kind == "grant" else "carried": entry["us"]})
        days = {(row["identity"], row["quota_day"]): row for row in db.execute("SELECT * FROM usage_days")}
        for key in days.keys() | sums.keys():
            names = ("settled", "reserved", "granted", "carried")
            row = days.get(key)
            written = (
                {} if row is None else {**{name: row[f"{name}_us"] for name in names}, "jobs": row["jobs"]}
            )
            if written != {name: sums[key][name] for name in (*names, "jobs")}:
                yield f"sums differ: {key} has {written}, the ledger says {dict(sums[key])}"
            if sums[key]["reserved"]:
                yield f"reserve left: {key} holds {sums[key]['reserved']} us"

    # Requests and deliveries

    def _requests(self, db: sqlite3.Connection) -> Iterator[str]:
        for row in db.execute(
            "SELECT r.id, r.ended_at, r.reply, d.state, d.due_at, "
            "(SELECT count(*) FROM jobs WHERE request = r.id) AS jobs, r.count "
            "FROM requests AS r LEFT JOIN deliveries AS d ON d.request = r.id"
        ):
            if row["jobs"] != row["count"]:
                yield f"request incomplete: {row['id']} has {row['jobs']} jobs of {row['count']}"
            if row["ended_at"] is None:
                yield f"request open: {row['id']}"
            if row["state"] not in ("kept", "sent", "unknown") or row["due_at"] is None:
                yield f"delivery {row['state']}: {row['id']}"

    # Files

    def _files(self, db: sqlite3.Connection) -> Iterator[str]:
        rows = {row["path"]: row for row in db.execute("SELECT * FROM files")}
        for kind in ("pictures", "inputs"):
            for path in (self._folder / kind).rglob("*"):
                if path.is_file() and path.relative_to(self._folder).as_posix() not in rows:
                    yield f"orphan: {path.relative_to(self._folder).as_posix()}"
        for path, row in rows.items():
            yield from file_faults(self._folder, path, row["sha256"], row["size"])
        for (path,) in db.execute(
            "SELECT path FROM files WHERE path LIKE 'pictures/%' AND path NOT IN (SELECT file FROM results)"
        ):
            yield f"picture of nobody: {path}"

    def _pictures(self, db: sqlite3.Connection) -> Iterator[str]:
        """A picture holds the graph that painted it: words, seed and size must be what was asked for."""
        results: dict[str, list[str]] = defaultdict(list)
        for job, path in db.execute(
            "SELECT j.id, r.file FROM jobs AS j JOIN results AS r ON r.job = j.place"
        ):
            results[job].append(path)
        for job in db.execute(
            "SELECT j.id, j.state, j.seed, r.event FROM jobs AS j JOIN requests AS r ON r.id = j.request"
        ):
            paths = results[job["id"]]
            if (len(paths) == 1) != (job["state"] == "done"):
                yield f"results: {job['id']} is {job['state']} and has {len(paths)} files"
            wish = self._book.wishes.get(job["event"].partition("#")[0])
            for path in paths:
                if wish is not None and (self._folder / path).exists():
                    yield from _picture_faults(self._folder / path, job["id"], job["seed"], wish)
        for row in db.execute(
            "SELECT r.event, f.sha256 FROM requests AS r JOIN request_inputs AS n ON n.request = r.id "
            "JOIN files AS f ON f.path = n.file"
        ):
            wish = self._book.wishes.get(row["event"])
            if wish is None or hashlib.sha256(wish.image or b"").hexdigest() != row["sha256"]:
                yield f"another's input: {row['event']}"

    def _kept(self, db: sqlite3.Connection) -> Iterator[str]:
        """Who was answered with an earlier picture got one that he may see, of the same graph."""
        for row in db.execute(
            "SELECT j.id, j.place, j.fingerprint, i.user, s.reason FROM jobs AS j "
            "JOIN identities AS i ON i.key = j.identity JOIN job_states AS s ON s.job = j.place "
            "WHERE j.state = 'done' AND j.attempts = 0"
        ):
            source = db.execute(
                "SELECT j.place, j.fingerprint, i.user, r.private FROM jobs AS j "
                "JOIN identities AS i ON i.key = j.identity JOIN requests AS r ON r.id = j.request "
                "WHERE j.id = ? AND j.state = 'done'",
                (row["reason"].removeprefix("kept from "),),
            ).fetchone()
            if source is None or source["fingerprint"] != row["fingerprint"]:
                yield f"kept from nothing: {row['id']} ({row['reason']})"
            elif source["private"] and source["user"] != row["user"]:
                yield f"private: {row['id']} shows a picture of {source['user']}"
        for row in db.execute("SELECT event, private FROM requests"):
            wish = self._book.wishes.get(row["event"])
            if wish is not None and wish.private != bool(row["private"]):
                yield f"private: {row['event']} is written as {row['private']}"

    # The server's side

    def _posts(self, db: sqlite3.Connection) -> Iterator[str]:
        if self._server is None:
            return
        jobs = dict(
            db.execute("SELECT a.prompt_id, j.id FROM attempts AS a JOIN jobs AS j ON j.place = a.job")
        )
        for prompt_id, times in Counter(self._server.posted).items():
            if times > 1:
                yield f"posted {times} times: {prompt_id}"
            if prompt_id not in jobs:
                yield f"posted before it was written: {prompt_id}"
        for prompt_id in self._server.left:
            yield f"left at the server: {prompt_id} of {jobs.get(prompt_id)}"
        if not self._server.lived:
            return
        painted = Counter(jobs.get(prompt_id, prompt_id) for prompt_id in self._server.succeeded)
        for job, times in painted.items():
            if times > 1:
                yield f"painted {times} times: {job}"


def _state_of(event: JobEvent) -> str:
    return {JobDone: "done", JobFailed: "failed", JobCancelled: "cancelled"}[type(event)]


def _close_faults(job: sqlite3.Row, reserve: sqlite3.Row, close: sqlite3.Row) -> Iterator[str]:
    if (reserve["identity"], reserve["quota_day"]) != (close["identity"], close["quota_day"]):
        yield f"closed elsewhere: {job['id']}"
    if reserve["us"] != job["reserved_us"] or reserve["number"] > close["number"]:
        yield f"reserved otherwise: {job['id']}"
    match job["state"], close["kind"]:
        case (("done" | "cancelled"), "settle"):
            if close["us"] != job["measured_us"]:
                yield f"charged otherwise: {job['id']} {close['us']} us, measured {job['measured_us']}"
        case (("failed" | "cancelled"), "release"):
            if close["us"] != reserve["us"] or job["measured_us"] is not None:
                yield f"charged otherwise: {job['id']} released {close['us']} of {reserve['us']} us"
        case state, kind:
            yield f"charged otherwise: {job['id']} is {state} and its charge was closed by a {kind}"


def _picture_faults(path: Path, job: str, seed: str | None, wish: Wish) -> Iterator[str]:
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            size, graph = picture.size, json.loads(getattr(picture, "text", {}).get("prompt", "{}"))
    except (OSError, ValueError):
        yield f"file damaged: {path.name} of {job} is no picture"
        return
    inputs = [(name, value) for node in graph.values() for name, value in node["inputs"].items()]
    if size != wish.size:
        yield f"another's picture: {job} has {size}, asked for {wish.size}"
    if wish.words and not any(value == wish.words for _, value in inputs):
        yield f"another's picture: {job} was not painted from “{wish.words}”"
    if seed is not None and ("seed", int(seed)) not in inputs:
        yield f"another's picture: {job} was not painted with seed {seed}"
