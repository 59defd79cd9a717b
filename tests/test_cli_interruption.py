"""Ctrl-C: the first stops in good order, the second leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from bot.cli import interruption
from bot.cli.interruption import Interruption, interruptible
from tests.support.cli import posix_only


class Left(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The signal handlers as they were; and an end of the process that a test survives."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def leave(code: int) -> None:
        raise Left(code)

    monkeypatch.setattr(interruption.os, "_exit", leave)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_happens_without_a_signal() -> None:
    before = signal.getsignal(signal.SIGINT)
    async with interruptible() as found:
        assert signal.getsignal(signal.SIGINT) is not before
    assert not found.asked.is_set()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
async def test_work_that_knows_no_better_is_cancelled(name: str) -> None:
    async def work() -> None:
        async with interruptible():
            signal.raise_signal(getattr(signal, name))
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())


async def test_work_that_stops_in_good_order_ends_by_itself() -> None:
    stopped = asyncio.Event()

    async def stop() -> None:
        stopped.set()

    async with interruptible() as found:
        with found.handled_by(stop) as asked:
            signal.raise_signal(signal.SIGINT)
            await stopped.wait()
            assert asked.is_set()


async def test_work_that_does_not_end_is_cancelled_in_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interruption, "STOP_SECONDS", 0.0)

    async def stop() -> None:
        pass

    async def work() -> None:
        async with interruptible() as found:
            with found.handled_by(stop):
                signal.raise_signal(signal.SIGINT)
                await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())
    assert "The server did not confirm" in capsys.readouterr().err


async def test_a_second_press_leaves_at_once_and_tidily(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interruption, "ONE_PRESS_SECONDS", 60.0)
    tidied: list[str] = []

    def refuses() -> None:
        tidied.append("refused")
        raise OSError("gone already")

    async with interruptible() as found:
        with found.handled_by(asyncio.Event().wait), found.tidied_by(refuses):
            with found.tidied_by(lambda: tidied.append("over before")):
                pass
            with found.tidied_by(lambda: tidied.append("tidied")):
                signal.raise_signal(signal.SIGINT)
                await settle()
                signal.raise_signal(signal.SIGINT)  # the same press, passed on by a wrapper
                await settle()
                assert tidied == []
                monkeypatch.setattr(interruption, "ONE_PRESS_SECONDS", -1.0)
                with pytest.raises(Left) as caught:
                    signal.raise_signal(signal.SIGTERM)
    assert caught.value.args == (130,)
    assert tidied == ["refused", "tidied"]
    assert "Left at once" in capfd.readouterr().err


async def test_a_temporary_folder_goes_either_way() -> None:
    found = Interruption()
    with found.scratch_folder() as folder:
        (folder / "file").touch()
        with pytest.raises(Left):
            found.leave_at_once()
        assert not folder.exists()
    with found.scratch_folder() as folder:
        assert folder.is_dir()
    assert not folder.exists()


@posix_only
async def test_under_nohup_a_closed_terminal_is_survived() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with interruptible() as found:
            os.kill(os.getpid(), signal.SIGHUP)
            await settle()
            assert not found.asked.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
