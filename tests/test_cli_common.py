"""Results on stdout, messages on stderr, and how every failure ends."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import sys
from collections.abc import Callable

import pytest

from bot.cli.common import NobodyReads, ResultsLost, leave, printable, put, put_json, say
from bot.domain.errors import BackendError, ConfigError, FlagError, OutputError
from bot.domain.text import Text


def stdout(monkeypatch: pytest.MonkeyPatch, encoding: str = "utf-8", *, tty: bool = False) -> io.BytesIO:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="")
    if tty:
        stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", stream)
    return raw


def test_results_are_whole_lines_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch)
    put("pictures/łódź 🦊.png")
    assert raw.getvalue().decode() == "pictures/łódź 🦊.png\n"


def test_a_path_that_is_no_text_comes_out_as_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch)
    put(b"pic\xfftures/a.png".decode("utf-8", "surrogateescape"))
    assert raw.getvalue() == b"pic\xfftures/a.png\n"


def test_a_small_alphabet_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, "cp1252")
    put("é – 🦊")
    assert raw.getvalue() == "é – \\U0001f98a\n".encode("cp1252")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_json_reads_back_the_same_everywhere(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = stdout(monkeypatch, encoding)
    value = {"path": "łódź 🦊 \udcff", "plain": "é"}
    put_json(value)
    assert json.loads(raw.getvalue().decode(encoding)) == value
    put_json({"a": "é"})
    assert (b"\\u" in raw.getvalue().splitlines()[1]) is (encoding == "ascii")


def test_a_terminal_is_not_steered_by_other_peoples_words(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "\x1b[2Jred\x07 \x9b31m\r and 👨‍👩‍👧 مرحبا\tok"
    assert printable(words) == "�[2Jred� �31m� and 👨‍👩‍👧 مرحبا\tok"
    raw = stdout(monkeypatch, tty=True)
    put(words)
    assert b"\x1b" not in raw.getvalue()
    piped = stdout(monkeypatch)
    put(words)
    assert piped.getvalue().decode() == f"{words}\n"


def test_messages_are_not_steered_either(capsys: pytest.CaptureFixture[str]) -> None:
    say("node \x1b]0;title\x07")
    assert capsys.readouterr().err == "node �]0;title�\n"


class Broken(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), NobodyReads, "Nobody reads"),
        (OSError(errno.ENOSPC, "No space left on device"), ResultsLost, "No space left on device"),
    ],
)
def test_results_that_nobody_takes(
    monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type[ResultsLost], words: str
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(error))
    with pytest.raises(ResultsLost, match=words) as caught:
        put("a.png")
    assert type(caught.value) is kind


def test_closed_from_the_start_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    put("a.png")
    put_json({"path": "🦊"})


def test_nobody_may_read_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    say("gone")
    monkeypatch.setattr(sys, "stderr", Broken(OSError(errno.ENOSPC, "full")))
    say("gone")


def code_of(work: Callable[[], int]) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        leave(work)
    return caught.value.code


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


GROUP = BaseExceptionGroup("tasks", [asyncio.CancelledError(), BackendError(Text("down"))])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (FlagError(Text("wrong flag")), 2, "Error: wrong flag\n"),
        (ConfigError(Text("wrong key")), 2, "Error: wrong key\n"),
        (BackendError(Text("down"), cause="secret"), 1, "Error: down\n"),
        (OutputError(Text("full")), 1, "Error: full\n"),
        (NobodyReads(Text("left")), 1, ""),
        (ResultsLost(Text("full")), 1, "Error: full\n"),
        (GROUP, 1, "Error: down\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (asyncio.CancelledError(), 130, "Interrupted.\n"),
    ],
)
def test_every_failure_has_its_message_and_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(raising(error)) == code
    assert capsys.readouterr() == ("", said)


def test_the_code_of_work_that_ends() -> None:
    assert code_of(lambda: 0) == 0
    assert code_of(lambda: 130) == 130


def test_a_bug_is_owned_up_to_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor with the error's own words: they may hold what somebody asked for."""
    assert code_of(raising(KeyError("a secret prompt text"))) == 1
    said = capsys.readouterr().err
    assert "That is a bug, not your fault" in said
    assert "KeyError in test_cli_common.py" in said
    assert "FAIRBRUSH_DEBUG=1" in said
    assert "secret" not in said
    assert "Traceback" not in said


def test_debugging_shows_causes_and_tracebacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRBRUSH_DEBUG", "1")
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    code_of(raising(BackendError(Text("down"), cause="GET /queue: 500")))
    assert "Cause: GET /queue: 500" in capsys.readouterr().err
    code_of(raising(KeyError("x" * 100_000)))
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert len(said) < 10_000
