"""The connection to Discord: logs in, stays connected, hands interactions on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.domain.errors import AuthenticationFailed
from bot.domain.text import Text

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_LONGEST = 2.0, 120.0
"""Seconds between attempts to connect while Discord cannot be reached."""

OnInteraction = Callable[[discord.Interaction], None]
OnConnected = Callable[[], None]
OnJoined = Callable[[int], None]
"""Told of a guild that has just invited the bot."""


class DiscordClient(discord.AutoShardedClient):
    """Needs no privileged intent: commands, buttons and forms come with all that they are about.

    Auto-sharded even for one guild: the plain client dies when its very first connection fails.
    """

    def __init__(
        self, on_interaction: OnInteraction, on_connected: OnConnected, on_joined: OnJoined, **options: Any
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            **options,
        )
        self._interaction = on_interaction
        self._connected = on_connected
        self._joined = on_joined
        self.up = asyncio.Event()
        self.was_up = False
        self.times_up = 0

    async def setup_hook(self) -> None:
        self._connected()

    async def on_ready(self) -> None:
        self.was_up = True
        self._is_up()

    async def on_resumed(self) -> None:
        self._is_up()

    def _is_up(self) -> None:
        self.times_up += 1
        self.up.set()

    async def on_disconnect(self) -> None:
        self.up.clear()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self._joined(guild.id)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self._interaction(interaction)


def point_at(api_base_url: str, gateway_url: str) -> Mapping[str, Any]:
    """Let the library talk to other addresses than Discord's own, where they are given (else ""); options for
    the client. The library keeps them for the whole process."""
    if api_base_url:
        Route.BASE = api_base_url.rstrip("/")
    if not gateway_url:
        return {}
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    # Where the number of shards is not fixed, the library asks Discord for it, and for another address.
    return {"shard_count": 1, "shard_ids": [0]}


def counted(told: Callable[[int], None]) -> aiohttp.TraceConfig:
    """An option for the client (``http_trace``): ``told`` the HTTP status of each answer of Discord's, 0
    where none came; also of those that the library hides by waiting and trying again."""

    async def ended(_: object, __: object, found: aiohttp.TraceRequestEndParams) -> None:
        told(found.response.status)

    async def failed(_: object, __: object, ___: aiohttp.TraceRequestExceptionParams) -> None:
        told(0)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(failed)
    return trace


async def stay_connected(
    make: Callable[[], DiscordClient],
    token: str,
    *,
    use: Callable[[DiscordClient], None],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Run clients one after the other until cancelled. Raises AuthenticationFailed for a token that Discord
    does not know."""
    pause = RETRY_FIRST
    while True:
        client = make()
        use(client)
        try:
            async with client:
                await client.start(token)
        except discord.LoginFailure as error:
            raise AuthenticationFailed(
                Text(
                    "Discord does not know the token. Copy it anew from the developer portal (Bot → Reset "
                    "Token) into discord.token."
                ),
                cause=type(error).__name__,
            ) from error
        except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
            if client.was_up:
                pause = RETRY_FIRST
            log.warning("Discord cannot be reached (%s); trying again in %.0f s", type(error).__name__, pause)
        await sleep(pause)
        pause = min(2 * pause, RETRY_LONGEST)
