"""The ``fairbrush`` command. Results go to stdout; progress, notes and errors to stderr.

Exit codes: 0 done; 1 it failed; 2 wrong usage or configuration; 130 interrupted. Heavy imports stay
inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

import bot

EXAMPLE = """\b
Example:
  fairbrush imagine "a lighthouse at dusk" --ar 3:2 --seed 7 --count 2 --out pictures"""
_COMMANDS = {
    "run": "bot.cli.run",
    "imagine": "bot.cli.imagine",
    "demo": "bot.cli.demo",
    "engine": "bot.cli.engine",
    "templates": "bot.cli.templates",
    "init": "bot.cli.init",
    "check": "bot.cli.check",
    "queue": "bot.cli.queue",
    "usage": "bot.cli.usage",
    "quota": "bot.cli.quota",
    "backup": "bot.cli.backup",
    "restore": "bot.cli.restore",
}


class _LazyGroup(click.Group):
    """Loads a command's module when it is used; the list of commands loads them for their help lines."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        command = getattr(import_module(module), "command", None) if module else None
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        wanted = args[0]
        if wanted not in _COMMANDS and not wanted.startswith("-"):
            from rapidfuzz import process

            close = process.extractOne(wanted, list(_COMMANDS), score_cutoff=60)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"There is no command {wanted!r}.{hint} The commands are: {', '.join(_COMMANDS)}.")
        return super().resolve_command(ctx, args)


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLE,
)
@click.version_option(bot.__version__, prog_name="fairbrush")
def cli() -> None:
    """Share one ComfyUI server and its GPU fairly with a whole community."""


def main() -> None:
    """Entry point of the ``fairbrush`` script."""
    try:
        code = cli.main(prog_name="fairbrush", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        # click's own way would end with 1.
        click.echo("Interrupted.", err=True)
        code = 130
    sys.exit(code)
