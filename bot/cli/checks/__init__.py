"""The work of ``fairbrush check``: everything is asked at the same time, each within a time of its own."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.checks import bot, machine, moderation, pages, platforms, servers, templates
from bot.cli.checks import settings as configuration
from bot.cli.checks.asking import Questions
from bot.cli.checks.rows import Row, in_order
from bot.cli.checks.showing import as_json as show_json
from bot.cli.checks.showing import as_table
from bot.cli.common import FAILED, load, say
from bot.cli.interruption import Interruption
from bot.config import Settings, SettingsRefused

__all__ = ["Row", "report"]


async def report(
    as_json: bool,
    comfyui: str | None,
    config_file: Path | None,
    interruption: Interruption,
    *,
    run: bool = False,
) -> int:
    """Print all rows; 1 if any is a problem. ``run``: paint something tiny on each server.

    Raises ConfigError for a wrong configuration: there is nothing to look at then.
    """
    try:
        settings = load(config_file)
    except SettingsRefused as error:
        if (hint := configuration.older(error)) is not None:
            say(hint)
        raise
    if sys.stderr is not None and sys.stderr.isatty():
        say("Looking…")
    rows = in_order(await _rows(settings, comfyui, config_file, interruption, run=run))
    (show_json if as_json else as_table)(rows)
    return FAILED if any(row.status == "problem" for row in rows) else 0


async def _rows(
    settings: Settings,
    comfyui: str | None,
    config_file: Path | None,
    interruption: Interruption,
    *,
    run: bool,
) -> list[Row]:
    questions = Questions(time.time)
    found, local, talk, hook, disk = await asyncio.gather(
        servers.look(settings, comfyui, interruption, questions, run=run),
        bot.look(settings),
        platforms.rows(settings, questions),
        moderation.hook(settings),
        machine.disk(settings),
    )
    doors = await asyncio.to_thread(pages.listening, settings, running=local.running)
    now = datetime.now(UTC)
    return [
        *await asyncio.to_thread(configuration.rows, settings, config_file),
        *await asyncio.to_thread(moderation.rules, settings),
        *(row for server in found for row in server.rows),
        *await asyncio.to_thread(templates.rows, settings, found, local.off),
        *talk,
        *doors,
        *hook,
        *local.rows,
        disk,
        machine.clock(now, questions.ahead),
        *filter(None, [machine.files()]),
        machine.zone(settings, now),
    ]
