"""``fairbrush imagine`` beside a running bot: the pictures take their turn in its queue, like everybody's."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.cli.common import INTERRUPTED, ResultsLost, exit_code, message_of, put, put_json, say
from bot.cli.interruption import Interruption
from bot.cli.progress import Bar, Display, display
from bot.cli.reach import shell_actor
from bot.cli.report import failed_json, painted_json
from bot.control import ControlClient
from bot.domain.errors import FairbrushError, RunLost
from bot.domain.ids import IdentityId, JobId
from bot.domain.text import Text
from bot.presentation.flags import Ask, format_flags
from bot.service.images import InputImage
from bot.service.imagine import named_files
from bot.service.keep import Folder
from bot.service.operator import (
    JobCancelled,
    JobDone,
    JobEvent,
    JobFailed,
    JobRuns,
    JobWaits,
    ShellAsk,
    SubmittedJob,
    SubmittedRequest,
)

_LABEL = 28


@dataclass(slots=True)
class _Done:
    """What came of it all."""

    painted: int = 0
    failed: int = 0
    stopped: int = 0
    worst: int = 0
    """The highest exit code of a failure."""
    seconds: float = 0.0


@dataclass(slots=True)
class ThroughBot:
    """Requests of one command, in the queue of a bot."""

    client: ControlClient
    folder: Folder
    as_json: bool
    done: _Done = field(default_factory=_Done)
    stopping: bool = False
    _requests: list[SubmittedRequest] = field(default_factory=list)
    _said: set[str] = field(default_factory=set)

    async def submit(self, asks: Sequence[Ask], images: Mapping[str, InputImage]) -> None:
        """Hand everything in. What cannot be accepted takes back what was: all or nothing."""
        actor = shell_actor()
        try:
            for ask in asks:
                files = {name: images[name].content for name in named_files(ask)}
                shell_ask = ShellAsk(
                    format_flags(ask), IdentityId(actor), actor.partition(":")[2], uuid.uuid4().hex, files
                )
                self._requests += await self.client.submit(shell_ask)
        except FairbrushError:
            await self._cancel()
            raise
        for note in dict.fromkeys(note for request in self._requests for note in request.notes):
            say(note)

    @property
    def total(self) -> int:
        return sum(len(request.jobs) for request in self._requests)

    async def stop(self, shown: Display) -> None:
        self.stopping = True
        shown.note("Stopping: taking the pictures out of the bot's queue.")
        await self._cancel()

    async def watch(self, shown: Display) -> None:
        """Follow every picture to its end. Raises BotGone, ResultsLost and OutputError."""
        async with asyncio.TaskGroup() as tasks:
            for request in self._requests:
                tasks.create_task(self._follow(request, shown), name=f"watching {request.id}")

    def summary(self) -> str:
        done = self.done
        words = f"{done.painted} of {self.total} painted ({done.seconds:.1f} s of the server's time)"
        for count, what in ((done.failed, "failed"), (done.stopped, "stopped")):
            if count:
                words += f", {count} {what}"
        return f"{words}."

    async def _cancel(self) -> None:
        for request in self._requests:
            # Best effort: a bot that is gone has stopped more than we ask for.
            with suppress(FairbrushError):
                await self.client.cancel(request.id, shell_actor())

    async def _follow(self, request: SubmittedRequest, shown: Display) -> None:
        jobs = {job.id: job for job in request.jobs}
        bars: dict[JobId, Bar] = {}
        async with aclosing(self.client.watch(request.id)) as events:
            async for event in events:
                job = jobs[event.job]
                if job.id not in bars:
                    bars[job.id] = shown.bar(_label(job, self.total))
                await self._tell(request, job, event, bars[job.id], shown)

    async def _tell(
        self, request: SubmittedRequest, job: SubmittedJob, event: JobEvent, bar: Bar, shown: Display
    ) -> None:
        match event:
            case JobWaits():
                bar.at(None, _waiting(event))
            case JobRuns(fraction=fraction, title=title):
                bar.at(fraction, title)
            case JobDone():
                paths = [await self._copy(request, job, Path(file.path)) for file in event.files]
                bar.done("from an earlier request, free of charge" if event.cached else "done")
                self.done.painted += 1
                self.done.seconds += event.seconds or 0.0
                shown.result(lambda: self._report(request, job, event, paths))
            case JobFailed():
                bar.done("failed", ok=False)
                self.done.failed += 1
                # A failure of the bot's or a server's: whatever its class there, it is exit code 1 here.
                error = RunLost(event.text)
                self.done.worst = max(self.done.worst, exit_code(error))
                if (said := message_of(error)) not in self._said:
                    self._said.add(said)
                    shown.note(said)
                if self.as_json:
                    shown.result(lambda: put_json(failed_json(*_what(request, job), event.code, event.text)))
            case JobCancelled():
                bar.stopped()
                self.done.stopped += 1
                if self.as_json:
                    text = Text("The picture was stopped.")
                    shown.result(lambda: put_json(failed_json(*_what(request, job), "interrupted", text)))

    def _report(
        self, request: SubmittedRequest, job: SubmittedJob, event: JobDone, paths: Sequence[Path]
    ) -> None:
        if not self.as_json:
            for line in (*map(str, paths), *event.texts):
                put(line)
            return
        files = [(path, file.kind) for path, file in zip(paths, event.files, strict=True)]
        put_json(painted_json(*_what(request, job), files, event.texts, event.seconds, cached=event.cached))

    async def _copy(self, request: SubmittedRequest, job: SubmittedJob, kept: Path) -> Path:
        """The bot keeps its own; retention takes that away some day."""
        stem = request.template if job.seed is None else f"{request.template}-{job.seed}"
        return await self.folder.keep_content(lambda part: shutil.copyfile(kept, part), stem, kept.suffix)


async def paint(
    client: ControlClient,
    asks: Sequence[Ask],
    images: Mapping[str, InputImage],
    folder: Folder,
    interruption: Interruption,
    *,
    as_json: bool,
) -> int:
    """Have everything painted by the bot; the exit code."""
    say("A bot works in this data directory: the pictures take their turn in its queue.")
    through = ThroughBot(client, folder, as_json)
    await through.submit(asks, images)
    shown = display(through.total)
    with (
        interruption.tidied_by(folder.discard_unfinished),
        interruption.tidied_by(shown.restore),
        interruption.handled_by(lambda: through.stop(shown)) as interrupted,
        shown,
    ):
        try:
            await through.watch(shown)
        except* ResultsLost:
            await through.stop(shown)
            raise
    if through.total > 1:
        say(through.summary())
    return INTERRUPTED if interrupted.is_set() else through.done.worst


def _what(request: SubmittedRequest, job: SubmittedJob) -> tuple[str, int | None, Mapping[str, object]]:
    return request.template, job.seed, job.values


def _waiting(event: JobWaits) -> str:
    if event.place == 0:
        return str(event.why) if event.why else "at the server"
    eta = f", about {event.eta_seconds:.0f} s" if event.eta_seconds is not None else ""
    place = f"place {event.place}{eta}" if event.place else "waiting"
    return f"{place}: {event.why}" if event.why else place


def _label(job: SubmittedJob, total: int) -> str:
    line = " ".join(str(job.values.get("prompt_text") or "picture").split())
    short = line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
    return f"[{job.seed}] {short}" if total > 1 and job.seed is not None else short
