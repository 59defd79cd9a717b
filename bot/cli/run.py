"""``fairbrush run``: the bot itself, until somebody stops it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.common import comfyui_option, config_option

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bot.app.service import Service
    from bot.app.web import WebParts
    from bot.cli.interruption import Interruption
    from bot.config import Settings
    from bot.metrics.links import Link

CHAT_SECONDS = 15.0
"""How long "ready" waits for a chat platform."""
FIRST_LOOK = 5.0
"""Seconds that the servers get to answer before "ready" says that they do not."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A platform, once it is connected under the name of an account."""

    name: str
    connected: asyncio.Event
    account: Callable[[], str]
    link: Link


@click.command(
    "run",
    short_help="Run the bot until Ctrl-C.",
    epilog="\b\nExample:\n  fairbrush run --config config.toml",
)
@comfyui_option
@click.option(
    "--pace",
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    help="Seconds per sampler step and megapixel of the built-in engine, as a graphics card would need.",
)
@config_option
def command(comfyui: str | None, pace: float | None, config_file: Path | None) -> None:
    """Run the bot: the queue, the servers, and the front-ends that are configured.

    Prints "ready" with what is connected; warnings go to stderr. Ctrl-C (or SIGTERM) stops it in stages:
    nothing new is begun, what is being painted may end (queue.shutdown_seconds), everything else waits for
    the next start. A second Ctrl-C leaves at once.
    """
    from bot.cli.common import drive, leave

    leave(lambda: drive(lambda stop: _run(config_file, comfyui, pace, stop)))


async def _run(
    config_file: Path | None, comfyui: str | None, pace: float | None, interruption: Interruption
) -> int:
    import asyncio

    from bot.cli.common import load
    from bot.cli.log import start_logging
    from bot.cli.run_warnings import open_doors, refuse_other_tokens

    settings = load(config_file)
    _check_pace(settings, comfyui, pace)
    refuse_other_tokens(settings)
    say = start_logging(settings)
    say(f"Data directory: {settings.data_dir}")
    for door in open_doors(settings):
        say(door)
    try:
        await _work(settings, comfyui, pace, interruption, say)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or not interruption.asked.is_set():
            raise
        # To be stopped is how a bot ends, also one that was not ready yet.
        task.uncancel()
        say("Stopped before it was ready.")
    return 0


async def _work(
    settings: Settings,
    comfyui: str | None,
    pace: float | None,
    interruption: Interruption,
    say: Callable[[str], None],
) -> None:
    import os
    from contextlib import AsyncExitStack

    from bot.app.metrics import metrics_server
    from bot.app.service import open_service, servers_heard_of
    from bot.app.watchdog import under_systemd
    from bot.cli.common import put
    from bot.control import ControlServer
    from bot.sketch import EngineSettings

    engine = EngineSettings(pace=pace or 0.0)
    chats: list[Chat] = []
    pages: list[WebParts] = []
    token = await _web_token(settings)
    async with (
        open_service(
            settings,
            comfyui,
            engine=engine,
            front_ends=lambda service: _front_ends(settings, service, chats, pages, token),
        ) as service,
        # It goes last: while the bot winds down, commands are still answered and pictures handed over.
        ControlServer(service.operator, service.accounts, folder=settings.data_dir),
        metrics_server(settings, service, [chat.link for chat in chats]) as watch,
        under_systemd(watch.health, os.environ) as systemd,
        AsyncExitStack() as stack,
    ):
        for page in pages:
            await stack.enter_async_context(page.site)
        with interruption.handled_by(_nothing, bounded=False):
            for name in _without_token(settings):
                say(f"The section [{name}] has no token: the bot runs without it.")
            if service.embedded:
                say("No ComfyUI server is configured: the built-in sketch engine paints.")
            if (found := _found(service)) is not None:
                say(found)
            await servers_heard_of(service, FIRST_LOOK)
            told = await _told(chats)
            if watch.url:
                say(f"Metrics at {watch.url}/metrics, health at /healthz and /readyz.")
            for page in pages:
                say(f"Operator's page: {page.site.address}/operator {_where_the_token_is(settings)}")
            connected = _connected(service, told, pages)
            put(f"ready: {connected}")
            systemd.ready(connected)
            await interruption.asked.wait()
            systemd.stopping()
            say(_stopping(service, settings.queue.shutdown_seconds))
            await service.dispatcher.wind_down(settings.queue.shutdown_seconds)
            say(_stopped(service))


def _check_pace(settings: Settings, comfyui: str | None, pace: float | None) -> None:
    from bot.app.backends import configured_server
    from bot.domain.errors import ParameterError
    from bot.domain.text import Text

    server = configured_server(settings, comfyui)
    if pace is not None and server is not None:
        raise ParameterError(
            "pace",
            Text(
                "--pace is for the built-in engine, and here {url} paints, at its own. Leave it out.",
                url=server.url,
            ),
        )


async def _nothing() -> None:
    """The body ends by itself when it is asked to."""


def _found(service: Service) -> str | None:
    """What an earlier process left, and what still holds."""
    there = service.recovered.attached
    jobs = service.recovered.waiting + there
    told = [f"{_count(jobs, 'job')} from before."] if jobs else []
    if there:
        whose = "It was" if jobs == 1 else "One of them was" if there == 1 else f"{there} of them were"
        told.append(f"{whose} at a server, which is asked first what became of it.")
    if service.dispatcher.gates.paused:
        told.append("The queue is paused: nothing begins until  fairbrush queue resume")
    elif service.dispatcher.gates.draining:
        told.append("The queue drains: nothing new is accepted until  fairbrush queue resume")
    return " ".join(told) or None


async def _web_token(settings: Settings) -> str:
    """What opens the operator's page; "" where there is none. Raises OutputError."""
    if settings.web.listen is None:
        return ""
    from bot.chat.web.site import kept_token

    return settings.web.token.get_secret_value() or await kept_token(settings.data_dir)


def _where_the_token_is(settings: Settings) -> str:
    from bot.chat.web.site import TOKEN_FILE

    if settings.web.token.get_secret_value():
        return "The token is that of your configuration."
    return f"The token is in {settings.data_dir / TOKEN_FILE}"


def _front_ends(
    settings: Settings, service: Service, chats: list[Chat], pages: list[WebParts], token: str
) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What the configuration names; ``chats`` and ``pages`` get each of them."""
    from bot.metrics.links import Link
    from bot.service.clock import Clock

    parts: dict[str, Callable[[], Awaitable[None]]] = {}
    # They take a while to load, and nobody else needs them.
    if settings.discord is not None and settings.discord.token.get_secret_value():
        from bot.app.discord import discord_parts

        discord = discord_parts(settings, settings.discord, service, Clock())
        link = Link("discord", lambda: discord.bot.trouble, lambda: discord.bot.reconnects)
        chats.append(Chat("Discord", discord.bot.connected, lambda: discord.bot.account_name, link))
        parts |= discord.run
    if settings.telegram is not None and settings.telegram.token.get_secret_value():
        from bot.app.telegram import telegram_parts

        telegram = telegram_parts(settings, settings.telegram, service, Clock())
        # Nothing stays connected there: each question is a call of its own.
        link = Link("telegram", lambda: telegram.bot.trouble, lambda: 0)
        chats.append(Chat("Telegram", telegram.bot.connected, lambda: f"@{telegram.bot.username}", link))
        parts |= telegram.run
    if settings.web.listen is not None:
        from bot.app.web import web_parts

        page = web_parts(settings, settings.web.listen, service, Clock(), token=token)
        pages.append(page)
        parts |= page.run
    return parts


def _without_token(settings: Settings) -> Sequence[str]:
    """Sections that somebody wrote to have a platform, and that give none."""
    sections = {"discord": settings.discord, "telegram": settings.telegram}
    return [
        name
        for name, section in sections.items()
        if section is not None and not section.token.get_secret_value()
    ]


async def _told(chats: Sequence[Chat]) -> list[str]:
    """Which platforms are connected by now; each goes on trying anyway."""
    import asyncio
    import contextlib

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CHAT_SECONDS):
            for chat in chats:
                await chat.connected.wait()
    return [
        f"{chat.name} as {chat.account()}" if chat.connected.is_set() else f"{chat.name} not reached yet"
        for chat in chats
    ]


def _connected(service: Service, chats: Sequence[str], pages: Sequence[WebParts]) -> str:
    parts = [f"{server.name} {server.url} {server.state}" for server in service.dispatcher.servers.values()]
    parts += chats or ["no chat platform is configured"]
    parts += [f"page at {page.site.address}" for page in pages]
    waiting = service.recovered.waiting + service.recovered.attached
    if waiting:
        parts.append(f"{_count(waiting, 'job')} from before")
    gates = service.dispatcher.gates
    parts += [word for closed, word in ((gates.paused, "paused"), (gates.draining, "draining")) if closed]
    return ", ".join(parts)


def _stopping(service: Service, seconds: float) -> str:
    painting = sum(server.running is not None for server in service.dispatcher.servers.values())
    if not painting:
        return "Stopping."
    return (
        f"Stopping: {_count(painting, 'picture')} being painted may end within {seconds:g} s. "
        "Press Ctrl-C again to leave at once; nothing is lost either way."
    )


def _stopped(service: Service) -> str:
    left = len(service.dispatcher.known_jobs())
    return f"Stopped. {_count(left, 'job')} left for the next start." if left else "Stopped."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
