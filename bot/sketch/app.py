"""The HTTP application: which routes there are, and what holds for all of them."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.sketch.routes import files, info, jobs, queue
from bot.sketch.routes.base import PARTS, Parts

__all__ = ["Parts", "build_app"]


def build_app(parts: Parts) -> web.Application:
    """Every route exists twice, as ``/x`` and ``/api/x``; the jobs and assets routes below ``/api`` only."""
    app = web.Application(middlewares=[_guard], client_max_size=parts.settings.max_upload_size)
    app[PARTS] = parts
    shared = [*info.ROUTES, *queue.ROUTES, *files.ROUTES, web.get("/ws", parts.hub.handle)]
    own = [*jobs.ROUTES, *info.API_ONLY]
    app.router.add_routes(shared)
    for route in (*shared, *own):
        twin = web.RouteDef(route.method, f"/api{route.path}", route.handler, route.kwargs)
        app.router.add_routes([twin])
    app.router.add_get("/", info.front_page)
    app.router.add_get("/{anything:.*}", _nothing_here)
    return app


async def _nothing_here(_request: web.Request) -> web.Response:
    return web.Response(status=404, content_type="application/octet-stream")


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Web pages of other origins may not use a server on the loopback address."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or _foreign_origin(request):
        return web.Response(status=403)
    if request.method == hdrs.METH_OPTIONS:
        return web.Response()
    return await handler(request)


def _foreign_origin(request: web.Request) -> bool:
    """Ports count only where both sides name one: browsers leave the default port out."""
    host, origin = request.headers.get(hdrs.HOST), request.headers.get(hdrs.ORIGIN)
    if not host or not origin:
        return False
    try:
        ours, theirs = urlsplit(f"//{host.lower()}"), urlsplit(origin.lower())
        ports = (ours.port, theirs.port)
    except ValueError:
        return True
    if not _is_loopback(ours.hostname) or not theirs.hostname:
        return False
    return ours.hostname != theirs.hostname or (None not in ports and ports[0] != ports[1])


def _is_loopback(host: str | None) -> bool:
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
