"""The bot's end of the control channel: listens on loopback, answers one call a connection."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import secrets
import traceback
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import bot
from bot.control.address import Address, remove_address, write_address
from bot.control.calls import CALLS, MAX_BLOBS, MAX_LINE, PROTOCOL
from bot.control.codec import Malformed, decode_fields, encode
from bot.control.failures import Busy, WrongToken, encode_failure
from bot.domain.errors import FairbrushError, OutputError, UserError
from bot.domain.text import Text
from bot.service.operator import Desk, Operator
from bot.service.threads import in_thread

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """``connections`` at a time, of strangers and of commands that showed the token each; ``seconds`` that
    the other side may take to send a piece, or to take one."""

    connections: int = 32
    seconds: float = 10.0


_BOUNDS = Bounds()


class ControlServer:
    """An async context manager: while inside, ``folder/control.json`` leads commands to this bot.

    Raises OutputError on entering when it cannot listen or the file cannot be written.
    """

    def __init__(self, operator: Operator, desk: Desk, *, folder: Path, bounds: Bounds = _BOUNDS) -> None:
        self._to: Mapping[str, object] = {"operator": operator, "desk": desk, "channel": self}
        self._folder = folder
        self._bounds = bounds
        self._token = secrets.token_urlsafe(32)
        self._tasks = asyncio.TaskGroup()
        # In the order in which they came.
        self._strangers: dict[asyncio.Task[None], None] = {}
        self._known: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._tasks.__aenter__()
            # Whatever went wrong inside is not the connections' fault: it shall come out as it was.
            stack.push_async_callback(self._tasks.__aexit__, None, None, None)
            stack.callback(self._hang_up)
            try:
                server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=MAX_LINE)
            except OSError as error:
                raise _cannot_listen(error) from error
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            address = Address(port, self._token, os.getpid(), bot.__version__)
            await in_thread(write_address, self._folder, address)
            stack.push_async_callback(in_thread, remove_address, self._folder, address)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._strangers) + len(self._known)

    async def ping(self) -> str:
        """The one call that asks for nothing: it shows that the token is right."""
        return bot.__version__

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._strangers) >= self._bounds.connections:
            next(iter(self._strangers)).cancel()  # whoever says nothing makes room
        task = self._tasks.create_task(self._connection(reader, writer), name="control connection")
        self._strangers[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._strangers.pop(task, None)
        self._known.discard(task)

    def _hang_up(self) -> None:
        for task in (*self._strangers, *self._known):
            task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._send(writer, {"fairbrush": bot.__version__, "protocol": PROTOCOL})
            try:
                name, arguments = await self._receive(reader)
                await self._answer(reader, writer, name, arguments)
            except FairbrushError as error:
                await self._send(writer, {"error": encode_failure(error)})
            writer.close()
            async with asyncio.timeout(self._bounds.seconds):
                await writer.wait_closed()
        except (OSError, TimeoutError):
            pass  # the other side has gone, or does not take what it asked for
        finally:
            writer.transport.abort()  # nothing to lose: what was sent in good order has gone out by now

    async def _receive(self, reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
        """The name of the call and its arguments. Nothing is believed before the token was right."""
        head = await self._head(reader)
        self._admit(head.get("token"))
        name = head.get("call")
        call = CALLS.get(name) if isinstance(name, str) else None
        if call is None:
            raise UserError(
                Text("The bot knows no such call. Are the command and the bot of the same version?")
            )
        try:
            blobs = await self._blobs(reader, head.get("blobs", []))
            return cast(str, name), decode_fields(call.arguments, head.get("args", {}), blobs, "args")
        except Malformed as error:
            raise UserError(Text("The call cannot be read: {reason}.", reason=error)) from error

    async def _head(self, reader: asyncio.StreamReader) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._bounds.seconds):
                line = await reader.readuntil(b"\n")
            head = json.loads(line)
        except asyncio.LimitOverrunError as error:
            raise UserError(Text("The call is too long.")) from error
        except asyncio.IncompleteReadError as error:
            raise ConnectionError from error
        except (ValueError, RecursionError) as error:
            raise UserError(Text("The call is no JSON.")) from error
        if not isinstance(head, dict):
            raise UserError(Text("The call is no JSON object."))
        return head

    def _admit(self, token: object) -> None:
        given = token.encode("utf-8", "surrogatepass") if isinstance(token, str) else b""
        if not hmac.compare_digest(given, self._token.encode()):
            _LOG.warning("a connection without the right token was refused")
            raise WrongToken(Text("That is not the token of this bot."))
        if len(self._known) >= self._bounds.connections:
            raise Busy(Text("The bot is busy with other commands. Try again in a moment."))
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._strangers.pop(task, None)
        self._known.add(task)

    async def _blobs(self, reader: asyncio.StreamReader, sizes: Any) -> list[bytes]:
        announced = isinstance(sizes, list) and all(type(size) is int and size >= 0 for size in sizes)
        if not announced or sum(sizes) > MAX_BLOBS:
            raise Malformed("its files are too large, or not announced")
        blobs = []
        for size in sizes:
            content = bytearray()
            while len(content) < size:
                async with asyncio.timeout(self._bounds.seconds):
                    piece = await reader.read(size - len(content))
                if not piece:
                    raise ConnectionError
                content += piece
            blobs.append(bytes(content))
        return blobs

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, arguments: dict[str, Any]
    ) -> None:
        call = CALLS[name]
        _LOG.debug("call: %s", name)
        try:
            answer = getattr(self._to[call.to], name)(**arguments)
            if call.items:
                await self._items(reader, writer, answer)
            else:
                # In a thread: the usage of many users is a long text.
                found = await answer
                await self._write(writer, await in_thread(lambda: _line({"answer": encode(found, [])})))
        except (FairbrushError, OSError, TimeoutError):
            raise
        except Exception as error:
            # A bug in one answer must not end the bot. Its words may hold anything: its place says enough.
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}, line {place.lineno}"
            _LOG.error("the call %s failed: %s in %s", name, type(error).__name__, where)
            _LOG.debug("the call %s failed", name, exc_info=error)
            raise FairbrushError(
                Text("The bot stumbled over itself. Its log says more; that is a bug, not your fault.")
            ) from error

    async def _items(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, items: AsyncGenerator[Any, None]
    ) -> None:
        me = cast("asyncio.Task[None]", asyncio.current_task())
        gone = self._tasks.create_task(_end_with(reader, me), name="control connection's end")
        try:
            async with aclosing(items):
                async for item in items:
                    await self._send(writer, {"item": encode(item, [])})
        finally:
            gone.cancel()
        await self._send(writer, {"end": True})

    async def _send(self, writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
        await self._write(writer, _line(message))

    async def _write(self, writer: asyncio.StreamWriter, line: bytes) -> None:
        writer.write(line)
        async with asyncio.timeout(self._bounds.seconds):
            await writer.drain()


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


async def _end_with(reader: asyncio.StreamReader, task: asyncio.Task[None]) -> None:
    """End ``task`` when the other side has gone: nothing else would tell before the next thing happens."""
    with suppress(OSError):
        while await reader.read(1024):
            pass
    task.cancel()


def _cannot_listen(error: OSError) -> OutputError:
    return OutputError(
        Text(
            "No port on 127.0.0.1 can be listened on: {reason}. The commands could not reach the bot.",
            reason=error.strerror or error,
        ),
        cause=repr(error),
    )
