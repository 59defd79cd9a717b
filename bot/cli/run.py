"""``fairbrush run``: the bot itself, until somebody stops it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.common import comfyui_option, config_option

if TYPE_CHECKING:
    from bot.app.service import Service
    from bot.cli.interruption import Interruption
    from bot.sketch import EngineSettings

FIRST_LOOK = 5.0
"""Seconds that the servers get to answer before "ready" says that they do not."""


@click.command(
    "run",
    short_help="Run the bot until Ctrl-C.",
    epilog="\b\nExample:\n  fairbrush run --config config.toml",
)
@comfyui_option
@click.option(
    "--pace",
    type=click.FloatRange(0, 3600),
    default=0.0,
    metavar="SECONDS",
    help="Of the built-in engine: seconds per sampler step and megapixel.",
)
@config_option
def command(comfyui: str | None, pace: float, config_file: Path | None) -> None:
    """Run the bot: the queue, the servers, and the front-ends that are configured.

    Prints "ready" with what is connected. Ctrl-C (or SIGTERM) stops it in stages: nothing new is begun,
    what is being painted may end (queue.shutdown_seconds), everything else waits for the next start.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.sketch import EngineSettings

        return drive(lambda stop: _run(config_file, comfyui, EngineSettings(pace=pace), stop))

    leave(work)


async def _run(
    config_file: Path | None, comfyui: str | None, engine: EngineSettings, interruption: Interruption
) -> int:
    from bot.app.service import open_service, servers_heard_of
    from bot.cli.common import load, put, say
    from bot.control import ControlServer

    settings = load(config_file)
    async with (
        open_service(settings, comfyui, engine=engine) as service,
        ControlServer(service.operator, service.accounts, folder=settings.data_dir),
    ):
        if service.embedded:
            say("No ComfyUI server is configured: the built-in sketch engine paints.")
        await servers_heard_of(service, FIRST_LOOK)
        put(f"ready: {_connected(service)}")
        with interruption.handled_by(_nothing):
            await interruption.asked.wait()
            say(
                f"Stopping: what is being painted may end within {settings.queue.shutdown_seconds:g} s. "
                "Press Ctrl-C again to leave at once; nothing is lost either way."
            )
    return 0


async def _nothing() -> None:
    """The body ends by itself when it is asked to."""


def _connected(service: Service) -> str:
    parts = [f"{server.name} {server.url} {server.state}" for server in service.dispatcher.servers.values()]
    parts.append("no chat platform is configured")
    waiting = service.recovered.waiting + service.recovered.attached
    if waiting:
        parts.append(f"{waiting} job{'s' if waiting != 1 else ''} from before")
    if service.dispatcher.gates.paused:
        parts.append("paused")
    return ", ".join(parts)
