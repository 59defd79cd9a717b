"""This machine: the data directory and its disk, the clock, files that may be open, the time zone."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.cli.checks.rows import Row
from bot.config import Settings
from bot.domain.errors import FairbrushError
from bot.domain.text import Text
from bot.service.keep import Folder

LOW_DISK_BYTES = 2 * 1024**3
"""Below this much free space the data folder is close to refusing pictures (about 1,000 large PNGs)."""
FEW_FILES = 512
"""Open files and connections that a bot gets by with: 200 open pages, both platforms, a few servers."""
MOST_SECONDS_OFF = 30.0
"""Discord and Telegram date what they send, and certificates have beginnings and ends."""


async def disk(settings: Settings) -> Row:
    folder = settings.data_dir
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        await Folder(folder, remedy=Text("Set data_dir to another folder.")).prepare()
        free = (await asyncio.to_thread(shutil.disk_usage, existing)).free
    except FairbrushError as error:
        return Row("problem", "machine", "disk", str(error))
    except OSError as error:
        words = f"How much of it is free cannot be told: {error.strerror}."
        return Row("warning", "machine", "disk", words)
    does = "can be written" if existing == folder else "can be created"
    words = f"data_dir {folder} {does}; {free / 1024**3:.1f} GB are free."
    if older := await asyncio.to_thread(_before_restores, folder):
        words += f" When all is well since a backup was restored, {older} may go."
    if free < LOW_DISK_BYTES:
        days = settings.retention.pictures_days
        low = (
            f"{words} That is little, below {LOW_DISK_BYTES / 1024**3:.0f} GB: without room nothing is "
            f"accepted. Make room, or keep pictures for fewer days (retention.pictures_days is {days})."
        )
        return Row("warning", "machine", "disk", low)
    return Row("ok", "machine", "disk", words)


def _before_restores(folder: Path) -> str:
    """What was there before backups were restored: it takes as much room as all that is used now."""
    names = sorted(path.name for path in folder.glob("before-restore-*"))
    return " and ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def clock(now: datetime, ahead: Mapping[str, float]) -> Row:
    """``ahead``: by how many seconds this clock is ahead of those of others who were asked."""
    shown = f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if not ahead:
        return Row("ok", "machine", "clock", f"{shown}, compared with nobody else's.")
    # Of several, one may be wrong itself: the nearest speaks for this machine.
    host, seconds = min(ahead.items(), key=lambda item: abs(item[1]))
    if abs(seconds) <= MOST_SECONDS_OFF:
        return Row("ok", "machine", "clock", f"{shown}, as at {host}.")
    off = timedelta(seconds=round(abs(seconds)))
    way = "ahead of" if seconds > 0 else "behind"
    return Row(
        "warning",
        "machine",
        "clock",
        f"{shown} is {off} (h:mm:ss) {way} the clock of {host}: times come out wrong, and connections and "
        "buttons may be refused. Let the system set its clock by the network (NTP).",
    )


def files() -> Row | None:
    """How many files may be open at once; None where the system has no such limit (Windows)."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Row("ok", "machine", "open files", "There is no limit.")
    if soft < FEW_FILES:
        words = (
            f"At most {soft:,} may be open at once; {FEW_FILES} are wanted when many people are there. "
            "ulimit -n 4096 in the shell, LimitNOFILE=4096 in a systemd unit."
        )
        return Row("warning", "machine", "open files", words)
    return Row("ok", "machine", "open files", f"{soft:,} may be open at once.")


def zone(settings: Settings, now: datetime) -> Row:
    there = now.astimezone(ZoneInfo(settings.timezone))
    here = now.astimezone()
    differs = there.utcoffset() != here.utcoffset()
    machine = f" (this machine's says {here:%H:%M})" if differs else ""
    words = f"{settings.timezone}, where it is {there:%H:%M}{machine}. "
    rolling = settings.quota.window.value != "day"
    words += "Quotas hold for the last 24 hours." if rolling else "A quota day begins at midnight there."
    return Row("ok", "machine", "time zone", words)
