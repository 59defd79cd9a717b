"""A server that only does what a test says: for states that no healthy ComfyUI server gets into."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]


@dataclass
class ScriptedServer:
    """Takes prompts, and then nothing happens unless the test makes it happen.

    ``takes``: where a posted prompt goes, ``running`` or ``pending``. Interrupts and deletions are noted;
    ``obeys`` says whether they have an effect.
    """

    takes: str = "running"
    obeys: bool = True
    running: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    history: dict[str, Json] = field(default_factory=dict)
    posted: list[Json] = field(default_factory=list)
    interrupts: list[Json] = field(default_factory=list)
    deletions: list[Json] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    """Paths of the requests for ``/queue``."""
    clients: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    """By client id, the newest socket; closing an older one makes the id deaf, as with a real server."""
    offers: Json = field(
        default_factory=lambda: {"SaveImage": {"input": {"required": {}}, "output": [], "output_node": True}}
    )
    """Its node classes."""
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**28)
        app.add_routes(
            [
                web.post("/prompt", self._prompt),
                web.get("/queue", self._queue),
                web.post("/queue", self._delete),
                web.post("/interrupt", self._interrupt),
                web.get("/history/{id}", self._history),
                web.get("/object_info", self._object_info),
                web.get("/system_stats", self._system_stats),
                web.get("/ws", self._socket),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for socket in list(self.clients.values()):
            await socket.close()
        assert self._runner is not None
        await self._runner.cleanup()

    async def tell(self, kind: str, **data: Any) -> None:
        """Send one message to every client that is not deaf."""
        for socket in list(self.clients.values()):
            await socket.send_str(json.dumps({"type": kind, "data": data}))

    def succeed(self, prompt_id: str, outputs: Json) -> None:
        """Move a prompt to the history, as finished."""
        self.running = [p for p in self.running if p != prompt_id]
        self.pending = [p for p in self.pending if p != prompt_id]
        status = {
            "status_str": "success",
            "completed": True,
            "messages": [["execution_start", {"timestamp": 1}]],
        }
        self.history[prompt_id] = {"prompt": [], "outputs": outputs, "status": status, "meta": {}}

    async def _prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posted.append(body)
        getattr(self, self.takes).append(body["prompt_id"])
        return web.json_response(
            {"prompt_id": body["prompt_id"], "number": len(self.posted), "node_errors": {}}
        )

    async def _queue(self, request: web.Request) -> web.Response:
        self.looked.append(request.path)

        def items(ids: list[str]) -> list[list[Any]]:
            return [[number, prompt_id, {}, {}, []] for number, prompt_id in enumerate(ids)]

        return web.json_response({"queue_running": items(self.running), "queue_pending": items(self.pending)})

    async def _delete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.deletions.append(body)
        if self.obeys:
            self.pending = [p for p in self.pending if p not in body.get("delete", [])]
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.interrupts.append(body)
        if self.obeys:
            self.running = [p for p in self.running if p != body.get("prompt_id")]
        return web.Response()

    async def _history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["id"]
        return web.json_response({prompt_id: self.history[prompt_id]} if prompt_id in self.history else {})

    async def _object_info(self, _: web.Request) -> web.Response:
        return web.json_response(self.offers)

    async def _system_stats(self, _: web.Request) -> web.Response:
        return web.json_response({"system": {"comfyui_version": "0.0.0"}, "devices": []})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        client_id = request.query["clientId"]
        socket = web.WebSocketResponse(timeout=0.2)
        await socket.prepare(request)
        self.clients[client_id] = socket
        status = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client_id}
        await socket.send_str(json.dumps({"type": "status", "data": status}))
        async for _ in socket:
            pass
        self.clients.pop(client_id, None)
        return socket
