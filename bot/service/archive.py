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
data.json holds all that is written down about you.

Times are milliseconds since 1970 (UTC), GPU time is in seconds. The list "files" at its end names your
pictures and the pictures that you gave: "name" is where each lies in this archive. Where it is null, "why"
says why.
"""
_ENTRY_BYTES = 300
"""More than an entry of a ZIP file costs beside its content: its name twice, two headers, a line on it."""
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


def make_archive(known: Mapping[str, Any], folder: Path, most_bytes: int) -> Archive | None:
    """A ZIP of what :meth:`~bot.service.store.Store.export` gave, with the files below ``folder`` as long as
    there is room; None when there is none for the words. Blocking: call it in a thread."""
    files = list(_files(known))
    room = most_bytes - _size_of_words(known, files)
    if room < 0:
        return None
    why: dict[str, str] = {}
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            try:
                size = (folder / file.path).stat().st_size
                if size <= room:
                    # Pictures are packed as tightly as they can be.
                    archive.write(folder / file.path, file.name, zipfile.ZIP_STORED)
                    room -= size
                else:
                    why[file.name] = _NO_ROOM
            except OSError:
                why[file.name] = _LOST
        _write_words(archive, known, [_told(file, why.get(file.name, "")) for file in files])
    return Archive(into.getvalue(), len(files) - len(why), sum(each == _NO_ROOM for each in why.values()))


def _size_of_words(known: Mapping[str, Any], files: Sequence[_File]) -> int:
    """With what each file costs beside its content, should it be packed."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        _write_words(archive, known, [_told(file, "") for file in files])
    return len(into.getvalue()) + _ENTRY_BYTES * len(files)


def _write_words(archive: zipfile.ZipFile, known: Mapping[str, Any], told: list[dict[str, Any]]) -> None:
    archive.writestr("README.txt", _README)
    archive.writestr("data.json", json.dumps({**known, "files": told}, indent=1))


def _files(known: Mapping[str, Any]) -> Iterator[_File]:
    """The newest first."""
    for request in reversed(known["requests"]):
        for job in request["jobs"]:
            for number, file in enumerate(job["files"], 1):
                yield _file(file, f"pictures/{job['id']}", number)
        for number, file in enumerate(request["inputs"], 1):
            yield _file(file, f"inputs/{request['id']}", number)


def _file(file: Mapping[str, Any], stem: str, number: int) -> _File:
    path = PurePosixPath(file["path"])
    return _File(str(path), f"{stem}-{number}{path.suffix}", file["size"])


def _told(file: _File, why: str) -> dict[str, Any]:
    told: dict[str, Any] = {"path": file.path, "name": None if why else file.name, "size": file.size}
    return {**told, "why": why} if why else told
