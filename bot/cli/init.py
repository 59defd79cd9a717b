"""``fairbrush init``: a few questions, and a configuration that works."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.cli.init_answers import Answers

EXAMPLE = """\b
Example:
  fairbrush init
  fairbrush init --yes --comfyui http://127.0.0.1:8188 --timezone Europe/Berlin --gpu-seconds 600"""


@dataclass(frozen=True, slots=True)
class Given:
    """The flags. None: not given."""

    comfyui: str | None
    headers: tuple[str, ...]
    discord_token_file: Path | None
    discord_guilds: tuple[str, ...]
    discord_admins: tuple[str, ...]
    telegram_token_file: Path | None
    telegram_chats: tuple[str, ...]
    telegram_admins: tuple[str, ...]
    timezone: str | None
    gpu_seconds: str | None
    jobs: str | None
    web: str | None
    workflows: Path | None


@click.command("init", short_help="Answer a few questions, get a config.toml.", epilog=EXAMPLE)
@click.option("--comfyui", metavar="URL", help="Your ComfyUI; none for the built-in engine.")
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VALUE", help="For a ComfyUI behind a login."
)
@click.option("--discord-token-file", type=click.Path(path_type=Path), metavar="FILE", help="With the token.")
@click.option("--discord-guild", "discord_guilds", multiple=True, metavar="ID", help="A server of yours.")
@click.option("--discord-admin", "discord_admins", multiple=True, metavar="ID", help="Who runs the bot.")
@click.option(
    "--telegram-token-file", type=click.Path(path_type=Path), metavar="FILE", help="With the token."
)
@click.option(
    "--telegram-chat", "telegram_chats", multiple=True, metavar="ID", help="A chat that may use it."
)
@click.option("--telegram-admin", "telegram_admins", multiple=True, metavar="ID", help="Who runs the bot.")
@click.option("--timezone", metavar="NAME", help="When a quota day begins (default: this machine's).")
@click.option("--gpu-seconds", metavar="N", help="For everybody in a day (default: unlimited).")
@click.option("--jobs", metavar="N", help="Pictures for everybody in a day (default: unlimited).")
@click.option("--web", metavar="HOST:PORT", help="Where the web page listens; none for no page.")
@click.option(
    "--workflows", type=click.Path(path_type=Path), metavar="DIR", help="Exports to add as templates."
)
@click.option("--yes", is_flag=True, help="Ask nothing: flags and defaults hold.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there; it is kept beside.")
@click.option("--no-check", is_flag=True, help="Do not run  fairbrush check  at the end.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What to write (default: config.toml).",
)
def command(yes: bool, force: bool, no_check: bool, config_file: Path | None, **flags: object) -> None:
    """Ask a few questions and write config.toml; then check that all is well.

    At a terminal every question has a default. Elsewhere, or with --yes, nothing is asked. Until the last
    answer nothing is written, and Ctrl-C leaves nothing behind.
    """
    from bot.cli.common import leave

    leave(lambda: _init(Given(**flags), yes=yes, force=force, check=not no_check, config_file=config_file))  # type: ignore[arg-type]


def _init(given: Given, *, yes: bool, force: bool, check: bool, config_file: Path | None) -> int:
    from bot.cli.common import drive, put, say
    from bot.cli.init_write import write
    from bot.config.load import DEFAULT_NAME

    config = Path.cwd() / (config_file or DEFAULT_NAME)
    asking = not yes and at_terminal()
    _may_write(config, asking=asking, force=force)
    answers = _answers(given, config, asking=asking)
    if asking:
        from bot.cli.init_answers import config_text
        from bot.cli.init_ask import agreed, heading

        heading(f"{config} will hold:")
        for line in config_text(answers).splitlines():
            say(f"  {line}".rstrip())
        if not agreed("Write it?", default=True):
            say("Nothing was written.")
            return 1
    for path in write(answers, config):
        put(str(path))
    if not check:
        return 0
    say("")
    from bot.cli import checks

    code = drive(lambda interruption: checks.report(False, None, config, interruption))
    say("Start the bot:  fairbrush run" + ("" if config_file is None else f" --config {config_file}"))
    return code


def at_terminal() -> bool:
    import sys

    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _may_write(config: Path, *, asking: bool, force: bool) -> None:
    from bot.domain.errors import ConfigError
    from bot.domain.text import Text

    if not config.parent.is_dir():
        raise ConfigError(Text("There is no folder {folder}. Make it first.", folder=config.parent))
    if not config.exists() or force:
        return
    if asking:
        from bot.cli.init_ask import agreed

        if agreed(f"There is {config} already. Replace it? It is kept beside the new one."):
            return
    raise ConfigError(
        Text("There is {file} already, and nothing was changed. Replace it with --force.", file=config)
    )


def _answers(given: Given, config: Path, *, asking: bool) -> Answers:
    """What the flags say; what they leave open is asked, or takes its default. Raises ConfigError."""
    from bot.cli import init_ask
    from bot.cli.init_answers import Answers
    from bot.cli.init_flags import comfyui, count, listen, platforms, seconds, workflows, zone

    if asking:
        from bot.cli.common import say

        say("A few questions; Enter takes what stands in brackets, Ctrl-C leaves everything as it is.")
    server = init_ask.comfyui() if asking and given.comfyui is None else comfyui(given)
    discord, telegram = platforms(given, config.parent, asking=asking)
    timezone = init_ask.timezone() if asking and given.timezone is None else zone(given)
    open_quota = given.gpu_seconds is None and given.jobs is None
    limits = init_ask.quota() if asking and open_quota else (seconds(given), count(given))
    page = init_ask.web() if asking and given.web is None else listen(given)
    own = config.parent / "workflows"
    added = workflows(given, own, asking=asking)
    return Answers(
        comfyui=server.url,
        headers=server.headers,
        discord=discord,
        telegram=telegram,
        timezone=timezone,
        gpu_seconds=limits[0],
        jobs=limits[1],
        web=page,
        workflows=added,
    )
