"""Puts an archive back in place of what a data directory holds.

Everything is unpacked and proven in a folder beside, and what is there is kept in another, before anything
changes. Then the files come, under names that nobody else has, and last the database, in one step: whatever
ends the process, the directory holds the old state or the new one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.domain.text import Text
from bot.service.keep import refusal
from bot.service.records import AuditEntry
from bot.store.archive.contents import CONFIG, DATABASE, KEPT, Manifest, Member, Report, moment, stamp
from bot.store.archive.database import look_into, settle, write_down
from bot.store.archive.opened import Archive, damaged
from bot.store.archive.packing import SPARE_BYTES, no_room, sync_folder

_STAGING = ".restore-"
_BESIDE = ("-wal", "-journal")
"""What SQLite keeps beside a database. An older one's would be taken for the new one's."""
_OTHER_DATA_DIR = Text("Set data_dir to another folder.")


@dataclass(frozen=True, slots=True)
class Restored:
    """``before``: where the earlier state lies now; None: there was none."""

    manifest: Manifest
    before: Path | None


def verify(archive: Archive, report: Report) -> Manifest:
    """Read all of it, and look into the database; nothing stays. Raises Refused, OutputError and Stopped."""
    with tempfile.TemporaryDirectory(prefix="fairbrush-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            _unpack(archive, folder, report, keep=lambda member: member.name == DATABASE)
        except OSError as error:
            raise refusal(error, folder, Text("Name another folder with TMPDIR.")) from error
        _look(archive, folder / DATABASE)
    return archive.manifest


def restore(archive: Archive, data_dir: Path, *, actor: str, now: int, report: Report) -> Restored:
    """The caller holds the lock of ``data_dir``. Blocking: call it in a thread.

    Raises Refused, OutputError, StoreUnavailable and Stopped; then what was there is there.
    """
    try:
        _clear_away(data_dir)
        _need_room(data_dir, archive.manifest)
        with _folder_beside(data_dir) as staging:
            _unpack(archive, staging, report, keep=lambda member: not member.name.startswith(CONFIG))
            _look(archive, staging / DATABASE)
            said = f"backup of {moment(archive.manifest.created)}"
            write_down(staging / DATABASE, AuditEntry(now, actor, "restore", "database", said))
            _to_disk(staging, archive.manifest)
            before = _keep(data_dir, data_dir / f"before-restore-{stamp(now)}")
            try:
                _put_in_place(staging, data_dir, archive.manifest)
            except BaseException:
                _undo(before, data_dir)
                raise
        known = {member.name for member in archive.manifest.members}
        _remove(each for each in _files_of(data_dir) if each.relative_to(data_dir).as_posix() not in known)
    except OSError as error:
        raise refusal(error, data_dir, _OTHER_DATA_DIR) from error
    return Restored(archive.manifest, before)


# Beside


@contextmanager
def _folder_beside(data_dir: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=data_dir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_away(data_dir: Path) -> None:
    """What a killed restore left; the lock says that none is at work."""
    for path in data_dir.glob(f"{_STAGING}*"):
        shutil.rmtree(path, ignore_errors=True)


def _need_room(data_dir: Path, manifest: Manifest) -> None:
    free = shutil.disk_usage(data_dir).free
    if free < manifest.size + SPARE_BYTES:
        raise no_room(data_dir, manifest.size, free)


def _unpack(archive: Archive, folder: Path, report: Report, *, keep: Callable[[Member], bool]) -> None:
    """Every member is read and proven; those to ``keep`` are written."""
    done, whole = 0, max(1, archive.manifest.size)
    for member in archive.manifest.members:
        target = folder / member.name
        if wanted := keep(member):
            target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") if wanted else open(os.devnull, "wb") as stream:  # noqa: PTH123 - no path
            for chunk in archive.chunks(member):
                stream.write(chunk)
                done += len(chunk)
                report(done / whole, "the database" if member.name == DATABASE else "pictures")


def _look(archive: Archive, database: Path) -> None:
    taken = look_into(database, archive.manifest.schema)
    there = {member.name for member in archive.manifest.members} | set(archive.manifest.missing)
    if not there.issuperset(file.path for file in taken.files):
        raise damaged(archive.path, "the database names files that are neither in it nor said to be missing")


def _to_disk(staging: Path, manifest: Manifest) -> None:
    """Not only in its cache, when the database comes to name it."""
    if os.name == "posix":
        os.sync()  # one call for all: thousands of files would take minutes one by one
        return
    for member in manifest.members:
        with (staging / member.name).open("rb+") as stream:
            os.fsync(stream.fileno())


# What is there


def _keep(data_dir: Path, before: Path) -> Path | None:
    """Keep the state of ``data_dir`` in ``before``, by links where the disk has them; None: there is none."""
    files = [*_database_files(data_dir), *_files_of(data_dir)]
    if not files:
        return None
    before = _unused(before)
    try:
        for file in files:
            target = before / file.relative_to(data_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(file, target)
    except BaseException:
        shutil.rmtree(before, ignore_errors=True)
        raise
    return before


def _undo(before: Path | None, data_dir: Path) -> None:
    """After a failure: the database is the old one, and has what belongs to it."""
    if before is None:
        return
    for suffix in _BESIDE:
        name = f"{DATABASE}{suffix}"
        if (before / name).exists() and not (data_dir / name).exists():
            with contextlib.suppress(OSError):
                _link(before / name, data_dir / name)
    shutil.rmtree(before, ignore_errors=True)


def _unused(folder: Path) -> Path:
    number = 1
    while (found := folder.with_name(f"{folder.name}-{number}") if number > 1 else folder).exists():
        number += 1
    found.mkdir()
    return found


def _database_files(data_dir: Path) -> list[Path]:
    return [each for suffix in ("", *_BESIDE) if (each := data_dir / f"{DATABASE}{suffix}").is_file()]


def _files_of(data_dir: Path) -> list[Path]:
    return [path for kind in KEPT for path in sorted((data_dir / kind).rglob("*")) if path.is_file()]


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EACCES, errno.ENOENT):
            raise
        shutil.copy2(source, target)  # a file system without links, or another one behind a symbolic link


# The change


def _put_in_place(staging: Path, data_dir: Path, manifest: Manifest) -> None:
    kept = [member.name for member in manifest.of_data() if member.name != DATABASE]
    new = [name for name in kept if not (data_dir / name).exists()]
    try:
        for name in kept:
            _move(staging / name, data_dir / name)
        for folder in {(data_dir / name).parent for name in kept}:
            sync_folder(folder)
        _change_database(staging / DATABASE, data_dir)
    except BaseException:
        _remove(data_dir / name for name in new)
        raise


def _change_database(new: Path, data_dir: Path) -> None:
    """The last line but one is the step that counts."""
    database = data_dir / DATABASE
    if database.is_file():
        # Whole without what is removed next; unless it is damaged, which may be why we are here.
        with contextlib.suppress(sqlite3.Error):
            settle(database)
    for suffix in (*_BESIDE, "-shm"):
        database.with_name(f"{DATABASE}{suffix}").unlink(missing_ok=True)
    new.replace(database)
    sync_folder(data_dir)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):  # the next start of the bot does it
            path.unlink(missing_ok=True)
