"""Ctrl-C: the first stops a command in good order, the second leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

from bot.app import temporary_folder
from bot.cli.common import INTERRUPTED, say

STOP_SECONDS = 20.0
"""How long a stopped run may take to end before the command leaves anyway."""
ONE_PRESS_SECONDS = 0.3
"""Signals this close together are one wish: shells and wrappers pass on what the terminal sent already."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP")


class Interruption:
    """What a command wants to happen when somebody interrupts it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self._stop: Callable[[], Awaitable[object]] | None = None
        self._bounded = True
        self._last: list[Callable[[], object]] = []

    @contextmanager
    def handled_by(
        self, stop: Callable[[], Awaitable[object]], *, bounded: bool = True
    ) -> Iterator[asyncio.Event]:
        """While inside, an interruption sets the event and calls ``stop``; what runs inside is expected to
        end by itself then, and is cancelled after STOP_SECONDS unless it has a bound of its own
        (``bounded`` is False). Anywhere else it is cancelled at once."""
        self._stop, self._bounded = stop, bounded
        try:
            yield self.asked
        finally:
            self._stop = None

    @contextmanager
    def tidied_by(self, tidy: Callable[[], object]) -> Iterator[None]:
        """While inside, ``tidy`` is called if the process has to leave at once. It may not wait."""
        self._last.append(tidy)
        try:
            yield
        finally:
            self._last.remove(tidy)

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """A temporary folder that goes even when the process leaves at once."""
        with temporary_folder() as folder, self.tidied_by(lambda: shutil.rmtree(folder, ignore_errors=True)):
            yield folder

    async def watch(self, main: asyncio.Task[object]) -> None:
        """Wait for an interruption and see it through."""
        await self.asked.wait()
        if self._stop is not None:
            bounded = self._bounded
            await self._stop()
            if not bounded:
                return
            await asyncio.sleep(STOP_SECONDS)
            say(f"The server did not confirm within {STOP_SECONDS:.0f} s; it may go on painting.")
        main.cancel()

    def leave_at_once(self) -> None:
        """Ends the process from within a signal handler."""
        for tidy in self._last:
            with contextlib.suppress(OSError):
                tidy()
        with contextlib.suppress(OSError):
            # No buffered stream: the signal may have come in the middle of a write to it.
            os.write(2, b"\nLeft at once. What the server was painting may go on.\n")
        os._exit(INTERRUPTED)


@asynccontextmanager
async def interruptible() -> AsyncIterator[Interruption]:
    """While inside, signals that end a process go through the Interruption that this yields."""
    interruption = Interruption()
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert main is not None

    first: list[float] = []

    def handler(_number: int, _frame: FrameType | None) -> None:
        if first and time.monotonic() - first[0] > ONE_PRESS_SECONDS:
            interruption.leave_at_once()
        if not first:
            first.append(time.monotonic())
            loop.call_soon_threadsafe(interruption.asked.set)

    before = _install(handler)
    try:
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(interruption.watch(main), name="interruption")
            try:
                yield interruption
            finally:
                watcher.cancel()
    finally:
        # After an interruption the handler stays: threads that still end must not hold a second Ctrl-C up.
        if not interruption.asked.is_set():
            for number, earlier in before.items():
                signal.signal(number, earlier)


_Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


def _install(handler: Callable[[int, FrameType | None], None]) -> dict[int, _Handler]:
    # signal.signal and not the loop's own handlers: those do not exist on Windows.
    before: dict[int, _Handler] = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        # Under nohup a closed terminal is to be survived.
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue
        before[number] = signal.signal(number, handler)
    return before
