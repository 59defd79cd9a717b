"""What an operator looks through: requests of all platforms, people, the audit log. A port, like
:mod:`bot.service.store`, of which it is a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.domain.ids import JobId, RequestId, ServerName, UserId
from bot.service.records import AuditEntry, JobRecord, Person, RequestRecord, ResultFile


class Wanted(StrEnum):
    """Requests with at least one job that is so."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SurveyedJob:
    """A job, and the files that are kept of it."""

    job: JobRecord
    files: tuple[ResultFile, ...]


@dataclass(frozen=True, slots=True)
class SurveyedRequest:
    """``name``: the one last seen of whoever asked, else the user's id. ``jobs``: the first
    :data:`MOST_JOBS`."""

    request: RequestRecord
    name: str
    jobs: tuple[SurveyedJob, ...]


MOST_JOBS = 16
"""Of one request in a survey."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The newest first. ``older``: what to pass as ``before`` for those that follow; None: there are none.
    A look goes back so far and no farther, so that a rare state is not searched for in years; then fewer
    are here, perhaps none, and there is an ``older`` all the same."""

    found: tuple[SurveyedRequest, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class People:
    """Those seen last come first. ``total``: of all that were searched for."""

    found: tuple[Person, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Audit:
    """The newest first; ``older`` as in :class:`Requests`."""

    entries: tuple[AuditEntry, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class Work:
    """What a server has done in some time: ``jobs`` that are done, and ``busy_ms`` with ours."""

    jobs: int
    busy_ms: int


class Surveys(Protocol):
    async def survey_requests(
        self,
        *,
        wanted: Wanted | None = None,
        users: Sequence[UserId] | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> Requests:
        """``users`` None: of all people."""

    async def survey_request(self, request: RequestId) -> SurveyedRequest:
        """One of them. Raises NotFound."""

    async def survey_people(self, search: str = "", *, offset: int = 0, limit: int = 50) -> People:
        """Those whose name, user's id or identity holds ``search``, case aside."""

    async def survey_audit(
        self, *, actor: str = "", subject: str = "", before: int | None = None, limit: int = 50
    ) -> Audit:
        """Of whoever's identity or name holds ``actor``, about what holds ``subject``."""

    async def accepted_at(self, jobs: Sequence[JobId]) -> Mapping[JobId, int]:
        """UTC milliseconds; jobs that are not known are left out."""

    async def names_of(self, users: Sequence[UserId]) -> Mapping[UserId, str]:
        """The name last seen; users without one are left out."""

    async def work_of_servers(self, *, since: int, until: int) -> Mapping[ServerName, Work]:
        """Of the jobs accepted at most a day before ``since``."""
