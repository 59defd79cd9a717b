"""Whether the platforms know the tokens that are configured, and what else they say of the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import aiohttp

from bot.cli.checks import discord, telegram
from bot.cli.checks.asking import Questions
from bot.cli.checks.rows import Row, Status
from bot.config import Settings

SECONDS = 15.0
"""For all that one platform is asked."""


async def rows(settings: Settings, questions: Questions) -> list[Row]:
    """Of each platform that the configuration names. Raises nothing because of one."""
    asked: list[Awaitable[list[Row]]] = []
    if (section := settings.discord) is not None:
        token = section.token.get_secret_value()
        asked.append(_answered("Discord", token, lambda: discord.findings(section, questions)))
    if (telegrams := settings.telegram) is not None:
        token = telegrams.token.get_secret_value()
        asked.append(_answered("Telegram", token, lambda: telegram.findings(telegrams, questions)))
    return [row for each in await asyncio.gather(*asked) for row in each]


async def _answered(
    name: str, token: str, ask: Callable[[], Awaitable[Sequence[tuple[Status, str]]]]
) -> list[Row]:
    def row(status: Status, message: str) -> Row:
        return Row(status, "platforms", name, message)

    if not token:
        return [
            row("problem", f"The section [{name.lower()}] has no token. Give one, or leave the section out.")
        ]
    try:
        async with asyncio.timeout(SECONDS):
            return [row(*found) for found in await ask()]
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        # Not the error's own words: addresses of Telegram's calls hold the token.
        return [
            row(
                "warning",
                f"It could not be asked whether the token is valid ({type(error).__name__}). Does this "
                "machine reach the internet, and is api_base_url right?",
            )
        ]
