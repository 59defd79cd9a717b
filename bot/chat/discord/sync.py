"""Telling Discord our commands: only where they are not what was told last, and nowhere else any more."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import discord

from bot.chat.discord.commands import MOST_COMMANDS, Payload
from bot.domain.text import Text

log = logging.getLogger(__name__)

GLOBAL = "global"
_ONLY_GLOBAL = frozenset({"contexts", "integration_types"})
"""Of no meaning for commands of one guild."""
_FIELD = re.compile(r"In (\d+)[.:]")

UNKNOWN_GUILD, MISSING_ACCESS = 10004, 50001
_NOT_THERE = frozenset({UNKNOWN_GUILD, MISSING_ACCESS})
_AS_IT_IS = frozenset({50035, 30032})
"""A form that is not taken, more commands than are: wrong until the commands are others."""


class Http(Protocol):
    """What is used of ``discord.Client.http``."""

    def bulk_upsert_global_commands(
        self, application_id: int, payload: list[Payload], /
    ) -> Awaitable[Any]: ...

    def bulk_upsert_guild_commands(
        self, application_id: int, guild_id: int, payload: list[Payload], /
    ) -> Awaitable[Any]: ...


class Remember(Protocol):
    """Small state that outlives the process; the store is one."""

    async def get(self, key: str) -> Any: ...

    async def put(self, key: str, value: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class SyncProblem:
    """What went wrong for one target; the commands there stay as they were. ``cause`` is for the log.
    ``may_pass``: the same may do another time."""

    target: str
    text: Text
    cause: str = ""
    may_pass: bool = True


@dataclass(frozen=True, slots=True)
class Synced:
    """Targets (``global``, or the id of a guild) by what became of them."""

    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    problems: tuple[SyncProblem, ...] = ()


async def sync_commands(
    http: Http,
    application_id: int,
    guild_ids: Sequence[int],
    payloads: Sequence[Payload],
    remember: Remember,
    *,
    anew: bool = False,
) -> Synced:
    """Make Discord know ``payloads``: in these guilds, at once; or, without any, globally.

    What was told where is remembered as a digest, so that a start without changes says nothing. Places that
    were told once and are not wanted any more are cleared. ``anew``: tell whatever is remembered.

    Never raises for what Discord or the network does: that is in ``problems``.
    """
    key = f"discord.commands.{application_id}"
    told = _digests(await remember.get(key))
    wanted = {GLOBAL: payloads} if not guild_ids else {str(g): _of_guild(payloads) for g in guild_ids}
    updated, unchanged, cleared, problems = [], [], [], []
    for target, body in wanted.items():
        digest = digest_of(body)
        if told.get(target) == digest and not anew:
            unchanged.append(target)
        elif (problem := await _tell(http, application_id, target, body)) is not None:
            problems.append(problem)
        else:
            updated.append(target)
            told[target] = digest
            await remember.put(key, dict(told))
    for target in [target for target in told if target not in wanted]:
        problem = await _tell(http, application_id, target, ())
        if problem is not None:
            problems.append(problem)
            continue
        cleared.append(target)
        del told[target]
        await remember.put(key, dict(told))
    return Synced(tuple(updated), tuple(unchanged), tuple(cleared), tuple(problems))


def digest_of(payloads: Sequence[Payload]) -> str:
    """The same for what means the same to Discord: the order of commands does not count."""
    parts = sorted(json.dumps(each, sort_keys=True, ensure_ascii=True) for each in payloads)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _of_guild(payloads: Sequence[Payload]) -> list[Payload]:
    return [{key: value for key, value in each.items() if key not in _ONLY_GLOBAL} for each in payloads]


def _digests(remembered: object) -> dict[str, str]:
    if not isinstance(remembered, Mapping):
        return {}
    return {
        str(target): digest
        for target, digest in remembered.items()
        if isinstance(digest, str) and (target == GLOBAL or str(target).isdecimal())
    }


async def _tell(
    http: Http, application_id: int, target: str, payloads: Sequence[Payload]
) -> SyncProblem | None:
    """Overwrite everything at ``target``. Where the bot is not, there is nothing to clear."""
    body = list(payloads)
    try:
        if target == GLOBAL:
            await http.bulk_upsert_global_commands(application_id, body)
        else:
            await http.bulk_upsert_guild_commands(application_id, int(target), body)
    except discord.HTTPException as error:
        if not body and error.code in _NOT_THERE:
            return None
        return _problem(
            target, _refused(error, target, body), str(error), may_pass=error.code not in _AS_IT_IS
        )
    except discord.RateLimited as error:
        text = Text(
            "Discord lets no commands be registered for another {seconds} s. They are tried again by "
            "themselves.",
            seconds=round(error.retry_after),
        )
        return _problem(target, text, str(error))
    except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
        # A connection that ends meanwhile closes its session, which the library says by a RuntimeError.
        text = Text(
            "Discord could not be reached to register the commands ({target}). Those of the last time stay; "
            "they are tried again by themselves.",
            target=target,
        )
        return _problem(target, text, repr(error))
    log.info("registered %d commands with Discord (%s)", len(body), target)
    return None


def _problem(target: str, text: Text, cause: str, *, may_pass: bool = True) -> SyncProblem:
    log.warning("commands were not registered (%s): %s", target, cause)
    return SyncProblem(target, text, cause, may_pass)


def _refused(error: discord.HTTPException, target: str, payloads: Sequence[Payload]) -> Text:
    match error.code:
        case 30034:
            return Text(
                "Discord takes no more new commands today ({target}): 200 a day are its limit. Those that "
                "are registered go on working; the others follow tomorrow, by themselves.",
                target=target,
            )
        case 30032:
            return Text(
                "Discord takes {most} commands in one place ({target}). Give several templates the same "
                "“command” in their sidecars.",
                most=MOST_COMMANDS,
                target=target,
            )
        case 50001 | 10004:
            return Text(
                "The bot may not register commands in the Discord server {target}. Is its id in "
                "discord.guild_ids right? Then invite the bot there once more, with the scopes bot and "
                "applications.commands.",
                target=target,
            )
        case 50035:
            return _invalid(error, target, payloads)
    if error.status == 401:
        return Text("Discord does not take the token any more. Put a new one into discord.token.")
    if error.status >= 500:
        return Text(
            "Discord had trouble of its own ({status}) when commands were registered ({target}). Those of "
            "the last time stay; they are tried again by themselves.",
            status=error.status,
            target=target,
        )
    return Text(
        "Discord refused the commands ({target}): {reason}. Those of the last time stay.",
        target=target,
        reason=_first_line(error.text),
    )


def _invalid(error: discord.HTTPException, target: str, payloads: Sequence[Payload]) -> Text:
    found = _FIELD.search(error.text)
    index = int(found[1]) if found else -1
    names = payloads[index]["name"] if 0 <= index < len(payloads) else ""
    return Text(
        "Discord does not take the command {name} as it is ({target}): {reason}. Its template's sidecar may "
        "say something that cannot be said there. All commands stay as they were.",
        name=names or "?",
        target=target,
        reason=_first_line(error.text.partition("\n")[2] or error.text),
    )


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0][:200].rstrip(".") or "no reason given"
