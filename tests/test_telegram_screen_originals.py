"""Originals by the whole bot: photos are Telegram's, the file that was painted comes by a button."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.discord_bot import LiveClock
from tests.support.service import Bot
from tests.support.telegram import TelegramWorld
from tests.support.telegram_bot import in_telegram


@pytest.fixture
def clock() -> LiveClock:
    return LiveClock()


@pytest.fixture
async def telegram(clock: LiveClock) -> AsyncIterator[TelegramWorld]:
    async with TelegramWorld(clock=clock.as_clock()) as world:
        yield world


async def until(bot: Bot, condition: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            bot.clock.advance(0.2)
            await asyncio.sleep(0.01)


async def test_the_button_brings_the_very_file_to_whoever_asked_and_to_nobody_else(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice, bob = telegram.user("Alice"), telegram.user("Bob")
    group = telegram.supergroup("Painters", alice, bob, bot=True)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.says(group, "/imagine@FairbrushBot a fox --seed 7")
        await bot.server.until_waiting(1)
        bot.server.finish()
        await until(bot, lambda: any(each.photo for each in group.by_bot))
        (result,) = [each for each in group.by_bot if each.photo]
        refused = await bob.presses(result.button("Original"))
        await until(bot, lambda: refused.answered)
        assert refused.alert
        assert not any(each.document for each in group.by_bot)
        await alice.presses(result.button("Original"))
        await until(bot, lambda: any(each.document for each in group.by_bot))
        (original,) = [each for each in group.by_bot if each.document]
        assert original.document is not None
        (kept,) = (tmp_path / "data" / "pictures").rglob("*.png")
        assert original.document.data == kept.read_bytes()
        kept.unlink()
        await alice.presses(result.button("Original"))
        await asyncio.sleep(0.1)
        assert sum(each.document is not None for each in group.by_bot) == 1


async def test_replies_follow_a_group_that_says_it_has_moved(
    telegram: TelegramWorld, tmp_path: Path, clock: LiveClock
) -> None:
    alice = telegram.user("Alice")
    group = telegram.group("Painters", alice, bot=True)
    async with in_telegram(telegram, tmp_path, clock) as bot:
        await alice.says(group, "/imagine@FairbrushBot a fox")
        await bot.server.until_waiting(1)
        await until(bot, lambda: group.by_bot)
        new = group.migrate()
        bot.server.finish()
        await until(bot, lambda: any(each.photo for each in new.by_bot))
