"""How a request stands, for its card: records, results and what is happening now, put together. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain.events import (
    Disconnected,
    NodeStarted,
    Previewed,
    Progressed,
    Reconnected,
    RunEvent,
    Started,
)
from bot.domain.ids import JobId
from bot.domain.jobs import OPEN, DeliveryState, JobState
from bot.domain.text import Text
from bot.presentation.card_situation import Failure, File, Gone, Job, Offers, Run, Situation, Wait
from bot.service.outlook import Outlook
from bot.service.records import JobRecord, RequestRecord, ResultFile

PREVIEW_EVERY = 6.0
"""Seconds between two previews that are worth an upload."""


@dataclass(frozen=True, slots=True)
class Result:
    """Files and texts of a done job."""

    files: tuple[ResultFile, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(slots=True)
class Live:
    """What a run has told of itself, in the order of its events. ``preview`` is the newest picture."""

    run: Run = field(default_factory=Run)
    again: Text | None = None
    preview: bytes | None = None
    _previewed_at: float = float("-inf")

    def heard(self, event: RunEvent, now: float) -> None:
        """``now``: monotonic seconds."""
        run = self.run
        match event:
            case Started():
                self.run = replace(run, fraction=run.fraction or 0.0, lost=None)
            case NodeStarted(title=title):
                self.run = replace(run, fraction=run.fraction or 0.0, title=title, step=0, steps=0, lost=None)
            case Progressed(fraction=fraction, title=title, step=step, steps=steps):
                self.run = replace(run, fraction=fraction, title=title, step=step, steps=steps, lost=None)
            case Disconnected(reason=reason):
                self.run = replace(run, lost=reason)
            case Reconnected():
                self.run = replace(run, lost=None)
            case Previewed(image=image):
                self.preview = image
                if now - self._previewed_at >= PREVIEW_EVERY:
                    self._previewed_at = now
                    self.run = replace(run, preview=(run.preview or 0) + 1)


def situation(
    request: RequestRecord,
    jobs: Sequence[JobRecord],
    *,
    title: str,
    results: Mapping[JobId, Result],
    live: Mapping[JobId, Live],
    outlooks: Mapping[JobId, Outlook],
    remaining: Mapping[JobId, float],
    offers: Offers,
    paused: bool = False,
    delivery: DeliveryState = DeliveryState.PENDING,
    spoiler: bool = False,
) -> Situation:
    """``outlooks``: of waiting jobs; ``remaining``: seconds until their end, of those at a server."""
    values = request.values.get("values", {})
    words = request.values.get("words", {})
    over = all(job.state not in OPEN for job in jobs)
    forgotten = over and not request.values
    return Situation(
        request=request.id,
        title=title or request.template,
        jobs=tuple(
            _job(job, results.get(job.id), live.get(job.id), outlooks, remaining, paused=paused)
            for job in sorted(jobs, key=lambda job: job.index)
        ),
        prompt_text=str(words.get("prompt_text", "")),
        width=_whole(values.get("width")),
        height=_whole(values.get("height")),
        notes=tuple(Text("{note}", note=note) for note in request.values.get("notes", ())),
        private=request.private,
        spoiler=spoiler,
        gone=Gone(request.gone or "expired") if forgotten else None,
        delivery=delivery,
        offers=offers,
    )


def _job(
    record: JobRecord,
    result: Result | None,
    live: Live | None,
    outlooks: Mapping[JobId, Outlook],
    remaining: Mapping[JobId, float],
    *,
    paused: bool,
) -> Job:
    job = Job(record.id, record.state, record.seed)
    match record.state:
        case JobState.QUEUED:
            outlook = outlooks.get(record.id)
            wait = None if outlook is None else Wait(outlook.place, outlook.seconds, outlook.why, paused)
            return replace(job, wait=wait, again=live.again if live else None)
        case JobState.STAGED | JobState.RUNNING:
            run = live.run if live else Run()
            return replace(job, run=replace(run, seconds=remaining.get(record.id)))
        case JobState.DONE:
            found = result or Result()
            files = tuple(
                File(f.file.path, f.file.mime, f.kind, f.file.size, f.width, f.height) for f in found.files
            )
            kept = record.attempts == 0
            return replace(job, charged=record.measured_seconds, kept=kept, files=files, texts=found.texts)
        case JobState.FAILED:
            failure = Failure(record.error_code, Text("{reason}", reason=record.error_text))
            return replace(job, failure=failure)
        case JobState.CANCELLED:
            return replace(job, charged=record.measured_seconds)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
