"""``fairbrush queue``: what waits, what runs, and how to stop it."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.common import config_option
from bot.cli.help import QUEUE_JSON_HELP


class _InOrder(click.Group):
    """Shows its commands in the order in which they are used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    "queue",
    cls=_InOrder,
    invoke_without_command=True,
    short_help="Show the queue; pause, drain, cancel.",
    subcommand_metavar="[COMMAND]",
    epilog=f"\b\nExample:\n  fairbrush queue\n  fairbrush queue pause\n\n{QUEUE_JSON_HELP}",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@config_option
@click.pass_context
def command(ctx: click.Context, as_json: bool, config_file: Path | None) -> None:
    """Show what runs and what waits, on which server, for how long and why.

    With a running bot it is asked; without one, this shows what its next start finds.
    """
    ctx.obj = config_file
    if ctx.invoked_subcommand is not None:
        if as_json:
            ctx.fail("--json shows the queue; it goes with no further command.")
        return
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import queue_report

        return drive(lambda _: queue_report.show(as_json, config_file))

    leave(work)


@command.command(
    "pause",
    short_help="Begin no further job.",
    epilog="\b\nExample:\n  fairbrush queue pause",
)
@config_option
@click.pass_obj
def pause_command(outer_config: Path | None, config_file: Path | None) -> None:
    """Begin no further job. What runs goes on to its end, and new requests are still accepted.

    It holds over restarts, until "fairbrush queue resume".
    """
    _steer("pause", config_file or outer_config)


@command.command(
    "resume",
    short_help="End a pause or a drain.",
    epilog="\b\nExample:\n  fairbrush queue resume",
)
@config_option
@click.pass_obj
def resume_command(outer_config: Path | None, config_file: Path | None) -> None:
    """End a pause or a drain."""
    _steer("resume", config_file or outer_config)


@command.command(
    "drain",
    short_help="Accept no further request.",
    epilog="\b\nExample:\n  fairbrush queue drain",
)
@config_option
@click.pass_obj
def drain_command(outer_config: Path | None, config_file: Path | None) -> None:
    """Accept no further request. What was accepted is still painted.

    Before maintenance: once "fairbrush queue" shows nothing, nobody waits. It holds over restarts, until
    "fairbrush queue resume".
    """
    _steer("drain", config_file or outer_config)


@command.command(
    "cancel",
    short_help="Cancel a job or a request.",
    epilog="\b\nExample:\n  fairbrush queue cancel abcdefghij-1",
)
@click.argument("job", metavar="JOB")
@config_option
@click.pass_obj
def cancel_command(outer_config: Path | None, job: str, config_file: Path | None) -> None:
    """Cancel a job by its id, whoever's it is; a request's id cancels all of its jobs.

    A job that runs is stopped on its server, and the GPU seconds that it used are charged; one that waits
    costs nothing. Exit code 1 when there is nothing left to cancel.
    """
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import queue_report

        return drive(lambda _: queue_report.cancel(job, config_file or outer_config))

    leave(work)


def _steer(what: str, config_file: Path | None) -> None:
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import queue_report

        return drive(lambda _: queue_report.steer(what, config_file))

    leave(work)
