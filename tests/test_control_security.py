"""Who does not know the token gets nothing; nobody can hold the bot up or break it through the channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bot
from bot.control import ControlClient, ControlServer
from bot.control.address import read_address
from bot.control.calls import MAX_BLOBS, MAX_LINE
from bot.control.server import Bounds
from bot.domain.errors import FairbrushError
from tests.support.cli import DEADLINE_SECONDS
from tests.support.fake_operator import REQUEST, FakeOperator, a_queue, until

GREETING = {"fairbrush": bot.__version__, "protocol": 1}
IMPATIENT = Bounds(connections=4, seconds=0.05)


class Wire:
    """A raw connection to the bot."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self.reader, self.writer, self.token = reader, writer, token

    async def say(self, message: object, *, raw: bytes | None = None) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n" if raw is None else raw)
        await self.writer.drain()

    async def call(self, **parts: Any) -> dict[str, Any] | None:
        """What comes back for a call with the right token."""
        await self.say({"token": self.token, "args": {}, **parts})
        return await self.hear()

    async def hear(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                line = await self.reader.readline()
            except ConnectionError:
                return None
        found: dict[str, Any] | None = json.loads(line) if line else None
        return found

    async def at_end(self) -> bool:
        return await self.hear() is None


@asynccontextmanager
async def running(
    folder: Path, operator: FakeOperator | None = None, bounds: Bounds | None = None
) -> AsyncIterator[ControlServer]:
    fake = operator or FakeOperator()
    async with ControlServer(fake, fake, folder=folder, bounds=bounds or Bounds()) as server:
        yield server


@asynccontextmanager
async def dialled(folder: Path, *, greeted: bool = True) -> AsyncIterator[Wire]:
    address = read_address(folder)
    assert address is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    wire = Wire(reader, writer, address.token)
    try:
        if greeted:
            assert await wire.hear() == GREETING
        yield wire
    finally:
        writer.transport.abort()


async def answers(folder: Path) -> bool:
    """Whether the bot still does what it is for. On a busy machine, an impatient one may hang up on us."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                client = await ControlClient.connect(folder)
                with contextlib.suppress(FairbrushError):
                    if client is not None:
                        return await client.queue() == a_queue()
    return False


def code(message: dict[str, Any] | None) -> str:
    assert message is not None
    assert set(message) == {"error"}
    found: str = message["error"]["code"]
    return found


@pytest.mark.parametrize(
    "token",
    ["", "wrong", None, 5, True, [], {"a": 1}, "\ud800", "é" * 43, "x" * 100_000],
    ids=lambda token: repr(token)[:12],
)
async def test_a_wrong_token_opens_nothing(tmp_path: Path, token: object) -> None:
    fake = FakeOperator()
    async with running(tmp_path, fake):
        for head in ({"call": "pause", "args": {"actor": "mallory"}}, {"call": "nonsense"}, {}):
            async with dialled(tmp_path) as wire:
                await wire.say({"token": token, **head})
                assert code(await wire.hear()) == "token"
                assert await wire.at_end()
        assert fake.asked == []
        assert await answers(tmp_path)


async def test_no_token_opens_nothing(tmp_path: Path) -> None:
    fake = FakeOperator()
    async with running(tmp_path, fake):
        async with dialled(tmp_path) as wire:
            await wire.say({"call": "pause", "args": {"actor": "mallory"}})
            assert code(await wire.hear()) == "token"
        assert fake.asked == []


async def test_almost_the_token_is_not_the_token(tmp_path: Path) -> None:
    async with running(tmp_path):
        async with dialled(tmp_path) as wire:
            right = wire.token
        for token in (right[:-1], right + "x", right.swapcase(), f" {right}", right + "\0"):
            async with dialled(tmp_path) as wire:
                await wire.say({"token": token, "call": "ping", "args": {}})
                assert code(await wire.hear()) == "token"


async def test_one_connection_is_one_call(tmp_path: Path) -> None:
    """So a token that was shown opens nothing for what comes after it."""
    fake = FakeOperator()
    async with running(tmp_path, fake), dialled(tmp_path) as wire:
        second = json.dumps({"call": "pause", "args": {"actor": "mallory"}}).encode() + b"\n"
        first = json.dumps({"token": wire.token, "call": "ping", "args": {}}).encode() + b"\n"
        await wire.say(None, raw=first + second)
        assert await wire.hear() == {"answer": bot.__version__}
        assert await wire.at_end()
        assert fake.asked == []


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xfe\x00\n",
        b"{\n",
        b"[]\n",
        b"5\n",
        b"null\n",
        b'"token"\n',
        b"[" * 50_000 + b"\n",
        b'{"token": ' + b"9" * 5_000 + b"}\n",
    ],
    ids=lambda line: repr(line)[:14],
)
async def test_garbage_is_answered_with_an_error(tmp_path: Path, line: bytes) -> None:
    async with running(tmp_path):
        async with dialled(tmp_path) as wire:
            await wire.say(None, raw=line)
            assert code(await wire.hear()) in ("usage", "token")
            assert await wire.at_end()
        assert await answers(tmp_path)


@given(st.binary(max_size=300))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_or_hung_up_on(tmp_path: Path, sent: bytes) -> None:
    async def check() -> None:
        async with running(tmp_path):
            async with dialled(tmp_path) as wire:
                await wire.say(None, raw=sent)
                wire.writer.write_eof()
                heard = await wire.hear()
                assert heard is None or "error" in heard
            assert await answers(tmp_path)

    asyncio.run(check())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
_call_names = st.sampled_from(["queue", "pause", "cancel", "submit", "watch", "grant", "set_limits", "usage"])
_argument_names = st.sampled_from(
    ["actor", "job", "ask", "request", "wanted", "seconds", "reason", "change", "by"]
)


@given(_call_names, st.dictionaries(_argument_names, _json, max_size=5) | _json, _json)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_arguments_are_taken_or_refused(tmp_path: Path, name: str, args: Any, blobs: Any) -> None:
    async def check() -> None:
        # Files may be announced that never come.
        async with running(tmp_path, bounds=IMPATIENT), dialled(tmp_path) as wire:
            heard = await wire.call(call=name, args=args, blobs=blobs)
            assert heard is None or "stumbled" not in json.dumps(heard)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ({"call": "nonsense"}, "knows no such call"),
        ({"call": None}, "knows no such call"),
        ({"call": ["ping"]}, "knows no such call"),
        ({"call": "__init__"}, "knows no such call"),
        ({"call": "_connection"}, "knows no such call"),
        ({"call": "pause"}, "args must hold actor"),
        ({"call": "pause", "args": []}, "args must be an object"),
        ({"call": "pause", "args": {"actor": 5}}, "args.actor must be text"),
        ({"call": "pause", "args": {"actor": "\ud800"}}, "args.actor is no text"),
        ({"call": "pause", "args": {"actor": "a", "more": 1}}, "args must hold actor"),
        ({"call": "queue", "args": {"x": 1}}, "args must hold nothing"),
        ({"call": "usage", "args": {"by": "hour", "since": 0, "until": 1}}, "args.by is none of its words"),
        ({"call": "usage", "args": {"by": "day", "since": 0.5, "until": 1}}, "since is no whole number"),
        ({"call": "usage", "args": {"by": "day", "since": 2**63, "until": 1}}, "since is no whole number"),
        ({"call": "usage", "args": {"by": "day", "since": True, "until": 1}}, "since is no whole number"),
        ({"call": "ping", "blobs": [-1]}, "its files are too large, or not announced"),
        ({"call": "ping", "blobs": [1.5]}, "its files are too large, or not announced"),
        ({"call": "ping", "blobs": "x"}, "its files are too large, or not announced"),
        ({"call": "ping", "blobs": [MAX_BLOBS, 1]}, "its files are too large, or not announced"),
    ],
    ids=str,
)
async def test_calls_that_cannot_be_read(tmp_path: Path, head: dict[str, Any], says: str) -> None:
    fake = FakeOperator()
    async with running(tmp_path, fake), dialled(tmp_path) as wire:
        heard = await wire.call(**head)
        assert code(heard) == "usage"
        assert says in json.dumps(heard)
        assert fake.asked == []


async def test_a_giant_line_is_hung_up_on_and_holds_nobody_up(tmp_path: Path) -> None:
    async with running(tmp_path), dialled(tmp_path) as wire:
        giant = b"x" * (16 * MAX_LINE)
        # It may hang up in the middle of it.
        try:
            await wire.say(None, raw=giant)
        except ConnectionError:
            pass
        else:
            heard = await wire.hear()
            assert heard is None or code(heard) == "usage"
        assert await answers(tmp_path)


async def test_blobs_are_not_read_before_the_token_was_right(tmp_path: Path) -> None:
    async with running(tmp_path), dialled(tmp_path) as wire:
        await wire.say({"token": "wrong", "call": "submit", "args": {}, "blobs": [1_000_000]})
        assert code(await wire.hear()) == "token"


@pytest.mark.parametrize("sent", [b"", b'{"token"'], ids=["nothing", "half"])
async def test_who_says_nothing_is_hung_up_on_in_time(tmp_path: Path, sent: bytes) -> None:
    async with running(tmp_path, bounds=IMPATIENT), dialled(tmp_path) as wire:
        await wire.say(None, raw=sent)
        assert await wire.at_end()


async def test_files_that_do_not_come_are_given_up(tmp_path: Path) -> None:
    async with running(tmp_path, bounds=IMPATIENT), dialled(tmp_path) as wire:
        await wire.say({"token": wire.token, "call": "ping", "args": {}, "blobs": [10]})
        await wire.say(None, raw=b"half")
        assert await wire.at_end()


async def test_who_does_not_take_the_answer_is_given_up(tmp_path: Path) -> None:
    """A long answer into a connection that nobody reads: the bot must be rid of it."""
    fake = FakeOperator(replace(a_queue(), jobs=a_queue().jobs * 30_000))
    async with running(tmp_path, fake, IMPATIENT) as server, dialled(tmp_path) as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.say({"token": wire.token, "call": "queue", "args": {}})
        await until(lambda: fake.asked)
        fake.view = a_queue()
        assert await answers(tmp_path)
        await until(lambda: server.connections == 0)
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = await asyncio.wait_for(_rest(wire.reader), DEADLINE_SECONDS)
        assert not received.endswith(b"\n"), "it was cut off"


async def _rest(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while piece := await reader.read(1 << 20):
            received = piece
    except ConnectionError:
        pass
    return received


async def test_strangers_who_wait_make_room_for_others(tmp_path: Path) -> None:
    """However many connections are open without a word, whoever has the token gets through."""
    bounds = Bounds(connections=4, seconds=DEADLINE_SECONDS)
    async with running(tmp_path, bounds=bounds) as server, AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(dialled(tmp_path, greeted=False)) for _ in range(20)]
        assert await answers(tmp_path)
        await until(lambda: server.connections <= 4)
        assert await wires[0].hear() is None or await wires[0].at_end(), "whoever waited longest went"
        await wires[-1].say({"token": wires[-1].token, "call": "ping", "args": {}})
        assert [await wires[-1].hear(), await wires[-1].hear()] == [GREETING, {"answer": bot.__version__}]


async def test_too_many_commands_at_once_are_told_so(tmp_path: Path) -> None:
    fake = FakeOperator(waits=asyncio.Event())
    async with running(tmp_path, fake, Bounds(connections=2, seconds=DEADLINE_SECONDS)) as server:
        client = await ControlClient.connect(tmp_path)
        assert client is not None
        watching = [client.watch(REQUEST) for _ in range(2)]
        for each in watching:
            await anext(each)
        async with dialled(tmp_path) as wire:
            assert "busy with other commands" in json.dumps(await wire.call(call="ping"))
        for each in watching:
            await each.aclose()
        await until(lambda: server.connections == 0)
        fake.waits.set()
        assert await client.pause("x") is True


async def test_neither_token_nor_texts_are_ever_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with running(tmp_path):
            address = read_address(tmp_path)
            assert address is not None
            for token in (address.token, "wrong-token-wrong-token"):
                async with dialled(tmp_path) as wire:
                    await wire.say(
                        {"token": token, "call": "cancel", "args": {"job": "a-secret", "actor": "a"}}
                    )
                    await wire.hear()
            async with dialled(tmp_path) as wire:
                await wire.say(None, raw=b'{"token": "' + address.token.encode() + b'", garbage\n')
                await wire.hear()
    assert "without the right token was refused" in caplog.text
    for unsaid in (address.token, "wrong-token", "a-secret"):
        assert unsaid not in caplog.text


async def test_errors_never_repeat_the_token(tmp_path: Path) -> None:
    async with running(tmp_path), dialled(tmp_path) as wire:
        heard = await wire.call(call=wire.token, args=wire.token, blobs=wire.token)
        assert wire.token not in json.dumps(heard)
