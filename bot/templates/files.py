"""Reading and writing the files of templates."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bot.domain.errors import OutputError, TemplateError
from bot.domain.text import Text
from bot.templates.exports import MAX_BYTES, too_large


def read_file(path: Path) -> bytes:
    """The bytes of an export or sidecar. Raises :class:`TemplateError`: unreadable or too large."""
    try:
        with path.open("rb") as stream:
            # What a pipe or a device holds is not known before it is read.
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise TemplateError(
            Text("{path} cannot be read: {reason}.", path=path, reason=error.strerror or error),
            cause=str(error),
        ) from error
    if len(data) > MAX_BYTES:
        raise too_large(len(data))
    return data


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet: first under another name, then in one step under its own.

    Raises :class:`OutputError`; nothing is left behind then.
    """
    temporary: Path | None = None
    try:
        handle, made = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        temporary = Path(made)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        _rename_new(temporary, path)
    except OSError as error:
        raise OutputError(
            Text("{path} cannot be written: {reason}.", path=path, reason=error.strerror or error),
            cause=str(error),
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _rename_new(temporary: Path, path: Path) -> None:
    """Give a file its name unless somebody else has taken it meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(f"{path} is there already") from None
        temporary.replace(path)
