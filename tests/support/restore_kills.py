"""A restore that is killed at each of its steps.

``python -m tests.support.restore_kills ARCHIVE DATA SCRATCH``. A step is whatever changes the disk: Python
announces it before it happens. A forked process is ended there, without any cleaning up; then a bot starts as
far as it clears files away. Prints what was found, ``old`` or ``new``, one a line.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bot.service.gallery import Gallery
from bot.store.archive import open_archive, restore
from tests.support.backups import state

STEPS = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "sqlite3.connect"}
KILLED, NOW = 9, 1_795_010_000_000


def die_at(number: int) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if event in STEPS or writes:
            seen += 1
            if seen == number:
                os._exit(KILLED)

    sys.addaudithook(hook)


def restored(archive: Path, folder: Path) -> None:
    with open_archive(archive) as opened:
        restore(opened, folder, actor="shell", now=NOW, report=lambda _done, _what: None)


def killed(archive: Path, folder: Path, number: int) -> bool:
    """Whether it came so far."""
    child = os.fork()
    if child == 0:
        die_at(number)
        restored(archive, folder)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED), code
    return code == KILLED


def sweep(folder: Path) -> None:
    """As every start of a bot does."""
    with closing(sqlite3.connect(folder / "fairbrush.db")) as connection:
        known = frozenset(path for (path,) in connection.execute("SELECT path FROM files"))
    asyncio.run(Gallery(folder).sweep(known))


def main(archive: Path, data: Path, scratch: Path) -> None:
    old = state(data)
    new_home = scratch / "new"
    new_home.mkdir()
    restored(archive, new_home)
    new = state(new_home)
    assert old != new
    number, folder, more = 0, scratch / "victim", True
    while more:
        number += 1
        shutil.copytree(data, folder)
        more = killed(archive, folder, number)
        sweep(folder)
        found = state(folder)
        assert found in (old, new), f"a mixture after step {number}"
        if not more or number % 10 == 0:
            restored(archive, folder)
            assert state(folder) == new, f"no second try after step {number}"
            assert not list(folder.glob(".restore-*"))
        print("old" if found == old else "new")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
