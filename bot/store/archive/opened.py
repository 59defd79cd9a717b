"""Reads an archive that may come from anywhere: it holds what its manifest says, or is refused."""

from __future__ import annotations

import errno
import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from bot.domain.errors import OutputError
from bot.domain.text import Text
from bot.store.archive.contents import MANIFEST, Manifest, Member, Refused, is_kept_name, read_manifest
from bot.store.migrations import packaged

CHUNK = 1 << 20
_MANIFEST_BYTES, _MANIFEST_BYTES_EACH = 16 * 1024, 2048
"""How long a manifest may be, and how much longer with each member."""
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a way of packing, or an encryption, that we never use
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
)
"""What reading a file that is no archive of ours may raise."""


class Archive:
    """An archive whose list of contents is sound; the contents are proven as they are read."""

    def __init__(self, path: Path, file: zipfile.ZipFile, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._file = file

    def chunks(self, member: Member) -> Iterator[bytes]:
        """The content, piece by piece; it is what the manifest says only when the last one came.

        Raises Refused before more comes than the manifest says.
        """
        digest, left = hashlib.sha256(), member.size
        try:
            with self._file.open(member.name) as stream:
                while chunk := _some(stream, left):
                    left -= len(chunk)
                    if left < 0:
                        raise damaged(self.path, f"{member.name} is longer than it says")
                    digest.update(chunk)
                    yield chunk
        except OSError as error:
            raise _unreadable(self.path, error) from error
        except _BROKEN as error:
            raise damaged(self.path, f"{member.name}: {error!r}") from error
        if left or digest.hexdigest() != member.sha256:
            raise damaged(self.path, f"{member.name} is not what it was")

    def content(self, member: Member) -> bytes:
        return b"".join(self.chunks(member))


def _some(stream: IO[bytes], left: int) -> bytes:
    return stream.read(min(CHUNK, left + 1))


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Raises Refused, and OutputError when the file cannot be read."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(path.open("rb"))
            size = stream.seek(0, 2)
            file = stack.enter_context(zipfile.ZipFile(stream))
        except FileNotFoundError as error:
            raise Refused(Text("There is no file {file}.", file=path)) from error
        except OSError as error:
            raise _unreadable(path, error) from error
        except _BROKEN as error:
            raise _none(path, repr(error)) from error
        yield Archive(path, file, _manifest(path, file, size))


def _manifest(path: Path, file: zipfile.ZipFile, size: int) -> Manifest:
    """Raises Refused unless the archive holds what its manifest lists and nothing else."""
    entries = file.infolist()
    try:
        content = _read_entry(file, _MANIFEST_BYTES + _MANIFEST_BYTES_EACH * len(entries))
        manifest = read_manifest(content)
    except KeyError as error:
        raise _none(path, repr(error)) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except _BROKEN as error:
        raise damaged(path, repr(error)) from error
    if manifest.schema > len(packaged()):
        raise Refused(
            Text(
                "{file} was made by Fairbrush {version} (database version {schema}; this one knows "
                "{newest}). Install that version or a newer one, then restore.",
                file=path,
                version=manifest.fairbrush,
                schema=manifest.schema,
                newest=len(packaged()),
            )
        )
    by_name = {entry.filename: entry for entry in entries}
    listed = {member.name: member for member in manifest.members}
    if len(by_name) != len(entries) or by_name.keys() != {MANIFEST, *listed}:
        raise damaged(path, "it holds other files than its manifest says")
    # Entries that lie over each other are how a small file becomes a large one.
    if sum(entry.compress_size for entry in entries) > size:
        raise damaged(path, "entries overlap")
    for name, member in listed.items():
        if (why := _wrong(by_name[name], member)) is not None:
            raise damaged(path, f"{name}: {why}")
    return manifest


def _read_entry(file: zipfile.ZipFile, most: int) -> bytes:
    with file.open(MANIFEST) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError("a manifest as long as that is none")
    return content


def _wrong(entry: zipfile.ZipInfo, member: Member) -> str | None:
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG) or entry.is_dir():
        return "no plain file"
    if entry.file_size != member.size:
        return "another size than in the manifest"
    # Pictures are never packed a second time: no more of them can come out of an archive than it is long.
    ways = {zipfile.ZIP_STORED} if is_kept_name(member.name) else {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    if entry.compress_type not in ways:
        return "packed in another way"
    return None


def _unreadable(path: Path, error: OSError) -> Refused | OutputError:
    if error.errno == errno.EINVAL:  # it says that something lies before its beginning
        return damaged(path, repr(error))
    return OutputError(
        Text("{file} cannot be read: {reason}.", file=path, reason=error.strerror or error), cause=repr(error)
    )


def _none(path: Path, cause: str) -> Refused:
    return Refused(Text("{file} is no backup of Fairbrush.", file=path), cause=cause)


def damaged(path: Path, cause: str) -> Refused:
    return Refused(
        Text(
            "{file} is damaged, or was changed after it was made. Nothing was changed here. Take another "
            "backup.",
            file=path,
        ),
        cause=cause,
    )
