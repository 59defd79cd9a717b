"""A folder of exported workflows: which of them can become templates, and under which names."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bot.domain.errors import UserError
from bot.domain.text import Text
from bot.templates.exports import MAX_BYTES, too_large
from bot.templates.inspection import inspect_file
from bot.templates.loader import MAX_NAME

MOST_FILES = 200
"""Of a folder: more is no folder of exports."""


@dataclass(frozen=True, slots=True)
class Export:
    """``name`` is what is proposed; ``detected`` what can be set; ``problem`` why it is of no use."""

    file: Path
    name: str = ""
    detected: tuple[str, ...] = ()
    problem: str = ""


def exports(folder: Path, taken: Collection[str]) -> list[Export]:
    """All ``*.json`` of a folder, by name. ``taken``: names that templates have already.

    Raises UserError for what is no folder, or one with far too many files.
    """
    try:
        files = sorted(path for path in folder.glob("*.json") if path.is_file())
    except OSError as error:
        raise UserError(
            Text("{folder} cannot be read: {reason}.", folder=folder, reason=error.strerror or error)
        ) from error
    if not folder.is_dir():
        raise UserError(Text("There is no folder {folder}.", folder=folder))
    if len(files) > MOST_FILES:
        raise UserError(
            Text(
                "{folder} holds {count} files. Put the exports that you want into a folder of their own.",
                folder=folder,
                count=len(files),
            )
        )
    found: list[Export] = []
    names = {name.casefold() for name in taken}
    for file in files:
        looked = _looked(file, names)
        names.add(looked.name.casefold())
        found.append(looked)
    return found


def _looked(file: Path, taken: Collection[str]) -> Export:
    try:
        size = file.stat().st_size
    except OSError as error:
        return Export(file, problem=f"It cannot be read: {error.strerror}.")
    if size > MAX_BYTES:
        return Export(file, problem=str(too_large(size)))
    found = inspect_file(file)
    if found["problems"]:
        return Export(file, problem=found["problems"][0])
    detected = [parameter["name"] for parameter in found["parameters"]]
    return Export(file, name=_free_name(file.stem, taken), detected=tuple(detected))


def _free_name(stem: str, taken: Collection[str]) -> str:
    """Lower case with dashes, as one types it in a chat."""
    plain = re.sub(r"[^\w]+", "-", stem.casefold()).strip("-_") or "workflow"
    names = (plain[: MAX_NAME - 4] + (f"-{number}" if number > 1 else "") for number in count(1))
    return next(name for name in names if name not in taken)
