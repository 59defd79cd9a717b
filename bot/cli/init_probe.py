"""What ``fairbrush init`` can find out by itself: servers, bots, the time zone, a free port."""

from __future__ import annotations

import asyncio
import os
import time
import zoneinfo
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.cli.checks.asking import Questions
from bot.cli.checks.discord import NOT_KNOWN as NOT_AT_DISCORD
from bot.cli.checks.pages import cannot_listen
from bot.cli.checks.servers import described, explained
from bot.cli.checks.telegram import NOT_KNOWN as NOT_AT_TELEGRAM
from bot.cli.tokens import invitation
from bot.comfy.client import ComfyClient
from bot.config import Discord, Listen, Telegram
from bot.domain.errors import AuthenticationFailed, FairbrushError, ProtocolError

SECONDS = 8.0
"""For one question."""
HERE = "http://127.0.0.1:8188"
"""Where ComfyUI listens unless it is told otherwise."""
HERE_SECONDS = 3.0
_COULD_NOT_ASK = "It could not be asked whether the token is right: {platform} is not reached from here."


@dataclass(frozen=True, slots=True)
class Server:
    """``answers``: a ComfyUI does. ``wants_login``: something in front of it wants one."""

    words: str
    answers: bool
    wants_login: bool = False


@dataclass(frozen=True, slots=True)
class Bot:
    """``known``: None if it could not be asked. ``places`` are the names of Discord servers by their ids."""

    words: str
    known: bool | None
    places: Mapping[str, str] | None = None
    owner: str = ""


def server(url: str, headers: Mapping[str, str], seconds: float = SECONDS) -> Server:
    return asyncio.run(_server(url, headers, seconds))


async def _server(url: str, headers: Mapping[str, str], seconds: float) -> Server:
    async with ComfyClient(url, headers=headers, timeout_seconds=seconds) as client:
        try:
            return Server(described(await client.system_stats(), url), answers=True)
        except FairbrushError as error:
            words = await explained(error, client, configured=bool(headers))
            login = isinstance(error, AuthenticationFailed) or (
                isinstance(error, ProtocolError) and "login" in words
            )
            return Server(words, answers=False, wants_login=login)


def discord_bot(token: str, base: str = Discord().api_base_url) -> Bot:
    return asyncio.run(_bounded(_discord(token, base), "Discord"))


async def _bounded(asking: Awaitable[Bot], platform: str) -> Bot:
    try:
        async with asyncio.timeout(SECONDS):
            return await asking
    except (aiohttp.ClientError, OSError, TimeoutError):
        return Bot(_COULD_NOT_ASK.format(platform=platform), known=None)


async def _discord(token: str, base: str) -> Bot:
    questions = Questions(time.time)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {token}"}) as session:
        code, application = await questions.get(session, f"{base}/oauth2/applications/@me")
        if code == 401:
            return Bot(NOT_AT_DISCORD, known=False)
        if code != 200 or not isinstance(application, Mapping):
            return Bot(_COULD_NOT_ASK.format(platform="Discord"), known=None)
        code, guilds = await questions.get(session, f"{base}/users/@me/guilds")
    listed = guilds if code == 200 and isinstance(guilds, list) else []
    places = {str(each["id"]): str(each.get("name")) for each in listed if isinstance(each, Mapping)}
    owner = application.get("owner")
    # The owner of a team's application is the team, which is nobody.
    person = owner.get("id") if isinstance(owner, Mapping) and not application.get("team") else None
    words = f"This is {application.get('name')}. To invite it:  {invitation(application.get('id'))}"
    return Bot(words, known=True, places=places, owner=str(person or ""))


def telegram_bot(token: str, base: str = Telegram().api_base_url) -> Bot:
    return asyncio.run(_bounded(_telegram(token, base), "Telegram"))


async def _telegram(token: str, base: str) -> Bot:
    questions = Questions(time.time)
    async with aiohttp.ClientSession() as session:
        code, answer = await questions.get(session, f"{base}/bot{token}/getMe")
    if code in (401, 404):
        return Bot(NOT_AT_TELEGRAM, known=False)
    bot = answer.get("result") if isinstance(answer, Mapping) else None
    if code != 200 or not isinstance(bot, Mapping):
        return Bot(_COULD_NOT_ASK.format(platform="Telegram"), known=None)
    return Bot(f"This is @{bot.get('username')}:  https://t.me/{bot.get('username')}", known=True)


def time_zone() -> str:
    """This machine's, by its IANA name; UTC where it tells none."""
    named = os.environ.get("TZ", "").lstrip(":")
    candidates = [named, _first_line(Path("/etc/timezone")), _linked(Path("/etc/localtime"))]
    known = zoneinfo.available_timezones()
    found = next((each for each in candidates if each in known), "UTC")
    return "UTC" if found in ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu") else found


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        return ""


def _linked(path: Path) -> str:
    """``Europe/Berlin`` of ``/usr/share/zoneinfo/Europe/Berlin``."""
    try:
        return path.resolve().as_posix().partition("zoneinfo/")[2]
    except (OSError, RuntimeError):
        return ""


def is_free(listen: str) -> bool:
    """Whether a server of ours could listen there, at ``host:port``."""
    host, _, port = listen.rpartition(":")
    return cannot_listen(Listen(host.removeprefix("[").removesuffix("]"), int(port))) is None
