"""``fairbrush usage``: who used how much of the GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from bot.cli.common import config_option
from bot.cli.help import USAGE_JSON_HELP


@click.command(
    "usage",
    short_help="Sum up what was used, by user, template or day.",
    epilog=(
        "\b\nExample:\n  fairbrush usage --by user --since 7d\n"
        f"  fairbrush usage --by day --since 2026-11-01 --until 2026-11-30 --csv\n\n{USAGE_JSON_HELP}"
    ),
)
@click.option(
    "--by",
    type=click.Choice(["user", "template", "day"]),
    default="user",
    show_default=True,
    help="What to sum up.",
)
@click.option(
    "--since",
    default="30d",
    show_default=True,
    metavar="WHEN",
    help="From a day on (2026-11-01), or so long ago: 12h, 7d, 4w.",
)
@click.option("--until", metavar="WHEN", help="Up to and including a day, or so long ago (default: now).")
@click.option("--json", "form", flag_value="json", help="One JSON object a row on stdout.")
@click.option("--csv", "form", flag_value="csv", help="Comma-separated values with a line of names.")
@config_option
def command(
    by: Literal["user", "template", "day"],
    since: str,
    until: str | None,
    form: str | None,
    config_file: Path | None,
) -> None:
    """Sum up the jobs that were accepted in a time, and the GPU seconds that were charged for them.

    Days are those of the configured time zone. The ledger behind the sums is never rewritten: a job that
    failed by no fault of its user shows up with no GPU seconds.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import usage_report

        return drive(lambda _: usage_report.report(by, since, until, form, config_file))

    leave(work)
