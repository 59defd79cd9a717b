"""Whether a bot runs here, how its database is, and which templates its operators switched off."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.cli.checks.rows import Row
from bot.cli.reach import running_bot
from bot.cli.switched import switched_off
from bot.config import Settings
from bot.domain.errors import FairbrushError
from bot.domain.ids import TemplateName
from bot.store import condition


@dataclass(frozen=True, slots=True)
class Found:
    rows: tuple[Row, ...]
    running: bool
    off: frozenset[TemplateName]


async def look(settings: Settings) -> Found:
    (bot, running), database = await asyncio.gather(_bot(settings), _database(settings))
    try:
        off = await switched_off(settings)
    except FairbrushError:
        off = frozenset()  # the row of the database says what is wrong with it
    return Found((bot, database), running, off)


async def _bot(settings: Settings) -> tuple[Row, bool]:
    """What it says of itself, and whether there is one."""
    try:
        client = await running_bot(settings.data_dir)
        view = None if client is None else await client.queue()
    except FairbrushError as error:
        return Row("problem", "bot", "bot", str(error)), True
    if client is None or view is None:
        return Row("ok", "bot", "bot", "None runs with this data directory."), False
    waiting = f"{view.waiting} job{'s' * (view.waiting != 1)} waiting"
    words = f"Fairbrush {client.address.version} runs (process {client.address.pid}), {waiting}."
    closed = [word for shut, word in ((view.paused, "paused"), (view.draining, "draining")) if shut]
    if closed:
        words = f"{words} It is {' and '.join(closed)}, until  fairbrush queue resume"
        return Row("warning", "bot", "bot", words), True
    return Row("ok", "bot", "bot", words), True


async def _database(settings: Settings) -> Row:
    file = settings.database
    if not await asyncio.to_thread(file.exists):
        return Row("ok", "bot", "database", "There is none yet; the bot makes it when it starts.")
    try:
        found = await condition(file)
    except FairbrushError as error:
        return Row("problem", "bot", "database", str(error))
    size = f"{found.size / 1024**2:.1f} MB"
    if found.version == 0:
        return Row("ok", "bot", "database", f"{file} is empty; the bot fills it when it starts.")
    if found.version < found.newest:
        return Row(
            "warning",
            "bot",
            "database",
            f"{file} is sound ({size}) and of version {found.version}; this Fairbrush brings it to "
            f"{found.newest} when the bot starts, after a backup beside it.",
        )
    backup = "no backup beside it" if found.backup is None else f"newest backup: {found.backup.name}"
    words = f"{file} is sound: version {found.version}, {size}, {backup}."
    return Row("ok", "bot", "database", words)
