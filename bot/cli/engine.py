"""``fairbrush engine``: the sketch engine alone, as a ComfyUI-compatible server."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("engine", epilog="\b\nExample:\n  fairbrush engine --port 8189 --pace 0.5")
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
    help="Seconds to load a model that is not the loaded one.",
)
@click.option(
    "--vram-mb",
    type=click.FloatRange(64),
    default=8192,
    show_default=True,
    help="Memory of the pretended card: larger pictures run out of it.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for its files (default: a temporary one).",
)
def command(port: int, pace: float, load_seconds: float, vram_mb: float, data_dir: Path | None) -> None:
    """Run the built-in sketch engine: ComfyUI's protocol on loopback, procedural pictures.

    For trying workflows and clients without a graphics card. Stops on Ctrl-C.
    """
    from bot.cli.common import run

    run(lambda: _serve(port, pace, load_seconds, vram_mb, data_dir))


async def _serve(port: int, pace: float, load_seconds: float, vram_mb: float, data_dir: Path | None) -> int:
    from contextlib import ExitStack
    from tempfile import TemporaryDirectory

    from bot.cli.common import on_ctrl_c, say
    from bot.domain.errors import FairbrushError
    from bot.domain.text import Text
    from bot.sketch import EngineSettings, SketchEngine

    settings = EngineSettings(pace=pace, load_seconds=load_seconds, vram_mb=vram_mb)
    with ExitStack() as stack:
        folder = data_dir or Path(stack.enter_context(TemporaryDirectory(prefix="fairbrush-engine-")))
        engine = SketchEngine(folder, settings, port=port)
        try:
            await engine.__aenter__()
        except OSError as error:
            raise FairbrushError(
                Text(
                    "Port {port} on 127.0.0.1 cannot be used: {reason}. Is a ComfyUI running there? Choose "
                    "another with --port.",
                    port=port,
                    reason=error.strerror or error,
                )
            ) from error
        try:
            async with on_ctrl_c(_nothing) as stopped:
                click.echo(engine.url)
                say("The sketch engine listens there, like ComfyUI. Ctrl-C stops it.")
                await stopped.wait()
        finally:
            await engine.__aexit__(None, None, None)
    return 0


async def _nothing() -> None:
    """The engine needs no farewell: what it paints goes with it."""
