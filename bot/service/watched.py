"""A request that somebody watches: how its jobs stand, by the store at first, then by what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.domain.ids import JobId
from bot.domain.jobs import AT_SERVER, OPEN, JobState
from bot.domain.throttle import Importance
from bot.presentation.card_situation import Offers, Situation
from bot.presentation.cards import Card
from bot.service.dispatcher import Dispatcher
from bot.service.nsfw import SPOILER
from bot.service.records import JobRecord, RequestRecord
from bot.service.situations import Live, Result, situation
from bot.service.store import Store
from bot.service.streams import JobEvent, JobOver, JobQueued, JobRan, JobStaged


@dataclass(slots=True)
class Watched:
    """``results`` holds what was read before: a result does not change."""

    request: RequestRecord
    jobs: dict[JobId, JobRecord] = field(default_factory=dict)
    live: dict[JobId, Live] = field(default_factory=dict)
    results: dict[JobId, Result] = field(default_factory=dict)

    @classmethod
    def of(cls, request: RequestRecord, jobs: Sequence[JobRecord]) -> Watched:
        return cls(request, {job.id: job for job in jobs})

    @property
    def is_open(self) -> bool:
        return any(job.state in OPEN for job in self.jobs.values())

    @property
    def at_server(self) -> bool:
        return any(job.state in AT_SERVER for job in self.jobs.values())

    @property
    def importance(self) -> Importance:
        return Importance.RUNNING if self.at_server else Importance.WAITING

    def preview(self, card: Card) -> bytes | None:
        """The newest unfinished picture of the job whose preview ``card`` shows."""
        live = None if card.preview is None else self.live.get(card.preview.job)
        return None if live is None else live.preview

    async def read_results(self, store: Store) -> None:
        """Of the jobs that are done by now."""
        for job in self.jobs.values():
            if job.state is JobState.DONE and job.id not in self.results:
                self.results[job.id] = Result(*await store.results(job.id))

    def situation(self, dispatcher: Dispatcher, *, title: str, offers: Offers) -> Situation:
        """``title``: of its template; ``offers``: what may be done with the result where it is shown."""
        outlooks = {job: outlook for job in self.jobs if (outlook := dispatcher.outlook(job)) is not None}
        remaining = {
            job.id: seconds
            for job in self.jobs.values()
            if job.state in AT_SERVER and (seconds := dispatcher.remaining(job.id)) is not None
        }
        return situation(
            self.request,
            tuple(self.jobs.values()),
            title=title,
            results=self.results,
            live=self.live,
            outlooks=outlooks,
            remaining=remaining,
            offers=offers,
            paused=dispatcher.gates.paused,
            spoiler=bool(self.request.options.get(SPOILER)),
        )

    def note(self, event: JobEvent, now: float) -> None:
        """``now``: monotonic seconds."""
        match event:
            case JobQueued(job=job, reason=reason):
                self.live[job] = Live(again=reason)
                self._move(job, JobState.QUEUED)
            case JobStaged(job=job):
                self._move(job, JobState.STAGED)
            case JobRan(job=job, event=ran):
                self.live.setdefault(job, Live()).heard(ran, now)
                self._move(job, JobState.RUNNING)
            case JobOver(closed=closed):
                self.jobs[closed.job.id] = closed.job
                self.live.pop(closed.job.id, None)  # it held a picture

    def _move(self, job: JobId, state: JobState) -> None:
        known = self.jobs.get(job)
        if known is not None and known.state in OPEN and known.state is not state:
            self.jobs[job] = replace(known, state=state)
