"""``fairbrush imagine``: pictures from the shell."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli import EXAMPLE
from bot.cli.common import comfyui_option, config_option
from bot.cli.help import JSON_HELP

_ACCEPTED = ("private",)
"""Flags of a chat line that mean nothing in a shell: taken without a word, so that lines can be reused."""
_EPILOG = f"""{EXAMPLE}
  fairbrush imagine "a fox in the snow" --seed 1-4 --preset fast --style ink --out pictures
  fairbrush imagine "in the rain" --image photo.jpg --denoise 0.6
  fairbrush imagine --file prompts.txt --steps 20 --json

\b
Lines of a file are requests like "a boat --ar 16:9 --no people"; empty ones and those that
begin with # are skipped. Flags of the command line hold where a line has none of its own.

{JSON_HELP}"""
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
        return super().parse_args(ctx, [_own_flag(arg) for arg in args[:cut]])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from bot.presentation.flags import SHELL, flags_for

        with formatter.section("What to paint"):
            flags = [flag for flag in flags_for(SHELL) if flag.name not in _ACCEPTED]
            formatter.write_dl([(flag.usage, str(flag.help)) for flag in flags])
        super().format_options(ctx, formatter)


def _own_flag(arg: str) -> str:
    """Flags of this command may have the long dash of a phone, too."""
    from bot.presentation.flag_lexer import plain_name, split_flag

    name, value = split_flag(arg) or ("", None)
    if plain_name(name) not in _OWN_FLAGS:
        return arg
    return f"--{plain_name(name)}" if value is None else f"--{plain_name(name)}={value}"


@click.command(
    "imagine",
    cls=_ImagineCommand,
    context_settings={"ignore_unknown_options": True},
    options_metavar="[FLAGS]",
    short_help="Paint pictures from a text.",
    epilog=_EPILOG,
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
    type=click.Path(path_type=Path, readable=False),
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

    Where a bot works in the data directory, the pictures take their turn in its queue, unless --comfyui
    names a server.
    """
    from bot.cli.common import drive, leave, say

    def work() -> int:
        # Before there is an event loop: standard input may take its time, and Ctrl-C must end it.
        from bot.cli.asks import flags_in_quotes, read_asks

        typed = (*words, *ctx.meta["after_dashes"])
        asks = read_asks(typed, lines_file, _OWN_FLAGS)
        if (remark := flags_in_quotes(words)) is not None:
            say(remark)
        from bot.cli import batch

        options = batch.Options(asks.asks, out, comfyui, as_json, config_file, asks.lines)
        return drive(lambda interruption: batch.paint(options, interruption))

    leave(work)
