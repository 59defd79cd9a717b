"""``fairbrush init`` writes: everything or nothing, and nothing that was there is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from bot.cli.common import say
from bot.cli.init_answers import Answers, config_text
from bot.cli.own_folder import usual_folder
from bot.config import Settings, load_settings
from bot.domain.errors import FairbrushError, OutputError
from bot.domain.text import Text
from bot.templates.add import add_template


def write(answers: Answers, config: Path) -> list[Path]:
    """Make ``config`` and the files of its secrets, add the templates; the files that were made, of the
    configuration first.

    What was there under the same name is kept beside it. Until all is there, any failure and Ctrl-C put
    everything back. Raises OutputError, and ConfigError when the environment contradicts the answers.
    """
    made: list[Path] = []
    with ExitStack() as undo:
        for secret in answers.new_secrets:
            file = config.parent / secret.file
            _put(undo, file, f"{secret.value}\n", private=True)
            made.append(file)
        with _written(config.parent, config_text(answers), private=bool(answers.headers)) as part:
            settings = load_settings(part, environ=os.environ, folder=config.parent)
            _replace(undo, part, config)
        made.insert(0, config)
        made += _templates(undo, answers, settings, config)
        undo.pop_all()
    return made


def _put(undo: ExitStack, file: Path, text: str, *, private: bool) -> None:
    if _holds(file, text):
        return
    with _written(file.parent, text, private=private) as part:
        _replace(undo, part, file)


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeError):
        return False


@contextmanager
def _written(folder: Path, text: str, *, private: bool) -> Iterator[Path]:
    """The text in a file with a name of its own, which is gone afterwards."""
    part: Path | None = None
    try:
        try:
            handle, name = tempfile.mkstemp(prefix=".fairbrush-", suffix=".part", dir=folder)
            part = Path(name)
            # mkstemp's files are the owner's alone already.
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            if not private:
                part.chmod(0o644)
        except OSError as error:
            raise _refused(folder, error) from error
        yield part
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _replace(undo: ExitStack, part: Path, file: Path) -> None:
    """Give ``part`` its name; what had it before is kept beside it."""
    try:
        if file.exists():
            kept = _backup_name(file)
            shutil.copy2(file, kept)
            undo.callback(kept.replace, file)
            part.replace(file)
            say(f"What was in {file.name} is kept in {kept.name}.")
        else:
            part.replace(file)
            undo.callback(file.unlink, missing_ok=True)
    except OSError as error:
        raise _refused(file, error) from error


def _backup_name(file: Path) -> Path:
    names = (file.with_name(f"{file.name}.bak{f'-{n}' if n > 1 else ''}") for n in count(1))
    return next(name for name in names if not name.exists())


def _templates(undo: ExitStack, answers: Answers, settings: Settings, config: Path) -> list[Path]:
    if not answers.workflows:
        return []
    made: list[Path] = []
    # A folder that this makes goes again by itself when something in it fails.
    with usual_folder(settings.workflows_dir, config) as folder:
        for workflow in answers.workflows:
            try:
                added = add_template(workflow.file, folder, workflow.name)
            except FairbrushError as error:
                say(f"{workflow.file.name} was not added: {error}")
                continue
            for path in (added.sidecar, *([] if added.export == workflow.file else [added.export])):
                undo.callback(path.unlink, missing_ok=True)
            made += [added.export, added.sidecar]
    return made


def _refused(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or str(error)
    return OutputError(
        Text("{path} cannot be written: {reason}. Nothing was changed.", path=path, reason=reason),
        cause=repr(error),
    )
