"""``fairbrush imagine``: pictures from the shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli import EXAMPLE
from bot.cli.common import comfyui_option, config_option

if TYPE_CHECKING:
    from bot.cli.batch import Options

_OWN_FLAGS = ("out", "comfyui", "json", "config", "file", "help")


class _ImagineCommand(click.Command):
    """Leaves every flag that is not its own to the parser that chat uses too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        # click drops a literal "--", which must still end the flags of the text.
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta["after_dashes"] = args[cut:]
        return super().parse_args(ctx, args[:cut])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from bot.presentation.flags import SHELL, flags_for

        with formatter.section("What to paint"):
            formatter.write_dl([(flag.usage, str(flag.help)) for flag in flags_for(SHELL)])
        super().format_options(ctx, formatter)


@click.command(
    "imagine",
    cls=_ImagineCommand,
    context_settings={"ignore_unknown_options": True},
    options_metavar="[FLAGS]",
    epilog=EXAMPLE,
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar='"PROMPT TEXT"')
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Folder for the pictures (default: here).",
)
@click.option(
    "--file",
    "lines_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="One request a line, each with flags of its own; '-' reads stdin.",
)
@comfyui_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a picture on stdout.")
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    out: Path,
    lines_file: Path | None,
    comfyui: str | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Paint pictures from a text, with the flags of the chat commands.

    Progress goes to stderr, one path per finished picture to stdout. Ctrl-C stops the running picture on
    the server as well.
    """
    from bot.cli import batch
    from bot.cli.common import run

    options: Options = batch.Options(
        args=(*words, *ctx.meta["after_dashes"]),
        also_known=_OWN_FLAGS,
        out=out,
        lines_file=lines_file,
        comfyui=comfyui,
        as_json=as_json,
        config_file=config_file,
    )
    run(lambda: batch.paint(options))
