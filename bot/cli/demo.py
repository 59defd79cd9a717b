"""``fairbrush demo``: a first look with no account, no graphics card and no ComfyUI."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import comfyui_option, config_option


@click.command("demo", epilog="\b\nExample:\n  fairbrush demo --data-dir demo-pictures")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the pictures (default: a new temporary one).",
)
@comfyui_option
@config_option
def command(data_dir: Path | None, comfyui: str | None, config_file: Path | None) -> None:
    """Paint three sample requests and show what came of them.

    Uses the built-in sketch engine, or a real ComfyUI with --comfyui. When one answers on
    127.0.0.1:8188 and this is a terminal, it asks which to use.
    """
    from bot.cli import tour
    from bot.cli.common import run

    run(lambda: tour.take(data_dir, comfyui, config_file))
