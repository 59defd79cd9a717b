"""What goes on while others are served is over, one way or the other, when the bot ends."""

from __future__ import annotations

import asyncio
import gc
import inspect

from bot.chat.telegram.background import Background


async def test_what_is_cancelled_before_it_began_leaves_nothing_unawaited() -> None:
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)

    background = Background()
    one = work()
    async with asyncio.TaskGroup() as tasks:
        background.attach(tasks)
        background.begin(one, "a word").cancel()
    assert not begun
    assert inspect.getcoroutinestate(one) == inspect.CORO_CLOSED
    del one
    gc.collect()  # a warning here would fail the test


async def test_what_takes_longer_goes_on_by_itself() -> None:
    background, free = Background(), asyncio.Event()

    async def work() -> str:
        await free.wait()
        return "said"

    async with asyncio.TaskGroup() as tasks:
        background.attach(tasks)
        task = background.begin(work(), "a word")
        assert await background.within(0, free.wait(), "another") is None
        free.set()
    assert task.result() == "said"
