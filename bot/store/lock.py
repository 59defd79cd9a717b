"""One bot a data directory. The operating system holds the lock, so a dead process holds none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bot.domain.errors import AlreadyRunning, StoreUnavailable
from bot.domain.text import Text

LOCK_NAME = "fairbrush.lock"
PID_NAME = "fairbrush.pid"
"""Beside the lock, because Windows lets nobody read a locked file."""


@contextlib.contextmanager
def locked(data_dir: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Hold ``data_dir`` for this process. Raises AlreadyRunning or StoreUnavailable.

    ``patience``: seconds to block for somebody who holds it, as commands do for a moment.
    """
    lock, holder = FileLock(data_dir / LOCK_NAME), data_dir / PID_NAME
    try:
        # What people wrote is in there.
        data_dir.mkdir(0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout as error:
        raise _held(data_dir, holder) from error
    except OSError as error:
        raise StoreUnavailable(
            Text(
                "The data directory {folder} cannot be used: {reason}. Change its permissions, or set "
                "another data_dir.",
                folder=data_dir,
                reason=error.strerror or error,
            ),
            cause=repr(error),
        ) from error
    try:
        # Only for the message to others: no reason to stop for.
        with contextlib.suppress(OSError):
            holder.write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _held(data_dir: Path, holder: Path) -> AlreadyRunning:
    try:
        pid = int(holder.read_text(encoding="ascii"))
    except (OSError, ValueError):
        who = Text("Another Fairbrush")
    else:
        who = Text("Another Fairbrush (process {pid})", pid=pid)
    return AlreadyRunning(
        Text(
            "{who} works in {folder}. Stop it first, or give this one its own data_dir.",
            who=who,
            folder=data_dir,
        )
    )
