"""Whether the platforms know the tokens that are configured, and what else they say of the bot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import aiohttp

from bot.config import Settings
from bot.config.model import Discord, Telegram

Status = Literal["ok", "warning", "problem"]
Finding = tuple[Status, str]
"""What was found, and what to do."""

S = TypeVar("S", Discord, Telegram)

SECONDS = 10.0
"""For all that one platform is asked."""
RIGHTS = 274_877_959_168
"""View Channels, Send Messages, Embed Links, Attach Files, Send Messages in Threads."""
MOST_GUILDS = 200
"""Servers of a bot that Discord tells at a time."""
OPEN_TO_SERVERS = (
    "Any server may invite the bot and use your GPU. Name yours in discord.allowed_guild_ids or "
    "discord.guild_ids."
)
OPEN_TO_CHATS = (
    "Everybody who finds the bot may use your GPU, within their tier. Name the chats in "
    "telegram.allowed_chat_ids to change that."
)


async def front_ends(settings: Settings) -> Sequence[tuple[str, Finding]]:
    """Of each platform that the configuration names, by its name. Raises nothing because of one."""
    found: list[tuple[str, Finding]] = []
    if settings.discord is not None:
        found += [("Discord", each) for each in await _answered(settings.discord, _discord)]
    if settings.telegram is not None:
        found += [("Telegram", each) for each in await _answered(settings.telegram, _telegram)]
    return found


async def _answered(section: S, ask: Callable[[S], Awaitable[Sequence[Finding]]]) -> Sequence[Finding]:
    if not section.token.get_secret_value():
        name = type(section).__name__.lower()
        return [("problem", f"The section [{name}] has no token. Give one, or leave it out.")]
    try:
        async with asyncio.timeout(SECONDS):
            return await ask(section)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        # Not the error's own words: addresses of Telegram's calls hold the token.
        return [("warning", f"It could not be asked whether the token is valid ({type(error).__name__}).")]


async def _discord(configured: Discord) -> Sequence[Finding]:
    token, base = configured.token.get_secret_value(), configured.api_base_url
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {token}"}) as session:
        code, application = await _asked(session, f"{base}/oauth2/applications/@me")
        if code == 401:
            words = (
                "Discord does not know the token. Copy it anew from the developer portal: Bot → Reset Token."
            )
            return [("problem", words)]
        if code != 200 or not isinstance(application, Mapping):
            return [("warning", f"Discord does not say whether the token is valid (HTTP {code}).")]
        guilds = await _guilds(session, base)
    found: list[Finding] = [("ok", f"The token is that of {application.get('name')}.")]
    invitation = (
        f"https://discord.com/oauth2/authorize?client_id={application.get('id')}"
        f"&scope=bot+applications.commands&permissions={RIGHTS}"
    )
    if guilds is not None:
        found += [
            (
                "problem",
                f"The bot is not in the server {guild} of discord.guild_ids. Invite it:  {invitation}",
            )
            for guild in configured.guild_ids
            if guild not in guilds
        ]
        if not guilds and not configured.guild_ids:
            found.append(("warning", f"The bot is in no server yet. Invite it:  {invitation}"))
    if application.get("bot_public") and not configured.guild_ids and not configured.allowed_guild_ids:
        found.append(("warning", OPEN_TO_SERVERS))
    return found


async def _guilds(session: aiohttp.ClientSession, base: str) -> frozenset[int] | None:
    """Servers that the bot is in; None where Discord does not tell all of them."""
    code, guilds = await _asked(session, f"{base}/users/@me/guilds?limit={MOST_GUILDS}")
    if code != 200 or not isinstance(guilds, list) or len(guilds) >= MOST_GUILDS:
        return None
    return frozenset(int(guild["id"]) for guild in guilds if str(guild.get("id")).isdecimal())


async def _telegram(configured: Telegram) -> Sequence[Finding]:
    token, base = configured.token.get_secret_value(), configured.api_base_url
    async with aiohttp.ClientSession() as session:
        code, answer = await _asked(session, f"{base}/bot{token}/getMe")
    if code in (401, 404):
        words = "Telegram does not know the token. Copy it anew from @BotFather: /token."
        return [("problem", words)]
    bot = answer.get("result") if isinstance(answer, Mapping) else None
    if code != 200 or not isinstance(bot, Mapping):
        return [("warning", f"Telegram does not say whether the token is valid (HTTP {code}).")]
    name = bot.get("username")
    found: list[Finding] = [("ok", f"The token is that of @{name}:  https://t.me/{name}")]
    if bot.get("can_join_groups") is False:
        words = "It cannot be added to groups. To allow that: /setjoingroups of @BotFather."
        found.append(("warning", words))
    if not configured.allowed_chat_ids:
        found.append(("warning", OPEN_TO_CHATS))
    return found


async def _asked(session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    """Status and JSON of an answer. Raises aiohttp's errors, and ValueError for what is no JSON."""
    async with session.get(url) as answer:
        content = await answer.read()
        return answer.status, json.loads(content) if answer.status < 500 else None
