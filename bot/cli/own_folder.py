"""Where ``templates add`` puts a workflow: a folder that is the operator's own, as far as possible."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.cli.common import say
from bot.config import find_config
from bot.domain.errors import OutputError
from bot.domain.text import Text
from bot.templates.loader import shipped_folder


@contextmanager
def named_folder(folder: Path, used: Path) -> Iterator[Path]:
    """The folder that was named, made if need be; on failure it goes again. ``used``: the one whose templates
    are offered."""
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            Text("{folder} cannot be made: {reason}.", folder=folder, reason=error.strerror or error),
            cause=repr(error),
        ) from error
    try:
        yield folder
    except BaseException:
        if made:
            folder.rmdir()
        raise
    if folder.resolve() != used.resolve():
        say(
            f"Templates are taken from {used}. To use those in {folder} instead, set workflows_dir in "
            "config.toml to it."
        )


@contextmanager
def usual_folder(workflows: Path, config_file: Path | None) -> Iterator[Path]:
    """The folder of the configuration, ``workflows``.

    One that came with an installed program is not the operator's: an update would take what is added there.
    Then a folder is made beside the configuration, with copies of what came with the program, since from
    then on it is the folder that counts; on failure it goes again. In a checkout whoever works there may
    well mean its own folder; that is said.
    """
    config = find_config(config_file, Path.cwd())
    own = (config.parent if config else Path.cwd()) / "workflows"
    shipped = shipped_folder()
    if workflows.resolve() != shipped.resolve():
        yield workflows
    elif own.resolve() == shipped.resolve():
        yield workflows
        say(
            f"Note: {workflows} also holds the templates that come with Fairbrush. To keep yours apart, use "
            "templates add --workflows DIR, and set workflows_dir in config.toml to that folder."
        )
    else:
        with _copied(shipped, own):
            yield own


@contextmanager
def _copied(shipped: Path, own: Path) -> Iterator[None]:
    try:
        shutil.copytree(shipped, own)
    except OSError as error:
        raise OutputError(
            Text(
                "{folder} cannot be made: {reason}. Set workflows_dir to another folder.",
                folder=own,
                reason=error.strerror or error,
            ),
            cause=repr(error),
        ) from error
    try:
        yield
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
    say(f"Made {own}, with copies of the templates that come with Fairbrush.")
