"""What systemd is told, on a socket that the test listens to as systemd would."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app.watchdog import SOON, Systemd, under_systemd, watchdog_seconds
from bot.metrics.health import FINE, Finding, Health, make_health

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no systemd here")


class Listener:
    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    if request.param == "abstract" and not sys.platform.startswith("linux"):
        pytest.skip("abstract names are Linux's")
    name = f"@fairbrush-{uuid.uuid4()}" if request.param == "abstract" else str(tmp_path / "notify")
    listener = Listener(name)
    yield listener
    listener.socket.close()


class Steps:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._turns: asyncio.Queue[None] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._turns.get()

    async def step(self) -> None:
        before = len(self.asked)
        self._turns.put_nowait(None)
        async with asyncio.timeout(5):
            while len(self.asked) == before:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def begun(self) -> None:
        async with asyncio.timeout(5):
            while not self.asked:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


def health(found: list[Finding]) -> Health:
    async def check() -> Finding:
        return found[0]

    now = iter(range(1_000_000))  # no report is given twice
    return make_health({"store": check}, {}, clock=lambda: float(next(now)))


async def test_ready_and_stopping_and_nothing_of_a_watchdog_that_nobody_wants(listener: Listener) -> None:
    async with under_systemd(health([FINE]), {"NOTIFY_SOCKET": listener.name}) as systemd:
        assert listener.heard() == []
        systemd.ready("gpu up,\nDiscord as Fairbrush")
        systemd.stopping()
    assert listener.heard() == [
        "READY=1\nSTATUS=gpu up, Discord as Fairbrush",
        "STOPPING=1\nSTATUS=Stopping",
    ]


async def test_the_watchdog_is_told_at_half_time_and_only_while_all_is_well(listener: Listener) -> None:
    found, steps = [FINE], Steps()
    environ = {"NOTIFY_SOCKET": listener.name, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    async with under_systemd(health(found), environ, sleep=steps.sleep):
        await steps.begun()
        assert listener.heard() == ["WATCHDOG=1"]
        await steps.step()
        assert listener.heard() == ["WATCHDOG=1"]
        found[0] = Finding(ok=False, reason="no answer within 2 s")
        await steps.step()
        assert listener.heard() == ["STATUS=Not healthy: store: no answer within 2 s"]
        await steps.step()
        assert listener.heard() == []
        found[0] = FINE
        await steps.step()
        assert listener.heard() == ["WATCHDOG=1", "STATUS=Well again"]
    assert steps.asked == [15.0, 15.0, 30 * SOON, 30 * SOON, 15.0]


async def test_without_systemd_nothing_is_said(listener: Listener) -> None:
    async with under_systemd(health([FINE]), {"WATCHDOG_USEC": "1000"}) as systemd:
        systemd.ready("ready")
        systemd.stopping()
    assert listener.heard() == []


async def test_a_socket_that_is_gone_holds_up_nobody(tmp_path: Path) -> None:
    systemd = Systemd(str(tmp_path / "gone"))
    systemd.ready("ready")
    systemd.healthy()


def test_a_socket_that_nobody_reads_holds_up_nobody(listener: Listener) -> None:
    systemd = Systemd(listener.name)
    for _ in range(10_000):
        systemd.healthy()
    assert listener.heard()[0] == "WATCHDOG=1"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, None),
        ({"NOTIFY_SOCKET": "@x"}, None),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000"}, 60.0),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_systemd_wants_to_hear(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environ) == seconds
