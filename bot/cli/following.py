"""Following requests in the queue of a running bot: bars, files, results in the order of the requests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli.common import exit_code, message_of, put, put_json, say
from bot.cli.progress import Bar, Display, duration
from bot.cli.report import failed_json, painted_json
from bot.control import ControlClient
from bot.control.failures import Busy
from bot.domain.errors import FairbrushError, OutputError, RunLost
from bot.domain.ids import JobId
from bot.domain.text import Text
from bot.service.keep import Folder
from bot.service.operator import (
    JobCancelled,
    JobDone,
    JobEvent,
    JobFailed,
    JobRuns,
    JobWaits,
    SubmittedJob,
    SubmittedRequest,
)

BUSY_SECONDS = 0.5
"""Before a bot that is busy with other commands is asked again."""
_LABEL = 28
_PIECE = 1 << 20


@dataclass(slots=True)
class Tally:
    """What came of the requests of one command so far."""

    total: int = 0
    painted: int = 0
    failed: int = 0
    stopped: int = 0
    seconds: float = 0.0
    exit_code: int = 0
    """The highest of a failure."""
    missing: dict[JobId, SubmittedJob] = field(default_factory=dict)
    note: Callable[[str], None] = say
    _said: set[str] = field(default_factory=set)

    def add(self, requests: Sequence[SubmittedRequest]) -> None:
        jobs = [job for request in requests for job in request.jobs]
        self.total += len(jobs)
        self.missing |= {job.id: job for job in jobs}

    def explain(self, error: FairbrushError) -> None:
        """Say why, once for any number of pictures that failed alike."""
        self.exit_code = max(self.exit_code, exit_code(error))
        message = message_of(error)
        if message not in self._said:
            self._said.add(message)
            self.note(message)

    def summary(self) -> str:
        words = f"{self.painted} of {self.total} painted ({self.seconds:.1f} s of the server's time)"
        for count, what in ((self.failed, "failed"), (self.stopped, "stopped")):
            if count:
                words += f", {count} {what}"
        return f"{words}."


class InOrder:
    """Lets results out in the order in which they were asked for, whenever they come."""

    def __init__(self, jobs: Sequence[JobId]) -> None:
        self._next = deque(jobs)
        self._ready: dict[JobId, Callable[[], None]] = {}

    def put(self, job: JobId, write: Callable[[], None]) -> None:
        self._ready[job] = write
        while self._next and self._next[0] in self._ready:
            self._ready.pop(self._next.popleft())()


@dataclass(slots=True)
class Follower:
    """Shows what becomes of one request."""

    request: SubmittedRequest
    client: ControlClient
    folder: Folder
    tally: Tally
    shown: Display
    told: InOrder
    as_json: bool
    _bars: dict[JobId, Bar] = field(default_factory=dict)

    async def follow(self) -> None:
        jobs = {job.id: job for job in self.request.jobs}
        while True:
            try:
                async with aclosing(self.client.watch(self.request.id)) as events:
                    async for event in events:
                        await self._tell(jobs[event.job], event)
            except Busy:
                await asyncio.sleep(BUSY_SECONDS)
            else:
                return

    async def _tell(self, job: SubmittedJob, event: JobEvent) -> None:
        if job.id not in self._bars:
            self._bars[job.id] = self.shown.bar(_label(job, self.tally.total))
        bar, tally = self._bars[job.id], self.tally
        match event:
            case JobWaits(place=place, why=why):
                bar.at(None, _waiting(event), urgent=why is not None and not place)
            case JobRuns(fraction=fraction, title=title):
                bar.at(fraction, title)
            case JobDone(seconds=seconds):
                paths = [await self._copy(job, Path(file.path)) for file in event.files]
                bar.done(_painted(event))
                tally.painted += 1
                tally.seconds += seconds or 0.0
                self._over(job, lambda: self._report(job, event, paths))
            case JobFailed(code=code, text=text):
                bar.done("failed", ok=False)
                tally.failed += 1
                # A failure of the bot's or a server's: whatever its class there, it is exit code 1 here.
                tally.explain(RunLost(text))
                self._over(job, lambda: self._report_none(job, code, text))
            case JobCancelled():
                bar.stopped()
                tally.stopped += 1
                self._over(
                    job, lambda: self._report_none(job, "interrupted", Text("The picture was stopped."))
                )

    def _over(self, job: SubmittedJob, report: Callable[[], None]) -> None:
        self.tally.missing.pop(job.id, None)
        self.told.put(job.id, lambda: self.shown.result(report))

    def _report(self, job: SubmittedJob, event: JobDone, paths: Sequence[Path]) -> None:
        if not self.as_json:
            for line in (*map(str, paths), *event.texts):
                put(line)
            return
        files = [(path, file.kind) for path, file in zip(paths, event.files, strict=True)]
        put_json(painted_json(*self._what(job), files, event.texts, event.seconds, cached=event.cached))

    def _report_none(self, job: SubmittedJob, code: str, text: Text) -> None:
        if self.as_json:
            put_json(failed_json(*self._what(job), code, text))

    def _what(self, job: SubmittedJob) -> tuple[str, int | None, Mapping[str, object]]:
        return self.request.template, job.seed, job.values

    async def _copy(self, job: SubmittedJob, kept: Path) -> Path:
        """The bot keeps its own; retention takes that away some day."""
        template = self.request.template
        stem = template if job.seed is None else f"{template}-{job.seed}"
        return await self.folder.keep_content(lambda part: _copied(kept, part), stem, kept.suffix)


def _copied(kept: Path, part: Path) -> None:
    """Raises OutputError for the bot's end, OSError for ours."""
    try:
        source = kept.open("rb")
    except OSError as error:
        raise OutputError(
            Text(
                "{file}, which the bot painted, cannot be read: {reason}. Run the command where its files "
                "can be read, as the user who runs the bot.",
                file=kept,
                reason=error.strerror or error,
            ),
            cause=repr(error),
        ) from error
    with source, part.open("wb") as target:
        while piece := source.read(_PIECE):
            target.write(piece)


def _painted(event: JobDone) -> str:
    if event.cached:
        return "from an earlier request, free of charge"
    return "done" if event.seconds is None else f"done in {event.seconds:.1f} s"


def _waiting(event: JobWaits) -> str:
    if event.place == 0:
        return str(event.why) if event.why else "at the server"
    eta = f", about {duration(event.eta_seconds)}" if event.eta_seconds is not None else ""
    place = f"place {event.place}{eta}" if event.place else "waiting"
    return f"{place}: {event.why}" if event.why else place


def _label(job: SubmittedJob, total: int) -> str:
    line = " ".join(str(job.values.get("prompt_text") or "picture").split())
    short = line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
    return f"[{job.seed}] {short}" if total > 1 and job.seed is not None else short
