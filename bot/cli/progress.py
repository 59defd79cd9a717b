"""Progress on stderr: live bars on a terminal, sparse plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bot.domain.events import NodeStarted, Progressed, Queued, RunEvent, Started

PLAIN_SECONDS = 5.0
"""Between two plain lines about the same picture."""

MOST_BARS = 8
"""Of more pictures than this, finished ones lose their bars: the total tells enough."""


class Bar(Protocol):
    """The progress of one picture."""

    def event(self, event: RunEvent) -> None: ...
    def done(self, words: str, *, ok: bool = True) -> None: ...


class Display(Protocol):
    """Progress of a whole command; a context manager."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def bar(self, label: str) -> Bar: ...
    def note(self, words: str) -> None: ...


def display(total: int) -> Display:
    """Bars when stderr is a terminal, lines otherwise; with a total when there is more than one picture."""
    console = Console(stderr=True, highlight=False)
    return LiveDisplay(console, total) if console.is_terminal else PlainDisplay(total)


def words_for(event: RunEvent) -> str:
    """What to say beside the bar; empty when the event changes nothing there."""
    match event:
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


class LiveDisplay:
    def __init__(self, console: Console, total: int) -> None:
        self._total = total
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            # Node titles are other people's text: never read as markup.
            TextColumn("{task.fields[words]}", markup=False),
            console=console,
            # Results belong on stdout; only where both are one terminal may they pass through here,
            # so that they scroll above the bars.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._whole: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        if self._total > 1:
            self._whole = self._progress.add_task("all", total=self._total, words="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def bar(self, label: str) -> Bar:
        task = self._progress.add_task(label, total=1.0, words="")
        return _LiveBar(self._progress, task, self._one_done, keep=self._total <= MOST_BARS)

    def note(self, words: str) -> None:
        self._progress.console.print(words, markup=False)

    def _one_done(self) -> None:
        if self._whole is not None:
            self._progress.advance(self._whole)


class _LiveBar:
    def __init__(self, progress: Progress, task: TaskID, one_done: Callable[[], None], *, keep: bool) -> None:
        self._progress = progress
        self._task = task
        self._one_done = one_done
        self._keep = keep

    def event(self, event: RunEvent) -> None:
        if isinstance(event, Progressed):
            self._progress.update(self._task, completed=event.fraction)
        if words := words_for(event):
            self._progress.update(self._task, words=words)

    def done(self, words: str, *, ok: bool = True) -> None:
        if ok:
            self._progress.update(self._task, completed=1.0)
        self._progress.update(self._task, words=words)
        self._progress.stop_task(self._task)
        if not self._keep:
            self._progress.remove_task(self._task)
        self._one_done()


class PlainDisplay:
    """For logs and pipes: a line when a picture starts, every few seconds, and at its end."""

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
        return _PlainBar(label, self._clock, self._count)

    def note(self, words: str) -> None:
        click.echo(words, err=True)

    def _count(self) -> str:
        self._done += 1
        return f" ({self._done}/{self._total})" if self._total > 1 else ""


class _PlainBar:
    def __init__(self, label: str, clock: Callable[[], float], count: Callable[[], str]) -> None:
        self._label = label
        self._clock = clock
        self._count = count
        self._said = clock() - PLAIN_SECONDS
        self._fraction = 0.0

    def event(self, event: RunEvent) -> None:
        if isinstance(event, Progressed):
            self._fraction = event.fraction
        now = self._clock()
        words = words_for(event)
        if words and now - self._said >= PLAIN_SECONDS:
            self._said = now
            click.echo(f"{self._label}: {self._fraction:4.0%} {words}", err=True)

    def done(self, words: str, *, ok: bool = True) -> None:  # noqa: ARG002
        click.echo(f"{self._label}: {words}{self._count()}", err=True)
