"""``fairbrush quota``: what a user may use, and what an operator makes of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import click

from bot.cli.common import config_option
from bot.cli.help import QUOTA_JSON_HELP

_USER = "\b\nUSER is platform and id, like discord:123 or telegram:456, or the name last seen."

user_argument = click.argument("user", metavar="USER")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the audit log.")


class _InOrder(click.Group):
    """Shows its commands in the order in which they are used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    "quota",
    cls=_InOrder,
    short_help="Show and change what a user may use.",
    epilog=f"\b\nExample:\n  fairbrush quota show discord:123\n\n{_USER}",
)
@config_option
@click.pass_context
def command(ctx: click.Context, config_file: Path | None) -> None:
    """Show and change what a user may use in a day."""
    ctx.obj = config_file


@command.command(
    "show",
    short_help="Show what a user used and what is left.",
    epilog=f"\b\nExample:\n  fairbrush quota show discord:123\n\n{_USER}\n\n{QUOTA_JSON_HELP}",
)
@user_argument
@json_option
@config_option
@click.pass_obj
def show_command(outer_config: Path | None, user: str, as_json: bool, config_file: Path | None) -> None:
    """Show a user's limits, what was used of them, what is left, and when there is more.

    Tiers that come from a role are not counted: a role holds in its own Discord server alone.
    """
    _leave(lambda report: report.show(user, as_json, config_file or outer_config))


@command.command(
    "grant",
    short_help="Give GPU seconds on top, for today.",
    # A grant may be negative, which looks like an option.
    context_settings={"ignore_unknown_options": True},
    epilog=f'\b\nExample:\n  fairbrush quota grant discord:123 600 --reason "won the contest"\n\n{_USER}',
)
@user_argument
@click.argument("seconds", metavar="SECONDS")
@reason_option
@json_option
@config_option
@click.pass_obj
def grant_command(
    outer_config: Path | None,
    user: str,
    seconds: str,
    reason: str,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Give GPU seconds on top of the limit, for today; a negative number takes away."""
    _leave(lambda report: report.grant(user, seconds, reason, as_json, config_file or outer_config))


@command.command(
    "set",
    short_help="Give a user limits of their own.",
    epilog=(
        "\b\nExample:\n  fairbrush quota set discord:123 --seconds 3600 --jobs unlimited\n"
        f"  fairbrush quota set discord:123 default\n\n{_USER}"
    ),
)
@user_argument
@click.argument("default", required=False, type=click.Choice(["default"]), metavar="[default]")
@click.option("--seconds", metavar="N", help='GPU seconds a day, or "unlimited"; 0 is none.')
@click.option("--jobs", metavar="N", help='Jobs a day, or "unlimited"; 0 is none.')
@reason_option
@json_option
@config_option
@click.pass_obj
@click.pass_context
def set_command(
    ctx: click.Context,
    outer_config: Path | None,
    user: str,
    default: str | None,
    seconds: str | None,
    jobs: str | None,
    reason: str,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Give a user daily limits that hold in place of the tier's; "default" takes them away again.

    Of the two limits, one that is not named stays as it is for this user now.
    """
    if (default is None) == (seconds is None and jobs is None):
        ctx.fail('Say what to set: --seconds N, --jobs N or both; or "default" alone, for those of the tier.')
    limits = None if default else (seconds, jobs)
    _leave(lambda report: report.set_limits(user, limits, reason, as_json, config_file or outer_config))


@command.command(
    "reset",
    short_help="Give back what a user used today.",
    epilog=f"\b\nExample:\n  fairbrush quota reset discord:123\n\n{_USER}",
)
@user_argument
@reason_option
@json_option
@config_option
@click.pass_obj
def reset_command(
    outer_config: Path | None, user: str, reason: str, as_json: bool, config_file: Path | None
) -> None:
    """Give back the GPU seconds that a user used today, as a grant: the ledger still adds up."""
    _leave(lambda report: report.reset(user, reason, as_json, config_file or outer_config))


def _leave(ask: Callable[[ModuleType], Coroutine[Any, Any, int]]) -> NoReturn:
    from bot.cli.common import drive, leave

    def work() -> int:
        from bot.cli import quota_report

        return drive(lambda _: ask(quota_report))

    leave(work)
