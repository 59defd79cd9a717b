"""Prompts, queue, interrupt, history."""

from __future__ import annotations

from aiohttp import web

from bot.sketch.promptqueue import SameKeyQueued
from bot.sketch.routes.base import PARTS, json_body, json_object, trouble
from bot.sketch.validation import Malformed


async def post_prompt(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    body = await json_body(request)
    try:
        reply = parts.desk.read(body)
        if reply.item is not None:
            parts.queue.put(reply.item)
    except (Malformed, SameKeyQueued) as exc:
        raise trouble() from exc
    return web.json_response(reply.body, status=reply.status)


async def get_prompt(request: web.Request) -> web.Response:
    remaining = request.app[PARTS].queue.remaining
    return web.json_response({"exec_info": {"queue_remaining": remaining}})


async def get_queue(request: web.Request) -> web.Response:
    queue = request.app[PARTS].queue
    running = [] if queue.running is None else [queue.running]
    return web.json_response(
        {
            "queue_running": [item.listing() for item in running],
            "queue_pending": [item.listing() for item in queue.pending()],
        }
    )


async def post_queue(request: web.Request) -> web.Response:
    """Pending prompts only: the running one is not touched."""
    queue = request.app[PARTS].queue
    body = await json_object(request)
    if body.get("clear"):
        queue.clear()
    for prompt_id in _listed(body.get("delete", [])):
        queue.delete(prompt_id)
    return web.Response()


async def post_interrupt(request: web.Request) -> web.Response:
    """200 whatever happens; anything but an object is a failure, and no JSON at all is an empty object."""
    try:
        body = await request.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        raise trouble()
    prompt_id = body.get("prompt_id")
    request.app[PARTS].worker.interrupt(str(prompt_id) if prompt_id else "")
    return web.Response()


async def post_free(request: web.Request) -> web.Response:
    body = await json_object(request)
    request.app[PARTS].worker.free(
        unload_models=bool(body.get("unload_models")), free_memory=bool(body.get("free_memory"))
    )
    return web.Response()


async def get_history(request: web.Request) -> web.Response:
    query = request.query
    try:
        limit = int(query["max_items"]) if "max_items" in query else None
        offset = int(query["offset"]) if "offset" in query else -1
    except ValueError as exc:
        raise trouble() from exc
    return web.json_response(request.app[PARTS].history.page(limit, offset))


async def get_history_entry(request: web.Request) -> web.Response:
    prompt_id = request.match_info["prompt_id"]
    entry = request.app[PARTS].history.get(prompt_id)
    return web.json_response({} if entry is None else {prompt_id: entry})


async def post_history(request: web.Request) -> web.Response:
    history = request.app[PARTS].history
    body = await json_object(request)
    if body.get("clear"):
        history.clear()
    for prompt_id in _listed(body.get("delete", [])):
        history.delete(prompt_id)
    return web.Response()


def _listed(value: object) -> list[str]:
    if not isinstance(value, list):
        raise trouble()
    return [item for item in value if isinstance(item, str)]


ROUTES = (
    web.post("/prompt", post_prompt),
    web.get("/prompt", get_prompt),
    web.get("/queue", get_queue),
    web.post("/queue", post_queue),
    web.post("/interrupt", post_interrupt),
    web.post("/free", post_free),
    web.get("/history", get_history),
    web.get("/history/{prompt_id}", get_history_entry),
    web.post("/history", post_history),
)
