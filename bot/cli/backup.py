"""``fairbrush backup``: all that a bot has to remember, in one file, while it runs."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import config_option


@click.command(
    "backup",
    short_help="Copy the bot's data into one file, also while it runs.",
    epilog=(
        "\b\nExample:\n  fairbrush backup fairbrush.zip\n"
        "  fairbrush backup /var/backups/fairbrush --keep 14 --with-config"
    ),
)
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over an earlier FILE.")
@click.option(
    "--keep",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="With a folder as FILE: remove all backups in it but the newest N.",
)
@click.option("--with-config", is_flag=True, help="With config.toml, without its tokens, and the workflows.")
@click.option("--with-tokens", is_flag=True, help="With config.toml and the tokens that are in use.")
@config_option
def command(
    target: Path,
    force: bool,
    keep: int | None,
    with_config: bool,
    with_tokens: bool,
    config_file: Path | None,
) -> None:
    """Copy the database and the files that it names, as they are at one moment, into FILE (a ZIP file).

    The bot goes on as if nothing were. FILE appears when it is whole. A folder gets a file named after the
    moment. Everybody's words and pictures are in it: only you may read it, and it should not be kept longer
    than what is in it.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import archives

        wish = archives.Wish(target, force, keep, with_config or with_tokens, with_tokens)
        return drive(lambda interruption: archives.back_up(wish, config_file, interruption))

    leave(work)
