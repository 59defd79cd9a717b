"""What Discord's refusals mean for whoever made the call.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import discord

from bot.domain.throttle import Gone, Refusal, RetryAfter, Transient

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Expired:
    """The interaction's token is dead; the bot's own may still do."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The bot has not the rights for it there. ``at_all``: not for anything, since it does not see the
    channel."""

    at_all: bool = False


@dataclass(frozen=True, slots=True)
class TooLarge:
    """More bytes than are taken there."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Discord does not take it as it is: the fault is ours, and the same again would end the same."""


Verdict = Refusal | Expired | Forbidden | TooLarge | Malformed
VERDICTS = (RetryAfter, Transient, Gone, Expired, Forbidden, TooLarge, Malformed)

_EXPIRED = {10015, 10062, 50027}
"""Unknown webhook, unknown interaction, invalid webhook token."""
_MISSING_ACCESS = 50001
_FORBIDDEN = {_MISSING_ACCESS, 50013}
"""Missing access, missing permissions."""
_GONE = {10003, 10004, 10008, 10013, 40094, 50005, 50007, 50024, 50083, 50278, 160005}
"""Unknown channel, guild, message, user; follow-ups used up; somebody else's message; a person who takes
none, a channel of another kind, an archived thread, no common server, a locked thread."""
_SLOW = {20016, 20028, 20029, 30046}
"""Slow mode, write limits of a channel or server, too many edits of old messages."""
_TOO_LARGE = 40005
_A_WHILE = 3.0
"""Seconds, where Discord says that there was too much of something, but not for how long."""


async def answered(call: Awaitable[T]) -> T | Verdict:
    """What Discord said to a call."""
    try:
        return await call
    except discord.RateLimited as error:
        return RetryAfter(error.retry_after)
    except discord.HTTPException as error:
        return _verdict(error)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.debug("discord does not answer: %r", error)
        return Transient()


def _verdict(error: discord.HTTPException) -> Verdict:
    code, status = error.code, error.status
    if code in _SLOW or status == 429:
        return RetryAfter(_after(error))
    if code in _EXPIRED:
        return Expired()
    if code in _FORBIDDEN:
        return Forbidden(at_all=code == _MISSING_ACCESS)
    if code == _TOO_LARGE or status == 413:
        return TooLarge()
    if code in _GONE or status == 404:
        return Gone()
    if status >= 500 or status == 401:
        return Transient()  # 401: the bot's own token; whoever runs it will give a new one
    if status == 403:
        return Gone() if code else Transient()  # without a code it is not Discord's API that speaks
    # What is wrong with it is told by field, in Discord's own words.
    log.warning("discord does not take a message: %s %s %s", status, code, error.text[:300])
    return Malformed()


def _after(error: discord.HTTPException) -> float:
    try:
        return max(_A_WHILE, float(error.response.headers.get("Retry-After", _A_WHILE)))
    except ValueError:
        return _A_WHILE
