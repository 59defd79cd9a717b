"""All that a bot has to remember in one file: made while it runs, and put back. See ``docs/backup.md``."""

from bot.store.archive.contents import Extra, Manifest, Refused, Report, Stopped
from bot.store.archive.opened import Archive, open_archive
from bot.store.archive.packing import Packed, pack
from bot.store.archive.restoring import Restored, restore, verify

__all__ = [
    "Archive",
    "Extra",
    "Manifest",
    "Packed",
    "Refused",
    "Report",
    "Restored",
    "Stopped",
    "open_archive",
    "pack",
    "restore",
    "verify",
]
