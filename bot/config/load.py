"""Finds the configuration, lays the environment over the file, and checks the whole."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.config.fields import resolve
from bot.config.model import Settings
from bot.config.overlay import Overlay
from bot.config.problems import Problem, SettingsRefused, explain
from bot.domain.errors import ConfigError
from bot.domain.text import Text
from bot.domain.toml_syntax import syntax_problem

DEFAULT_NAME = "config.toml"


def find_config(explicit: Path | None, folder: Path) -> Path | None:
    """The file to read: the one that was named, else ``config.toml`` in ``folder``, else none.

    Raises :class:`ConfigError` if the named one is no file.
    """
    if explicit is None:
        default = folder / DEFAULT_NAME
        return default if default.exists() else None
    path = resolve(folder, str(explicit))
    try:
        if path is not None and path.is_file():
            return path
    except OSError:  # a name that the system cannot even look up
        pass
    raise ConfigError(
        Text("There is no configuration file {path}. Check --config, or leave it out.", path=path or explicit)
    )


def load_settings(file: Path | None, *, environ: Mapping[str, str], folder: Path) -> Settings:
    """Settings from ``file`` (None: built-in defaults) with ``environ`` laid over it.

    Relative paths resolve from the file's folder, without a file from ``folder``. Raises
    :class:`SettingsRefused` with every problem, or :class:`ConfigError` if the file cannot be read.
    """
    root = (file.parent if file else folder).absolute()
    data = _read_toml(file) if file else {}
    overlay = Overlay(data, source=str(file) if file else "defaults")
    overlay.apply(environ)
    overlay.read_secret_files(root)
    if "workflows_dir" not in data:
        data["workflows_dir"] = str(_default_workflows(root))
    data.setdefault("data_dir", "data")
    settings, problems = None, overlay.problems
    try:
        settings = Settings.model_validate(data, context={"folder": root})
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            problems.append(Problem(*overlay.origin(detail["loc"]), explain(detail)))
    if settings is None or problems:
        raise SettingsRefused(problems)
    return settings


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        source = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(Text("{path} is not UTF-8 text. Save it as UTF-8.", path=file)) from error
    except OSError as error:
        raise ConfigError(
            Text("{path} cannot be read: {reason}.", path=file, reason=error.strerror or "unknown reason"),
            cause=str(error),
        ) from error
    try:
        return tomllib.loads(source)
    except (ValueError, RecursionError) as error:
        # Not only the library's own error: a number of thousands of digits is a plain ValueError.
        found = syntax_problem(source, str(error))
        raise ConfigError(
            Text(
                "{path}, line {line}, column {column}: {reason}.",
                path=file,
                line=found.line,
                column=found.column,
                reason=found.reason,
            )
        ) from error


def _default_workflows(root: Path) -> Path:
    """The folder's own, else those that came with the package, else the repository's (editable install)."""
    own = root / "workflows"
    if own.is_dir():
        return own
    package = Path(str(files("bot")))
    shipped = package / "shipped_workflows"
    return shipped if shipped.is_dir() else package.parent / "workflows"
