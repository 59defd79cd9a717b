"""The HTTP side: each request is recorded, meets the faults, is held against the API, and answered."""

from __future__ import annotations

import inspect
import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.discord.faults import HangUp
from tests.support.telegram import schema
from tests.support.telegram.bodies import Body, read_body
from tests.support.telegram.calls import Call, Received
from tests.support.telegram.failures import ApiError, no_such_method, not_found, too_large, unauthorized
from tests.support.telegram.methods import Handler

if TYPE_CHECKING:
    from tests.support.telegram.world import TelegramWorld

RECORDED = 100_000
TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")


class Server:
    """Listens on loopback. ``violations``: what requests (and the stand-in's own answers) have that the API
    does not know; ``unknown``: methods that are not played here."""

    def __init__(self, world: TelegramWorld) -> None:
        self._world = world
        self.received: deque[Received] = deque(maxlen=RECORDED)
        self.violations: list[str] = []
        self.unknown: list[str] = []
        self.url = ""
        self.port = 0
        self._table: dict[str, Handler] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, table: dict[str, Handler]) -> None:
        self._table = table
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_get("/file/bot{token}/{path:.*}", self._download)
        app.router.add_route("*", "/{path:.*}", self._nothing)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _nothing(self, request: web.Request) -> web.Response:
        self.unknown.append(f"{request.method} {request.path}")
        return _answer(404, not_found().body())

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self._world.token:
            return _answer(404, not_found().body())
        return await self._world.downloads.serve(request.match_info["path"], request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        method = schema.method_named(request.match_info["method"]) or request.match_info["method"]
        received = Received(method, world.now(), world.clock.monotonic())
        if world.recording:
            self.received.append(received)
        try:
            answer = await self._play(method, request, received)
        except (HangUp, ConnectionResetError):  # or the bot has hung up, in the middle of a word
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        except ApiError as error:
            received.code, received.description = error.code, error.description
            world.changed.fire()
            if error.html is not None:
                return web.Response(status=error.code, text=error.html, content_type="text/html")
            return _answer(error.code, error.body())
        received.code = 200
        received.answer = answer if world.recording else None
        world.changed.fire()
        return _answer(200, {"ok": True, "result": answer})

    async def _play(self, method: str, request: web.Request, received: Received) -> Any:
        world = self._world
        token = request.match_info["token"]
        body = await read_body(request, world.files.keep_bytes)
        call = Call(method, body, local=world.downloads.folder is not None)
        said = call.whole()
        if world.recording:
            received.json = said
            received.files = [(name, file.filename, file.length) for name, file in body.files.items()]
        await world.faults.meet(method, str(said.get("chat_id", "")), after=False)
        if token != world.token:
            raise unauthorized() if TOKEN.fullmatch(token) else not_found()
        handler = self._table.get(method)
        if handler is None:
            self.unknown.append(method)
            raise no_such_method()
        if body.total > world.files.upload_bytes:
            raise too_large()
        # The handler says what is wrong more exactly; what it lets pass is noted.
        wrong = self._wrong(method, body) if world.strict else []
        if body.files:
            world.flood.take_upload(body.total)
        answer = handler(call)
        if inspect.isawaitable(answer):
            answer = await answer
        self.violations += wrong
        if world.check_answers:
            self.violations += schema.answer_violations(method, answer)
        await world.faults.meet(method, str(said.get("chat_id", "")), after=True)
        return answer

    def _wrong(self, method: str, body: Body) -> list[str]:
        return schema.request_violations(method, body.arguments, set(body.files))


def _answer(status: int, body: Any) -> web.Response:
    text = json.dumps(body, separators=(",", ":"))
    headers = {}
    if status == 429:
        headers["Retry-After"] = str(body.get("parameters", {}).get("retry_after", 1))
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)
