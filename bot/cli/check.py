"""``fairbrush check``: is everything there that pictures need?"""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import comfyui_option, config_option
from bot.cli.help import CHECK_JSON_HELP


@click.command(
    "check",
    short_help="Look for problems, and say what to do.",
    epilog=f"\b\nExample:\n  fairbrush check --run\n  fairbrush check --json\n\n{CHECK_JSON_HELP}",
)
@click.option("--run", is_flag=True, help="Paint something tiny on each server, and say how long it took.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row on stdout.")
@comfyui_option
@config_option
def command(run: bool, as_json: bool, comfyui: str | None, config_file: Path | None) -> None:
    """Check the configuration, the ComfyUI servers, the templates, the tokens, the addresses to listen at,
    the bot, its database, and this machine. Nothing is changed.

    Exit code 0 when there is no problem (warnings are none), 1 otherwise, 2 for a wrong configuration.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import checks

        return drive(lambda interruption: checks.report(as_json, comfyui, config_file, interruption, run=run))

    leave(work)
