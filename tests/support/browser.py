"""A real Chromium, and a demo for it to look at."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

import pytest

ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
READY_SECONDS = 60.0


def chromium() -> str | None:
    """Where it is on this machine."""
    found = (shutil.which(name) for name in _NAMES)
    return next((path for path in found if path is not None), None)


def needs_chromium() -> str:
    """Its path, or the test is skipped."""
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium here (looked for {', '.join(_NAMES)}; Debian's package is chromium)")
    return path


_QUICK = "from bot.cli import main, playground as p; p.PACE, p.FROM_WORDS = 0.04, {words}; main()"
"""The program itself, with an engine that takes less time for a picture."""


class Demo:
    """``fairbrush demo`` as a process of its own."""

    def __init__(self, folder: Path, *, samples: bool = False) -> None:
        self.folder = folder
        self._program = _QUICK.format(words="p.FROM_WORDS" if samples else "()")
        self.said: list[str] = []
        self.address = self._start(0)

    def _start(self, port: int) -> str:
        command = [sys.executable, "-c", self._program, "demo", "--no-browser", "--port", str(port)]
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder.parent,
            env={name: value for name, value in os.environ.items() if not name.startswith("FAIRBRUSH_")},
        )
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        line = self.until("The page is open: ")
        return line.split("The page is open: ")[1].split()[0]

    def start_again(self) -> None:
        """At the same address, once it has ended."""
        assert self._start(int(self.address.rpartition(":")[2])) == self.address

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line)

    def until(self, words: str) -> str:
        """The line of stderr that holds them."""
        while True:
            try:
                line = self._lines.get(timeout=READY_SECONDS)
            except Empty:
                raise AssertionError(f"waited in vain for {words!r} after {self.said}") from None
            self.said.append(line)
            if words in line:
                return line

    def ends(self) -> int:
        """In good order; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(READY_SECONDS)
        finally:
            self._process.kill()
            self._reader.join(5)
            if self._process.stderr is not None:
                self._process.stderr.close()


@contextmanager
def demo(folder: Path, *, samples: bool = False) -> Iterator[Demo]:
    """``samples``: with those that it paints by itself."""
    made = Demo(folder, samples=samples)
    try:
        yield made
    finally:
        status = made.ends()
    assert status == 0, made.said
    assert not [line for line in made.said if "Traceback" in line or "stumbled" in line]
