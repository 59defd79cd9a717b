"""What was asked for on all platforms, the newest first, with what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlencode

from aiohttp import web

from bot.chat.web.doors import require_operator
from bot.chat.web.operator.frame import HOME, Frame
from bot.domain.durations import about
from bot.domain.ids import JobId, RequestId, UserId
from bot.domain.jobs import OPEN, JobState
from bot.domain.outputs import MediaKind
from bot.domain.text import Text
from bot.service.clock import Clock
from bot.service.nsfw import SPOILER
from bot.service.records import JobRecord, ResultFile
from bot.service.shelf import Shelf
from bot.service.store import Store
from bot.service.surveys import SurveyedRequest, Wanted

A_PAGE = 20
_MOST_PEOPLE = 50
"""Whom a search for requests may mean."""
STATES: Mapping[JobState, tuple[str, Text]] = MappingProxyType(
    {
        JobState.QUEUED: ("", Text("waits")),
        JobState.STAGED: ("", Text("next at a server")),
        JobState.RUNNING: ("good", Text("is painted")),
        JobState.DONE: ("good", Text("done")),
        JobState.FAILED: ("bad", Text("failed")),
        JobState.CANCELLED: ("warn", Text("cancelled")),
    }
)
"""How a state is coloured and said."""
_WANTED = MappingProxyType(
    {
        Wanted.OPEN: Text("open"),
        Wanted.DONE: Text("done"),
        Wanted.FAILED: Text("failed"),
        Wanted.CANCELLED: Text("cancelled"),
    }
)


@dataclass(frozen=True, slots=True)
class JobLine:
    job: JobRecord
    colour: str
    state: Text
    waited: Text
    is_open: bool
    pictures: tuple[Thumb, ...]


@dataclass(frozen=True, slots=True)
class Thumb:
    """``small``: address of a small picture; "" for what is no picture."""

    address: str
    small: str
    kind: MediaKind


@dataclass(frozen=True, slots=True)
class RequestLine:
    """``veiled``: not to be seen without being wanted."""

    asked: SurveyedRequest
    title: str
    jobs: tuple[JobLine, ...]
    more: int
    veiled: Text | None


@dataclass(frozen=True, slots=True)
class Jobs:
    frame: Frame
    store: Store
    shelf: Shelf
    clock: Clock

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(f"{HOME}/jobs", self._list)
        router.add_get(f"{HOME}/jobs/{{request}}", self._one)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        require_operator(request)
        state, who = request.query.get("state", ""), request.query.get("user", "").strip()
        wanted = next((each for each in Wanted if each == state), None)
        users: list[UserId] | None = None
        if who:
            people = await self.store.survey_people(who, limit=_MOST_PEOPLE)
            users = [person.user for person in people.found]
        before = number_of(request.query.get("before", ""))
        page = await self.store.survey_requests(wanted=wanted, users=users, before=before, limit=A_PAGE)
        chosen = {"state": wanted or "", "user": who}
        return self.frame.show(
            request,
            "jobs.html",
            section="jobs",
            requests=[self._line(each) for each in page.found],
            older=page.older and f"{HOME}/jobs?{urlencode({**chosen, 'before': page.older})}",
            newest=f"{HOME}/jobs?{urlencode(chosen)}" if before is not None else None,
            wanted=[(each.value, words) for each, words in _WANTED.items()],
            chosen=chosen,
        )

    async def _one(self, request: web.Request) -> web.StreamResponse:
        """A request by its id, or by that of one of its jobs."""
        require_operator(request)
        named = request.match_info["request"].lower()
        job = await self.store.job(JobId(named))
        asked = await self.store.survey_request(RequestId(named) if job is None else job.request)
        history = [(each.id, await self.store.history(each.id)) for each in _jobs(asked)]
        return self.frame.show(
            request, "job.html", section="jobs", asked=self._line(asked), history=history, states=STATES
        )

    def _line(self, asked: SurveyedRequest) -> RequestLine:
        request = asked.request
        spoiler = bool(request.options.get(SPOILER))
        return RequestLine(
            asked,
            self.shelf.title_of(request.template),
            tuple(self._job(each.job, each.files) for each in asked.jobs),
            max(0, request.count - len(asked.jobs)),
            Text("Private") if request.private else Text("Spoiler") if spoiler else None,
        )

    def _job(self, job: JobRecord, files: tuple[ResultFile, ...]) -> JobLine:
        colour, words = STATES[job.state]
        begun = job.started_at or job.ended_at or self.clock.now()
        return JobLine(
            job,
            colour,
            words,
            about(begun - job.created_at),
            job.state in OPEN,
            tuple(
                Thumb(
                    f"/pictures/{job.request}/{job.index + 1}/{number}",
                    f"/thumbs/{job.request}/{job.index + 1}/{number}"
                    if file.kind in (MediaKind.IMAGE, MediaKind.ANIMATED)
                    else "",
                    file.kind,
                )
                for number, file in enumerate(files)
            ),
        )


def _jobs(asked: SurveyedRequest) -> list[JobRecord]:
    return [each.job for each in asked.jobs]


def number_of(words: str) -> int | None:
    """A place in a list, as addresses carry it; None for anything else."""
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 16 else None
