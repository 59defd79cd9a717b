"""What Telegram says of the token, the bot, its groups, and how it hands out what is written to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.cli.checks.asking import Questions
from bot.cli.checks.rows import Status
from bot.cli.tokens import not_for_telegram
from bot.config import Telegram

Finding = tuple[Status, str]

MOST_GROUPS = 20
"""Of the allowed ones that are asked about."""
MANY_PENDING = 100
RECENT_SECONDS = 3600.0
"""An error of a webhook that is older is over."""
OPEN_TO_CHATS = (
    "Everybody who finds the bot may use your GPU, within their tier. Name the chats in "
    "telegram.allowed_chat_ids to change that."
)
NOT_KNOWN = (
    "Telegram does not know the token: it was mistyped, or revoked since. Copy it anew from @BotFather: "
    "/token."
)
PRIVACY_ON = "Privacy mode is on, as it should be: in groups it is given commands, and replies to it."
PRIVACY_OFF = (
    "Privacy mode is off: groups give the bot every message, and it needs but commands and replies, or whole "
    "albums. To change that: /setprivacy of @BotFather, then bring it into the group anew."
)


async def findings(configured: Telegram, questions: Questions) -> Sequence[Finding]:
    """Raises aiohttp's errors."""
    token = configured.token.get_secret_value()
    if (misplaced := not_for_telegram(token)) is not None:
        return [("problem", misplaced)]
    base = f"{configured.api_base_url}/bot{token}"
    async with aiohttp.ClientSession() as session:
        code, bot = await _result(questions, session, f"{base}/getMe")
        if code in (401, 404):
            return [("problem", NOT_KNOWN)]
        if not isinstance(bot, Mapping):
            return [("warning", f"Telegram does not say whether the token is valid (HTTP {code}).")]
        (_, webhook), groups = await asyncio.gather(
            _result(questions, session, f"{base}/getWebhookInfo"),
            _groups(configured, base, session, questions),
        )
    found = [*_bot(bot), *groups]
    if not configured.allowed_chat_ids:
        found.append(("warning", OPEN_TO_CHATS))
    if isinstance(webhook, Mapping):
        found += _updates(configured, webhook, questions.now())
    return found


async def _result(questions: Questions, session: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    code, answer = await questions.get(session, url)
    return code, answer.get("result") if isinstance(answer, Mapping) and code == 200 else None


def _bot(bot: Mapping[str, Any]) -> list[Finding]:
    name = bot.get("username")
    link = f"https://t.me/{name}"
    joins = bot.get("can_join_groups") is not False
    group = f"  Into a group:  {link}?startgroup" if joins else ""
    found: list[Finding] = [("ok", f"The token is that of @{name}:  {link}{group}")]
    if not joins:
        words = "It cannot be added to groups. To allow that: /setjoingroups of @BotFather."
        found.append(("warning", words))
    else:
        hears_all = bot.get("can_read_all_group_messages") is True
        found.append(("ok", PRIVACY_OFF if hears_all else PRIVACY_ON))
    return found


async def _groups(
    configured: Telegram, base: str, session: aiohttp.ClientSession, questions: Questions
) -> list[Finding]:
    """Groups that may use the bot and that it is not in. (People are unknown to it before they write.)"""
    groups = [chat for chat in configured.allowed_chat_ids if chat < 0][:MOST_GROUPS]
    answers = await asyncio.gather(
        *(questions.get(session, f"{base}/getChat?chat_id={chat}") for chat in groups)
    )
    return [
        (
            "warning",
            (
                f"The bot is not in the group {chat} of telegram.allowed_chat_ids. Bring it there, or "
                "correct the id: groups that became supergroups have a new one."
            ),
        )
        for chat, (code, _) in zip(groups, answers, strict=True)
        if code in (400, 403)
    ]


def _updates(configured: Telegram, info: Mapping[str, Any], now: float) -> list[Finding]:
    """How Telegram hands out what is new, against how the bot wants it."""
    there = str(info.get("url") or "")
    wanted = configured.webhook.url if configured.webhook is not None else ""
    pending = info.get("pending_update_count")
    waiting = f" {pending:,} updates wait." if isinstance(pending, int) and pending > 0 else ""
    many = isinstance(pending, int) and pending >= MANY_PENDING
    # Addresses of webhooks often hold a secret: only hosts are shown.
    host = urlsplit(there).hostname or "another address"
    if there and not wanted:
        return [
            (
                "warning",
                (
                    f"Telegram sends what is new to a webhook at {host}, and the configuration has none. "
                    "Starting the bot takes it away; if another program is there, give that its own token."
                    f"{waiting}"
                ),
            )
        ]
    if wanted and there and there != wanted:
        words = f"Telegram's webhook is at {host}, not at telegram.webhook.url. Starting the bot changes it."
        return [("warning", words + waiting)]
    mode = "Telegram calls the webhook." if wanted and there else "Updates are asked for (long polling)."
    if wanted and not there:
        mode = "The webhook is set when the bot starts."
    if many:
        words = f"{mode}{waiting} They are worked off when the bot runs; Telegram keeps them for a day."
        found: list[Finding] = [("warning", words)]
    else:
        found = [("ok", f"{mode}{waiting}")]
    return [*found, *_last_error(info, now)] if wanted else found


def _last_error(info: Mapping[str, Any], now: float) -> list[Finding]:
    at, words = info.get("last_error_date"), info.get("last_error_message")
    if not isinstance(at, int) or now - at > RECENT_SECONDS:
        return []
    ago = timedelta(seconds=max(0, round(now - at)))
    words = " ".join(str(words).split())[:200].rstrip(".")
    said = f"Telegram could not call the webhook {ago} (h:mm:ss) ago: {words}."
    return [("warning", f"{said} Its reverse proxy must reach telegram.webhook.listen, over https outside.")]
