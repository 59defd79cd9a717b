"""Finished files into a folder: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import re
import tempfile
from pathlib import Path, PurePosixPath

from bot.domain.errors import OutputError
from bot.domain.outputs import OutputFile
from bot.domain.text import Text
from bot.service.ports import Backend

_UNSAFE = re.compile(r"[^0-9a-z._-]+")
_LONGEST_STEM = 80
_DISK_QUOTA: int = getattr(errno, "EDQUOT", -1)  # not on every system
_RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{n}" for device in ("com", "lpt") for n in range(1, 10))}


def safe_name(stem: str) -> str:
    """A file name stem that every system takes: lowercase ASCII, no separators, no device names.

    >>> safe_name("../../Étude No. 5")
    'tude-no.-5'
    """
    cleaned = _UNSAFE.sub("-", stem.lower()).strip("-. ")[:_LONGEST_STEM].rstrip("-. ")
    return f"{cleaned}-" if cleaned.split(".")[0] in _RESERVED else cleaned or "picture"


def safe_suffix(filename: str) -> str:
    """The extension of a server's file name, if it is an ordinary one; else ``.bin``."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    return suffix if re.fullmatch(r"\.[0-9a-z]{1,8}", suffix) else ".bin"


class Folder:
    """A folder that pictures are kept in. Several processes may keep into one at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def prepare(self) -> None:
        """Make the folder and prove that it can be written, before anything is painted for it."""
        try:
            await asyncio.to_thread(self._prove)
        except OSError as error:
            raise self._refusal(error) from error

    async def keep(self, backend: Backend, file: OutputFile, stem: str) -> Path:
        """Stream ``file`` here as ``stem`` and its own extension; the path that it got.

        An existing name is never overwritten: ``-2``, ``-3``… is added. Raises :class:`OutputError` when
        the disk refuses and BackendError when the server does; nothing half-written stays in either case.
        """
        try:
            part = await asyncio.to_thread(self._part)
            try:
                await backend.fetch(file, part)
                return await asyncio.to_thread(
                    self._publish, part, safe_name(stem), safe_suffix(file.filename)
                )
            except BaseException:
                await asyncio.shield(asyncio.to_thread(part.unlink, missing_ok=True))
                raise
        except OSError as error:
            raise self._refusal(error) from error

    async def keep_text(self, text: str, stem: str) -> Path:
        """The same for a text output, as a .txt file."""
        try:
            return await asyncio.to_thread(self._write_text, text, safe_name(stem))
        except OSError as error:
            raise self._refusal(error) from error

    def _prove(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._part().unlink()

    def _part(self) -> Path:
        handle, name = tempfile.mkstemp(prefix=".fairbrush-", suffix=".part", dir=self.path)
        os.close(handle)
        return Path(name)

    def _write_text(self, text: str, stem: str) -> Path:
        part = self._part()
        try:
            part.write_text(text, encoding="utf-8")
            return self._publish(part, stem, ".txt")
        finally:
            part.unlink(missing_ok=True)

    def _publish(self, part: Path, stem: str, suffix: str) -> Path:
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        for number in itertools.count(1):
            target = self.path / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
            try:
                target.open("xb").close()  # claims the name: another process may be after it too
            except FileExistsError:
                continue
            part.replace(target)
            return target
        raise AssertionError("unreachable")

    def _refusal(self, error: OSError) -> OutputError:
        said = {
            errno.ENOSPC: Text("The disk is full: no picture can be written to {folder}.", folder=self.path),
            _DISK_QUOTA: Text("Your disk quota is used up: nothing fits into {folder}.", folder=self.path),
            errno.EACCES: Text(
                "Nothing can be written to {folder}: you lack the permission. Name another folder with "
                "--out.",
                folder=self.path,
            ),
            errno.EROFS: Text(
                "Nothing can be written to {folder}: it is read-only. Name another folder with --out.",
                folder=self.path,
            ),
            errno.ENOTDIR: Text("{folder} is not a folder. Name another one with --out.", folder=self.path),
            errno.EEXIST: Text("{folder} is not a folder. Name another one with --out.", folder=self.path),
        }.get(error.errno or 0) or Text(
            "Nothing can be written to {folder}: {reason}.", folder=self.path, reason=error.strerror or error
        )
        return OutputError(said, cause=repr(error))
