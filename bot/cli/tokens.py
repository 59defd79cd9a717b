"""What was pasted where a token belongs: told by its form, before anybody else gets to see it. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from enum import Enum

RIGHTS = 274_877_959_168
"""View Channels, Send Messages, Embed Links, Attach Files, Send Messages in Threads."""


class Pasted(Enum):
    DISCORD_BOT = "a Discord bot token"
    TELEGRAM_BOT = "a Telegram bot token"
    DISCORD_PERSON = "the token of a person at Discord"
    NUMBER = "a number, such as an application id"
    PUBLIC_KEY = "a public key, as Discord's portal shows one"
    CLIENT_KEY = "a client secret, as Discord's portal shows one under OAuth2"
    API_HASH = "an api_hash, which is for Telegram apps, or a key of 32 digits"
    NAME = "a user name or an address"
    UNKNOWN = "something else"


_DISCORD = re.compile(r"([A-Za-z0-9_-]{8,40}={0,2})\.[A-Za-z0-9_-]{4,12}\.[A-Za-z0-9_-]{10,}")
_FORMS: tuple[tuple[re.Pattern[str], Pasted], ...] = (
    (re.compile(r"\d{5,16}:[A-Za-z0-9_-]{10,}"), Pasted.TELEGRAM_BOT),
    (re.compile(r"mfa\.[A-Za-z0-9_-]{20,}"), Pasted.DISCORD_PERSON),
    (re.compile(r"-?\d+"), Pasted.NUMBER),
    (re.compile(r"[0-9a-f]{64}"), Pasted.PUBLIC_KEY),
    (re.compile(r"[0-9a-f]{32}"), Pasted.API_HASH),
    (re.compile(r"[A-Za-z0-9_-]{32}"), Pasted.CLIENT_KEY),
    (re.compile(r"@\w+|https?://.*|(?:t\.me|discord\.(?:com|gg))/.*|[\w.]{2,32}#\d{4}"), Pasted.NAME),
)


def pasted(token: str) -> Pasted:
    """What this is by its form. UNKNOWN proves nothing: platforms may change theirs.

    >>> pasted("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0").name
    'TELEGRAM_BOT'
    """
    if (parts := _DISCORD.fullmatch(token)) and _owner(parts[1]) is not None:
        return Pasted.DISCORD_BOT
    return next((kind for form, kind in _FORMS if form.fullmatch(token)), Pasted.UNKNOWN)


def not_for_discord(token: str) -> str | None:
    """Why this cannot be the token of a Discord bot; None if it may be."""
    found = pasted(token)
    if found in (Pasted.DISCORD_BOT, Pasted.UNKNOWN):
        return None
    where = "Discord's developer portal shows the token under Bot → Reset Token."
    if found is Pasted.TELEGRAM_BOT:
        return f"That is {found.value}: it belongs into [telegram]. {where}"
    if found is Pasted.DISCORD_PERSON:
        return f"That is {found.value}; only a bot's may be used. {where}"
    return f"That is {found.value}, not the token. {where}"


def not_for_telegram(token: str) -> str | None:
    """Why this cannot be the token of a Telegram bot; None if it may be."""
    found = pasted(token)
    if found in (Pasted.TELEGRAM_BOT, Pasted.UNKNOWN):
        return None
    where = "@BotFather gives the token after /newbot, or /token."
    if found is Pasted.DISCORD_BOT:
        return f"That is {found.value}: it belongs into [discord]. {where}"
    return f"That is {found.value}, not the token. {where}"


def invitation(application: object) -> str:
    """Where a server is chosen for the bot, with the scopes and rights that it needs."""
    return (
        f"https://discord.com/oauth2/authorize?client_id={application}"
        f"&scope=bot+applications.commands&permissions={RIGHTS}"
    )


def _owner(part: str) -> int | None:
    """The id at the front of a Discord token; None if there is none."""
    try:
        number = base64.urlsafe_b64decode(part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4))
        return int(number) if number.isdigit() else None
    except (binascii.Error, ValueError):
        return None
