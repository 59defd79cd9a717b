"""Makes an archive, also while a bot runs: the database of one moment, then the files that it names."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import bot
from bot.domain.errors import OutputError, UserError
from bot.domain.text import Text
from bot.service.keep import refusal
from bot.store.archive.contents import DATABASE, KEPT, MANIFEST, Extra, Manifest, Member, Report
from bot.store.archive.database import (
    NamedFile,
    Taken,
    copy_of_a_moment,
    files_in_all,
    looking_into,
    size_of,
    still_named,
)

CHUNK = 1 << 20
SPARE_BYTES = 16 * 1024 * 1024
"""What a disk shall still have free afterwards: others write to it, too."""
_PART_PREFIX, _PART_SUFFIX = ".fairbrush-", ".part"
_FORGOTTEN_SECONDS = 3600.0
"""A file that is being written is never so long untouched: whoever began it was killed."""
_BYTES_BESIDE = 600
"""More than a member takes beside its content: its name three times, its hash, and two headers."""
_ELSEWHERE = Text("Name another file.")


@dataclass(frozen=True, slots=True)
class Packed:
    """``gone``: files that were forgotten while it was made; ``lost``: those that the data directory should
    have and has not; ``changed``: those whose content is not what was kept."""

    manifest: Manifest
    bytes: int
    gone: int
    lost: tuple[str, ...]
    changed: tuple[str, ...]


def pack(
    data_dir: Path,
    target: Path,
    *,
    extras: Sequence[Extra] = (),
    force: bool = False,
    now: int,
    report: Report,
) -> Packed:
    """Write ``target``, whole or not at all. ``force``: an earlier one may go. Blocking: call it in a thread.

    Raises UserError, OutputError, DatabaseUnusable, StoreUnavailable, and Stopped.
    """
    _refuse_target(target, data_dir, force)
    try:
        with looking_into(data_dir / DATABASE) as connection:
            return _pack(connection, data_dir, target, extras, force, now, report)
    except OSError as error:
        raise refusal(error, target.parent, _ELSEWHERE) from error


def _pack(
    connection: sqlite3.Connection,
    data_dir: Path,
    target: Path,
    extras: Sequence[Extra],
    force: bool,
    now: int,
    report: Report,
) -> Packed:
    folder = target.parent
    _clear_away(folder)
    database, (number, files) = size_of(connection), files_in_all(connection)
    beside = _BYTES_BESIDE * number + sum(len(extra.content) for extra in extras)
    # The copy of the database lies beside the archive for a while.
    _need_room(folder, 2 * database + files + beside)
    share = database / max(2 * database + files, 1)
    with _part(folder) as copy, _part(folder) as part:
        source = data_dir / DATABASE
        taken = copy_of_a_moment(connection, source, copy, lambda done, what: report(done * share, what))
        packer = _Packer(data_dir, lambda done, what: report(share + done * (1.0 - share), what))
        manifest = packer.write(part, copy, taken, extras, now)
        lost = tuple(sorted(still_named(connection, manifest.missing)))
        size = part.stat().st_size
        _publish(part, target, force)
    return Packed(manifest, size, len(manifest.missing) - len(lost), lost, tuple(packer.changed))


class _Packer:
    def __init__(self, data_dir: Path, report: Report) -> None:
        self._data_dir = data_dir
        self._report = report
        self._done = 0
        self._whole = 1
        self.changed: list[str] = []

    def write(self, part: Path, copy: Path, taken: Taken, extras: Sequence[Extra], now: int) -> Manifest:
        self._whole = max(1, copy.stat().st_size + sum(file.size for file in taken.files))
        members: list[Member] = []
        missing: list[str] = []
        with part.open("r+b") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                with copy.open("rb") as content:
                    members.append(self._add(archive, DATABASE, content, copy.stat().st_size, packed=True))
                # It is not needed any more, and may be large.
                copy.unlink()
                for file in taken.files:
                    member = self._add_kept(archive, file)
                    if member is None:
                        missing.append(file.path)
                    else:
                        members.append(member)
                        if (member.sha256, member.size) != (file.sha256, file.size):
                            self.changed.append(file.path)
                for extra in extras:
                    archive.writestr(_entry(extra.name, packed=True), extra.content)
                    digest = hashlib.sha256(extra.content).hexdigest()
                    members.append(Member(extra.name, digest, len(extra.content)))
                counts = {**taken.counts, **_count_kept(members)}
                manifest = Manifest(
                    bot.__version__, taken.schema, now, counts, tuple(members), tuple(missing)
                )
                archive.writestr(_entry(MANIFEST, packed=True), manifest.to_json())
            stream.flush()
            os.fsync(stream.fileno())
        return manifest

    def _add_kept(self, archive: zipfile.ZipFile, file: NamedFile) -> Member | None:
        """None: it is not there; what people want forgotten goes also while we look."""
        try:
            content = (self._data_dir / file.path).open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self._data_dir / file.path, error) from error
        with content:
            size = os.fstat(content.fileno()).st_size
            return self._add(archive, file.path, content, size, packed=False)

    def _add(
        self, archive: zipfile.ZipFile, name: str, content: IO[bytes], size: int, *, packed: bool
    ) -> Member:
        digest, written = hashlib.sha256(), 0
        entry = _entry(name, packed=packed)
        with archive.open(entry, "w", force_zip64=size >= zipfile.ZIP64_LIMIT // 2) as into:
            while chunk := _read(content, self._data_dir / name):
                digest.update(chunk)
                into.write(chunk)
                written += len(chunk)
                self._done += len(chunk)
                self._report(min(1.0, self._done / self._whole), "pictures" if not packed else "the database")
        return Member(name, digest.hexdigest(), written)


def _read(content: IO[bytes], path: Path) -> bytes:
    """As ``read``: a disk that fails here is another than the one that is written to."""
    try:
        return content.read(CHUNK)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        Text(
            "{file} cannot be read: {reason}. Change its permissions, or take the file away if the disk has "
            "lost it; then try again. No backup was made.",
            file=path,
            reason=error.strerror or error,
        ),
        cause=repr(error),
    )


def _entry(name: str, *, packed: bool) -> zipfile.ZipInfo:
    # Pictures are packed as tightly as they can be.
    entry = zipfile.ZipInfo(name, time.gmtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    entry.external_attr = 0o100600 << 16
    return entry


def _count_kept(members: Sequence[Member]) -> dict[str, int]:
    return {kind: sum(member.name.startswith(f"{kind}/") for member in members) for kind in KEPT}


def _refuse_target(target: Path, data_dir: Path, force: bool) -> None:
    """Raises UserError."""
    where, home = target.parent.resolve(), data_dir.resolve()
    for kind in (*KEPT, "sketch"):
        if where.is_relative_to(home / kind):
            raise UserError(
                Text(
                    "{folder} is the bot's own: it removes what it does not know there. Name a file "
                    "elsewhere.",
                    folder=home / kind,
                )
            )
    if target.is_dir():
        raise UserError(Text("{file} is a folder. Name a file.", file=target))
    if target.exists() and not force:
        raise _taken_already(target)


def _taken_already(target: Path) -> UserError:
    return UserError(
        Text("{file} is there already. Name another file, or write over it with --force.", file=target)
    )


def _need_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise no_room(folder, needed, free)


def no_room(folder: Path, needed: int, free: int) -> OutputError:
    return OutputError(
        Text(
            "There is not enough room in {folder}: {needed} MB are needed, and {free} MB are free.",
            folder=folder,
            needed=f"{(needed + SPARE_BYTES) / 1e6:.0f}",
            free=f"{free / 1e6:.0f}",
        )
    )


@contextmanager
def _part(folder: Path) -> Iterator[Path]:
    """A file under a passing name, for this user alone: everybody's words are in it."""
    handle, name = tempfile.mkstemp(prefix=_PART_PREFIX, suffix=_PART_SUFFIX, dir=folder)
    os.close(handle)
    part = Path(name)
    try:
        yield part
    finally:
        for each in (part, part.with_name(f"{part.name}-journal")):
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)


def _clear_away(folder: Path) -> None:
    """What a killed process left. One that is at work writes all the time."""
    oldest = time.time() - _FORGOTTEN_SECONDS
    for path in folder.glob(f"{_PART_PREFIX}*{_PART_SUFFIX}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _publish(part: Path, target: Path, force: bool) -> None:
    """In one step; an archive that somebody else has put there meanwhile stays."""
    if force:
        part.replace(target)
    else:
        try:
            target.hardlink_to(part)
        except FileExistsError as error:
            raise _taken_already(target) from error
        except OSError:  # a file system without links
            if target.exists():
                raise _taken_already(target) from None
            part.rename(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Names are on the disk, too; Windows has no such call."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
