"""``fairbrush demo``: a first look with no account, no graphics card and no ComfyUI."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import config_option


@click.command(
    "demo",
    short_help="Paint three sample pictures.",
    epilog="\b\nExample:\n  fairbrush demo --data-dir demo-pictures",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the pictures (default: a new temporary one).",
)
@click.option("--comfyui", metavar="URL", help="ComfyUI server that paints instead of the built-in engine.")
@config_option
def command(data_dir: Path | None, comfyui: str | None, config_file: Path | None) -> None:
    """Paint three sample requests and show what came of them.

    The built-in sketch engine paints, whatever servers the configuration names; with --comfyui a real
    ComfyUI does. When one answers on 127.0.0.1:8188 and this is a terminal, it asks which to use.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import tour
        from bot.cli.common import load

        settings = load(config_file)
        url = comfyui or tour.ask_for_local_server()
        return drive(lambda interruption: tour.take(settings, data_dir, url, interruption))

    leave(work)
