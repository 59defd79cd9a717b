"""The configuration in a backup: config.toml, without its tokens unless they are asked for, and workflows."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import SecretStr
from tomlkit.exceptions import TOMLKitError

from bot.cli.common import say
from bot.config import Settings
from bot.config.problems import secret_keys
from bot.domain.errors import OutputError, UserError
from bot.domain.text import Text
from bot.store.archive import Archive, Extra
from bot.store.archive.contents import CONFIG_FILE, WORKFLOWS, is_config_name
from bot.templates.files import read_file, write_new
from bot.templates.loader import shipped_folder

HEADERS = (("comfyui", "headers"), ("moderation", "hook_headers"))
"""Settings whose every value is a secret."""


def packed_config(settings: Settings, file: Path | None, *, tokens: bool) -> Sequence[Extra]:
    """``file``: the configuration; None: there is none. ``tokens``: those that are in use stand in it, also
    those that it names a file for. Raises OutputError and TemplateError."""
    extras = list(_workflows(settings.workflows_dir))
    if file is None:
        say("There is no config.toml; the backup holds the settings of none.")
        return extras
    try:
        document = tomlkit.parse(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise OutputError(
            Text("{file} cannot be read: {reason}.", file=file, reason=error.strerror or error),
            cause=repr(error),
        ) from error
    if tokens:
        _put_tokens_in(document, settings)
    else:
        _take_tokens_out(document)
    return [Extra(CONFIG_FILE, tomlkit.dumps(document).encode()), *extras]


def _workflows(folder: Path) -> Iterator[Extra]:
    """What came with an installed program comes with it again."""
    if folder.resolve() == shipped_folder().resolve() and folder.name == "shipped_workflows":
        return
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".json", ".toml") or not path.is_file() or path.is_symlink():
            continue
        name = f"{WORKFLOWS}{path.stem}{path.suffix.lower()}"
        if is_config_name(name):
            yield Extra(name, read_file(path))
        else:
            say(f"Note: {path} has a name that not every system takes. It is not in the backup.")


def _put_tokens_in(document: MutableMapping[str, Any], settings: Settings) -> None:
    for *path, key in secret_keys():
        section, used = _section(document, path), _used(settings, path)
        secret = getattr(used, key, None)
        if section is not None and isinstance(secret, SecretStr):
            section.pop(f"{key}_file", None)
            section[key] = secret.get_secret_value()


def _take_tokens_out(document: MutableMapping[str, Any]) -> None:
    for *path, key in secret_keys():
        section = _section(document, path)
        if section is not None and key in section:
            section[key] = ""
    for top, key in HEADERS:
        found = document.get(top)
        for section in found if isinstance(found, list) else [found]:
            if isinstance(section, MutableMapping) and key in section:
                section[key] = tomlkit.inline_table()


def _section(document: MutableMapping[str, Any], path: Sequence[str]) -> MutableMapping[str, Any] | None:
    found: Any = document
    for part in path:
        found = found.get(part) if isinstance(found, MutableMapping) else None
    return found if isinstance(found, MutableMapping) else None


def _used(settings: Settings, path: Sequence[str]) -> object:
    found: object = settings
    for part in path:
        found = getattr(found, part, None)
    return found


def put_config(archive: Archive, config: Path) -> Sequence[Path]:
    """Write ``config`` and the workflows beside it; what was written. Nothing is written over.

    Raises UserError, OutputError and Refused.
    """
    targets = {
        member: config if member.name == CONFIG_FILE else config.parent / "workflows" / Path(member.name).name
        for member in archive.manifest.of_config()
    }
    for target in targets.values():
        if target.exists():
            raise UserError(
                Text(
                    "{file} is there already. Nothing was changed: move it away, or go to an empty folder.",
                    file=target,
                )
            )
    for member, target in targets.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                Text(
                    "{folder} cannot be made: {reason}.", folder=target.parent, reason=error.strerror or error
                ),
                cause=repr(error),
            ) from error
        write = _write_private if member.name == CONFIG_FILE else write_new
        write(target, archive.content(member))
    return list(targets.values())


def workflows_elsewhere(config: Path) -> str | None:
    """The workflows_dir of a configuration that was just put here, if it is not the folder beside it."""
    try:
        named = tomlkit.parse(config.read_text(encoding="utf-8")).get("workflows_dir")
    except (OSError, TOMLKitError):
        return None
    beside = config.parent / "workflows"
    return str(named) if named and (config.parent / str(named)).resolve() != beside.resolve() else None


def _write_private(path: Path, content: bytes) -> None:
    """For this user alone: tokens may be in it."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as error:
        raise OutputError(
            Text("{path} cannot be written: {reason}.", path=path, reason=error.strerror or error),
            cause=repr(error),
        ) from error
