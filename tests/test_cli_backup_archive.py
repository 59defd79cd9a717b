"""Archives: of one moment, whatever happens meanwhile; and refused unless they are what they say."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import DatabaseUnusable, OutputError, StoreUnavailable, UserError
from bot.store import database
from bot.store.archive import (
    Packed,
    Refused,
    Stopped,
    open_archive,
    pack,
    packing,
    restore,
    restoring,
    verify,
)
from bot.store.archive import database as archive_database
from bot.store.archive.contents import is_config_name, is_kept_name
from bot.store.migrations import packaged
from tests.store_support import DAY, NOON, opened, rows
from tests.support.backups import filled, paint, reopened, state, sums
from tests.support.cli import environment, posix_only

Report = Callable[[float, str], None]


def silent(_done: float, _what: str) -> None:
    pass


def packed(folder: Path, target: Path, report: Report = silent, **options: Any) -> Packed:
    return pack(folder, target, now=NOON, report=report, **options)


def put_back(archive: Path, folder: Path, report: Report = silent) -> Path | None:
    folder.mkdir(parents=True, exist_ok=True)
    with open_archive(archive) as found:
        return restore(found, folder, actor="shell:me", now=NOON + DAY, report=report).before


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory ``data`` and its archive ``a.zip``, made once."""
    folder = tmp_path_factory.mktemp("model")
    asyncio.run(filled(folder / "data", b"one", b"two"))
    packed(folder / "data", folder / "a.zip")
    return folder


@pytest.fixture
def home(model: Path, tmp_path: Path) -> Path:
    shutil.copytree(model / "data", tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def archive(model: Path, tmp_path: Path) -> Path:
    shutil.copy(model / "a.zip", tmp_path)
    return tmp_path / "a.zip"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


# Made


def test_all_of_it_comes_back_elsewhere(archive: Path, home: Path, tmp_path: Path) -> None:
    assert put_back(archive, tmp_path / "b") is None
    assert state(tmp_path / "b") == state(home)
    assert rows(tmp_path / "b" / "fairbrush.db", "SELECT at, actor, action, detail FROM audit") == [
        (NOON + DAY, "shell:me", "restore", "backup of 2026-11-18 12:00 UTC")
    ]
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["fairbrush.db", "pictures"]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.zip"]


@posix_only
def test_it_is_for_its_owner_alone(archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600


async def test_it_shows_one_moment_while_others_write(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step of the copy lets a request in, which would make SQLite begin again."""
    monkeypatch.setattr(archive_database, "STEP_PAGES", 8)
    steps: list[float] = []
    async with opened(empty) as desk:
        for index in range(10):
            await desk.accept(f"discord:{index}", jobs=3)
        before = sums(empty / "fairbrush.db")
        loop = asyncio.get_running_loop()

        def report(done: float, what: str) -> None:
            if what == "the database" and len(steps) < 40:
                steps.append(done)
                asyncio.run_coroutine_threadsafe(desk.accept("discord:7", jobs=2), loop).result()

        made = await asyncio.to_thread(packed, empty, tmp_path / "a.zip", report)
        after = sums(empty / "fairbrush.db")
    assert len(steps) > 5
    assert steps == sorted(steps)
    put_back(tmp_path / "a.zip", tmp_path / "b")
    assert sums(tmp_path / "b" / "fairbrush.db") == before != after
    assert made.manifest.counts["jobs"] == 30


async def test_what_is_forgotten_meanwhile_does_not_break_it(empty: Path, tmp_path: Path) -> None:
    async with opened(empty) as desk:
        first = await paint(desk, empty, b"first")
        second = await paint(desk, empty, b"second", who="discord:3")
        (empty / second.file.path).unlink()
        third = await paint(desk, empty, b"third")
        (empty / third.file.path).write_bytes(b"not the third")
        loop = asyncio.get_running_loop()
        forgotten: list[object] = []

        def report(_done: float, what: str) -> None:
            # The database has been copied, the pictures have not.
            if not forgotten and (what == "pictures" or _done > 0.5):
                work = desk.store.forget(first.request, NOON)
                forgotten.extend(asyncio.run_coroutine_threadsafe(work, loop).result())
                (empty / first.file.path).unlink()

        report_once = _after_the_copy(report)
        made = await asyncio.to_thread(packed, empty, tmp_path / "a.zip", report_once)
    assert forgotten == [first.file]
    assert (made.gone, made.lost, made.changed) == (1, (second.file.path,), (third.file.path,))
    put_back(tmp_path / "a.zip", tmp_path / "b")
    assert [path.read_bytes() for path in (tmp_path / "b" / "pictures").rglob("*.png")] == [b"not the third"]


def _after_the_copy(report: Report) -> Report:
    """Only what is told once the database is packed as well."""
    told: list[float] = []

    def tell(done: float, what: str) -> None:
        if told and done > told[-1] > 0.3:
            report(1.0, what)
        told.append(done)

    return tell


async def test_an_earlier_file_stays_unless_forced(home: Path, archive: Path) -> None:
    earlier = archive.read_bytes()
    told: list[float] = []
    with pytest.raises(UserError, match="is there already"):
        packed(home, archive, lambda done, _: told.append(done))
    assert archive.read_bytes() == earlier
    assert told == [], "nothing is done in vain"
    async with reopened(home) as desk:
        await desk.accept("discord:9")
    packed(home, archive, force=True)
    assert archive.read_bytes() != earlier


def test_one_that_appears_meanwhile_stays_too(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.zip"

    def report(_done: float, _what: str) -> None:
        target.write_text("somebody else's")

    with pytest.raises(UserError, match="is there already"):
        packed(home, target, report)
    assert target.read_text() == "somebody else's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "data"]


def test_nothing_is_left_of_one_that_is_stopped(home: Path, tmp_path: Path) -> None:
    def report(done: float, _what: str) -> None:
        if done > 0.6:
            raise Stopped

    with pytest.raises(Stopped):
        packed(home, tmp_path / "a.zip", report)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_a_killed_one_left_goes(home: Path, tmp_path: Path) -> None:
    left, fresh = tmp_path / ".fairbrush-abc.part", tmp_path / ".fairbrush-def.part"
    for path in (left, fresh):
        path.touch()
    os.utime(left, (0, 0))
    packed(home, tmp_path / "a.zip")
    assert not left.exists()
    assert fresh.exists()


def test_refusals_that_leave_everything_as_it_is(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="removes what it does not know"):
        packed(home, home / "pictures" / "a.zip")
    with pytest.raises(UserError, match="is a folder"):
        packed(home, tmp_path, force=True)
    with pytest.raises(OutputError):
        packed(home, tmp_path / "nowhere" / "a.zip")
    with pytest.raises(StoreUnavailable, match="no database"):
        packed(tmp_path / "other", tmp_path / "a.zip")
    full = shutil.disk_usage(tmp_path)._replace(free=20_000_000)
    monkeypatch.setattr(packing.shutil, "disk_usage", lambda _: full)
    monkeypatch.setattr(packing, "SPARE_BYTES", 20_000_000)
    with pytest.raises(OutputError, match="not enough room"):
        packed(home, tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("checked_when_opened", [2**40, 0])
def test_a_damaged_database_is_not_packed(
    checked_when_opened: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "QUICK_CHECK_BYTES", checked_when_opened)
    file = home / "fairbrush.db"
    (page,) = rows(file, "SELECT rootpage FROM sqlite_schema WHERE name = 'job_states_of'")[0]
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = bytes(4096)
    file.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match="is damaged"):
        packed(home, tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


# Put back


async def test_what_was_there_is_kept_beside(archive: Path, home: Path) -> None:
    async with reopened(home) as desk:
        later = await paint(desk, home, b"later", who="discord:5")
    old, backed_up = state(home), {"one", "two"}
    before = put_back(archive, home)
    assert before is not None
    assert before.parent == home
    assert state(before) == old
    assert {path.read_text() for path in (home / "pictures").rglob("*.png")} == backed_up
    assert not (home / later.file.path).exists()
    again = put_back(archive, home)
    assert again is not None
    assert again.name == f"{before.name}-2"


async def test_one_that_others_read_is_left_alone(
    archive: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_database, "BUSY_SECONDS", 0.05)
    async with reopened(home) as desk:
        await desk.accept("discord:5")
        with closing(sqlite3.connect(home / "fairbrush.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM jobs").fetchone()
            await desk.accept("discord:6")
            old = state(home)
            with pytest.raises(StoreUnavailable, match="Another program has"):
                put_back(archive, home)
            assert state(home) == old
            assert not list(home.glob("before-*"))


def test_a_damaged_database_is_replaced_and_kept(archive: Path, home: Path, tmp_path: Path) -> None:
    good = state(home)
    (home / "fairbrush.db").write_bytes(b"rubbish" * 999)
    (home / "fairbrush.db-wal").write_bytes(b"rubbish too" * 999)
    before = put_back(archive, home)
    assert state(home) == good
    assert before is not None
    assert (before / "fairbrush.db").read_bytes() == b"rubbish" * 999
    assert (before / "fairbrush.db-wal").read_bytes() == b"rubbish too" * 999
    assert not (home / "fairbrush.db-wal").exists()


def test_no_links_no_loss(archive: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without links has copies instead."""

    def no_links(_self: Path, _target: Path) -> None:
        raise PermissionError(1, "no links here")

    old = state(home)
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    before = put_back(archive, home)
    assert before is not None
    assert state(before) == old


def test_one_without_room_changes_nothing(archive: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = state(home)
    monkeypatch.setattr(restoring, "SPARE_BYTES", 2**60)
    with pytest.raises(OutputError, match="not enough room"):
        put_back(archive, home)
    assert state(home) == old


@pytest.mark.parametrize("place", ["_unpack", "_look", "_keep", "_move", "_change_database"])
async def test_a_failure_anywhere_changes_nothing(
    place: str, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    other = tmp_path / "other"
    await filled(other, b"three")
    old, files = state(other), sorted(path for path in other.rglob("*") if path.is_file())
    monkeypatch.setattr(restoring, place, full)
    with pytest.raises(OutputError, match="disk is full"):
        put_back(archive, other)
    assert state(other) == old
    assert sorted(path for path in other.rglob("*") if path.is_file()) == files


async def test_nothing_of_the_old_log_gets_into_the_new_database(
    archive: Path, home: Path, tmp_path: Path
) -> None:
    """SQLite would read what lies beside a database into it."""
    new = state(home)
    async with reopened(home) as desk:
        await desk.accept("discord:5")
        shutil.copytree(home, tmp_path / "left")
    victim = tmp_path / "left"
    log = (victim / "fairbrush.db-wal").read_bytes()
    assert log
    (victim / "fairbrush.db").write_bytes(b"rubbish" * 999)
    before = put_back(archive, victim)
    assert state(victim) == new
    assert sorted(path.name for path in victim.glob("fairbrush.db*")) == ["fairbrush.db"]
    assert before is not None
    assert (before / "fairbrush.db-wal").read_bytes() == log


@posix_only
async def test_killed_at_any_step_it_leaves_the_old_or_the_new(
    archive: Path, home: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    async with reopened(home) as desk:
        await paint(desk, home, b"later", who="discord:5")
        # What a killed bot leaves: the last of it is not in the file itself.
        shutil.copytree(home, tmp_path / "left")
    assert (tmp_path / "left" / "fairbrush.db-wal").stat().st_size > 0
    command = [sys.executable, "-m", "tests.support.restore_kills", archive, tmp_path / "left", scratch]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    assert found.count("old") > 10
    assert found.count("new") > 1
    assert found == sorted(found, reverse=True), "first the old, then the new"


async def test_older_versions_are_taken_and_newer_ones_refused(tmp_path: Path, empty: Path) -> None:
    dump = (Path(__file__).parent / "data" / "store" / "v1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(empty / "fairbrush.db", isolation_level=None)) as connection:
        connection.executescript(dump)
        for table in ("results", "request_inputs", "files"):  # of a gallery that never was
            connection.execute(f"DELETE FROM {table}")
    packed(empty, tmp_path / "a.zip")
    put_back(tmp_path / "a.zip", tmp_path / "b")
    assert rows(tmp_path / "b" / "fairbrush.db", "PRAGMA user_version") == [(1,)]
    async with reopened(tmp_path / "b") as desk:
        await desk.accept("discord:1")
    newer = changed(tmp_path / "a.zip", lambda manifest, _: manifest.update(schema=len(packaged()) + 1))
    with pytest.raises(Refused, match=r"was made by Fairbrush .* \(database version"):
        put_back(newer, tmp_path / "c")


# Hostile

Change = Callable[[dict[str, Any], dict[str, bytes]], object]


def changed(archive: Path, change: Change, *, honest: bool = True, **entries: zipfile.ZipInfo) -> Path:
    """A copy with another manifest or content; ``honest``: with sizes and hashes that fit. ``entries``: how
    members are packed."""
    with zipfile.ZipFile(archive) as file:
        contents = {name: file.read(name) for name in file.namelist()}
        ways = {each.filename: each.compress_type for each in file.infolist()}
    manifest = json.loads(contents.pop("manifest.json"))
    change(manifest, contents)
    if honest:
        manifest["members"] = [
            {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for name, content in contents.items()
        ]
    target = archive.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as file:
        for name, content in contents.items():
            way = ways.get(name, zipfile.ZIP_STORED)
            file.writestr(entries.get(name, name), content, compress_type=way)
        file.writestr("manifest.json", json.dumps(manifest))
    return target


def add(name: str) -> Change:
    return lambda _manifest, contents: contents.update({name: b"x"})


NAMES = [
    "../evil.png",
    "pictures/../../evil.png",
    "/etc/evil",
    "C:/evil.png",
    "pictures\\..\\evil.png",
    "pictures/aa/con.png",
    "pictures/aa/x.png:stream",
    "pictures/aa/UPPER.png",
    "pictures/aa/dot.",
    "pictures",
    "pictures/",
    "control.json",
    "web-token",
    "fairbrush.lock",
    "config/../config.toml",
    "config/.bashrc",
    "config/workflows/../../x.json",
    "config/workflows/a/b.json",
    "config/workflows/run.py",
    "config/workflows/.json",
    "x\x00y",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(name: str, archive: Path, tmp_path: Path) -> None:
    assert not is_kept_name(name)
    assert not is_config_name(name)
    there = sorted(tmp_path.rglob("*"))
    with pytest.raises(Refused, match="is damaged, or was changed"):
        put_back(changed(archive, add(name)), tmp_path / "b")
    assert sorted(set(tmp_path.rglob("*")) - set(there)) == [tmp_path / "b", tmp_path / "changed.zip"]


def drop_database(_manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
    del contents["fairbrush.db"]


def two_of_a_name(manifest: dict[str, Any], _contents: dict[str, bytes]) -> None:
    manifest["members"].append(manifest["members"][-1])


def larger(manifest: dict[str, Any], _contents: dict[str, bytes]) -> None:
    manifest["members"][-1]["size"] += 1


def another_hash(manifest: dict[str, Any], _contents: dict[str, bytes]) -> None:
    manifest["members"][-1]["sha256"] = "0" * 64


def unlisted(manifest: dict[str, Any], _contents: dict[str, bytes]) -> None:
    manifest["members"].pop()


@pytest.mark.parametrize("change", [drop_database, two_of_a_name, larger, another_hash, unlisted])
def test_what_does_not_fit_its_manifest_is_refused(change: Change, archive: Path, home: Path) -> None:
    old = state(home)
    with pytest.raises(Refused, match="is damaged, or was changed"):
        put_back(changed(archive, change, honest=change is drop_database), home)
    assert state(home) == old


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{}", b"null", b'{"format": 1}', b'{"format": 1, "members": 3}', b"[" * 100_000, b"\xff"],
)
def test_a_manifest_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("manifest.json", content)
    with pytest.raises(Refused), open_archive(tmp_path / "x.zip"):
        pass


def test_links_and_folders_are_refused(archive: Path, home: Path) -> None:
    name = next(name for name in zipfile.ZipFile(archive).namelist() if name.startswith("pictures/"))
    for mode in (0o120777, 0o040755, 0o010644):
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        with pytest.raises(Refused):
            put_back(changed(archive, lambda _m, _c: None, **{name: entry}), home)


def test_bombs_are_refused(archive: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is packed, one that is longer than it says, and a manifest without end."""
    name = next(name for name in zipfile.ZipFile(archive).namelist() if name.startswith("pictures/"))

    def zeros(_manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
        contents[name] = bytes(30_000_000)

    packed_twice = changed(archive, zeros)
    with zipfile.ZipFile(packed_twice) as file:
        contents = {each: file.read(each) for each in file.namelist()}
    with zipfile.ZipFile(packed_twice, "w", zipfile.ZIP_DEFLATED) as file:
        for each, content in contents.items():
            file.writestr(each, content)
    assert packed_twice.stat().st_size < 1_000_000
    with pytest.raises(Refused):
        put_back(packed_twice, home)

    with zipfile.ZipFile(archive.with_name("m.zip"), "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", b" " * 5_000_000)
    with pytest.raises(Refused), open_archive(archive.with_name("m.zip")):
        pass


def test_entries_within_each_other_are_refused(archive: Path, home: Path) -> None:
    """What one entry holds is also the other: a small file would unpack to as much as one likes."""
    outer, inner = (f"pictures/aa/{name}.png" for name in ("outer", "inner"))
    content = bytes(1_000_000)
    part = archive.with_name("part.zip")
    with zipfile.ZipFile(part, "w") as file:
        file.writestr(inner, content)
        entry = file.getinfo(inner)
        end = file.start_dir
    both = {outer: part.read_bytes()[:end], inner: content}
    nested = changed(archive, lambda _manifest, contents: contents.update(both))
    with zipfile.ZipFile(nested) as file:
        kept = {name: file.read(name) for name in file.namelist() if name != inner}
    with zipfile.ZipFile(nested, "w") as file:
        for name, each in kept.items():
            file.writestr(name, each)
        entry.header_offset = file.getinfo(outer).header_offset + 30 + len(outer)
        file.filelist.append(entry)
        file.NameToInfo[inner] = entry
    assert nested.stat().st_size < 2 * len(content)
    old = state(home)
    with pytest.raises(Refused):
        put_back(nested, home)
    assert state(home) == old


def test_a_database_of_somebody_else_is_refused(archive: Path, home: Path, tmp_path: Path) -> None:
    def with_sql(*statements: str) -> Change:
        def change(_manifest: dict[str, Any], contents: dict[str, bytes]) -> None:
            file = tmp_path / "x.db"
            file.write_bytes(contents["fairbrush.db"])
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
            contents["fairbrush.db"] = file.read_bytes()

        return change

    old = state(home)
    trigger = "CREATE TRIGGER evil AFTER INSERT ON audit BEGIN DELETE FROM names; END"
    elsewhere = "INSERT INTO files VALUES ('../../etc/passwd', 'x', 'image/png', 1, 1)"
    unknown = "INSERT INTO files VALUES ('pictures/aa/none.png', 'x', 'image/png', 1, 1)"
    orphan = "INSERT INTO texts VALUES (12345, 1, 'x')"
    for statement, said in [
        (trigger, "was not made by Fairbrush"),
        ("PRAGMA user_version = 1", "is not of the version"),
        ("PRAGMA application_id = 1", "is not of the version"),
        (elsewhere, "names files outside"),
        (unknown, "is damaged, or was changed"),
        (orphan, "rows refer to nothing"),
    ]:
        with pytest.raises(Refused, match=said):
            put_back(changed(archive, with_sql(statement)), home)
    no_database = changed(
        archive, lambda _m, contents: contents.update({"fairbrush.db": b"SQLite format 3\0" * 99})
    )
    with pytest.raises(Refused, match="cannot be read"):
        put_back(no_database, home)
    assert state(home) == old


def test_no_cut_and_no_flipped_byte_goes_through(archive: Path, home: Path, tmp_path: Path) -> None:
    """Wherever it is: refused, or of no consequence (a time of packing, say). Never anything else."""
    old, good = state(home), archive.read_bytes()
    bad = tmp_path / "bad.zip"
    places = [*range(0, len(good), len(good) // 60), *range(len(good) - 900, len(good), 23)]
    refused = 0
    for place in places:
        for content in (good[:place], good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :]):
            bad.write_bytes(content)
            try:
                with open_archive(bad) as found:
                    verify(found, silent)
            except Refused:
                refused += 1
    assert refused > len(places)
    assert state(home) == old


def test_verify_leaves_nothing(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(tmp_path.rglob("*"))
    with open_archive(archive) as found:
        assert verify(found, silent).counts["waiting"] == 1
    assert sorted(tmp_path.rglob("*")) == before
