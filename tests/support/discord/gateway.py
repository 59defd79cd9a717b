"""The gateway: who is connected, what is dispatched to them, and how it breaks.

Source: https://discord.com/developers/docs/events/gateway
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from tests.support.discord import payloads
from tests.support.discord.failures import Json
from tests.support.discord.gateway_sessions import Closed, Session, Socket
from tests.support.discord.gateway_talk import (
    DIRECT_MESSAGES,
    GUILD_MESSAGES,
    GUILDS,
    HELLO,
    INVALID_SESSION,
    MESSAGE_CONTENT,
    RECONNECT,
    Talk,
)
from tests.support.discord.signals import Signal

if TYPE_CHECKING:
    from tests.support.discord.messages import Message
    from tests.support.discord.world import DiscordWorld


class Gateway:
    """``counts``: IDENTIFY, RESUME, HEARTBEAT … that were received; ``opened``: connections ever.

    ``gate``: when set to an event, nothing is said before it; ``ready_gate``: the same for READY alone.
    ``identify_seconds``: an IDENTIFY earlier than so much after another is refused (Discord: 5; 0: none is).
    ``refusals``: statuses of the next
    connection attempts. ``allowed_intents``: privileged ones that the bot has been granted.
    """

    def __init__(self, world: DiscordWorld) -> None:
        self._world = world
        self.sessions: dict[str, Session] = {}
        self.sockets: list[Socket] = []
        self.counts: Counter[str] = Counter()
        self.opened = 0
        self.heartbeat_seconds = 41.25
        self.shards = 1
        self.allowed_intents = 0
        self.ready_gate: asyncio.Event | None = None
        self.gate: asyncio.Event | None = None
        self.identify_seconds = 0.0
        self.refusals: list[int | None] = []
        self.changed = Signal()
        self._talk = Talk(world, self)

    # What tests do with it

    @property
    def ready(self) -> bool:
        """Whether a session is connected that has heard READY."""
        return any(session.socket is not None for session in self.sessions.values())

    async def until_ready(self, shards: int = 1) -> None:
        def connected() -> bool:
            return sum(session.socket is not None for session in self.sessions.values()) >= shards

        await self.changed.until(connected, what="a bot on the gateway")

    async def until_gone(self) -> None:
        await self.changed.until(lambda: not self.ready, what="the bot leaving the gateway")

    def drop(self) -> None:
        """Cut every connection, as a broken network does."""
        for socket in list(self.sockets):
            socket.abort()

    def close(self, code: int, words: str = "") -> None:
        for socket in list(self.sockets):
            socket.outbox.put_nowait(Closed(code, words))

    def ask_to_reconnect(self) -> None:
        self._tell({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        if not resumable:
            self.forget_sessions()
        self._tell({"op": INVALID_SESSION, "d": resumable})

    def forget_sessions(self) -> None:
        """The next RESUME is refused."""
        self.sessions.clear()

    def silence(self) -> None:
        """Connections stay open, and nothing is said on them any more, no acknowledgement either."""
        for socket in self.sockets:
            socket.silent = True

    def refuse(self, times: int = 1, status: int | None = 503) -> None:
        """The next connection attempts get ``status``, or (None) are cut."""
        self.refusals += [status] * times

    def _tell(self, message: Json) -> None:
        for socket in self.sockets:
            socket.send(message)

    # Events

    def dispatch(self, event: str, data: Json, *, guild: int | None = None, needs: int = GUILDS) -> bool:
        """Tell the shard that is responsible. ``needs``: an intent; 0: none. False: there is no session."""
        heard = False
        for session in self.sessions.values():
            if session.hears(guild) and (not needs or session.intents & needs):
                session.push(event, data)
                heard = True
        return heard

    def announce(self, event: str, data: Json | None, message: Message) -> None:
        """A message came, changed or went: to those who subscribed, with its text if they may read it."""
        guild = message.channel.guild
        if message.ephemeral or (guild is not None and not guild.has_bot):
            return
        needs = DIRECT_MESSAGES if guild is None else GUILD_MESSAGES
        for session in self.sessions.values():
            if session.intents & needs and session.hears(None if guild is None else guild.id):
                own = message.author is self._world.bot or guild is None
                readable = own or bool(session.intents & MESSAGE_CONTENT)
                body = data or payloads.message(message, with_content=readable)
                session.push(event, body if guild is None else {**body, "guild_id": str(guild.id)})

    # Connections

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.opened += 1
        if self.refusals:
            status = self.refusals.pop(0)
            if status is None and request.transport is not None:
                request.transport.abort()
            self.changed.fire()
            return web.Response(status=status or 503)
        ws = web.WebSocketResponse(max_msg_size=1 << 16, autoping=True)
        await ws.prepare(request)
        compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        socket = Socket(request, ws, compressor, lambda: self.gate)
        self.sockets.append(socket)
        writer = asyncio.create_task(socket.write())
        socket.send({"op": HELLO, "d": {"heartbeat_interval": round(self.heartbeat_seconds * 1000)}})
        try:
            await self._listen(socket)
        except Closed as closed:
            await ws.close(code=closed.code, message=str(closed).encode())
        finally:
            self._gone(socket)
            socket.outbox.put_nowait(None)
            await writer
        return ws

    def _gone(self, socket: Socket) -> None:
        self.sockets.remove(socket)
        session = socket.session
        if session is not None and session.socket is socket:
            session.socket = None
            if socket.ws.close_code in (1000, 1001):
                self.sessions.pop(session.id, None)
        self.changed.fire()

    async def _listen(self, socket: Socket) -> None:
        async for frame in socket.ws:
            if frame.type is not WSMsgType.TEXT:
                raise Closed(4002, "Error while decoding payload.")
            try:
                message = json.loads(frame.data)
                operation = message["op"]
            except (ValueError, KeyError, TypeError):
                raise Closed(4002, "Error while decoding payload.") from None
            await self._talk.hear(socket, operation, message.get("d"))
            self.changed.fire()
