"""A command's end of the control channel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self, cast

import bot
from bot.control.address import Address, read_address
from bot.control.calls import CALLS, MAX_ANSWER, MAX_BLOBS, MAX_LINE, PROTOCOL
from bot.control.codec import Malformed, decode, encode
from bot.control.failures import BotGone, OtherVersion, WrongToken, decode_failure
from bot.domain.errors import FairbrushError, UserError
from bot.domain.ids import RequestId
from bot.domain.text import Text
from bot.service.operator import (
    Account,
    CancelResult,
    JobEvent,
    LimitChange,
    QueueView,
    ServerView,
    ShellAsk,
    SubmittedRequest,
    UsageBy,
)
from bot.service.records import UsageRow
from bot.service.threads import in_thread

GREETING_SECONDS = 5.0
"""Whoever listens there and has not greeted by then is no bot of ours, or one that hangs."""
ANSWER_SECONDS = 60.0


class _NoBot(Exception):
    """Nobody listens there, or somebody else."""


class ControlClient:
    """The running bot, as its :class:`~bot.service.operator.Operator` and its
    :class:`~bot.service.operator.Desk`. Beside what those raise: BotGone and OtherVersion."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @classmethod
    async def connect(cls, folder: Path) -> Self | None:
        """The bot that runs in this data directory; None when none does, whatever file is left there.

        The answer of whoever listens counts, not the process id in the file: that may be another's by now,
        or one of another container. Raises ConfigError when another user of the machine runs the bot.
        """
        address = await in_thread(read_address, folder)
        if address is None:
            return None
        client = cls(address)
        try:
            await client._once("ping", {})
        except (_NoBot, BotGone, WrongToken):  # the last: another bot has the port by now
            return None
        return client

    async def queue(self) -> QueueView:
        return cast(QueueView, await self._call("queue"))

    async def servers(self) -> tuple[ServerView, ...]:
        return cast("tuple[ServerView, ...]", await self._call("servers"))

    async def pause(self, actor: str) -> bool:
        return cast(bool, await self._call("pause", actor=actor))

    async def resume(self, actor: str) -> bool:
        return cast(bool, await self._call("resume", actor=actor))

    async def drain(self, actor: str) -> bool:
        return cast(bool, await self._call("drain", actor=actor))

    async def cancel(self, job: str, actor: str) -> CancelResult:
        return cast(CancelResult, await self._call("cancel", job=job, actor=actor))

    async def submit(self, ask: ShellAsk) -> tuple[SubmittedRequest, ...]:
        return cast("tuple[SubmittedRequest, ...]", await self._call("submit", ask=ask))

    async def watch(self, request: RequestId) -> AsyncGenerator[JobEvent, None]:
        try:
            async with aclosing(self._talk("watch", {"request": request}, seconds=None)) as messages:
                async for message in messages:
                    if "item" in message:
                        yield cast(JobEvent, self._read("watch", message["item"]))
        except _NoBot as error:
            raise _gone() from error

    async def account(self, wanted: str) -> Account:
        return cast(Account, await self._call("account", wanted=wanted))

    async def grant(self, wanted: str, seconds: float, *, actor: str, reason: str) -> Account:
        answer = await self._call("grant", wanted=wanted, seconds=seconds, actor=actor, reason=reason)
        return cast(Account, answer)

    async def set_limits(
        self, wanted: str, change: LimitChange | None, *, actor: str, reason: str
    ) -> Account:
        answer = await self._call("set_limits", wanted=wanted, change=change, actor=actor, reason=reason)
        return cast(Account, answer)

    async def reset(self, wanted: str, *, actor: str, reason: str) -> Account:
        return cast(Account, await self._call("reset", wanted=wanted, actor=actor, reason=reason))

    async def usage(self, by: UsageBy, *, since: int, until: int) -> tuple[UsageRow, ...]:
        answer = await self._call("usage", by=by, since=since, until=until)
        return cast("tuple[UsageRow, ...]", answer)

    async def _call(self, name: str, **arguments: object) -> Any:
        try:
            return await self._once(name, arguments)
        except _NoBot as error:
            raise _gone() from error

    async def _once(self, name: str, arguments: Mapping[str, object]) -> Any:
        async with aclosing(self._talk(name, arguments, seconds=ANSWER_SECONDS)) as messages:
            async for message in messages:
                return self._read(name, message.get("answer"))
        raise _gone()

    def _read(self, name: str, data: Any) -> Any:
        try:
            return decode(CALLS[name].answer, data)
        except Malformed as error:
            raise self._other_version(str(error)) from error

    async def _talk(
        self, name: str, arguments: Mapping[str, object], *, seconds: float | None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """The bot's messages to one call, the errors among them raised. Raises _NoBot too."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", self.address.port, limit=MAX_ANSWER
                )
        except (OSError, TimeoutError) as error:
            raise _NoBot from error
        try:
            await self._greeted(reader)
            await self._ask(writer, name, arguments)
            over = False
            while not over:
                async with asyncio.timeout(seconds):
                    message = await _next(reader)
                if "error" in message:
                    raise self._failure(message["error"])
                yield message
                over = "item" not in message
        except (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise _gone() from error
        finally:
            writer.transport.abort()

    async def _greeted(self, reader: asyncio.StreamReader) -> None:
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                greeting = await _next(reader)
        except (OSError, TimeoutError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise _NoBot from error
        if "fairbrush" not in greeting:
            raise _NoBot
        if greeting.get("protocol") != PROTOCOL:
            raise self._other_version("")

    async def _ask(self, writer: asyncio.StreamWriter, name: str, arguments: Mapping[str, object]) -> None:
        blobs: list[bytes] = []
        call = {"call": name, "args": encode(arguments, blobs), "blobs": [len(blob) for blob in blobs]}
        line = json.dumps({"token": self.address.token, **call}).encode() + b"\n"
        if len(line) > MAX_LINE or sum(map(len, blobs)) > MAX_BLOBS:
            raise UserError(Text("That is too much for one request: its text or its pictures are too large."))
        for piece in (line, *blobs):
            writer.write(piece)
            await writer.drain()

    def _failure(self, data: Any) -> FairbrushError:
        try:
            return decode_failure(data)
        except Malformed as error:
            return self._other_version(str(error))

    def _other_version(self, cause: str) -> OtherVersion:
        return OtherVersion(
            Text(
                "The running bot (Fairbrush {theirs}) and this command ({ours}) do not understand each "
                "other. Restart the bot, or use the command that belongs to it.",
                theirs=self.address.version,
                ours=bot.__version__,
            ),
            cause=cause,
        )


async def _next(reader: asyncio.StreamReader) -> Mapping[str, Any]:
    message = json.loads(await reader.readuntil(b"\n"))
    if not isinstance(message, dict):
        raise ValueError("no object")  # noqa: TRY004 - like any other line that is none of ours
    return message


def _gone() -> BotGone:
    return BotGone(
        Text("The bot has stopped, or does not answer any more. Start it again, or look into its log.")
    )
