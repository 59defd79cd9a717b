"""``fairbrush check``: is everything there that pictures need?"""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import comfyui_option, config_option


@click.command("check", epilog="\b\nExample:\n  fairbrush check --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row on stdout.")
@comfyui_option
@config_option
def command(as_json: bool, comfyui: str | None, config_file: Path | None) -> None:
    """Check the configuration, the ComfyUI servers, the templates and the disk.

    Exit code 0 when there is no problem (warnings are none), 1 otherwise, 2 for a wrong configuration.
    """
    from bot.cli import checks
    from bot.cli.common import run

    run(lambda: checks.report(as_json, comfyui, config_file))
