"""Progress on stderr: live bars on a terminal, sparse plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.constrain import Constrain
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import TimeElapsedColumn as ElapsedColumn
from rich.table import Column
from rich.text import Text

from bot.cli.common import printable, say
from bot.domain.events import (
    Disconnected,
    NodeStarted,
    Progressed,
    Queued,
    Reconnected,
    RunEvent,
    Started,
)

PLAIN_SECONDS = 5.0
"""Between two plain lines about the same picture."""
WAITING_SECONDS = 30.0
"""The same while it waits in a bot's queue, which may take hours."""

MOST_BARS = 8
"""Of more pictures than this, finished ones lose their bars: the total tells enough."""

WIDE, MIDDLE = 100, 64
"""Terminal columns from which there is room for wide bars, and for the time."""

ECHO = 6
"""Columns left free for the ``^C`` that a terminal echoes: one that had to wrap would push the bars up."""


class Bar(Protocol):
    """The progress of one picture."""

    def event(self, event: RunEvent) -> None: ...

    def at(self, fraction: float | None, words: str, *, urgent: bool = False) -> None:
        """How far it is, where a bot follows the run; None: it waits. ``urgent``: not to be missed."""

    def done(self, words: str, *, ok: bool = True) -> None:
        """It has come to its end, painted (``ok``) or failed."""

    def stopped(self) -> None:
        """It was given up before its end, and counts for nothing."""


class Display(Protocol):
    """Progress of a whole command; a context manager. Everything that is said inside goes through it."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def bar(self, label: str) -> Bar: ...

    def note(self, words: str) -> None:
        """A message for the person, on stderr."""

    def result(self, write: Callable[[], None]) -> None:
        """Let ``write`` write to stdout without tearing the bars apart."""

    def restore(self) -> None:
        """Leave the terminal as it was, for a process that leaves at once."""


def display(total: int) -> Display:
    """Bars when stderr is a terminal that can move its cursor, lines otherwise; with a total when there is
    more than one picture."""
    moves = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return LiveDisplay(Console(stderr=True, highlight=False), total) if moves else PlainDisplay(total)


def words_for(event: RunEvent) -> str:
    """What to say beside the bar; empty when the event changes nothing there."""
    match event:
        case Disconnected():
            return "connection lost, waiting for the server"
        case Reconnected():
            return "connected again"
        case Queued(ahead=int(ahead)) if ahead > 0:
            return f"waiting, {ahead} before it on the server"
        case Queued():
            return "waiting"
        case Started():
            return "starting"
        case NodeStarted(title=title):
            return title
        case Progressed(title=title, step=step, steps=steps):
            return f"{title} {step:g}/{steps:g}"
    return ""


def remaining(fraction: float, elapsed: float) -> str:
    """How long the rest will take at the pace so far; empty before there is one."""
    if fraction <= 0.02 or elapsed < 1.0 or fraction >= 1.0:
        return ""
    return f"about {duration(elapsed / fraction - elapsed)} left"


def duration(seconds: float) -> str:
    """``90 s``, ``12 min``, ``3.5 h``"""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class LiveDisplay:
    def __init__(self, console: Console, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._total = total
        self._clock = clock
        self._began = clock()
        self._done = self._painted = 0
        self._stopping = False
        self._running: dict[TaskID, float] = {}
        # The table of bars alone: it is painted by a Live of our own, which can be taken away for a moment.
        self._progress = Progress(*_columns(console.width), console=console, expand=True)
        self._live = self._new_live()
        self._whole: TaskID | None = None

    def __enter__(self) -> Self:
        if self._total > 1:
            self._whole = self._progress.add_task(self._label(), total=self._total, words="")
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.transient = False
        self._live.stop()

    def bar(self, label: str) -> Bar:
        task = self._progress.add_task(printable(label), total=1.0, words="")
        self._running[task] = 0.0
        return _LiveBar(self, self._progress, task)

    def note(self, words: str) -> None:
        self._console.print(Text(printable(words)), soft_wrap=True)

    def result(self, write: Callable[[], None]) -> None:
        if sys.stdout is None or not sys.stdout.isatty():
            write()
            return
        self._live.stop()
        try:
            write()
        finally:
            # A Live remembers how far up its bars began, which is not true any more.
            self._live = self._new_live()
            self._live.start(refresh=True)

    def restore(self) -> None:
        self._console.show_cursor(True)

    def moved(self, task: TaskID, fraction: float) -> None:
        self._running[task] = fraction
        self._tell_whole()

    def ended(self, task: TaskID, *, ok: bool) -> None:
        self._done += 1
        self._painted += ok
        self._over(task)

    def stopped(self, task: TaskID) -> None:
        self._stopping = True
        self._over(task)

    def _over(self, task: TaskID) -> None:
        del self._running[task]
        if self._total > MOST_BARS:
            self._progress.remove_task(task)
        self._tell_whole()

    def _new_live(self) -> Live:
        return Live(
            console=self._console,
            get_renderable=lambda: Constrain(self._progress.get_renderable(), self._console.width - ECHO),
            refresh_per_second=8,
            transient=True,
            # What is said comes through note and result; nothing else may print here.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def _label(self) -> str:
        return f"{self._painted} of {self._total} pictures"

    def _tell_whole(self) -> None:
        if self._whole is None:
            return
        completed = self._done + sum(self._running.values())
        elapsed = self._clock() - self._began
        words = "" if self._stopping else remaining(completed / self._total, elapsed)
        self._progress.update(self._whole, completed=completed, description=self._label(), words=words)


def _columns(width: int) -> list[ProgressColumn]:
    # Texts are cut, never wrapped: a bar is one line. Titles of nodes are other people's words: no markup.
    label = Column(no_wrap=True, overflow="ellipsis", ratio=3)
    words = Column(no_wrap=True, overflow="ellipsis", ratio=2)
    bar = BarColumn(bar_width=28 if width >= WIDE else 14 if width >= MIDDLE else 6)
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}", markup=False, table_column=label),
        bar,
        TaskProgressColumn(),
    ]
    if width >= MIDDLE:
        columns.append(ElapsedColumn())
    return [*columns, TextColumn("{task.fields[words]}", markup=False, table_column=words)]


class _LiveBar:
    def __init__(self, display: LiveDisplay, progress: Progress, task: TaskID) -> None:
        self._display = display
        self._progress = progress
        self._task = task

    def event(self, event: RunEvent) -> None:
        if isinstance(event, Progressed):
            self._move(event.fraction)
        self._tell(words_for(event))

    def at(self, fraction: float | None, words: str, *, urgent: bool = False) -> None:  # noqa: ARG002
        self._move(fraction or 0.0)
        self._tell(words)

    def _move(self, fraction: float) -> None:
        self._progress.update(self._task, completed=fraction)
        self._display.moved(self._task, fraction)

    def _tell(self, words: str) -> None:
        if words:
            self._progress.update(self._task, words=printable(words))

    def done(self, words: str, *, ok: bool = True) -> None:
        if ok:
            self._progress.update(self._task, completed=1.0)
        self._stop(words)
        self._display.ended(self._task, ok=ok)

    def stopped(self) -> None:
        self._stop("stopped")
        self._display.stopped(self._task)

    def _stop(self, words: str) -> None:
        self._progress.update(self._task, words=printable(words))
        self._progress.stop_task(self._task)


class PlainDisplay:
    """For logs and pipes: a line when one of a few pictures starts, every few seconds, and at its end."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._done = 0
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def bar(self, label: str) -> Bar:
        few = self._total <= MOST_BARS
        return _PlainBar(label, self._clock, self._count, since=self._clock() - few * WAITING_SECONDS)

    def note(self, words: str) -> None:
        say(words)

    def result(self, write: Callable[[], None]) -> None:
        write()

    def restore(self) -> None:
        """Nothing was changed."""

    def _count(self) -> str:
        self._done += 1
        return f" ({self._done}/{self._total})" if self._total > 1 else ""


class _PlainBar:
    def __init__(
        self, label: str, clock: Callable[[], float], count: Callable[[], str], *, since: float
    ) -> None:
        self._label = label
        self._clock = clock
        self._count = count
        self._said = since
        self._fraction = 0.0

    def event(self, event: RunEvent) -> None:
        if isinstance(event, Progressed):
            self._fraction = event.fraction
        self._say(words_for(event), urgent=isinstance(event, Disconnected | Reconnected))

    def at(self, fraction: float | None, words: str, *, urgent: bool = False) -> None:
        self._fraction = fraction or 0.0
        self._say(words, urgent=urgent, every=WAITING_SECONDS if fraction is None else PLAIN_SECONDS)

    def _say(self, words: str, *, urgent: bool = False, every: float = PLAIN_SECONDS) -> None:
        now = self._clock()
        if words and (urgent or now - self._said >= every):
            self._said = now
            say(f"{self._label}: {self._fraction:4.0%} {words}")

    def done(self, words: str, *, ok: bool = True) -> None:  # noqa: ARG002
        say(f"{self._label}: {words}{self._count()}")

    def stopped(self) -> None:
        say(f"{self._label}: stopped")
