"""``fairbrush restore``: what ``fairbrush backup`` has kept, in place of what is there."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import config_option


@click.command(
    "restore",
    short_help="Put a backup in place of the bot's data.",
    epilog="\b\nExample:\n  fairbrush restore fairbrush.zip\n  fairbrush restore fairbrush.zip --check",
)
@click.argument("archive", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--check", "check_only", is_flag=True, help="Only prove that FILE is whole; change nothing.")
@click.option(
    "--config-only",
    is_flag=True,
    help="Only put config.toml and workflows from FILE into this folder, where they are not there yet.",
)
@config_option
def command(archive: Path, check_only: bool, config_only: bool, config_file: Path | None) -> None:
    """Put what FILE holds into the data directory. No bot may run there.

    All of it is proven first. What was there is kept in a folder beside, which is named at the end; whatever
    goes wrong before that, nothing has changed.
    """
    if check_only and config_only:
        raise click.UsageError("--check changes nothing; leave out --config-only.")
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import archives

        if config_only:
            return drive(lambda interruption: archives.restore_config(archive, config_file, interruption))
        if check_only:
            return drive(lambda interruption: archives.check(archive, interruption))
        return drive(lambda interruption: archives.put_back(archive, config_file, interruption))

    leave(work)
