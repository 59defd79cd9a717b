"""Telling Telegram our commands: only those lists that are not what was told last."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram import error as said

from bot.chat.telegram.calls import seconds_of
from bot.chat.telegram.commands import ADMINISTRATORS, GROUPS, PRIVATE, Listed, Target
from bot.chat.telegram.file_ids import Remember
from bot.domain.text import Text

log = logging.getLogger(__name__)

TRIES = 3
"""When Telegram asks to wait."""
_SCOPES: Mapping[str, Callable[[], BotCommandScope]] = {
    PRIVATE: BotCommandScopeAllPrivateChats,
    GROUPS: BotCommandScopeAllGroupChats,
    ADMINISTRATORS: BotCommandScopeAllChatAdministrators,
}


@dataclass(frozen=True, slots=True)
class SyncProblem:
    """What went wrong with one list, which stays as it was. ``cause`` is for the log."""

    target: Target
    text: Text
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Synced:
    updated: tuple[Target, ...] = ()
    unchanged: tuple[Target, ...] = ()
    cleared: tuple[Target, ...] = ()
    problems: tuple[SyncProblem, ...] = ()


async def sync_commands(
    bot: Bot,
    bot_id: int,
    lists: Mapping[Target, Sequence[Listed]],
    remember: Remember,
    *,
    sleep: Callable[[float], Awaitable[None]],
) -> Synced:
    """Make Telegram know ``lists``. What was told is remembered as digests, so that a start without changes
    says nothing; lists that are not wanted any more are taken back.

    Never raises for what Telegram or the network does: that is in ``problems``.
    """
    key = f"telegram.commands.{bot_id}"
    told = _digests(await remember.get(key))
    updated, unchanged, cleared, problems = [], [], [], []
    for target, commands in lists.items():
        digest = _digest(commands)
        if told.get(target) == digest:
            unchanged.append(target)
        elif (problem := await _tell(bot, target, commands, sleep)) is not None:
            problems.append(problem)
        else:
            updated.append(target)
            told[target] = digest
            await _put(remember, key, told)
    for target in [target for target in told if target not in lists]:
        if (problem := await _tell(bot, target, (), sleep)) is not None:
            problems.append(problem)
            continue
        cleared.append(target)
        del told[target]
        await _put(remember, key, told)
    return Synced(tuple(updated), tuple(unchanged), tuple(cleared), tuple(problems))


def _digest(commands: Sequence[Listed]) -> str:
    words = json.dumps([[each.name, each.description] for each in commands])
    return hashlib.sha256(words.encode()).hexdigest()


def _digests(remembered: object) -> dict[Target, str]:
    if not isinstance(remembered, Mapping):
        return {}
    found = {Target.read(str(target)): digest for target, digest in remembered.items()}
    return {target: digest for target, digest in found.items() if target and isinstance(digest, str)}


async def _put(remember: Remember, key: str, told: Mapping[Target, str]) -> None:
    await remember.put(key, {str(target): digest for target, digest in told.items()})


async def _tell(
    bot: Bot, target: Target, commands: Sequence[Listed], sleep: Callable[[float], Awaitable[None]]
) -> SyncProblem | None:
    """Replace a list; none of its commands: take it back."""
    for last in range(TRIES):
        try:
            await _call(bot, target, commands)
        except said.RetryAfter as error:
            if last == TRIES - 1:
                return _problem(target, _BUSY, error)
            await sleep(seconds_of(error))
        except said.BadRequest as error:
            if target.chat:
                # An operator who never wrote to the bot: there is no chat with them yet.
                log.info("no commands for %s yet: %s", target, error.message)
                return None if not commands else SyncProblem(target, _NO_CHAT, error.message)
            return _problem(target, _refused(error), error)
        except said.TelegramError as error:
            return _problem(target, _UNREACHABLE, error)
        else:
            return None
    return None


async def _call(bot: Bot, target: Target, commands: Sequence[Listed]) -> None:
    where: dict[str, Any] = {
        "scope": _SCOPES[target.scope]() if target.scope in _SCOPES else BotCommandScopeChat(target.chat),
        "language_code": target.language or None,
    }
    if commands:
        await bot.set_my_commands([BotCommand(each.name, each.description) for each in commands], **where)
        log.info("told Telegram of %d commands (%s)", len(commands), target)
    else:
        await bot.delete_my_commands(**where)


def _problem(target: Target, text: Text, error: said.TelegramError) -> SyncProblem:
    log.warning("commands were not told (%s): %s", target, error.message)
    return SyncProblem(target, text, error.message)


_BUSY = Text("Telegram takes no more lists of commands for now. They are told at the next start.")
_UNREACHABLE = Text(
    "Telegram could not be reached to be told of the commands. Those of the last time stay; they are told "
    "at the next start."
)
_NO_CHAT = Text(
    "An operator of telegram.admin_ids has not written to the bot yet: after /start, and a start of the bot, "
    "Telegram lists the commands for operators to them."
)


def _refused(error: said.TelegramError) -> Text:
    return Text(
        "Telegram does not take the list of commands: {reason}. A template's sidecar may say something that "
        "cannot be said there. All stay as they were.",
        reason=error.message[:200].rstrip("."),
    )
