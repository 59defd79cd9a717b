"""A cancelled caller and the thread that works for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot.service.threads import in_thread


async def test_gives_what_the_work_gives() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)


async def test_raises_what_the_work_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


@pytest.mark.parametrize("failing", [False, True])
async def test_a_cancelled_caller_waits_for_the_thread(failing: bool) -> None:
    started, release = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        started.set()
        assert release.wait(10)
        done.append("work")
        if failing:
            raise OSError("seen by nobody, and no warning about it")

    async def caller() -> None:
        try:
            await in_thread(work)
        finally:
            done.append("cleaned up")

    task = asyncio.create_task(caller())
    assert await asyncio.to_thread(started.wait, 10)
    for _ in range(3):  # however often it is cancelled
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["work", "cleaned up"]
