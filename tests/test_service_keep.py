"""Finished files into a folder: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import OutputError, ServerUnreachable
from bot.domain.text import Text
from bot.service import keep
from bot.service.keep import Folder, safe_name, safe_suffix
from tests.support.cli import posix_only
from tests.support.fake_backend import FakeBackend, file

DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
nasty = st.text(max_size=120) | st.sampled_from(
    [
        "con",
        "CON.txt",
        "aux.png",
        "nul",
        "..",
        ".",
        "../../etc/passwd",
        "C:\\x",
        "com1.",
        "lpt9 .x",
        "-rf",
        "",
    ]
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@given(nasty)
def test_a_stem_is_a_name_on_every_system(stem: str) -> None:
    name = safe_name(stem)
    assert re.fullmatch(r"[0-9a-z_][0-9a-z._-]*", name), name
    assert len(name) <= 90
    assert not name.endswith((".", "-", " "))
    assert name.split(".")[0] not in DEVICES
    assert PureWindowsPath(name).name == PurePosixPath(name).name == name
    assert safe_name(name) == name


@given(nasty)
def test_a_suffix_is_an_ordinary_one(filename: str) -> None:
    assert re.fullmatch(r"\.[0-9a-z]{1,8}", safe_suffix(filename))


@pytest.mark.parametrize(
    ("filename", "suffix"),
    [
        ("a.PNG", ".png"),
        ("a.tar.gz", ".gz"),
        ("..\\x.webp", ".webp"),
        ("none", ".bin"),
        (".png", ".bin"),
        ("a.p/ng", ".bin"),
        ("a.verylongsuffix", ".bin"),
        ("a.p g", ".bin"),
    ],
)
def test_suffixes(filename: str, suffix: str) -> None:
    assert safe_suffix(filename) == suffix


async def test_a_file_gets_its_name_and_suffix(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "deep")
    path = await folder.keep(FakeBackend(), file("x_00001_.PNG"), "text-to-image-7")
    assert path == tmp_path / "new" / "deep" / "text-to-image-7.png"
    assert path.read_bytes() == b"picture"
    assert names(path.parent) == ["text-to-image-7.png"]


@posix_only
async def test_the_umask_says_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        kept = [Folder(tmp_path).keep(FakeBackend(), file(), f"a-{n}") for n in range(8)]
        modes = {path.stat().st_mode & 0o777 for path in await asyncio.gather(*kept)}
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert modes == {0o640}


@pytest.mark.parametrize("links", [True, False])
async def test_nothing_is_ever_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Many at once, from two folders objects as of two processes, on file systems with hard links and
    without."""
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    (tmp_path / "same.png").write_bytes(b"older")
    kept = [
        Folder(tmp_path).keep(FakeBackend(disk=_writing(str(number))), file(), "same") for number in range(40)
    ]
    paths = await asyncio.gather(*kept)
    assert len(set(paths)) == 40
    assert [path.read_bytes() for path in paths] == [str(number).encode() for number in range(40)]
    assert (tmp_path / "same.png").read_bytes() == b"older"
    assert names(tmp_path) == sorted(["same.png", *(f"same-{number}.png" for number in range(2, 42))])


def _no_links(*_args: object) -> None:
    raise OSError(errno.EPERM, "no hard links here")


def _writing(words: str) -> Callable[[Path], object]:
    return lambda target: target.write_text(words)


def _failing(number: int) -> Callable[[Path], object]:
    def disk(target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    return disk


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EACCES, "you lack the permission. Name another folder with --out."),
        (errno.EPERM, "you lack the permission"),
        (errno.EROFS, "it is read-only"),
        (errno.EIO, os.strerror(errno.EIO)),
        *([(errno.EDQUOT, "Your disk quota is used up")] if hasattr(errno, "EDQUOT") else []),
    ],
)
async def test_a_disk_that_refuses_leaves_nothing(tmp_path: Path, number: int, words: str) -> None:
    with pytest.raises(OutputError) as caught:
        await Folder(tmp_path).keep(FakeBackend(disk=_failing(number)), file(), "a")
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert names(tmp_path) == []


async def test_a_server_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def disk(target: Path) -> None:
        target.write_bytes(b"half")
        raise ServerUnreachable(Text("The connection broke off."))

    with pytest.raises(ServerUnreachable):
        await Folder(tmp_path).keep(FakeBackend(disk=disk), file(), "a")
    assert names(tmp_path) == []


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    backend = FakeBackend()
    backend.fetch_gate.clear()
    task = asyncio.create_task(Folder(tmp_path).keep(backend, file(), "a"))
    await backend.until(lambda b: b.fetching)
    assert len(names(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == []


async def test_a_cancel_between_writing_and_naming_leaves_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, release = threading.Event(), threading.Event()
    rename = keep._rename_to_new

    def slowly(part: Path, target: Path) -> None:
        reached.set()
        assert release.wait(10)
        rename(part, target)

    monkeypatch.setattr(keep, "_rename_to_new", slowly)
    task = asyncio.create_task(Folder(tmp_path).keep(FakeBackend(), file(), "a"))
    assert await asyncio.to_thread(reached.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"picture"


async def test_a_process_that_leaves_at_once_takes_its_unfinished_files_along(tmp_path: Path) -> None:
    backend, folder = FakeBackend(), Folder(tmp_path)
    (tmp_path / "other.part").touch()
    backend.fetch_gate.clear()
    task = asyncio.create_task(folder.keep(backend, file(), "a"))
    await backend.until(lambda b: b.fetching)
    folder.discard_unfinished()
    assert names(tmp_path) == ["other.part"]
    task.cancel()
    await asyncio.wait({task})


async def test_preparing_leaves_nothing_behind(tmp_path: Path) -> None:
    await Folder(tmp_path / "new" / "deep").prepare()
    await Folder(tmp_path).prepare()
    assert names(tmp_path) == []


async def test_preparing_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    await Folder(tmp_path / "mine" / "deep").prepare()
    assert names(tmp_path) == ["mine"]


@pytest.mark.parametrize("below", ["", "deep/deeper"])
async def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=r"is not a folder\. Take another"):
        await Folder(tmp_path / "file" / below, remedy=Text("Take another.")).prepare()
    assert (tmp_path / "file").read_text() == "mine"


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="you lack the permission"):
            await Folder(tmp_path / "new").prepare()
    finally:
        tmp_path.chmod(0o755)


async def test_a_full_disk_is_noticed_before_anything_is_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="The disk is full"):
        await Folder(tmp_path / "new").prepare()
    assert names(tmp_path) == []


async def test_a_folder_that_another_process_took_away_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proving a new folder removes it, perhaps just between another's making it and writing into it."""
    target, made = tmp_path / "new", Path.mkdir
    losses = iter([True, True, False])

    def mkdir(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        made(path, mode, parents, exist_ok)
        if path == target and next(losses):
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", mkdir)
    path = await Folder(target).keep(FakeBackend(), file(), "a")
    assert path.read_bytes() == b"picture"


async def test_files_of_our_own_are_kept_alike(tmp_path: Path) -> None:
    (tmp_path / "sheet.png").touch()
    path = await Folder(tmp_path).keep_content(_writing("sheet"), "sheet", ".png")
    assert (path.name, path.read_text()) == ("sheet-2.png", "sheet")
    with pytest.raises(OutputError, match="The disk is full"):
        await Folder(tmp_path).keep_content(_failing(errno.ENOSPC), "sheet", ".png")
    assert names(tmp_path) == ["sheet-2.png", "sheet.png"]
