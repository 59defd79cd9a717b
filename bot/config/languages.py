"""The catalogues of translations that came with the package, each in a folder of ``bot/locale``."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from bot.presentation.language import SOURCE, best

DOMAIN = "fairbrush"
COUNTED = "counted"
"""The context (msgctxt) of what has forms for numbers. Without it, “Accepted” and “Accepted” with the plural
“Accepted: {count} pictures” would be one entry to gettext."""


def catalogue_files() -> dict[str, Traversable]:
    """Each compiled catalogue by the code of its language (``zh-CN``), in order of the codes."""
    found: dict[str, Traversable] = {}
    for folder in sorted(files("bot").joinpath("locale").iterdir(), key=lambda entry: entry.name):
        file = folder.joinpath("LC_MESSAGES", f"{DOMAIN}.mo")
        if file.is_file():
            found[folder.name.replace("_", "-")] = file
    return found


def known_codes() -> tuple[str, ...]:
    """Every language that the bot speaks, the one of the code first."""
    return (SOURCE, *catalogue_files())


def known_code(tag: str) -> str | None:
    """What the language of ``tag`` is called here; None if the bot does not speak it."""
    return best(tag, known_codes())
