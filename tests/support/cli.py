"""The command as a process, and what a terminal would show of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import nursery

DEADLINE_SECONDS = 30.0
"""How long any process may take to do what a test waits for; none takes this long."""

COMMAND = (sys.executable, "-W", "default::ResourceWarning", "-m", "bot")
"""Unclosed sockets and files shall show up on stderr."""

SMALL = ("--size", "64x64", "--steps", "2")
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and terminals")


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    def check(self) -> Ended:
        """What holds for the end of every process, whatever went wrong."""
        for sign in ("Traceback", "Warning", "never awaited", "never retrieved", "was destroyed", "stumbled"):
            assert sign not in self.stderr, self.stderr
        return self


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would change the command's ways."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAIRBRUSH", "PYTHONWARN"))}
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        kept.pop(name, None)
    return {**kept, "PYTHONUTF8": "1", "PYTHONPATH": str(Path(__file__).parents[2]), **changes}


def fairbrush(*args: str, cwd: Path, stdin: str = "", **env: str) -> Ended:
    """Run the command to its end."""
    done = nursery.run(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment(**env),
        input=stdin,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
    )
    return Ended(done.returncode, done.stdout, done.stderr).check()


class Running:
    """The command as a process that goes on; its words are collected as they come."""

    def __init__(self, *args: str, cwd: Path, **env: str) -> None:
        self.process = nursery.Popen(
            [*COMMAND, *args],
            cwd=cwd,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._words = {"stdout": "", "stderr": ""}
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in self._words
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        stream = getattr(self.process, name)
        while piece := stream.readline():
            with self._changed:
                self._words[name] += piece
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def stdout(self) -> str:
        return self._words["stdout"]

    @property
    def stderr(self) -> str:
        return self._words["stderr"]

    def until(self, condition: Callable[[Running], object]) -> Running:
        """Wait until the words fulfil ``condition``."""
        with self._changed:
            met = self._changed.wait_for(lambda: condition(self), DEADLINE_SECONDS)
        assert met, f"{self.stdout}\n{self.stderr}"
        return self

    def interrupt(self, number: int = signal.SIGINT) -> Running:
        self.process.send_signal(number)
        return self

    def end(self) -> Ended:
        code = self.process.wait(DEADLINE_SECONDS)
        for reader in self._readers:
            reader.join(DEADLINE_SECONDS)
        return Ended(code, self.stdout, self.stderr).check()

    def close(self) -> None:
        """See the process off, in good order if it can: it has temporary files of its own."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(DEADLINE_SECONDS)
        for reader in self._readers:
            reader.join(DEADLINE_SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@contextlib.contextmanager
def running(*args: str, cwd: Path, **env: str) -> Iterator[Running]:
    process = Running(*args, cwd=cwd, **env)
    try:
        yield process
    finally:
        process.close()


def eventually(condition: Callable[[], object]) -> None:
    """Poll until ``condition`` holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


_ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def screen(written: str, width: int) -> list[str]:
    """The lines that a terminal of this width shows in the end, for what progress bars need: moving up and
    to the start of a line, erasing a line, wrapping."""
    lines: list[list[str]] = [[]]
    row = column = position = 0
    while position < len(written):
        if (escape := _ESCAPE.match(written, position)) is not None:
            count = int(escape[1]) if escape[1].isdigit() else 1
            if escape[2] == "A":
                row = max(0, row - count)
            elif escape[2] == "K":
                lines[row] = [] if escape[1] == "2" else lines[row][:column]
            position = escape.end()
            continue
        char = written[position]
        position += 1
        if char == "\r":
            column = 0
        elif char == "\n":
            row, column = row + 1, 0
        elif char.isprintable():
            if column == width:
                row, column = row + 1, 0
            while len(lines) <= row:
                lines.append([])
            line = lines[row]
            line.extend(" " * (column + 1 - len(line)))
            line[column] = char
            column += 1
        while len(lines) <= row:
            lines.append([])
    return ["".join(line).rstrip() for line in lines]


def at_terminal(*args: str, cwd: Path, width: int = 90, **env: str) -> tuple[int, str]:
    """Run the command at a terminal of its own; its exit code and all that it wrote there."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    process = nursery.Popen(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment(TERM="xterm", **env),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = bytearray()
    # Reading from a terminal whose other side is closed is an error on Linux.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            written += piece
    os.close(ours)
    return process.wait(DEADLINE_SECONDS), written.decode("utf-8", "replace")
