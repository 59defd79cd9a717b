"""Finished files into a folder: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from bot.domain.errors import OutputError
from bot.domain.outputs import OutputFile
from bot.domain.text import Text
from bot.service.ports import Backend
from bot.service.threads import in_thread

PROBE_BYTES = 64 * 1024
"""Written and removed to prove a folder; a file system without room for this has none for a picture."""
OTHER_FOLDER = Text("Name another folder with --out.")

_UNSAFE = re.compile(r"[^0-9a-z._-]+")
_LONGEST_STEM = 80
_DISK_QUOTA: int = getattr(errno, "EDQUOT", -1)  # not on every system
_RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(10))}


def safe_name(stem: str) -> str:
    """A file name stem that every system takes: lowercase ASCII, no separators, no device names.

    >>> safe_name("../../Étude No. 5")
    'tude-no.-5'
    """
    cleaned = _UNSAFE.sub("-", stem.lower()).strip("-. ")[:_LONGEST_STEM].rstrip("-. ")
    # Windows looks at what stands before the first dot only, so the front has to change.
    return f"picture-{cleaned}" if cleaned.split(".")[0] in _RESERVED else cleaned or "picture"


def safe_suffix(filename: str) -> str:
    """The extension of a server's file name, if it is an ordinary one; else ``.bin``."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    return suffix if re.fullmatch(r"\.[0-9a-z]{1,8}", suffix) else ".bin"


class Folder:
    """A folder that pictures are kept in. Several processes may keep into one at the same time.

    It is made with the first file. ``remedy`` ends the messages that another folder would help against.
    """

    def __init__(self, path: Path, *, remedy: Text = OTHER_FOLDER) -> None:
        self.path = path
        self._remedy = remedy
        self._parts: set[Path] = set()

    async def prepare(self) -> None:
        """Prove that the folder can be made and written, before anything is painted for it.

        Leaves nothing behind. Raises :class:`OutputError`.
        """
        try:
            await in_thread(self._prove)
        except OSError as error:
            raise refusal(error, self.path, self._remedy) from error

    async def keep(self, backend: Backend, file: OutputFile, stem: str) -> Path:
        """Stream ``file`` here as ``stem`` and its own extension; the path that it got.

        An existing name is never overwritten: ``-2``, ``-3``… is added. Raises :class:`OutputError` when
        the disk refuses and BackendError when the server does; nothing half-written stays in either case.
        """
        part = self._new_part()
        try:
            await in_thread(self._create, part)
            await backend.fetch(file, part)
            return await in_thread(self._publish, part, safe_name(stem), safe_suffix(file.filename))
        except OSError as error:
            raise refusal(error, self.path, self._remedy) from error
        finally:
            await in_thread(self._discard, part)

    async def keep_content(self, write: Callable[[Path], object], stem: str, suffix: str) -> Path:
        """The same for a file of our own making: ``write`` puts it where it is told, in a thread."""
        part = self._new_part()
        try:
            await in_thread(self._create, part)
            await in_thread(write, part)
            return await in_thread(self._publish, part, safe_name(stem), suffix)
        except OSError as error:
            raise refusal(error, self.path, self._remedy) from error
        finally:
            await in_thread(self._discard, part)

    def discard_unfinished(self) -> None:
        """Remove what is being written right now: for a process that has to leave this very moment."""
        for part in tuple(self._parts):
            self._discard(part)

    def _prove(self) -> None:
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        part = self._new_part()
        try:
            self._create(part)
            part.write_bytes(bytes(PROBE_BYTES))
        finally:
            self._discard(part)
            for folder in made:
                # Not empty: another process has begun to keep pictures there.
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def _new_part(self) -> Path:
        part = self.path / f".fairbrush-{uuid.uuid4().hex}.part"
        self._parts.add(part)
        return part

    def _create(self, part: Path) -> None:
        for last in (False, False, True):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                part.open("xb").close()
            except FileNotFoundError:
                # Another process proved the folder and took it away again in between.
                if last:
                    raise
            else:
                return

    def _discard(self, part: Path) -> None:
        # Best effort: what cannot be removed (a folder that went away, say) is no reason to fail.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        self._parts.discard(part)

    def _publish(self, part: Path, stem: str, suffix: str) -> Path:
        for number in itertools.count(1):
            target = self.path / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
            try:
                _rename_to_new(part, target)
            except FileExistsError:
                continue
            return target
        raise AssertionError("unreachable")


def refusal(error: OSError, folder: Path, remedy: Text) -> OutputError:
    """What to say when the disk does not take a file; ``remedy`` ends the messages that something helps
    against."""
    places: dict[str, object] = {"folder": folder, "remedy": remedy}
    said = {
        errno.ENOSPC: Text("The disk is full: nothing more can be written to {folder}.", **places),
        _DISK_QUOTA: Text("Your disk quota is used up: nothing fits into {folder}.", **places),
        errno.EACCES: Text("Nothing can be written to {folder}: you lack the permission. {remedy}", **places),
        errno.EROFS: Text("Nothing can be written to {folder}: it is read-only. {remedy}", **places),
        errno.ENOTDIR: Text("{folder} is not a folder. {remedy}", **places),
        errno.EEXIST: Text("{folder} is not a folder. {remedy}", **places),
    }
    said[errno.EPERM] = said[errno.EACCES]
    text = said.get(error.errno or 0) or Text(
        "Nothing can be written to {folder}: {reason}. {remedy}",
        reason=error.strerror or error,
        **places,
    )
    return OutputError(text, cause=repr(error))


def _rename_to_new(part: Path, target: Path) -> None:
    """Give ``part`` the name ``target``, in one step. Raises FileExistsError if the name is taken."""
    if sys.platform == "win32":
        part.rename(target)
        return
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links: claim the name first, then put the content there.
        target.open("xb").close()
        try:
            part.replace(target)
        except OSError:
            target.unlink()
            raise
