"""The control channel: what goes in at one end comes out at the other."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.control import ControlClient, ControlServer
from bot.control.address import NAME, Address, read_address, write_address
from bot.control.calls import CALLS
from bot.control.failures import BotGone, OtherVersion
from bot.control.server import Bounds
from bot.domain import errors
from bot.domain.errors import (
    ConfigError,
    FairbrushError,
    GraphProblem,
    GraphRejected,
    NodeFailed,
    NotFound,
    OutputError,
    ParameterError,
    UserError,
)
from bot.domain.ids import IdentityId
from bot.domain.text import Text
from bot.service.operator import Desk, Limit, LimitChange, Operator, ShellAsk
from tests.support.cli import posix_only
from tests.support.fake_operator import EVENTS, JOB, REQUEST, FakeOperator, a_queue, an_account, until

ASK = ShellAsk(
    "a fox --image photo.png --no “people”",
    IdentityId("shell:alice"),
    "alice",
    "shell:1",
    {"photo.png": bytes(range(256)) * 5000, "mask.png": b""},
)


@asynccontextmanager
async def channel(
    folder: Path, bot: FakeOperator, bounds: Bounds | None = None
) -> AsyncIterator[ControlClient]:
    async with ControlServer(bot, bot, folder=folder, bounds=bounds or Bounds()):
        client = await ControlClient.connect(folder)
        assert client is not None
        yield client


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def stranger(folder: Path, talk: Talk, version: str = "1") -> AsyncIterator[None]:
    """Another program at the port that the file names; ends when all that called have been answered."""
    async with asyncio.TaskGroup() as tasks:

        async def see_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.transport.abort()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.create_task(see_off(reader, writer))

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        write_address(folder, Address(server.sockets[0].getsockname()[1], "the-token", 1, version))
        yield
        server.close()


async def test_every_call_gives_what_the_bot_gave(tmp_path: Path) -> None:
    bot = FakeOperator()
    change = LimitChange(gpu_seconds=Limit(3600), jobs=Limit(None))
    async with channel(tmp_path, bot) as client:
        assert await client.queue() == a_queue()
        assert await client.servers() == a_queue().servers
        assert [await client.pause("a"), await client.resume("b"), await client.drain("c")] == [
            True,
            False,
            True,
        ]
        assert (await client.cancel(JOB, "shell:alice")).cancelled == (JOB,)
        assert (await client.account("Ann")) == an_account()
        assert await client.grant("Ann", 600, actor="shell", reason="won") == an_account()
        assert await client.set_limits("Ann", change, actor="shell", reason="") == an_account()
        assert await client.set_limits("Ann", None, actor="shell", reason="") == an_account()
        assert await client.reset("Ann", actor="shell", reason="x") == an_account()
        assert await client.usage("day", since=1, until=2) == await bot.usage("day", since=1, until=2)
        (request,) = await client.submit(ASK)
    assert request == (await FakeOperator().submit(ASK))[0]
    assert bot.asked[:-1] == [
        ("queue",),
        ("servers",),
        ("pause", "a"),
        ("resume", "b"),
        ("drain", "c"),
        ("cancel", JOB, "shell:alice"),
        ("account", "Ann"),
        ("grant", "Ann", 600.0, "shell", "won"),
        ("set_limits", "Ann", change, "shell", ""),
        ("set_limits", "Ann", None, "shell", ""),
        ("reset", "Ann", "shell", "x"),
        ("usage", "day", 1, 2),
        ("usage", "day", 1, 2),
    ]
    assert bot.asked[-1] == ("submit", ASK), "images arrive byte by byte"


def test_the_table_of_calls_is_the_ports() -> None:
    ports = {name: port for port in (Operator, Desk) for name in vars(port) if not name.startswith("_")}
    assert set(ports) == set(CALLS) - {"ping"}
    for name, port in ports.items():
        parameters = list(inspect.signature(getattr(port, name)).parameters)[1:]
        assert parameters == list(CALLS[name].arguments), name
        assert inspect.signature(getattr(ControlClient, name)) == inspect.signature(getattr(port, name)), name


async def test_texts_are_sentences_on_the_other_side_too(tmp_path: Path) -> None:
    async with channel(tmp_path, FakeOperator()) as client:
        notice = (await client.queue()).notices[0].text
    assert (notice.msgid, dict(notice.args)) == ("{template} is quarantined.", {"template": "broken"})


async def test_watching_gives_every_event_and_then_ends(tmp_path: Path) -> None:
    async with channel(tmp_path, FakeOperator()) as client:
        assert tuple([event async for event in client.watch(REQUEST)]) == EVENTS


async def test_an_error_while_watching_comes_after_the_events(tmp_path: Path) -> None:
    async with channel(tmp_path, FakeOperator(raises=NotFound(Text("Gone.")))) as client:
        watching = client.watch(REQUEST)
        assert tuple([await anext(watching) for _ in EVENTS]) == EVENTS
        with pytest.raises(NotFound, match="Gone"):
            await anext(watching)


async def test_who_stops_watching_is_forgotten_at_once(tmp_path: Path) -> None:
    bot = FakeOperator(waits=asyncio.Event())
    async with channel(tmp_path, bot) as client:
        watching = client.watch(REQUEST)
        await anext(watching)
        assert bot.watchers == 1
        await watching.aclose()
        await until(lambda: not bot.watchers)


async def test_one_that_waits_holds_nobody_up(tmp_path: Path) -> None:
    gate = asyncio.Event()
    bot = FakeOperator(waits=gate)
    async with channel(tmp_path, bot) as client:
        slow = asyncio.ensure_future(client.cancel(JOB, "slow"))
        await until(lambda: bot.asked)
        bot.waits = None
        assert await client.pause("quick") is True
        assert not slow.done()
        gate.set()
        assert (await slow).cancelled == (JOB,)


def _every_error(kind: type[FairbrushError] = FairbrushError) -> Iterator[type[FairbrushError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _every_error(child)


def _made(kind: type[FairbrushError]) -> FairbrushError:
    text = Text("It is {why}: {name}.", why=Text("{count} of {what}", count=3, what="them"), name="x {y}")
    if issubclass(kind, ParameterError):
        return kind("steps", text, cause="secret cause")
    if issubclass(kind, NodeFailed):
        return kind(text, node_id="86:3", class_type="KSampler", message="boom", cause="secret cause")
    if issubclass(kind, GraphRejected):
        problem = GraphProblem("3", "Sampler", "KSampler", "seed", "value_bigger_than_max", value="9")
        return kind(text, (problem,), cause="secret cause")
    return kind(text, cause="secret cause")


async def test_every_error_of_the_tree_comes_out_as_itself(tmp_path: Path) -> None:
    bot = FakeOperator()
    async with channel(tmp_path, bot) as client:
        for kind in _every_error():
            bot.raises = error = _made(kind)
            with pytest.raises(FairbrushError) as caught:
                await client.queue()
            assert type(caught.value) is kind
            assert (caught.value.text, str(caught.value)) == (error.text, str(error))
            unsaid = {"text", "cause"}
            assert {k: v for k, v in vars(caught.value).items() if k not in unsaid} == {
                k: v for k, v in vars(error).items() if k not in unsaid
            }
            assert caught.value.cause == "", "the cause is for the bot's own log"


async def test_errors_from_elsewhere_keep_their_exit_code(tmp_path: Path) -> None:
    class Odd(UserError):
        code = "odd"

    bot = FakeOperator(raises=Odd(Text("Odd.")))
    async with channel(tmp_path, bot) as client:
        with pytest.raises(UserError, match="Odd"):
            await client.queue()


async def test_a_bug_in_one_answer_ends_neither_the_bot_nor_says_what_it_held(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = FakeOperator(raises=KeyError("a naked prompt text"))
    with caplog.at_level(logging.INFO):
        async with channel(tmp_path, bot) as client:
            with pytest.raises(FairbrushError, match="stumbled over itself"):
                await client.queue()
            bot.raises = None
            assert await client.queue() == a_queue()
    assert "the call queue failed: KeyError in fake_operator.py" in caplog.text
    assert "naked" not in caplog.text


async def test_the_file_is_there_while_the_bot_runs_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with channel(folder, FakeOperator()) as client:
        data = json.loads((folder / NAME).read_text(encoding="utf-8"))
        assert set(data) == {"port", "token", "pid", "version"}
        assert (data["pid"], data["port"]) == (os.getpid(), client.address.port)
        assert len(data["token"]) >= 40
        if os.name == "posix":
            assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
        assert [path.name for path in folder.iterdir()] == [NAME]
        assert data["token"] not in repr(client.address)
    assert list(folder.iterdir()) == []
    assert await ControlClient.connect(folder) is None


async def test_tokens_are_fresh(tmp_path: Path) -> None:
    tokens = set()
    for _ in range(3):
        async with channel(tmp_path, FakeOperator()) as client:
            tokens.add(client.address.token)
    assert len(tokens) == 3


async def test_the_file_of_a_later_bot_is_left_alone(tmp_path: Path) -> None:
    later = Address(1, "later", 2, "9")
    async with ControlServer(FakeOperator(), FakeOperator(), folder=tmp_path):
        write_address(tmp_path, later)
    assert read_address(tmp_path) == later


async def test_a_folder_that_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(OutputError, match=r"control\.json cannot be written"):
        async with ControlServer(FakeOperator(), FakeOperator(), folder=tmp_path / "data"):
            pytest.fail("it must not run")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[1]",
        b"{}",
        b'{"port": "1", "token": "t", "pid": 1, "version": "1"}',
        b'{"port": 0, "token": "t", "pid": 1, "version": "1"}',
        b'{"port": 70000, "token": "t", "pid": 1, "version": "1"}',
        b'{"port": 80, "token": "", "pid": 1, "version": "1"}',
        b"[" * 4000,
        b"x" * 100_000,
    ],
)
async def test_a_file_that_says_nothing_of_use_is_no_bot(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert await ControlClient.connect(tmp_path) is None


async def test_a_file_left_by_a_bot_that_was_killed_is_no_bot(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    write_address(tmp_path, Address(port, "t", 999_999_999, "1"))
    assert await ControlClient.connect(tmp_path) is None


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"{}\n", b"[]\n", b'"x"\n', b"\xff\n", b"x" * 100]
)
async def test_another_program_at_the_port_is_no_bot(tmp_path: Path, greeting: bytes) -> None:
    heard = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.write_eof()
        with suppress(ConnectionError):
            heard.append(await reader.read())

    async with stranger(tmp_path, talk):
        assert await ControlClient.connect(tmp_path) is None
    assert heard in ([], [b""]), "the token is for a bot alone"


async def test_another_bot_at_the_port_is_not_ours(tmp_path: Path) -> None:
    async with ControlServer(FakeOperator(), FakeOperator(), folder=tmp_path / "other"):
        other = read_address(tmp_path / "other")
        assert other is not None
        write_address(tmp_path, Address(other.port, "our-old-token", 1, "1"))
        assert await ControlClient.connect(tmp_path) is None


async def test_a_bot_of_another_version_is_told_apart(tmp_path: Path) -> None:
    async def older(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"fairbrush": "0.0.1", "protocol": 0}\n')
        await reader.read()

    async with stranger(tmp_path, older, "0.0.1"):
        with pytest.raises(OtherVersion, match=r"\(Fairbrush 0\.0\.1\).*Restart the bot"):
            await ControlClient.connect(tmp_path)


@pytest.mark.parametrize("answer", [b"", b"{", b"[]\n", b'{"answer": 5}\n', b'{"error": {}}\n'])
async def test_answers_that_cannot_be_read(tmp_path: Path, answer: bytes) -> None:
    answers = [b'{"answer": "9"}\n', answer]

    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"fairbrush": "9", "protocol": 1}\n')
        await reader.readline()
        writer.write(answers.pop(0))
        writer.close()
        await writer.wait_closed()

    async with stranger(tmp_path, odd):
        client = await ControlClient.connect(tmp_path)
        assert client is not None
        with pytest.raises((BotGone, OtherVersion)):
            await client.queue()


async def test_a_bot_that_ends_in_between_is_said_to_have_stopped(tmp_path: Path) -> None:
    bot = FakeOperator(waits=asyncio.Event())
    async with channel(tmp_path, bot) as client:
        watching = client.watch(REQUEST)
        await anext(watching)
    with pytest.raises(BotGone, match="The bot has stopped"):
        _ = [event async for event in watching]
    with pytest.raises(BotGone):
        await client.queue()
    assert bot.watchers == 0


async def test_too_much_for_one_request_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    bot = FakeOperator()
    async with channel(tmp_path, bot) as client:
        with pytest.raises(UserError, match="too much for one request"):
            await client.submit(ShellAsk("x" * 300_000, IdentityId("shell"), "a", "e"))
    assert bot.asked == []


async def test_a_long_list_arrives_whole(tmp_path: Path) -> None:
    jobs = a_queue().jobs * 10_000
    async with channel(tmp_path, FakeOperator(replace(a_queue(), jobs=jobs))) as client:
        assert (await client.queue()).jobs == jobs


@posix_only
@pytest.mark.skipif(os.name == "posix" and os.getuid() == 0, reason="root may read everything")
async def test_another_users_bot(tmp_path: Path) -> None:
    write_address(tmp_path, Address(1, "t", 1, "1"))
    (tmp_path / NAME).chmod(0)
    with pytest.raises(ConfigError, match="belongs to another user"):
        await ControlClient.connect(tmp_path)


async def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    async with channel(tmp_path, FakeOperator()) as client:
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
        for host in (str(other) for other in others if not str(other).startswith("127.")):
            with pytest.raises(OSError):
                socket.create_connection((host, client.address.port), timeout=2).close()
