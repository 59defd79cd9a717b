"""Progress: bars at a terminal, sparse lines anywhere else."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from bot.cli.progress import LiveDisplay, PlainDisplay, display, duration, remaining, words_for
from bot.domain.events import (
    Disconnected,
    NodeStarted,
    Previewed,
    Progressed,
    Queued,
    Reconnected,
    RunEvent,
    Started,
)
from bot.domain.ids import NodeId
from bot.domain.text import Text
from tests.support.cli import screen

NODE = NodeId("5")


def step(number: int, of: int = 10, title: str = "Sampler") -> Progressed:
    return Progressed(number / of, NODE, title, number, of)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Queued(), "waiting"),
        (Queued(0), "waiting"),
        (Queued(3), "waiting, 3 before it on the server"),
        (Started(), "starting"),
        (NodeStarted(NODE, "Checkpoint"), "Checkpoint"),
        (step(3), "Sampler 3/10"),
        (Previewed(b"", "image/png"), ""),
        (Disconnected(Text("why")), "connection lost, waiting for the server"),
        (Reconnected(), "connected again"),
    ],
)
def test_words(event: RunEvent, words: str) -> None:
    assert words_for(event) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (1.4, "1 s"), (119, "119 s"), (120, "2 min"), (7100, "118 min"), (9000, "2.5 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_is_left_is_told_once_there_is_a_pace() -> None:
    assert remaining(0.0, 50) == remaining(0.5, 0.5) == remaining(1.0, 50) == ""
    assert remaining(0.25, 10) == "about 30 s left"


class Terminal:
    """A stderr that is a terminal of this width, and what it shows."""

    def __init__(self, width: int = 100) -> None:
        self.written = io.StringIO()
        self.width = width
        self.console = Console(
            file=self.written, force_terminal=True, width=width, height=40, highlight=False, no_color=True
        )

    @property
    def lines(self) -> list[str]:
        return [line for line in screen(self.written.getvalue(), self.width) if line]


def test_bars_of_several_pictures() -> None:
    terminal, clock = Terminal(), Clock()
    with LiveDisplay(terminal.console, total=3, clock=clock) as shown:
        first, second = shown.bar("[7] a fox"), shown.bar("[8] a boat")
        first.event(step(5))
        first.done("done in 2.0 s")
        clock.now += 10
        second.event(step(5))
        second.done("failed", ok=False)
        shown.bar("[9] a house").event(Queued(2))
    total, *bars = terminal.lines
    assert total.startswith("1 of 3 pictures")
    assert "67%" in total
    assert [bar.split("  ")[0] for bar in bars] == ["[7] a fox", "[8] a boat", "[9] a house"]
    assert "100%" in bars[0]
    assert "done in 2.0 s" in bars[0]
    assert "50%" in bars[1]
    assert "failed" in bars[1]


def test_the_total_tells_what_is_left() -> None:
    terminal, clock = Terminal(), Clock()
    with LiveDisplay(terminal.console, total=2, clock=clock) as shown:
        bar = shown.bar("a fox")
        clock.now += 10
        bar.event(step(5))
    assert "about 30 s left" in terminal.lines[0]


def test_the_total_counts_no_picture_that_was_stopped() -> None:
    terminal, clock = Terminal(), Clock()
    with LiveDisplay(terminal.console, total=4, clock=clock) as shown:
        shown.bar("a fox").done("done")
        stopped, other = shown.bar("a boat"), shown.bar("a house")
        stopped.event(step(5))
        clock.now += 10
        stopped.stopped()
        other.stopped()
    total, _, half, none = terminal.lines
    assert total.startswith("1 of 4 pictures")
    assert "25%" in total
    assert "left" not in total, "nothing is going on any more"
    assert "50%" in half
    assert "stopped" in half
    assert "0%" in none


def test_one_picture_has_no_total() -> None:
    terminal = Terminal()
    with LiveDisplay(terminal.console, total=1) as shown:
        shown.bar("a fox").done("done")
    assert len(terminal.lines) == 1


def test_of_many_pictures_only_those_that_are_painted_have_bars() -> None:
    terminal = Terminal()
    with LiveDisplay(terminal.console, total=20) as shown:
        for number in range(12):
            shown.bar(f"[{number}] a fox").done("done")
        shown.bar("[12] a fox").event(step(2))
    assert len(terminal.lines) == 2
    assert terminal.lines[0].startswith("12 of 20 pictures")
    assert terminal.lines[1].startswith("[12] a fox")


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 200])
def test_a_bar_is_one_line_with_room_for_an_echo(width: int) -> None:
    terminal = Terminal(width)
    with LiveDisplay(terminal.console, total=2) as shown:
        bar = shown.bar("[18446744073709551615] a lighthouse on a cliff at dusk")
        bar.event(step(3, title="A sampler with a very long title of its own"))
        shown.bar("灯台" * 20).event(Queued(12))
    assert len(terminal.lines) == 3
    assert all(len(line) <= width - len("^C^C") for line in terminal.lines)


def test_other_peoples_words_are_neither_markup_nor_commands() -> None:
    terminal = Terminal(120)
    with LiveDisplay(terminal.console, total=1) as shown:
        bar = shown.bar("[bold]a fox[/bold] :fox_face:")
        bar.event(NodeStarted(NODE, "[link=x]y \x1b[2J"))
        shown.note("Error: “[red]x[/red]” :smile: \x1b[31m")
    assert "\x1b[2J" not in terminal.written.getvalue()
    note, bar_line = terminal.lines
    assert note == "Error: “[red]x[/red]” :smile: �[31m"
    assert bar_line.startswith("[bold]a fox[/bold] :fox_face:")
    assert "[link=x]y �[2J" in bar_line


def test_results_and_notes_stand_above_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where stdout and stderr are one terminal; each path is whole and stays."""
    terminal = Terminal()
    terminal.written.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", terminal.written)
    with LiveDisplay(terminal.console, total=2) as shown:
        first, second = shown.bar("a fox"), shown.bar("a boat")
        first.event(step(5))
        first.done("done")
        shown.result(lambda: print("pictures/a.png", flush=True))
        second.event(step(9))
        shown.note("Error: a long message " + "that wraps " * 20)
        second.done("failed", ok=False)
        shown.result(lambda: print("pictures/b.png", flush=True))
    lines = terminal.lines
    assert lines[0] == "pictures/a.png"
    assert lines[1].startswith("Error: a long message")
    assert lines[-4] == "pictures/b.png"
    assert [line.split()[0] for line in lines[-3:]] == ["1", "a", "a"]
    assert terminal.written.getvalue().count("\x1b[?25l") == terminal.written.getvalue().count("\x1b[?25h")


def test_results_elsewhere_do_not_touch_the_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, elsewhere = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", elsewhere)
    with LiveDisplay(terminal.console, total=1) as shown:
        before = terminal.written.getvalue()
        shown.result(lambda: print("a.png"))
        assert terminal.written.getvalue() == before
    assert elsewhere.getvalue() == "a.png\n"


def test_a_process_that_leaves_at_once_gives_the_cursor_back() -> None:
    terminal = Terminal()
    with LiveDisplay(terminal.console, total=1) as shown:
        shown.restore()
        assert terminal.written.getvalue().endswith("\x1b[?25h")


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with PlainDisplay(total=2, clock=clock) as shown:
        first = shown.bar("a fox")
        first.event(Started())
        for number in range(1, 10):
            clock.now += 1
            first.event(step(number))
        first.done("done in 9.0 s")
        shown.bar("a boat").done("failed", ok=False)
        shown.note("Error: too large")
        shown.result(lambda: print("a.png"))
        shown.restore()
    captured = capsys.readouterr()
    assert captured.out == "a.png\n"
    assert captured.err.splitlines() == [
        "a fox:   0% starting",
        "a fox:  50% Sampler 5/10",
        "a fox: done in 9.0 s (1/2)",
        "a boat: failed (2/2)",
        "Error: too large",
    ]


def test_plain_lines_tell_of_a_lost_connection_at_once_and_count_no_stopped_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    with PlainDisplay(total=2, clock=clock) as shown:
        bar = shown.bar("a fox")
        for event in (step(1), Disconnected(Text("why")), Reconnected(), step(2)):
            clock.now += 0.1
            bar.event(event)
        bar.stopped()
        shown.bar("a boat").done("done")
    assert capsys.readouterr().err.splitlines() == [
        "a fox:  10% Sampler 1/10",
        "a fox:  10% connection lost, waiting for the server",
        "a fox:  10% connected again",
        "a fox: stopped",
        "a boat: done (1/2)",
    ]


def test_of_many_pictures_plain_lines_tell_the_end_alone(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with PlainDisplay(total=50, clock=clock) as shown:
        quick = shown.bar("a fox")
        quick.event(Started())
        quick.done("done")
        slow = shown.bar("a boat")
        clock.now += 6
        slow.event(step(1))
    assert capsys.readouterr().err.splitlines() == ["a fox: done (1/50)", "a boat:  10% Sampler 1/10"]


@pytest.mark.parametrize(
    ("tty", "term", "live"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_bars_are_for_terminals_that_can_show_them(
    monkeypatch: pytest.MonkeyPatch, tty: bool, term: str, live: bool
) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: tty  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("FORCE_COLOR", "1")  # of colours this speaks, not of moving a cursor
    assert isinstance(display(1), LiveDisplay) is live
    monkeypatch.setattr(sys, "stderr", None)
    assert isinstance(display(1), PlainDisplay)
