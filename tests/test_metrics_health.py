"""Whether what machines are told about the bot's health is true: each thing that can be wrong, made wrong."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app.metrics import metrics_server
from bot.domain.errors import ConfigError
from bot.domain.text import Text
from bot.metrics.checks import STANDSTILL, WRITE_EVERY
from bot.metrics.health import FINE, Finding, Panel
from bot.metrics.links import Link
from bot.service.servers import ServerState
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work
from tests.test_metrics_numbers import measured

Body = dict[str, Any]
SOON = 0.05
"""Seconds for which a report is given again, in these tests."""


@pytest.fixture(autouse=True)
def soon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.cls is None:
        monkeypatch.setattr("bot.metrics.health.FRESH", SOON)


async def ask(http: aiohttp.ClientSession, url: str, path: str) -> tuple[int, Body]:
    async with http.get(f"{url}{path}") as answer:
        return answer.status, await answer.json()


async def become(
    http: aiohttp.ClientSession, url: str, path: str, status: int, *, seconds: float = 10.0
) -> Body:
    """Ask until the answer is that one: it is kept for a moment, so that many may ask."""
    async with asyncio.timeout(seconds):
        while True:
            found, body = await ask(http, url, path)
            if found == status:
                return body
            await asyncio.sleep(0.02)


def failing(body: Body) -> dict[str, str]:
    return {name: each["reason"] for name, each in body["checks"].items() if not each["ok"]}


async def test_a_bot_at_work_is_alive_and_ready(tmp_path: Path) -> None:
    async with measured(tmp_path, (Link("test", lambda: "", lambda: 0),)) as (_, url, http):
        assert await ask(http, url, "/healthz") == (
            200,
            {"status": "ok", "checks": {name: {"ok": True} for name in ("loop", "parts", "store", "queue")}},
        )
        status, body = await ask(http, url, "/readyz")
        assert status == 200
        assert set(body["checks"]) == {
            *("loop", "parts", "store", "queue", "accepting", "store_writes", "servers", "test")
        }


async def test_without_a_server_it_is_alive_and_not_ready(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        state = bot.state()
        state.state, state.reason = ServerState.DOWN, Text("The server does not answer.")
        body = await become(http, url, "/readyz", 503)
        assert failing(body) == {
            "servers": "no server takes work: fake is down (The server does not answer.)"
        }
        assert body["status"] == "failing"
        assert (await ask(http, url, "/healthz"))[0] == 200
        state.state, state.reason = ServerState.UP, None
        await become(http, url, "/readyz", 200)
        state.reason = Text("The connection was lost.")
        assert "fake is silent" in failing(await become(http, url, "/readyz", 503))["servers"]


async def test_a_platform_that_is_not_connected(tmp_path: Path) -> None:
    trouble = [""]
    async with measured(tmp_path, (Link("discord", lambda: trouble[0], lambda: 0),)) as (_, url, http):
        assert (await ask(http, url, "/readyz"))[0] == 200
        trouble[0] = "the connection to Discord's gateway is lost"
        assert failing(await become(http, url, "/readyz", 503)) == {"discord": trouble[0]}
        assert (await ask(http, url, "/healthz"))[0] == 200


async def test_draining_and_stopping_are_not_ready_and_a_pause_is(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        gates = bot.service.dispatcher.gates
        gates.paused = True
        await asyncio.sleep(SOON)
        assert (await ask(http, url, "/readyz"))[0] == 200
        gates.paused, gates.draining = False, True
        assert "drains" in failing(await become(http, url, "/readyz", 503))["accepting"]
        gates.stopping = True
        await asyncio.sleep(SOON)
        assert failing(await become(http, url, "/readyz", 503)) == {"accepting": "the bot is stopping"}


async def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        assert (await ask(http, url, "/readyz"))[0] == 200
        writes, bot.store._writes = bot.store._writes, None
        bot.clock.advance(WRITE_EVERY)
        assert failing(await become(http, url, "/readyz", 503)) == {
            "store_writes": "The database was opened for looking only."
        }
        assert (await ask(http, url, "/healthz"))[0] == 200
        bot.store._writes = writes
        bot.clock.advance(WRITE_EVERY)
        await become(http, url, "/readyz", 200)


async def test_a_database_that_hangs_is_told_of_in_time(tmp_path: Path) -> None:
    """Nothing waits for it for longer than the checks may take, not even the numbers."""
    async with measured(tmp_path) as (bot, url, http):
        released = threading.Event()
        hanging = asyncio.create_task(bot.store._reads.work(lambda _: released.wait(30)))
        try:
            await asyncio.sleep(0)
            began = time.monotonic()
            answers = await asyncio.gather(
                ask(http, url, "/healthz"), ask(http, url, "/readyz"), http.get(f"{url}/metrics")
            )
            assert time.monotonic() - began < 8
            assert answers[0][0] == answers[1][0] == 503
            assert failing(answers[0][1]) == {"store": "no answer within 2 s"}
            assert answers[2].status == 200
            text = await answers[2].text()
            assert 'fairbrush_check_ok{check="store"} 0.0' in text
            assert "fairbrush_queue_jobs{" not in text  # not known, so not told
            assert 'fairbrush_jobs{state="queued"} 0.0' in text
        finally:
            released.set()
            await hanging
        await become(http, url, "/healthz", 200)


async def test_a_part_that_has_ended(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        assert set(bot.service.parts) == {"dispatcher", "warden", "courier", "housekeeping"}
        bot.service.parts["courier"].cancel()
        assert failing(await become(http, url, "/healthz", 503)) == {
            "parts": "ended, and should not have: courier"
        }


async def test_jobs_that_nobody_begins_though_a_server_is_idle(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        bot.service.dispatcher.feed = lambda: None  # type: ignore[method-assign]
        await bot.ask("a fox")
        await minutes(bot, STANDSTILL - 10)
        await asyncio.sleep(SOON)
        assert (await ask(http, url, "/healthz"))[0] == 200
        await minutes(bot, 20)
        assert "1 jobs wait" in failing(await become(http, url, "/healthz", 503))["queue"]
        bot.service.dispatcher.gates.paused = True
        await minutes(bot, 10)
        await become(http, url, "/healthz", 200)


async def test_one_idle_server_is_enough_to_be_alarmed(tmp_path: Path) -> None:
    servers = [FakeServer("one"), FakeServer("two")]
    async with measured(tmp_path, servers=servers) as (bot, url, http):
        await bot.ask("a fox")
        await servers[0].until(lambda _: servers[0].waiting or servers[1].waiting)
        bot.service.dispatcher.feed = lambda: None  # type: ignore[method-assign]
        await bot.ask("an owl")
        await minutes(bot, 2 * STANDSTILL)
        assert "1 jobs wait" in failing(await become(http, url, "/healthz", 503))["queue"]


async def test_jobs_that_wait_for_good_reasons_are_no_trouble(tmp_path: Path) -> None:
    async with measured(tmp_path) as (bot, url, http):
        await bot.ask("a fox --count 3")
        await bot.server.until_waiting(1)
        await minutes(bot, 3 * STANDSTILL)
        await asyncio.sleep(SOON)
        assert (await ask(http, url, "/healthz"))[0] == 200


async def minutes(bot: Bot, seconds: float) -> None:
    """Let time pass in small steps, and others have their turn."""
    for _ in range(round(seconds / 5)):
        bot.clock.advance(5)
        await asyncio.sleep(0.002)


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with bot_at_work(tmp_path, metrics={"listen": f"127.0.0.1:{port}"}) as bot:
            with pytest.raises(ConfigError, match=f"metrics.listen.*{port}.*another program"):
                async with metrics_server(bot.settings, bot.service, clock=bot.clock.as_clock()):
                    pass


async def test_nothing_listens_where_nobody_asked_for_it(tmp_path: Path) -> None:
    async with (
        bot_at_work(tmp_path) as bot,
        metrics_server(bot.settings, bot.service, clock=bot.clock.as_clock()) as watch,
    ):
        assert watch.url == ""
        assert (await watch.health.alive.report()).ok


async def test_other_paths_and_methods_are_refused(tmp_path: Path) -> None:
    async with measured(tmp_path) as (_, url, http):
        assert (await http.get(f"{url}/secrets")).status == 404
        assert (await http.post(f"{url}/metrics", data=b"x")).status == 405
        assert (await http.head(f"{url}/healthz")).status == 200
        assert "/readyz" in await (await http.get(url)).text()


class TestPanel:
    @staticmethod
    def panel(check: Callable[[], Any], **options: Any) -> Panel:
        async def answer() -> Finding:
            found: Finding = await check()
            return found

        return Panel({"it": answer}, **{"clock": asyncio.get_running_loop().time, **options})

    async def test_many_who_ask_at_once_cost_one_check(self) -> None:
        asked = 0

        async def check() -> Finding:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0.01)
            return FINE

        panel = self.panel(check)
        reports = await asyncio.gather(*(panel.report() for _ in range(50)))
        assert all(report.ok for report in reports)
        assert asked == 1

    async def test_a_check_that_ignores_being_stopped(self) -> None:
        over = asyncio.Event()

        async def check() -> Finding:
            while not over.is_set():
                try:
                    await over.wait()
                except asyncio.CancelledError:
                    continue
            return FINE

        began = time.monotonic()
        report = await self.panel(check, patience=0.05).report()
        assert time.monotonic() - began < 1
        assert report.words() == "it: no answer within 0.05 s"
        over.set()
        await asyncio.sleep(0)

    async def test_a_check_that_stumbles_says_nothing_of_what_it_met(self) -> None:
        async def check() -> Finding:
            raise RuntimeError("the prompt was: a secret otter")

        report = await self.panel(check).report()
        assert report.words() == "it: the check stumbled (RuntimeError)"
