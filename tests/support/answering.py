"""A web server that is nothing in particular: it gives what it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def answering(
    status: int = 200,
    page: str = "",
    *,
    answers: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[str]:
    """Its address. ``answers`` are JSON by path, None being 403; any other path gives ``page``."""

    async def answer(request: web.Request) -> web.Response:
        known = answers or {}
        if request.path in known:
            body = known[request.path]
            return web.json_response(body, status=403 if body is None else 200, headers=headers)
        return web.Response(text=page, status=status, headers=headers, content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()
