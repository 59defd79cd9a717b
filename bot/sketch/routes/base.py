"""What request handlers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sketch.executor import Executor
from bot.sketch.files import Folders
from bot.sketch.history import History
from bot.sketch.promptqueue import PromptQueue
from bot.sketch.prompts import PromptDesk
from bot.sketch.registry import Registry
from bot.sketch.settings import EngineSettings
from bot.sketch.sockets import Hub
from bot.sketch.worker import Worker


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one engine, as its handlers need them."""

    settings: EngineSettings
    folders: Folders
    registry: Registry
    desk: PromptDesk
    queue: PromptQueue
    history: History
    hub: Hub
    worker: Worker
    executor: Executor


PARTS = web.AppKey("parts", Parts)


def trouble() -> web.HTTPInternalServerError:
    """What a ComfyUI server answers where a handler of its own fails: 500, and not JSON."""
    return web.HTTPInternalServerError(text="500 Internal Server Error\n\nServer got itself in trouble")


async def json_body(request: web.Request) -> Any:
    """The body as JSON, whatever its Content-Type. Raises the 500 of :func:`trouble`."""
    try:
        return await request.json()
    except (ValueError, RecursionError) as exc:
        raise trouble() from exc


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object. Raises the 500 of :func:`trouble`."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise trouble()
    return body
