"""The whole bot in a local Telegram, in one process: the real library, servers that a test plays by hand."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from bot.app.service import Service
from bot.app.telegram import TelegramParts, telegram_parts
from bot.config import Settings
from bot.service.clock import Clock
from tests.support.discord_bot import LiveClock
from tests.support.fake_server import FakeServer
from tests.support.service import Bot, bot_at_work
from tests.support.telegram import Shown, TelegramWorld


def picture(size: tuple[int, int] = (64, 48)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "teal").save(content, "PNG")
    return content.getvalue()


@asynccontextmanager
async def in_telegram(
    world: TelegramWorld,
    folder: Path,
    clock: LiveClock,
    servers: Sequence[FakeServer] | None = None,
    **sections: Any,
) -> AsyncIterator[Bot]:
    """A bot that is connected, and works until the block ends as a killed one does."""
    made: list[TelegramParts] = []

    def parts(settings: Settings, service: Service, clock: Clock) -> Any:
        assert settings.telegram is not None
        made.append(telegram_parts(settings, settings.telegram, service, clock))
        return made[0].run

    configured = {"token": world.token, "api_base_url": world.api_url, **sections.pop("telegram", {})}
    fakes = servers or [FakeServer(picture=picture)]
    async with bot_at_work(folder, fakes, clock=clock, parts=parts, telegram=configured, **sections) as bot:
        async with asyncio.timeout(20):
            await made[0].bot.connected.wait()
        yield bot


async def shown(world: TelegramWorld, chat: Any, words: str, bot: Bot | None = None) -> Shown:
    """The latest message of the bot in a chat that says ``words``; the clock moves on meanwhile."""
    async with asyncio.timeout(15):
        while True:
            found = [each for each in chat.by_bot if words in f"{each.text}{each.caption}"]
            if found:
                return found[-1]
            if bot is not None:
                bot.clock.advance(0.2)
            await asyncio.sleep(0.01)
