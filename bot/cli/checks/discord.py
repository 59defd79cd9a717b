"""What Discord says of the token, the bot, its servers and its gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from yarl import URL

from bot.cli.checks.asking import Questions
from bot.cli.checks.rows import Status
from bot.cli.tokens import RIGHTS, invitation, not_for_discord
from bot.config import Discord

Finding = tuple[Status, str]

MOST_GUILDS = 200
"""Servers of a bot that Discord tells at a time."""
FEW_STARTS = 20
"""Of the session starts of a day, usually a thousand: fewer are left only where something goes on failing."""
GATEWAY_SECONDS = 8.0
OPEN_TO_SERVERS = (
    "Any server may invite the bot and use your GPU. Name yours in discord.allowed_guild_ids or "
    "discord.guild_ids."
)
NOT_KNOWN = (
    "Discord does not know the token: it was mistyped, or reset since. Copy it anew from the developer "
    "portal: Bot → Reset Token."
)
CODE_GRANT = (
    "Nobody can invite the bot: “Requires OAuth2 Code Grant” is switched on. Switch it off in the "
    "developer portal: Bot."
)
ENDPOINT = (
    "Discord sends commands to the application's “Interactions Endpoint URL” instead of the bot. Empty that "
    "field in the developer portal: General Information."
)
_RIGHTS = {
    1 << 10: "View Channels",
    1 << 11: "Send Messages",
    1 << 14: "Embed Links",
    1 << 15: "Attach Files",
    1 << 38: "Send Messages in Threads",
}
_ADMINISTRATOR = 1 << 3
_INTENTS = {(1 << 12) | (1 << 13): "Presence", (1 << 14) | (1 << 15): "Members", (3 << 18): "Message Content"}
"""Privileged ones, by the application's flags: each has one for all bots and one for small ones."""


async def findings(configured: Discord, questions: Questions) -> Sequence[Finding]:
    """Raises aiohttp's errors."""
    token, base = configured.token.get_secret_value(), configured.api_base_url
    if (misplaced := not_for_discord(token)) is not None:
        return [("problem", misplaced)]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {token}"}) as session:
        code, application = await questions.get(session, f"{base}/oauth2/applications/@me")
        if code == 401:
            return [("problem", NOT_KNOWN)]
        if code != 200 or not isinstance(application, Mapping):
            return [("warning", f"Discord does not say whether the token is valid (HTTP {code}).")]
        gateway, guilds = await asyncio.gather(
            _gateway(configured, session, questions), _guilds(session, base, questions)
        )
        commands = await _commands(configured, application.get("id"), guilds, session, questions)
    link = invitation(application.get("id"))
    found: list[Finding] = [("ok", f"The token is that of {application.get('name')}. Invite it:  {link}")]
    found += _application(application)
    found += _places(configured, guilds, link)
    if application.get("bot_public") and not configured.guild_ids and not configured.allowed_guild_ids:
        found.append(("warning", OPEN_TO_SERVERS))
    return [*found, *commands, *gateway]


def _application(application: Mapping[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    if application.get("bot_require_code_grant") is True:
        found.append(("problem", CODE_GRANT))
    if application.get("interactions_endpoint_url"):
        found.append(("problem", ENDPOINT))
    flags = application.get("flags")
    on = [name for bits, name in _INTENTS.items() if isinstance(flags, int) and flags & bits]
    if on:
        words = f"Privileged intents are on that Fairbrush does not need: {', '.join(on)}. They may go."
        found.append(("ok", words))
    return found


def _places(configured: Discord, guilds: Mapping[int, int | None] | None, link: str) -> list[Finding]:
    if guilds is None:
        return []
    found: list[Finding] = [
        ("problem", f"The bot is not in the server {guild} of discord.guild_ids. Invite it:  {link}")
        for guild in configured.guild_ids
        if guild not in guilds
    ]
    if not guilds and not configured.guild_ids:
        found.append(("warning", f"The bot is in no server yet. Invite it:  {link}"))
    wanted = configured.guild_ids or configured.allowed_guild_ids or tuple(guilds)
    for guild in wanted:
        rights = guilds.get(guild)
        if rights is None or rights & _ADMINISTRATOR:
            continue
        if lacking := [name for bit, name in _RIGHTS.items() if not rights & bit]:
            words = f"In the server {guild} the bot lacks: {', '.join(lacking)}. Give them to its role there"
            found.append(("warning", f"{words}, or invite it again."))
    return found


async def _guilds(
    session: aiohttp.ClientSession, base: str, questions: Questions
) -> dict[int, int | None] | None:
    """Servers that the bot is in, with its rights there; None where Discord does not tell all of them."""
    code, guilds = await questions.get(session, f"{base}/users/@me/guilds?limit={MOST_GUILDS}")
    if code != 200 or not isinstance(guilds, list) or len(guilds) >= MOST_GUILDS:
        return None
    listed = [(str(g.get("id")), str(g.get("permissions"))) for g in guilds if isinstance(g, Mapping)]
    return {
        int(number): int(rights) if rights.isdecimal() else None
        for number, rights in listed
        if number.isdecimal()
    }


async def _commands(
    configured: Discord,
    application: object,
    guilds: Mapping[int, int | None] | None,
    session: aiohttp.ClientSession,
    questions: Questions,
) -> list[Finding]:
    """Servers that the bot was brought into without the right to have commands there."""
    there = [guild for guild in configured.guild_ids if guild in (guilds or ())]
    base = f"{configured.api_base_url}/applications/{application}/guilds"
    answers = await asyncio.gather(*(questions.get(session, f"{base}/{guild}/commands") for guild in there))
    return [
        (
            "problem",
            (
                f"The bot may not have commands in the server {guild}: it was invited without the scope "
                f"applications.commands. Invite it again, it loses nothing:  {invitation(application)}"
            ),
        )
        for guild, (code, _) in zip(there, answers, strict=True)
        if code == 403
    ]


async def _gateway(
    configured: Discord, session: aiohttp.ClientSession, questions: Questions
) -> list[Finding]:
    url, starts = configured.gateway_url, ""
    if not url:
        code, answer = await questions.get(session, f"{configured.api_base_url}/gateway/bot")
        if code != 200 or not isinstance(answer, Mapping):
            return [("warning", f"Discord does not tell where its gateway is (HTTP {code}).")]
        url = str(answer.get("url", ""))
        limit = answer.get("session_start_limit")
        left, total = (
            limit.get(key) if isinstance(limit, Mapping) else None for key in ("remaining", "total")
        )
        if isinstance(left, int) and isinstance(total, int):
            starts = f"; {left:,} of {total:,} session starts are left today"
            if left <= min(FEW_STARTS, total // 10):
                status: Status = "problem" if left == 0 else "warning"
                hours = (
                    float(limit.get("reset_after") or 0) / 3_600_000 if isinstance(limit, Mapping) else 0.0
                )
                words = f"Only {left} of {total:,} session starts are left for the next {hours:.1f} hours"
                return [(status, f"{words}: something starts the bot again and again. Look into its log.")]
    return [await _hello(session, url, starts)]


async def _hello(session: aiohttp.ClientSession, url: str, starts: str) -> Finding:
    """The gateway greets before anybody has said who they are, so this uses up no session start."""
    closed: Finding = (
        "problem",
        (
            "Discord's gateway cannot be reached, so no command arrives. A firewall or proxy must let "
            "websockets (wss, port 443) through to gateway.discord.gg."
        ),
    )
    try:
        address = URL(url).update_query(v="10", encoding="json")
        async with asyncio.timeout(GATEWAY_SECONDS), session.ws_connect(address) as ws:
            greeting = await ws.receive_json()
    except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError):
        return closed
    if not isinstance(greeting, Mapping) or greeting.get("op") != 10:
        return closed
    return ("ok", f"Its gateway answers{starts}.")


assert sum(_RIGHTS) == RIGHTS
