"""What a bot says on a connection, and what the gateway makes of it.

Source: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.discord import payloads
from tests.support.discord.failures import Json
from tests.support.discord.gateway_sessions import Closed, Session, Socket

if TYPE_CHECKING:
    from tests.support.discord.gateway import Gateway
    from tests.support.discord.world import DiscordWorld

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT = 1, 2, 3, 4, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, ACK, SOUNDS = 8, 9, 10, 11, 31

GUILDS, GUILD_MEMBERS, GUILD_PRESENCES = 1 << 0, 1 << 1, 1 << 8
GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 9, 1 << 12, 1 << 15
PRIVILEGED = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT

EVENTS_A_MINUTE = 120


class Talk:
    """The protocol of one connection after HELLO."""

    def __init__(self, world: DiscordWorld, gateway: Gateway) -> None:
        self._world = world
        self._gateway = gateway
        self._identified = -math.inf

    def _pace(self, socket: Socket) -> None:
        now = asyncio.get_running_loop().time()
        socket.received = [at for at in socket.received if at > now - 60] + [now]
        if len(socket.received) > EVENTS_A_MINUTE:
            raise Closed(4008, "Rate limited.")

    async def hear(self, socket: Socket, operation: int, data: Any) -> None:
        """One message of the bot."""
        self._pace(socket)
        known: dict[int, tuple[str, Callable[[Socket, Any], Any]]] = {
            HEARTBEAT: ("HEARTBEAT", self._heartbeat),
            IDENTIFY: ("IDENTIFY", self._identify),
            PRESENCE: ("PRESENCE", self._ignore),
            VOICE: ("VOICE", self._ignore),
            RESUME: ("RESUME", self._resume),
            REQUEST_MEMBERS: ("REQUEST_MEMBERS", self._members),
            SOUNDS: ("SOUNDS", self._ignore),
        }
        if operation not in known:
            raise Closed(4001, "Unknown opcode.")
        if socket.session is None and operation not in (HEARTBEAT, IDENTIFY, RESUME):
            raise Closed(4003, "Not authenticated.")
        name, handler = known[operation]
        self._gateway.counts[name] += 1
        result = handler(socket, data)
        if asyncio.iscoroutine(result):
            await result

    def _ignore(self, socket: Socket, data: Any) -> None:
        """Allowed, and without effect here."""

    def _heartbeat(self, socket: Socket, _: Any) -> None:
        socket.send({"op": ACK})

    async def _identify(self, socket: Socket, data: Json) -> None:
        if socket.session is not None:
            raise Closed(4005, "Already authenticated.")
        if data.get("token") != self._world.token:
            raise Closed(4004, "Authentication failed.")
        shard, shards = data.get("shard") or (0, 1)
        if not 0 <= shard < shards:
            raise Closed(4010, "Invalid shard.")
        if data["intents"] & PRIVILEGED & ~self._gateway.allowed_intents:
            raise Closed(4014, "Disallowed intent(s).")
        if self._too_soon():
            socket.send({"op": INVALID_SESSION, "d": False})
            return
        if self._gateway.ready_gate is not None:
            await self._gateway.ready_gate.wait()
        session = Session(f"session-{self._world.ids.mint()}", shard, shards, data["intents"], socket=socket)
        socket.session = session
        self._gateway.sessions[session.id] = session
        session.push("READY", self._world.ready(session))
        for guild in self._world.guilds.values():
            if guild.has_bot and not guild.unavailable and session.hears(guild.id):
                session.push("GUILD_CREATE", payloads.whole_guild(guild))

    def _too_soon(self) -> bool:
        now = asyncio.get_running_loop().time()
        too_soon = now < self._identified + self._gateway.identify_seconds
        self._identified = now
        return too_soon

    def _resume(self, socket: Socket, data: Json) -> None:
        if data.get("token") != self._world.token:
            raise Closed(4004, "Authentication failed.")
        session = self._gateway.sessions.get(data.get("session_id", ""))
        sequence = data.get("seq")
        if session is None or sequence is None or session.sequence - sequence > len(session.said):
            socket.send({"op": INVALID_SESSION, "d": False})
            return
        if sequence > session.sequence:
            raise Closed(4007, "Invalid seq.")
        if session.socket is not None and session.socket is not socket:
            session.socket.abort()
        session.socket, socket.session = socket, session
        for message in session.said:
            if message["s"] > sequence:
                socket.send(message)
        session.push("RESUMED", {})

    def _members(self, socket: Socket, data: Json) -> None:
        assert socket.session is not None
        guild = self._world.guilds[int(data["guild_id"])]
        wanted = [int(each) for each in data.get("user_ids") or []]
        found = [guild.members[each] for each in wanted if each in guild.members]
        if not wanted and socket.session.intents & GUILD_MEMBERS:
            found = list(guild.members.values())
        answer: Json = {
            "guild_id": str(guild.id),
            "members": [payloads.member(each) for each in found],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [str(each) for each in wanted if each not in guild.members],
        }
        if "nonce" in data:
            answer["nonce"] = data["nonce"]
        socket.session.push("GUILD_MEMBERS_CHUNK", answer)
