"""Telling systemd how the bot is: ready, healthy, stopping (``sd_notify``, of ``Type=notify`` units).

The protocol: datagrams of ``KEY=VALUE`` lines to the Unix socket that NOTIFY_SOCKET names; an ``@`` at its
beginning stands for the zero byte of Linux's abstract names. With WATCHDOG_USEC set, systemd wants to hear
``WATCHDOG=1`` at least that often and restarts a service that says nothing.
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from bot.metrics.health import Health

log = logging.getLogger(__name__)

SOON = 0.1
"""Part of the watchdog's time after which a health that was bad is looked at again: one bad moment shall not
cost a restart."""


class Systemd:
    """Says nothing where ``address`` is ""."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def ready(self, status: str) -> None:
        """The bot has started."""
        self._say("READY=1", _status(status))

    def healthy(self) -> None:
        self._say("WATCHDOG=1")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._say(_status(status))

    def stopping(self, status: str = "Stopping") -> None:
        """The bot has begun to end."""
        self._say("STOPPING=1", _status(status))

    def _say(self, *lines: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.setblocking(False)  # a manager that does not listen must not hold us up
                end.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
        except OSError as error:
            log.debug("systemd cannot be told: %r", error)


@asynccontextmanager
async def under_systemd(
    health: Health,
    environ: Mapping[str, str],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Systemd]:
    """Tell systemd, where it started us, that all is well, for as long as it is and the body runs."""
    systemd = Systemd(environ.get("NOTIFY_SOCKET", ""))
    seconds = watchdog_seconds(environ)
    async with asyncio.TaskGroup() as tasks:
        watching = None
        if seconds is not None:
            watching = tasks.create_task(_keep_telling(systemd, health, seconds, sleep), name="watchdog")
        try:
            yield systemd
        finally:
            if watching is not None:
                watching.cancel()


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """How often systemd wants to hear of us; None when it does not, or another process is meant."""
    if not environ.get("NOTIFY_SOCKET") or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isascii() and text.isdecimal() and int(text) > 0 else None


async def _keep_telling(
    systemd: Systemd, health: Health, seconds: float, sleep: Callable[[float], Awaitable[None]]
) -> None:
    was_well = True
    while True:
        report = await health.alive.report()
        if report.ok:
            systemd.healthy()
            if not was_well:
                log.warning("all is well again")
                systemd.status("Well again")
        elif was_well:
            # What systemd will not tell when it restarts us.
            log.error("not healthy: %s", report.words())
            systemd.status(f"Not healthy: {report.words()}")
        was_well = report.ok
        await sleep(seconds / 2 if report.ok else seconds * SOON)


def _status(words: str) -> str:
    return f"STATUS={' '.join(words.split())}"
