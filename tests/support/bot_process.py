"""A bot in a process of its own, as far as commands can tell: ``python -m tests.support.bot_process DIR``.

It holds the lock, keeps a real store with real accounts, and opens the control channel; of a queue it has
what :class:`tests.support.fake_operator.FakeOperator` says. It prints ``ready`` and ends when stdin does.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from bot.config import load_settings, tiers_of
from bot.control import ControlServer
from bot.service.accounts import Accounts
from bot.service.clock import Clock
from bot.store import locked, open_store
from tests.support.cli import DEADLINE_SECONDS, environment
from tests.support.fake_operator import FakeOperator
from tests.support.nursery import Popen


@cache
def zone_of_noon() -> str:
    """A time zone in which it is noon or a little later: no test shall see its day end."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"


@contextlib.asynccontextmanager
async def bot(folder: Path, operator: FakeOperator) -> AsyncIterator[None]:
    """Serve commands in ``folder``, by its ``config.toml`` if there is one."""
    config = folder / "config.toml"
    settings = load_settings(config if config.exists() else None, environ={}, folder=folder)
    clock = Clock().now
    with locked(settings.data_dir):
        async with open_store(settings.database, clock=clock) as store:
            accounts = Accounts(
                store,
                tiers_of(settings),
                window=settings.quota.window,
                timezone=settings.timezone,
                clock=clock,
            )
            async with ControlServer(operator, accounts, folder=settings.data_dir):
                yield


@contextlib.contextmanager
def bot_in_thread(folder: Path, operator: FakeOperator | None = None) -> Iterator[FakeOperator]:
    """The same beside the test, which can see what was asked."""
    fake = operator or FakeOperator()
    ready, over = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    async def main() -> None:
        async with bot(folder, fake):
            ready.set()
            await asyncio.to_thread(over.wait)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised again in the test
            raised.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(DEADLINE_SECONDS)
        yield fake
    finally:
        over.set()
        thread.join(DEADLINE_SECONDS)
    if raised:
        raise raised[0]


@contextlib.contextmanager
def bot_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The same in a process that can be killed."""
    process = Popen(
        [sys.executable, "-m", "tests.support.bot_process", str(folder)],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip() == "ready"
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(DEADLINE_SECONDS)
        process.stdout.close()


async def _main(folder: Path) -> None:
    async with bot(folder, FakeOperator()):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
