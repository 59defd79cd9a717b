"""Websockets: who is connected under which client id, and who gets which message.

One loop sends everything, one message after another. So messages keep their order for everybody, and a
client that stops reading holds up all others: that is how ComfyUI behaves, and clients have to cope.
"""

from __future__ import annotations

import asyncio
import json
import logging
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import ClientError, WSCloseCode, WSMsgType, web

from bot.sketch.noderun import Preview

log = logging.getLogger(__name__)

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
"""Binary events that go on the wire."""

_IMAGE_TYPES = {"JPEG": 1, "PNG": 2}
_CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One frame. ``client_id`` None: to every socket."""

    payload: str | bytes
    client_id: object


class Hub:
    """The connected sockets and the one queue of what they are sent. Belongs to the event loop."""

    def __init__(self, features: Mapping[str, Any], remaining: Callable[[], int]) -> None:
        self._features = features
        self._remaining = remaining
        self._open: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._sending: web.WebSocketResponse | None = None
        self._sockets: dict[object, web.WebSocketResponse] = {}
        self._flags: dict[object, Mapping[str, Any]] = {}
        self._outgoing: asyncio.Queue[Outgoing] = asyncio.Queue()
        self._executing: tuple[object, str] | None = None

    def post(self, outgoing: Outgoing) -> None:
        self._outgoing.put_nowait(outgoing)

    def post_message(self, event: str, data: Mapping[str, Any], client_id: object) -> None:
        if event == "executing":
            self._executing = None if data["node"] is None else (client_id, data["node"])
        self.post(Outgoing(_json(event, data), client_id))

    def post_status(self) -> None:
        self.post_message("status", self._status(), None)

    def wants_metadata(self, client_id: object) -> bool:
        return self._flags.get(client_id, {}).get("supports_preview_metadata") is True

    async def deliver(self) -> None:
        """Send what was posted, for ever."""
        while True:
            outgoing = await self._outgoing.get()
            if outgoing.client_id is None:
                targets = list(self._sockets.values())
            else:
                target = self._sockets.get(outgoing.client_id)
                targets = [] if target is None else [target]
            for self._sending in targets:
                await _send(self._sending, outgoing.payload)
            self._sending = None

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """``GET /ws``: one socket from its handshake to its end.

        A second socket of the same client id takes the id over; whichever closes first takes the id
        away, and the other one hears nothing from then on.
        """
        socket = web.WebSocketResponse(timeout=_CLOSE_SECONDS)
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid4().hex
        self._open[socket] = request.transport
        self._sockets[client_id] = socket
        self._flags[client_id] = {}
        try:
            await _send(socket, _json("status", {**self._status(), "sid": client_id}))
            if self._executing is not None and self._executing[0] == client_id:
                await _send(socket, _json("executing", {"node": self._executing[1]}))
            await self._listen(socket, client_id)
        finally:
            del self._open[socket]
            self._sockets.pop(client_id, None)
            self._flags.pop(client_id, None)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, client_id: str) -> None:
        """Feature flags count only in the first JSON object that arrives; all else is ignored."""
        first = True
        async for message in socket:
            if message.type is not WSMsgType.TEXT or not first:
                continue
            try:
                data = json.loads(message.data)
            except ValueError:
                continue
            if not isinstance(data, dict):
                continue
            first = False
            if data.get("type") == "feature_flags":
                flags = data.get("data", {})
                self._flags[client_id] = flags if isinstance(flags, dict) else {}
                self.post_message("feature_flags", self._features, client_id)

    async def close(self) -> None:
        """Say goodbye to every open socket, deaf ones too; one that does not read is cut off."""
        stalled = self._open.get(self._sending) if self._sending is not None else None
        if stalled is not None:
            stalled.abort()
        await asyncio.gather(*(_close(socket) for socket in self._open if socket is not self._sending))

    def _status(self) -> dict[str, Any]:
        return {"status": {"exec_info": {"queue_remaining": self._remaining()}}}


async def _send(socket: web.WebSocketResponse, payload: str | bytes) -> None:
    try:
        if isinstance(payload, str):
            await socket.send_str(payload)
        else:
            await socket.send_bytes(payload)
    except (ClientError, ConnectionError) as error:
        log.debug("a websocket went away: %s", error)


async def _close(socket: web.WebSocketResponse) -> None:
    try:
        async with asyncio.timeout(2 * _CLOSE_SECONDS):
            await socket.close(code=WSCloseCode.GOING_AWAY)
    except (TimeoutError, ClientError, ConnectionError) as error:
        log.debug("a websocket did not close in time: %s", error)


class HubOutbox:
    """Brings what the painter's thread says onto the event loop, in order."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop

    def send(self, event: str, data: Mapping[str, Any], client_id: object) -> None:
        self._loop.call_soon_threadsafe(self._hub.post_message, event, data, client_id)

    def preview(self, preview: Preview, names: Mapping[str, Any], client_id: object) -> None:
        if names:
            head = json.dumps({**names, "image_type": f"image/{preview.format.lower()}"}).encode()
            start = struct.pack(">II", PREVIEW_WITH_METADATA, len(head)) + head
        else:
            start = struct.pack(">II", PREVIEW, _IMAGE_TYPES[preview.format])
        self._post(start + preview.data, client_id)

    def wants_metadata(self, client_id: object) -> bool:
        return self._hub.wants_metadata(client_id)

    def text(self, node_id: str, text: str) -> None:
        """Progress text goes to every socket: it names no client."""
        name = node_id.encode()
        self._post(struct.pack(">II", TEXT, len(name)) + name + text.encode(), None)

    def _post(self, payload: bytes, client_id: object) -> None:
        self._loop.call_soon_threadsafe(self._hub.post, Outgoing(payload, client_id))


def _json(event: str, data: Mapping[str, Any]) -> str:
    return json.dumps({"type": event, "data": data})
