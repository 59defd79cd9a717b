"""What becomes of each request, told in the log at level info: accepted, begun, over, delivered.

Ids and numbers only; nobody's words, and of people their identity."""

from __future__ import annotations

import logging

from bot.domain.errors import FairbrushError
from bot.domain.jobs import JobState
from bot.service.records import Accepted, JobRecord

log = logging.getLogger(__name__)


def accepted(accepted: Accepted) -> None:
    request = accepted.request
    log.info(
        "request %s of %s is accepted: %d x %s",
        request.id,
        request.identity,
        len(accepted.jobs),
        request.template,
        extra={
            "request": request.id,
            "who": request.identity,
            "platform": request.platform,
            "template": request.template,
        },
    )


def refused(identity: str, error: FairbrushError) -> None:
    log.info(
        "a request of %s is refused: %s", identity, error.code, extra={"who": identity, "code": error.code}
    )


def began(job: JobRecord, server: str) -> None:
    log.info("job %s begins on %s", job.id, server, extra=_of(job) | {"server": server})


def over(job: JobRecord) -> None:
    match job.state:
        case JobState.DONE if not job.attempts:
            log.info("job %s is done: its picture was there already", job.id, extra=_of(job))
        case JobState.DONE:
            seconds = job.measured_seconds or 0.0
            log.info(
                "job %s is done after %.1f GPU s",
                job.id,
                seconds,
                extra=_of(job) | {"seconds": round(seconds, 3)},
            )
        case JobState.CANCELLED:
            log.info("job %s is cancelled", job.id, extra=_of(job))
        case _:
            log.info(
                "job %s has failed: %s", job.id, job.error_code, extra=_of(job) | {"code": job.error_code}
            )


def delivered(request: str, platform: str, how: str) -> None:
    log.info(
        "result of %s: %s (%s)", request, how, platform, extra={"request": request, "platform": platform}
    )


def _of(job: JobRecord) -> dict[str, object]:
    return {"job": job.id, "request": job.request, "who": job.identity, "template": job.work.template}
