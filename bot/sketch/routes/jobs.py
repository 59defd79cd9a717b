"""``/api/jobs``: queue and history in one view, and cancelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.sketch.jobs import STATUSES, chosen, duration, finished_job, queued_job
from bot.sketch.routes.base import PARTS, Parts

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Refusal(Exception):
    """A query value that is answered with 400 and these words."""


async def get_jobs(request: web.Request) -> web.Response:
    query = request.query
    try:
        statuses = _statuses(query.get("status"))
        sort_by = _one_of(query, "sort_by", "created_at", "execution_duration")
        order = _one_of(query, "sort_order", "desc", "asc")
        limit = _limit(query.get("limit"))
        offset = max(0, _whole("offset", query.get("offset", "0")))
    except _Refusal as refusal:
        return web.json_response({"error": str(refusal)}, status=400)
    jobs = chosen(_all_jobs(request.app[PARTS]), statuses, query.get("workflow_id"))
    key = duration if sort_by == "execution_duration" else lambda job: job.get("create_time", 0)
    jobs.sort(key=key, reverse=order == "desc")
    page = jobs[offset:] if limit is None else jobs[offset : offset + limit]
    more = offset + len(page) < len(jobs)
    pagination = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more}
    return web.json_response({"jobs": page, "pagination": pagination})


def _all_jobs(parts: Parts) -> list[dict[str, Any]]:
    queue = parts.queue
    running = [] if queue.running is None else [queued_job(queue.running, "in_progress")]
    pending = [queued_job(item, "pending") for item in queue.pending()]
    return [*running, *pending, *(finished_job(entry) for entry in parts.history.entries())]


async def get_job(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    job_id = request.match_info["job_id"]
    if parts.queue.running is not None and parts.queue.running.prompt_id == job_id:
        return web.json_response(queued_job(parts.queue.running, "in_progress"))
    for item in parts.queue.pending():
        if item.prompt_id == job_id:
            return web.json_response(queued_job(item, "pending"))
    entry = parts.history.get(job_id)
    if entry is None:
        return web.json_response({"error": "Job not found"}, status=404)
    return web.json_response(finished_job(entry, whole=True))


async def cancel_job(request: web.Request) -> web.Response:
    return web.json_response({"cancelled": _cancel(request.app[PARTS], request.match_info["job_id"])})


async def cancel_jobs(request: web.Request) -> web.Response:
    try:
        body = await request.json()
    except ValueError:
        return web.json_response({"error": "Request body must be valid JSON"}, status=400)
    ids = body.get("job_ids") if isinstance(body, dict) else None
    if not isinstance(ids, list):
        return web.json_response({"error": "job_ids must be a list"}, status=400)
    malformed = [job_id for job_id in ids if not isinstance(job_id, str) or not _ID.fullmatch(job_id)]
    if malformed:
        invalid = [job_id if isinstance(job_id, str) else repr(job_id) for job_id in malformed]
        error = {"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}
        return web.json_response(error, status=400)
    cancelled = [_cancel(request.app[PARTS], job_id) for job_id in ids]
    return web.json_response({"cancelled": any(cancelled)})


def _cancel(parts: Parts, job_id: str) -> bool:
    return parts.worker.interrupt(job_id) or parts.queue.delete(job_id)


def _statuses(value: str | None) -> set[str]:
    if not value:
        return set(STATUSES)
    wanted = {status.strip().lower() for status in value.split(",") if status.strip()}
    if unknown := sorted(wanted - set(STATUSES)):
        valid = ", ".join(STATUSES)
        raise _Refusal(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}")
    return wanted


def _one_of(query: Mapping[str, str], name: str, default: str, other: str) -> str:
    value = query.get(name, default).lower()
    if value not in (default, other):
        first, second = sorted((default, other))
        raise _Refusal(f"{name} must be '{first}' or '{second}'")
    return value


def _limit(value: str | None) -> int | None:
    limit = None if value is None else _whole("limit", value)
    if limit is not None and limit <= 0:
        raise _Refusal("limit must be a positive integer")
    return limit


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as exc:
        raise _Refusal(f"{name} must be an integer") from exc


ROUTES = (
    web.get("/jobs", get_jobs),
    web.get("/jobs/{job_id}", get_job),
    web.post("/jobs/{job_id}/cancel", cancel_job),
    web.post("/jobs/cancel", cancel_jobs),
)
