"""``fairbrush engine``: the sketch engine alone, as a ComfyUI-compatible server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.common import config_option

if TYPE_CHECKING:
    from bot.cli.interruption import Interruption
    from bot.domain.errors import FairbrushError
    from bot.sketch import EngineSettings


@click.command(
    "engine",
    short_help="Run the built-in engine as a server.",
    epilog="\b\nExample:\n  fairbrush engine --port 8189 --pace 0.5",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8188,
    show_default=True,
    metavar="N",
    help="Port on loopback; 0 takes a free one.",
)
@click.option(
    "--pace",
    type=click.FloatRange(0, 3600),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds per sampler step and megapixel, as a graphics card would need.",
)
@click.option(
    "--load-seconds",
    type=click.FloatRange(0, 3600),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds to load a model that is not the loaded one.",
)
@click.option(
    "--vram-mb",
    type=click.FloatRange(64),
    default=8192,
    show_default=True,
    metavar="MB",
    help="Memory of the pretended card: larger pictures run out of it.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for its files (default: a temporary one).",
)
@config_option
def command(
    port: int,
    pace: float,
    load_seconds: float,
    vram_mb: float,
    data_dir: Path | None,
    config_file: Path | None,
) -> None:
    """Run the built-in sketch engine: ComfyUI's protocol on loopback, procedural pictures.

    For trying workflows and clients without a graphics card. Prints its address on stdout once it listens,
    and stops on Ctrl-C. Nothing in the configuration file concerns it; the file is checked all the same.
    """
    from bot.cli.common import drive, leave, load

    def work() -> int:
        from bot.sketch import EngineSettings

        load(config_file)
        settings = EngineSettings(pace=pace, load_seconds=load_seconds, vram_mb=vram_mb)
        return drive(lambda interruption: _serve(settings, port, data_dir, interruption))

    leave(work)


async def _serve(
    settings: EngineSettings, port: int, data_dir: Path | None, interruption: Interruption
) -> int:
    from contextlib import AsyncExitStack

    from bot.cli.common import put, say
    from bot.sketch import SketchEngine

    async with AsyncExitStack() as stack:
        folder = data_dir or stack.enter_context(interruption.scratch_folder())
        try:
            engine = await stack.enter_async_context(SketchEngine(folder, settings, port=port))
        except OSError as error:
            raise _cannot_serve(error, port, folder) from error
        put(engine.url)
        say("The sketch engine listens there, like ComfyUI. Ctrl-C stops it.")
        with interruption.handled_by(_nothing) as interrupted:
            await interrupted.wait()
    return 0


def _cannot_serve(error: OSError, port: int, folder: Path) -> FairbrushError:
    from bot.domain.errors import FairbrushError, OutputError
    from bot.domain.text import Text

    reason = error.strerror or error
    if error.filename is not None:
        return OutputError(
            Text(
                "Nothing can be written to {folder}: {reason}. Name another folder with --data-dir.",
                folder=folder,
                reason=reason,
            ),
            cause=repr(error),
        )
    return FairbrushError(
        Text(
            "Port {port} on 127.0.0.1 cannot be used: {reason}. Is a ComfyUI running there? Choose another "
            "with --port, or 0 for any.",
            port=port,
            reason=os.strerror(error.errno) if error.errno else reason,
        ),
        cause=repr(error),
    )


async def _nothing() -> None:
    """The engine needs no farewell: what it paints goes with it."""
