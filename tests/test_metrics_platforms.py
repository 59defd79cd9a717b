"""That a bot tells the truth about its chat platforms: connected or not, how often they asked to wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.app.discord import DiscordParts, discord_parts
from bot.app.telegram import TelegramParts, telegram_parts
from tests.support import discord_bot, telegram_bot


async def test_discord(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[DiscordParts] = []

    def noted(*args: object, **options: object) -> DiscordParts:
        made.append(discord_parts(*args, **options))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(discord_bot, "discord_parts", noted)
    async with discord_bot.scene(tmp_path) as here, here.bot() as bot:
        front, calls, world = made[0].bot, bot.service.meters.calls, here.world
        assert front.trouble == ""
        assert front.reconnects == 0
        assert calls["discord", "ok"] > 0
        limited = calls["discord", "rate_limited"]
        storm = world.faults.storm("create_interaction_response", times=2, retry_after=0.1)
        reply = await here.imagine()
        assert storm.hits == 2
        # The library waited and tried again without a word; they were 429s all the same.
        assert calls["discord", "rate_limited"] == limited + 2
        seen = [front.trouble]
        world.gateway.drop()
        async with asyncio.timeout(30):
            while front.reconnects == 0:
                if front.trouble != seen[-1]:
                    seen.append(front.trouble)
                await asyncio.sleep(0)
        assert seen == ["", "the connection to Discord's gateway is lost"]
        assert front.trouble == ""
        assert front.reconnects == 1
        await here.server.until_waiting(1)
        here.server.finish()
        await discord_bot.until(lambda: reply.message is not None)


async def test_telegram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[TelegramParts] = []

    def noted(*args: object, **options: object) -> TelegramParts:
        made.append(telegram_parts(*args, hold=1, **options))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(telegram_bot, "telegram_parts", noted)
    async with telegram_bot.scene(tmp_path) as here, here.bot() as bot:
        front, calls, faults = made[0].bot, bot.service.meters.calls, here.world.faults
        await telegram_bot.until(bot, lambda: front.trouble == "")
        assert calls["telegram", "ok"] > 0
        faults.fail("getUpdates", 429, parameters={"retry_after": 1})
        faults.fail("getUpdates", 502, times=1, html=True)
        faults.hang_up("getUpdates", times=1)
        # Something new to be told ends the question that is held now.
        await here.alice.says(here.chat, "/help")
        await telegram_bot.until(bot, lambda: front.trouble == "Telegram does not answer", step=0.0)
        await telegram_bot.until(bot, lambda: front.trouble == "", step=0.5)
        assert calls["telegram", "rate_limited"] == 1
        assert calls["telegram", "broken"] >= 1
        assert calls["telegram", "no_answer"] >= 1
