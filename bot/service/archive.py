"""Everything about one person in one ZIP file: words as JSON, and their pictures."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

_README = """\
data.json holds all that is written down about you. Times are milliseconds since 1970 (UTC), GPU time is in
seconds. files.json names your pictures, and the pictures that you gave: "name" is where each lies in this
archive. Those that have "left_out" are not in it; it says why.
"""
_TOLD_BYTES = 80
"""More than a file costs in files.json, packed as that is."""
_PACKED_BYTES = 250
"""More than a packed file costs beside its content: its name twice, and two headers."""
_REST_BYTES = 500
"""More than the rest of a ZIP file costs: names and headers of what is always in it."""
_NO_ROOM, _LOST = "no room in this archive", "not on the disk any more"


@dataclass(frozen=True, slots=True)
class Archive:
    content: bytes
    packed: int
    left_out: int


@dataclass(frozen=True, slots=True)
class _File:
    """``path`` is that in the data directory, ``name`` that in the archive."""

    path: str
    name: str
    size: int


class _NoRoom(Exception):
    pass


class ArchiveMaker:
    """Takes what :meth:`~bot.service.store.Store.export_parts` gives, and then as many of the files below
    ``folder`` as there is room for in ``most_bytes``. Blocking: call it in a thread."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._into = io.BytesIO()
        self._archive = zipfile.ZipFile(self._into, "w", zipfile.ZIP_DEFLATED)
        self._archive.writestr("README.txt", _README)
        self._words = self._archive.open("data.json", "w")
        self._section = ""
        self._between = "{\n"
        self._files: list[_File] = []

    def add(self, parts: Sequence[tuple[str, Mapping[str, Any] | None]]) -> bool:
        """False: the words alone are too much; then that is all."""
        for section, record in parts:
            self._write(section, record)
            if section == "requests" and record is not None:
                self._files += _files(record)
        return self._into.tell() + _REST_BYTES <= self._most

    def _write(self, section: str, record: Mapping[str, Any] | None) -> None:
        if section == self._section:
            text = f"{self._between}{json.dumps(record)}"
            self._between = ",\n"
        else:
            end = "\n],\n" if self._section else self._between
            if record is None:
                text, self._section, self._between = f'{end}"{section}": [', section, "\n"
            else:
                text, self._section, self._between = f'{end}"{section}": {json.dumps(record)}', "", ",\n"
        self._words.write(text.encode())

    def done(self) -> Archive | None:
        """None: there is no room for the words."""
        self._words.write(b"\n]\n}\n" if self._section else b"\n}\n")
        self._words.close()
        room = self._most - self._into.tell() - _REST_BYTES - _TOLD_BYTES * len(self._files)
        if room < 0:
            return None
        left_out: dict[str, str] = {}
        for file in reversed(self._files):  # the newest first
            try:
                room -= self._pack(file, room)
            except _NoRoom:
                left_out[file.name] = _NO_ROOM
            except OSError:
                left_out[file.name] = _LOST
        told = [_told(file, left_out.get(file.name)) for file in reversed(self._files)]
        self._archive.writestr("files.json", json.dumps(told, indent=1))
        self._archive.close()
        without_room = sum(why == _NO_ROOM for why in left_out.values())
        return Archive(self._into.getvalue(), len(told) - len(left_out), without_room)

    def _pack(self, file: _File, room: int) -> int:
        """How much it takes. Raises OSError when it is not there."""
        path = self._folder / file.path
        needed = path.stat().st_size + _PACKED_BYTES
        if needed > room:
            raise _NoRoom
        # Pictures are packed as tightly as they can be.
        self._archive.write(path, file.name, zipfile.ZIP_STORED)
        return needed


def _files(request: Mapping[str, Any]) -> Iterator[_File]:
    for number, file in enumerate(request["inputs"], 1):
        yield _file(file, f"inputs/{request['id']}", number)
    for job in request["jobs"]:
        for number, file in enumerate(job["files"], 1):
            yield _file(file, f"pictures/{job['id']}", number)


def _file(file: Mapping[str, Any], stem: str, number: int) -> _File:
    path = PurePosixPath(file["path"])
    return _File(str(path), f"{stem}-{number}{path.suffix}", file["size"])


def _told(file: _File, why: str | None) -> dict[str, Any]:
    told = {"name": file.name, "size": file.size}
    return told if why is None else {**told, "left_out": why}
