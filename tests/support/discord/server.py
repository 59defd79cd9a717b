"""The HTTP side: each request is recorded, meets the faults, is held against the rules, and answered."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.discord import schema
from tests.support.discord.bodies import Body, read_body
from tests.support.discord.failures import ApiError, no_such_route, too_large, unauthorized
from tests.support.discord.faults import HangUp
from tests.support.discord.forms import Form
from tests.support.discord.ratelimits import VIA

if TYPE_CHECKING:
    from tests.support.discord.world import DiscordWorld

API = "/api/v10"
RECORDED = 100_000


@dataclass
class Received:
    """A request, and what was answered. ``at``: UTC milliseconds; ``seen``: seconds of the event loop."""

    operation: str
    method: str
    path: str
    at: int
    seen: float
    query: dict[str, str]
    json: Any = None
    files: list[tuple[str, int]] = field(default_factory=list)
    status: int = 0
    code: int = 0
    answer: Any = field(default=None, repr=False)


@dataclass
class Call:
    """A request on its way through a handler. ``headers`` go out with the answer, whatever it is."""

    request: web.Request
    body: Body
    received: Received
    headers: dict[str, str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """An id in the path."""
        text = self.request.match_info[name]
        if not text.isdigit():
            words = f'Value "{text}" is not snowflake.'
            form = Form()
            form.add((name,), "NUMBER_TYPE_COERCE", words)
            form.raise_if_any()
        return int(text)

    def text(self, name: str) -> str:
        return self.request.match_info[name]


Handler = Callable[[Call], Any]
"""Gives what is answered as JSON; None: 204."""


@dataclass(frozen=True)
class Route:
    """``authorized``: needs the bot's token, and counts for the global limit."""

    operation: str
    method: str
    path: str
    handler: Handler
    authorized: bool = True
    status: int = 200


class Server:
    """Listens on loopback. ``violations``: requests and answers that Discord's description does not allow;
    ``unknown``: requests for routes that are not played here."""

    def __init__(self, world: DiscordWorld) -> None:
        self._world = world
        self.received: deque[Received] = deque(maxlen=RECORDED)
        self.violations: list[str] = []
        self.unknown: list[str] = []
        self.url = ""
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self, routes: list[Route]) -> None:
        app = web.Application(client_max_size=0)
        for route in routes:
            app.router.add_route(route.method, API + route.path, self._handler(route))
        app.router.add_get("/gateway/", self._world.gateway.serve)
        app.router.add_get("/cdn/{path:.*}", self._world.cdn.serve)
        app.router.add_route("*", "/{path:.*}", self._unknown)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(route, request)

        return handle

    async def _unknown(self, request: web.Request) -> web.Response:
        self.unknown.append(f"{request.method} {request.path}")
        return _json(404, no_such_route().body(), {})

    async def _serve(self, route: Route, request: web.Request) -> web.StreamResponse:
        world = self._world
        received = Received(
            route.operation,
            request.method,
            request.path.removeprefix(API),
            world.now(),
            asyncio.get_running_loop().time(),
            dict(request.query),
        )
        if world.recording:
            self.received.append(received)
        call = Call(request, Body(), received)
        try:
            answer = await self._play(route, call)
            status = 204 if answer is None else route.status
        except HangUp:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        except ApiError as error:
            status, answer, received.code = error.status, error.body(), error.code
            call.headers.update(error.headers)
        received.status, received.answer = status, answer if world.recording else None
        world.limiter.note_answer(status)
        world.changed.fire()
        return _json(status, answer, call.headers)

    async def _play(self, route: Route, call: Call) -> Any:
        world, path = self._world, call.received.path
        if world.limiter.banned:
            raise ApiError(429, 0, "banned by the proxy in front")
        call.body = await read_body(call.request, world.keep_bytes)
        if world.recording:
            call.received.json = call.body.json
            call.received.files = [(file.filename, file.size) for file in call.body.files.values()]
        if call.body.total > world.request_bytes:
            raise too_large()
        await world.faults.meet(route.operation, path, after=False)
        if route.authorized:
            if call.request.headers.get("Authorization") != f"Bot {world.token}":
                raise unauthorized()
            world.limiter.take_overall()
        # The rules of the handler say what is wrong more exactly; what they let pass is noted here.
        wrong = self._wrong("request", route.operation, call.body.json) if world.strict else []
        answer = route.handler(call)
        if world.check_answers:
            wrong += self._wrong("response", route.operation, answer)
        self.violations += wrong
        await world.faults.meet(route.operation, path, after=True)
        return answer

    def _wrong(self, part: str, operation: str, value: Any) -> list[str]:
        if value is None:
            return []
        found = schema.violation(operation, part, value)
        if found is None:
            return []
        return [f"{part} of {operation} at {'/'.join(map(str, found[0]))}: {found[1]}"]


def _json(status: int, answer: Any, headers: dict[str, str]) -> web.Response:
    """With exactly this content type: discord.py reads nothing else as JSON."""
    if answer is None:
        return web.Response(status=status, headers={**VIA, **headers} if status == 429 else headers)
    body = json.dumps(answer, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json", **headers})
