"""The configuration itself: which one is used, and whether its secrets are kept like secrets."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.cli.checks.rows import Row
from bot.config import Settings, SettingsRefused, find_config
from bot.config.fields import resolve
from bot.config.overlay import PREFIX
from bot.config.problems import secret_keys
from bot.domain.text import Text

_UNKNOWN_KEYS = ("there is no such key", "does not belong here")


def rows(settings: Settings, config_file: Path | None) -> list[Row]:
    """Reads files; call it in a thread."""
    file = find_config(config_file, Path.cwd())
    found = [Row("ok", "settings", "configuration", _used(file))]
    found += _secrets(file)
    found += _nobody_decides(settings)
    found += _same_servers(settings)
    return found


def older(error: SettingsRefused) -> Text | None:
    """What to add when keys are unknown, as they are in a file of another version; None otherwise."""
    if not any(reason in str(problem.reason) for problem in error.problems for reason in _UNKNOWN_KEYS):
        return None
    return Text(
        "If the file was written for another version of Fairbrush: CHANGELOG.md says which settings have "
        "changed, and config.example.toml holds all that this version knows."
    )


def _used(file: Path | None) -> str:
    names = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and os.environ[name].strip()
    )
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    laid = f" The environment adds {shown}." if names else ""
    if file is None:
        return f"No config.toml here: the built-in defaults hold. To make one:  fairbrush init{laid}"
    return f"{file} is understood.{laid}"


def _secrets(file: Path | None) -> Iterator[Row]:
    """Files with secrets that everybody on this machine can read. (Windows tells no such thing by modes.)"""
    if os.name != "posix" or file is None:
        return
    data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    root = file.parent
    places = [file] if _holds_secret(data) else []
    for key in secret_keys():
        section = _section(data, key[:-1])
        path = resolve(root, section.get(f"{key[-1]}_file")) if section else None
        if path is not None:
            places.append(path)
    for path in dict.fromkeys(places):
        if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            words = f"{path} holds a secret, and others on this machine can read it:  chmod 600 {path}"
            yield Row("warning", "settings", "secrets", words)


def _holds_secret(data: Mapping[str, Any]) -> bool:
    """A token, or headers, which are there to log in."""
    servers = data.get("comfyui")
    asked = [*(servers if isinstance(servers, list) else []), _section(data, ("moderation",))]
    if any(isinstance(each, Mapping) and (each.get("headers") or each.get("hook_headers")) for each in asked):
        return True
    return any(
        (section := _section(data, key[:-1])) is not None and bool(section.get(key[-1]))
        for key in secret_keys()
    )


def _section(data: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    found: Any = data
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _nobody_decides(settings: Settings) -> Iterator[Row]:
    for name, section in (("discord", settings.discord), ("telegram", settings.telegram)):
        if section is not None and section.token.get_secret_value() and not section.admin_ids:
            words = f"Nobody is an operator there: put your own id into {name}.admin_ids, for /admin."
            yield Row("warning", "settings", f"{name}.admin_ids", words)


def _same_servers(settings: Settings) -> Iterator[Row]:
    seen: dict[str, str] = {}
    for server in settings.comfyui:
        if (other := seen.setdefault(server.url, server.name)) != server.name:
            words = f"{other} and {server.name} are one address, {server.url}: it would get twice the work."
            yield Row("warning", "settings", "comfyui", words)
