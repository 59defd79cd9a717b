"""A proxy that stands between a ComfyUI client and any server, and breaks what it is told to break.

HTTP faults are rules: method, path pattern, an action, how often. Socket faults are filters: each sees
every frame on its way to the client and says what goes on instead; raising :class:`HangUp` aborts the
connection. Nothing here waits on a clock; what is held up waits for an event that the test sets.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

Payload = str | bytes
Filter = Callable[[Payload], Iterable[Payload]]


class HangUp(Exception):
    """Abort this connection now, without a closing handshake."""


@dataclass(frozen=True)
class Reply:
    """A whole answer of the server behind."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Forward = Callable[[], Awaitable[Reply]]
Action = Callable[[web.Request, Forward], Awaitable[web.StreamResponse]]


@dataclass
class Rule:
    method: str
    path: str
    action: Action
    times: int | None
    used: int = 0

    def matches(self, method: str, path: str) -> bool:
        return (
            method == self.method
            and fnmatchcase(path, self.path)
            and (self.times is None or self.used < self.times)
        )


@dataclass
class FaultProxy:
    """An async context manager. ``prefix``: the path below which it serves (``/comfy``);
    ``required``: a header without which it answers 401."""

    upstream: str
    prefix: str = ""
    required: tuple[str, str] | None = None
    filters: list[Filter] = field(default_factory=list)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Requests by method and path, those that a rule answered too."""
    sockets: list[str] = field(default_factory=list)
    """What happened to sockets, in order: ``open CLIENT_ID``, ``close CLIENT_ID`` (as the server sees it)."""
    url: str = ""
    _rules: list[Rule] = field(default_factory=list)
    _port: int = 0
    _runner: web.AppRunner | None = None
    _http: aiohttp.ClientSession | None = None
    _to_clients: set[web.WebSocketResponse] = field(default_factory=set)
    _transports: set[asyncio.Transport] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.vanish()
        assert self._http is not None
        await self._http.close()

    def on(self, method: str, path: str, action: Action, *, times: int | None = None) -> Rule:
        """Have matching requests (``*``: anything) dealt with by ``action``; the newest rule wins."""
        rule = Rule(method, path, action, times)
        self._rules.insert(0, rule)
        return rule

    def heal(self) -> None:
        """Break nothing from now on."""
        self._rules.clear()
        self.filters.clear()

    async def listen(self) -> None:
        """Serve, on the same port as before."""
        app = web.Application(client_max_size=2**28)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}{self.prefix}"

    async def vanish(self) -> None:
        """Abort every connection and refuse new ones, as a killed process does."""
        self.sever()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def sever(self) -> None:
        """Abort every connection that is open."""
        for transport in list(self._transports):
            transport.abort()

    async def inject(self, payload: Payload) -> None:
        """Send a frame of our own to every client."""
        for socket in list(self._to_clients):
            await (socket.send_str(payload) if isinstance(payload, str) else socket.send_bytes(payload))

    @property
    def open_sockets(self) -> int:
        return len(self._to_clients)

    def count(self, method: str, path: str) -> int:
        """How many requests came for paths that match."""
        return sum(n for (m, p), n in self.asked.items() if m == method and fnmatchcase(p, path))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            raise HangUp
        self._transports.add(transport)
        path = request.path
        self.asked[request.method, path.removeprefix(self.prefix)] += 1
        try:
            if self.required is not None and request.headers.get(self.required[0]) != self.required[1]:
                return web.Response(status=401, text="Unauthorized")
            if not path.startswith(f"{self.prefix}/"):
                return web.Response(status=404, text="no such place")
            path = path.removeprefix(self.prefix)
            for rule in self._rules:
                if rule.matches(request.method, path):
                    rule.used += 1
                    return await rule.action(request, lambda: self._forward(request, path))
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._relay(request, path)
            reply = await self._forward(request, path)
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)
        except HangUp:
            transport.abort()
            return web.Response()
        except aiohttp.ClientConnectionError:
            return web.Response(status=502, text="nothing behind this proxy")
        finally:
            self._transports.discard(transport)

    def _target(self, request: web.Request, path: str) -> str:
        return f"{self.upstream}{path}?{request.rel_url.raw_query_string}".rstrip("?")

    async def _forward(self, request: web.Request, path: str) -> Reply:
        assert self._http is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        async with self._http.request(
            request.method,
            aiohttp.client.URL(self._target(request, path), encoded=True),
            data=io.BytesIO(await request.read()),  # aiohttp warns of large bytes
            headers=headers,
            allow_redirects=False,
        ) as response:
            kept = {k: v for k, v in response.headers.items() if k.lower() not in _HOP_BY_HOP}
            return Reply(response.status, kept, await response.read())

    async def _relay(self, request: web.Request, path: str) -> web.StreamResponse:
        assert self._http is not None
        client_id = request.query.get("clientId", "")
        # A close is answered only after the server behind has answered it, as a transparent proxy would.
        client = web.WebSocketResponse(max_msg_size=0, timeout=0.5, autoclose=False)
        async with self._http.ws_connect(self._target(request, path), max_msg_size=0) as server:
            await client.prepare(request)
            self.sockets.append(f"open {client_id}")
            self._to_clients.add(client)
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(_pump_up(client, server))
                    ways.create_task(self._pump_down(server, client))
            except* (HangUp, ConnectionError):
                if request.transport is not None:  # else the client has gone first
                    request.transport.abort()
            finally:
                self._to_clients.discard(client)
        self.sockets.append(f"close {client_id}")
        await client.close()
        return client

    async def _pump_down(
        self, server: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse
    ) -> None:
        async for frame in server:
            payloads: list[Payload] = [frame.data]
            for chosen in self.filters:
                payloads = [out for payload in payloads for out in chosen(payload)]
            for payload in payloads:
                await (client.send_str(payload) if isinstance(payload, str) else client.send_bytes(payload))
        if not client.closed and client.close_code is None:
            raise HangUp  # the server behind went: so does this connection


async def _pump_up(client: web.WebSocketResponse, server: aiohttp.ClientWebSocketResponse) -> None:
    async for frame in client:
        await (
            server.send_str(frame.data)
            if frame.type is aiohttp.WSMsgType.TEXT
            else server.send_bytes(frame.data)
        )
    await server.close()


_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "host", "content-length", "upgrade"}
)


# Actions


def answer(status: int, body: str | bytes = b"", content_type: str = "text/plain", **headers: str) -> Action:
    """Answer like this, without asking the server behind."""

    async def act(request: web.Request, forward: Forward) -> web.StreamResponse:
        content = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=content, content_type=content_type, headers=headers)

    return act


LOGIN_PAGE = answer(200, "<!doctype html><title>Log in</title>", "text/html")
SERVER_ERROR = answer(500, "500 Internal Server Error\n\nServer got itself in trouble")


def redirect(location: str) -> Action:
    return answer(302, b"", Location=location)


async def hang_up(request: web.Request, forward: Forward) -> web.StreamResponse:
    """Take the request, and break off without forwarding it."""
    raise HangUp


async def lose_answer(request: web.Request, forward: Forward) -> web.StreamResponse:
    """Forward the request, and break off instead of answering."""
    await forward()
    raise HangUp


def cut(at: int) -> Action:
    """Forward, promise the whole body, and break off after ``at`` bytes of it."""

    async def act(request: web.Request, forward: Forward) -> web.StreamResponse:
        reply = await forward()
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[:at])
        raise HangUp

    return act


def trickle(chunk: int, pause: Callable[[], Awaitable[None]]) -> Action:
    """Forward, and hand the body on in small pieces with ``pause`` before each."""

    async def act(request: web.Request, forward: Forward) -> web.StreamResponse:
        reply = await forward()
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = len(reply.body)
        await response.prepare(request)
        for start in range(0, len(reply.body), chunk):
            await pause()
            await response.write(reply.body[start : start + chunk])
        await response.write_eof()
        return response

    return act


def hold_socket(release: asyncio.Event) -> Action:
    """Let no socket through until ``release`` is set; then break this attempt off."""

    async def act(request: web.Request, forward: Forward) -> web.StreamResponse:
        await release.wait()
        raise HangUp

    return act


def hold(release: asyncio.Event, *, before: bool = True) -> Action:
    """Answer only once ``release`` is set; ``before``: forward only then, too."""

    async def act(request: web.Request, forward: Forward) -> web.StreamResponse:
        if before:
            await release.wait()
        reply = await forward()
        if not before:
            await release.wait()
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    return act


# Filters


def kind_of(payload: Payload) -> str:
    """The type of a frame: ``progress``, ``end`` (executing, node null), ``binary``."""
    if isinstance(payload, bytes):
        return "binary"
    message = json.loads(payload)
    if message["type"] == "executing" and message["data"].get("node") is None:
        return "end"
    return str(message["type"])


def lose(*kinds: str) -> Filter:
    """Frames of these kinds do not arrive; of every kind when none is named."""
    return lambda payload: [] if not kinds or kind_of(payload) in kinds else [payload]


def double(*kinds: str) -> Filter:
    return lambda payload: [payload, payload] if not kinds or kind_of(payload) in kinds else [payload]


def truncate_binary(length: int) -> Filter:
    return lambda payload: [payload[:length]] if isinstance(payload, bytes) else [payload]


def drop_socket(kind: str, *, times: int = 1) -> Filter:
    """Hang up instead of handing on the next ``times`` frames of this kind."""
    left = times

    def act(payload: Payload) -> Iterable[Payload]:
        nonlocal left
        if left > 0 and kind_of(payload) == kind:
            left -= 1
            raise HangUp
        return [payload]

    return act


def drop_socket_at(number: int) -> Filter:
    """Hang up at the frame with this number, counted from 1 over all sockets."""
    seen = 0

    def act(payload: Payload) -> Iterable[Payload]:
        nonlocal seen
        seen += 1
        if seen == number:
            raise HangUp
        return [payload]

    return act


@dataclass
class Silence:
    """A filter that hands nothing on from the first frame of ``kind`` (or from :meth:`begin`) on."""

    kind: str = ""
    silent: bool = False

    def begin(self) -> None:
        self.silent = True

    def end(self) -> None:
        self.silent, self.kind = False, ""

    def __call__(self, payload: Payload) -> Iterable[Payload]:
        self.silent = self.silent or (bool(self.kind) and kind_of(payload) == self.kind)
        return [] if self.silent else [payload]


@asynccontextmanager
async def proxied(upstream: str, *filters: Filter, **settings: object) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(upstream, filters=list(filters), **settings) as proxy:  # type: ignore[arg-type]
        yield proxy
