"""``fairbrush demo``: a first look with no account, no graphics card and no ComfyUI."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import config_option


@click.command(
    "demo",
    short_help="Paint three samples, and open a page to paint on.",
    epilog="\b\nExample:\n  fairbrush demo --data-dir demo-pictures",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the pictures (default: a new temporary one).",
)
@click.option("--comfyui", metavar="URL", help="ComfyUI server that paints instead of the built-in engine.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="Port of the page on 127.0.0.1 (default: 8765, or a free one where that is taken; 0: a free one).",
)
@click.option("--no-browser", is_flag=True, help="Print the page's address and open no browser.")
@click.option("--once", is_flag=True, help="Paint the three samples, and end.")
@config_option
def command(
    data_dir: Path | None,
    comfyui: str | None,
    port: int | None,
    no_browser: bool,
    once: bool,
    config_file: Path | None,
) -> None:
    """Paint three sample requests, and open a page on which you and your guests paint more.

    It is open to whoever sits at this machine, and to nobody else. Ctrl-C closes it; the same --data-dir
    opens it again with what was painted.

    The built-in sketch engine paints, whatever servers the configuration names; with --comfyui a real
    ComfyUI does. When one answers on 127.0.0.1:8188 and this is a terminal, it asks which to use.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import tour
        from bot.cli.common import load

        settings = load(config_file)
        url = comfyui or tour.ask_for_local_server()
        if once:
            return drive(lambda interruption: tour.take(settings, data_dir, url, interruption))

        from bot.cli import playground

        return drive(
            lambda interruption: playground.open_page(
                settings, data_dir, url, interruption, port=port, browser=not no_browser
            )
        )

    leave(work)
