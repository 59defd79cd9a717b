"""How a call to Telegram ended, in words that the scheduler and the courier know."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

import httpx
from telegram import error as said

from bot.domain.throttle import Gone, RetryAfter, Transient

log = logging.getLogger(__name__)

T = TypeVar("T")


class Why(Enum):
    """Why Telegram does not take a call as it is; another one may do."""

    SAME = auto()
    """The message looks like that already."""
    FILE_ID = auto()
    """It does not know this file any more."""
    PICTURE = auto()
    """The file cannot be shown as what it was sent as."""
    TOO_LARGE = auto()
    MARKUP = auto()
    """Text, caption or buttons."""
    IS_MEDIA = auto()
    """The message holds no text but a picture."""
    IS_TEXT = auto()
    """The message holds text alone."""
    TOPIC = auto()
    """The forum topic is closed or deleted; the group is there."""
    STAYS = auto()
    """A bot may not delete the message: it is older than 48 hours, or somebody else's."""
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Refused:
    why: Why


@dataclass(frozen=True, slots=True)
class Migrated:
    """The group is a supergroup now, under this id."""

    chat: int


@dataclass(frozen=True, slots=True)
class Unsure:
    """The answer to a new message was lost: nobody knows whether it is there."""


Trouble = RetryAfter | Transient | Gone | Refused | Migrated | Unsure

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteTimeout)
"""Telegram cannot have read the whole request."""
_WORDS: tuple[tuple[str, Trouble], ...] = (
    ("message is not modified", Refused(Why.SAME)),
    ("wrong file identifier", Refused(Why.FILE_ID)),
    ("wrong remote file i", Refused(Why.FILE_ID)),
    ("wrong type of the web page", Refused(Why.FILE_ID)),
    ("file_reference", Refused(Why.FILE_ID)),
    ("can't use file of type", Refused(Why.FILE_ID)),
    ("photo_invalid_dimensions", Refused(Why.PICTURE)),
    ("photo_ext_invalid", Refused(Why.PICTURE)),
    ("photo_save_file_invalid", Refused(Why.PICTURE)),
    ("photo_crop", Refused(Why.PICTURE)),
    ("image_process_failed", Refused(Why.PICTURE)),
    ("media_invalid", Refused(Why.PICTURE)),
    ("media_empty", Refused(Why.PICTURE)),
    ("video_content_type", Refused(Why.PICTURE)),
    ("file is too big", Refused(Why.TOO_LARGE)),
    ("too big for a photo", Refused(Why.PICTURE)),
    ("file of size", Refused(Why.TOO_LARGE)),
    ("request entity too large", Refused(Why.TOO_LARGE)),
    ("there is no text in the message", Refused(Why.IS_MEDIA)),
    ("there is no caption in the message", Refused(Why.IS_TEXT)),
    ("can't parse", Refused(Why.MARKUP)),
    ("is too long", Refused(Why.MARKUP)),
    ("caption_too_long", Refused(Why.MARKUP)),
    ("message_too_long", Refused(Why.MARKUP)),
    ("entities_too_long", Refused(Why.MARKUP)),
    ("entity_", Refused(Why.MARKUP)),
    ("button_", Refused(Why.MARKUP)),
    ("message can't be deleted", Refused(Why.STAYS)),
    ("topic_", Refused(Why.TOPIC)),
    ("message thread not found", Refused(Why.TOPIC)),
    ("too many requests", RetryAfter(5.0)),
)
"""What is found in an answer, from the special to the general. Spelt small: the library capitalises."""
_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message to be replied not found",
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_",
    "chat_admin_required",
    "user_is_blocked",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "group chat was deactivated",
    "chat is deactivated",
)


async def changed(call: Awaitable[T]) -> T | Trouble:
    """A call that may be made again without harm: an edit."""
    return await _answered(call, fresh=False)


async def made(call: Awaitable[T]) -> T | Trouble:
    """A call that makes something new: made twice, it would be there twice."""
    return await _answered(call, fresh=True)


def is_trouble(answer: object) -> bool:
    return isinstance(answer, Trouble)


async def _answered(call: Awaitable[T], *, fresh: bool) -> T | Trouble:
    try:
        return await call
    except said.RetryAfter as error:
        return RetryAfter(seconds_of(error))
    except said.ChatMigrated as error:
        return Migrated(error.new_chat_id)
    except said.Forbidden as error:
        log.info("telegram refuses for good: %s", error.message)
        return Gone()
    except said.BadRequest as error:
        return _of_words(error.message)
    except said.InvalidToken:
        # The intake tells the operator; what is to be shown waits for a token that works.
        log.warning("telegram does not know the token")
        return Transient()
    except said.TelegramError as error:
        return _of_network(error, fresh=fresh)
    except OSError as error:
        log.warning("a file could not be sent: %r", error)
        return Transient()


def seconds_of(error: said.RetryAfter) -> float:
    """The library is about to change its mind about the type."""
    asked = error.retry_after
    return asked.total_seconds() if isinstance(asked, datetime.timedelta) else float(asked)


def _of_words(message: str) -> Trouble:
    small = message.casefold()
    for known, trouble in _WORDS:
        if known in small:
            return trouble
    if any(known in small for known in _GONE):
        log.info("telegram refuses for good: %s", message)
        return Gone()
    log.warning("telegram refused: %s", message)
    return Refused(Why.OTHER)


def _of_network(error: said.TelegramError, *, fresh: bool) -> Trouble:
    small = error.message.casefold()
    if "request entity too large" in small:
        return Refused(Why.TOO_LARGE)
    if "too many requests" in small:
        return RetryAfter(5.0)
    log.info("telegram does not answer: %s", error.message)
    if fresh and not isinstance(error.__cause__, _NOT_SENT):
        return Unsure()
    return Transient()
