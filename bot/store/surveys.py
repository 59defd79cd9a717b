"""What an operator looks through, a page at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from itertools import islice

from bot.domain.durations import DAY
from bot.domain.errors import NotFound
from bot.domain.ids import JobId, RequestId, ServerName, UserId
from bot.domain.jobs import OPEN, JobState
from bot.domain.text import Text
from bot.service.records import AuditEntry
from bot.service.surveys import (
    MOST_JOBS,
    Audit,
    People,
    Requests,
    SurveyedJob,
    SurveyedRequest,
    Wanted,
    Work,
)
from bot.store.connection import column, reader
from bot.store.own import Access
from bot.store.people import keys_of, person_of
from bot.store.reading import results
from bot.store.rows import job_record, json_list, plain, request_record
from bot.store.troubles import explained

REACH = 5_000
"""Requests, or entries of the log, that one look goes through at most."""
_NO_END = 2**62

_HAS = """
  AND EXISTS (SELECT 1 FROM jobs AS j WHERE j.request = requests.id
    AND j.state IN (SELECT value FROM json_each(:states)))
"""
_PAGE = """
SELECT number, id FROM requests
WHERE number < :before AND number >= :from {has} ORDER BY number DESC LIMIT :limit
"""
ALL_REQUESTS = _PAGE.format(has="")
REQUESTS_IN_STATE = _PAGE.format(has=_HAS)
_PAGE_OF = """
SELECT number, id FROM requests
WHERE identity = :identity AND number < :before {has} ORDER BY number DESC LIMIT :limit
"""
REQUESTS_OF = _PAGE_OF.format(has="")
REQUESTS_OF_IN_STATE = _PAGE_OF.format(has=_HAS)
_REQUEST = "SELECT * FROM request_records WHERE id = ?"
JOBS_OF = "SELECT * FROM job_records WHERE request = ? ORDER BY number LIMIT ?"
_NEWEST_REQUEST = "SELECT max(number) FROM requests"

# A bot has thousands of people, not millions: they are looked through from first to last.
_PEOPLE = """
FROM users AS u LEFT JOIN (
  SELECT i.user, max(n.seen_at) AS seen_at
  FROM identities AS i JOIN names AS n ON n.identity = i.key GROUP BY 1
) AS s ON s.user = u.id
WHERE :search = '' OR instr(lower(u.id), :search) OR EXISTS (
  SELECT 1 FROM identities AS i LEFT JOIN names AS n ON n.identity = i.key
  WHERE i.user = u.id AND (instr(lower(i.identity), :search) OR instr(n.folded, :search))
)
"""
_IN_ORDER = " ORDER BY coalesce(s.seen_at, u.created_at) DESC, u.id LIMIT :limit OFFSET :offset"
_FIND = "SELECT u.id " + _PEOPLE + _IN_ORDER
_COUNT = "SELECT count(*) " + _PEOPLE

# Whoever is called like that now, under each identity and as a user.
AUDIT = """
SELECT number, at, actor, action, subject, detail FROM audit
WHERE number < :before AND number >= :from
  AND (:actor = '' OR instr(lower(actor), :actor) OR actor IN (
    SELECT iif(n.whole, i.user, i.identity) FROM identities AS i JOIN (
      SELECT identity, 0 AS whole FROM names WHERE instr(folded, :actor)
      UNION ALL SELECT identity, 1 FROM names WHERE instr(folded, :actor)
    ) AS n ON n.identity = i.key
  ))
  AND (:subject = '' OR instr(lower(subject), :subject) OR subject IN (
    SELECT iif(n.whole, i.user, i.identity) FROM identities AS i JOIN (
      SELECT identity, 0 AS whole FROM names WHERE instr(folded, :subject)
      UNION ALL SELECT identity, 1 FROM names WHERE instr(folded, :subject)
    ) AS n ON n.identity = i.key
  ))
ORDER BY number DESC LIMIT :limit
"""
_NEWEST_ENTRY = "SELECT max(number) FROM audit"

ACCEPTED_AT = "SELECT id, created_at FROM jobs WHERE id IN (SELECT value FROM json_each(?))"
NAMES_OF = """
SELECT i.user, n.name, max(n.seen_at) FROM identities AS i JOIN names AS n ON n.identity = i.key
WHERE i.user IN (SELECT value FROM json_each(?)) GROUP BY i.user
"""
WORK_OF_SERVERS = """
SELECT a.server, sum(j.state = 'done' AND a.ended_at = j.ended_at AND a.ended_at >= :since) AS jobs,
  sum(max(0, min(coalesce(a.ended_at, :until), :until) - max(a.started_at, :since))) AS busy_ms
FROM jobs AS j JOIN attempts AS a ON a.job = j.place
WHERE j.created_at >= :day_before AND j.created_at < :until AND a.started_at IS NOT NULL
  AND a.state <> 'lost'
GROUP BY 1
"""


def survey_requests(
    connection: sqlite3.Connection,
    wanted: Wanted | None,
    users: Sequence[UserId] | None,
    before: int | None,
    limit: int,
) -> Requests:
    before = _NO_END if before is None else before
    states = OPEN if wanted is Wanted.OPEN else () if wanted is None else (JobState(wanted.value),)
    values = {"before": before, "limit": limit + 1, "states": json_list(states)}
    if users is not None:
        sql = REQUESTS_OF if wanted is None else REQUESTS_OF_IN_STATE
        keys = [key for user in users for key in keys_of(connection, user)]
        each = (connection.execute(sql, {**values, "identity": key}) for key in keys)
        rows = list(islice(merge(*each, key=lambda row: row["number"], reverse=True), limit + 1))
        end = 0
    else:
        end = _end(connection, _NEWEST_REQUEST, before)
        sql = ALL_REQUESTS if wanted is None else REQUESTS_IN_STATE
        rows = connection.execute(sql, {**values, "from": end}).fetchall()
    found = tuple(survey_request(connection, row["id"]) for row in rows[:limit])
    return Requests(found, _older(rows, limit, end))


def survey_request(connection: sqlite3.Connection, request_id: str) -> SurveyedRequest:
    row = connection.execute(_REQUEST, (plain(request_id),)).fetchone()
    if row is None:
        raise NotFound(Text("There is no request {request}.", request=request_id))
    # What it was made from is not shown in a survey, so the input files are not read.
    request = request_record(row, ())
    jobs = [job_record(row) for row in connection.execute(JOBS_OF, (request_id, MOST_JOBS))]
    return SurveyedRequest(
        request,
        names_of(connection, (request.user,)).get(request.user, str(request.user)),
        tuple(
            SurveyedJob(job, results(connection, job.id)[0] if job.state is JobState.DONE else ())
            for job in jobs
        ),
    )


def survey_people(connection: sqlite3.Connection, search: str, offset: int, limit: int) -> People:
    values = {"search": plain(search.strip()).casefold(), "limit": limit, "offset": offset}
    people = (person_of(connection, user) for (user,) in connection.execute(_FIND, values).fetchall())
    return People(tuple(person for person in people if person), column(connection, _COUNT, values))


def survey_audit(
    connection: sqlite3.Connection, actor: str, subject: str, before: int | None, limit: int
) -> Audit:
    before = _NO_END if before is None else before
    end = _end(connection, _NEWEST_ENTRY, before)
    values = {
        "actor": plain(actor.strip()).casefold(),
        "subject": plain(subject.strip()).casefold(),
        "before": before,
        "from": end,
        "limit": limit + 1,
    }
    rows = connection.execute(AUDIT, values).fetchall()
    return Audit(tuple(AuditEntry(*tuple(row)[1:]) for row in rows[:limit]), _older(rows, limit, end))


def _end(connection: sqlite3.Connection, newest: str, before: int) -> int:
    """How far a look goes back; 0: to the beginning."""
    last = column(connection, newest) or 0
    return max(0, min(before, last + 1) - REACH)


def _older(rows: Sequence[sqlite3.Row], limit: int, end: int) -> int | None:
    if len(rows) > limit:
        number: int = rows[limit - 1]["number"]
        return number
    return end or None


def accepted_at(connection: sqlite3.Connection, jobs: Sequence[JobId]) -> Mapping[JobId, int]:
    return {JobId(row[0]): row[1] for row in connection.execute(ACCEPTED_AT, (json_list(jobs),))}


def names_of(connection: sqlite3.Connection, users: Sequence[UserId]) -> Mapping[UserId, str]:
    # With max() beside it, SQLite takes the other columns from the row that has it.
    return {UserId(row[0]): row[1] for row in connection.execute(NAMES_OF, (json_list(users),))}


def work_of_servers(connection: sqlite3.Connection, since: int, until: int) -> Mapping[ServerName, Work]:
    values = {"since": since, "until": until, "day_before": since - DAY}
    rows: Iterator[sqlite3.Row] = connection.execute(WORK_OF_SERVERS, values)
    return {ServerName(row["server"]): Work(row["jobs"], row["busy_ms"]) for row in rows}


class SurveyStore(Access):
    """Implements :class:`bot.service.surveys.Surveys`."""

    async def survey_requests(
        self,
        *,
        wanted: Wanted | None = None,
        users: Sequence[UserId] | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> Requests:
        chosen = None if users is None else tuple(users)
        return await self._read(survey_requests, wanted, chosen, before, limit)

    async def survey_request(self, request: RequestId) -> SurveyedRequest:
        return await self._read(survey_request, request)

    async def survey_people(self, search: str = "", *, offset: int = 0, limit: int = 50) -> People:
        # A connection of its own: to look through all people takes a while, and others must not wait for it.
        try:
            async with reader(self.path) as connection:
                return await connection.snapshot(
                    partial(survey_people, search=search, offset=offset, limit=limit)
                )
        except sqlite3.Error as error:
            raise explained(error, self.path) or error from error

    async def survey_audit(
        self, *, actor: str = "", subject: str = "", before: int | None = None, limit: int = 50
    ) -> Audit:
        return await self._read(survey_audit, actor, subject, before, limit)

    async def accepted_at(self, jobs: Sequence[JobId]) -> Mapping[JobId, int]:
        return await self._read(accepted_at, tuple(jobs))

    async def names_of(self, users: Sequence[UserId]) -> Mapping[UserId, str]:
        return await self._read(names_of, tuple(users))

    async def work_of_servers(self, *, since: int, until: int) -> Mapping[ServerName, Work]:
        return await self._read(work_of_servers, since, until)
